"""The kernel explorer: a kernel, the frequencies it passes and the picture it makes, together (chapter 2)."""

from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from srlib import data
from srlib.images import check_range, from_uint8, middle
from srlib.resize import KERNELS, Kernel, cubic, imresize, weights
from srlib.show._html import Html, data_uri, escape
from srlib.show._look import COLOURS, framed
from srlib.show.kernels import FLOOR, decibels, edge, passed, response, stretch_of
from srlib.show.live import Explorer, choose, slide, tick

SCALES = {"x2": 2.0, "x3": 3.0, "x4": 4.0, "1/2": 1 / 2, "1/3": 1 / 3, "1/4": 1 / 4}
CROP = 32
"""Pixels a side that are cut from the photograph and enlarged: few, so that each is seen."""
FINS = slice(262, 294), slice(390, 422)
"""Rows and columns of the motorcycle's engine: a strong edge from top to bottom, and fine lines beside it."""
PLATE = 252
"""Pixels a side of the zone plate that is shrunk; divides by 2, 3 and 4."""
WIDE = 288
"""Width of the picture on the page, whatever its own pixels."""


def kernel(photo: Tensor | None = None) -> Explorer:
    """Choose a kernel, the cubic's parameter a and the scale, and see the curve, its frequency response and
    a picture. Enlarging shows the middle of ``photo`` ((3, H, W) or (1, H, W), float in [0, 1] or uint8, at
    least 32 x 32; a gray piece of the motorcycle's engine when None); shrinking shows a zone plate, where
    every false ring is aliasing. ``imresize`` makes the pictures, ``weights`` the dots. Chapter 2."""
    if photo is None:
        photo = data.photos("motorcycle")["motorcycle"][:, *FINS].mean(dim=0, keepdim=True)
    small = _middle(photo)
    plate = zone_plate(PLATE)

    def draw(kernel: str, a: float, scale: float, stretch: bool) -> Html:
        one = cubic(a) if kernel == "cubic" else KERNELS[kernel]
        antialias = stretch if scale < 1 else False
        made = imresize(small if scale > 1 else plate, scale, kernel=one, antialias=antialias)
        return framed(
            f'<div style="align-items: center; display: flex; flex-wrap: wrap; gap: 0.75rem">'
            f"{_curves(one, scale, antialias)}"
            f"{_picture(made.clamp(0, 1), one, scale, antialias)}</div>",
            _words(kernel, one, scale, antialias),
            group=f"the kernel {one.name}: its curve, its frequency response and a picture it makes",
        )

    return Explorer(
        draw,
        {
            "kernel": choose("kernel", list(KERNELS), "cubic", still=[k for k in KERNELS if k != "lanczos2"]),
            "a": slide(
                "a (cubic only)", [v / 20 for v in range(-20, 1)], -0.5, still=[-1.0, -0.75, -0.5, 0.0]
            ),
            "scale": choose("scale", SCALES, "x3", still=["x3", "1/3"]),
            "stretch": tick("stretch when shrinking", start=True),
        },
        "kernel explorer: curve, frequency response and picture",
    )


def zone_plate(size: int) -> Tensor:
    """(1, size, size) in [0, 1]: rings that grow finer outward, from frequency 0 in the middle to half a
    cycle per pixel, the finest there is, at the middle of each side. Chapter 2."""
    place = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    squared = place.square()[:, None] + place.square()
    # the phase pi r^2 / size has the frequency r / size cycles per pixel: 1/2 at the border
    return (0.5 + 0.5 * torch.cos(torch.pi * squared / size)).float()[None]


def _middle(photo: Tensor) -> Tensor:
    if photo.ndim != 3 or photo.shape[0] not in (1, 3) or min(photo.shape[-2:]) < CROP:
        raise ValueError(
            f"photo must be (3, H, W) or (1, H, W) with {CROP} x {CROP} pixels or more, "
            f"not {tuple(photo.shape)}"
        )
    check_range(photo, "photo")
    crop = middle(photo, CROP).detach().cpu()
    return from_uint8(crop) if crop.dtype == torch.uint8 else crop


def _curves(one: Kernel, scale: float, antialias: bool) -> str:
    """The kernel with the weights of one output pixel on it, and below it its frequency response."""
    stretch = stretch_of(one, scale, antialias)
    length, out = 60, round(60 * scale)
    at = out // 2
    index, weight = weights(length, out, scale, one, antialias, "symmetric")
    used = weight[at] != 0
    centre = (at + 1) / scale + 0.5 * (1 - 1 / scale) - 1  # where that pixel lies among the input's, from 0
    places, values = index[at][used] - centre, weight[at][used]
    reach = 3.2 if scale > 1 or not antialias else 3.2 / scale
    distance = np.linspace(-reach, reach, 161)
    high, low = 1.1 * max(stretch, values.max()), -0.3 * stretch
    ticks = [-2, 0, 2] if reach < 4 else [round(t / scale) for t in (-2, 0, 2)]
    curve = _plot(
        "distance from the output pixel, input pixels",
        (distance, stretch * one.function(stretch * distance)),
        (low, high),
        {f"{tick}".replace("-", "−"): tick for tick in ticks},
        {"0": 0, f"{stretch:.2g}": stretch},
        dots=(places, values),
    )
    frequency = np.linspace(0, max(scale, 1.0) / 2, 121)
    answer = decibels(response(one, frequency, scale, antialias))
    limit = edge(scale)
    heard = _plot(
        "frequency, cycles per input pixel",
        (frequency, answer),
        (FLOOR, 6),
        {"0": 0, f"{limit:.2g}": limit, f"{frequency[-1]:.2g}": float(frequency[-1])},
        {"0 dB": 0, "−20": -20, "−40": -40},
        line=limit,
    )
    below, above = passed(one, scale, antialias)
    alt = (
        f"Above, the kernel {one.name}, {one.width / stretch:g} input pixels wide, and as dots on it the "
        f"weights of one output pixel: {used.sum()}, from {values.min():.2f} to {values.max():.2f}. Below, "
        f"how much of each frequency passes: {below:.0%} of the power below the edge, {above:.1%} above it."
    )
    return f'<div role="img" aria-label="{escape(alt)}" style="flex: 1 1 18rem">{curve}{heard}</div>'


