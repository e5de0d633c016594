"""The kinds of questions that ``make exam`` draws from. Each draws numbers, and asks the models, not the
author, for the answer; a wrong choice is what a typical mistake gives.

A network is small enough for paper, and described so that nobody needs its code. ``given`` holds the numbers
that were drawn: the tests answer from them by other formulas.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from random import Random
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import comparison, cost, slips
from srlib.data import PatchBank
from srlib.degrade import bicubic
from srlib.field import effective_field
from srlib.images import luma, to_uint8
from srlib.inference import in_eval_mode, receptive_radius
from srlib.metrics import psnr
from srlib.models import EDSR, ESPCN, FSRCNN, SRCNN
from srlib.models.wdsr import WideBlock
from srlib.resize import cubic, imresize, weights

TRIES = 200
"""So often numbers are drawn anew until no wrong choice happens to be right."""


@dataclass(frozen=True)
class Question:
    """What is asked, the ``answer``, and the ``way`` to it in a line or two. ``mistakes``: wrong choices,
    each with what leads to it; without any the answer is written, not chosen. ``options``: all choices in
    the order in which they are printed. ``chapter``: where it was taught. ``given``: the numbers drawn."""

    title: str
    chapter: int
    text: str
    answer: str
    way: str
    given: Mapping[str, Any]
    mistakes: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()


def draw_question(kind: Callable[[Random], Question | None], draw: Random) -> Question:
    """A question of this kind. Numbers with which two choices are the same are drawn anew."""
    for _ in range(TRIES):
        made = kind(draw)
        if made is not None and len({made.answer, *made.mistakes}) == (4 if made.mistakes else 1):
            options = [made.answer, *made.mistakes] if made.mistakes else []
            return replace(made, options=tuple(draw.sample(options, len(options))))
    raise RuntimeError(f"no numbers found for a question of the kind {kind.__name__}")


def minus(number: float) -> str:
    """A number as it is printed: −0.5, not -0.5."""
    return f"{number:g}".replace("-", "−")


# --- networks on paper ----------------------------------------------------------------------------


def small_network(draw: Random) -> tuple[str, dict[str, Any], nn.Module]:
    """A network in words, its numbers, and itself."""
    scale = draw.choice([2, 3, 4])
    name = draw.choice(["SRCNN", "FSRCNN", "ESPCN"])
    if name == "SRCNN":
        kernels = draw.choice([5, 7, 9]), draw.choice([1, 3]), draw.choice([3, 5])
        features = draw.choice([16, 24, 32]), draw.choice([8, 12, 20])
        words = (
            f"An SRCNN for luma works on the picture that bicubic has enlarged ×{scale}: a convolution of "
            f"{kernels[0]} × {kernels[0]} from 1 to {features[0]} channels, one of {kernels[1]} × "
            f"{kernels[1]} to {features[1]}, one of {kernels[2]} × {kernels[2]} to 1. Each has biases."
        )
        given = {"kernels": kernels, "features": features}
        net: nn.Module = SRCNN(kernels, features=features)
    elif name == "FSRCNN":
        d, s, m = draw.choice([16, 24, 40]), draw.choice([5, 8, 10]), draw.choice([1, 2, 3])
        words = (
            f"An FSRCNN for luma and ×{scale} takes the small picture: 5 × 5 from 1 to {d} channels, 1 × 1 "
            f"to {s}, {m} layer{'s' * (m > 1)} of 3 × 3 from {s} to {s}, 1 × 1 to {d}; each of these has "
            "biases and a PReLU with one slope a channel. At the end a transposed convolution of 9 × 9, "
            f"stride {scale}, from there to 1 channel, with a bias."
        )
        given = {"d": d, "s": s, "m": m}
        net = FSRCNN(scale, d=d, s=s, m=m)
    else:
        pair = draw.choice([16, 24, 40]), draw.choice([8, 12, 20])
        words = (
            f"An ESPCN for luma and ×{scale} takes the small picture: 5 × 5 from 1 to {pair[0]} channels, 3 "
            f"× 3 to {pair[1]}, 3 × 3 to as many channels as the pixel shuffle by {scale} needs for 1. Each "
            "convolution has biases."
        )
        given = {"features": pair}
        net = ESPCN(scale, features=pair)
    return words, {"network": name, "scale": scale, **given}, net


def numbers_in(net: nn.Module, what: str) -> int:
    """Of the parameters: "filters", "biases" or "slopes" (of a PReLU)."""
    found = {"filters": 0, "biases": 0, "slopes": 0}
    for module in net.modules():
        for key, one in module.named_parameters(recurse=False):
            kind = "slopes" if isinstance(module, nn.PReLU) else "biases" if key == "bias" else "filters"
            found[kind] += one.numel()
    return found[what]


def convolutions(net: nn.Module) -> list[nn.Conv2d | nn.ConvTranspose2d]:
    return [module for module in net.modules() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)]


def parameters(draw: Random) -> Question:
    words, given, net = small_network(draw)
    right = cost.parameters(net)
    flat = sum(one.weight.numel() // one.kernel_size[0] for one in convolutions(net))
    alone = sum(one.out_channels * one.kernel_size[0] ** 2 for one in convolutions(net))
    others = right - numbers_in(net, "filters")
    mistakes = {
        f"{right - numbers_in(net, 'biases'):,}": "the biases were left out",
        f"{flat + others:,}": "the sides of the filters were not squared",
        f"{alone + others:,}": "each filter was given one channel, however many come in",
    }
    return Question(
        title="What does it keep?",
        chapter=4,
        text=f"{words} How many numbers does training change?",
        answer=f"{right:,}",
        way=f"Side² × channels in × channels out for each layer: {numbers_in(net, 'filters'):,}; "
        f"{numbers_in(net, 'biases'):,} biases"
        + (f"; {numbers_in(net, 'slopes'):,} slopes." if numbers_in(net, "slopes") else "."),
        given=given,
        mistakes=mistakes,
    )


def work(draw: Random) -> Question:
    words, given, net = small_network(draw)
    scale = given["scale"]
    height, width = draw.choice([(240, 360), (480, 600), (720, 960)])
    right = cost.multiply_adds(net, height, width, scale if net.scale else None)
    on_large = bool(net.pre_upsample)
    pixels = height * width // (1 if on_large else scale**2)
    wrong_grid = right // scale**2 if on_large else right * scale**2
    half_way = right // scale if on_large else right * scale
    mistakes = {
        f"{right + pixels * numbers_in(net, 'biases'):,}": "the biases, which are added, were counted, too",
        f"{wrong_grid:,}": f"counted on the {'small' if on_large else 'large'} picture",
        f"{half_way:,}": "the number of pixels was changed by the scale, not by its square",
    }
    grid = "large" if on_large else "small"
    return Question(
        title="What does it compute?",
        chapter=5,
        text=f"{words} How many multiplications of filters with pixels does an answer of {height} × {width} "
        "pixels take? (Borders ignored; a transposed convolution counted where its inputs are.)",
        answer=f"{right:,}",
        way=f"Every weight of the filters, {numbers_in(net, 'filters'):,} in all, multiplies once for each "
        f"of the {pixels:,} pixels of the {grid} picture, where all these layers run.",
        given={**given, "height": height, "width": width},
        mistakes=mistakes,
    )


# --- what a pixel sees ----------------------------------------------------------------------------


def side_by_gradient(net: nn.Module, size: int = 63) -> int:
    """Side of the square of input pixels that the middle of the answer depends on: where the gradient is not
    zero. The filters are made positive first, so that nothing cancels."""
    with torch.no_grad():
        for one in convolutions(net):
            one.weight.fill_(1 / one.weight[0].numel())
    seen = effective_field(net, torch.ones(1, 1, size, size)) > 0
    return int(seen.any(dim=0).sum())


def field_of_view(draw: Random) -> Question:
    sides = [draw.choice([1, 3, 5, 7]) for _ in range(draw.choice([3, 4, 5]))]
    sides[0] = draw.choice([5, 7, 9])
    apart = draw.randrange(1, len(sides))
    sides[apart] = draw.choice([3, 5])
    dilations = [2 if i == apart else 1 for i in range(len(sides))]
    layers = [
        nn.Conv2d(1, 1, k, padding=k // 2 * step, dilation=step)
        for k, step in zip(sides, dilations, strict=True)
    ]
    net = nn.Sequential(*layers)
    side = side_by_gradient(net)
    listed = ", ".join(f"{k} × {k}" for k in sides)
    scale = draw.choice([2, 3, 4])
    return Question(
        title="How far does it see?",
        chapter=6,
        text=f"Convolutions of {listed} follow each other, with ReLUs between them, on a picture that was "
        f"enlarged ×{scale} before. In layer {apart + 1} the taps stand two pixels apart (dilation 2). How "
        "many pixels of the enlarged picture, across, can a pixel of the answer depend on? And how many "
        "small pixels is that, in whole and parts? (What the enlarging looks at is not counted.)",
        answer=f"{side} pixels, which is {side / scale:.2f} small ones",
        way="Measured by gradients. By hand: 1, and for each layer its side less one; twice that in the "
        "layer with dilation 2. Then divide by the scale.",
        given={"sides": sides, "apart": apart, "scale": scale},
    )


def tiles(draw: Random) -> Question:
    scale, blocks, tile = draw.choice([2, 3]), draw.randint(2, 7), draw.choice([16, 24, 32, 48, 64])
    radius = receptive_radius(EDSR(scale, blocks=blocks, features=4))
    times = ((tile + 2 * radius) / tile) ** 2
    return Question(
        title="Tiles without seams",
        chapter=13,
        text=f"An EDSR for ×{scale}: a head of 3 × 3, {blocks} blocks of two 3 × 3 each, one more 3 × 3, the "
        f"global skip, a 3 × 3 and a pixel shuffle by {scale}, and a tail of 3 × 3 on the large picture. A "
        f"photograph is enlarged in tiles of {tile} × {tile} small pixels. How many small pixels around each "
        "tile must the network be given, so that no seam can appear? And how many times the work of the "
        "whole photograph is that? (Its border ignored.)",
        answer=f"{radius} pixels around; {times:.2f} times the work",
        way=f"Found by spoiling one pixel of the input. By hand: 1 for the head, 2 for each of {blocks} "
        "blocks, 1 behind them, 1 before the shuffle, and 1 because the tail's large pixel may lie in the "
        f"next small one. The work: (({tile} + 2 × {radius}) / {tile})².",
        given={"scale": scale, "blocks": blocks, "tile": tile},
    )


# --- layers by hand -------------------------------------------------------------------------------


def shuffle(draw: Random) -> Question:
    channels, scale = draw.choice([2, 3, 4, 8]), draw.choice([2, 3, 4])
    height, width = draw.randint(5, 9), draw.randint(10, 14)
    of, row, column = draw.randrange(channels), draw.randrange(scale * height), draw.randrange(scale * width)
    x = torch.arange(channels * scale**2 * height * width).view(1, -1, height, width)
    y = nn.PixelShuffle(scale)(x)
    source = int(y[0, of, row, column]) // (height * width)
    by_column = of * scale**2 + column % scale * scale + row % scale
    by_phase = (row % scale * scale + column % scale) * channels + of

    def said(shape: tuple[int, ...], channel: int) -> str:
        return f"{' × '.join(map(str, shape))}; channel {channel}"

    shape = tuple(y.shape[1:])
    mistakes = {
        said(shape, by_column): "columns were laid out before rows",
        said(shape, by_phase): "the channels of one place were taken to lie side by side",
        said((channels * scale, *shape[1:]), source): "the channels were divided by the scale alone",
    }
    return Question(
        title="Channels into pixels",
        chapter=5,
        text=f"{x.shape[1]} channels of {height} × {width} go through PyTorch's pixel shuffle by {scale}. "
        "Which shape comes out (channels × rows × columns)? And in which channel did the number stand that "
        f"is now in channel {of}, row {row}, column {column}? All are counted from 0.",
        answer=said(shape, source),
        way=f"{scale}² channels become one, sides grow {scale} times. Channel {of} × {scale}² + (row mod "
        f"{scale}) × {scale} + (column mod {scale}).",
        given={"channels": channels, "scale": scale, "height": height, "width": width}
        | {"of": of, "row": row, "column": column},
        mistakes=mistakes,
    )


def bicubic_weights(draw: Random) -> Question:
    scale, a = draw.choice([2, 3, 4]), draw.choice([-0.5, -0.75])
    pixel = draw.choice([i for i in range(5 * scale, 8 * scale) if (2 * i + 1 - scale) % (2 * scale)])
    index, weight = weights(20, 20 * scale, float(scale), cubic(a), True, "symmetric")
    used = [(int(i), float(w)) for i, w in zip(index[pixel], weight[pixel], strict=True) if abs(w) > 1e-12]
    place = Fraction(2 * pixel + 1, 2 * scale) - Fraction(1, 2)
    parts = [Fraction(w).limit_denominator(4096) for _, w in used]
    return Question(
        title="Four neighbours",
        chapter=2,
        text=f"A row is enlarged ×{scale} by Keys' cubic with a = {minus(a)}. Pixel {pixel} of the large row "
        "(counted from 0) is a sum of four pixels of the small one. Which four, and with which weights? The "
        "kernel is (a + 2)|d|³ − (a + 3)|d|² + 1 up to a distance of 1, and a(|d|³ − 5|d|² + 8|d| − 4) from "
        "1 to 2.",
        answer="; ".join(
            f"pixel {i}: {w:.4f} ({part})" for (i, w), part in zip(used, parts, strict=True)
        ).replace("-", "−"),
        way=f"Its place in the small row is ({pixel} + ½) / {scale} − ½ = {place}; the weights are the "
        "kernel at the distances of the two pixels on each side. They sum to 1.",
        given={"scale": scale, "a": a, "pixel": pixel},
    )


def folding(draw: Random) -> Question:
    weight, bias = draw.choice([2, 3, 4, -2, -3]), draw.choice([1, 2, 3, 5])
    gamma, beta = draw.choice([0.5, 1.5, 2, 3]), draw.choice([-1, 0.5, 2])
    mean, variance = draw.choice([-2, 1, 4]), draw.choice([0.25, 4, 16, 25])
    conv, norm = nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1, eps=0)
    with torch.no_grad():
        for one, value in ((conv.weight, weight), (conv.bias, bias), (norm.weight, gamma), (norm.bias, beta)):
            assert one is not None
            one.fill_(value)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.fill_(mean)
        norm.running_var.fill_(variance)
        both = nn.Sequential(conv, norm)
        with in_eval_mode(both):
            at_0, at_1 = (float(both(torch.full((1, 1, 1, 1), x))) for x in (0.0, 1.0))
    return Question(
        title="Fold it away",
        chapter=7,
        text=f"A convolution of 1 × 1, from one channel to one, has the weight {minus(weight)} and the bias "
        f"{bias}. Behind it stands a batch normalisation with γ = {gamma:g}, β = {minus(beta)}, running mean "
        f"{minus(mean)} and running variance {variance:g} (its ε is 0). Which weight and which bias give a "
        "single convolution that answers the same in eval mode?",
        answer=f"weight {minus(at_1 - at_0)}, bias {minus(at_0)}",
        way="Weight × γ / √variance; (bias − mean) × γ / √variance + β. (Read off the two modules' answers "
        "to 0 and to 1.)",
        given={"weight": weight, "bias": bias, "gamma": gamma, "beta": beta}
        | {"mean": mean, "variance": variance},
    )


def weight_norm(draw: Random) -> Question:
    kind, features, wide = draw.choice("AB"), draw.choice([10, 20, 30, 40]), draw.choice([2, 3, 4, 6])
    normed, bare = (WideBlock(features, wide, kind, norm) for norm in ("weight", None))
    right, merged = cost.parameters(normed), cost.parameters(bare)
    layers = convolutions(bare)
    filters = sum(one.out_channels for one in layers)
    narrow = int(0.8 * features)
    steps = (
        f"3 × 3 from {features} to {wide * features} channels, ReLU, 3 × 3 back to {features}"
        if kind == "A"
        else f"1 × 1 from {features} to {wide * features} channels, ReLU, 1 × 1 to {narrow}, 3 × 3 back to "
        f"{features}"
    )
    mistakes = {
        f"{merged:,}": "the lengths were left out: this is the block after merging",
        f"{merged + len(layers):,}": "one length for each layer, not for each filter",
        f"{merged + sum(one.weight.shape[:2].numel() for one in layers):,}": "one length for each pair of "
        "channels, not for each filter",
    }
    return Question(
        title="Length and direction",
        chapter=11,
        text=f"A block of WDSR-{kind}: {steps}. All convolutions have biases and weight normalisation. How "
        "many numbers does training change?",
        answer=f"{right:,}",
        way=f"As without weight normalisation, {merged:,}, and one length for each of the {filters} filters. "
        "The directions are as long as the filters were.",
        given={"kind": kind, "features": features, "wide": wide},
        mistakes=mistakes,
    )


# --- eight views ----------------------------------------------------------------------------------

VIEWS: dict[str, Callable[[Tensor], Tensor]] = {
    "as it is": lambda x: x,
    "left and right exchanged": lambda x: x.flip(-1),
    "top and bottom exchanged": lambda x: x.flip(-2),
    "half turn": lambda x: x.rot90(2, (-2, -1)),
    "quarter turn to the left": lambda x: x.rot90(1, (-2, -1)),
    "quarter turn to the right": lambda x: x.rot90(-1, (-2, -1)),
    "mirrored in the falling diagonal": lambda x: x.mT,
    "mirrored in the rising diagonal": lambda x: x.rot90(2, (-2, -1)).mT,
}


def smeared(kernel: list[list[float]]) -> Callable[[Tensor], Tensor]:
    """Blurred by this kernel, then each square of 2 x 2 averaged."""
    taps = torch.tensor(kernel, dtype=torch.float64)[None, None] / 4
    return lambda x: F.avg_pool2d(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="circular"), taps), 2)


SHRINKING: dict[str, Callable[[Tensor], Tensor]] = {
    "moved along the rows, to both sides alike": smeared([[0, 0, 0], [1, 2, 1], [0, 0, 0]]),
    "moved along the columns, to both sides alike": smeared([[0, 1, 0], [0, 2, 0], [0, 1, 0]]),
    "left a trail along the rows, to one side only": smeared([[0, 0, 0], [0, 3, 1], [0, 0, 0]]),
    "left a trail along the columns, to one side only": smeared([[0, 0, 0], [0, 3, 0], [0, 1, 0]]),
    "moved along the falling diagonal, to both sides alike": smeared([[1, 0, 0], [0, 2, 0], [0, 0, 1]]),
    "moved along the rising diagonal, to both sides alike": smeared([[0, 0, 1], [0, 2, 0], [1, 0, 0]]),
    "kept the first pixel of each square of 2 × 2, top left": lambda x: x[..., ::2, ::2],
}


def valid_views(camera: Callable[[Tensor], Tensor]) -> list[str]:
    """The views that a camera does not tell apart: turning before it is turning after it."""
    x = torch.rand(1, 1, 12, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return [name for name, view in VIEWS.items() if torch.allclose(camera(view(x)), view(camera(x)))]


def views(draw: Random) -> Question:
    words = draw.choice(list(SHRINKING))
    return Question(
        title="Which views are allowed?",
        chapter=9,
        text=f"While it made small pictures, a camera {words}. A network was trained for just that camera. A "
        f"self-ensemble averages its answers to eight views of a small picture: {', '.join(VIEWS)}; each "
        "answer is undone. Which of the eight may be used?",
        answer=", ".join(valid_views(SHRINKING[words])),
        way="Those that leave the camera as it is: turning a picture and then taking it must be the same as "
        "taking it and then turning. (All eight were tried.)",
        given={"camera": words},
    )


# --- measuring ------------------------------------------------------------------------------------


def decibels(draw: Random) -> Question:
    share, large, small = draw.choice([10, 20, 25, 40, 50]), draw.randint(6, 20), draw.randint(1, 4)
    hr = torch.full((1, 20, 20), 100, dtype=torch.uint8)
    sr = hr.clone().flatten()
    wrong = sr.numel() * share // 100
    sr[:wrong] += large
    sr[wrong:] -= small
    found = float(psnr(sr.view_as(hr), hr))
    mse = (share * large**2 + (100 - share) * small**2) / 100
    return Question(
        title="From errors to decibels",
        chapter=1,
        text=f"In a gray picture of 8 bits {share} of a hundred pixels are too bright by {large} levels, all "
        f"others too dark by {small}. What is its PSNR?",
        answer=f"{found:.2f} dB",
        way=f"The mean squared error is {mse:g}; 10 log₁₀(255² / {mse:g}).",
        given={"share": share, "large": large, "small": small},
    )


SLIPS: dict[str, dict[str, Any]] = {
    "red, green and blue are compared, not luma": {"channel": "rgb"},
    "luma is computed from 0 to 255, not from 16 to 235": {"channel": "full"},
    "the border is not left out": {"crop": False},
    "the luma is not rounded to 8 bits": {"round_y": False},
    "the small picture is made without stretching the kernel": {"down": "opencv"},
    "the picture is enlarged with a = −0.75": {"up": "opencv"},
    "the small picture is made of means of squares": {"down": "area"},
    "nothing is rounded": {"round_sr": False, "round_y": False},
}
CLEARLY, SMOOTH = 0.3, 40.0
"""dB by which the right answer must lead: a question on hundredths would be a lottery. And dB from which on a
picture is so easy that the rounding of its numbers decides."""


@lru_cache
def photographs() -> dict[str, Tensor]:
    """The middles of the book's eight photographs."""
    return comparison.pictures()


