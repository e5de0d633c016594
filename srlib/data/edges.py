"""Sharp edges that no down-sampled picture can tell apart (chapters 1 and 8)."""

import math
from functools import lru_cache

import torch
from torch import Tensor

from srlib.degrade import bicubic
from srlib.resize import imresize

DARK, LIGHT = 0.2, 0.8
"""Brightness on the two sides of an edge; away from 0 and 1, because fitting an edge to its LR overshoots."""


def edges(count: int, size: int = 36, scale: int = 4, seed: int = 0) -> Tensor:
    """``count`` different HR pictures of one slanted edge, float32 (count, 1, size, size), that
    ``degrade.bicubic`` shrinks by ``scale`` to one and the same LR, ``straight_edge(size, scale)``. Each has
    teeth of its own along the edge, too fine for the LR, and is then fitted to the LR by ``shared``: in
    [0, 1], but that a rare one leaves it by about 1e-4, unclipped, because clipping would change the LR. The
    seed draws the teeth and never changes the LR, so a training may draw new samples for ever. Their mean is
    what a network trained on them with MSE answers. ``size`` in pixels, a multiple of ``scale``. Chapters 1
    and 8."""
    _check(size, scale)
    if count < 1:
        raise ValueError(f"count must be 1 or more edges, not {count}")
    random = torch.Generator().manual_seed(seed)
    drawn = torch.rand(count, 4, generator=random, dtype=torch.float64)[:, :, None]
    # One tooth in 1 to 1.4 LR pixels: finer than the 2 that the LR could still hold. Reaching about half an
    # LR pixel to each side, the teeth hardly move the mean brightness of an LR pixel.
    period = (1 + 0.4 * drawn[:, 0]) * scale
    reach = (0.35 + 0.25 * drawn[:, 1]) * scale
    phase = drawn[:, 2]
    lean = 0.15 + 0.7 * drawn[:, 3]  # where in its period a tooth has its tip: saws or hills
    row = torch.arange(size, dtype=torch.float64)
    at = (row / period + phase) % 1
    tooth = torch.where(at < lean, at / lean, (1 - at) / (1 - lean)) * 2 - 1  # -1..1 with mean 0
    hr = _edge(_middle(size) + reach * tooth)
    return shared(hr, _straight(size, scale), scale).float()


def straight_edge(size: int = 36, scale: int = 4) -> Tensor:
    """The LR that all of ``edges(..., size, scale)`` share: a straight, slanted edge shrunk by
    ``degrade.bicubic``, float32 (1, size / scale, size / scale). Chapters 1 and 8."""
    _check(size, scale)
    return _straight(size, scale).float()


def shared(hr: Tensor, lr: Tensor, scale: int) -> Tensor:
    """The pictures nearest to ``hr``, (..., H, W), that ``degrade.bicubic`` shrinks to exactly ``lr``,
    (..., H/scale, W/scale). Shrinking is linear, ``lr = D hr``, so the nearest picture is ``hr + D+ (lr - D
    hr)`` with the pseudo-inverse D+; what it adds is smooth, because it can only change what the LR sees.
    Computed and returned in float64; may leave [0, 1]. Chapters 1 and 8."""
    height, width = hr.shape[-2:]
    if lr.shape[-2:] != (height // scale, width // scale) or height % scale or width % scale:
        raise ValueError(
            f"lr {tuple(lr.shape)} is not hr {tuple(hr.shape)} shrunk by {scale}; check the scale"
        )
    x = hr.double()
    missing = lr.double() - bicubic(x, scale)
    rows, columns = _pseudo_inverse(height, scale), _pseudo_inverse(width, scale)
    return x + rows.to(x.device) @ missing @ columns.T.to(x.device)


@lru_cache(maxsize=16)
def _pseudo_inverse(length: int, scale: int) -> Tensor:
    """Of bicubic shrinking along one axis, float64 (length, length / scale). Both axes together are the
    Kronecker product of one axis each, and so is the pseudo-inverse."""
    one_axis = imresize(torch.eye(length, dtype=torch.float64), (1 / scale, 1), (length // scale, length))
    return torch.linalg.pinv(one_axis)


def _straight(size: int, scale: int) -> Tensor:
    return bicubic(_edge(_middle(size)), scale)


def _middle(size: int) -> Tensor:
    """Where the straight edge is in each row, in pixels from the left: (size,), through the centre."""
    row = torch.arange(size, dtype=torch.float64)
    return size / 2 + math.tan(math.radians(15)) * (row - (size - 1) / 2)


def _edge(position: Tensor) -> Tensor:
    """Dark on the left of ``position`` (..., H) and light on its right, (..., 1, H, H): the pixel in which
    the edge lies is a mixture, by area; every other is one or the other."""
    column = torch.arange(position.shape[-1], dtype=torch.float64)
    dark = (position[..., None] - column).clamp(0, 1)
    return (DARK + (LIGHT - DARK) * (1 - dark))[..., None, :, :]


def _check(size: int, scale: int) -> None:
    if scale < 2 or size < 4 * scale or size % scale:
        raise ValueError(
            f"size must be a multiple of the scale and at least four times it, not {size} at x{scale}"
        )