def _plot(
    title: str,
    curve: tuple[np.ndarray, np.ndarray],
    span: tuple[float, float],
    across: dict[str, float],
    up: dict[str, float],
    dots: tuple[np.ndarray, np.ndarray] | None = None,
    line: float | None = None,
) -> str:
    """A curve as bare SVG, a tenth of matplotlib's size, as the page holds dozens: the curve is stretched to
    the width at hand, the words keep their size. Ticks: {word: place}."""
    x, y = curve
    height, left = 132, 12  # pixels of the plot; percent of the width that the words at its left take

    def to_x(value: float) -> float:
        return round(left + (98 - left) * (value - x[0]) / (x[-1] - x[0]), 2)

    def to_y(value: float) -> float:
        return round(float(6 + height * (span[1] - value) / (span[1] - span[0])), 1)

    bottom = to_y(span[0])
    points = " ".join(f"{to_x(a):.1f} {to_y(b):g}" for a, b in _bends(x, y))
    parts = [
        f'<path d="M0 {to_y(v)}H100" vector-effect="non-scaling-stroke" opacity="0.2"/>' for v in up.values()
    ]
    if line is not None:
        parts.append(
            f'<path d="M{to_x(line)} 6V{bottom}" stroke-dasharray="4 3" vector-effect="non-scaling-stroke"/>'
        )
    parts.append(
        f'<path d="M{points}" stroke="{COLOURS[0]}" stroke-width="2" vector-effect="non-scaling-stroke"/>'
    )
    words = "".join(f'<text x="0" y="{to_y(v) - 3}">{word}</text>' for word, v in up.items())
    for word, v in across.items():
        anchor = "end" if to_x(v) > 95 else "middle"
        words += f'<text x="{to_x(v)}%" y="{bottom + 14}" text-anchor="{anchor}">{word}</text>'
    marks = ""
    if dots is not None:
        marks = "".join(
            f'<circle cx="{to_x(a)}%" cy="{to_y(b)}" r="4" fill="{COLOURS[1]}"/>'
            for a, b in zip(*dots, strict=True)
        )
    return (
        f'<svg aria-hidden="true" style="width: 100%; height: {height + 46}px" font-size="12" '
        f'fill="currentColor"><svg viewBox="0 0 100 {height + 8}" width="100%" height="{height + 8}" '
        f'preserveAspectRatio="none" fill="none" stroke="currentColor">{"".join(parts)}</svg>{marks}{words}'
        f'<text x="50%" y="{bottom + 31}" text-anchor="middle">{escape(title)}</text></svg>'
    )


def _bends(x: np.ndarray, y: np.ndarray) -> list[tuple[float, float]]:
    """The points of a curve without those that lie on a straight line between their neighbours."""
    turn = np.abs(np.diff(y, 2)) > 1e-9
    keep = np.concatenate([[True], turn, [True]])
    return list(zip(x[keep].tolist(), y[keep].tolist(), strict=True))


def _picture(made: Tensor, one: Kernel, scale: float, antialias: bool) -> str:
    what = "the photograph's crop, enlarged" if scale > 1 else "the zone plate, shrunk"
    how = "" if scale > 1 else " with the kernel stretched" if antialias else " without stretching"
    by = f"{_factor(scale)}" if scale > 1 else f"to {_factor(scale)}"
    title = f"{what} {by}"
    return (
        f'<div class="tile"><span class="label">{title[0].upper()}{title[1:]}</span>'
        f'<img src="{data_uri(made)}" alt="{escape(f"{title} with {one.name}{how}")}" width="{WIDE}" '
        f'height="{WIDE}"></div>'
    )


def _words(name: str, one: Kernel, scale: float, antialias: bool) -> str:
    below, above = passed(one, scale, antialias)
    more = "more than all: some is made stronger" if round(below, 2) > 1 else "ideal: 100%"
    text = (
        "Above: the kernel, and as orange dots the weights of one output pixel. Below: how much of each "
        "frequency passes; dashed, the edge: the finest pattern that both pictures can hold. "
        f"{one.name}, {_factor(scale)}: of what both pictures can hold, {below:.0%} of the power passes "
        f"({more}); of what is finer, "
    )
    if scale > 1:
        text += f"which shows as jagged edges, {above:.1%} (ideal: none)."
    else:
        text += (
            f"which comes back as false rings, {above:.1%} (ideal: none). The zone plate has only rings "
            "around its middle, finer and finer outward."
        )
    if name != "cubic":
        text += f" The parameter a belongs to the cubic: it changes nothing for {name}."
    if scale > 1:
        text += " Enlarging never stretches: the tick changes nothing here."
    return text


def _factor(scale: float) -> str:
    return f"x{scale:g}" if scale > 1 else f"{Fraction(scale).limit_denominator(9)}"
