"""How close is a picture to the true one? (Chapter 1 derives all four.)

All take super-resolved ``sr`` and true ``hr``: tensors or numpy arrays ``(C, H, W)`` or ``(N, C, H, W)``,
float in [0, 1] or uint8 in 0..255, and return one float per picture: a number for one picture, a float64
tensor ``(N,)`` for a batch. They compute in float64 and never round: whoever compares 8-bit results rounds
first (``srlib.evaluation`` does, and says so). ``crop`` cuts that many pixels from each side.
``channel="y"`` compares the luma of three-channel pictures, unrounded; ``"rgb"`` compares the channels as
they are; one-channel pictures are compared as they are either way.
"""

import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from srlib.images import check_range, from_uint8, luma, shave

Channel = Literal["y", "rgb"]
Picture = Tensor | np.ndarray


def psnr(sr: Picture, hr: Picture, crop: int = 0, channel: Channel = "y") -> float | Tensor:
    """Peak signal-to-noise ratio in dB, 10 log10(1 / MSE) with the mean taken over one picture's pixels and
    channels; infinite for identical pictures. Chapter 1."""
    a, b, single = _prepare(sr, hr, crop, channel)
    mse = (a - b).square().mean(dim=(1, 2, 3))
    return _result(-10 * mse.log10(), single)


def ssim(sr: Picture, hr: Picture, crop: int = 0, channel: Channel = "y") -> float | Tensor:
    """Structural similarity, at most 1 and 1 for identical pictures: Gaussian window 11x11 with sigma 1.5,
    valid positions only, K1 = 0.01, K2 = 0.03, biased variances; the mean over positions and channels.
    Needs at least 11x11 pixels. Chapter 1."""
    a, b, single = _prepare(sr, hr, crop, channel)
    similarity, _ = _ssim_maps(a, b)
    return _result(similarity, single)


def ms_ssim(sr: Picture, hr: Picture, crop: int = 0, channel: Channel = "y") -> float | Tensor:
    """Multi-scale SSIM (Wang, Simoncelli and Bovik 2003): contrast-structure at five scales, halved by 2x2
    means, and luminance at the last, each to its weight; negative terms count as 0. At most 1. Needs at
    least 176x176 pixels. Chapter 1."""
    a, b, single = _prepare(sr, hr, crop, channel)
    if min(a.shape[-2:]) < 176:
        raise ValueError(f"ms_ssim needs at least 176 x 176 pixels after cropping, not {tuple(a.shape[-2:])}")
    exponents = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    product = torch.ones(a.shape[0], dtype=a.dtype, device=a.device)
    for level, exponent in enumerate(exponents):
        similarity, structure = _ssim_maps(a, b)
        last = level == len(exponents) - 1
        product = product * (similarity if last else structure).clamp(min=0) ** exponent
        if not last:
            a, b = (torch.nn.functional.avg_pool2d(v, 2) for v in (a, b))
    return _result(product, single)


def gmsd(sr: Picture, hr: Picture, crop: int = 0, channel: Channel = "y") -> float | Tensor:
    """Gradient magnitude similarity deviation (Xue et al. 2014): the standard deviation, over the picture at
    half size, of how alike the Prewitt gradients are. 0 for identical pictures; more is worse. Chapter 1."""
    a, b, single = _prepare(sr, hr, crop, channel)
    if min(a.shape[-2:]) < 4:
        raise ValueError(f"gmsd needs at least 4 x 4 pixels after cropping, not {tuple(a.shape[-2:])}")
    ga, gb = _gradient(_half(a)), _gradient(_half(b))
    c = 170 / 255**2  # the paper's 170 for 0..255
    alike = (2 * ga * gb + c) / (ga.square() + gb.square() + c)
    return _result(alike.flatten(2).std(dim=2).mean(dim=1), single)


# --- the windows ----------------------------------------------------------------------------------

_TAPS = [math.exp(-(k**2) / (2 * 1.5**2)) for k in range(-5, 6)]
_WINDOW = [tap / sum(_TAPS) for tap in _TAPS]


_BLOCK = 8  # rows answered by one small matrix product; measured
_BAND = torch.zeros(_BLOCK, _BLOCK + 10, dtype=torch.float64)
for _row in range(_BLOCK):
    _BAND[_row, _row : _row + 11] = torch.tensor(_WINDOW, dtype=torch.float64)


def _blur(x: Tensor) -> Tensor:
    """The 11x11 Gaussian window over every valid position of one float64 plane: (H, W) to (H-10, W-10). Down
    the columns as small matrix products on overlapping views, along the rows as shifted multiply-adds: on a
    CPU each is the faster one there, and both far faster than a convolution."""
    x = x.contiguous()
    height, width = x.shape[0] - 10, x.shape[1]
    band = _BAND.to(x.device)
    count, rest = divmod(height, _BLOCK)
    windows = x.as_strided((count, _BLOCK + 10, width), (_BLOCK * width, width, 1), x.storage_offset())
    parts = [torch.bmm(band.expand(count, -1, -1), windows).view(-1, width)]
    if rest:
        parts.append(band[:rest, : rest + 10] @ x[count * _BLOCK :])
    down = torch.cat(parts) if rest else parts[0]
    size = width - 10
    total = down[:, :size] * _WINDOW[0]
    for k in range(1, 11):
        total.add_(down[:, k : k + size], alpha=_WINDOW[k])
    return total


