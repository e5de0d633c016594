"""Where checkerboards come from: overlap counts, and what untrained layers make of a flat picture
(chapter 5)."""

from functools import cache

import torch
from torch import Tensor, nn

from srlib.show._html import Html, data_uri, escape
from srlib.show._look import framed
from srlib.show.live import Explorer, choose, slide

WAYS = {
    **{f"transposed convolution, k = {k}": k for k in (2, 3, 4, 6, 9)},
    "pixel shuffle": "shuffle",
    "pixel shuffle with ICNR": "icnr",
    "resize-convolution": "resize",
}
"""The ways up: a transposed convolution by its kernel's side, or a 3x3 convolution before a pixel shuffle or
after nearest-neighbour enlarging."""

SEEDS = range(20)


def checkerboard() -> Explorer:
    """Choose last layer, scale and seed; see how many inputs meet in each output pixel, and what the fresh
    layer makes of flat gray, with the strength of the pattern in gray levels. Chapter 5."""
    return Explorer(
        _drawing,
        {
            "way": choose("last layer", WAYS, "transposed convolution, k = 4"),
            "scale": slide("scale", (2, 3, 4), 3),
            "seed": slide("seed", SEEDS, 0, still=(0, 1, 2, 3)),
        },
        "Checkerboards: overlap and flat gray",
    )


# --- the numbers ----------------------------------------------------------------------------------


def overlaps(kernel: int, stride: int, padding: int = 0) -> Tensor:
    """How many input pixels paint each of ``stride`` neighbouring output pixels, away from the border, in a
    transposed convolution of ``kernel`` taps: int64 (stride,). Equal only where the stride divides the
    kernel; a 0 is a gap. ``padding``: output pixels cut off before the first. In two dimensions the counts
    multiply. Chapter 5."""
    if kernel < 1 or stride < 1:
        raise ValueError(f"kernel and stride must be 1 or more, not {kernel} and {stride}")
    taps = torch.bincount(torch.arange(kernel) % stride, minlength=stride)  # taps that serve each phase
    return taps.roll(-padding)


