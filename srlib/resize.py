"""Resizing by separable kernels, as MATLAB's ``imresize`` does it (chapter 2 builds it step by step).

Each output sample is a weighted sum of a few input samples. Written as a matrix, the weights form a
narrow band along the diagonal; cut into blocks, the band becomes a handful of small dense matrix
products, which is what processors and GPUs are best at.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor

Border = Literal["symmetric", "replicate"]
Array = TypeVar("Array", Tensor, np.ndarray)


# --- kernels --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kernel:
    """An interpolation kernel: ``function`` maps distances (in samples, float64 array) to weights and is
    zero outside ``width`` samples around 0. ``antialias``: whether shrinking stretches it by default."""

    name: str
    width: float
    function: Callable[[np.ndarray], np.ndarray]
    antialias: bool = True


@lru_cache
def cubic(a: float = -0.5) -> Kernel:
    """Keys' cubic kernel. MATLAB and Pillow use a = -0.5, OpenCV and torch a = -0.75. Chapter 2."""

    def function(x: np.ndarray) -> np.ndarray:
        x = np.abs(x)
        inner = (a + 2) * x**3 - (a + 3) * x**2 + 1
        outer = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
        return np.where(x <= 1, inner, np.where(x <= 2, outer, 0.0))

    return Kernel(f"cubic({a:g})", 4, function)


@lru_cache
def lanczos(lobes: int) -> Kernel:
    """The sinc function, windowed by its own main lobe stretched over ``lobes`` samples. Chapter 2."""

    def function(x: np.ndarray) -> np.ndarray:
        return np.where(np.abs(x) < lobes, np.sinc(x) * np.sinc(x / lobes), 0.0)

    return Kernel(f"lanczos{lobes}", 2 * lobes, function)


def _box(x: np.ndarray) -> np.ndarray:
    return ((x >= -0.5) & (x < 0.5)).astype(np.float64)


def _triangle(x: np.ndarray) -> np.ndarray:
    out: np.ndarray = np.maximum(1 - np.abs(x), 0.0)
    return out


KERNELS = {
    "nearest": Kernel("nearest", 1, _box, antialias=False),
    "linear": Kernel("linear", 2, _triangle),
    "cubic": cubic(),
    "lanczos2": lanczos(2),
    "lanczos3": lanczos(3),
}


def named_kernel(kernel: str | Kernel) -> Kernel:
    """A kernel by its name, or itself."""
    if isinstance(kernel, Kernel):
        return kernel
    if kernel not in KERNELS:
        raise ValueError(f"there is no kernel {kernel!r}; choose one of {', '.join(KERNELS)} or a Kernel")
    return KERNELS[kernel]


# --- the weights of one axis ----------------------------------------------------------------------


@lru_cache(maxsize=256)
def weights(
    length: int, out: int, scale: float, kernel: Kernel, antialias: bool, border: Border
) -> tuple[np.ndarray, np.ndarray]:
    """For each of ``out`` samples, which of ``length`` input samples it sums (int64, ``(out, taps)``) and
    with what weights (float64, rows sum to 1). Shrinking with ``antialias`` stretches the kernel by
    1/scale. Chapter 2."""
    stretch = scale if antialias and scale < 1 else 1.0
    width = kernel.width / stretch
    centre = np.arange(1, out + 1) / scale + 0.5 * (1 - 1 / scale)  # 1-based, as in MATLAB
    left = np.floor(centre - width / 2)
    taps = left[:, None] + np.arange(math.ceil(width) + 2)
    weight = stretch * kernel.function(stretch * (centre[:, None] - taps))
    weight /= weight.sum(axis=1, keepdims=True)
    if border == "replicate":
        index = np.clip(taps.astype(np.int64) - 1, 0, length - 1)
    else:  # mirror: ... 2 1 | 1 2 ... n | n ...
        index = (taps.astype(np.int64) - 1) % (2 * length)
        index = np.where(index < length, index, 2 * length - 1 - index)
    used = weight.any(axis=0)
    return index[:, used], weight[:, used]


