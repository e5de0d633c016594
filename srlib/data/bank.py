"""Training patches without a data loader (chapter 4 builds a small one by hand).

All pictures lie as uint8 in one flat buffer: HR first, its bicubic LR after it. Nothing is decoded twice.
A GPU takes a whole batch by index arithmetic and one gather; a CPU is faster copying square by square.
Either way flips and turns cost nothing: they only change the order in which pixels are read.
"""

import hashlib
import math
import numbers
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

from srlib.data.folder import iterate_folder
from srlib.degrade import bicubic
from srlib.images import check_range, crop_to_multiple, from_uint8, luma, to_uint8

Images = Mapping[str, Tensor] | Iterable[Tensor] | str | Path


class PatchBank:
    """Pairs of LR and HR patches from many pictures (chapter 4 onwards).

    ``images``: a dictionary or sequence of (C, H, W) pictures, float in [0, 1] or uint8, or a folder.
    ``scale``: one factor or several (2, 3, 4). ``channels``: 3, or 1 for luma. LR is made once, as an 8-bit
    bicubic file would be; or ``versions`` times by another ``degrade`` (a ``Degradation``: chapter 13), which
    draws anew each time. Equal ``seed``, device type and calls give equal batches. A buffer larger than
    ``memory_map_above`` bytes lies in a temporary file instead of memory (on the CPU only)."""

    def __init__(
        self,
        images: Images,
        scale: int | Sequence[int],
        device: torch.device | str = "cpu",
        *,
        channels: int = 3,
        seed: int = 0,
        degrade: Callable[[Tensor, int], Tensor] = bicubic,
        versions: int = 1,
        memory_map_above: int = 4 << 30,
    ) -> None:
        given: list[Any] = list(scale) if isinstance(scale, Iterable) else [scale]
        if not given or any(not isinstance(s, numbers.Integral) or s < 1 for s in given):
            raise ValueError(f"scale must be whole numbers from 1 up, not {scale!r}")
        self.scales = tuple(int(s) for s in given)
        if channels not in (1, 3):
            raise ValueError(f"channels must be 1 (luma) or 3 (RGB), not {channels}")
        if versions < 1:
            raise ValueError(f"versions must be at least 1, not {versions}")
        self.channels = channels
        self.degrade, self.versions = degrade, versions
        self.device = torch.device(device)
        self.names: list[str] = []
        """The pictures that are in the bank, in order, each once for every version."""
        self.skipped: list[str] = []
        """The pictures that were too small to be of use, by name."""
        self._folder: TemporaryDirectory[str] | None = None
        self._buffer, places = self._collect(images, memory_map_above if self.device.type == "cpu" else None)
        # Per picture: HR height, HR width, where its HR starts, where the LR of each scale starts.
        self._places = torch.tensor(places, dtype=torch.int64, device=self.device)
        self._generator = torch.Generator(device=self.device).manual_seed(seed)
        self._counts: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    def __len__(self) -> int:
        return len(self.names)

    def sample(self, batch: int, patch: int, scale: int | None = None) -> tuple[Tensor, Tensor]:
        """``batch`` aligned pairs: LR (N, C, patch, patch) and HR (N, C, patch*scale, patch*scale),
        float32 in [0, 1] on the bank's device. Every position in every picture is equally likely; each pair
        is flipped and turned at random (8 ways). With several scales, one is drawn for the batch unless
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

    def fingerprint(self) -> str:
        """A short name for what is in the bank (names, sizes, scales, channels): a training that goes on
        must go on with the same."""
        what = f"{self.names} {self._places.tolist()} {self.scales} {self.channels}"
        if self.degrade is not bicubic:
            what += f" {getattr(self.degrade, '__qualname__', self.degrade)}"
        return hashlib.sha256(what.encode()).hexdigest()[:16]

    def state(self) -> Tensor:
        """Where the random draws stand; ``set_state`` goes on from there."""
        return self._generator.get_state()

    def set_state(self, state: Tensor) -> None:
        """Go on drawing from where ``state`` was taken. What another kind of device left (its random numbers
        are others) becomes a seed."""
        if state.shape == self._generator.get_state().shape:
            self._generator.set_state(state)
        else:
            digest = hashlib.sha256(state.numpy().tobytes()).digest()
            self._generator.manual_seed(int.from_bytes(digest[:7], "big"))

    def reseed(self, seed: int) -> None:
        """Begin the random draws anew, as a bank made with this ``seed`` would."""
        self._generator.manual_seed(seed)

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
        if (patch, scale) not in self._counts:
            low = (self._places[:, :2] // scale - patch + 1).clamp(min=0)
            counts = low[:, 0] * low[:, 1]
            small = [self.names[i] for i in (counts == 0).nonzero().flatten().tolist()][:: self.versions]
            pictures = len(self.names) // self.versions
            what = f"a patch of {patch} LR pixels at x{scale}"
            if len(small) == pictures:
                raise ValueError(f"no picture holds {what}; use smaller patches")
            if small:
                which = f"{len(small)} of {pictures} pictures are smaller than {what} and are skipped"
                warnings.warn(f"{which}: {_few(small)}", stacklevel=3)
            self._counts[patch, scale] = counts, counts.cumsum(0)
        return self._counts[patch, scale]

    def _collect(self, images: Images, memory_map_above: int | None) -> tuple[Tensor, list[list[int]]]:
        """The flat buffer, and where each picture's HR and LR lie in it. Pictures are read one by one; once
        they outgrow ``memory_map_above`` bytes they go to a temporary file instead."""
        parts: list[np.ndarray] = []
        places: list[list[int]] = []
        offset, file = 0, None
        for name, pieces in self._pieces(images):
            starts = []
            for piece in pieces:
                starts.append(offset)
                offset += piece.numel()
                parts.append(np.ascontiguousarray(piece.numpy()).ravel())
            for version in range(self.versions):  # they share the HR
                first = 1 + version * len(self.scales)
                lows = starts[first : first + len(self.scales)]
                places.append([*pieces[0].shape[1:], starts[0], *lows])
                self.names.append(name)
            if memory_map_above is not None and offset > memory_map_above:
                file = file or self._temporary_file()
                _append(file, parts)
                parts.clear()
        if not places:
            small = f" (too small: {_few(self.skipped)})" if self.skipped else ""
            raise ValueError(f"there is no picture to take patches from{small}")
        if file is not None:
            return torch.from_numpy(np.memmap(file, dtype=np.uint8, mode="r+", shape=(offset,))), places
        return torch.from_numpy(np.concatenate(parts)).to(self.device), places

    def _pieces(self, images: Images) -> Iterator[tuple[str, list[Tensor]]]:
        """Each picture's name with its HR, cut to fit all scales, and the LR of each version and scale, as
        uint8."""
        multiple = math.lcm(*self.scales)
        for name, picture in _named(images):
            if not isinstance(picture, Tensor):
                raise TypeError(f"{name}: a picture must be a tensor, not {type(picture).__name__}")
            check_range(picture, name, slack=0.2)  # bicubic may have overshot
            if picture.ndim != 3 or picture.shape[0] not in (1, 3):
                raise ValueError(
                    f"{name}: a picture must be (1, H, W) or (3, H, W), not {tuple(picture.shape)}"
                )
            if min(picture.shape[1:]) < multiple:
                self.skipped.append(name)
                continue
            hr = crop_to_multiple(to_uint8(picture.cpu()), multiple)
            hr = luma(hr) if self.channels == 1 else hr.expand(3, -1, -1)
            lows = [self.degrade(hr, scale) for _ in range(self.versions) for scale in self.scales]
            yield name, [hr, *lows]
        if self.skipped:
            which = f"{len(self.skipped)} pictures are smaller than {multiple} pixels and are left out"
            warnings.warn(f"{which}: {_few(self.skipped)}", stacklevel=4)

    def _temporary_file(self) -> Path:
        self._folder = TemporaryDirectory(prefix="srlib-patches-", ignore_cleanup_errors=True)
        return Path(self._folder.name) / "levels.u8"


def _append(file: Path, parts: list[np.ndarray]) -> None:
    try:
        with file.open("ab") as target:
            for part in parts:
                target.write(part.data)
    except OSError as fault:
        advice = "free space there, or set TMPDIR to another folder"
        raise OSError(f"{file.parent}: patches could not be stored ({fault.strerror}); {advice}") from fault


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
