"""Dead leaves: endless training pictures from a procedure, with no photograph in them (chapter 4).

Opaque shapes of all sizes fall on each other until the ground is covered. Because the sizes follow a
power law, the result has edges and flat parts at every scale, as photographs have; the options add what
else photographs have. ``benchmarks/leaves.py`` measures what each is worth.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

POINTS = 20
"""Corners of the polygon that stands for a round leaf."""


def dead_leaves(
    size: int | Sequence[int] = 512,
    seed: int = 0,
    *,
    texture: bool = True,
    gradients: bool = True,
    natural: bool = True,
    soft: bool = True,
) -> Tensor:
    """A picture of fallen leaves, float32 (3, H, W) in [0, 1]; the same ``size`` (pixels, or (H, W)) and
    ``seed`` give the same picture. ``texture`` gives many leaves a grain, ``gradients`` shades them,
    ``natural`` draws shapes and colours as photographs have them (also bars and corners; mostly gray)
    instead of evenly coloured discs, ``soft`` lets edges fall between pixels and blurs them as a lens
    does. All four off: the plain discs of the textbook. Chapter 4."""
    sides = np.broadcast_to(size, 2) if np.shape(size) in ((), (2,)) else np.array([])
    if sides.dtype.kind not in "iu" or not sides.size or sides.min() < 1:
        raise ValueError(f"size must be at least 1 pixel, a whole number or a pair (H, W), not {size!r}")
    height, width = sides.tolist()
    random = np.random.default_rng(seed)
    finer = 2 if soft else 1
    leaves = _discs(random, height, width) if not natural else _shapes(random, height, width)
    ids = _fall(leaves, height, width, finer)
    count = len(leaves.radius)
    colours = _natural_colours(random, count) if natural else random.random((count, 3), dtype=np.float32)
    picture = _paint(colours, ids, finer)
    top = np.ascontiguousarray(ids[::finer, ::finer])
    if gradients:
        picture += torch.from_numpy(_shading(random, leaves, top))
    if texture:
        picture += torch.from_numpy(_grain(random, count, top))
    if soft:
        picture = _lens(random, picture)
    return picture.clamp_(0, 1)


@dataclass(frozen=True)
class _Leaves:
    """Where each leaf lies, in pixels, bottom first: centre, radius, outline (count, POINTS, 2)."""

    x: np.ndarray
    y: np.ndarray
    radius: np.ndarray
    outline: np.ndarray


def _power_law(random: np.random.Generator, count: int, smallest: float, largest: float) -> np.ndarray:
    """Radii with density r^-3: every octave of size covers the same area, so no scale is special."""
    u = random.random(count, dtype=np.float32)
    radius: np.ndarray = smallest / np.sqrt(1 - u * (1 - (smallest / largest) ** 2))
    return radius


def _mean_area(smallest: float, largest: float) -> float:
    return 2 * math.pi * smallest**2 * math.log(largest / smallest) / (1 - (smallest / largest) ** 2)


def _circle(count: int) -> np.ndarray:
    return np.broadcast_to(
        np.linspace(0, 2 * np.pi, POINTS, endpoint=False, dtype=np.float32), (count, POINTS)
    )


def _discs(random: np.random.Generator, height: int, width: int) -> _Leaves:
    """The textbook's leaves: discs, enough of them to cover the ground but for one part in fifty."""
    smallest, largest = 3.0, max(6.0, min(height, width) / 3)
    count = math.ceil(4 * height * width / _mean_area(smallest, largest))
    radius = _power_law(random, count, smallest, largest)
    angle = _circle(count)
    outline = np.stack([np.cos(angle), np.sin(angle)], axis=2) * radius[:, None, None]
    return _placed(random, radius, outline, height, width)


def _shapes(random: np.random.Generator, height: int, width: int) -> _Leaves:
    """Ellipses, corners and bars, turned at random; large ones cover the ground, small ones lie between."""
    largest = max(10.0, min(height, width) / 2)
    large = math.ceil(2.5 * height * width / _mean_area(8.0, largest))
    small = math.ceil(0.15 * height * width / _mean_area(1.0, 8.0))
    radius = np.concatenate([_power_law(random, large, 8, largest), _power_law(random, small, 1, 8)])
    radius = radius[random.permutation(len(radius))]
    count = len(radius)
    corners = random.choice([POINTS, 3, 4, 5], count, p=[0.45, 0.15, 0.3, 0.1])[:, None]
    step = (
        np.floor(np.arange(POINTS)[None] * corners / POINTS) / corners
    )  # a corner stands for several points
    angle = (2 * np.pi * step).astype(np.float32) + _circle(count)[:, :1]
    narrow = np.exp(random.normal(0, 1.0, count)).astype(np.float32)  # bars and twigs are far from 1
    x = np.cos(angle) * (radius * np.sqrt(narrow))[:, None]
    y = np.sin(angle) * (radius / np.sqrt(narrow))[:, None]
    turn = random.random(count, dtype=np.float32)[:, None] * 2 * np.pi
    turned = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], axis=2)
    return _placed(random, radius, turned, height, width)


