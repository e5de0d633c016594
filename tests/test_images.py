"""Anything a student drops in: files of every kind made here with Pillow, and broken ones."""

import errno
import io
import math
import os
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from srlib import images
from srlib.images import (
    ImageError,
    crop_to_multiple,
    from_uint8,
    load,
    luma,
    middle,
    open_picture,
    rgb_to_ycbcr,
    save,
    shave,
    to_uint8,
    ycbcr_to_rgb,
)

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
GRAY = RGB[..., 0]


def expected(array: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, C) levels as the book's (C, H, W) in [0, 1]."""
    return (array[None] if array.ndim == 2 else array.transpose(2, 0, 1)) / 255


# --- every colour mode ----------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp", ".ppm"])
def test_rgb_files_give_their_pixels(suffix: str, tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / f"a{suffix}", lossless=True)  # webp's word; others ignore it
    x = load(tmp_path / f"a{suffix}")
    assert x.dtype == torch.float32
    assert x.shape == (3, 6, 9)
    np.testing.assert_allclose(x, expected(RGB), atol=1e-7)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".pgm"])
def test_gray_files_give_one_channel(suffix: str, tmp_path: Path) -> None:
    Image.fromarray(GRAY).save(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(load(tmp_path / f"a{suffix}"), expected(GRAY), atol=1e-7)


def test_jpeg_is_close_to_what_was_saved_and_gray_jpeg_is_gray(tmp_path: Path) -> None:
    flat = np.full((16, 16, 3), (200, 100, 50), dtype=np.uint8)
    Image.fromarray(flat).save(tmp_path / "a.jpg", quality=95)
    np.testing.assert_allclose(load(tmp_path / "a.jpg"), expected(flat), atol=3 / 255)
    Image.fromarray(flat[..., 0]).save(tmp_path / "g.jpg")
    assert load(tmp_path / "g.jpg").shape == (1, 16, 16)


def test_one_bit_files_are_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(GRAY > 127).save(tmp_path / "a.png")
    np.testing.assert_array_equal(load(tmp_path / "a.png")[0], (GRAY > 127).astype(np.float32))


def test_palette_files_give_their_colours(tmp_path: Path) -> None:
    few = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [10, 20, 30]]], dtype=np.uint8)
    Image.fromarray(few).quantize(4).save(tmp_path / "a.png")
    assert Image.open(tmp_path / "a.png").mode == "P"
    np.testing.assert_allclose(load(tmp_path / "a.png"), expected(few), atol=1e-7)


def test_palette_transparency_becomes_alpha(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putdata([0, 1])
    image.save(tmp_path / "a.png", transparency=1)
    picture = open_picture(tmp_path / "a.png")
    assert picture.pixels[:, 0, 0].tolist() == [1, 0, 0]
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[[1, 0]]]


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_is_kept_apart_and_colours_under_it_are_untouched(channels: int, tmp_path: Path) -> None:
    levels = np.random.default_rng(1).integers(0, 256, (5, 4, channels), dtype=np.uint8)
    levels[0, 0, -1] = 0
    Image.fromarray(levels, "LA" if channels == 2 else "RGBA").save(tmp_path / "a.png")
    picture = open_picture(tmp_path / "a.png")
    np.testing.assert_allclose(picture.pixels, expected(levels[..., :-1]), atol=1e-7)
    assert picture.alpha is not None
    np.testing.assert_allclose(picture.alpha, expected(levels[..., -1]), atol=1e-7)
    assert load(tmp_path / "a.png").shape == (channels - 1, 5, 4)


def test_sixteen_bit_gray_keeps_its_levels(tmp_path: Path) -> None:
    deep = np.array([[0, 1, 256], [40000, 65534, 65535]], dtype=np.uint16)
    for name in ("a.png", "a.tif"):
        Image.fromarray(deep).save(tmp_path / name)
        picture = open_picture(tmp_path / name)
        assert picture.depth == 16
        np.testing.assert_allclose(picture.pixels[0], deep / 65535, atol=1e-7)


