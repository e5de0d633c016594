"""The checks of chapter 1's exercises, measuring."""

import math
import statistics
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from srlib import comparison
from srlib.check.exercise import NotYet, asked, expect
from srlib.degrade import bicubic
from srlib.images import from_uint8, luma, shave, to_uint8
from srlib.metrics import psnr
from srlib.resize import imresize

BUG_COST = 1.65
"""dB by which ``score_with_bug`` is too low: bicubic x3, mean over the book's photographs."""


def gray_levels(answer: Callable[..., Any]) -> None:
    """Exercise 1.1: the error in gray levels behind a PSNR."""
    for decibels in (20.0, 48.13, 33.4):
        found = float(asked(answer, decibels))
        mse = 10 ** (-decibels / 10)
        if abs(found - 255 * mse) < 1e-3:
            raise NotYet("That is the mean squared error. Its root is in gray levels.")
        if abs(found - mse**0.5) < 1e-6:
            raise NotYet("That is the error for values in [0, 1]. How many gray levels is it?")
        hint = f"At {decibels:g} dB the error is {10 ** (-decibels / 20):.4f} of the full range of 255."
        expect(found, 255 * mse**0.5, hint)


def twin(answer: Callable[..., Any]) -> None:
    """Exercise 1.2: another picture with the same small one."""
    generator = torch.Generator().manual_seed(1)
    hr = torch.rand(3, 12, 18, generator=generator, dtype=torch.float64)
    noise = 0.2 * torch.randn(3, 12, 18, generator=generator, dtype=torch.float64)
    found = asked(answer, hr.clone(), noise.clone())
    if tuple(found.shape) != tuple(hr.shape):
        raise NotYet(f"The twin has the shape {tuple(found.shape)}; it should be that of hr, (3, 12, 18).")
    seen = (F.avg_pool2d(found, 3) - F.avg_pool2d(hr, 3)).abs().max()
    if not seen < 1e-5:
        raise NotYet(
            f"The small pictures differ by up to {float(seen):.2g}. In each square of 3 x 3 pixels, what you "
            "add must have the mean zero."
        )
    added = found - hr
    if not added.abs().max() > 1e-6:
        raise NotYet("The small pictures agree, but so do the large ones: nothing of the noise is left.")
    hidden = noise - F.interpolate(F.avg_pool2d(noise, 3)[None], scale_factor=3)[0]
    expect(added, hidden, "The small pictures agree. Add all of the noise but its mean in each square.")


def noise_to_order(answer: Callable[..., Any]) -> None:
    """Exercise 1.3: noise of an exact PSNR."""
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
        found = -20 * torch.tensor(rms, dtype=torch.float64).log10()
        hint = "Close is not exact: what is the mean square of the noise that you drew?"
        if abs(float(found) - decibels) > 0.5:
            hint = "PSNR = -10 log10(MSE), so the error's root mean square must be 10 to the power of -dB/20."
        expect(found, decibels, hint, tolerance=1e-3)
        kurtosis = float(added.pow(4).mean() / added.square().mean() ** 2)  # 3 for a normal distribution
        if not 2.4 < kurtosis < 3.8:
            raise NotYet("The PSNR is right, but this noise is not normal; `torch.randn_like` draws it.")


def score_with_bug(sr: Tensor, hr: Tensor, crop: int) -> float:
    """What exercise 1.4 starts from."""
    a, b = shave(luma(sr), crop), shave(luma(hr), crop)
    mse = (a - b).square().mean()
    return float(10 * (b.max() ** 2 / mse).log10())


def score(answer: Callable[..., Any]) -> None:
    """Exercise 1.4: PSNR on luma without its border."""
    for seed, bright in enumerate((1.0, 0.6, 0.2)):
        generator = torch.Generator().manual_seed(seed)
        hr = bright * torch.rand(3, 30, 36, generator=generator)
        sr = (hr + 0.05 * torch.randn(3, 30, 36, generator=generator)).clamp(0, 1)
        found = float(asked(answer, sr, hr, 3))
        if abs(found - float(psnr(sr, hr, crop=3, channel="rgb"))) < 1e-3:
            raise NotYet("That is the PSNR of red, green and blue; it should stay on luma.")
        if abs(found - float(psnr(sr, hr))) < 1e-3:
            raise NotYet("The border is counted now; it should stay left out.")
        right = float(psnr(sr, hr, crop=3))
        if abs(found - right - 20 * math.log10(235 / 255)) < 1e-3:
            raise NotYet("White is 235 of 255 in luma, but the peak is what a number can be at most: 255.")
        expect(
            found,
            right,
            f"This original's brightest pixel is {float(hr.max()):.2f}. Must the score know that?",
            tolerance=1e-3,
        )


def bug_cost() -> float:
    """What the bug of exercise 1.4 costs, measured."""
    gaps = []
    for hr in comparison.pictures().values():
        small = from_uint8(bicubic(to_uint8(hr), 3))
        sr = from_uint8(to_uint8(imresize(small, 3)))
        gaps.append(float(psnr(sr, hr, crop=3)) - score_with_bug(sr, hr, 3))
    return statistics.fmean(gaps)


def spearman(answer: Callable[..., Any]) -> None:
    """Exercise 1.5: rank correlation."""
    cases: list[tuple[list[float], list[float], float]] = [
        ([1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 25.0, 90.0], 1.0),
        ([28.4, 30.5, 32.0, 29.4], [1.97, 2.57, 3.37, 3.58], 0.4),
        ([0.3, 0.1, 0.2], [1.0, 3.0, 2.0], -1.0),
        ([5.0, 1.0, 4.0, 2.0, 3.0], [2.0, 3.0, 50.0, 1.0, 4.0], 0.2),
    ]
    for a, b, wanted in cases:
        found = float(asked(answer, list(a), list(b)))
        pearson = float(torch.corrcoef(torch.tensor([a, b], dtype=torch.float64))[0, 1])
        if abs(found - wanted) > 1e-3 and abs(found - pearson) < 1e-3:
            raise NotYet("That is the correlation of the numbers. Put each number's rank in its place first.")
        hint = f"It is the correlation of the ranks of {a} with those of {b}."
        if abs(wanted) == 1:
            hint += " Here the order is " + ("the same." if wanted > 0 else "turned round.")
        else:
            hint += " The smallest number of each list has the rank 0, wherever it stands."
        expect(found, wanted, hint)


def ssim_blocks(answer: Callable[..., Any]) -> None:
    """Exercise 1.6: SSIM over squares of 8 x 8 pixels."""
    generator = torch.Generator().manual_seed(2)
    a = torch.rand(1, 24, 32, generator=generator, dtype=torch.float64)
    noisy = (a + 0.3 * torch.randn(1, 24, 32, generator=generator, dtype=torch.float64)).clamp(0, 1)
    expect(asked(answer, a, a.clone()), 1.0, "A picture compared with itself has an SSIM of 1.")
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
        expect(asked(answer, a, other), _ssim_blocks(a, other), hint, tolerance=1e-6)


def _ssim_blocks(a: Tensor, b: Tensor) -> float:
    mean_a, mean_b, squares_a, squares_b, product = (F.avg_pool2d(x, 8) for x in (a, b, a * a, b * b, a * b))
    light = (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)
    variances = squares_a - mean_a**2 + squares_b - mean_b**2
    rest = (2 * (product - mean_a * mean_b) + 0.03**2) / (variances + 0.03**2)
    return float((light * rest).mean())
