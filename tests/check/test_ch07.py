"""Chapter 7's checks where the stub and the kept answers do not reach."""

import copy

import pytest
import torch
from torch import Tensor, nn

from srlib.check import ch07
from srlib.check.crops import crops


class InAnotherOrder(nn.Module):
    """The block with its parts defined in another order, and the norms in the reverse."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.second_norm, self.first_norm = nn.BatchNorm2d(features), nn.BatchNorm2d(features)
        self.bend = nn.PReLU()
        self.first = nn.Conv2d(features, features, 3, padding=1)
        self.second = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.first_norm(self.first(x))
        found: Tensor = self.second_norm(self.second(self.bend(y))) + x
        return found


def test_a_block_may_define_its_parts_in_any_order() -> None:
    found = ch07.check_block(InAnotherOrder)
    assert found.state == "right", found.text


def test_the_bill_may_be_counted_from_a_network_too() -> None:
    from srlib.models import SRResNet

    def bill(blocks: int, features: int) -> int:
        return sum(w.numel() for w in SRResNet(blocks=blocks, features=features).parameters())

    assert ch07.check_bill(bill).state == "right"


def test_a_copy_may_be_measured_instead() -> None:
    def validate(net: nn.Module, lr: Tensor, hr: Tensor) -> float:
        return ch07.given_validate(copy.deepcopy(net).eval(), lr, hr)

    assert ch07.check_validate(validate).state == "right"


def test_the_bug_hunts_network_answers_in_eval_mode_as_the_one_it_was_made_from() -> None:
    from srlib import zoo

    lr, _ = crops(3)
    with torch.no_grad():
        plain, normed = zoo.load("edsr-small", 3).eval()(lr), ch07._normed().eval()(lr)
    assert sum(isinstance(part, nn.BatchNorm2d) for part in ch07._normed().modules()) == 8
    assert float((plain - normed).abs().max()) < 1e-4


@pytest.mark.parametrize("blocks", [1, 16])
def test_a_bill_without_head_and_tail_gets_general_advice(blocks: int) -> None:
    found = ch07.check_bill(lambda b, f: blocks * b * f)
    assert found.state == "wrong"
    assert "Go through" in found.text


def test_filters_of_3_x_3_at_the_ends_are_named() -> None:
    from srlib.models import SRResNet

    for slip in (216, 432):

        def bill(blocks: int, features: int, slip: int = slip) -> int:
            net = SRResNet(blocks=blocks, features=features)
            return sum(w.numel() for w in net.parameters()) - slip * features

        assert "9 x 9" in ch07.check_bill(bill).text


def test_gradients_in_eval_mode_are_told_so() -> None:
    def norms(net: nn.Module, lr: Tensor, hr: Tensor) -> list[float]:
        net.eval()
        net.zero_grad()
        nn.functional.mse_loss(net(lr), hr).backward()
        layers = [one for one in net.modules() if isinstance(one, nn.Conv2d)]
        return [float(one.weight.grad.norm()) for one in layers]  # type: ignore[union-attr]

    assert "in eval mode" in ch07.check_gradients(norms).text


@pytest.mark.parametrize("border", [0, 4])
def test_another_border_is_named(border: int) -> None:
    from srlib.metrics import psnr

    def validate(net: nn.Module, lr: Tensor, hr: Tensor) -> float:
        with torch.no_grad():
            sr = copy.deepcopy(net).eval()(lr).clamp(0, 1)
        return float(psnr(sr, hr, crop=border).mean())  # type: ignore[union-attr]

    assert f"border of {border}" in ch07.check_validate(validate).text
