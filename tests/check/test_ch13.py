"""Chapter 13's checks where the stub and the kept answers do not reach."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib.check import ch13
from srlib.inference import Tiled


def test_a_bell_may_be_cut_off_anywhere_beyond_three_and_a_half_widths() -> None:
    def worse(x: Tensor, width: float, scale: int) -> Tensor:
        d = torch.arange(-12, 13)
        row = torch.exp(-(d**2) / (2 * width**2))
        row = row / row.sum()
        y = F.pad(x, [12] * 4, mode="replicate").flatten(0, 1)[:, None]
        y = F.conv2d(F.conv2d(y, row.view(1, 1, 1, -1)), row.view(1, 1, -1, 1))
        return y[:, 0].unflatten(0, x.shape[:2])[..., scale // 2 :: scale, scale // 2 :: scale]

    found = ch13.check_worse(worse)
    assert found.state == "right", found.text


def test_a_kernel_may_be_found_by_the_normal_equations() -> None:
    def find_kernel(hr: Tensor, lr: Tensor) -> Tensor:
        seen = hr[0].unfold(0, 9, 3).unfold(1, 9, 3).reshape(-1, 81).double()
        wanted = lr[0, 1:-1, 1:-1].flatten().double()
        ridge = 1e-9 * torch.eye(81).double()
        return torch.linalg.solve(seen.T @ seen + ridge, seen.T @ wanted).view(9, 9)

    found = ch13.check_find_kernel(find_kernel)
    assert found.state == "right", found.text


def test_more_surroundings_than_allowed_are_told_and_the_library_itself_passes() -> None:
    def greedy(net: nn.Module, x: Tensor, tile: int, around: int) -> Tensor:
        return net(x)

    found = ch13.check_enlarge(greedy)
    assert found.state == "wrong"
    assert "it may get" in found.text

    def tiled(net: nn.Module, x: Tensor, tile: int, around: int) -> Tensor:
        whole: Tensor = Tiled(net.net, tile)(x)  # type: ignore[arg-type]
        return whole

    assert ch13.check_enlarge(tiled).state == "right"


def test_the_number_of_a_sign_may_be_a_tensor() -> None:
    def read_small(lr: Tensor, drawings: Tensor) -> Tensor:
        small = ch13.bicubic(drawings, 3)
        return (small - lr).square().mean((1, 2)).argmin()

    assert ch13.check_read_small(read_small).state == "right"
