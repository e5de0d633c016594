"""The pictures that the bug hunts of chapters 7, 9 and 10 are measured on."""

from functools import cache

import torch
from torch import Tensor

from srlib import comparison
from srlib.degrade import bicubic


@cache
def crops(scale: int) -> tuple[Tensor, Tensor]:
    """(8, 3, 120 / scale, 120 / scale) and (8, 3, 120, 120) in [0, 1]: the middles of the comparison table's
    pictures, small and as they are. Shared: not to be written to."""
    hr = torch.stack([x[:, 60:180, 60:180] for x in comparison.pictures().values()])
    return bicubic(hr, scale), hr
