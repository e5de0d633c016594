"""The peers that common code uses, written plainly, to be measured against and never used."""

import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from srlib.resize import imresize


def naive_imresize(x: Tensor, scale: float) -> Tensor:
    """imresize of (C, H, W) as most public ports do it: for each output row, gather the input rows under the
    kernel and sum them; then the same on the transpose. Antialiased cubic, mirrored border."""
    for _ in range(2):
        x = _naive_rows(x, scale).transpose(1, 2)
    return x.contiguous()


def _naive_rows(x: Tensor, scale: float) -> Tensor:
    length = x.shape[1]
    stretch = min(scale, 1.0)
    width = 4 / stretch
    rows = []
    for i in range(math.ceil(length * scale)):
        centre = (i + 0.5) / scale - 0.5
        taps = torch.arange(math.floor(centre - width / 2), math.ceil(centre + width / 2) + 1)
        distance = ((centre - taps) * stretch).abs().double()
        inner = 1.5 * distance**3 - 2.5 * distance**2 + 1
        outer = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
        weight = torch.where(distance <= 1, inner, torch.where(distance <= 2, outer, 0.0))
        weight = (weight / weight.sum()).to(x)
        index = taps % (2 * length)
        index = torch.where(index < length, index, 2 * length - 1 - index)
        rows.append((x[:, index] * weight[None, :, None]).sum(dim=1))
    return torch.stack(rows, dim=1)


class PngPatches(Dataset[tuple[Tensor, Tensor]]):
    """A training set as tutorials write it: open the PNG, crop, shrink nothing (LR lies beside it), flip."""

    def __init__(self, hr: Path, lr: Path, scale: int, patch: int) -> None:
        self.pairs = [(file, lr / file.name) for file in sorted(hr.glob("*.png"))]
        self.scale, self.patch = scale, patch

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        random = np.random.default_rng(index)
        hr_file, lr_file = self.pairs[index % len(self.pairs)]
        lr, hr = (np.array(Image.open(file).convert("RGB")) for file in (lr_file, hr_file))
        s, p = self.scale, self.patch
        y, x = (int(random.integers(0, n - p + 1)) for n in lr.shape[:2])
        pair = lr[y : y + p, x : x + p], hr[y * s : (y + p) * s, x * s : (x + p) * s]
        if random.random() < 0.5:
            pair = pair[0][:, ::-1], pair[1][:, ::-1]
        low, high = (torch.from_numpy(v.transpose(2, 0, 1).astype(np.float32) / 255) for v in pair)
        return low, high


def write_pngs(pictures: dict[str, Tensor], hr: Path, lr: Path, scale: int) -> None:
    """The files that ``PngPatches`` opens: HR and LR of every picture."""
    for folder in (hr, lr):
        folder.mkdir()
    for name, picture in pictures.items():
        levels = (
            picture[:, : picture.shape[1] // scale * scale, : picture.shape[2] // scale * scale] * 255
        ).byte()
        for folder, value in ((hr, levels), (lr, imresize(levels, 1 / scale))):
            Image.fromarray(value.permute(1, 2, 0).numpy()).save(folder / f"{name}.png")
