"""VDSR (Kim et al. 2016): twenty layers that predict what bicubic interpolation lost (chapter 6)."""

from torch import Tensor, nn


class VDSR(nn.Module):
    """``depth`` 3x3 convolutions of 64 features whose sum with the input is the answer. Takes the enlarged
    luma (N, 1, H, W) in [0, 1], any scale, and returns the same size, unclipped. He's initialisation, as
    in the paper. ``residual=False`` drops the sum; ``transposed=s`` is the students' variant: it takes the
    small picture and ends in a transposed convolution that enlarges ``s`` times (and so has no residual).
    Chapter 6."""

    def __init__(
        self,
        depth: int = 20,
        *,
        features: int = 64,
        channels: int = 1,
        residual: bool = True,
        transposed: int | None = None,
    ) -> None:
        super().__init__()
        if depth < 3:
            raise ValueError(f"VDSR needs at least 3 layers, not {depth}")
        if transposed and residual:
            raise ValueError("with transposed= the input is smaller than the output: say residual=False")
        self.channels = channels
        self.scale = transposed
        self.pre_upsample = transposed is None
        self.residual = residual
        layers: list[nn.Module] = [nn.Conv2d(channels, features, 3, padding=1), nn.ReLU()]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(features, features, 3, padding=1), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.tail: nn.Module
        if transposed:
            self.tail = nn.ConvTranspose2d(features, channels, transposed + 2, stride=transposed, padding=1)
        else:
            self.tail = nn.Conv2d(features, channels, 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        detail = self.tail(self.body(x))
        return x + detail if self.residual else detail
