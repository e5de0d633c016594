"""The metric lab's numbers: how far the "PSNR" of one bicubic enlargement moves with each slip that people
make when they measure (chapters 1 and 2)."""

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from srlib import metrics
from srlib.degrade import bicubic
from srlib.evaluation import Row
from srlib.images import crop_to_multiple, from_uint8, luma, shave, to_uint8
from srlib.resize import cubic, imresize

SRCNN_GAIN = (0.12, 0.20)
"""dB by which SRCNN (9-5-5, trained on ImageNet) leads A+, a method without a network, on Set5: the least and
the most over x2, x3 and x4, as printed in the EDSR paper's table 3 (arXiv:1707.02921). The measure of what a
slip is worth."""


@dataclass(frozen=True)
class Slips:
    """How one result is measured. Each field starts as the papers have it; every other value is a slip, or
    a choice that must be named beside the number:

    - ``path``: "rgb": the small picture is an 8-bit colour file, as for colour networks; "y": only the
      luma is made small and large again, unrounded in between, as for luma networks. Papers print both.
    - ``down``: how the small picture is made. "matlab": cubic, stretched against aliasing. "opencv": cubic
      with a = -0.75 and not stretched, as OpenCV's INTER_CUBIC and torch's ``interpolate`` do, so that it
      aliases. "area": the mean of each square. "pillow": Pillow's BICUBIC.
    - ``up``: how it is enlarged. "matlab": cubic with a = -0.5; "opencv": a = -0.75; "pillow": as above.
    - ``round_sr``: the result becomes an 8-bit picture before it is compared. Left out, it is compared in
      double precision, which no file could hold.
    - ``gray_as_rgb``: a gray picture is copied into three channels and its luma taken, which squeezes its
      255 steps into 219 and its errors with them. The papers use a gray picture as it is.
    - ``channel``: what is compared. "y": studio-range luma, 16 to 235. "full": full-range luma, 0 to 255,
      as OpenCV converts. "typo": studio-range luma with 64.738 where 65.738 belongs, found in public code
      (65.738, 129.057 and 25.064 are the protocol's 65.481, 128.553 and 24.966 times 256/255, for code that
      divides by 256).
      "rgb": the three channels.
    - ``round_y``: the luma is rounded to 8 bits before the error is taken, as MATLAB's rgb2ycbcr does and
      the EDSR evaluation with it. Unrounded is no slip but the other lineage: RCAN's evaluation and most
      PyTorch code. They differ by up to 0.03 dB; a report names its own.
    - ``crop``: a border as wide as the scale is left out, where the enlargement had to guess.
    - ``pooled``: one PSNR of the mean of all pictures' errors, not the mean of their PSNRs.
    - ``window``: what SSIM looks through. "gaussian": 11 x 11, sigma 1.5, as published. "uniform": 7 x 7,
      scikit-image's default. "volume": the colour picture as a solid with depth 3, as MATLAB's ``ssim``
      takes an RGB array.

    Chapters 1 and 2."""

    path: Literal["rgb", "y"] = "rgb"
    down: Literal["matlab", "opencv", "area", "pillow"] = "matlab"
    up: Literal["matlab", "opencv", "pillow"] = "matlab"
    round_sr: bool = True
    gray_as_rgb: bool = False
    channel: Literal["y", "full", "typo", "rgb"] = "y"
    round_y: bool = True
    crop: bool = True
    pooled: bool = False
    window: Literal["gaussian", "uniform", "volume"] = "gaussian"

    def __post_init__(self) -> None:
        for field in fields(self):
            known, value = get_args(field.type) or (False, True), getattr(self, field.name)
            if value not in known:
                choices = ", ".join(map(repr, known))
                raise ValueError(f"{field.name} must be one of {choices}, not {value!r}")
        if self.path == "y" and (self.channel != "y" or self.gray_as_rgb or not self.round_y):
            raise ValueError("the Y path knows nothing but 8-bit luma; take path='rgb' for this slip")
        if self.path == "y" and "pillow" in (self.down, self.up):
            raise ValueError("Pillow enlarges 8-bit pictures; take path='rgb' for it")
        if self.up == "pillow" and not self.round_sr:
            raise ValueError("Pillow rounds what it enlarges; take another way up to compare unrounded")


@dataclass(frozen=True)
class Score:
    """What was measured: PSNR in dB and SSIM over all pictures, and a row for each."""

    psnr: float
    ssim: float
    rows: list[Row]


PROTOCOL = Slips()

Pair = tuple[Tensor, Tensor]


def score(pictures: Mapping[str, Tensor], scale: int, slips: Slips = PROTOCOL) -> Score:
    """PSNR and SSIM of bicubic enlargement by ``scale``, measured with these slips. ``pictures``: {name:
    (3, H, W) or (1, H, W), float in [0, 1] or uint8}. ``Slips()`` is the protocol. Chapters 1 and 2."""
    return judged(pairs(pictures, scale, slips), scale, slips)


def pairs(pictures: Mapping[str, Tensor], scale: int, slips: Slips = PROTOCOL) -> dict[str, Pair]:
    """The first half: each picture made small and large again, and the true one beside it, on the CPU."""
    if not pictures:
        raise ValueError("there is no picture to measure on; give {name: picture}")
    made = {}
    for name, picture in pictures.items():
        hr = to_uint8(crop_to_multiple(picture.detach().cpu(), scale))
        if slips.path == "y":
            hr = luma(hr)
        if slips.gray_as_rgb:
            hr = hr.expand(3, -1, -1)
        made[name] = super_resolved(hr, scale, slips), hr
    return made


