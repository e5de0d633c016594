"""The checks of chapter 1's exercises, measuring."""

import math
import statistics
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from srlib import comparison
from srlib.check.exercise import NotYet, Verdict, asked, attempt, expect
from srlib.degrade import bicubic
from srlib.images import from_uint8, luma, shave, to_uint8
from srlib.metrics import psnr
from srlib.resize import imresize

BUG_COST = 1.65
"""dB by which ``score_with_bug`` is too low: bicubic x3, mean over the book's photographs."""


# --- 1.1: from decibels to gray levels ------------------------------------------------------------


def check_gray_levels(answer: Callable[[float], Any]) -> Verdict:
    """``answer(decibels)``: the error in gray levels behind a PSNR."""
    return attempt(
        "1.1", answer, _gray_levels, "30 dB sounds good, and is an error of about eight gray levels."
    )


def _gray_levels(answer: Callable[..., Any]) -> None:
    for decibels in (20.0, 48.13, 33.4):
        found = float(asked(answer, decibels))
        mse = 10 ** (-decibels / 10)
        if abs(found - 255 * mse) < 1e-3:
            raise NotYet("That is the mean squared error. Its root is in gray levels.")
        if abs(found - mse**0.5) < 1e-6:
            raise NotYet("That is the error for values in [0, 1]. How many gray levels is it?")
        hint = f"At {decibels:g} dB the error is {10 ** (-decibels / 20):.4f} of the full range of 255."
        expect(found, 255 * mse**0.5, hint)


# --- 1.2: a twin from any noise -------------------------------------------------------------------


