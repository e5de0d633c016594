"""Enlarging without learning, as models that can be judged beside networks (chapter 2)."""

from typing import Any

from torch import Tensor, nn

from srlib.resize import Kernel, imresize


class Interpolation(nn.Module):
    """``imresize`` by a kernel ("nearest", "linear", "cubic", "lanczos2", "lanczos3", or an object) as a
    model: (N, C, H, W) in [0, 1] to ``scale`` times as many pixels a side, unclipped. Chapter 2."""

    pre_upsample = False

    def __init__(self, scale: int, kernel: str | Kernel = "cubic", channels: int = 1) -> None:
        super().__init__()
        self.scale, self.kernel, self.channels = scale, kernel, channels

    def forward(self, x: Tensor) -> Tensor:
        return imresize(x, self.scale, kernel=self.kernel)


class BackProjected(nn.Module):
    """Any model of one scale, followed by ``steps`` of iterative back-projection (Irani and Peleg 1991), so
    that its answer, shrunk again, is the small picture that was given. Chapter 2."""

    pre_upsample = False

    def __init__(self, model: nn.Module, steps: int = 10) -> None:
        super().__init__()
        self.model, self.steps = model, steps
        self.scale: Any = model.scale
        self.channels = model.channels

    def forward(self, x: Tensor) -> Tensor:
        return back_project(self.model(x), x, self.scale, steps=self.steps)


def back_project(sr: Tensor, lr: Tensor, scale: int, *, steps: int = 10) -> Tensor:
    """Bring ``sr`` (N, C, H * scale, W * scale) into agreement with ``lr`` (N, C, H, W): shrink it by
    bicubic, see what is missing, enlarge that and add it, ``steps`` times. What ``lr`` does not determine
    stays as it was. Chapter 2."""
    if steps < 0:
        raise ValueError(f"back-projection takes 0 steps or more, not {steps}")
    if tuple(sr.shape[-2:]) != (lr.shape[-2] * scale, lr.shape[-1] * scale):
        raise ValueError(f"{tuple(sr.shape)} is not x{scale} of {tuple(lr.shape)}")
    for _ in range(steps):
        missing = lr - imresize(sr, 1 / scale)  # (N, C, H, W)
        sr = sr + imresize(missing, scale)
    return sr