def _ssim_maps(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """SSIM and its contrast-structure part, each averaged over positions and channels: (N,), (N,)."""
    if min(a.shape[-2:]) < 11:
        raise ValueError(f"ssim needs at least 11 x 11 pixels after cropping, not {tuple(a.shape[-2:])}")
    rows = max(4, 50_000 // a.shape[-1] // _BLOCK) * _BLOCK  # strips that fit the processor's cache
    positions = (a.shape[-2] - 10) * (a.shape[-1] - 10)
    results = []
    for plane_a, plane_b in zip(a.flatten(0, 1), b.flatten(0, 1), strict=True):
        sums = [
            _ssim_sums(plane_a[top : top + rows + 10], plane_b[top : top + rows + 10])
            for top in range(0, a.shape[-2] - 10, rows)
        ]
        results.append(torch.stack(sums).sum(dim=0) / positions)
    similarity, structure = torch.stack(results).view(*a.shape[:2], 2).mean(dim=1).unbind(dim=-1)
    return similarity, structure


def _ssim_sums(a: Tensor, b: Tensor) -> Tensor:
    """SSIM and its contrast-structure part summed over the valid positions of one plane (H, W)."""
    c1, c2 = 0.01**2, 0.03**2
    mean_a, mean_b = _blur(a), _blur(b)
    squares = mean_a.square().add_(mean_b.square())
    product = mean_a * mean_b
    variances = _blur(a.square().add_(b.square())).sub_(squares)  # of a plus of b
    covariance = _blur(a * b).sub_(product)
    structure = covariance.mul_(2).add_(c2) / variances.add_(c2)
    luminance = product.mul_(2).add_(c1) / squares.add_(c1)
    return torch.stack([(luminance * structure).sum(), structure.sum()])


def _half(x: Tensor) -> Tensor:
    """2x2 means at every other pixel, zeros beyond the border, placed as the paper's MATLAB code does."""
    padded = torch.nn.functional.pad(x, (0, 1, 0, 1))
    return torch.nn.functional.avg_pool2d(padded, 2)


def _gradient(x: Tensor) -> Tensor:
    """Prewitt gradient magnitude, zeros beyond the border."""
    p = torch.nn.functional.pad(x, (1, 1, 1, 1))
    columns = p[..., :-2, :] + p[..., 1:-1, :] + p[..., 2:, :]
    rows = p[..., :, :-2] + p[..., :, 1:-1] + p[..., :, 2:]
    across = (columns[..., :, :-2] - columns[..., :, 2:]) / 3
    down = (rows[..., :-2, :] - rows[..., 2:, :]) / 3
    return (across.square() + down.square()).sqrt()


# --- what goes in and out -------------------------------------------------------------------------


def _prepare(sr: Picture, hr: Picture, crop: int, channel: Channel) -> tuple[Tensor, Tensor, bool]:
    """Both pictures as checked float64 batches ``(N, C, H, W)`` in [0, 1], and whether they were single."""
    a, b = (_tensor(v) for v in (sr, hr))
    if a.shape != b.shape:
        raise ValueError(f"sr is {tuple(a.shape)} and hr is {tuple(b.shape)}; they must be of one size")
    if a.ndim not in (3, 4) or a.shape[-3] not in (1, 3) or 0 in a.shape:
        raise ValueError(
            f"pictures must be (C, H, W) or (N, C, H, W) with 1 or 3 channels, not {tuple(a.shape)}"
        )
    if a.dtype != b.dtype and torch.uint8 in (a.dtype, b.dtype):
        raise TypeError(f"sr is {a.dtype} and hr is {b.dtype}; compare uint8 with uint8, float with float")
    if channel not in ("y", "rgb"):
        raise ValueError(f"channel must be 'y' or 'rgb', not {channel!r}")
    single = a.ndim == 3
    a, b = (_as_batch(v, name) for v, name in ((a, "sr"), (b, "hr")))
    a, b = shave(a, crop), shave(b, crop)
    return (luma(a), luma(b), single) if channel == "y" else (a, b, single)


def _tensor(x: Picture) -> Tensor:
    if not isinstance(x, (Tensor, np.ndarray)):
        raise TypeError(f"pictures must be tensors or numpy arrays (C, H, W), not {type(x).__name__}")
    return torch.from_numpy(np.require(x, requirements=["C", "W"])) if isinstance(x, np.ndarray) else x


def _as_batch(x: Tensor, name: str) -> Tensor:
    if x.dtype != torch.uint8 and not x.is_floating_point():
        raise TypeError(f"{name} must be float in [0, 1] or uint8, not {x.dtype}")
    if x.device.type == "mps":  # has no float64
        x = x.cpu()
    batch = x if x.ndim == 4 else x[None]
    if batch.dtype == torch.uint8:
        return from_uint8(batch, torch.float64)
    check_range(batch, name)
    return batch.double()


def _result(values: Tensor, single: bool) -> float | Tensor:
    return float(values[0].detach()) if single else values