@dataclass(frozen=True)
class _Band:
    """The same weights as blocks: output rows ``a:b`` are ``matrix @ input[low:high]``."""

    out: int
    blocks: tuple[tuple[int, int, int, int, Tensor], ...]


@lru_cache(maxsize=64)
def _band(axis: tuple[Any, ...], dtype: torch.dtype, device: torch.device, transposed: bool) -> _Band:
    """Cut the band matrix of ``weights(*axis)`` (or its transpose, for gradients) into dense blocks."""
    index, weight = weights(*axis)
    row, column = np.repeat(np.arange(len(index)), index.shape[1]), index.ravel()
    value, (length, out) = weight.ravel(), axis[:2]
    if transposed:
        order = np.argsort(column, kind="stable")
        row, column, value, length, out = column[order], row[order], value[order], out, length
    size = 32 if out <= length else 128  # measured: wide bands want few rows a block, narrow bands many
    blocks = []
    for a in range(0, out, size):
        b = min(a + size, out)
        first, last = np.searchsorted(row, [a, b])
        inside = slice(first, last)
        if first == last:  # rows that nothing contributes to (gradients of skipped samples)
            low, high = 0, 1
        else:
            low, high = int(column[inside].min()), int(column[inside].max()) + 1
        matrix = np.zeros((b - a, high - low))
        np.add.at(matrix, (row[inside] - a, column[inside] - low), value[inside])
        blocks.append((a, b, low, high, torch.as_tensor(matrix, dtype=dtype, device=device)))
    return _Band(out, tuple(blocks))


def _through_band(x: Tensor, axis: tuple[Any, ...], dim: int, transposed: bool) -> Tensor:
    """One axis (-2 or -1) of ``(planes, H, W)`` through its band matrix, block by block."""
    band = _band(axis, x.dtype, x.device, transposed)
    if dim == -2:
        y = x.new_empty(x.shape[0], band.out, x.shape[2])
        for plane, target in zip(x, y, strict=True):
            for a, b, low, high, matrix in band.blocks:
                torch.mm(matrix, plane[low:high], out=target[a:b])
        return y
    y = x.new_empty(x.shape[0], x.shape[1], band.out)
    flat_in, flat_out = x.reshape(-1, x.shape[2]), y.view(-1, band.out)
    for a, b, low, high, matrix in band.blocks:
        torch.mm(flat_in[:, low:high], matrix.T, out=flat_out[:, a:b])
    return y


