"""From a trained network to a large picture: any channels, any size, in tiles, and eight times over
(chapters 9 and 13). ``Tiled`` and ``SelfEnsemble`` wrap any model and are models themselves."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from srlib.images import rgb_to_ycbcr, ycbcr_to_rgb
from srlib.resize import imresize


@contextmanager
def in_eval_mode(model: nn.Module) -> Iterator[None]:
    """``with in_eval_mode(model):`` all of the model is in eval mode; afterwards each module has the mode
    that it had, so that a frozen layer of a training network stays frozen."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def upscale(model: nn.Module, lr: Tensor, scale: int) -> Tensor:
    """Super-resolve ``lr``, (C, H, W) or (N, C, H, W) with 1 or 3 channels in [0, 1], any size from 1x1: the
    same layout, ``scale`` times as large, float32, clipped to [0, 1], on the device of ``lr``. A luma model
    enlarges the Y of a colour picture and leaves Cb and Cr to bicubic; a colour model takes a gray picture
    as three equal channels; a model that wants an enlarged picture gets one. Chapter 4."""
    if lr.ndim not in (3, 4) or lr.shape[-3] not in (1, 3) or 0 in lr.shape:
        raise ValueError(
            f"upscale takes (C, H, W) or (N, C, H, W) with 1 or 3 channels, not {tuple(lr.shape)}"
        )
    if not lr.is_floating_point():
        raise TypeError(f"upscale takes float in [0, 1], not {lr.dtype}; use from_uint8 first")
    check_scale(model, scale)
    weight = next(model.parameters(), None)
    x = lr if lr.ndim == 4 else lr[None]
    if weight is not None:
        x = x.to(weight.device, weight.dtype)
    with in_eval_mode(model), torch.no_grad():
        y = _by_channels(model, x, scale).clamp(0, 1)
    y = y.to(lr.device, torch.float64 if lr.dtype == torch.float64 else torch.float32)
    return y if lr.ndim == 4 else y[0]


def check_scale(model: nn.Module, scale: int) -> None:
    """A ValueError if the model does not enlarge by ``scale``. Pre-upsampled models take any."""
    scales = getattr(model, "scales", None) or (() if model.scale is None else (model.scale,))
    if scales and scale not in scales:
        have = " or ".join(f"x{s}" for s in scales)
        raise ValueError(f"this model enlarges by {have}, not x{scale}; load the one for x{scale}")
    if scale != int(scale) or scale < 1:
        raise ValueError(f"scale must be a whole number from 1 up, not {scale!r}")


def run(model: nn.Module, x: Tensor, scale: int) -> Tensor:
    """The model's own forward on (N, C, H, W); only models of several scales are told which."""
    y: Tensor = model(x, scale) if getattr(model, "scales", None) else model(x)
    return y


def _by_channels(model: nn.Module, x: Tensor, scale: int) -> Tensor:
    if model.channels == 1 and x.shape[1] == 3:
        ycbcr = rgb_to_ycbcr(x)
        chroma = imresize(ycbcr[:, 1:], scale)
        return ycbcr_to_rgb(torch.cat([_enlarged(model, ycbcr[:, :1], scale), chroma], dim=1))
    if model.channels == 3 and x.shape[1] == 1:
        return _enlarged(model, x.expand(-1, 3, -1, -1), scale).mean(dim=1, keepdim=True)
    return _enlarged(model, x, scale)


def _enlarged(model: nn.Module, x: Tensor, scale: int) -> Tensor:
    x = imresize(x, scale) if model.pre_upsample else x
    if x.device.type == "cpu":  # a pixel's channels side by side: the same sums, up to a third sooner
        x = x.contiguous(memory_format=torch.channels_last)
    return run(model, x, scale)


class _Wrapper(nn.Module):
    """What a wrapper shares with the model inside: its channels, scales and kind of input."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.channels: Any = model.channels
        self.pre_upsample: Any = model.pre_upsample
        self.scale: Any = getattr(model, "scale", None)
        self.scales: Any = getattr(model, "scales", None)

    def factor(self, scale: int | None) -> int:
        """How many times larger than its input the model's output is."""
        return 1 if self.pre_upsample else scale or self.scale


class SelfEnsemble(_Wrapper):
    """The mean of the model's answers to the 8 flips and quarter turns of its input, each undone: the papers'
    "+". Takes 8 times as long; valid where shrinking treats all directions alike. Chapter 9."""

    def forward(self, x: Tensor, scale: int | None = None) -> Tensor:
        total: Tensor | None = None
        for turns in range(4):
            for mirrored in (False, True):
                view = torch.rot90(x, turns, (2, 3))
                y = run(self.model, view.flip(3) if mirrored else view, scale or 0)
                y = torch.rot90(y.flip(3) if mirrored else y, -turns, (2, 3))
                total = y if total is None else total + y
        assert total is not None
        return total / 8


