"""Many sharp answers to one question, and the blur that MSE makes of them (chapters 1 and 8)."""

import math
from functools import lru_cache

import torch
from torch import Tensor

from srlib.data.edges import edges, straight_edge
from srlib.degrade import bicubic
from srlib.show._html import Html, data_uri, escape
from srlib.show._look import COLOURS, framed
from srlib.show.live import Explorer, choose, slide

ANSWERS, TRUTHS, SHOWN = 32, 64, 6
"""Samples to blend; others, any of which might be the truth; how many of the former are shown."""


def many_answers(size: int = 36) -> Explorer:
    """The many-answers toy: sharp HR edges that all shrink to one and the same LR (``data.edges``), and the
    blend of the first few, which is the answer MSE asks for. Choose how many are blended, the draw, and the
    scale. Below: how far one sharp answer and the blend are from the truth on average, over 64 samples that
    are not in the blend. ``size`` of the HR in pixels, a multiple of 12, 24 to 96. Chapters 1 and 8."""
    if size % 12 or not 24 <= size <= 96:
        raise ValueError(f"size must be a multiple of 12 (for x2, x3 and x4) from 24 to 96, not {size}")

    def draw(blended: int, seed: int, scale: int) -> Html:
        return _drawing(blended, seed, scale, size)

    controls = {
        "blended": slide("answers blended", [1, 2, 4, 8, 16, 32], 8),
        "seed": slide("draw", list(range(1, 11)), 1, still=[1, 2, 3]),
        "scale": choose("scale", {"x2": 2, "x3": 3, "x4": 4}, "x4"),
    }
    return Explorer(draw, controls, "many answers to one LR, and their blend")


def distances(answers: Tensor, truths: Tensor) -> tuple[float, float]:
    """How far an answer is from the truth, in dB: the PSNR of the mean squared error over all pairs of one of
    ``answers`` and one of ``truths``, and that of the answers' mean against the ``truths``. Both (N, ...) in
    [0, 1]. Chapters 1 and 8."""
    a, b = answers.double().flatten(1), truths.double().flatten(1)
    one = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square().mean() / a.shape[1]
    blend = (b - a.mean(dim=0)).square().mean()
    return -10 * math.log10(one), -10 * math.log10(blend)


@lru_cache(maxsize=64)
def _samples(seed: int, scale: int, size: int) -> tuple[Tensor, Tensor]:
    """The answers to blend and the possible truths."""
    samples = edges(ANSWERS + TRUTHS, size, scale, seed)
    return samples[:ANSWERS], samples[ANSWERS:]


def _drawing(blended: int, seed: int, scale: int, size: int) -> Html:
    answers, truths = _samples(seed, scale, size)
    blend = answers[:blended].mean(dim=0)
    lr = straight_edge(size, scale)
    name = f"the blend of {blended}" if blended > 1 else "answer 1 alone"
    tiles = [_tile(lr, 3 * size, f"LR, {size // scale} x {size // scale}", "a slanted edge in coarse pixels")]
    for i, x in enumerate(answers[:SHOWN]):
        kind = "sharp, in the blend" if i < blended else "sharp, not in the blend"
        tiles.append(_tile(x, 3 * size, f"answer {i + 1}", kind, marked=i < blended))
    kept = float(_energy(blend) / _energy(answers).mean())
    tiles.append(_tile(blend, 3 * size, name, f"{kept:.0%} of a sharp answer's gradient energy"))
    one, mean = distances(answers, truths)[0], distances(answers[:blended], truths)[1]
    off = float((bicubic(torch.stack([*answers, blend]).double(), scale) - lr).abs().max())
    inner = (
        f'<div class="tiles">{"".join(tiles)}</div>{_profile(answers[:SHOWN], blend, name)}'
        f"<p>One sharp answer against one possible truth: <strong>{one:.2f} dB</strong> on average. "
        f"{name[0].upper()}{name[1:]} against the same truths: <strong>{mean:.2f} dB</strong>, with "
        f"{kept:.0%} of a sharp answer's gradient energy. Shrunk by {scale}, every answer and the blend give "
        f"the LR, to within {off:.0e} of full brightness.</p>"
    )
    more = f" (and {blended - SHOWN} more)" if blended > SHOWN else ""
    promised = 10 * math.log10(2 * blended / (blended + 1))
    caption = (
        f"Outlined{more}: what is blended. Curves: brightness of the 16 pixels in the middle of the middle "
        f"row, the six answers thin, {name} thick. The dB are the PSNR of the mean squared error over "
        f"{TRUTHS} truths that are in no blend. From independent draws a blend of {blended} gains "
        f"{promised:.2f} dB over one answer on average, a blend of very many 3.01 dB."
    )
    return framed(inner, caption, f"{SHOWN} sharp edges that share one LR, and {name}")


def _tile(x: Tensor, side: int, label: str, words: str, *, marked: bool = False) -> str:
    around = "outline: 2px solid currentColor; outline-offset: -2px; " if marked else ""
    return (
        f'<div class="tile" style="width: {side}px"><span class="label">{escape(label)}</span>'
        f'<img style="{around}aspect-ratio: 1; width: 100%" src="{data_uri(x)}" '
        f'alt="{escape(f"{label}: {words}")}"></div>'
    )


def _profile(answers: Tensor, blend: Tensor, name: str) -> str:
    """Brightness across the edge in the middle row: a line for each answer, a thick one for the blend."""
    middle = blend.shape[-1] // 2

    def line(x: Tensor, style: str) -> str:
        row = x[0, middle, middle - 8 : middle + 8].tolist()
        points = " ".join(f"{24 * i + 12},{120 - 120 * value:.0f}" for i, value in enumerate(row))
        return f'<polyline points="{points}" style="fill: none; {style}"/>'

    thin = "".join(line(x, "stroke: currentColor; stroke-opacity: 0.6; stroke-width: 1") for x in answers)
    return (
        '<svg viewBox="0 0 384 120" width="384" role="img" style="margin-top: 0.5rem" '
        f'aria-label="brightness across the edge: {len(answers)} answers, each a step at its own place, and '
        f'{name}">{thin}{line(blend, f"stroke: {COLOURS[1]}; stroke-width: 3")}</svg>'
    )


def _energy(x: Tensor) -> Tensor:
    """Squared differences of neighbouring pixels, summed over each picture."""
    return x.diff(dim=-1).square().sum((-3, -2, -1)) + x.diff(dim=-2).square().sum((-3, -2, -1))
