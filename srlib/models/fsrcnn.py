"""FSRCNN (Dong et al. 2016): the work moves to the small picture, the enlarging to the end (chapter 5)."""

from typing import Literal

from torch import Tensor, nn


class FSRCNN(nn.Module):
    """Extract, shrink, map ``m`` times, expand, and one 9x9 transposed convolution. The paper's net is
    (d, s, m) = (56, 12, 4), its small one (32, 5, 1). Takes luma (N, 1, H, W) in [0, 1], returns
    (N, 1, scale*H, scale*W), unclipped. He's initialisation for PReLU, sigma 0.001 for the last layer, as in
    the paper. ``enlarge``: another size for the last kernel (not below the scale), or "shuffle": ESPCN's 3x3
    convolution and pixel shuffle instead. Chapter 5."""

    channels = 1
    pre_upsample = False

    def __init__(
        self, scale: int, *, d: int = 56, s: int = 12, m: int = 4, enlarge: int | Literal["shuffle"] = 9
    ) -> None:
        super().__init__()
        if enlarge != "shuffle" and enlarge < scale:
            raise ValueError(f"a kernel of {enlarge} leaves gaps at x{scale}; take {scale} or more")
        self.scale = scale
        self.extract = nn.Sequential(nn.Conv2d(1, d, 5, padding=2), nn.PReLU(d))
        self.shrink = nn.Sequential(nn.Conv2d(d, s, 1), nn.PReLU(s))
        self.map = nn.Sequential(
            *[nn.Sequential(nn.Conv2d(s, s, 3, padding=1), nn.PReLU(s)) for _ in range(m)],
        )
        self.expand = nn.Sequential(nn.Conv2d(s, d, 1), nn.PReLU(d))
        self.deconv: nn.Module
        if enlarge == "shuffle":
            last: nn.Conv2d | nn.ConvTranspose2d = nn.Conv2d(d, scale**2, 3, padding=1)
            self.deconv = nn.Sequential(last, nn.PixelShuffle(scale))
        else:
            padding = (enlarge - 1) // 2
            rest = scale - enlarge + 2 * padding  # so that H rows become exactly scale*H
            self.deconv = last = nn.ConvTranspose2d(
                d, 1, enlarge, stride=scale, padding=padding, output_padding=rest
            )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=0.25)  # PReLU begins with slope 0.25
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        nn.init.normal_(last.weight, std=0.001)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        x = self.extract(x)  # (N, d, H, W)
        x = self.shrink(x)  # (N, s, H, W)
        x = self.map(x)
        x = self.expand(x)  # (N, d, H, W)
        return self.deconv(x)  # (N, 1, scale*H, scale*W)
