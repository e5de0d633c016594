"""The exercises of chapter 5: FSRCNN and ESPCN."""

import statistics
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import comparison, zoo
from srlib.check.exercise import NotYet, Verdict, asked, attempt, expect
from srlib.check.truth import BrokenClaim, same_network
from srlib.degrade import bicubic
from srlib.images import luma
from srlib.metrics import psnr
from srlib.models import FSRCNN

SCALE = 3
BUG_COST = 1.593
"""dB that the bug of exercise 5.4 costs at x3, mean over the comparison table's pictures."""


# --- 5.1: count without painting ------------------------------------------------------------------


def check_fewest_and_most(answer: Callable[[int, int], Any]) -> Verdict:
    """``answer(k, stride)``: the fewest and the most strokes that a pixel gets in the plane."""
    return attempt(
        "5.1",
        answer,
        _fewest_and_most,
        "only where the stride divides k are the two numbers equal, so a k for every scale has to be a "
        "multiple of 12 for x2, x3 and x4.",
    )


def _fewest_and_most(answer: Callable[[int, int], Any]) -> None:
    for k, stride in ((4, 3), (9, 3), (9, 2), (9, 4), (5, 2), (3, 4), (6, 3)):
        taps = torch.bincount(torch.arange(k) % stride, minlength=stride)  # strokes along a row
        low, high = int(taps.min()), int(taps.max())
        found = asked(answer, k, stride)
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise NotYet(f"Return a pair, the fewest and the most, not {found!r}.")
        pair = tuple(float(one) for one in found)
        if pair == (low**2, high**2):
            continue
        if pair == (low, high):
            raise NotYet(
                f"k = {k} at stride {stride} gives {low} and {high} along a row. In the plane the strokes of "
                "rows and columns multiply."
            )
        if pair == (high**2, low**2):
            raise NotYet("The fewest comes first, then the most.")
        raise NotYet(
            f"For k = {k} at stride {stride} you say {found[0]} and {found[1]}. Along a row {k} taps go to "
            f"{stride} neighbouring pixels in turn: {', '.join(map(str, taps.tolist()))}. Square the "
            "smallest and the largest."
        )


# --- 5.2: FSRCNN's bill ---------------------------------------------------------------------------


def check_bill(answer: Callable[[int, int, int], Any]) -> Verdict:
    """``answer(d, s, m)``: FSRCNN's multiplications for one pixel of the small picture."""
    return attempt(
        "5.2",
        answer,
        _bill,
        "more than a third of FSRCNN's bill is the last layer, and mapping all 56 features would have cost "
        "more than twenty times what mapping 12 does.",
    )


def _bill(answer: Callable[[int, int, int], Any]) -> None:
    for d, s, m in ((56, 12, 4), (32, 5, 1), (10, 3, 2), (10, 3, 0)):
        with torch.random.fork_rng(devices=[]):
            net = FSRCNN(SCALE, d=d, s=s, m=m)
        parts = {name: _weights(part) for name, part in net.named_children()}
        wanted = sum(parts.values())
        found = float(asked(answer, d, s, m))
        if found == wanted:
            continue
        gap = wanted - found
        where = f"For d = {d}, s = {s}, m = {m} you count {found:,.0f}"
        missing = [name for name, work in parts.items() if work and work == gap]
        if missing:
            raise NotYet(f"{where}; what is missing is just the part called {' or '.join(missing)}.")
        if found == sum(p.numel() for p in net.parameters()):
            raise NotYet(f"{where}: that is all parameters. Biases and slopes multiply nothing here.")
        if found == wanted + (SCALE**2 - 1) * parts["deconv"]:
            raise NotYet(f"{where}: the last layer's 81 taps press once for each *small* pixel, no oftener.")
        raise NotYet(
            f"{where}, it should be {wanted:,}. From a to b channels with k x k taps there are a * b * k * k "
            "weights; the parts are 5x5, 1x1, m times 3x3, 1x1 and 9x9."
        )


def _weights(part: nn.Module) -> int:
    return sum(p.numel() for p in part.parameters() if p.ndim == 4)


# --- 5.3: space to depth --------------------------------------------------------------------------


def check_unshuffle(answer: Callable[[Tensor, int], Any]) -> Verdict:
    """``answer(x, scale)``: what undoes the pixel shuffle."""
    return attempt(
        "5.3",
        answer,
        _unshuffle,
        "nothing was computed and nothing was lost: with scale 2 a picture of one channel is four small "
        "pictures, each shifted by one pixel.",
    )


