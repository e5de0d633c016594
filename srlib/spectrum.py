"""How much of each frequency a picture holds, and how much of it a method brings back (chapter 2 on).

Frequencies are in cycles per pixel: 0.5, the highest, is a stripe pattern that changes at every pixel.
Pictures are (C, H, W) with 1 or 3 channels, float in [0, 1] or uint8; colour is judged by its luma.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from srlib.images import from_uint8, luma

Pictures = Tensor | Sequence[Tensor] | Mapping[str, Tensor]
"""One picture, or several to average over."""

MOST_RINGS = 64
"""Rings into which the plane of frequencies is divided at most; a small picture has fewer."""


def power(x: Tensor) -> Tensor:
    """Power spectrum of a picture's luma, float64 (H, W), zero frequency at [H // 2, W // 2]. The mean is
    removed and a Hann window laid over the picture first, so that its borders do not appear as edges. In
    units of variance: white noise of standard deviation s has the power s^2 everywhere. Chapter 2."""
    y = _luma(x)
    down, across = (torch.hann_window(side, periodic=False, dtype=torch.float64) for side in y.shape)
    window = down[:, None] * across
    y = (y - (window * y).sum() / window.sum()) * window
    return torch.fft.fftshift(torch.fft.fft2(y).abs().square() / window.square().sum())


def radial(x: Tensor, rings: int | None = None) -> tuple[Tensor, Tensor]:
    """``power`` averaged over all directions: frequencies and power, both float64 (rings,). Ring k of n
    holds the frequencies around k / 2n cycles per pixel, so the last one is at 0.5; the zero frequency is
    in none. ``rings``: at most half the shorter side; 64, or what a smaller picture allows, unless given.
    Chapter 2."""
    most = min(x.shape[-2:]) // 2
    count = min(MOST_RINGS, most) if rings is None else rings
    if not 1 <= count <= most:
        raise ValueError(f"rings must be 1 to {most} for a picture of {tuple(x.shape[-2:])}, not {rings}")
    spectrum = power(x)
    fy, fx = (torch.fft.fftshift(torch.fft.fftfreq(n, dtype=torch.float64)) for n in spectrum.shape)
    ring = ((fy[:, None].square() + fx.square()).sqrt() * 2 * count).round().long()
    inside = (ring >= 1) & (ring <= count)  # the corners, above 0.5, are known in some directions only
    total = torch.zeros(count + 1, dtype=torch.float64).index_add(0, ring[inside], spectrum[inside])
    members = torch.bincount(ring[inside], minlength=count + 1)
    return torch.arange(1, count + 1).double() / (2 * count), (total / members.clamp(min=1))[1:]


def transfer(sr: Pictures, hr: Pictures) -> tuple[Tensor, Tensor]:
    """The frequency transfer curve: frequencies (cycles per pixel) and the amplitude of SR over that of HR,
    the square root of their radial powers' ratio, both float64. 1 is perfect (or luck: phases are not
    looked at), below 1 is blur, above 1 invention. Of several pictures (lists in one order, or mappings with
    the same names) the powers are summed before they are divided. Chapter 2, then one more line in every
    chapter."""
    pairs = _pairs(sr, hr)
    rings = min(MOST_RINGS, *(min(b.shape[-2:]) // 2 for _, b in pairs))
    above = torch.stack([radial(a, rings)[1] for a, _ in pairs]).sum(dim=0)
    below = torch.stack([radial(b, rings)[1] for _, b in pairs]).sum(dim=0)
    if not bool((below > 1e-20).any()):
        raise ValueError("hr is flat, so there is nothing to transfer; take a picture with detail")
    return radial(pairs[0][1], rings)[0], (above / below).sqrt()


def _pairs(sr: Pictures, hr: Pictures) -> list[tuple[Tensor, Tensor]]:
    """Each SR with its HR, of one size."""
    if isinstance(sr, Tensor) and isinstance(hr, Tensor):
        sr, hr = [sr], [hr]
    if isinstance(sr, Mapping) and isinstance(hr, Mapping):
        if set(sr) != set(hr):
            odd = ", ".join(sorted(set(sr) ^ set(hr)))
            raise ValueError(f"sr and hr must hold the same pictures; only one of them has {odd}")
        sr, hr = [sr[name] for name in hr], list(hr.values())
    if isinstance(sr, (Tensor, Mapping)) or isinstance(hr, (Tensor, Mapping)):
        raise ValueError("sr and hr must be of one kind: two pictures, two lists or two mappings")
    if len(sr) != len(hr) or not hr:
        raise ValueError(f"sr has {len(sr)} pictures and hr {len(hr)}; each needs its other")
    for a, b in zip(sr, hr, strict=True):
        if a.shape[-2:] != b.shape[-2:]:
            sizes = f"{tuple(a.shape[-2:])} and hr {tuple(b.shape[-2:])}"
            raise ValueError(f"sr is {sizes}; crop them to one size (crop_to_multiple)")
    return list(zip(sr, hr, strict=True))


def _luma(x: Tensor) -> Tensor:
    """The luma of a picture as float64 (H, W)."""
    if x.ndim != 3 or x.shape[0] not in (1, 3):
        raise ValueError(f"a picture must be (3, H, W) or (1, H, W), not {tuple(x.shape)}")
    if min(x.shape[-2:]) < 8:
        raise ValueError(f"a spectrum needs at least 8 x 8 pixels, not {tuple(x.shape[-2:])}")
    wide = x.detach().cpu()
    wide = from_uint8(wide, torch.float64) if wide.dtype == torch.uint8 else wide.double()
    if not bool(wide.isfinite().all()):
        raise ValueError("the picture holds NaN or infinite values; find where they came from")
    return luma(wide)[0]
