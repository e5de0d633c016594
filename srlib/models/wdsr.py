"""WDSR (Yu et al. 2018): few features on the path, many before the ReLU (chapter 11)."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from srlib.models.edsr import DIV2K_MEAN

Norm = Literal["weight", "batch"] | None
Convolution = Literal["full", "grouped", "separable", "flattened"]
GROUPS = 4


def conv(
    before: int,
    after: int,
    kernel: int | tuple[int, int],
    norm: Norm,
    *,
    gain: float | None = None,
    groups: int = 1,
) -> nn.Module:
    """A convolution of the same size, with weight normalisation, with batch normalisation after it, or bare.
    ``gain`` sets weight normalisation's initial gain to that factor of a unit-norm filter."""
    rows, columns = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    padding = rows // 2, columns // 2
    plain = nn.Conv2d(before, after, (rows, columns), padding=padding, groups=groups)
    if norm == "weight":
        normed = weight_norm(plain)
        if gain is not None:
            nn.init.constant_(normed.parametrizations.weight.original0, gain)
        return normed
    if norm == "batch":
        return nn.Sequential(plain, nn.BatchNorm2d(after))
    if norm is None:
        return plain
    raise ValueError(f"norm must be 'weight', 'batch' or None, not {norm!r}")


def conv3x3(
    before: int, after: int, norm: Norm, convolution: Convolution = "full", *, gain: float | None = None
) -> nn.Module:
    """A 3x3 convolution, or something cheaper that sees the same 3x3 pixels: "grouped" (every group of a
    quarter of the features sees itself only), "separable" (each feature by itself, then 1x1) or "flattened"
    (1x1, then each feature by a column and by a row of three). The last one gets the ``gain``. Chapter 11."""
    if convolution == "full":
        return conv(before, after, 3, norm, gain=gain)
    if convolution == "grouped":
        return conv(before, after, 3, norm, gain=gain, groups=GROUPS)
    if convolution == "separable":
        return nn.Sequential(
            conv(before, before, 3, norm, groups=before), conv(before, after, 1, norm, gain=gain)
        )
    if convolution == "flattened":
        return nn.Sequential(
            conv(before, after, 1, norm),
            conv(after, after, (3, 1), norm, groups=after),
            conv(after, after, (1, 3), norm, gain=gain, groups=after),
        )
    raise ValueError(
        f"convolution must be 'full', 'grouped', 'separable' or 'flattened', not {convolution!r}"
    )


class WideBlock(nn.Module):
    """x + F(x). Kind A: 3x3 to ``expansion`` times the features, ReLU, 3x3 back; ``convolution`` names what
    is used in place of 3x3. Kind B: 1x1 wide, ReLU, 1x1 to 0.8 of the features (linear, low rank), 3x3 back.
    Chapter 11."""

    def __init__(
        self,
        features: int,
        expansion: int,
        kind: Literal["A", "B"],
        norm: Norm,
        gain: float | None = None,
        convolution: Convolution = "full",
    ) -> None:
        super().__init__()
        wide, narrow = expansion * features, int(0.8 * features)
        if kind == "A":
            layers = [conv3x3(features, wide, norm, convolution), nn.ReLU()]
            layers.append(conv3x3(wide, features, norm, convolution, gain=gain))
        elif convolution != "full":
            raise ValueError("only kind A has other convolutions")
        elif kind == "B":
            layers = [conv(features, wide, 1, norm), nn.ReLU(), conv(wide, narrow, 1, norm)]
            layers.append(conv(narrow, features, 3, norm, gain=gain))
        else:
            raise ValueError(f"kind must be 'A' or 'B', not {kind!r}")
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class WDSR(nn.Module):
    """Head, wide blocks, one convolution and shuffle, plus a 5x5 skip from the input with its own shuffle.
    ``expansion`` is 4 for kind A and 6 for kind B unless given. Takes RGB (N, 3, H, W) in [0, 1], returns
    (N, 3, scale*H, scale*W), unclipped. With ``norm="weight"`` the last convolution of each block begins with
    gain 1/sqrt(blocks), the report's residual scaling for deep nets. ``convolution`` replaces the 3x3 of kind
    A's blocks by a cheaper one. Chapter 11."""

    channels = 3
    pre_upsample = False

    def __init__(
        self,
        scale: int,
        *,
        blocks: int = 16,
        features: int = 32,
        kind: Literal["A", "B"] = "A",
        norm: Norm = "weight",
        expansion: int | None = None,
        convolution: Convolution = "full",
    ) -> None:
        super().__init__()
        self.scale = scale
        wide = expansion if expansion is not None else {"A": 4, "B": 6}.get(kind, 0)
        gain = blocks**-0.5 if norm == "weight" else None
        self.mean: Tensor
        self.register_buffer("mean", torch.tensor(DIV2K_MEAN).view(1, 3, 1, 1), persistent=False)
        self.head = conv(3, features, 3, norm)
        self.body = nn.Sequential(
            *[WideBlock(features, wide, kind, norm, gain, convolution) for _ in range(blocks)]
        )
        self.tail = nn.Sequential(conv(features, 3 * scale**2, 3, norm), nn.PixelShuffle(scale))
        self.skip = nn.Sequential(conv(3, 3 * scale**2, 5, norm), nn.PixelShuffle(scale))

    def forward(self, x: Tensor) -> Tensor:
        x = x - self.mean
        detail = self.tail(self.body(self.head(x)))  # (N, 3, scale*H, scale*W)
        return detail + self.skip(x) + self.mean

    def merge(self) -> None:
        """Write weight normalisation into plain weights: the same output, fewer parameters and steps."""
        for module in list(self.modules()):
            if is_parametrized(module, "weight"):
                # The parametrization lives in a class that copies of this network share: without a class of
                # its own, merging a copy would break the original.
                kind = type(module)
                module.__class__ = type(kind.__name__, kind.__bases__, dict(vars(kind)))
                remove_parametrizations(module, "weight")
