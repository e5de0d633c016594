"""SRResNet and SRGAN's discriminator (Ledig et al. 2017; chapters 7 and 8)."""

from typing import Literal

from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """x + BN(conv(PReLU(BN(conv(x))))): F(x) = 0 is easy to learn where F(x) = x is hard. ``skip=False``
    leaves the x out, to see what it was good for. Chapter 7."""

    def __init__(self, features: int, *, skip: bool = True) -> None:
        super().__init__()
        self.skip = skip
        self.body = nn.Sequential(
            nn.Conv2d(features, features, 3, padding=1),
            nn.BatchNorm2d(features),
            nn.PReLU(),
            nn.Conv2d(features, features, 3, padding=1),
            nn.BatchNorm2d(features),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.skip else self.body(x)


class SRResNet(nn.Module):
    """9x9 head, residual blocks with batch normalisation, a global skip, a shuffle for each factor 2, 9x9
    tail. ``scale`` is 2, 4 or 8. Takes RGB (N, 3, H, W) in [0, 1], returns (N, 3, scale*H, scale*W),
    unclipped. SRGAN's generator is the same network. ``skips``: other than True leaves ways around layers
    out, the layers stay: "global" has the one around the body only, "blocks" those around each block only,
    False none. Chapter 7."""

    channels = 3
    pre_upsample = False

    def __init__(
        self,
        scale: int = 4,
        *,
        blocks: int = 16,
        features: int = 64,
        skips: bool | Literal["global", "blocks"] = True,
    ) -> None:
        super().__init__()
        if scale not in (2, 4, 8):
            raise ValueError(f"SRResNet enlarges by 2, 4 or 8, not {scale}")
        if skips not in (True, False, "global", "blocks"):
            raise ValueError(f"skips must be True, False, 'global' or 'blocks', not {skips!r}")
        self.scale = scale
        self.around = skips in (True, "global")
        self.head = nn.Sequential(nn.Conv2d(3, features, 9, padding=4), nn.PReLU())
        self.body = nn.Sequential(
            *[ResidualBlock(features, skip=skips in (True, "blocks")) for _ in range(blocks)],
            nn.Conv2d(features, features, 3, padding=1),
            nn.BatchNorm2d(features),
        )
        self.upsample = nn.Sequential()
        for _ in range(scale.bit_length() - 1):
            self.upsample.append(nn.Conv2d(features, 4 * features, 3, padding=1))
            self.upsample.append(nn.PixelShuffle(2))
            self.upsample.append(nn.PReLU())
        self.tail = nn.Conv2d(features, 3, 9, padding=4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.head(x)  # (N, 64, H, W)
        x = x + self.body(x) if self.around else self.body(x)
        return self.tail(self.upsample(x))  # (N, 3, scale*H, scale*W)


class Discriminator(nn.Module):
    """Real or generated? Eight convolutions, every second with stride 2, then two dense layers: (N, 3, size,
    size) in [0, 1] to one logit each, (N, 1); the loss applies the sigmoid. ``size`` is the HR crop's side,
    a multiple of 16. Convolutions before batch normalisation carry no bias. Chapter 8."""

    def __init__(self, size: int = 96) -> None:
        super().__init__()
        if size < 16 or size % 16:
            raise ValueError(f"size must be a multiple of 16, not {size}")
        self.size = size
        layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, padding=1), nn.LeakyReLU(0.2)]
        before = 64
        for width, stride in ((64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (512, 2)):
            layers.append(nn.Conv2d(before, width, 3, stride=stride, padding=1, bias=False))
            layers += [nn.BatchNorm2d(width), nn.LeakyReLU(0.2)]
            before = width
        self.body = nn.Sequential(*layers)
        self.tail = nn.Sequential(
            nn.Flatten(), nn.Linear(512 * (size // 16) ** 2, 1024), nn.LeakyReLU(0.2), nn.Linear(1024, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-2:] != (self.size, self.size):
            raise ValueError(f"this discriminator takes {self.size} x {self.size}, not {tuple(x.shape[-2:])}")
        return self.tail(self.body(2 * x - 1))  # (N, 1)
