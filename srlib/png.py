"""A PNG file written row by row, so that a picture larger than memory can be saved (chapter 13).

Pillow wants the whole picture at once. The format itself does not: a header, the rows squeezed by zlib,
an end mark.
"""

import struct
import zlib
from types import TracebackType
from typing import IO, Self

import numpy as np

LEVEL = 1
"""zlib's fastest, 85 MB/s. Measured on enlarged photographs: level 6 makes the file a fifth smaller at 14
MB/s, and a small network would wait for it. (The filter "sub" needs 10 % more room than "up".)"""

_CHUNK = 1 << 20  # bytes of squeezed rows in one IDAT chunk, about
_COLOUR_TYPE = {1: 0, 2: 4, 3: 2, 4: 6}  # gray, gray + alpha, RGB, RGBA
_UP = 2  # the filter that stores each row as its difference to the row above


class PngWriter:
    """Writes a PNG into ``file`` (open for bytes) from top to bottom: ``with PngWriter(...) as png:
    png.write(rows)`` until ``height`` rows are there. ``channels``: 1 gray, 2 gray + alpha, 3 RGB, 4 RGBA;
    ``depth``: 8 or 16 bits; ``icc_profile``: the bytes of an embedded colour profile. Chapter 13."""

    def __init__(
        self,
        file: IO[bytes],
        width: int,
        height: int,
        channels: int,
        depth: int = 8,
        icc_profile: bytes | None = None,
    ) -> None:
        if not 1 <= width < 2**31 or not 1 <= height < 2**31:
            raise ValueError(f"a PNG has 1 to 2147483647 pixels a side, not {width} x {height}")
        if channels not in _COLOUR_TYPE or depth not in (8, 16):
            raise ValueError(f"a PNG here has 1 to 4 channels of 8 or 16 bits, not {channels} of {depth}")
        self.file = file
        self.width, self.height, self.channels, self.depth = width, height, channels, depth
        self.icc_profile = icc_profile
        self.rows = 0  # written so far
        self._squeeze = zlib.compressobj(LEVEL)
        self._waiting = bytearray()
        self._above = np.zeros(width * channels * depth // 8, dtype=np.uint8)

    def __enter__(self) -> Self:
        self.file.write(b"\x89PNG\r\n\x1a\n")
        kind = _COLOUR_TYPE[self.channels]
        self._chunk(b"IHDR", struct.pack(">IIBBBBB", self.width, self.height, self.depth, kind, 0, 0, 0))
        if self.icc_profile:
            self._chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(self.icc_profile))
        return self

    def write(self, rows: np.ndarray) -> None:
        """The next rows: (h, width, channels), uint8 in 0..255 or, for 16 bits, uint16 in 0..65535."""
        expected = np.dtype(np.uint8 if self.depth == 8 else np.uint16)
        if rows.dtype != expected or rows.ndim != 3 or rows.shape[1:] != (self.width, self.channels):
            raise ValueError(
                f"rows must be {expected} (h, {self.width}, {self.channels}), "
                f"not {rows.dtype} {tuple(rows.shape)}"
            )
        if self.rows + len(rows) > self.height:
            raise ValueError(f"{self.rows + len(rows)} rows are more than the {self.height} announced")
        if len(rows) == 0:
            return
        self.rows += len(rows)
        big_endian = rows if self.depth == 8 else rows.astype(">u2")
        plain = np.ascontiguousarray(big_endian).view(np.uint8).reshape(len(rows), -1)
        filtered = np.empty((len(rows), plain.shape[1] + 1), dtype=np.uint8)
        filtered[:, 0] = _UP
        np.subtract(plain[0], self._above, out=filtered[0, 1:])  # uint8 wraps around, as PNG wants
        np.subtract(plain[1:], plain[:-1], out=filtered[1:, 1:])
        self._above = plain[-1].copy()
        self._waiting += self._squeeze.compress(filtered.data)
        if len(self._waiting) >= _CHUNK:
            self._flush()

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            return  # the file is a torso already; what went wrong matters more
        if self.rows != self.height:
            raise ValueError(f"only {self.rows} of {self.height} rows were written")
        self._waiting += self._squeeze.flush()
        self._flush()
        self._chunk(b"IEND", b"")

    def _flush(self) -> None:
        self._chunk(b"IDAT", self._waiting)
        self._waiting = bytearray()

    def _chunk(self, kind: bytes, body: bytes | bytearray) -> None:
        checksum = zlib.crc32(body, zlib.crc32(kind))
        for part in (struct.pack(">I", len(body)), kind, body, struct.pack(">I", checksum)):
            self.file.write(part)