class Tiled(_Wrapper):
    """The model applied tile by tile, so that memory does not grow with the picture. ``tile`` is the side of
    the part of the input that each call answers for; on top of it each call sees as many pixels around as
    the model looks at, so the result is the whole picture's. Out of memory halves the tile and goes on.
    Chapter 13."""

    def __init__(self, model: nn.Module, tile: int = 256) -> None:
        super().__init__(model)
        if tile < 1:
            raise ValueError(f"tile must be at least 1 pixel, not {tile}")
        self.tile = tile
        self._radius: dict[int | None, int] = {}

    def forward(self, x: Tensor, scale: int | None = None) -> Tensor:
        if scale not in self._radius:
            self._radius[scale] = receptive_radius(self.model, scale)
        factor = self.factor(scale)
        out = x.new_empty(x.shape[0], x.shape[1], x.shape[2] * factor, x.shape[3] * factor)
        whole = (0, 0, x.shape[2], x.shape[3])
        by_tiles(
            lambda window: run(self.model, window, scale or 0),
            x,
            out,
            whole,
            self.tile,
            around=self._radius[scale],
            factor=factor,
        )
        return out


def by_tiles(
    answer: Callable[[Tensor], Tensor],
    x: Tensor,
    out: Tensor,
    part: tuple[int, int, int, int],
    tile: int,
    *,
    around: int,
    factor: int,
) -> None:
    """Fill ``out`` (..., factor * h, factor * w) with the answer for ``part`` (top, left, bottom, right) of
    ``x`` (..., H, W), tile by tile. ``answer`` is given each tile with ``around`` more pixels on every side
    that has them and returns it ``factor`` times as large. Out of memory halves the tile. Chapter 13."""
    top, left, bottom, right = part
    for y0 in range(top, bottom, tile):
        for x0 in range(left, right, tile):
            y1, x1 = min(y0 + tile, bottom), min(x0 + tile, right)
            place = _area(out, y0 - top, x0 - left, y1 - top, x1 - left, factor)
            low_y, low_x = max(y0 - around, 0), max(x0 - around, 0)
            y = _unless_out_of_memory(answer, x[..., low_y : y1 + around, low_x : x1 + around])
            if y is not None:
                place.copy_(_area(y, y0 - low_y, x0 - low_x, y1 - low_y, x1 - low_x, factor))
                continue
            side = max(y1 - y0, x1 - x0)
            if side == 1:
                raise MemoryError("out of memory even for tiles of one pixel; close other programs")
            by_tiles(answer, x, place, (y0, x0, y1, x1), side // 2, around=around, factor=factor)


def _area(y: Tensor, top: int, left: int, bottom: int, right: int, factor: int) -> Tensor:
    """The part of an enlarged picture that these rows and columns of the small one became."""
    return y[..., top * factor : bottom * factor, left * factor : right * factor]


def _unless_out_of_memory(answer: Callable[[Tensor], Tensor], window: Tensor) -> Tensor | None:
    """The answer, or None if memory did not suffice."""
    try:
        return answer(window)
    except (torch.OutOfMemoryError, MemoryError):
        pass
    except RuntimeError as fault:  # the CPU's allocator has no type of its own
        if "not enough memory" not in str(fault) and "can't allocate memory" not in str(fault):
            raise
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


@torch.no_grad()
def receptive_radius(model: nn.Module, scale: int | None = None, largest: int = 1024) -> int:
    """How many input pixels away from its own place an output pixel looks, found by experiment: one NaN in a
    picture of zeros spoils exactly the outputs that depend on it. A ValueError for models that look at the
    whole picture. Chapter 6."""
    weight = next(model.parameters(), torch.empty(0))
    channels: Any = model.channels
    with in_eval_mode(model):
        side = 64
        if run(model, weight.new_zeros(1, channels, side, side), scale or 0).isnan().any():
            raise ValueError("this model answers NaN, so its weights are broken; load others")
        while side <= largest:
            centre = side // 2
            x = weight.new_zeros(1, channels, side, side)
            x[:, :, centre, centre] = math.nan
            spoiled = run(model, x, scale or 0)[0].isnan().any(0)  # (H, W)
            factor = spoiled.shape[0] // side
            rows, columns = spoiled.nonzero().unbind(1)
            low = min(int(rows.min()), int(columns.min())) // factor
            high = max(int(rows.max()), int(columns.max())) // factor
            if low > 0 and high < side - 1:
                return max(centre - low, high - centre)
            side *= 2
    raise ValueError("this model looks at the whole picture, so it cannot be applied in tiles")