def protocol(draw: Random) -> Question | None:
    name, scale = draw.choice(sorted(photographs())), draw.choice([2, 3, 4])
    four = draw.sample(sorted(SLIPS), 4)
    picture = {name: photographs()[name]}
    base = slips.score(picture, scale).psnr
    moved = {one: slips.score(picture, scale, slips.Slips(**SLIPS[one])).psnr - base for one in four}
    first, second, *_ = sorted(four, key=lambda one: -abs(moved[one]))
    if base > SMOOTH or abs(moved[first]) < abs(moved[second]) + CLEARLY:
        return None
    return Question(
        title="One slip",
        chapter=1,
        text=f"Bicubic enlargement ×{scale} of the photograph “{name}” is measured by the protocol. Then one "
        "thing is changed. Which change moves the PSNR most?",
        answer=first,
        way="Measured: " + "; ".join(f"{one}, {moved[one]:+.2f} dB" for one in four).replace("-", "−") + ".",
        given={"picture": name, "scale": scale, "four": four},
        mistakes={
            one: f"it moves the number by {minus(round(moved[one], 2))} dB only"
            for one in four
            if one != first
        },
    )


def pixels_seen(draw: Random) -> Question:
    scale, batch, patch = draw.choice([2, 3, 4]), draw.choice([8, 16, 24, 32]), draw.choice([16, 24, 32, 48])
    steps = draw.choice([500, 2_000, 6_000, 40_000])
    bank = PatchBank([torch.rand(3, 200, 200)], scale, channels=3, seed=0)
    lr, hr = bank.sample(batch, patch)
    right, large = (steps * x[:, 0].numel() for x in (lr, hr))
    mistakes = {
        f"{large:,}": "the large pixels were counted",
        f"{right // patch:,}": "the side of the patch was not squared",
        f"{right // batch:,}": "one patch a step, whatever the batch",
    }
    return Question(
        title="What has it seen?",
        chapter=12,
        text=f"A network for ×{scale} is trained for {steps:,} steps, each with {batch} patches of {patch} × "
        f"{patch} small pixels. How many small pixels has it been shown (each counted as often as it came)?",
        answer=f"{right:,}",
        way=f"{steps:,} × {batch} × {patch}²: the number to set beside another paper's before its rows are "
        "compared.",
        given={"scale": scale, "batch": batch, "patch": patch, "steps": steps},
        mistakes=mistakes,
    )