def _unshuffle(answer: Callable[[Tensor, int], Any]) -> None:
    random = torch.Generator().manual_seed(0)
    for shape, scale in (((1, 1, 4, 6), 2), ((2, 3, 6, 9), 3), ((1, 2, 8, 4), 4)):
        x = torch.rand(shape, generator=random)
        wanted = F.pixel_unshuffle(x, scale)
        found = asked(answer, x, scale)
        if tuple(found.shape) != tuple(wanted.shape):
            raise NotYet(
                f"{shape} at scale {scale} should become {tuple(wanted.shape)}, not {tuple(found.shape)}."
            )
        if torch.equal(found, wanted):
            continue
        n, c, h, w = shape
        turned = wanted.view(n, c, scale, scale, h // scale, w // scale).transpose(2, 3).reshape(wanted.shape)
        if torch.equal(found, turned):
            raise NotYet(
                "Rows and columns of the square are exchanged: the channels count along its first row first."
            )
        raise NotYet(
            f"The shape is right, the numbers are in another order (seen at {shape}, scale {scale}). Split "
            "first: rows into (H, scale) and columns into (W, scale), in this order. Then move the two axes "
            "called scale in front of H and W."
        )


# --- 5.4: bug hunt --------------------------------------------------------------------------------


def given_enlarge(features: Tensor, stored: Tensor, bias: Tensor, scale: int) -> Tensor:
    """The code that the reader is given, with its bug."""
    weight = stored.permute(3, 2, 1, 0)
    before = (stored.shape[0] - 1) // 2
    after = scale - stored.shape[0] + 2 * before
    return F.conv_transpose2d(features, weight, bias, scale, before, output_padding=after)


def check_enlarge(answer: Callable[..., Any], given: Callable[..., Any]) -> Verdict:
    """``answer(features, stored, bias, scale)``: a transposed convolution whose weights (k, k, D, C) come
    from another library, with the bug mended. ``given``: as it was."""
    return attempt(
        "5.4",
        answer,
        _enlarge,
        f"the bug costs {BUG_COST:.2f} dB at x3. TensorFlow stores its transposed convolutions in this very "
        "order, and a `.T` on the way to PyTorch is quickly written.",
        given=given,
    )


def _enlarge(answer: Callable[..., Any]) -> None:
    dot = torch.zeros(1, 1, 5, 5)
    dot[..., 2, 2] = 1
    lying = torch.zeros(9, 9, 1, 1)
    lying[4] = 1  # one row of the brush
    out = asked(answer, dot, lying, torch.zeros(1), 3)
    if tuple(out.shape) != (1, 1, 15, 15):
        raise NotYet(f"5 x 5 pixels at x3 should be (1, 1, 15, 15), not {tuple(out.shape)}.")
    rows, columns = (int((out[0, 0].sum(dim=dim) > 0.5).sum()) for dim in (1, 0))
    if (rows, columns) == (9, 1):
        raise NotYet(
            "A brush that is a bar along a row (`stored[4] = 1`), pressed once, leaves a bar that stands "
            "upright. The two axes of the brush are still exchanged."
        )
    random = torch.Generator().manual_seed(0)
    for channels, k, scale in ((1, 9, 3), (4, 9, 2), (3, 5, 4)):
        x = torch.rand(2, channels, 6, 5, generator=random)
        stored = torch.randn(k, k, 2, channels, generator=random)
        bias = torch.randn(2, generator=random)
        before = (k - 1) // 2
        wanted = F.conv_transpose2d(
            x, stored.permute(3, 2, 0, 1), bias, scale, before, output_padding=scale - k + 2 * before
        )
        expect(
            asked(answer, x, stored, bias, scale),
            wanted,
            f"That was a random brush of {k} x {k} from {channels} channels to 2, at x{scale}. PyTorch wants "
            "(channels in, channels out, row, column).",
        )


def bug_cost() -> float:
    """What the bug costs in dB at x3 on the comparison table's pictures, measured now."""
    net: Any = zoo.load("fsrcnn", SCALE)
    weight, bias = net.deconv.weight, net.deconv.bias
    stored = weight.permute(2, 3, 1, 0)
    losses = []
    for picture in comparison.pictures().values():
        hr = luma(picture)
        with torch.no_grad():
            x = bicubic(hr, SCALE)[None]
            x = net.expand(net.map(net.shrink(net.extract(x))))
            right = F.conv_transpose2d(x, weight, bias, SCALE, 4, output_padding=SCALE - 1)
            wrong = given_enlarge(x, stored, bias, SCALE)
        scores = [float(psnr(sr[0].clamp(0, 1), hr, crop=SCALE)) for sr in (right, wrong)]
        losses.append(scores[0] - scores[1])
    return statistics.fmean(losses)


# --- 5.5: from a blank cell -----------------------------------------------------------------------


def check_small_fsrcnn(answer: Callable[[int], Any]) -> Verdict:
    """``answer(scale)``: FSRCNN with d = 32, s = 5, m = 1, from memory."""
    return attempt(
        "5.5",
        answer,
        _small_fsrcnn,
        "with the same weights your network gives the library's answer, at x2, x3 and x4.",
    )


def _small_fsrcnn(answer: Callable[[int], Any]) -> None:
    for scale in (2, 3, 4):
        mine = asked(answer, scale)
        if not isinstance(mine, nn.Module):
            raise NotYet(f"Return a network, an nn.Module, not {type(mine).__name__}.")
        theirs = FSRCNN(scale, d=32, s=5, m=1)
        slopes, wanted = (
            [p.numel() for m in net.modules() if isinstance(m, nn.PReLU) for p in m.parameters()]
            for net in (mine, theirs)
        )
        if slopes != wanted:
            raise NotYet(
                f"The PReLUs have {slopes} slopes, they should have {wanted}: one for each channel, after "
                "each layer but the last."
            )
        x = torch.rand(1, 1, 7, 9, generator=torch.Generator().manual_seed(0))
        size = tuple(mine(x).shape)
        if size != (1, 1, 7 * scale, 9 * scale):
            raise NotYet(
                f"At x{scale} a picture of 7 x 9 pixels should become {7 * scale} x {9 * scale}, yours is "
                f"{' x '.join(map(str, size[2:]))}. Which padding keeps a convolution's size, and what does "
                "the brush need?"
            )
        try:
            same_network(mine, theirs, x)
        except BrokenClaim as fault:
            raise NotYet(f"At x{scale}: {fault}.") from None


# --- 5.6: any brush as a shuffle ------------------------------------------------------------------


def check_any_brush(answer: Callable[[Tensor, int], Any]) -> Verdict:
    """``answer(weight, scale)``: (C, 1, k, k) as the weights of a convolution before a pixel shuffle."""
    return attempt(
        "5.6",
        answer,
        _any_brush,
        "every transposed convolution is a convolution and a shuffle; where the scale does not divide k some "
        "of its taps are zeros, and those are the missing strokes.",
    )


def _any_brush(answer: Callable[[Tensor, int], Any]) -> None:
    random = torch.Generator().manual_seed(0)
    for channels, k, scale in ((2, 6, 3), (1, 4, 3), (3, 9, 2), (2, 9, 4), (2, 2, 3)):
        weight = torch.randn(channels, 1, k, k, generator=random)
        x = torch.randn(1, channels, 5, 6, generator=random)
        t = -(-k // scale)
        found = asked(answer, weight, scale)
        if tuple(found.shape) != (scale**2, channels, t, t):
            raise NotYet(
                f"k = {k} at scale {scale} from {channels} channels should give "
                f"{(scale**2, channels, t, t)}, not {tuple(found.shape)}."
            )
        wanted = F.conv_transpose2d(x, weight, stride=scale)
        painted = F.pixel_shuffle(F.conv2d(x, found, padding=t - 1), scale)
        if painted[..., : wanted.shape[-2], : wanted.shape[-1]].allclose(wanted, atol=1e-4):
            continue
        mirrored = F.pixel_shuffle(F.conv2d(x, found.flip(2, 3), padding=t - 1), scale)
        if t > 1 and mirrored[..., : wanted.shape[-2], : wanted.shape[-1]].allclose(wanted, atol=1e-4):
            raise NotYet("Each small filter is the wrong way round: turn its rows and columns about.")
        shown = "the scale divides k here" if k % scale == 0 else "here zeros have to be added"
        raise NotYet(
            f"k = {k} at scale {scale} paints another picture ({shown}). Row `scale * step + phase` of the "
            "brush is tap `step` of that phase; zeros at the right and below move no stroke."
        )
