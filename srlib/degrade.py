"""How a large picture becomes the small one that a network is given (chapters 1 and 13)."""

import io
import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from srlib.images import check_range, from_uint8, to_uint8
from srlib.resize import imresize

Setting = float | tuple[float, float]
"""A fixed value, or (lowest, highest) to draw one from for every call."""


def bicubic(hr: Tensor, scale: int) -> Tensor:
    """The papers' degradation, MATLAB's antialiased bicubic down by ``scale``: (..., H, W) to
    (..., H/scale, W/scale). uint8 gives uint8, as if through an 8-bit file; float gives float, neither
    rounded nor clipped (it may leave [0, 1] slightly at edges). H and W must divide by ``scale``.
    Chapter 1."""
    _check_scale(hr, scale)
    return imresize(hr, scale=1 / scale, size=(hr.shape[-2] // scale, hr.shape[-1] // scale))


@dataclass
class Degradation:
    """A photograph's troubles before a network sees it, in the order in which they happen: blur, bicubic
    shrinking, noise, JPEG. Each setting is a value, or a (low, high) range that every call draws from:

    - ``blur``: standard deviation of a Gaussian in HR pixels; a range gives each axis its own and turns
      the ellipse at random;
    - ``noise``: standard deviation of Gaussian noise in [0, 1] units (0.04 is about 10 gray levels);
    - ``jpeg``: JPEG quality, 1 (worst) to 95; None: no JPEG.

    ``chance``: with this probability each of the three happens at all, each by itself. ``seed`` starts the
    sequence of draws: the same seed and calls give the same pictures. Takes float in [0, 1] or uint8,
    (C, H, W) or (N, C, H, W), each picture its own draws; returns the same kind, clipped. Chapter 13."""

    blur: Setting = 0.0
    noise: Setting = 0.0
    jpeg: Setting | None = None
    chance: float = 1.0
    seed: int = 0
    _random: np.random.Generator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check_setting("blur", self.blur, 0, 20)
        _check_setting("noise", self.noise, 0, 1)
        if self.jpeg is not None:
            _check_setting("jpeg", self.jpeg, 1, 95)
        if not 0 < self.chance <= 1:
            raise ValueError(f"chance must be above 0, at most 1, not {self.chance}")
        self._random = np.random.default_rng(self.seed)

    def __call__(self, hr: Tensor, scale: int) -> Tensor:
        _check_scale(hr, scale)
        if hr.ndim == 4 and len(hr):
            return torch.stack([self(picture, scale) for picture in hr])
        if hr.ndim != 3 or hr.shape[0] not in (1, 3):
            raise ValueError(
                f"Degradation takes (C, H, W) or (N, C, H, W) with 1 or 3 channels, not {tuple(hr.shape)}"
            )
        x = from_uint8(hr) if hr.dtype == torch.uint8 else hr
        check_range(x, "hr", slack=0.2)  # bicubic may have overshot
        x = self._blurred(x) if self._happens() else x
        x = bicubic(x, scale).clamp(0, 1)
        x = self._noisy(x).clamp(0, 1) if self._happens() else x
        if self.jpeg is not None and self._happens():
            x = _through_jpeg(x, round(self._draw(self.jpeg)))
        return to_uint8(x) if hr.dtype == torch.uint8 else x

    def _happens(self) -> bool:
        return self.chance == 1 or bool(self._random.random() < self.chance)

    def _draw(self, setting: Setting) -> float:
        return float(self._random.uniform(*setting)) if isinstance(setting, tuple) else float(setting)

    def _blurred(self, x: Tensor) -> Tensor:
        sigmas = self._draw(self.blur), self._draw(self.blur)
        angle = float(self._random.uniform(0, math.pi)) if isinstance(self.blur, tuple) else 0.0
        return x if max(sigmas) == 0 else _filter(x, gaussian_kernel(sigmas, angle))

    def _noisy(self, x: Tensor) -> Tensor:
        sigma = self._draw(self.noise)
        if sigma == 0:
            return x
        noise = self._random.standard_normal(tuple(x.shape), dtype=np.float32)
        return x + sigma * torch.from_numpy(noise).to(x)


def gaussian_kernel(sigmas: Sequence[float], angle: float = 0.0) -> Tensor:
    """A Gaussian with standard deviations ``sigmas`` (pixels) along two axes turned by ``angle`` (radians,
    from rows towards columns): float32 (K, K), K odd, reaching 3.5 sigmas, summing to 1. Chapter 13."""
    radius = max(1, math.ceil(3.5 * max(sigmas)))
    y, x = torch.meshgrid(*[torch.arange(-radius, radius + 1, dtype=torch.float64)] * 2, indexing="ij")
    along = y * math.cos(angle) + x * math.sin(angle)
    across = x * math.cos(angle) - y * math.sin(angle)
    first, second = (max(sigma, 1e-3) for sigma in sigmas)
    kernel = torch.exp(-0.5 * ((along / first).square() + (across / second).square()))
    return (kernel / kernel.sum()).float()


def _filter(x: Tensor, kernel: Tensor) -> Tensor:
    """Every channel of (C, H, W) convolved with one symmetric kernel; the edge pixel repeats outside."""
    radius = kernel.shape[0] // 2
    padded = F.pad(x[None], [radius] * 4, mode="replicate")[0]
    return F.conv2d(padded[:, None], kernel.to(x)[None, None])[:, 0]


def _through_jpeg(x: Tensor, quality: int) -> Tensor:
    levels = to_uint8(x.cpu()).movedim(0, -1).squeeze(-1).numpy()
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, format="JPEG", quality=quality)
    decoded = torch.from_numpy(np.array(Image.open(buffer)))
    decoded = decoded[None] if decoded.ndim == 2 else decoded.movedim(-1, 0)
    return from_uint8(decoded, x.dtype).contiguous().to(x.device)


def _check_scale(hr: Tensor, scale: int) -> None:
    if not isinstance(scale, numbers.Integral) or scale < 1:
        raise ValueError(f"scale must be a whole number from 1 up, not {scale!r}")
    if hr.shape[-2] % scale or hr.shape[-1] % scale:
        size = tuple(hr.shape[-2:])
        raise ValueError(f"{size} does not divide by {scale}; use crop_to_multiple(hr, {scale}) first")


def _check_setting(name: str, setting: Setting, lowest: float, highest: float) -> None:
    values = setting if isinstance(setting, tuple) else (setting, setting)
    if not all(isinstance(v, numbers.Real) for v in values):
        raise ValueError(f"{name} must be a number or a tuple (low, high), not {setting!r}")
    if len(values) != 2 or not lowest <= values[0] <= values[1] <= highest:
        raise ValueError(
            f"{name} must be a number or (low, high) within {lowest}..{highest}, not {setting!r}"
        )
