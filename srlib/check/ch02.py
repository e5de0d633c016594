"""The exercises of chapter 2: interpolation."""

import statistics
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from srlib import comparison
from srlib.check.exercise import NotYet, Verdict, asked, attempt, expect
from srlib.degrade import bicubic
from srlib.metrics import psnr
from srlib.resize import cubic, imresize

SCALE = 3
BUG_COST = 1.096
"""dB that the bug of exercise 2.4 costs at x3, mean over the comparison table's pictures."""


# --- 2.1: four neighbours -------------------------------------------------------------------------


def check_neighbours(answer: Callable[[int, int], Any]) -> Verdict:
    """``answer(i, scale)``: the four samples that the cubic uses for pixel i of the large row."""
    return attempt(
        "2.1",
        answer,
        _neighbours,
        "the four numbers stay the same for several pixels in a row: only their weights change.",
    )


def _neighbours(answer: Callable[[int, int], Any]) -> None:
    # x3 and i = 15 come first: there neither rounding nor a forgotten half gives the right four by luck
    for i, scale, wanted in ((15, 3, [3, 4, 5, 6]), (9, 2, [3, 4, 5, 6]), (20, 4, [3, 4, 5, 6])):
        found = [int(one) for one in asked(answer, i, scale)]
        if len(found) != 4:
            raise NotYet(f"A cubic reaches two pixels to each side: four samples, not {len(found)}.")
        if found != wanted:
            place = (i + 0.5) / scale - 0.5
            raise NotYet(
                f"Pixel {i} at x{scale} lies at {place:.2f}, between the samples {wanted[1]} and "
                f"{wanted[2]}; you name {found}. Two of the four lie on each side."
            )
    if [int(one) for one in asked(answer, 0, 2)] != [-2, -1, 0, 1]:
        raise NotYet("Pixel 0 at x2 lies at -0.25, so it starts with -2: floor rounds down below zero too.")


# --- 2.2: which a? --------------------------------------------------------------------------------


def check_find_a(answer: Callable[[Callable[[Tensor], Tensor]], Any]) -> Verdict:
    """``answer(enlarge)``: the a of the cubic that ``enlarge`` (a row to one of twice the length) uses."""
    return attempt(
        "2.2",
        answer,
        _find_a,
        "one bright pixel tells everything about a method that is linear. Try it on a program of yours.",
    )


def _find_a(answer: Callable[[Callable[[Tensor], Tensor]], Any]) -> None:
    for a in (-0.5, -0.75, -1.0, -0.2):
        kernel = cubic(a)

        def enlarge(row: Tensor, kernel: Any = kernel) -> Tensor:
            if not isinstance(row, Tensor) or row.ndim != 1:
                raise NotYet("Hand `enlarge` a row: a tensor with one axis.")
            if len(row) < 8:
                raise NotYet("Take a row of 8 samples or more, with the bright one in its middle.")
            out: Tensor = imresize(row.double()[None], scale=(1, 2), kernel=kernel)[0]
            return out

        found = asked(answer, enlarge)
        expect(
            found,
            a,
            "Make a row of zeros with one 1 in it. The large pixels at distance 1.25 from it hold k(1.25), "
            "which is a times a number that the formula gives.",
            tolerance=1e-3,
        )


# --- 2.3: where does a frequency go? --------------------------------------------------------------


def check_alias(answer: Callable[[float, int], Any]) -> Verdict:
    """``answer(frequency, every)``: where a frequency lands when only each ``every``-th pixel is kept."""
    return attempt(
        "2.3",
        answer,
        _alias,
        "everything above the limit folds back below it, and nothing in the small picture says so.",
    )


def _alias(answer: Callable[[float, int], Any]) -> None:
    for frequency, every in ((0.1, 2), (0.4, 3), (0.3, 2), (0.26, 4), (0.45, 4), (0.5, 2), (0.48, 3)):
        n = torch.arange(1200, dtype=torch.float64)
        kept = torch.cos(2 * torch.pi * frequency * n)[::every]  # the wave itself decides
        strength = torch.fft.rfft(kept - kept.mean()).abs()
        wanted = float(strength.argmax()) / len(kept) if float(strength.max()) > 1e-6 else 0.0
        found = float(asked(answer, frequency, every))
        if found > 0.5:
            raise NotYet(
                f"{frequency} with one pixel of {every} kept gives {found:.3g}: no frequency is above half. "
                "A wave of frequency g and one of g - 1 have the same samples."
            )
        expect(
            found,
            wanted,
            f"That was the frequency {frequency}, keeping one pixel of {every}. First count in cycles per "
            "small pixel, then take whole cycles away, which no sample sees. The sign does not matter.",
            tolerance=2e-3,
        )


# --- 2.4: bug hunt --------------------------------------------------------------------------------


def sample(x: Tensor, places: Tensor, axis: int) -> Tensor:
    """The values of ``x`` (H, W) at ``places`` along an axis, by Keys' cubic with mirrored borders. It is
    right; the bug is elsewhere."""
    n = x.shape[axis]
    taps = torch.arange(-3, n + 3)
    weight = torch.from_numpy(cubic().function((places[:, None].double() - taps).numpy()))
    weight = weight / weight.sum(dim=1, keepdim=True)  # (places, taps)
    index = torch.minimum(taps % (2 * n), 2 * n - 1 - taps % (2 * n))
    matrix = torch.zeros(len(places), n, dtype=torch.float64).index_add(1, index, weight)
    return torch.movedim(matrix @ torch.movedim(x.double(), axis, 0), 0, axis)


