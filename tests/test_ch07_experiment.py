"""Chapter 7's own experiment: what it looks at."""

import pytest
import torch
from torch import Tensor, nn

from srlib.experiments import ch07
from srlib.models import Interpolation


class Border(nn.Module):
    """Nearest neighbour, with all but the outermost ``depth`` rows and columns of the input black."""

    channels, scale, pre_upsample = 3, 4, False

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.depth = depth

    def forward(self, x: Tensor) -> Tensor:
        kept = torch.ones_like(x)
        kept[..., self.depth : -self.depth, self.depth : -self.depth] = 0
        return (x * kept).repeat_interleave(4, -2).repeat_interleave(4, -1)


def test_what_does_not_care_for_the_border_draws_the_middle_alike() -> None:
    found = [ch07.same_middle(side)(Interpolation(4, "nearest")) for side in ch07.SIDES]
    assert found == pytest.approx([found[0]] * 3)
    assert found[0] > 20


def test_what_lives_on_the_border_draws_the_middle_worse_the_more_it_is_given() -> None:
    near, far = (ch07.same_middle(side)(Border(6)) for side in (12, 24))
    assert near > far + 5
