"""What one output pixel looks at: the receptive field by theory, and how much each pixel in it really matters
(chapter 6)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor, nn

from srlib.images import from_uint8
from srlib.inference import in_eval_mode, run


@dataclass(frozen=True)
class Reach:
    """Which input positions each output position depends on, along one side of the picture: output ``o``
    sees ``low[o]`` to ``high[o]``. The lists hold one period: ``len(low)`` outputs further on, everything
    lies ``period`` inputs further on. ``Reach()`` is the input itself. Chapter 6."""

    low: tuple[int, ...] = (0,)
    high: tuple[int, ...] = (0,)
    period: int = 1

    @property
    def side(self) -> int:
        """Input pixels from the first to the last that one output pixel depends on, at most."""
        return max(high - low + 1 for low, high in zip(self.low, self.high, strict=True))

    @property
    def radius(self) -> int:
        """How far from its own place an output pixel looks, at most: ``inference.receptive_radius``."""
        places = [o * self.period // len(self.low) for o in range(len(self.low))]
        return max(
            max(at - low, high - at) for at, low, high in zip(places, self.low, self.high, strict=True)
        )

    def at(self, o: int) -> tuple[int, int]:
        """First and last input position that output ``o`` depends on."""
        turns, phase = divmod(o, len(self.low))
        return self.low[phase] + turns * self.period, self.high[phase] + turns * self.period

    def then(self, window: Callable[[int], tuple[int, int]], up: int = 1, down: int = 1) -> "Reach":
        """Followed by a layer whose output ``o`` looks at positions ``window(o)`` of ours, first and last,
        and that makes ``up`` positions of every ``down``."""
        turns = down // math.gcd(len(self.low) * up, down)
        outputs = range(turns * len(self.low) * up // down)
        windows = [window(o) for o in outputs]
        return Reach(
            tuple(self.at(first)[0] for first, _ in windows),
            tuple(self.at(last)[1] for _, last in windows),
            turns * self.period,
        )

    def convolved(self, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> "Reach":
        """Followed by a convolution, or a pooling."""
        wide = (kernel - 1) * dilation
        return self.then(lambda o: (stride * o - padding, stride * o - padding + wide), down=stride)

    def transposed(self, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> "Reach":
        """Followed by a transposed convolution. A kernel smaller than the stride leaves gaps that depend on
        nothing; they are given the nearest input."""
        wide = (kernel - 1) * dilation

        def window(o: int) -> tuple[int, int]:
            last = (o + padding) // stride
            first = -((wide - o - padding) // stride)  # rounded up
            return min(first, last), last

        return self.then(window, up=stride)

    def interpolated(self, up: int, down: int, reach: int) -> "Reach":
        """Followed by an interpolation to ``up / down`` times the size: nearest neighbour (``reach`` 0),
        bilinear (1) or bicubic (2)."""

        def window(o: int) -> tuple[int, int]:
            if reach == 0:
                return o * down // up, o * down // up
            place = Fraction((2 * o + 1) * down, 2 * up) - Fraction(1, 2)
            below = math.floor(place)
            # on a pixel of the input, the kernel is zero at all others
            return (below, below) if place == below else (below - reach + 1, below + reach)

        return self.then(window, up, down)

    def joined(self, other: "Reach") -> "Reach":
        """Together with another path to the same positions."""
        length = math.lcm(len(self.low), len(other.low))
        pairs = [(self.at(o), other.at(o)) for o in range(length)]
        return Reach(
            tuple(min(mine[0], yours[0]) for mine, yours in pairs),
            tuple(max(mine[1], yours[1]) for mine, yours in pairs),
            self.period * length // len(self.low),
        )


def effective_field(model: nn.Module, pictures: Tensor, scale: int | None = None) -> Tensor:
    """How much each input pixel matters to the answer at the centre: the mean absolute gradient, float32
    (H, W), for ``pictures`` (N, C, H, W) as the network takes them. Mean over the pictures, the input's
    channels and, where the network enlarges, the output pixels that the central input pixel (H // 2, W // 2)
    becomes; an output pixel of three channels counts as their sum. The pictures, float in [0, 1] or uint8, go
    where the network is. Chapter 6."""
    if pictures.ndim != 4 or 0 in pictures.shape:
        raise ValueError(f"pictures must be (N, C, H, W), not {tuple(pictures.shape)}")
    channels = getattr(model, "channels", pictures.shape[1])
    if channels != pictures.shape[1]:
        raise ValueError(f"this model takes {channels} channels, the pictures have {pictures.shape[1]}")
    pictures = from_uint8(pictures) if pictures.dtype == torch.uint8 else pictures
    if not pictures.is_floating_point():
        raise ValueError(f"pictures must be float in [0, 1] or uint8, not {pictures.dtype}")
    weight = next(model.parameters(), pictures)
    x = pictures.detach().to(weight.device, weight.dtype, copy=True).requires_grad_(True)
    with in_eval_mode(model), torch.enable_grad():
        y = run(model, x, scale or 0)
        factor = y.shape[-1] // x.shape[-1]
        if y.ndim != 4 or factor < 1:
            raise ValueError("the effective field is that of networks whose output is a picture")
        top, left = x.shape[2] // 2 * factor, x.shape[3] // 2 * factor
        total = torch.zeros(x.shape[2:])
        for place in range(factor**2):
            one = y[:, :, top + place // factor, left + place % factor].sum()
            (gradient,) = torch.autograd.grad(one, x, retain_graph=place < factor**2 - 1)
            total += gradient.abs().mean((0, 1)).cpu()
    return total / factor**2


def square_holding(field: Tensor, share: float) -> int:
    """Side, in pixels, of the smallest square around the centre that holds ``share`` (0 to 1) of an effective
    field (H, W): always odd. Chapter 6."""
    if not 0 < share < 1:
        raise ValueError(f"share must lie between 0 and 1, not {share}")
    rows = (torch.arange(field.shape[0]) - field.shape[0] // 2).abs()
    columns = (torch.arange(field.shape[1]) - field.shape[1] // 2).abs()
    ring = torch.maximum(rows[:, None], columns[None])  # distance from the centre, in squares
    held = torch.zeros(int(ring.max()) + 1, dtype=torch.float64)
    held.index_add_(0, ring.flatten(), field.double().flatten())
    if held.sum() == 0:
        raise ValueError("the field is zero everywhere: the centre depends on nothing here")
    return 2 * int((held.cumsum(0) < share * held.sum()).sum()) + 1