def sixteen_bit_png(deep: np.ndarray, colour_type: int) -> bytes:
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in [
            (b"IHDR", struct.pack(">IIBBBBB", deep.shape[1], deep.shape[0], 16, colour_type, 0, 0, 0)),
            (b"IDAT", zlib.compress(rows)),
            (b"IEND", b""),
        ]
    )


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (6, 4)])
@pytest.mark.parametrize("opened", [False, True])
def test_sixteen_bit_colour_pngs_keep_their_levels(colour_type: int, channels: int, opened: bool) -> None:
    deep = np.random.default_rng(2).integers(0, 65536, (3, 4, channels), dtype=np.uint16)
    raw = sixteen_bit_png(deep, colour_type=colour_type)
    picture = open_picture(io.BytesIO(raw) if opened else raw)
    assert picture.depth == 16
    np.testing.assert_allclose(picture.pixels, deep.transpose(2, 0, 1)[:3] / 65535, atol=1e-7)
    if channels == 4:
        assert picture.alpha is not None
        np.testing.assert_allclose(picture.alpha, deep.transpose(2, 0, 1)[3:] / 65535, atol=1e-7)


@pytest.mark.parametrize("alpha", [None, torch.linspace(0, 1, 30).view(1, 5, 6)])
def test_sixteen_bit_colour_is_written_with_all_its_bits(alpha: torch.Tensor | None, tmp_path: Path) -> None:
    x = torch.from_numpy(np.random.default_rng(4).integers(0, 65536, (3, 5, 6)).astype(np.float32)) / 65535
    path = save(x, tmp_path / "a.png", alpha=alpha, icc_profile=b"profile", depth=16)
    read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)  # another library's decoder; BGR
    assert read is not None
    np.testing.assert_array_equal(read[..., [2, 1, 0]], (x * 65535).round().movedim(0, -1).numpy())
    picture = open_picture(path)
    assert torch.equal(picture.pixels, x)
    assert (picture.alpha is None) == (alpha is None)


def test_sixteen_bit_gray_with_alpha_stays_gray() -> None:
    deep = np.random.default_rng(3).integers(0, 65536, (3, 4, 2), dtype=np.uint16)
    picture = open_picture(sixteen_bit_png(deep, colour_type=4))
    np.testing.assert_allclose(picture.pixels, deep[None, ..., 0] / 65535, atol=1 / 255)
    assert picture.alpha is not None
    np.testing.assert_allclose(picture.alpha, deep[None, ..., 1] / 65535, atol=1 / 255)


def test_a_twelve_bit_tiff_is_not_sixteen_times_too_dark() -> None:
    levels = [0x000, 0x123, 0x800, 0xFFF]
    packed = bytes([0x00, 0x01, 0x23, 0x80, 0x0F, 0xFF])  # two levels in three bytes
    tags = [(256, 4, 4), (257, 4, 1), (258, 3, 12), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1)]
    tags += [(278, 4, 1), (279, 4, 6)]
    directory = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    start = struct.pack("<2sHI", b"II", 42, 14)
    file = start + packed + struct.pack("<H", len(tags)) + directory + bytes(4)
    np.testing.assert_allclose(load(file)[0, 0], np.array(levels) / 4095, atol=1e-6)


def test_a_tiff_in_which_zero_is_white_is_not_a_negative(tmp_path: Path) -> None:
    deep = np.array([[0, 65535, 1000]], dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "a.tif", tiffinfo={262: 0})
    with Image.open(tmp_path / "a.tif") as image:
        assert image.tag_v2[262] == 0  # type: ignore[attr-defined]
    np.testing.assert_allclose(load(tmp_path / "a.tif")[0], 1 - deep / 65535, atol=1e-7)


def test_the_transparent_level_of_a_deep_gray_png_becomes_alpha(tmp_path: Path) -> None:
    Image.fromarray(np.array([[7, 40000]], dtype=np.uint16)).save(tmp_path / "a.png", transparency=40000)
    picture = open_picture(tmp_path / "a.png")
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[[1, 0]]]


def test_float_tiff_in_range_is_taken_and_out_of_range_refused(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    Image.fromarray(values).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(load(tmp_path / "a.tif")[0], values)
    Image.fromarray(values * 300).save(tmp_path / "b.tif")
    with pytest.raises(ImageError, match=r"b\.tif: its values reach from 0 to 300; scale"):
        load(tmp_path / "b.tif")


def test_cmyk_becomes_rgb_with_inks_inverted(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "red.tif")
    picture = open_picture(tmp_path / "red.tif")
    assert picture.pixels[:, 0, 0].tolist() == [1, 0, 0]


def test_lab_becomes_rgb(tmp_path: Path) -> None:
    Image.new("LAB", (4, 4), (255, 128, 128)).save(tmp_path / "white.tif")
    np.testing.assert_allclose(load(tmp_path / "white.tif"), 1, atol=3 / 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int, tmp_path: Path) -> None:
    upright = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    turn: dict[int, Any] = {  # how a camera that writes this mark stored the upright picture
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: np.transpose,
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).T,
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(turn[orientation](upright))).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_allclose(load(tmp_path / "a.png"), expected(upright), atol=1e-7)


