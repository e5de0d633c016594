"""SRCNN (Dong et al. 2014, 2016): three convolutions that sharpen a picture already enlarged (chapter 4)."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SRCNN(nn.Module):
    """Patch extraction, non-linear mapping, reconstruction. ``kernels``: the three filter sizes (9-1-5,
    9-5-5, 11-5-7 ...). Takes the enlarged picture (N, channels, H, W) in [0, 1] and returns it sharpened, the
    same size, unclipped. ``inside=s`` is the students' variant: it takes the small picture and enlarges
    between the second and the third layer, ``s`` times, by nearest neighbour. ``init``: "paper" (Gaussian
    with sigma 0.001: hundreds of steps go by before the picture comes through), "he", or "centred": He's, but
    filters sum to zero, and a first one hands the picture on. Pixels are never negative, so most of He's
    filters answer everywhere or nowhere: straight lines, and dead units that never learn. Chapter 4."""

    def __init__(
        self,
        kernels: Sequence[int] = (9, 1, 5),
        *,
        channels: int = 1,
        features: Sequence[int] = (64, 32),
        inside: int | None = None,
        init: Literal["paper", "he", "centred"] = "paper",
    ) -> None:
        super().__init__()
        if len(kernels) != 3 or any(k < 1 or k % 2 == 0 for k in kernels):
            raise ValueError(f"SRCNN needs three odd kernel sizes, not {tuple(kernels)}")
        self.channels = channels
        self.scale = inside
        self.pre_upsample = inside is None
        k1, k2, k3 = kernels
        n1, n2 = features
        self.extract = nn.Conv2d(channels, n1, k1, padding=k1 // 2)
        self.map = nn.Conv2d(n1, n2, k2, padding=k2 // 2)
        self.reconstruct = nn.Conv2d(n2, channels, k3, padding=k3 // 2)
        for conv in (self.extract, self.map, self.reconstruct):
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
            if init == "paper":
                nn.init.normal_(conv.weight, std=0.001)
            else:
                nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        if init == "centred":
            self._centre()

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.extract(x))  # (N, 64, H, W)
        x = torch.relu(self.map(x))  # (N, 32, H, W)
        if self.scale is not None:
            x = F.interpolate(x, scale_factor=self.scale, mode="nearest")
        return self.reconstruct(x)  # (N, channels, H, W)

    @torch.no_grad()
    def _centre(self) -> None:
        """Begin as a network that returns its input: one filter a channel hands it on, the others see only
        detail and add little."""
        for conv in (self.extract, self.map):
            conv.weight -= conv.weight.mean((1, 2, 3), keepdim=True)
        self.reconstruct.weight *= 0.1
        for conv in (self.extract, self.map, self.reconstruct):
            middle = conv.kernel_size[0] // 2
            for c in range(self.channels):
                conv.weight[c] = 0
                if conv is not self.extract:
                    conv.weight[:, c] = 0
                conv.weight[c, c, middle, middle] = 1
