"""FSRCNN (Dong et al. 2016): the work moves to the small picture, the enlarging to the end (chapter 5)."""

from torch import Tensor, nn


class FSRCNN(nn.Module):
    """Extract, shrink, map ``m`` times, expand, and one 9x9 transposed convolution. The paper's net is
    (d, s, m) = (56, 12, 4), its small one (32, 5, 1). Takes luma (N, 1, H, W) in [0, 1], returns
    (N, 1, scale*H, scale*W), unclipped. He's initialisation for PReLU, sigma 0.001 for the last layer, as in
    the paper. Chapter 5."""

    channels = 1
    pre_upsample = False

    def __init__(self, scale: int, *, d: int = 56, s: int = 12, m: int = 4) -> None:
        super().__init__()
        self.scale = scale
        self.extract = nn.Sequential(nn.Conv2d(1, d, 5, padding=2), nn.PReLU(d))
        self.shrink = nn.Sequential(nn.Conv2d(d, s, 1), nn.PReLU(s))
        self.map = nn.Sequential(
            *[nn.Sequential(nn.Conv2d(s, s, 3, padding=1), nn.PReLU(s)) for _ in range(m)],
        )
        self.expand = nn.Sequential(nn.Conv2d(s, d, 1), nn.PReLU(d))
        self.deconv = nn.ConvTranspose2d(d, 1, 9, stride=scale, padding=4, output_padding=scale - 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=0.25)  # PReLU begins with slope 0.25
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        nn.init.normal_(self.deconv.weight, std=0.001)
        nn.init.zeros_(self.deconv.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        x = self.extract(x)  # (N, d, H, W)
        x = self.shrink(x)  # (N, s, H, W)
        x = self.map(x)
        x = self.expand(x)  # (N, d, H, W)
        return self.deconv(x)  # (N, 1, scale*H, scale*W)