def given_enlarge(x: Tensor, scale: int) -> Tensor:
    """The code that the reader is given, with its bug."""
    for axis in (0, 1):
        n = x.shape[axis]
        places = torch.linspace(0, n - 1, n * scale, dtype=torch.float64)
        x = sample(x, places, axis)
    return x


def check_enlarge(answer: Callable[[Tensor, int], Any], given: Callable[..., Any]) -> Verdict:
    """``answer(x, scale)``: bicubic enlargement of (H, W), with the bug mended. ``given``: as it was."""
    return attempt(
        "2.4",
        answer,
        _enlarge,
        f"the bug costs {BUG_COST:.2f} dB at x3. OpenCV does not have it; torch calls it "
        "`align_corners=True` and offers it.",
        given=given,
    )


def _enlarge(answer: Callable[[Tensor, int], Any]) -> None:
    ramp = torch.arange(12, dtype=torch.float64).repeat(8, 1)
    out = asked(answer, ramp, 4)
    if tuple(out.shape) != (32, 48):
        raise NotYet(f"8 x 12 pixels at x4 are 32 x 48, not {' x '.join(map(str, out.shape))}.")
    step = float(out[16, 25] - out[16, 24])
    if abs(step - 0.25) > 1e-3:
        raise NotYet(
            f"On a ramp that rises by 1 a pixel, two neighbours of the x4 picture differ by {step:.4f}. A "
            "large pixel is a quarter as wide as a small one, so it should be 0.25: the places are pulled "
            "apart or pressed together."
        )
    x = torch.rand(9, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for scale in (2, 3, 4):
        expect(
            asked(answer, x, scale),
            imresize(x, scale),
            f"At x{scale} all is shifted. The first small pixel is as wide as {scale} large ones; the middle "
            f"of the first large one lies at {0.5 / scale - 0.5:.3f}.",
            tolerance=1e-6,
        )


def bug_cost() -> float:
    """What the bug costs in dB at x3 on the comparison table's pictures, measured now."""
    losses = []
    for hr in comparison.pictures().values():
        lr = bicubic(hr, SCALE).double()
        bad = torch.stack([given_enlarge(plane, SCALE) for plane in lr])
        scores = [float(psnr(sr.clamp(0, 1), hr, crop=SCALE)) for sr in (imresize(lr, SCALE), bad)]
        losses.append(scores[0] - scores[1])
    return statistics.fmean(losses)


# --- 2.5: back-projection for any camera ----------------------------------------------------------


def check_agree(answer: Callable[..., Any]) -> Verdict:
    """``answer(sr, lr, shrink, enlarge, steps)``: back-projection with any way of shrinking."""
    return attempt(
        "2.5",
        answer,
        _agree,
        "with means and nearest neighbour one step is enough: the error of a square is shared equally by its "
        "pixels. The method needs a `shrink` that is the camera's, and knows nothing else.",
    )


def _agree(answer: Callable[..., Any]) -> None:
    random = torch.Generator().manual_seed(0)
    sr, lr = torch.rand(1, 12, 15, generator=random), torch.rand(1, 4, 5, generator=random)

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 3)

    def nearest(x: Tensor) -> Tensor:
        return x.repeat_interleave(3, dim=-2).repeat_interleave(3, dim=-1)

    def smooth(x: Tensor) -> Tensor:
        return imresize(x, 3)

    before = sr.clone()
    one = asked(answer, sr, lr, mean, nearest, 1)
    if not torch.equal(sr, before):
        raise NotYet("The picture that you were given has changed. Write `sr = sr + ...`, not `sr += ...`.")
    if tuple(one.shape) != tuple(sr.shape):
        raise NotYet(f"The answer is a large picture, {tuple(sr.shape)}, not {tuple(one.shape)}.")
    expect(
        mean(one),
        lr,
        "That was the answer shrunk again, after one step with means and nearest neighbour: it should be lr. "
        "What is missing is lr less the shrunk sr, in this order.",
    )
    expect(
        one - sr,
        nearest(lr - mean(sr)),
        "Add the enlarged error to sr, so that the detail of sr stays.",
    )
    wanted = sr
    for _ in range(4):
        wanted = wanted + smooth(lr - mean(wanted))
    expect(
        asked(answer, sr, lr, mean, smooth, 4),
        wanted,
        "Four steps with a smooth `enlarge`: shrink the new sr in every step, by the `shrink` you are given.",
    )
    expect(asked(answer, sr, lr, mean, smooth, 0), sr, "No step leaves the picture as it is.")


# --- 2.6: MATLAB's imresize from torch ------------------------------------------------------------


def check_shrink(answer: Callable[[Tensor, int], Any]) -> Verdict:
    """``answer(x, scale)``: (N, C, H, W) made smaller by torch as MATLAB does it, but for the border."""
    return attempt(
        "2.6",
        answer,
        _shrink,
        "only the outermost pixels differ: torch leaves out what lies beyond the border, MATLAB mirrors it. "
        "With `antialias=True` torch's cubic has a = -0.5, without it a = -0.75.",
    )


def _shrink(answer: Callable[[Tensor, int], Any]) -> None:
    x = torch.rand(1, 3, 48, 60, generator=torch.Generator().manual_seed(0))
    for scale in (2, 3, 4):
        found = asked(answer, x, scale)
        wanted = imresize(x, 1 / scale)
        if tuple(found.shape) != tuple(wanted.shape):
            raise NotYet(f"The shape is {tuple(found.shape)}, it should be {tuple(wanted.shape)}.")
        inside = (..., slice(2, -2), slice(2, -2))
        expect(
            found[inside],
            wanted[inside],
            f"Away from the border, at 1/{scale}. Which argument of `F.interpolate` stretches the kernel, "
            "and which one chooses it?",
            tolerance=1e-3,
        )
