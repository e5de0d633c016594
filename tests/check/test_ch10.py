"""Chapter 10's checks where the stub and the kept answers do not reach."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from srlib.check import ch10
from srlib.models.edsr import ResBlock, make_upsampler


class InAnotherOrder(nn.Module):
    """The network with its parts defined in another order."""

    def __init__(self, scales: Sequence[int], features: int) -> None:
        super().__init__()
        f = features
        self.tail = nn.Conv2d(f, 3, 3, padding=1)
        self.upsample = nn.ModuleDict()
        self.pre_process = nn.ModuleDict()
        for s in sorted(scales):
            self.upsample[str(s)] = make_upsampler(s, f)
            self.pre_process[str(s)] = nn.Sequential(ResBlock(f, kernel=5), ResBlock(f, kernel=5))
        self.body = nn.Sequential(ResBlock(f), nn.Conv2d(f, f, 3, padding=1))
        self.head = nn.Conv2d(3, f, 3, padding=1)

    def forward(self, x: Tensor, scale: int) -> Tensor:
        h = self.pre_process[str(scale)](self.head(x))
        found: Tensor = self.tail(self.upsample[str(scale)](self.body(h) + h))
        return found


def test_the_parts_may_be_defined_in_any_order() -> None:
    found = ch10.check_shared(InAnotherOrder)
    assert found.state == "right", found.text


def test_torchs_adam_agrees_and_may_be_asked() -> None:
    def idle_move(gradients: list[float], idle: int, lr: float) -> float:
        weight = nn.Parameter(torch.zeros((), dtype=torch.float64))
        adam = torch.optim.Adam([weight], lr=lr)
        since = 0.0
        for i, g in enumerate([*gradients, *[0.0] * idle]):
            weight.grad = torch.tensor(g, dtype=torch.float64)
            adam.step()
            if i == len(gradients) - 1:
                since = float(weight.detach())
        return float(weight.detach()) - since

    found = ch10.check_idle_move(idle_move)
    assert found.state == "right", found.text


def test_an_optimiser_of_the_new_parts_alone_is_right() -> None:
    def teach(net: Any, batches: Any, lr: float) -> None:
        own = [*net.pre_process["2"].parameters(), *net.upsample["2"].parameters()]
        adam = torch.optim.Adam(own, lr=lr)
        for small, large in batches:
            adam.zero_grad()
            nn.functional.l1_loss(net(small, 2), large).backward()
            adam.step()

    found = ch10.check_teach(teach)
    assert found.state == "right", found.text


@pytest.mark.parametrize(
    ("first", "second", "word"),
    [("head", "head", "pre-processing is not used"), ("pre", "head", "global skip goes around")],
)
def test_slips_of_the_forward_are_named(first: str, second: str, word: str) -> None:
    class Slip(InAnotherOrder):
        def forward(self, x: Tensor, scale: int) -> Tensor:
            head = self.head(x)
            inside = {"head": head, "pre": self.pre_process[str(scale)](head)}
            found: Tensor = self.tail(self.upsample[str(scale)](inside[second] + self.body(inside[first])))
            return found

    found = ch10.check_shared(Slip)
    assert found.state == "wrong"
    assert word in found.text
