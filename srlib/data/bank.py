"""Training patches without a data loader (chapter 4 builds a small one by hand).

All pictures lie as uint8 in one flat buffer: HR first, its bicubic LR after it. Nothing is decoded twice.
A GPU takes a whole batch by index arithmetic and one gather; a CPU is faster copying square by square.
Either way flips and turns cost nothing: they only change the order in which pixels are read.
"""

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from srlib.data.folder import iterate_folder
from srlib.degrade import bicubic
from srlib.images import crop_to_multiple, from_uint8, luma, to_uint8

Images = Mapping[str, Tensor] | Iterable[Tensor] | str | Path


class PatchBank:
    """Pairs of LR and HR patches from many pictures (chapter 4 onwards).

    ``images``: a dictionary or sequence of (C, H, W) pictures, float in [0, 1] or uint8, or a folder.
    ``scale``: one factor or several (2, 3, 4). ``channels``: 3, or 1 for luma. LR is made once, as an 8-bit
    bicubic file would be. Equal ``seed``, device type and calls give equal batches. A buffer larger than
    ``memory_map_above`` bytes lies in a temporary file instead of memory (on the CPU only)."""

    def __init__(
        self,
        images: Images,
        scale: int | Sequence[int],
        device: torch.device | str = "cpu",
        *,
        channels: int = 3,
        seed: int = 0,
        memory_map_above: int = 4 << 30,
    ) -> None:
        self.scales = (scale,) if isinstance(scale, int) else tuple(scale)
        if not self.scales or any(s != int(s) or s < 1 for s in self.scales):
            raise ValueError(f"scale must be whole numbers from 1 up, not {scale!r}")
        if channels not in (1, 3):
            raise ValueError(f"channels must be 1 (luma) or 3 (RGB), not {channels}")
        self.channels = channels
        self.device = torch.device(device)
        self.names: list[str] = []
        """The pictures that are in the bank, in order."""
        self.skipped: list[str] = []
        """The pictures that were too small to be of use, by name."""
        self._folder: TemporaryDirectory[str] | None = None
        parts, places = self._levels(images)
        self._buffer = self._flat(parts, memory_map_above).to(self.device)
        # Per picture: HR height, HR width, where its HR starts, where the LR of each scale starts.
        self._places = torch.tensor(places, dtype=torch.int64, device=self.device)
        self._generator = torch.Generator(device=self.device).manual_seed(seed)
        self._corners: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    def __len__(self) -> int:
        return len(self.names)

    def sample(self, batch: int, patch: int, scale: int | None = None) -> tuple[Tensor, Tensor]:
        """``batch`` aligned pairs: LR (N, C, patch, patch) and HR (N, C, patch*scale, patch*scale),
        float32 in [0, 1] on the bank's device. Every position in every picture is equally likely; each pair is
        flipped and turned at random (8 ways). With several scales, one is drawn for the batch unless
        ``scale`` names it."""
        if batch < 1 or patch < 1:
            raise ValueError(f"batch and patch must be at least 1, not {batch} and {patch}")
        if scale is None:
            scale = self.scales[0]
            if len(self.scales) > 1:
                scale = self.scales[int(self._draw(len(self.scales), 1))]
        if scale not in self.scales:
            raise ValueError(f"this bank has scales {self.scales}, not {scale}")
        counts, ends = self._positions(patch, scale)
        at = self._draw(int(ends[-1]), batch)
        picture = torch.searchsorted(ends, at, right=True)
        at = at - (ends[picture] - counts[picture])
        height, width, start = self._places[picture, :3].unbind(1)
        low_start = self._places[picture, 3 + self.scales.index(scale)]
        columns = width // scale - patch + 1
        y, x = at // columns, at % columns
        turn = self._draw(8, batch)
        lr = self._cut(low_start, height // scale, width // scale, y, x, turn, patch)
        hr = self._cut(start, height, width, y * scale, x * scale, turn, patch * scale)
        return lr, hr

    def _draw(self, below: int, count: int) -> Tensor:
        return torch.randint(below, (count,), generator=self._generator, device=self.device)

    def _cut(
        self, start: Tensor, height: Tensor, width: Tensor, y: Tensor, x: Tensor, turn: Tensor, size: int
    ) -> Tensor:
        """A square of ``size`` at (y, x) from each picture, turned: (N, C, size, size) float32."""
        settings = (start, height, width, y, x, turn)
        cut = self._copy if self.device.type == "cpu" else self._gather
        return from_uint8(cut(*settings, size))

    def _copy(
        self, start: Tensor, height: Tensor, width: Tensor, y: Tensor, x: Tensor, turn: Tensor, size: int
    ) -> Tensor:
        flat, c = self._buffer.numpy(), self.channels
        out = np.empty((len(start), c, size, size), dtype=np.uint8)
        rows = torch.stack([start, height, width, y, x, turn], dim=1).tolist()
        for target, (begin, h, w, top, left, how) in zip(out, rows, strict=True):
            square = flat[begin : begin + c * h * w].reshape(c, h, w)[:, top : top + size, left : left + size]
            if how & 1:
                square = square[:, :, ::-1]
            if how & 2:
                square = square[:, ::-1]
            target[...] = square.transpose(0, 2, 1) if how & 4 else square
        return torch.from_numpy(out)

    def _gather(
        self, start: Tensor, height: Tensor, width: Tensor, y: Tensor, x: Tensor, turn: Tensor, size: int
    ) -> Tensor:
        rows, columns = _turned_grid(size, self.device)
        channel = torch.arange(self.channels, device=self.device)
        corner = (start + y * width + x)[:, None] + (height * width)[:, None] * channel  # (N, C)
        inside = rows[turn] * width[:, None, None] + columns[turn]  # (N, size, size)
        return torch.take(self._buffer, corner[:, :, None, None] + inside[:, None])

    def _positions(self, patch: int, scale: int) -> tuple[Tensor, Tensor]:
        """How many places a patch fits in each picture, and the running total. Reports, once, what is too
        small."""
        if (patch, scale) not in self._corners:
            low = (self._places[:, :2] // scale - patch + 1).clamp(min=0)
            counts = low[:, 0] * low[:, 1]
            small = [self.names[i] for i in (counts == 0).nonzero().flatten().tolist()]
            what = f"a patch of {patch} LR pixels at x{scale}"
            if len(small) == len(self.names):
                raise ValueError(f"no picture holds {what}; use smaller patches")
            if small:
                which = f"{len(small)} of {len(self.names)} pictures are smaller than {what} and are skipped"
                warnings.warn(f"{which}: {_few(small)}", stacklevel=3)
            self._corners[patch, scale] = counts, counts.cumsum(0)
        return self._corners[patch, scale]

    def _levels(self, images: Images) -> tuple[list[np.ndarray], list[list[int]]]:
        """The uint8 pieces of the buffer in order, and where each picture's pieces lie."""
        multiple = math.lcm(*self.scales)
        parts: list[np.ndarray] = []
        places: list[list[int]] = []
        offset = 0
        for name, picture in _named(images):
            if picture.ndim != 3 or picture.shape[0] not in (1, 3):
                raise ValueError(
                    f"{name}: a picture must be (1, H, W) or (3, H, W), not {tuple(picture.shape)}"
                )
            if min(picture.shape[1:]) < multiple:
                self.skipped.append(name)
                continue
            hr = crop_to_multiple(to_uint8(picture.cpu()), multiple)
            hr = luma(hr) if self.channels == 1 else hr.expand(3, -1, -1)
            place = [hr.shape[1], hr.shape[2]]
            for piece in (hr, *(bicubic(hr, scale) for scale in self.scales)):
                parts.append(np.ascontiguousarray(piece.numpy()).ravel())
                place.append(offset)
                offset += piece.numel()
            self.names.append(name)
            places.append(place)
        if self.skipped:
            which = f"{len(self.skipped)} pictures are smaller than {multiple} pixels and are left out"
            warnings.warn(f"{which}: {_few(self.skipped)}", stacklevel=3)
        if not parts:
            raise ValueError("there is no picture to take patches from")
        return parts, places

    def _flat(self, parts: list[np.ndarray], memory_map_above: int) -> Tensor:
        total = sum(part.size for part in parts)
        if total <= memory_map_above or self.device.type != "cpu":
            return torch.from_numpy(np.concatenate(parts))
        self._folder = TemporaryDirectory(prefix="srlib-patches-")
        flat = np.memmap(Path(self._folder.name) / "levels.u8", dtype=np.uint8, mode="w+", shape=(total,))
        np.concatenate(parts, out=flat)
        return torch.from_numpy(flat)


@lru_cache(maxsize=16)
def _turned_grid(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Row and column of each pixel of a square in its 8 flips and turns: two (8, size, size)."""
    line = torch.arange(size, device=device)
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    grids = [rows, rows.flip(0)], [columns, columns.flip(1)]
    straight = [(r, c) for r in grids[0] for c in grids[1]]
    turned = [(r.mT, c.mT) for r, c in straight]
    return torch.stack([r for r, _ in straight + turned]), torch.stack([c for _, c in straight + turned])


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")


def _named(images: Images) -> Iterable[tuple[str, Tensor]]:
    if isinstance(images, (str, Path)):
        return iterate_folder(images)
    if isinstance(images, Mapping):
        return images.items()
    return ((f"picture {i}", picture) for i, picture in enumerate(images))
