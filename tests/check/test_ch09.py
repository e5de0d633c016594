"""Chapter 9's checks where the stub and the kept answers do not reach."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import zoo
from srlib.check import ch09
from srlib.check.crops import crops
from srlib.models import EDSR
from srlib.models.edsr import DIV2K_MEAN


class InAnotherOrder(nn.Module):
    """EDSR with other names, its parts defined from the end to the beginning."""

    def __init__(self, scale: int, blocks: int, features: int) -> None:
        super().__init__()
        self.steps = [scale] if scale < 4 else [2, 2]
        self.colours = nn.Conv2d(features, 3, 3, padding="same")
        self.wide = nn.ModuleList(nn.Conv2d(features, features * r * r, 3, padding=1) for r in self.steps)
        self.end = nn.Conv2d(features, features, 3, padding=1)
        self.seconds = nn.ModuleList(nn.Conv2d(features, features, 3, padding=1) for _ in range(blocks))
        self.firsts = nn.ModuleList(nn.Conv2d(features, features, 3, padding=1) for _ in range(blocks))
        self.start = nn.Conv2d(3, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        mean = torch.tensor(DIV2K_MEAN).view(1, 3, 1, 1)
        h = start = self.start(x - mean)
        for first, second in zip(self.firsts, self.seconds, strict=True):
            h = h + second(F.relu(first(h)))
        h = start + self.end(h)
        for r, wide in zip(self.steps, self.wide, strict=True):
            h = F.pixel_shuffle(wide(h), r)
        y: Tensor = self.colours(h) + mean
        return y


def test_a_network_may_define_and_name_its_parts_as_it_likes() -> None:
    found = ch09.check_network(InAnotherOrder)
    assert found.state == "right", found.text


def test_the_library_is_right() -> None:
    found = ch09.check_network(lambda scale, blocks, features: EDSR(scale, blocks=blocks, features=features))
    assert found.state == "right", found.text


def test_padding_is_named_where_it_is_missing() -> None:
    class Unpadded(InAnotherOrder):
        def __init__(self, scale: int, blocks: int, features: int) -> None:
            super().__init__(scale, blocks, features)
            self.end = nn.Conv2d(features, features, 3)

    assert "padding=1" in ch09.check_network(Unpadded).text


def test_the_bug_hunts_network_answers_as_the_one_it_was_made_from() -> None:
    lr, _ = crops(3)
    with torch.no_grad():
        gap = (zoo.load("edsr-small", 3).eval()(lr) - ch09._scaled()(lr)).abs().max()
    assert float(gap) < 1e-4


def test_the_librarys_own_fold_mends_the_bug() -> None:
    def folded(net: nn.Module) -> nn.Module:
        other = EDSR(3, blocks=4, features=24, res_scale=0.3)
        other.load_state_dict(net.state_dict())
        for block in list(other.body.children())[:-1]:
            block.fold()  # type: ignore[operator]
        return other

    found = ch09.check_folded(folded)
    assert found.state == "right", found.text


@pytest.mark.parametrize("wanted", [0, 1])
def test_valid_views_may_be_made_in_one_batch_or_by_a_half_turn(wanted: int) -> None:
    def by_half_turns(net: nn.Module, lr: Tensor) -> Tensor:
        total = torch.zeros(())
        for view in (lr, lr.flip(3)):
            for turns in (0, 2):
                y = torch.rot90(net(torch.rot90(view, turns, (2, 3))), -turns, (2, 3))
                total = total + (y if view is lr else y.flip(3))
        return total / 4

    def at_once(net: nn.Module, lr: Tensor) -> Tensor:
        ways: list[tuple[int, ...]] = [(), (2,), (3,), (2, 3)]
        some: Tensor = net(torch.cat([lr.flip(way) for way in ways]))
        back = [y.flip(way) for y, way in zip(some.chunk(4), ways, strict=True)]
        return torch.stack(back).mean(0)

    found = ch09.check_flips((by_half_turns, at_once)[wanted])
    assert found.state == "right", found.text