class _Resample(torch.autograd.Function):
    """One axis (-2 or -1) of ``(planes, H, W)`` through a band matrix; its gradient is the transpose."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, axis: tuple[Any, ...], dim: int, transposed: bool) -> Tensor:
        ctx.setting = (axis, dim, not transposed)
        with torch.autocast(x.device.type, enabled=False):  # else bfloat16 would decide the sums
            return _through_band(x, axis, dim, transposed)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        return _Resample.apply(gradients[0].contiguous(), *ctx.setting), None, None, None


# --- the function ---------------------------------------------------------------------------------


def imresize(
    x: Array,
    scale: float | Sequence[float] | None = None,
    size: int | Sequence[int] | None = None,
    kernel: str | Kernel = "cubic",
    antialias: bool | None = None,
    border: Border = "symmetric",
) -> Array:
    """Resize the last two axes of a tensor or numpy array ``(..., H, W)`` by ``scale`` (one factor, or one
    per axis) or to ``size`` ``(H, W)``; given both, ``scale`` places the samples and ``size`` counts them.
    Keeps the dtype: uint8 gives MATLAB's uint8 (rounded after each axis), bit for bit; float gives
    MATLAB's doubles, unclipped (cubic and Lanczos overshoot [0, 1] at edges). ``kernel``: "nearest",
    "linear", "cubic", "lanczos2", "lanczos3" or an object such as ``cubic(a=-0.75)``; ``antialias=None``:
    as MATLAB, on when shrinking and off for nearest. Differentiable. Chapter 2."""
    if isinstance(x, np.ndarray):
        numbers = torch.from_numpy(np.require(x, requirements=["C", "W"]))
        return imresize(numbers, scale, size, kernel, antialias, border).numpy()
    if not isinstance(x, Tensor):
        raise TypeError(f"imresize takes a tensor or a numpy array (..., H, W), not {type(x).__name__}")
    chosen = named_kernel(kernel)
    if x.ndim < 2 or 0 in x.shape:
        raise ValueError(f"imresize needs (..., H, W) with at least one pixel, not {tuple(x.shape)}")
    if x.dtype != torch.uint8 and not x.is_floating_point():
        raise TypeError(f"imresize takes float or uint8, not {x.dtype}")
    if border not in ("symmetric", "replicate"):
        raise ValueError(f"border must be 'symmetric' or 'replicate', not {border!r}")
    scales, sizes = _scales_and_sizes(x.shape[-2:], scale, size)
    stretch = chosen.antialias if antialias is None else antialias
    axes = [(x.shape[dim], sizes[dim], scales[dim], chosen, stretch, border) for dim in (-2, -1)]
    planes = x.reshape(-1, *x.shape[-2:])
    for dim in sorted((-2, -1), key=lambda d: scales[d]):  # the smaller scale first, rows when equal
        axis = axes[dim]
        if axis[0] == axis[1] and weights(*axis)[1].shape[1] == 1 and scales[dim] == 1:
            continue  # each sample is its own answer
        planes = (_uint8_axis if x.dtype == torch.uint8 else _float_axis)(planes, axis, dim)
    out = planes.reshape(*x.shape[:-2], *sizes)
    return out.clone() if out.data_ptr() == x.data_ptr() else out  # never the caller's own memory


def _float_axis(planes: Tensor, axis: tuple[Any, ...], dim: int) -> Tensor:
    work = planes if planes.dtype in (torch.float32, torch.float64) else planes.float()
    out: Tensor = _Resample.apply(work, axis, dim, False)
    return out.to(planes.dtype)


def _uint8_axis(planes: Tensor, axis: tuple[Any, ...], dim: int) -> Tensor:
    """Sums in float64, rounded half up. The 1e-9 makes a tie a tie whatever the order of summation."""
    if planes.device.type == "mps":  # has no float64
        return _uint8_axis(planes.cpu(), axis, dim).to(planes.device)
    out = [
        _Resample.apply(plane[None].double(), axis, dim, False)
        .add_(0.5 + 1e-9)
        .floor_()
        .clamp_(0, 255)
        .byte()
        for plane in planes  # one at a time: doubles take eight times the memory
    ]
    return torch.cat(out)


def _scales_and_sizes(
    shape: Sequence[int], scale: float | Sequence[float] | None, size: int | Sequence[int] | None
) -> tuple[list[float], list[int]]:
    """Scale and output length of rows and columns, as MATLAB derives one from the other."""
    if scale is None and size is None:
        raise ValueError("imresize needs a scale or a size")
    pairs: list[list[float] | None] = []
    for what, value in (("scale", scale), ("size", size)):
        pair = None
        if value is not None:
            numbers = np.asarray(value)
            positive = numbers.dtype.kind in "iuf" and bool((np.isfinite(numbers) & (numbers > 0)).all())
            if not positive or numbers.shape not in ((), (2,)):
                raise ValueError(f"{what} must be a positive number or a pair of them, not {value!r}")
            pair = np.broadcast_to(numbers, 2).tolist()
        pairs.append(pair)
    scales, sizes = pairs
    if sizes is None:
        assert scales is not None
        sizes = [math.ceil(length * factor) for length, factor in zip(shape, scales, strict=True)]
    if any(v != int(v) for v in sizes):
        raise ValueError(f"size must be whole numbers of pixels, not {size!r}")
    if scales is None:
        scales = [out / length for length, out in zip(shape, sizes, strict=True)]
    return [float(v) for v in scales], [int(v) for v in sizes]
