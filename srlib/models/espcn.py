"""ESPCN (Shi et al. 2016): sub-pixel convolution, small pictures shuffled into a large one (chapter 5)."""

import torch
from torch import Tensor, nn


class ESPCN(nn.Module):
    """Two convolutions with tanh, a third to scale*scale channels, and the pixel shuffle. Takes luma
    (N, 1, H, W) in [0, 1], returns (N, 1, scale*H, scale*W), unclipped. The paper does not state its
    initial weights: PyTorch's defaults. Chapter 5."""

    channels = 1
    pre_upsample = False

    def __init__(self, scale: int, *, features: tuple[int, int] = (64, 32)) -> None:
        super().__init__()
        self.scale = scale
        n1, n2 = features
        self.extract = nn.Conv2d(1, n1, 5, padding=2)
        self.map = nn.Conv2d(n1, n2, 3, padding=1)
        self.subpixel = nn.Conv2d(n2, scale**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.extract(x))  # (N, 64, H, W)
        x = torch.tanh(self.map(x))  # (N, 32, H, W)
        return self.shuffle(self.subpixel(x))  # (N, 1, scale*H, scale*W)
