"""Kernels as curves: their weights over the distance, and which frequencies they let through (chapter 2)."""

from functools import lru_cache

import numpy as np

from srlib.resize import Kernel, named_kernel
from srlib.show._html import Html
from srlib.show._look import COLOURS, DASHES, INK, axes, drawn, framed, look, needed

FLOOR = -50.0
"""dB at which the drawings of a frequency response end: three thousandths of the amplitude."""


def stretch_of(kernel: Kernel, scale: float, antialias: bool | None = None) -> float:
    """By what the kernel's argument is multiplied: the scale when shrinking with anti-aliasing, else 1."""
    stretched = kernel.antialias if antialias is None else antialias
    return scale if stretched and scale < 1 else 1.0


def response(
    kernel: Kernel, frequency: np.ndarray, scale: float = 1.0, antialias: bool | None = None
) -> np.ndarray:
    """The kernel's Fourier transform, 1 at frequency 0, by summing over 512 points a pixel: real, because
    the kernel is even. ``frequency`` in cycles per pixel of the picture that goes in. ``scale`` below 1
    stretches the kernel as ``imresize`` does, which narrows the response as much. Chapter 2."""
    stretch = stretch_of(kernel, scale, antialias)
    fine = 512
    x = (np.arange(int(kernel.width / 2 * fine)) + 0.5) / fine  # the middles of small steps, on one side
    weight = kernel.function(x)
    waves = np.cos(2 * np.pi * np.multiply.outer(np.asarray(frequency, dtype=np.float64) / stretch, x))
    out: np.ndarray = waves @ weight / weight.sum()
    return out


def edge(scale: float) -> float:
    """The highest frequency that both pictures can hold, cycles per pixel of the picture that goes in: half
    a cycle per pixel of the smaller one. The ideal kernel passes all below and nothing above."""
    return min(scale, 1.0) / 2


@lru_cache(maxsize=256)
def passed(kernel: Kernel, scale: float, antialias: bool | None = None) -> tuple[float, float]:
    """The shares of power, 0 to 1, that the kernel lets through below the edge and above it, for a picture
    with as much power at all frequencies, along one axis. Above the edge lie: when enlarging, the copies of
    the spectrum up to what the large picture can hold (they become jagged edges); when shrinking, what the
    small picture cannot hold (it comes back as false patterns, aliasing). Ideal: 1 and 0. Chapter 2."""
    if scale <= 0 or scale == 1:
        raise ValueError(f"scale must be above 1 to enlarge or between 0 and 1 to shrink, not {scale!r}")
    limit, end = edge(scale), max(scale, 1.0) / 2
    shares = []
    for low, high in ((0.0, limit), (limit, end)):
        frequency = low + (high - low) * (np.arange(128) + 0.5) / 128
        shares.append(float(np.mean(response(kernel, frequency, scale, antialias) ** 2)))
    return shares[0], shares[1]


def decibels(amplitude: np.ndarray) -> np.ndarray:
    """Amplitudes in dB, 1 at 0 dB, a tenth at -20 dB, drawn no lower than ``FLOOR``."""
    out: np.ndarray = 20 * np.log10(np.maximum(np.abs(amplitude), 10 ** (FLOOR / 20)))
    return out


def kernel(*kernels: str | Kernel, scale: float = 1.0, alt: str, caption: str = "") -> Html:
    """Kernels side by side: the weight over the distance (pixels of the picture that goes in), and the
    frequency response (dB over cycles per pixel). Names as ``imresize`` has them, or ``Kernel`` objects.
    ``scale`` below 1 draws them as they shrink a picture, stretched where ``imresize`` stretches. ``alt``
    says in words what is to be seen. Chapter 2."""
    if not 1 <= len(kernels) <= len(DASHES):
        raise ValueError(f"one drawing holds 1 to {len(DASHES)} kernels, not {len(kernels)}")
    if not scale > 0:
        raise ValueError(f"scale must be above 0, not {scale!r}")
    needed(alt)
    chosen = [named_kernel(one) for one in kernels]
    names = ", ".join(one.name for one in chosen)
    reach = max(one.width / 2 / stretch_of(one, scale) for one in chosen)
    distance = np.linspace(-reach * 1.05, reach * 1.05, 601)
    frequency = np.linspace(0, 2 * max(edge(scale), 0.25), 301)
    # two drawings, each no wider than a phone: side by side where there is room
    (weights, (left,)), (passes, (right,)) = axes(3.4, 3.0), axes(3.4, 3.0)
    with look():
        for one, colour, dash in zip(chosen, COLOURS, DASHES, strict=False):
            stretch = stretch_of(one, scale)
            weight = stretch * one.function(stretch * distance)
            left.plot(distance, weight, color=colour, ls=dash, label=one.name)
            answer = decibels(response(one, frequency, scale))
            right.plot(frequency, answer, color=colour, ls=dash, label=one.name)
        left.set(xlabel="distance (pixels)", ylabel="weight")
        mark_edge(right, scale)
        for figure in (weights, passes):
            figure.legend(loc="outside lower center", ncols=2)
    tiles = (
        drawn(weights, f"the weights of {names} over the distance"),
        drawn(passes, f"the frequency response of {names}"),
    )
    return framed(f'<div class="tiles">{"".join(tile.text for tile in tiles)}</div>', caption, group=alt)


def mark_edge(axis: object, scale: float) -> None:
    """Labels and the line at the edge, with its name above it, on the axis of a frequency response."""
    from matplotlib.axes import Axes

    assert isinstance(axis, Axes)
    axis.axvline(edge(scale), color=INK, lw=0.9, ls=(0, (3, 3)))
    axis.text(edge(scale), 1.02, "edge of the pass band", transform=axis.get_xaxis_transform(), ha="center")
    axis.set(xlabel="frequency (cycles per pixel)", ylabel="passes (dB)", ylim=(FLOOR, 5), xlim=(0, None))