def pixel_shuffle(x: Tensor, scale: int) -> Tensor:
    """(N, C * scale^2, H, W) to (N, C, scale * H, scale * W): the channels of a pixel become a square of
    ``scale`` x ``scale`` pixels, row by row. Equal to ``nn.PixelShuffle``. Chapter 5."""
    n, channels, height, width = x.shape
    if channels % scale**2:
        raise ValueError(
            f"{channels} channels make no squares of {scale} x {scale}; have a multiple of {scale**2}"
        )
    x = x.view(n, channels // scale**2, scale, scale, height, width)
    x = x.permute(0, 1, 4, 2, 5, 3)  # (N, C, H, scale, W, scale)
    return x.reshape(n, channels // scale**2, height * scale, width * scale)


def icnr(weight: Tensor, scale: int) -> Tensor:
    """Weights (or biases) for the convolution before a pixel shuffle, as Aitken et al. (2017) initialise it:
    the first of each ``scale``^2 output filters, copied to all of them, so that the layer starts as a
    nearest-neighbour enlargement of one convolution. Chapter 5."""
    if len(weight) % scale**2:
        raise ValueError(f"{len(weight)} filters make no groups of {scale**2}; have a multiple of it")
    return weight[:: scale**2].repeat_interleave(scale**2, dim=0)


NONE = 1e-3
"""Gray levels: a weaker pattern is float32's rounding, a little different on each machine."""


def pattern_energy(x: Tensor, scale: int) -> float:
    """The strength of a pattern of period ``scale`` in ``x`` (..., H, W) in [0, 1], in gray levels (0..255):
    the standard deviation over the means of the scale x scale phases. For a flat picture's enlargement,
    border cut, it is what ``srlib.experiments.chapters.checkerboard`` measures at one gray. Chapter 5."""
    height, width = x.shape[-2:]
    if height % scale or width % scale:
        raise ValueError(
            f"{height} x {width} does not divide by {scale}; use crop_to_multiple(x, {scale}) first"
        )
    phases = (
        x.detach().double().reshape(-1, height // scale, scale, width // scale, scale).mean(dim=(0, 1, 3))
    )
    return 255 * float((phases - phases[0, 0]).std(correction=0))  # differences: equal phases give exactly 0


def layer(way: int | str, scale: int, seed: int) -> nn.Module:
    """An untrained layer in PyTorch's default initialisation, the seed set just before: from (N, 1, H, W) to
    (N, 1, scale * H, scale * W), a transposed convolution uncropped. Its weights are multiplied by ``scale``:
    PyTorch starts it as if all kernel * kernel taps met in a pixel, but only (kernel / scale)^2 do; so all
    ways start alike. ``way``: a value of ``WAYS``. Chapter 5."""
    if way not in WAYS.values():
        raise ValueError(f"way must be one of {', '.join(map(str, WAYS.values()))}, not {way!r}")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if isinstance(way, int):
            transposed = nn.ConvTranspose2d(1, 1, way, stride=scale)
            with torch.no_grad():
                transposed.weight.mul_(scale)
            return transposed
        if way == "resize":
            return nn.Sequential(nn.Upsample(scale_factor=scale), nn.Conv2d(1, 1, 3, padding=1))
        convolution = nn.Conv2d(1, scale**2, 3, padding=1)
    if way == "icnr":
        assert convolution.bias is not None
        with torch.no_grad():
            convolution.weight.copy_(icnr(convolution.weight, scale))
            convolution.bias.copy_(icnr(convolution.bias, scale))
    return nn.Sequential(convolution, nn.PixelShuffle(scale))


@torch.no_grad()
def of_flat_gray(way: int | str, scale: int, seed: int) -> Tensor:
    """What ``layer`` makes of a picture that is 0.5 everywhere, border cut: (12 * scale, 12 * scale)."""
    y = layer(way, scale, seed)(torch.full((1, 1, 24, 24), 0.5))
    inner = slice(6 * scale, 18 * scale)  # no kernel here reaches further than 5 input pixels
    return y[0, 0, inner, inner]


# --- the drawing ----------------------------------------------------------------------------------


def _drawing(way: int | str, scale: int, seed: int) -> Html:
    counts = _counts(way, scale)
    flat = of_flat_gray(way, scale, seed)
    energy = pattern_energy(flat, scale)
    in_turn = ", ".join(map(str, counts.tolist()))
    two = counts[:, None] * counts
    share = two.repeat(12 // scale, 12 // scale) / two.max()
    # the layer's own mean is no pattern: it is moved to middle gray, contrast as it is
    shown = (flat - flat.mean() + 0.5).clamp(0, 1)
    tiles = [
        (
            f"In a row {in_turn} inputs meet; a bar is what one of them paints",
            _footprints(way, scale, counts),
        ),
        (
            "In the plane: brightest where most inputs meet",
            '<div style="align-items: center; display: flex; gap: 0.75rem">'
            f"{_picture(share, 'the counts of the table as brightness', 96)}{_table(two)}</div>",
        ),
        (
            f"Flat gray through the untrained layer: {energy:.1f} gray levels",
            _picture(shown, _seen(energy, scale), 144),
        ),
    ]
    inner = "".join(
        f'<div class="tile"><span class="label">{escape(label)}</span>{html}</div>' for label, html in tiles
    )
    columns = "display: grid; grid-template-columns: repeat(auto-fit, 15rem); gap: 0.75rem"
    group = f"Overlap counts {in_turn} and what an untrained layer makes of flat gray, x{scale}"
    return framed(f'<div class="tiles" style="{columns}">{inner}</div>', _verdict(way, scale, counts), group)


def _counts(way: int | str, scale: int) -> Tensor:
    """Input pixels behind each output pixel, one period along a row."""
    if isinstance(way, int):
        return overlaps(way, scale)
    # A 3x3 convolution before the shuffle is a transposed convolution of 3 * scale taps; after the
    # nearest-neighbour enlargement a pixel spreads over its own scale copies and one more on each side.
    return overlaps(scale + 2, scale, 1) if way == "resize" else overlaps(3 * scale, scale, scale)


@cache
def _over_seeds(way: int | str, scale: int) -> tuple[float, float, float]:
    """Mean, lowest and highest energy over the seeds: one lucky seed teaches nothing."""
    found = [pattern_energy(of_flat_gray(way, scale, seed), scale) for seed in SEEDS]
    return sum(found) / len(found), min(found), max(found)


def _of_equal_weights(counts: Tensor) -> float:
    """The pattern's energy when all weights are equal and keep the gray of 0.5 on average: overlap alone."""
    two = (counts[:, None] * counts).double()
    return pattern_energy(0.5 * two / two.mean(), len(counts))


def _verdict(way: int | str, scale: int, counts: Tensor) -> str:
    in_turn = ", ".join(map(str, counts.tolist()))
    mean, low, high = _over_seeds(way, scale)
    spread = f" Over {len(SEEDS)} seeds: {mean:.1f} gray levels on average, {low:.1f} to {high:.1f}."
    if high == 0:
        spread = f" No pattern at all for any of {len(SEEDS)} seeds."
    if way == "resize":
        return (
            f"After nearest-neighbour enlarging, {in_turn} different inputs lie under the 3 taps in turn, "
            "but every output pixel adds up the same weights: flat stays flat." + spread
        )
    if way == "icnr":
        return (
            f"Every output pixel sees 3 inputs a row, and ICNR gives all {scale**2} phases the same filter: "
            "flat stays flat, until training makes the filters differ." + spread
        )
    if way == "shuffle":
        return (
            f"Every output pixel sees 3 inputs a row, but each of the {scale**2} phases has a filter and "
            "a bias of its own: even counts, and a pattern all the same." + spread
        )
    taps = f"Stride {scale} and kernel {way}"
    if 0 in counts:
        return f"{taps}: no input reaches some output pixels ({in_turn}); they hold the bias alone." + spread
    if counts.min() < counts.max():
        return (
            f"{taps}: {in_turn} inputs in turn, so even equal weights would leave a pattern: "
            f"{_of_equal_weights(counts):.1f} gray levels on middle gray. "
            "Random ones leave one in any case." + spread
        )
    return (
        f"{taps}: the stride divides the kernel and {in_turn} inputs meet in turn. Equal weights would leave "
        "no pattern; random ones do, as strong as with any other kernel, because each phase uses taps of its "
        "own." + spread
    )


def _seen(energy: float, scale: int) -> str:
    if energy < NONE:
        return "even gray without any pattern"
    return f"gray with a pattern that repeats every {scale} pixels, {energy:.1f} gray levels strong"


def _picture(x: Tensor, alt: str, width: int) -> str:
    style = f"outline: 1px solid; outline-offset: -1px; width: {width}px"
    return f'<img src="{data_uri(x[None])}" alt="{escape(alt)}" style="{style}">'


def _table(counts: Tensor) -> str:
    """One period of the two-dimensional counts, as numbers."""
    rows = ""
    for row in counts.tolist():
        rows += f"<tr>{''.join(f'<td>{count}</td>' for count in row)}</tr>"
    return f'<table aria-label="inputs behind each output pixel, one period">{rows}</table>'


def _footprints(way: int | str, scale: int, counts: Tensor) -> str:
    """One bar for each input pixel, as long as what it paints of 12 output pixels in a row, and under them
    how many bars lie above each."""
    if isinstance(way, int):
        taps, padding = way, 0
    else:
        taps, padding = (scale + 2, 1) if way == "resize" else (3 * scale, scale)
    cell, lane = 22, 9
    lanes = -(-taps // scale)  # so many bars lie above each other at most
    bars = []
    for i in range(-taps, 12):
        left, right = max(0, i * scale - padding), min(12, i * scale - padding + taps)
        if left < right:
            y = i % lanes * lane
            width = (right - left) * cell - 2
            bars.append(f'<rect x="{left * cell + 1}" y="{y + 1}" width="{width}" height="{lane - 2}"/>')
    bottom = lanes * lane + 3
    outputs = "".join(
        f'<text x="{(o + 0.5) * cell}" y="{bottom + 15}">{int(counts[o % scale])}</text>' for o in range(12)
    )
    boxes = "".join(f"M{o * cell + 1} {bottom}h{cell - 2}v{cell - 2}h-{cell - 2}z" for o in range(12))
    words = (
        f"each input pixel paints {taps} outputs, {scale} apart; behind the outputs lie in turn "
        + ", ".join(map(str, counts.tolist()))
    )
    return (
        f'<svg role="img" aria-label="{escape(words)}" viewBox="0 0 {12 * cell} {bottom + cell}" '
        f'width="{12 * cell}" fill="currentColor" font-size="12" text-anchor="middle">'
        f'<g fill-opacity=".55">{"".join(bars)}</g>{outputs}'
        f'<path d="{boxes}" fill="none" stroke="currentColor" stroke-opacity=".5"/></svg>'
    )
