"""Pictures and methods seen by their frequencies: spectra and transfer curves (chapter 2 on)."""

from collections.abc import Mapping

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from srlib import spectrum as measured
from srlib.show._html import Html, escape
from srlib.show._look import COLOURS, DASHES, INK, axes, drawn, framed, look, needed

CELLS = 128
"""Rows and columns of a drawn spectrum at most: a larger one is averaged, which also calms its noise."""

DECADES = 8.0
"""Powers of ten below the strongest frequency that a drawn spectrum still tells apart."""


CORNER = 2**0.5
"""What the small picture can hold is a square of frequencies; its corners reach this much further than its
sides, and a curve takes all directions together."""


def spectrum(pictures: Mapping[str, Tensor], *, alt: str, caption: str = "") -> Html:
    """Log power spectra of pictures (C, H, W), side by side and by one scale: zero frequency in the middle,
    the highest, 0.5 cycles per pixel, at the edges; bright is strong. Colour pictures by their luma.
    ``alt`` says in words what there is to see. Chapter 2."""
    if not pictures:
        raise ValueError("there is no picture; give {name: picture}")
    needed(alt)
    levels = {name: _log_power(x) for name, x in pictures.items()}
    top = max(float(x.max()) for x in levels.values())
    bottom = max(top - DECADES, min(float(x.min()) for x in levels.values()))
    top = max(top, bottom + 1)  # flat pictures have one level only
    tiles = "".join(
        f'<div class="tile"><span class="label">{escape(name)}</span>'
        f"{_one_spectrum(name, x, bottom, top).text}</div>"
        for name, x in levels.items()
    )
    # two beside each other on a phone, and no tile wider than it was drawn
    columns = "display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr));"
    columns += f" max-width: {13.5 * len(levels)}rem"
    close = "<style>.srlib-figure .tile > .srlib-figure { margin: 0; }</style>"
    grid = f'{close}<div class="tiles" style="{columns}">{tiles}</div>'
    return framed(grid + _scale(bottom, top).text, caption, alt)


def transfer(
    hr: Tensor | Mapping[str, Tensor],
    methods: Mapping[str, Tensor | Mapping[str, Tensor]],
    *,
    scale: int | None = None,
    alt: str,
    caption: str = "",
) -> Html:
    """The frequency transfer curves of several methods in one drawing: at 1 a method brings back as much of a
    frequency as HR has, below it blurs, above it invents. With ``scale`` the highest frequency that LR could
    hold along rows and columns, 0.5 / scale cycles per pixel, is marked. On the diagonals LR held up to 1.4
    times as much; only what lies right of that was guessed for certain. ``hr`` is a picture, or photographs
    by name, and each method then too, averaged over. ``alt`` says in words what there is to see; each curve's
    value at the mark is added to it, and to the caption what the mark means. Chapter 2, one more line from
    chapter to chapter."""
    if not methods:
        raise ValueError("there is no method; give {name: its SR}")
    if len(methods) > len(COLOURS):
        raise ValueError(f"{len(methods)} lines cannot be told apart; show {len(COLOURS)} at most")
    if scale is not None and scale < 1:
        raise ValueError(f"scale must be a whole number from 1 up, not {scale!r}")
    curves = {name: _curve(name, sr, hr) for name, sr in methods.items()}
    limit = 0.5 / (scale or 2)
    figure, (plot,) = axes(5.2, 3.3)
    with look():
        plot.axhline(1, color=INK, linewidth=0.9)
        for (name, (frequencies, ratio)), colour, dash in zip(curves.items(), COLOURS, DASHES, strict=False):
            plot.plot(frequencies.numpy(), ratio.numpy(), label=name, color=colour, linestyle=dash)
        highest = max(1.15, *(float(ratio.max()) * 1.05 for _, ratio in curves.values()))
        plot.set(xlim=(0, 0.5), ylim=(0, highest))
        plot.set(xlabel="frequency (cycles per pixel)", ylabel="amplitude of SR / HR")
        if scale is not None and scale > 1:
            plot.axvline(limit, color=INK, linewidth=0.9, linestyle=(0, (2, 2)))
            # over the plot, where no line runs
            plot.annotate(
                f"LR along rows ends at {limit:.3g}", (limit, 1), (0, 3), xycoords=("data", "axes fraction"),
                textcoords="offset points", ha="center", fontsize=8.5,
            )  # fmt: skip
        figure.legend(loc="outside lower center", ncols=min(3, len(curves)), handlelength=3.2)
    read = "; ".join(f"{name} {_at(limit, *curve):.2f}" for name, curve in curves.items())
    mark = f" {_mark(limit)}" if scale is not None and scale > 1 else ""
    words = f"{needed(alt)} At {limit:.3g} cycles per pixel: {read}.{mark}"
    return drawn(figure, words, f"{caption}{mark}".strip())


def _mark(limit: float) -> str:
    """What the dotted line means."""
    return (
        "Dotted line: the highest frequency of the small picture along a row or a column. On a diagonal it "
        f"reaches {CORNER:.1f} times as far, to {CORNER * limit:.3f}; only right of that the small picture "
        "held nothing, and what a curve has there is invented, below 1 too."
    )


def _log_power(x: Tensor) -> Tensor:
    """The decimal logarithm of a picture's power spectrum, averaged down to at most CELLS a side."""
    power = measured.power(x)
    size = [min(side, CELLS) for side in power.shape]
    return F.adaptive_avg_pool2d(power[None], (size[0], size[1]))[0].clamp(min=1e-20).log10()


def _one_spectrum(name: str, levels: Tensor, bottom: float, top: float) -> Html:
    figure, (plot,) = axes(2.15, 2.0)
    with look():
        # matplotlib makes a larger picture of "nearest" than these cells are
        edges = (-0.5, 0.5, 0.5, -0.5)  # left, right, bottom, top; rows run down
        plot.imshow(levels.numpy(), vmin=bottom, vmax=top, extent=edges, aspect="equal", interpolation="none")
        plot.grid(visible=False)
        plot.set(xticks=(-0.5, 0, 0.5), yticks=(-0.5, 0, 0.5))
        plot.set_xlabel("cycles per pixel, across", fontsize=8.5)
        plot.set_ylabel("down", fontsize=8.5)
    return drawn(figure, f"log power spectrum of {name}")


def _scale(bottom: float, top: float) -> Html:
    """The common scale of the spectra as a bar of colour."""
    figure, (plot,) = axes(4.0, 0.62)
    with look():
        bar = np.linspace(bottom, top, 64)[None]
        plot.imshow(bar, extent=(bottom, top, 0, 1), aspect="auto", interpolation="none")
        plot.grid(visible=False)
        plot.set(yticks=(), xlabel="power (variance), power of ten")
    return drawn(
        figure, f"colour scale: power from 10 to the {bottom:.1f}, dark, to 10 to the {top:.1f}, bright"
    )


def _curve(
    name: str, sr: Tensor | Mapping[str, Tensor], hr: Tensor | Mapping[str, Tensor]
) -> tuple[Tensor, Tensor]:
    try:
        return measured.transfer(sr, hr)
    except ValueError as fault:
        raise ValueError(f"{name}: {fault}") from None


def _at(frequency: float, frequencies: Tensor, ratio: Tensor) -> float:
    """The curve's value where it has a ring nearest to a frequency."""
    return float(ratio[(frequencies - frequency).abs().argmin()])
