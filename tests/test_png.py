"""The row-by-row PNG writer, read back by Pillow."""

import errno
import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from srlib import png
from srlib.files import whole_or_nothing
from srlib.png import PngWriter

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def levels(height: int, width: int, channels: int, depth: int = 8) -> np.ndarray:
    dtype = np.uint8 if depth == 8 else np.uint16
    return np.random.default_rng(0).integers(0, 2**depth, (height, width, channels), dtype=dtype)


def written(pixels: np.ndarray, pieces: int = 3, **more: Any) -> bytes:
    file = io.BytesIO()
    height, width, channels = pixels.shape
    with PngWriter(file, width, height, channels, pixels.dtype.itemsize * 8, **more) as writer:
        for rows in np.array_split(pixels, pieces):  # some of them are empty
            writer.write(rows)
    return file.getvalue()


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """(name, body) of every chunk; each checksum is verified."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    found, place = [], 8
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        name, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        assert struct.unpack(">I", data[place + 8 + length : place + 12 + length])[0] == zlib.crc32(
            name + body
        )
        found.append((name, body))
        place += 12 + length
    return found


@pytest.mark.parametrize("channels", MODES)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (9, 1), (13, 7)])
@pytest.mark.parametrize("pieces", [1, 4])
def test_eight_bits_of_every_mode_are_read_back(channels: int, height: int, width: int, pieces: int) -> None:
    pixels = levels(height, width, channels)
    with Image.open(io.BytesIO(written(pixels, pieces))) as image:
        assert image.mode == MODES[channels]
        np.testing.assert_array_equal(np.array(image).reshape(pixels.shape), pixels)


def test_sixteen_bit_gray_is_read_back_to_the_last_bit() -> None:
    pixels = levels(5, 6, 1, depth=16)
    with Image.open(io.BytesIO(written(pixels))) as image:
        np.testing.assert_array_equal(np.array(image).astype(np.uint16), pixels[..., 0])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits_of_every_mode_hold_every_bit(channels: int) -> None:
    """Pillow reads 8 of the 16, so the rows are unpacked here: each is the one above plus what is stored."""
    pixels = levels(5, 6, channels, depth=16)
    data = written(pixels)
    parts = chunks(data)
    assert parts[0][1] == struct.pack(">IIBBBBB", 6, 5, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = np.frombuffer(zlib.decompress(b"".join(b for n, b in parts if n == b"IDAT")), np.uint8)
    rows = rows.reshape(5, 1 + 12 * channels)
    assert (rows[:, 0] == 2).all()
    plain = rows[:, 1:].cumsum(axis=0).astype(np.uint8)
    np.testing.assert_array_equal(plain.view(">u2").reshape(pixels.shape), pixels)
    with Image.open(io.BytesIO(data)) as image:
        image.load()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_read_back_by_another_library(channels: int) -> None:
    cv2 = pytest.importorskip("cv2")
    pixels = levels(5, 6, channels, depth=16)
    read = cv2.imdecode(np.frombuffer(written(pixels), np.uint8), cv2.IMREAD_UNCHANGED)
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]  # OpenCV has blue first
    np.testing.assert_array_equal(read.reshape(pixels.shape)[..., order], pixels)


def test_the_profile_is_kept_byte_for_byte_and_comes_before_the_pixels() -> None:
    profile = bytes(range(256)) * 9
    data = written(levels(2, 2, 3), icc_profile=profile)
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["icc_profile"] == profile
    assert [name for name, _ in chunks(data)] == [b"IHDR", b"iCCP", b"IDAT", b"IEND"]


def test_a_large_picture_is_many_chunks_of_moderate_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png, "_CHUNK", 1000)
    pixels = levels(200, 100, 3)  # noise: zlib saves nothing
    data = written(pixels, pieces=200)
    sizes = [len(body) for name, body in chunks(data) if name == b"IDAT"]
    assert len(sizes) > 1
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(np.array(image), pixels)


def test_smooth_pictures_become_small() -> None:
    ramp = np.broadcast_to(np.arange(256, dtype=np.uint8)[None, :, None], (256, 256, 1))
    assert len(written(ramp)) < 1500  # from 65,536


def test_views_of_other_arrays_are_written_as_they_look() -> None:
    pixels = levels(6, 8, 3)
    view = pixels[::-1, ::2].transpose(1, 0, 2)
    with Image.open(io.BytesIO(written(view))) as image:
        np.testing.assert_array_equal(np.array(image), view)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (np.zeros((1, 4, 3), np.uint16), "must be uint8"),
        (np.zeros((1, 4, 3), np.float32), "must be uint8"),
        (np.zeros((1, 5, 3), np.uint8), r"must be uint8 \(h, 4, 3\), not uint8 \(1, 5, 3\)"),
        (np.zeros((1, 4), np.uint8), r"\(h, 4, 3\)"),
        (np.zeros((3, 4, 3), np.uint8), "3 rows are more than the 2"),
    ],
)
def test_rows_that_do_not_fit_are_refused_and_nothing_is_left(
    rows: np.ndarray, says: str, tmp_path: Path
) -> None:
    with (
        pytest.raises(ValueError, match=says),
        whole_or_nothing(tmp_path / "a.png") as file,
        PngWriter(file, 4, 2, 3) as writer,
    ):
        writer.write(rows)
    assert list(tmp_path.iterdir()) == []


def test_too_few_rows_are_an_error_and_nothing_is_left(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="only 1 of 2 rows"),
        whole_or_nothing(tmp_path / "a.png") as file,
        PngWriter(file, 4, 2, 3) as writer,
    ):
        writer.write(np.zeros((1, 4, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_another_fault_is_not_hidden_by_the_missing_rows() -> None:
    with pytest.raises(KeyError, match="mine"), PngWriter(io.BytesIO(), 4, 2, 3):
        raise KeyError("mine")


def test_a_full_disk_at_the_last_byte_leaves_nothing(tmp_path: Path) -> None:
    class Full:
        """Takes everything up to the end mark."""

        def __init__(self, file: Any) -> None:
            self.file = file

        def write(self, data: bytes) -> int:
            if data == b"IEND":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return int(self.file.write(data))

    with (
        pytest.raises(OSError, match=r"a\.png: could not be written \(No space left on device\)"),
        whole_or_nothing(tmp_path / "a.png") as file,
        PngWriter(Full(file), 4, 1, 3) as writer,  # type: ignore[arg-type]
    ):
        writer.write(np.zeros((1, 4, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((0, 1, 3), "0 x 1"),
        ((1, 2**31, 3), "1 to 2147483647"),
        ((1, 1, 5), "not 5 of 8"),
        ((1, 1, 3, 12), "not 3 of 12"),
    ],
)
def test_what_the_format_does_not_have_is_refused(arguments: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        PngWriter(io.BytesIO(), *arguments)