def judged(made: Mapping[str, Pair], scale: int, slips: Slips = PROTOCOL) -> Score:
    """The second half: what the pairs (SR, HR) score."""
    border = scale if slips.crop else 0
    rows = []
    for name, (sr, hr) in made.items():
        a, b = (shave(compared(x, slips), border) for x in (sr, hr))
        rows.append(Row(name, float(metrics.psnr(a, b, channel="rgb")), _ssim(a, b, slips.window)))
    errors = [10 ** (-row.psnr / 10) for row in rows]
    pooled = -10 * math.log10(statistics.fmean(errors)) if any(errors) else math.inf
    psnr = pooled if slips.pooled else statistics.fmean(row.psnr for row in rows)
    return Score(psnr, statistics.fmean(row.ssim for row in rows), rows)


def super_resolved(hr: Tensor, scale: int, slips: Slips) -> Tensor:
    """The true picture (uint8) made small and enlarged again: uint8, or float64 in [0, 1] unrounded."""
    start = from_uint8(hr, torch.float64) if slips.path == "y" else hr
    lr = _small(start, scale, slips.down)
    if slips.up == "pillow":
        return _pillow(lr, hr.shape[-2], hr.shape[-1])
    exact = from_uint8(lr, torch.float64) if lr.dtype == torch.uint8 else lr
    if slips.up == "opencv":
        sr = imresize(exact, scale, kernel=cubic(-0.75), border="replicate").clamp(0, 1)
    else:
        sr = imresize(exact, scale).clamp(0, 1)
    return to_uint8(sr) if slips.round_sr else sr


def compared(x: Tensor, slips: Slips) -> Tensor:
    """What of a picture is compared, as float64 in [0, 1]: its luma by one recipe or another, or itself."""
    if x.dtype == torch.uint8:
        if slips.channel == "y" and slips.round_y:
            x = luma(x)
        x = from_uint8(x, torch.float64)
    if x.shape[0] == 1 or slips.channel == "rgb":
        return x
    red, green, blue = x[:, None]
    if slips.channel == "full":
        y = 0.299 * red + 0.587 * green + 0.114 * blue
    elif slips.channel == "typo":
        y = (64.738 * red + 129.057 * green + 25.064 * blue) / 256 + 16 / 255
    else:
        y = luma(x)
    return from_uint8(to_uint8(y), torch.float64) if slips.round_y else y


def _small(hr: Tensor, scale: int, way: str) -> Tensor:
    """The small picture: uint8 for uint8, as a file would hold it, else unrounded."""
    if way == "matlab":
        return bicubic(hr, scale)
    if way == "pillow":
        return _pillow(hr, hr.shape[-2] // scale, hr.shape[-1] // scale)
    exact = from_uint8(hr, torch.float64) if hr.dtype == torch.uint8 else hr
    if way == "area":
        lr = F.avg_pool2d(exact, scale)
    else:
        lr = imresize(exact, 1 / scale, kernel=cubic(-0.75), antialias=False, border="replicate")
    return to_uint8(lr) if hr.dtype == torch.uint8 else lr


def _pillow(x: Tensor, height: int, width: int) -> Tensor:
    """Pillow's BICUBIC on each 8-bit channel."""
    how = Image.Resampling.BICUBIC
    planes = [Image.fromarray(plane.numpy()).resize((width, height), how) for plane in x]
    return torch.stack([torch.from_numpy(np.array(plane)) for plane in planes])


# --- SSIM through other windows -------------------------------------------------------------------


def _ssim(a: Tensor, b: Tensor, window: str) -> float:
    if window == "gaussian":
        return float(metrics.ssim(a, b, channel="rgb"))
    if window == "uniform":  # and variances of samples, n - 1 below the line
        return _similarity(a, b, lambda x: F.avg_pool2d(x, 7, stride=1), 49 / 48)
    return _similarity(a, b, _gaussian_in_depth, 1)


def _similarity(a: Tensor, b: Tensor, mean: Callable[[Tensor], Tensor], unbiased: float) -> float:
    """SSIM with any local mean; K1 = 0.01, K2 = 0.03."""
    mean_a, mean_b = mean(a), mean(b)
    variances = unbiased * (mean(a * a) + mean(b * b) - mean_a**2 - mean_b**2)
    covariance = unbiased * (mean(a * b) - mean_a * mean_b)
    light = (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)
    return float((light * (2 * covariance + 0.03**2) / (variances + 0.03**2)).mean())


def _gaussian_in_depth(x: Tensor) -> Tensor:
    """The 11-tap Gaussian along rows, columns and the three channels; the edge value repeats outside."""
    taps = [math.exp(-(k**2) / (2 * 1.5**2)) for k in range(-5, 6)]
    for axis, length in enumerate(x.shape):
        padded = x.index_select(axis, torch.arange(-5, length + 5).clamp(0, length - 1))
        x = torch.zeros_like(x)
        for k, tap in enumerate(taps):
            x.add_(padded.narrow(axis, k, length), alpha=tap / sum(taps))
    return x