def test_path_string_bytes_and_file_object_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(RGB).save(path)
    data = path.read_bytes()
    with path.open("rb") as file:
        for source in (str(path), data, io.BytesIO(data), file):
            assert torch.equal(load(source), load(path))


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (3, 3), colour) for colour in ("white", "black")]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    assert load(tmp_path / "a.webp").min() == 1


# --- broken files: one line, the file's name, what to do ------------------------------------------


def png(width: int = 60, height: int = 50) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


def renamed(size: tuple[int, int]) -> bytes:
    """A PNG whose header claims another size, checksum and all."""
    data = png()
    header = b"IHDR" + struct.pack(">II", *size) + data[24:29]
    return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]


def as_format(name: str) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(png())).save(buffer, name)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty; save it as PNG"),
        (b"hello, I am a text file\n" * 9, "not a picture that can be read"),
        (png()[: len(png()) // 2], "damaged or cut short"),
        (as_format("JPEG")[:900], "damaged or cut short"),
        (as_format("WEBP")[:900], "damaged|not a picture"),
        (as_format("BMP")[:900], "damaged or cut short"),
        (as_format("TIFF")[:900], "damaged|not a picture"),
        (png()[:100] + b"\xff" * 50 + png()[150:], "damaged or cut short"),
        (renamed((0, 5)), "damaged|not a picture|no pixels"),
        (renamed((100_000, 100_000)), "more than 178,000,000 pixels; make it smaller"),
        (renamed((13_400, 13_400)), "more than 178,000,000 pixels; make it smaller"),
    ],
)
def test_a_broken_file_gives_one_line_with_its_name(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=says) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(ImageError, match=says):
        load(content)


def test_what_is_no_source_at_all_is_a_type_error() -> None:
    for wrong in (None, 3, np.zeros((3, 4, 4))):
        with pytest.raises(TypeError, match="from a path, bytes or an open file"):
            load(wrong)  # type: ignore[arg-type]
    with pytest.raises(ImageError, match="the file is empty"):
        load(io.BytesIO())


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png: there is no such file; check the path"):
        load(tmp_path / "nowhere.png")
    with pytest.raises(ImageError, match="this is a folder"):
        load(tmp_path)


# --- saving ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".bmp"])
def test_what_was_saved_loads_again(suffix: str, tmp_path: Path) -> None:
    x = from_uint8(torch.from_numpy(RGB.transpose(2, 0, 1).copy()))
    assert save(x, tmp_path / f"a{suffix}") == tmp_path / f"a{suffix}"
    assert torch.equal(load(tmp_path / f"a{suffix}"), x)
    assert torch.equal(load(save(to_uint8(x[:1]), tmp_path / f"g{suffix}"))[:1], x[:1])


def test_alpha_profile_and_depth_survive_the_round_trip(tmp_path: Path) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    x, alpha = torch.rand(3, 5, 7), torch.rand(1, 5, 7)
    save(x, tmp_path / "a.png", alpha=alpha, icc_profile=profile)
    picture = open_picture(tmp_path / "a.png")
    assert picture.icc_profile == profile
    assert torch.equal(to_uint8(picture.pixels), to_uint8(x))
    assert picture.alpha is not None
    assert torch.equal(to_uint8(picture.alpha), to_uint8(alpha))
    bytes_ = torch.arange(35, dtype=torch.uint8).view(1, 5, 7)
    assert torch.equal(to_uint8(load(save(bytes_, tmp_path / "b.png", depth=16))), bytes_)
    deep = torch.arange(35).view(1, 5, 7) * 1000 / 65535
    picture = open_picture(save(deep, tmp_path / "d.png", depth=16))
    assert picture.depth == 16
    torch.testing.assert_close(picture.pixels, deep, rtol=0, atol=1e-7)