def check_noise_twin(answer: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """``answer(picture, noise)``: another picture with the same small one."""
    return attempt(
        "1.2", answer, _noise_twin, "eight ninths of any noise are invisible to the small picture."
    )


def _noise_twin(answer: Callable[..., Any]) -> None:
    generator = torch.Generator().manual_seed(1)
    hr = torch.rand(3, 12, 18, generator=generator, dtype=torch.float64)
    noise = 0.2 * torch.randn(3, 12, 18, generator=generator, dtype=torch.float64)
    hidden = noise - F.interpolate(F.avg_pool2d(noise, 3)[None], scale_factor=3)[0]
    found = asked(answer, hr.clone(), noise.clone())
    if tuple(found.shape) != tuple(hr.shape):
        raise NotYet(
            f"The twin has the shape {tuple(found.shape)}; it should be the picture's, {tuple(hr.shape)}."
        )
    if torch.allclose(found.double(), hidden, atol=1e-5):
        raise NotYet("That is the right part of the noise, and nothing else. Add it to the picture.")
    if torch.allclose(found.double(), (hr + hidden).clamp(0, 1), atol=1e-5):
        raise NotYet("Do not clip: what is cut off at 0 and 1 changes the means of the squares.")
    seen = (F.avg_pool2d(found, 3) - F.avg_pool2d(hr, 3)).abs().max()
    if not seen < 1e-5:
        raise NotYet(
            f"The small pictures differ by up to {float(seen):.2g}. In each square of 3 x 3 pixels, what you "
            "add must have the mean zero."
        )
    added = found - hr
    if not added.abs().max() > 1e-6:
        raise NotYet("The small pictures agree, but so do the large ones: nothing of the noise is left.")
    expect(added, hidden, "The small pictures agree. Add all of the noise but its mean in each square.")


# --- 1.3: noise to order --------------------------------------------------------------------------


def check_noise_to_order(answer: Callable[[Tensor, float], Any]) -> Verdict:
    """``answer(x, decibels)``: noise of an exact PSNR."""
    return attempt(
        "1.3",
        answer,
        _noise_to_order,
        "any error can be scaled to any PSNR, so PSNR says nothing about its kind.",
    )


def _noise_to_order(answer: Callable[..., Any]) -> None:
    for seed, decibels in enumerate((30.0, 12.5)):
        torch.manual_seed(seed)
        x = 0.02 * torch.rand(3, 24, 24, dtype=torch.float64)  # dark: clipping would show
        added = asked(answer, x.clone(), decibels) - x
        rms = float(added.square().mean().sqrt())
        if rms == 0:
            raise NotYet("Nothing was added to the picture.")
        if float(added.std()) < 0.9 * rms:
            raise NotYet("The error is nearly the same in every pixel. Noise differs from pixel to pixel.")
        if float((x + added).min()) >= 0:
            raise NotYet("This picture is dark, and yet no value is below 0: do not clip.")
        if abs(float(added.std()) / 10 ** (-decibels / 20) - 1) < 1e-6:
            raise NotYet(
                "The standard deviation of your noise is right, its mean square not quite: `.std()` takes "
                "the mean away first and divides by n - 1. Take the root of the mean square."
            )
        found = -20 * torch.tensor(rms, dtype=torch.float64).log10()
        hint = "Close is not exact: what is the mean square of the noise that you drew?"
        if abs(float(found) - decibels) > 0.5:
            hint = "PSNR = -10 log10(MSE), so the error's root mean square must be 10 to the power of -dB/20."
        expect(found, decibels, hint, tolerance=1e-3)
        kurtosis = float(added.pow(4).mean() / added.square().mean() ** 2)  # 3 for a normal distribution
        if not 2.4 < kurtosis < 3.8:
            raise NotYet("The PSNR is right, but this noise is not normal; `torch.randn_like` draws it.")


# --- 1.4: bug hunt --------------------------------------------------------------------------------


def score_with_bug(made: Tensor, original: Tensor, crop: int) -> float:
    """What exercise 1.4 starts from."""
    a, b = shave(luma(made), crop), shave(luma(original), crop)
    mse = (a - b).square().mean()
    return float(10 * (b.max() ** 2 / mse).log10())


def check_score(answer: Callable[[Tensor, Tensor, int], Any]) -> Verdict:
    """``answer(made, original, crop)``: PSNR on luma without its border."""
    return attempt(
        "1.4",
        answer,
        _score,
        f"over the eight photographs the bug cost {BUG_COST:.2f} dB.",
        given=score_with_bug,
    )


def _score(answer: Callable[..., Any]) -> None:
    for seed, bright in enumerate((0.6, 1.0, 0.2)):
        generator = torch.Generator().manual_seed(seed)
        hr = bright * torch.rand(3, 30, 36, generator=generator)
        sr = (hr + 0.05 * torch.randn(3, 30, 36, generator=generator)).clamp(0, 1)
        found = float(asked(answer, sr, hr, 3))
        right = float(psnr(sr, hr, crop=3))
        known = {
            float(psnr(sr, hr, crop=3, channel="rgb")): "That is the PSNR of red, green and blue; it should "
            "stay on luma.",
            float(psnr(sr, hr)): "The border is counted now; it should stay left out.",
            right + 20 * math.log10(235 / 255): "White is 235 of 255 in luma, but the peak is what a number "
            "can be at most: 255.",
            right + 20 * math.log10(219 / 255): "219 levels lie between black and white in luma, but the "
            "peak is what a number can be at most: 255.",
            right + 20 * math.log10(255): "255 is the peak of gray levels. These pictures lie in [0, 1].",
            right + 20 * math.log10(float(hr.max())): "Your peak is this picture's brightest number, "
            f"{float(hr.max()):.3f}. The peak is what a number can be at most, in any picture.",
            _rounded_score(sr, hr): "The peak is right now. Leave the rounding out here: this function "
            "compares what it is given.",
        }
        if abs(found - right) > 1e-3:
            for value, words in known.items():
                if abs(found - value) < 1e-3:
                    raise NotYet(words)
        hint = f"This original's brightest pixel is {float(hr.max()):.2f}. Must the score know that?"
        expect(found, right, hint, tolerance=1e-3)


def _rounded_score(sr: Tensor, hr: Tensor) -> float:
    """The score of 8-bit pictures and their 8-bit luma, as in the chapter's ``my_score``."""
    a, b = (
        from_uint8(to_uint8(luma(from_uint8(to_uint8(x), torch.float64))), torch.float64) for x in (sr, hr)
    )
    return float(psnr(a, b, crop=3, channel="rgb"))


def bug_cost() -> float:
    """What the bug of exercise 1.4 costs, measured."""
    gaps = []
    for hr in comparison.pictures().values():
        small = from_uint8(bicubic(to_uint8(hr), 3))
        sr = from_uint8(to_uint8(imresize(small, 3)))
        gaps.append(float(psnr(sr, hr, crop=3)) - score_with_bug(sr, hr, 3))
    return statistics.fmean(gaps)


# --- 1.5: rank correlation ------------------------------------------------------------------------


def check_spearman(answer: Callable[[list[float], list[float]], Any]) -> Verdict:
    """``answer(a, b)``: the correlation of the ranks."""
    return attempt(
        "1.5",
        answer,
        _spearman,
        "only the order counts. Where less is better, as for GMSD, expect a minus.",
    )


def _spearman(answer: Callable[..., Any]) -> None:
    cases: list[tuple[list[float], list[float], float]] = [
        ([1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 25.0, 90.0], 1.0),
        ([28.4, 30.5, 32.0, 29.4], [1.97, 2.57, 3.37, 3.58], 0.4),
        ([0.3, 0.1, 0.2], [1.0, 3.0, 2.0], -1.0),
        ([5.0, 1.0, 4.0, 2.0, 3.0], [2.0, 3.0, 50.0, 1.0, 4.0], 0.2),
    ]
    for a, b, wanted in cases:
        found = float(asked(answer, list(a), list(b)))
        if abs(found - wanted) > 1e-3:
            for value, words in _spearman_slips(a, b, wanted):
                if abs(found - value) < 1e-3:
                    raise NotYet(words)
        hint = f"It is the correlation of the ranks of {a} with those of {b}."
        if abs(wanted) == 1:
            hint += " Here the order is " + ("the same." if wanted > 0 else "turned round.")
        else:
            hint += " The smallest number of each list has the rank 0, wherever it stands."
        expect(found, wanted, hint)


def _spearman_slips(a: list[float], b: list[float], wanted: float) -> list[tuple[float, str]]:
    """What comes out by the likely slips, and the sentence for each."""
    n = len(a)
    values = torch.tensor([a, b], dtype=torch.float64)
    ranks = values.argsort().argsort().double()
    unbiased = "Your covariance divides by n, and `.std()` or `.var()` by n - 1. Divide by n in both."
    return [
        (
            float(torch.corrcoef(values)[0, 1]),
            "That is the correlation of the numbers. Put each number's rank in its place first.",
        ),
        (wanted * (n - 1) / n, unbiased),
        (
            float((ranks[0] * ranks[1]).sum() / (ranks[0].norm() * ranks[1].norm())),
            "The ranks are right. Subtract their mean before you multiply.",
        ),
        (
            wanted / float(ranks[0].var()),
            "That is divided by the product of the variances; divide by that of the standard deviations.",
        ),
        (
            wanted * (n - 1) / n / float(ranks[0].var()),
            "That is divided by the product of the variances; divide by that of the standard deviations.",
        ),
    ]


# --- 1.6: SSIM from a blank cell ------------------------------------------------------------------


def check_ssim_blocks(answer: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """``answer(a, b)``: SSIM over squares of 8 x 8 pixels."""
    return attempt(
        "1.6", answer, _ssim_blocks, "you have rebuilt SSIM; the Gaussian window only makes it smoother."
    )


def _ssim_blocks(answer: Callable[..., Any]) -> None:
    generator = torch.Generator().manual_seed(2)
    a = torch.rand(1, 24, 32, generator=generator, dtype=torch.float64)
    noisy = (a + 0.3 * torch.randn(1, 24, 32, generator=generator, dtype=torch.float64)).clamp(0, 1)
    hint = "A picture compared with itself has an SSIM of 1."
    itself = float(asked(answer, a, a.clone()))
    variance = F.avg_pool2d(a * a, 8) - F.avg_pool2d(a, 8) ** 2
    uneven = float(((2 * variance + 0.03**2) / (2 * variance * 64 / 63 + 0.03**2)).mean())
    if abs(itself - uneven) < 1e-6:
        hint += " Your variances divide by 63, as torch's `.var()` does, and the covariance by 64: take 64."
    expect(itself, 1.0, hint)
    flat = torch.full((1, 16, 16), 0.1, dtype=torch.float64)
    black = torch.zeros_like(flat)
    wanted = 0.01**2 / (0.1**2 + 0.01**2)
    hint = "Tried on two flat pictures, 0.1 and 0: only luminance is left, with C1; C2 divided by C2 is 1."
    expect(asked(answer, flat, black), wanted, hint, tolerance=1e-6)
    for other, what in (
        (0.5 + 0.4 * (a - 0.5), "flatter"),
        (0.6 * a + 0.4, "brighter and flatter"),
        (noisy, "noisy"),
        (a.flip(-1), "a mirrored"),
    ):
        hint = (
            f"This was {what} picture."
            if what.startswith("a ")
            else f"The second picture was {what} this time."
        )
        hint += " Do the means, the variances (mean of squares less square of mean) and the covariance all"
        hint += " come from the same square?"
        found, wanted = float(asked(answer, a, other)), _similarity(a, other)
        if abs(found - wanted) > 1e-6:
            for value, words in _similarity_slips(a, other):
                if abs(found - value) < 1e-6:
                    raise NotYet(words)
        expect(found, wanted, hint, tolerance=1e-6)


def _similarity(
    a: Tensor,
    b: Tensor,
    mean: Callable[[Tensor], Tensor] = lambda x: F.avg_pool2d(x, 8),
    unbiased: float = 1.0,
    apart: bool = False,
) -> float:
    """SSIM with any local mean; ``unbiased``: what variances and covariance are multiplied by; ``apart``: the
    three factors' means multiplied, in place of the mean of their product."""
    mean_a, mean_b, squares_a, squares_b, product = (mean(x) for x in (a, b, a * a, b * b, a * b))
    light = (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)
    variance_a, variance_b = unbiased * (squares_a - mean_a**2), unbiased * (squares_b - mean_b**2)
    both = (variance_a.clamp(min=0) * variance_b.clamp(min=0)).sqrt()
    contrast = (2 * both + 0.03**2) / (variance_a + variance_b + 0.03**2)
    structure = (unbiased * (product - mean_a * mean_b) + 0.03**2 / 2) / (both + 0.03**2 / 2)
    if apart:
        return float(light.mean() * contrast.mean() * structure.mean())
    return float((light * contrast * structure).mean())


def _similarity_slips(a: Tensor, b: Tensor) -> list[tuple[float, str]]:
    """What comes out by the likely slips, and the sentence for each."""
    return [
        (
            _similarity(a, b, lambda x: F.avg_pool2d(x, 8, stride=1)),
            "Your squares overlap. `F.avg_pool2d(x, 8)` lays them side by side.",
        ),
        (
            _similarity(a, b, torch.mean),
            "That is one window as large as the picture. Take the five means in each square.",
        ),
        (
            _similarity(a, b, unbiased=64 / 63),
            "Your variances and covariance divide by 63, one less than the pixels of a square: divide by 64.",
        ),
        (
            _similarity(a, b, apart=True),
            "Multiply the three in each square first, and take the mean over the squares last.",
        ),
    ]
