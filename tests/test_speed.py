"""The shortcuts that a CPU takes: the same values and gradients as torch's own kernels."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib.models import FSRCNN
from srlib.speed import Setting, Shortcuts, candidates

SHAPES = [
    (stride, k, padding, more)
    for stride, k in itertools.product((1, 2, 3, 4), (3, 4, 9))
    for padding, more in itertools.product((0, 1, k // 2), range(stride))
]


@pytest.mark.parametrize(("stride", "k", "padding", "more"), SHAPES)
def test_a_transposed_convolution_is_a_convolution_and_a_shuffle(
    stride: int, k: int, padding: int, more: int
) -> None:
    torch.manual_seed(0)
    net = nn.ConvTranspose2d(3, 2, k, stride=stride, padding=padding, output_padding=more)
    x = torch.randn(2, 3, 7, 9)
    theirs = net(x)
    with Shortcuts():
        mine = net(x)
    assert mine.shape == theirs.shape
    assert torch.allclose(mine, theirs, atol=1e-5)


@pytest.mark.parametrize("slopes", [1, 5])
def test_prelu_has_torchs_values_and_gradients(slopes: int) -> None:
    torch.manual_seed(0)
    x, slope = torch.randn(2, 5, 6, 7), torch.rand(slopes) - 0.3

    def values_and_gradients() -> tuple[Tensor, ...]:
        a, b = x.clone().requires_grad_(), slope.clone().requires_grad_()
        y = F.prelu(a, b)
        return (y, *torch.autograd.grad(y.square().sum(), (a, b)))

    theirs = values_and_gradients()
    with Shortcuts():
        mine = values_and_gradients()
    for one, other in zip(mine, theirs, strict=True):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-5)


def test_a_whole_network_is_the_same_inside_and_outside() -> None:
    torch.manual_seed(0)
    net, x = FSRCNN(3), torch.rand(1, 1, 12, 10)
    for p in net.parameters():
        nn.init.normal_(p, std=0.2)
    with Setting(channels_last=True, shortcuts=True).context(x.device):
        mine = net(x)
    assert torch.allclose(mine, net(x), rtol=1e-4, atol=1e-4)


def test_what_it_cannot_shorten_is_left_to_torch() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 4, 6, 6)
    for net in (
        nn.ConvTranspose2d(4, 4, 3, groups=2),
        nn.ConvTranspose2d(4, 2, 3, dilation=2),
        nn.ConvTranspose2d(4, 2, 3, stride=(1, 2)),
    ):
        theirs = net(x)
        with Shortcuts():
            assert torch.equal(net(x), theirs)
    with Shortcuts():  # a vector has no channels to put the slopes on
        assert torch.equal(
            F.prelu(x.flatten(), torch.tensor([0.1])), torch.where(x > 0, x, 0.1 * x).flatten()
        )


def test_they_are_timed_only_where_there_is_something_to_shorten() -> None:
    cpu = torch.device("cpu")
    assert not any(way.shortcuts for way in candidates(cpu, 100))
    assert any(way.shortcuts for way in candidates(cpu, 100, shortcuts=True))
    assert not any(way.shortcuts for way in candidates(torch.device("cuda"), 100, shortcuts=True))
