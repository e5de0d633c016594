"""Are the small pieces of two pictures of the same kind? (Chapter 8.)"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from srlib.images import from_uint8, luma


def patches(x: Tensor, side: int = 7) -> Tensor:
    """Every ``side`` x ``side`` patch of a picture's luma, in gray levels (0..255), its own mean removed:
    float64 (number of patches, side * side). What is left is texture and edges, not brightness. Chapter 8."""
    if x.ndim != 3 or x.shape[0] not in (1, 3):
        raise ValueError(f"a picture must be (3, H, W) or (1, H, W), not {tuple(x.shape)}")
    if side < 2 or side > min(x.shape[-2:]):
        raise ValueError(f"side must be 2 to {min(x.shape[-2:])} for this picture, not {side}")
    wide = x.detach().cpu()
    wide = from_uint8(wide, torch.float64) if wide.dtype == torch.uint8 else wide.double()
    columns = F.unfold(255 * luma(wide)[None], side)[0].T  # (patches, side * side)
    return columns - columns.mean(dim=1, keepdim=True)


def directions(count: int, length: int, seed: int = 0) -> Tensor:
    """Unit vectors drawn evenly from all directions: float64 (count, length)."""
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, length, generator=generator, dtype=torch.float64), dim=1)


def sliced_wasserstein(sr: Tensor, hr: Tensor, side: int = 7, slices: int = 128, seed: int = 0) -> float:
    """How far the patches of ``sr`` are, as a heap and wherever they lie, from those of ``hr``: the mean
    Wasserstein-1 distance, in gray levels, of their projections on ``slices`` random directions (the same
    for the same ``seed``). 0 when both heaps are the same; it grows with blur, whose patches have too little
    contrast, and with noise, whose patches have too much. Pictures (C, H, W) of one size. Chapter 8."""
    if sr.shape[-2:] != hr.shape[-2:]:
        raise ValueError(
            f"sr is {tuple(sr.shape[-2:])} and hr is {tuple(hr.shape[-2:])}; they must be of one size"
        )
    for name, x in (("sr", sr), ("hr", hr)):
        if not x.isfinite().all():
            raise ValueError(f"{name} holds NaN or infinity; look at what made it before you compare it")
    if slices < 1:
        raise ValueError(f"slices must be at least 1, not {slices}")
    rays = directions(slices, side * side, seed)
    # in one dimension the cheapest way to move one heap onto another of the same size keeps the order
    # (numpy sorts fifteen times as fast as torch on a CPU)
    a, b = (np.sort((rays @ patches(x, side).T).numpy(), axis=1) for x in (sr, hr))
    return float(np.abs(a - b).mean())