# --- a bug hunt -----------------------------------------------------------------------------------

SCORE = """def score(sr, hr, scale):  # (3, H, W), float in [0, 1]
    sr = to_uint8(sr).double() / 255
    a, b = luma(sr), luma(hr.double())
    a, b = (x[:, scale:-scale, scale:-scale] for x in (a, b))
    mse = (a - b).square().mean()
    return -10 * math.log10(mse)"""
PAIR = """def pair(lr, hr, scale, top, left, side):  # top, left, side: in small pixels
    small = lr[:, top : top + side, left : left + side]
    large = hr[:, scale * top :, scale * left :]
    large = large[:, : scale * side, : scale * side]
    return small, large"""
BUGS: tuple[tuple[str, str, str, str], ...] = (
    (SCORE, "luma(sr), luma(hr.double())", "sr, hr.double()", "colours are compared, not luma"),
    (SCORE, "(a - b).square().mean()", "(a - b).abs().mean()", "the error is not squared"),
    (SCORE, "x[:, scale:-scale, scale:-scale]", "x[:, scale:, scale:-scale]", "the lower border is left in"),
    (SCORE, "/ 255", "/ 256", "all values are darkened a little: 8 bits end at 255"),
    (PAIR, "scale * top :, scale * left", "top :, left", "the place was not multiplied by the scale"),
    (
        PAIR,
        "scale * top :, scale * left",
        "scale * top + 1 :, scale * left",
        "the large square is one row low",
    ),
    (PAIR, "scale * top :, scale * left", "scale * left :, scale * top", "rows and columns are exchanged"),
)
"""Code, what is right in it, what takes its place, and what is then wrong."""