def _placed(
    random: np.random.Generator, radius: np.ndarray, outline: np.ndarray, height: int, width: int
) -> _Leaves:
    radius[0] = max(height, width)  # the lowest leaf is the ground, seen where nothing else fell
    x = random.random(len(radius), dtype=np.float32) * width
    y = random.random(len(radius), dtype=np.float32) * height
    return _Leaves(x, y, radius, outline + np.stack([x, y], axis=1)[:, None])


def _fall(leaves: _Leaves, height: int, width: int, finer: int) -> np.ndarray:
    """Which leaf is seen at each pixel of a grid ``finer`` times as fine: int32 (H, W)."""
    ground = Image.new("I", (width * finer, height * finer), 0)
    draw = ImageDraw.Draw(ground)
    for number, points in enumerate((leaves.outline * finer - 0.5).reshape(len(leaves.radius), -1).tolist()):
        draw.polygon(points, fill=number)
    return np.array(ground)


def _natural_colours(random: np.random.Generator, count: int) -> np.ndarray:
    """Colours as in photographs: brightness over the whole range, little and correlated chroma."""
    light = random.beta(1.1, 1.3, count)
    yellow = random.normal(random.normal(0, 0.05), 0.06, count)
    green = random.normal(random.normal(0, 0.02), 0.03, count)
    rgb = np.stack([light + yellow, light + green, light - yellow - green], axis=1)
    return rgb.astype(np.float32)


def _paint(colours: np.ndarray, ids: np.ndarray, finer: int) -> Tensor:
    """Each pixel its leaf's colour, averaged over the finer grid: float32 (3, H, W)."""
    table, where = torch.from_numpy(colours.T.copy()), torch.from_numpy(ids).long()
    planes = [table[c].take(where) for c in range(3)]
    if finer > 1:
        planes = [F.avg_pool2d(plane[None], finer)[0] for plane in planes]
    return torch.stack(planes)


def _shading(random: np.random.Generator, leaves: _Leaves, ids: np.ndarray) -> np.ndarray:
    """A slope of brightness across each leaf, as on a curved or unevenly lit thing."""
    count = len(leaves.radius)
    slope = random.exponential(0.12, count).astype(np.float32) / np.maximum(leaves.radius, 4)
    turn = random.random(count, dtype=np.float32) * 2 * np.pi
    gx, gy = slope * np.cos(turn), slope * np.sin(turn)
    start = -(gx * leaves.x + gy * leaves.y)
    y = np.arange(ids.shape[0], dtype=np.float32)[:, None]
    x = np.arange(ids.shape[1], dtype=np.float32)[None]
    light: np.ndarray = np.take(gx, ids) * x + np.take(gy, ids) * y + np.take(start, ids)
    return light


@lru_cache(maxsize=1)
def _fields() -> np.ndarray:
    """Eight tileable noises of unit variance, (8, 512, 512): four from rough to smooth without direction,
    two as hair, two as ripples."""
    size = 512
    random = np.random.default_rng(2024)
    fy, fx = np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None]
    f = np.hypot(fy, fx)
    f[0, 0] = 1
    spectra = [f**-power for power in (0.4, 0.8, 1.2, 1.6)]
    spectra += [f**-0.7 * np.exp(-((fx / 0.04) ** 2)), f**-0.7 * np.exp(-(((fx - fy) / 0.05) ** 2))]
    spectra += [np.exp(-((np.hypot(fy - a, fx - b) / 0.02) ** 2)) for a, b in ((0.06, 0.03), (0.04, 0.14))]
    fields = []
    for spectrum in spectra:
        spectrum[0, 0] = 0
        field = np.fft.ifft2(np.fft.fft2(random.standard_normal((size, size))) * spectrum).real
        fields.append(field / field.std())
    return np.stack(fields).astype(np.float32)


def _grain(random: np.random.Generator, count: int, ids: np.ndarray) -> np.ndarray:
    """A texture on most leaves, of random strength."""
    fields = _fields()
    kind = random.integers(len(fields), size=count)
    strength = (random.exponential(0.06, count) * (random.random(count) < 0.7)).astype(np.float32)
    shift = random.integers(fields.shape[1], size=2)
    y = (np.arange(ids.shape[0]) + shift[0]) % fields.shape[1]
    x = (np.arange(ids.shape[1]) + shift[1]) % fields.shape[2]
    flat = np.take(kind * fields[0].size, ids) + (y[:, None] * fields.shape[2] + x[None])
    grain: np.ndarray = np.take(fields.ravel(), flat) * np.take(strength, ids)
    return grain


def _lens(random: np.random.Generator, picture: Tensor) -> Tensor:
    """Blur with a small Gaussian whose width changes from picture to picture (0 to 1 pixel)."""
    sigma = max(float(random.uniform(0, 1)), 0.2)
    taps = torch.exp(-0.5 * (torch.arange(-2, 3) / sigma) ** 2)
    taps /= taps.sum()
    for dim, pad in ((1, [0, 0, 2, 2]), (2, [2, 2, 0, 0])):
        padded = F.pad(picture[None], pad, mode="replicate")[0]
        size = picture.shape[dim]
        picture = padded.narrow(dim, 0, size) * taps[0]
        for k in range(1, 5):
            picture.add_(padded.narrow(dim, k, size), alpha=float(taps[k]))
    return picture
