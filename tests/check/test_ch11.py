"""Chapter 11's checks where the stub and the kept answers do not reach."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib.check import ch11
from srlib.models import WDSR


class InAnotherOrder(nn.Module):
    """Block B with its parts defined in another order and a functional ReLU."""

    def __init__(self, features: int, expansion: int) -> None:
        super().__init__()
        narrow = int(0.8 * features)
        self.last = nn.Conv2d(narrow, features, 3, padding="same")
        self.middle = nn.Conv2d(expansion * features, narrow, 1)
        self.first = nn.Conv2d(features, expansion * features, 1)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.last(self.middle(F.relu(self.first(x)))) + x
        return found


def test_a_block_may_define_its_parts_in_any_order() -> None:
    found = ch11.check_block(InAnotherOrder)
    assert found.state == "right", found.text


def test_the_bill_may_be_counted_from_a_network_too() -> None:
    def bill(kind: str, blocks: int, scale: int) -> int:
        net = WDSR(scale, blocks=blocks, kind=kind, norm=None)  # type: ignore[arg-type]
        return sum(weight.numel() for weight in net.parameters())

    assert ch11.check_bill(bill).state == "right"


def test_autograd_agrees_with_what_is_asked_by_hand() -> None:
    def slopes(slope: Tensor, g: Tensor, v: Tensor) -> tuple[Tensor, ...]:
        g, v = g.clone().requires_grad_(), v.clone().requires_grad_()
        weight = g * v / v.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        return torch.autograd.grad(weight, (g, v), slope)

    assert ch11.check_slopes(slopes).state == "right"


def test_the_network_of_the_bug_hunt_is_whole_again_after_an_answer_has_changed_it() -> None:
    def enlarge(net: nn.Module, x: Tensor) -> Tensor:
        for weight in net.parameters():
            weight.zero_()
        answer: Tensor = net(x)
        return answer

    before = ch11.bug_cost()
    assert ch11.check_enlarge(enlarge).state == "wrong"
    assert ch11.bug_cost() == before
