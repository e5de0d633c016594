"""EDSR and MDSR (Lim et al. 2017): residual networks without what restoration does not need (ch. 9, 10)."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)
"""Mean red, green and blue of DIV2K, subtracted before and added after, as the authors do."""


class ResBlock(nn.Module):
    """x + res_scale * conv(ReLU(conv(x))): no batch normalisation, no ReLU outside. Chapter 9."""

    def __init__(self, features: int, *, kernel: int = 3, res_scale: float = 1.0) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(features, features, kernel, padding=kernel // 2),
            nn.ReLU(),
            nn.Conv2d(features, features, kernel, padding=kernel // 2),
        )
        self.res_scale = res_scale

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) * self.res_scale

    @torch.no_grad()
    def fold(self) -> None:
        """Multiply the last convolution by ``res_scale`` and forget it: the same output, one step less."""
        last = self.body[2]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        last.weight *= self.res_scale
        last.bias *= self.res_scale
        self.res_scale = 1.0


def make_upsampler(
    scale: int, features: int, kind: Literal["shuffle", "transposed"] = "shuffle"
) -> nn.Sequential:
    """Enlarge (N, features, H, W) by 2, 3 or 4 (in two steps): a convolution and a pixel shuffle, or a
    transposed convolution (k = 4 for a factor 2, k = 5 for 3). Chapters 5 and 9."""
    if scale not in (2, 3, 4, 8):
        raise ValueError(f"the upsampler enlarges by 2, 3, 4 or 8, not {scale}")
    factors = [3] if scale == 3 else [2] * (scale.bit_length() - 1)
    layers: list[nn.Module] = []
    for factor in factors:
        if kind == "shuffle":
            layers += [nn.Conv2d(features, factor**2 * features, 3, padding=1), nn.PixelShuffle(factor)]
        elif kind == "transposed":
            layers.append(nn.ConvTranspose2d(features, features, factor + 2, stride=factor, padding=1))
        else:
            raise ValueError(f"upsampler must be 'shuffle' or 'transposed', not {kind!r}")
    return nn.Sequential(*layers)


class EDSR(nn.Module):
    """Head, ``blocks`` residual blocks with a long skip, upsampler, tail. The baseline is (16, 64), the full
    network (32, 256) with ``res_scale=0.1``. Takes RGB (N, 3, H, W) in [0, 1], returns (N, 3, scale*H,
    scale*W), unclipped. ``upsampler="transposed"`` and ``output="sigmoid"`` (which then works on [-1, 1])
    are the lightweight re-implementation's. PyTorch's default initialisation, as the authors. Chapter 9."""

    channels = 3
    pre_upsample = False

    def __init__(
        self,
        scale: int,
        *,
        blocks: int = 16,
        features: int = 64,
        res_scale: float = 1.0,
        upsampler: Literal["shuffle", "transposed"] = "shuffle",
        output: Literal["linear", "sigmoid"] = "linear",
    ) -> None:
        super().__init__()
        if output not in ("linear", "sigmoid"):
            raise ValueError(f"output must be 'linear' or 'sigmoid', not {output!r}")
        self.scale = scale
        self.output = output
        self.mean: Tensor
        self.register_buffer("mean", torch.tensor(DIV2K_MEAN).view(1, 3, 1, 1), persistent=False)
        self.head = nn.Conv2d(3, features, 3, padding=1)
        self.body = nn.Sequential(
            *[ResBlock(features, res_scale=res_scale) for _ in range(blocks)],
            nn.Conv2d(features, features, 3, padding=1),
        )
        self.upsample = make_upsampler(scale, features, upsampler)
        self.tail = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.head(2 * x - 1 if self.output == "sigmoid" else x - self.mean)  # (N, features, H, W)
        x = x + self.body(x)
        x = self.tail(self.upsample(x))  # (N, 3, scale*H, scale*W)
        return torch.sigmoid(x) if self.output == "sigmoid" else x + self.mean


class MDSR(nn.Module):
    """One network for several scales: each has its own pre-processing (two 5x5 residual blocks) and
    upsampler, all share head, body and tail. The baseline has 16 blocks, the full network 80. Takes RGB
    (N, 3, H, W) in [0, 1] and the scale, returns (N, 3, scale*H, scale*W), unclipped. With
    ``before="shared"`` all scales have one pre-processing, with "none" there is none. Chapter 10."""

    channels = 3
    pre_upsample = False

    def __init__(
        self,
        scales: Sequence[int] = (2, 3, 4),
        *,
        blocks: int = 16,
        features: int = 64,
        before: Literal["own", "shared", "none"] = "own",
    ) -> None:
        super().__init__()
        if before not in ("own", "shared", "none"):
            raise ValueError(f"before must be 'own', 'shared' or 'none', not {before!r}")
        self.scales = tuple(scales)
        self.mean: Tensor
        self.register_buffer("mean", torch.tensor(DIV2K_MEAN).view(1, 3, 1, 1), persistent=False)
        self.head = nn.Conv2d(3, features, 3, padding=1)
        pairs = [
            nn.Sequential(*[ResBlock(features, kernel=5) for _ in range(0 if before == "none" else 2)])
            for _ in (self.scales if before == "own" else self.scales[:1])
        ]
        pairs *= len(self.scales) // len(pairs)  # the same pair for each
        self.pre_process = nn.ModuleDict(dict(zip(map(str, self.scales), pairs, strict=True)))
        self.body = nn.Sequential(
            *[ResBlock(features) for _ in range(blocks)], nn.Conv2d(features, features, 3, padding=1)
        )
        self.upsample = nn.ModuleDict({str(s): make_upsampler(s, features) for s in self.scales})
        self.tail = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, x: Tensor, scale: int) -> Tensor:
        if scale not in self.scales:
            raise ValueError(f"this MDSR has scales {self.scales}, not {scale}")
        x = self.head(x - self.mean)  # (N, features, H, W)
        x = self.pre_process[str(scale)](x)
        x = x + self.body(x)
        return self.tail(self.upsample[str(scale)](x)) + self.mean  # (N, 3, scale*H, scale*W)