def loss_by(code: str, name: str, scale: int) -> float:
    """What a piece of code makes of the bicubic enlargement of a photograph, in dB."""
    known = {"math": math, "luma": luma, "to_uint8": to_uint8}
    exec(code, known)
    hr = photographs()[name]
    lr = bicubic(hr, scale).clamp(0, 1)
    if "score" in known:
        return float(known["score"](imresize(lr, scale).clamp(0, 1), hr, scale))  # type: ignore[operator]
    small, large = known["pair"](lr, hr, scale, 12, 20, 24)  # type: ignore[operator]
    return float(psnr(imresize(small, scale).clamp(0, 1), large, crop=scale))


def bug_hunt(draw: Random) -> Question:
    code, right, wrong, why = draw.choice(BUGS)
    name, scale = draw.choice(sorted(photographs())), draw.choice([2, 3])
    spoilt = code.replace(right, wrong)
    lines = spoilt.splitlines()
    number = next(i for i, (a, b) in enumerate(zip(code.splitlines(), lines, strict=True)) if a != b)
    mended, found = loss_by(code, name, scale), loss_by(spoilt, name, scale)
    aim = "PSNR by the protocol, luma unrounded" if code == SCORE else "a small square and its large one"
    listing = "\n".join(f"{i}  {line}" for i, line in enumerate(lines))
    measure = "it says" if code == SCORE else "bicubic, compared with the large square, has"
    return Question(
        title="Bug hunt",
        chapter=1 if code == SCORE else 4,
        text=f"This runs without a complaint, and is to give {aim}. One line is wrong. Which one? Write it "
        f"as it should be, and say in a sentence what the fault does to the numbers.\n\n```\n{listing}\n```",
        answer=f"line {number}: `{code.splitlines()[number].strip()}`",
        way=f"As it stands, {why}. On “{name}” ×{scale} {measure} {found:.2f} dB, and mended {mended:.2f} "
        "dB.",
        given={"line": number, "wrong": wrong, "right": right, "picture": name, "scale": scale}
        | {"found": found, "mended": mended},
    )


KINDS: tuple[Callable[[Random], Question | None], ...] = (
    parameters,
    work,
    field_of_view,
    tiles,
    shuffle,
    bicubic_weights,
    folding,
    weight_norm,
    views,
    decibels,
    protocol,
    pixels_seen,
    bug_hunt,
)
ALWAYS = (parameters, field_of_view, tiles, protocol)
"""What no exam is without: counts, receptive fields, overlaps, protocol."""