def test_values_outside_are_clipped_not_wrapped(tmp_path: Path) -> None:
    save(torch.tensor([[[-0.5, 0.5, 1.5]]]), tmp_path / "a.png")
    assert np.array(Image.open(tmp_path / "a.png")).tolist() == [[0, 128, 255]]


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        ({"x": torch.rand(2, 4, 4)}, ValueError, r"must be \(1, H, W\) or \(3, H, W\)"),
        ({"x": torch.rand(4, 4)}, ValueError, "must be"),
        ({"x": torch.full((3, 4, 4), float("nan"))}, ValueError, "NaN"),
        ({"name": "a.xyz"}, ImageError, "cannot write files ending in '.xyz'"),
        ({"name": "noext"}, ImageError, "cannot write"),
        ({"name": "a.jpg", "alpha": torch.ones(1, 4, 4)}, ImageError, "JPEG has no transparency"),
        ({"alpha": torch.ones(1, 2, 2)}, ValueError, "alpha is"),
        ({"depth": 16, "name": "a.tif"}, ImageError, "colour or with transparency need .png"),
        ({"depth": 12}, ValueError, "depth must be 8 or 16"),
        ({"name": "a.bmp", "alpha": torch.ones(1, 4, 4)}, ImageError, "BMP has no transparency"),
        ({"name": "a.ppm", "icc_profile": b"x"}, ImageError, "PPM has no colour profile"),
        ({"name": "a.gif"}, ImageError, "cannot write"),
        ({"name": "a.webp", "x": torch.rand(3, 1, 16384)}, ImageError, "at most 16383"),
        ({"x": torch.ones(1, 4, 4, dtype=torch.int64)}, TypeError, "int64"),
        ({"x": np.zeros((3, 4, 4))}, TypeError, "from_numpy"),
        ({"x": torch.rand(1, 4, 4), "name": "a.jpg", "depth": 16}, ImageError, "16 bits"),
        ({"name": "no/such/folder/a.png"}, ImageError, "there is no folder"),
    ],
)
def test_what_cannot_be_saved_is_said_and_nothing_is_written(
    call: dict[str, Any], error: type[Exception], says: str, tmp_path: Path
) -> None:
    call = {"x": torch.rand(3, 4, 4), **call}
    path = tmp_path / call.pop("name", "a.png")
    with pytest.raises(error, match=says):
        save(call.pop("x"), path, **call)
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_folder_should_be_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no folder")
    with pytest.raises(ImageError, match="could not be written"):
        save(torch.zeros(3, 4, 4), tmp_path / "notes.txt" / "a.png")


def test_a_full_disk_leaves_the_old_file_and_no_half_written_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(torch.zeros(3, 4, 4), tmp_path / "a.png")
    before = path.read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(ImageError, match=r"a\.png: could not be written \(No space left on device\)"):
        save(torch.ones(3, 4, 4), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# --- conversions ----------------------------------------------------------------------------------


def test_eight_bits_and_back_is_the_identity() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    for dtype in (torch.float32, torch.float64):
        assert torch.equal(to_uint8(from_uint8(levels, dtype)), levels)


def test_half_precision_keeps_its_levels() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8((levels / 255).half()), levels)


