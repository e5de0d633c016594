"""The exercises of chapter 2: interpolation."""

import math
import statistics
import types
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
"""dB that the bug of exercise 2.2 costs at x3, mean over the comparison table's pictures."""


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
    found = [int(one) for one in asked(answer, 0, 2)]
    if found != [-2, -1, 0, 1]:
        if min(found) >= 0:
            raise NotYet(
                f"For pixel 0 at x2 you name {found}. Leave numbers below 0 as they are: the mirror comes "
                "later."
            )
        raise NotYet("Pixel 0 at x2 lies at -0.25, so it starts with -2: floor rounds down below zero too.")


# --- 2.2: bug hunt --------------------------------------------------------------------------------


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


def check_enlarge(answer: Callable[[Tensor, int], Any]) -> Verdict:
    """``answer(x, scale)``: bicubic enlargement of (H, W), with the bug mended."""
    return attempt(
        "2.2",
        answer,
        _enlarge,
        f"the bug costs {BUG_COST:.2f} dB at x3. OpenCV does not have it; torch calls it "
        "`align_corners=True` and offers it.",
        given=given_enlarge,
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
        found, wanted = torch.as_tensor(asked(answer, x, scale)), imresize(x, scale)
        inside = slice(scale, -scale), slice(scale, -scale)
        if found.shape == wanted.shape and torch.allclose(found[inside], wanted[inside], atol=1e-6):
            hint = "Inside all is right. At the border let `sample` mirror: do not clip the places."
        else:
            hint = (
                f"At x{scale} all is shifted. The first small pixel is as wide as {scale} large ones; the "
                f"middle of the first large one lies at {0.5 / scale - 0.5:.3f}."
            )
        expect(found, wanted, hint, tolerance=1e-6)


def bug_cost() -> float:
    """What the bug costs in dB at x3 on the comparison table's pictures, measured now."""
    losses = []
    for hr in comparison.pictures().values():
        lr = bicubic(hr, SCALE).double()
        bad = torch.stack([given_enlarge(plane, SCALE) for plane in lr])
        scores = [float(psnr(sr.clamp(0, 1), hr, crop=SCALE)) for sr in (imresize(lr, SCALE), bad)]
        losses.append(scores[0] - scores[1])
    return statistics.fmean(losses)


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


# --- 2.4: back-projection that knows when to stop -------------------------------------------------

MOST = 20
"""Steps of back-projection after which exercise 2.4 stops in any case."""


def check_agree(answer: Callable[..., Any]) -> Verdict:
    """``answer(sr, lr, shrink, enlarge, noise)``: back-projection with any way of shrinking, until what is
    missing is no larger than the noise (root mean square)."""
    return attempt(
        "2.4",
        answer,
        _agree,
        "with means and nearest neighbour one step is enough. In the chapter's experiment such a rule would "
        "take no step on the retina, where every step harms.",
    )


def agreed(
    sr: Tensor,
    lr: Tensor,
    shrink: Callable[[Tensor], Tensor],
    enlarge: Callable[[Tensor], Tensor],
    noise: float,
) -> Tensor:
    """What exercise 2.4 asks for."""
    for _ in range(MOST):
        missing = lr - shrink(sr)
        if missing.square().mean().sqrt() <= noise:
            break
        sr = sr + enlarge(missing)
    return sr


def _clipped(
    sr: Tensor, lr: Tensor, shrink: Callable[[Tensor], Tensor], enlarge: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """What comes out without noise if each step is clipped to [0, 1], and if the end is."""
    each = sr
    for _ in range(MOST):
        each = (each + enlarge(lr - shrink(each))).clamp(0, 1)
    return each, agreed(sr, lr, shrink, enlarge, 0.0).clamp(0, 1)


def _agree(answer: Callable[..., Any]) -> None:
    random = torch.Generator().manual_seed(0)
    sr, lr = torch.rand(1, 12, 15, generator=random), torch.rand(1, 4, 5, generator=random)
    before = sr.clone()

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 3)

    def nearest(x: Tensor) -> Tensor:
        return x.repeat_interleave(3, dim=-2).repeat_interleave(3, dim=-1)

    def smooth(x: Tensor) -> Tensor:
        return imresize(x, 3)

    first = asked(answer, sr, lr, mean, nearest, 0.0)
    if not torch.equal(sr, before):
        raise NotYet("The picture that you were given has changed. Write `sr = sr + ...`, not `sr += ...`.")
    if tuple(first.shape) != tuple(sr.shape):
        raise NotYet(f"The answer is a large picture, {tuple(sr.shape)}, not {tuple(first.shape)}.")
    if any(torch.allclose(first, one, atol=1e-4) for one in _clipped(sr, lr, mean, nearest)):
        raise NotYet("Do not clip: what is clipped away is missing again. The order of things was right.")
    if torch.allclose(first, sr + nearest(mean(sr) - lr), atol=1e-4) or float(first.abs().max()) > 1e3:
        raise NotYet("The sign: what is missing is lr less the shrunk sr, in this order.")
    expect(
        mean(first),
        lr,
        "That was the answer shrunk again, with means, nearest neighbour and no noise: it should be lr. In "
        "every step find out anew, by the given `shrink`, what is missing; enlarge it, and add it to sr.",
    )
    expect(
        first - sr, nearest(lr - mean(sr)), "Add the enlarged error to sr, so that the detail of sr stays."
    )
    calm = asked(answer, sr, lr, mean, nearest, 10.0)
    expect(calm, sr, "Noise of 10 is more than all that is missing: no step at all. Look before you step.")
    # one noise between what is missing after two steps and after three: three steps are due
    left = [sr]
    for _ in range(MOST):
        left.append(left[-1] + smooth(lr - mean(left[-1])))
    rms = [float((lr - mean(one)).square().mean().sqrt()) for one in left]
    noise = math.sqrt(rms[2] * rms[3])
    found = torch.as_tensor(asked(answer, sr, lr, mean, smooth, noise))
    steps = [
        k for k, one in enumerate(left) if one.shape == found.shape and torch.allclose(one, found, atol=1e-5)
    ]
    if steps and steps[0] != 3:
        raise NotYet(
            f"For noise {noise:.4f} you take {steps[0]} step{'s' * (steps[0] != 1)}, and 3 are due: what is "
            f"missing has a root mean square of {', '.join(f'{v:.4f}' for v in rms[:5])} after 0 to 4 steps. "
            "Compare the root of the mean of the squares with the noise, before each step."
        )
    expect(
        found,
        left[3],
        "Three steps with a smooth `enlarge`: in every step shrink the new sr.",
        tolerance=1e-5,
    )
    expect(
        asked(answer, sr, lr, mean, smooth, 0.0),
        left[MOST],
        f"With no noise and a smooth `enlarge` it never fits to the last digit: stop after {MOST} steps.",
    )


# --- 2.5: which a? --------------------------------------------------------------------------------

AT = 1.25
"""The distance that the hints of exercise 2.5 read the kernel at."""


def check_find_a(answer: Callable[[Callable[[Tensor], Tensor]], Any]) -> Verdict:
    """``answer(enlarge)``: the a of the cubic that ``enlarge`` (a row to one of twice the length) uses."""
    return attempt(
        "2.5",
        answer,
        _find_a,
        "one bright pixel tells everything about a method that is linear. Try it on a program of yours.",
    )


def _outer(distance: float) -> float:
    """The outer piece of Keys' cubic for a = 1."""
    return (distance - 1) * (distance - 2) ** 2


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

        found = float(asked(answer, enlarge))
        for distance in (1.25, 1.75):
            if math.isclose(found, a * _outer(distance), abs_tol=1e-4):
                raise NotYet(
                    f"You get {found:.4g}: that is the weight at distance {distance}. By the formula it is a "
                    "times a number; divide by that."
                )
        for distance, other in ((1.25, 1.75), (1.75, 1.25)):
            if math.isclose(found, a * _outer(distance) / _outer(other), abs_tol=1e-4):
                raise NotYet(
                    f"You divide the weight at distance {distance} by what belongs to {other}. At which "
                    "place does your large pixel lie?"
                )
        expect(
            found,
            a,
            "Which row shows the kernel itself? And at which distance from the bright sample does the large "
            "pixel lie that you read?",
            tolerance=1e-3,
        )


# --- 2.6: from a blank cell -----------------------------------------------------------------------

BUILT = {"imresize", "matrix", "between", "centres", "mirror", "sample", "keys", "cubic", "stretched"}
"""What the chapter has built or imported by then, which exercise 2.6 does without."""


def check_resize(answer: Callable[[Tensor, float], Any]) -> Verdict:
    """``answer(x, scale)``: (H, W) resized by Keys' cubic as ``imresize`` does it, built anew."""
    return attempt(
        "2.6",
        answer,
        _resize,
        "this is MATLAB's imresize for exact numbers, and it is yours. Most of the small pictures in this "
        "field were made in this way.",
    )


def _resize(answer: Callable[[Tensor, float], Any]) -> None:
    if borrowed := _borrowed(answer):
        raise NotYet(f"Your code calls `{borrowed}` of the chapter. Write it anew: that is the exercise.")
    x = torch.rand(24, 36, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for scale in (2, 3, 1.5, 1 / 2, 1 / 3, 1 / 4):
        wanted, name = imresize(x, scale), f"x{scale:g}" if scale > 1 else f"1/{1 / scale:g}"
        found = torch.as_tensor(asked(answer, x, scale))
        if tuple(found.shape) != tuple(wanted.shape):
            raise NotYet(f"24 x 36 at {name} is {tuple(wanted.shape)}, not {tuple(found.shape)}.")
        expect(found, wanted, _what_is_missing(answer, x, found, scale, name), tolerance=1e-10)


def _what_is_missing(
    answer: Callable[[Tensor, float], Any], x: Tensor, found: Tensor, scale: float, name: str
) -> str:
    """A sentence for a resizing that is wrong at one scale."""

    def same(one: Tensor) -> bool:
        return bool(torch.allclose(found.double(), one, atol=1e-8))

    wanted = imresize(x, scale)
    if found.dtype != torch.float64 and torch.allclose(found.double(), wanted, atol=1e-5):
        return "Right but for the rounding: make all numbers float64, the places too (`.double()`)."
    if scale < 1 and same(imresize(x, scale, antialias=False)):
        return f"At {name} the kernel has its old width. What must it be when a picture shrinks?"
    opencv = cubic(-0.75)
    if same(imresize(x, scale, kernel=opencv)) or same(imresize(x, scale, kernel=opencv, border="replicate")):
        return "That is OpenCV's a. MATLAB's is the one that gives a parabola back."
    if same(imresize(x, scale, border="replicate")):
        return "All is right but for the border: you repeat the last pixel there, and should mirror."
    wall = torch.as_tensor(asked(answer, torch.ones_like(x), scale)).double()
    if float((wall - 1).abs().max()) > 1e-6:
        middle = wall[wall.shape[0] // 2, wall.shape[1] // 2]
        where = "its middle" if abs(float(middle) - 1) > 1e-6 else "the border"
        why = "do the weights of one pixel add up to 1?" if where == "its middle" else "hold a mirror there."
        return f"At {name} a white wall is no longer white at {where}: {why}"
    edge = math.ceil(3 * max(1.0, scale))
    inside = slice(edge, -edge), slice(edge, -edge)
    if scale > 1 and torch.allclose(found.double()[inside], wanted[inside], atol=1e-8):
        return "Inside all is right; at the border hold a mirror: ... 2 1 0 | 0 1 2 ..."
    ramp = torch.arange(36, dtype=torch.float64).expand(24, 36)
    at, to = imresize(ramp, scale), torch.as_tensor(asked(answer, ramp, scale)).double()
    shift = float((to - at)[to.shape[0] // 2, to.shape[1] // 2])
    if math.isclose(abs(shift), abs(0.5 / scale - 0.5), abs_tol=1e-6):
        return (
            f"At {name} the picture's middle lies {abs(shift):.2f} old pixels off. Did you count the halves?"
        )
    return f"That was {name}. Look at one row of your matrix: which samples, which distances, which weights?"


def _borrowed(answer: Any) -> str:
    """What of the chapter a function calls; what the reader wrote anew in the same cell is theirs."""
    if not isinstance(answer, types.FunctionType):
        return ""
    for name in sorted(_names(answer.__code__) & BUILT):
        thing = answer.__globals__.get(name)
        home = getattr(getattr(thing, "__code__", None), "co_filename", "")
        if thing is not None and home != answer.__code__.co_filename:
            return name
    return ""


def _names(code: types.CodeType) -> set[str]:
    """The names that a piece of code takes from outside, the functions inside it too."""
    inside = [const for const in code.co_consts if isinstance(const, types.CodeType)]
    return set(code.co_names).union(*map(_names, inside))