def test_a_saved_file_has_the_permissions_that_the_user_wants(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        path = save(torch.zeros(1, 2, 2), tmp_path / "a.png")
    finally:
        os.umask(old)
    assert os.name == "nt" or path.stat().st_mode & 0o777 == 0o600


def test_to_uint8_rounds_half_up_and_refuses_integers() -> None:
    x = torch.tensor([0.5, 1.49, 1.5, 2.5], dtype=torch.float64) / 255
    assert to_uint8(x).tolist() == [1, 1, 2, 3]
    with pytest.raises(TypeError, match="int64"):
        to_uint8(torch.ones(3, dtype=torch.int64))
    with pytest.raises(TypeError, match="float32"):
        from_uint8(torch.ones(3))


@pytest.mark.parametrize(
    ("rgb", "ycbcr"),  # BT.601's own corner points, in 0..255
    [
        ((0, 0, 0), (16, 128, 128)),
        ((1, 1, 1), (235, 128, 128)),
        ((1, 0, 0), (81.481, 90.203, 240)),
        ((0, 1, 0), (144.553, 53.797, 34.214)),
        ((0, 0, 1), (40.966, 240, 109.786)),
    ],
)
def test_ycbcr_of_pure_colours(rgb: tuple[float, ...], ycbcr: tuple[float, ...]) -> None:
    x = torch.tensor(rgb, dtype=torch.float64).view(3, 1, 1)
    got = rgb_to_ycbcr(x).flatten() * 255
    assert got.tolist() == pytest.approx(ycbcr, abs=1e-9)
    assert (luma(x) * 255).item() == pytest.approx(ycbcr[0], abs=1e-9)
    bytes_ = rgb_to_ycbcr((x * 255).byte()).flatten()
    assert bytes_.tolist() == [int(v + 0.5) for v in ycbcr]


def test_bytes_halfway_between_two_levels_go_up_as_exact_fractions_do() -> None:
    rows = ("65.481 128.553 24.966", "-37.797 -74.203 112", "112 -93.786 -18.214")  # BT.601, each / 255
    exact = [[Fraction(one) for one in row.split()] for row in rows]
    halves = [(251, 61, 146), (201, 227, 168), (83, 139, 185), (44, 252, 2)]
    for rgb in [*halves, (0, 0, 0), (255, 255, 255), (1, 2, 3), (254, 0, 127)]:
        sums = [sum(a * b for a, b in zip(row, rgb, strict=True)) / 255 for row in exact]
        right = [
            math.floor(one + offset + Fraction(1, 2))
            for one, offset in zip(sums, (16, 128, 128), strict=True)
        ]
        x = torch.tensor(rgb, dtype=torch.uint8).view(3, 1, 1)
        assert rgb_to_ycbcr(x).flatten().tolist() == right
        assert luma(x).item() == right[0]
    sums = [Fraction(65481 * r + 128553 * g + 24966 * b, 255000) for r, g, b in halves[:3]]
    assert [one % 1 for one in sums] == 3 * [Fraction(1, 2)]


def test_ycbcr_and_back_is_exact_in_float_and_within_two_levels_in_uint8() -> None:
    levels = torch.stack(torch.meshgrid(*[torch.arange(0, 256, 5)] * 3, indexing="ij")).view(3, 52, -1).byte()
    exact = from_uint8(levels, torch.float64)
    torch.testing.assert_close(ycbcr_to_rgb(rgb_to_ycbcr(exact)), exact, rtol=0, atol=1e-12)
    single = exact.float()
    torch.testing.assert_close(ycbcr_to_rgb(rgb_to_ycbcr(single)), single, rtol=0, atol=1e-5)
    back = ycbcr_to_rgb(rgb_to_ycbcr(levels))
    difference = (back.int() - levels.int()).abs().max()
    assert 1 <= difference <= 2  # 8-bit YCbCr is not invertible


def test_autocast_does_not_touch_colours() -> None:
    x = torch.rand(3, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = luma(x)
    assert torch.equal(mixed, luma(x))


def test_luma_of_a_batch_and_of_gray() -> None:
    x = torch.rand(2, 3, 4, 5)
    assert luma(x).shape == (2, 1, 4, 5)
    torch.testing.assert_close(luma(x)[1], luma(x[1]))
    gray = torch.rand(1, 4, 5)
    assert luma(gray) is gray


@pytest.mark.parametrize("convert", [rgb_to_ycbcr, ycbcr_to_rgb, luma])
def test_colour_conversion_refuses_other_shapes_and_types(convert: Any) -> None:
    with pytest.raises(ValueError, match="3 channels"):
        convert(torch.rand(4, 5, 5))
    with pytest.raises(TypeError, match="int64"):
        convert(torch.ones(3, 5, 5, dtype=torch.int64))


def test_cropping_and_shaving_cut_where_they_say() -> None:
    x = torch.arange(7 * 8).view(1, 7, 8)
    assert torch.equal(crop_to_multiple(x, 3), x[:, :6, :6])
    assert torch.equal(shave(x, 2), x[:, 2:5, 2:6])
    assert shave(x, 0).shape == x.shape
    assert np.array_equal(shave(x.numpy(), 1), x.numpy()[:, 1:-1, 1:-1])
    with pytest.raises(ValueError, match="smaller than the scale"):
        crop_to_multiple(x, 8)
    with pytest.raises(ValueError, match="leaves nothing"):
        shave(x, 4)
    with pytest.raises(ValueError, match="from 0 up"):
        shave(x, -1)


def test_the_size_limit_is_a_module_constant_that_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 60 * 50 - 1)
    with pytest.raises(ImageError, match="60 x 50 is more than 2,999 pixels"):
        load(png())


def test_the_middle_leaves_as_much_on_either_side_and_short_sides_whole() -> None:
    x = torch.arange(7 * 9).view(1, 7, 9)
    assert torch.equal(middle(x, 3), x[:, 2:5, 3:6])
    assert torch.equal(middle(x, 8), x[:, :, :8])
    assert torch.equal(middle(x, 100), x)
    with pytest.raises(ValueError, match="from 1 up"):
        middle(x, 0)
