"""Pictures enlarged strip by strip: the same answer as the whole, and files that lose nothing."""

import errno
import io
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from test_images import png, sixteen_bit_png
from torch import Tensor, nn

from srlib import cli, images, zoo
from srlib.data import photos
from srlib.images import ImageError, load, open_picture, save, to_uint8
from srlib.inference import SelfEnsemble, Tiled, receptive_radius, upscale
from srlib.models import EDSR, ESPCN, FSRCNN, MDSR, SRCNN, VDSR, WDSR
from srlib.png import PngWriter
from srlib.resize import imresize
from srlib.stream import jobs, upscale_file, upscale_rows


class Nearest(nn.Module):
    """Repeats pixels: an upscaler whose answer is obvious. Keeps the sizes that it was given."""

    pre_upsample = False

    def __init__(self, channels: int = 3, scale: int = 2) -> None:
        super().__init__()
        self.channels, self.scale = channels, scale
        self.seen: list[tuple[int, int]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append((x.shape[2], x.shape[3]))
        return x.repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3)


MODELS: dict[str, Any] = {
    "srcnn": (lambda: SRCNN((9, 5, 5), init="he"), 3),
    "vdsr": (lambda: VDSR(6, features=8), 2),
    "vdsr in colour": (lambda: VDSR(4, features=8, channels=3), 2),
    "fsrcnn": (lambda: FSRCNN(3, d=8, s=4, m=2), 3),
    "espcn": (lambda: ESPCN(2), 2),
    "edsr": (lambda: EDSR(4, blocks=1, features=8), 4),
    "mdsr": (lambda: MDSR(blocks=1, features=4), 3),
    "wdsr": (lambda: WDSR(3, blocks=1, features=8), 3),
    "edsr+": (lambda: SelfEnsemble(EDSR(2, blocks=1, features=8)), 2),
    "fsrcnn+": (lambda: SelfEnsemble(FSRCNN(2, d=8, s=4, m=1)), 2),
    "srcnn+": (lambda: SelfEnsemble(SRCNN((5, 1, 3), init="he")), 2),
    "tiled edsr": (lambda: Tiled(EDSR(2, blocks=1, features=8), 6), 2),
    "nearest": (lambda: Nearest(1, 2), 2),
}
PROFILE = bytes(range(256)) * 3
NOISE = np.random.default_rng(0).integers(0, 256, (6, 9, 4), dtype=np.uint8)


def picture_file(path: Path, array: np.ndarray = NOISE[..., :3], **more: Any) -> Path:
    Image.fromarray(array).save(path, **more)
    return path


# --- strips ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("tile", [7, 16, 64])
def test_strips_put_together_are_the_whole_picture(name: str, channels: int, tile: int) -> None:
    torch.manual_seed(0)
    make, scale = MODELS[name]
    model, x = make(), torch.rand(channels, 23, 37)
    whole = upscale(model, x, scale)
    strips = list(upscale_rows(model, x, scale, tile=tile))
    assert [strip.shape[1] for strip in strips[:-1]] == [tile * scale] * (23 // tile)
    torch.testing.assert_close(torch.cat(strips, dim=1), whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 9), (3, 9, 1), (1, 2, 2)])
@pytest.mark.parametrize("name", ["srcnn", "fsrcnn", "edsr"])
def test_the_smallest_pictures_in_the_smallest_tiles(name: str, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    make, scale = MODELS[name]
    model, x = make(), torch.rand(shape)
    strips = torch.cat(list(upscale_rows(model, x, scale, tile=1)), dim=1)
    torch.testing.assert_close(strips, upscale(model, x, scale), rtol=0, atol=1e-5)


def test_eight_bit_pixels_give_the_answer_of_their_values() -> None:
    torch.manual_seed(0)
    model, x = ESPCN(2), torch.randint(0, 256, (3, 11, 8), dtype=torch.uint8)
    strips = torch.cat(list(upscale_rows(model, x, 2, tile=4)), dim=1)
    assert strips.dtype == torch.float32
    torch.testing.assert_close(strips, upscale(model, x / 255, 2), rtol=0, atol=1e-5)


def test_no_call_sees_more_than_a_tile_and_what_is_around_it() -> None:
    model = Nearest(1)
    for _ in upscale_rows(model, torch.rand(3, 300, 200), 2, tile=32):
        pass
    around = 2  # the reach of bicubic, for the colours
    assert receptive_radius(model, 2) == 0
    assert max(map(max, model.seen[1:])) <= 64  # the radius is measured on 64 x 64
    assert sum(size == (32 + 2 * around,) * 2 for size in model.seen) == 8 * 5  # all but those at the border


def test_strips_are_computed_when_they_are_asked_for() -> None:
    model = Nearest()
    strips = upscale_rows(model, torch.rand(3, 40, 8), 2, tile=8)
    before = len(model.seen)
    next(strips)
    assert len(model.seen) == before + 1


def test_out_of_memory_halves_the_tiles() -> None:
    class Poor(Nearest):
        def forward(self, x: Tensor) -> Tensor:
            if x.shape[2] * x.shape[3] > 150 and x.shape[2] != 64:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().forward(x)

    x = torch.rand(3, 30, 21)
    strips = torch.cat(list(upscale_rows(Poor(), x, 2, tile=16)), dim=1)
    torch.testing.assert_close(strips, upscale(Nearest(), x, 2))


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ((torch.rand(2, 4, 4), 2), ValueError, "1 or 3 channels"),
        ((torch.rand(1, 3, 4, 4), 2), ValueError, r"takes \(C, H, W\)"),
        ((torch.rand(3, 0, 4), 2), ValueError, "1 or 3 channels"),
        ((torch.ones(3, 4, 4, dtype=torch.int64), 2), TypeError, "float in .* or uint8, not torch.int64"),
        ((torch.rand(3, 4, 4), 3), ValueError, "enlarges by x2, not x3"),
    ],
)
def test_a_wrong_call_is_named_at_once(arguments: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        upscale_rows(Nearest(), *arguments)  # not only when the first strip is asked for
    with pytest.raises(ValueError, match="tile must be at least 1"):
        upscale_rows(Nearest(), torch.rand(3, 4, 4), 2, tile=0)


# --- files: what is kept --------------------------------------------------------------------------


def large(source: Path, suffix: str = ".png", **more: Any) -> Path:
    """Enlarged x2 by repeating pixels, in tiles of 4."""
    return upscale_file(Nearest(), source, source.with_name(f"large{suffix}"), 2, tile=4, **more)


def repeated(levels: np.ndarray) -> np.ndarray:
    return levels.repeat(2, axis=0).repeat(2, axis=1)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".bmp", ".ppm"])
def test_colours_come_out_in_every_format(suffix: str, tmp_path: Path) -> None:
    path = large(picture_file(tmp_path / "a.png"), suffix)
    assert path == tmp_path / f"large{suffix}"
    with Image.open(path) as image:
        np.testing.assert_array_equal(np.array(image), repeated(NOISE[..., :3]))
    assert sorted(tmp_path.iterdir()) == [tmp_path / "a.png", path]


def test_jpeg_comes_out_close(tmp_path: Path) -> None:
    flat = np.full((20, 30, 3), (200, 100, 50), dtype=np.uint8)
    x = load(large(picture_file(tmp_path / "a.jpg", flat), ".jpg"))
    assert x.shape == (3, 40, 60)
    np.testing.assert_allclose(x[:, 20, 20] * 255, [200, 100, 50], atol=3)


def test_the_file_is_the_rounded_answer_of_upscale(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = FSRCNN(3, d=8, s=4, m=1)
    nn.init.normal_(model.deconv.weight, std=0.1)  # type: ignore[arg-type]
    source = picture_file(tmp_path / "a.png")
    levels = to_uint8(load(upscale_file(model, source, tmp_path / "b.png", 3, tile=4))).int()
    whole = to_uint8(upscale(model, load(source), 3)).int()
    assert (levels - whole).abs().max() <= 1  # 1e-5 may fall on either side of a half
    assert (levels != whole).float().mean() < 0.01


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_tiny_gray_files_stay_gray(shape: tuple[int, int], tmp_path: Path) -> None:
    gray = NOISE[..., 0].ravel()[: shape[0] * shape[1]].reshape(shape)
    with Image.open(large(picture_file(tmp_path / "a.png", gray))) as image:
        assert image.mode == "L"
        np.testing.assert_array_equal(np.array(image), repeated(gray))


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_transparency_is_enlarged_by_bicubic_and_clipped(suffix: str, tmp_path: Path) -> None:
    source = picture_file(tmp_path / "a.png", NOISE)
    picture, original = open_picture(large(source, suffix)), open_picture(source)
    assert picture.alpha is not None
    assert original.alpha is not None
    assert torch.equal(to_uint8(picture.alpha), to_uint8(imresize(original.alpha, 2)))
    visible = picture.alpha[0] > 0  # WebP drops colours that nobody sees
    colours = torch.from_numpy(repeated(NOISE[..., :3])).movedim(-1, 0)
    assert torch.equal(to_uint8(picture.pixels)[:, visible], colours[:, visible])


def test_palette_transparency_becomes_a_channel(tmp_path: Path) -> None:
    image = Image.new("P", (8, 2))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putdata([0] * 4 + [1] * 4 + [0] * 4 + [1] * 4)
    image.save(tmp_path / "a.png", transparency=1)
    with Image.open(large(tmp_path / "a.png")) as bigger:
        assert bigger.mode == "RGBA"
        assert bigger.getpixel((0, 0)) == (255, 0, 0, 255)
        assert bigger.getpixel((15, 3)) == (0, 255, 0, 0)


def test_ink_files_become_colour_files(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95, icc_profile=PROFILE)
    picture = open_picture(large(tmp_path / "a.jpg"))
    np.testing.assert_allclose(picture.pixels[:, 8, 8], [1, 0, 0], atol=0.02)
    assert picture.icc_profile is None  # it described the inks


def test_a_turned_camera_gives_an_upright_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    flat = np.zeros((16, 32), dtype=np.uint8)
    flat[:, :16] = 255  # white on the left: above, once upright
    picture = open_picture(large(picture_file(tmp_path / "a.jpg", flat, exif=exif)))
    assert picture.pixels.shape == (1, 64, 32)
    assert picture.pixels[0, :28].min() > 0.95
    assert picture.pixels[0, 36:].max() < 0.05


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bit_gray_stays_sixteen_bits(suffix: str, tmp_path: Path) -> None:
    deep = np.random.default_rng(1).integers(0, 65536, (5, 6), dtype=np.uint16)
    with Image.open(large(picture_file(tmp_path / "a.png", deep), suffix)) as image:
        assert image.mode == "I;16"
        np.testing.assert_array_equal(np.array(image), repeated(deep))


def test_sixteen_bit_colour_keeps_all_its_bits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deep = torch.from_numpy(np.random.default_rng(2).integers(0, 65536, (4, 5, 6)).astype(np.float32)) / 65535
    save(deep[:3], tmp_path / "a.png", alpha=torch.ones(1, 5, 6), icc_profile=PROFILE, depth=16)
    read = cv2.imread(str(large(tmp_path / "a.png")), cv2.IMREAD_UNCHANGED)
    assert read is not None
    np.testing.assert_array_equal(
        read[..., [2, 1, 0]], repeated((deep[:3] * 65535).round().movedim(0, -1).numpy())
    )
    large(tmp_path / "a.png", ".tif")
    assert "TIFF cannot keep 16 bits here" in capsys.readouterr().err


def test_sixteen_bits_with_one_transparent_level_keep_both(tmp_path: Path) -> None:
    """Pillow reads such files and reads 16-bit gray + alpha at 8 bits, so the header is read here."""
    deep = np.full((4, 4), 1000, dtype=np.uint16)
    deep[:, :2] = 7
    path = large(picture_file(tmp_path / "a.png", deep, transparency=7))
    assert path.read_bytes()[24:26] == bytes([16, 4])  # bits a channel; gray + alpha
    picture = open_picture(path)
    assert picture.alpha is not None
    assert picture.alpha[0, :, [0, 7]].tolist() == [[0, 1]] * 8
    np.testing.assert_allclose(picture.pixels[0, :, -1], 1000 / 65535, atol=1 / 255)


def test_sixteen_bit_gray_with_alpha_stays_gray_with_alpha(tmp_path: Path) -> None:
    deep = np.random.default_rng(3).integers(0, 65536, (3, 4, 2), dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(sixteen_bit_png(deep, colour_type=4))
    with Image.open(large(tmp_path / "a.png")) as image:
        assert image.mode == "LA"
        np.testing.assert_allclose(np.array(image)[..., 0], repeated(deep[..., 0]) / 257, atol=1)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_the_colour_profile_is_kept_byte_for_byte(suffix: str, tmp_path: Path) -> None:
    path = large(picture_file(tmp_path / "a.png", icc_profile=PROFILE), suffix)
    assert open_picture(path).icc_profile == PROFILE


@pytest.mark.parametrize(
    ("array", "more", "suffix", "says"),
    [
        (NOISE, {}, ".jpg", "JPEG cannot keep transparency here; .png can"),
        (NOISE, {"icc_profile": PROFILE}, ".bmp", "BMP cannot keep transparency and the colour profile"),
        (NOISE[..., 0].astype(np.uint16), {}, ".ppm", "PPM cannot keep 16 bits"),
        (NOISE[..., 0].astype(np.uint16), {"transparency": 7}, ".tif", "TIFF cannot keep 16 bits here"),
    ],
)
def test_what_a_format_cannot_keep_is_said_and_the_rest_is_written(
    array: np.ndarray, more: Any, suffix: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = large(picture_file(tmp_path / "a.png", array, **more), suffix)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"{path}: {says}")
    assert captured.err.count("\n") == 1
    assert load(path).shape[1:] == (12, 18)


def test_nothing_is_said_when_nothing_is_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    large(picture_file(tmp_path / "a.png", NOISE, icc_profile=PROFILE))
    assert capsys.readouterr() == ("", "")  # and no progress bar outside a terminal


def test_the_output_may_be_larger_than_any_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 60)  # the picture has 54
    with Image.open(large(picture_file(tmp_path / "a.png"))) as image:
        assert image.size == (18, 12)


# --- files: what goes wrong -----------------------------------------------------------------------


class Untouched(Nearest):
    """Fails the test if it is asked for more than its radius."""

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[2:] == (64, 64), "work began before the error"
        return super().forward(x)


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("large.gif", r"cannot write files ending in '\.gif'; use \.png"),
        ("large", "cannot write files ending in ''"),
        ("no/such/large.png", r"there is no folder .*such; make it first"),
        ("here.png", "exists already; take another name, or replace it with --force"),
        ("folder.png", "this is a folder; name a file"),
    ],
)
def test_a_wrong_target_is_one_line_before_any_work(target: str, says: str, tmp_path: Path) -> None:
    source = picture_file(tmp_path / "a.png")
    (tmp_path / "here.png").write_bytes(b"precious")
    (tmp_path / "folder.png").mkdir()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ImageError, match=says) as caught:
        upscale_file(Untouched(), source, tmp_path / target, 2)
    assert str(tmp_path / target) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "here.png").read_bytes() == b"precious"


def test_a_folder_without_permission_is_named_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = picture_file(tmp_path / "a.png")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ImageError, match="no permission to write in"):
        upscale_file(Untouched(), source, tmp_path / "b.png", 2)


def test_force_replaces_the_target_but_never_the_picture_itself(tmp_path: Path) -> None:
    source = picture_file(tmp_path / "a.png")
    before = source.read_bytes()
    (tmp_path / "large.png").write_bytes(b"old")
    assert load(large(source, force=True)).shape == (3, 12, 18)
    (tmp_path / "link.png").symlink_to(source)
    for same in (source, tmp_path / "." / "a.png", tmp_path / "link.png"):
        with pytest.raises(ImageError, match="this is the picture itself"):
            upscale_file(Untouched(), source, same, 2, force=True)
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("shape", "suffix", "says"),
    [
        ((1, 32751), ".jpg", "65502 x 2 is too large, JPEG holds 65500 pixels a side; use .png"),
        ((8192, 1), ".webp", "2 x 16384 is too large, WEBP holds 16383 pixels a side; use .png"),
    ],
)
def test_what_is_too_large_for_a_format_is_said_before_any_work(
    shape: tuple[int, int], suffix: str, says: str, tmp_path: Path
) -> None:
    source = picture_file(tmp_path / "a.png", np.zeros(shape, dtype=np.uint8))
    with pytest.raises(ImageError, match=says):
        upscale_file(Untouched(), source, tmp_path / f"b{suffix}", 2)
    assert list(tmp_path.iterdir()) == [source]


def test_jpeg_takes_the_longest_side_that_is_allowed(tmp_path: Path) -> None:
    source = picture_file(tmp_path / "a.png", np.zeros((1, 32750), dtype=np.uint8))
    with Image.open(upscale_file(Nearest(), source, tmp_path / "b.jpg", 2)) as image:
        assert image.size == (65500, 2)


@pytest.mark.parametrize("suffix", [".bmp", ".tif"])
def test_four_gigabytes_are_too_large_for_old_formats(suffix: str, tmp_path: Path) -> None:
    source = picture_file(tmp_path / "a.png", np.zeros((400, 400, 3), dtype=np.uint8))
    with pytest.raises(ImageError, match=r"40000 x 40000 is too large, .* holds 4 GB; use \.png"):
        upscale_file(Untouched(scale=100), source, tmp_path / f"b{suffix}", 100)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (png()[: len(png()) // 2], "damaged or cut short"),
        (b"", "the file is empty"),
        (b"no picture", "not a picture that can be read"),
    ],
)
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_damaged_picture_is_one_line_and_leaves_no_output(
    content: bytes, says: str, suffix: str, tmp_path: Path
) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(content)
    with pytest.raises(ImageError, match=rf"a\.png: {says}") as caught:
        large(source, suffix)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == [source]


def test_a_wrong_scale_or_tile_is_said_and_leaves_no_output(tmp_path: Path) -> None:
    source = picture_file(tmp_path / "a.png")
    with pytest.raises(ValueError, match="enlarges by x2, not x3"):
        upscale_file(Nearest(), source, tmp_path / "b.png", 3)
    with pytest.raises(ValueError, match="tile must be at least 1"):
        upscale_file(Nearest(), source, tmp_path / "b.png", 2, tile=0)
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_broken_weights_leave_no_black_picture(suffix: str, tmp_path: Path) -> None:
    model = ESPCN(2)
    nn.init.constant_(model.map.weight, float("nan"))
    source = picture_file(tmp_path / "a.png")
    with pytest.raises(ValueError, match="this model answers NaN"):
        upscale_file(model, source, tmp_path / f"b{suffix}", 2)
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("old", [None, b"old"])
def test_a_full_disk_leaves_what_was_there(
    old: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = picture_file(tmp_path / "a.png")
    if old:
        (tmp_path / "large.png").write_bytes(old)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    write = PngWriter.write

    def full(self: PngWriter, rows: np.ndarray) -> None:
        if self.rows:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, rows)

    monkeypatch.setattr(PngWriter, "write", full)
    with pytest.raises(ImageError, match=r"large\.png: could not be written \(No space left on device\)"):
        large(source, force=True)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_too_little_memory_is_one_line_and_leaves_no_output(tmp_path: Path) -> None:
    class Poor(Nearest):
        def forward(self, x: Tensor) -> Tensor:
            if x.shape[2] != 64:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().forward(x)

    source = picture_file(tmp_path / "a.png")
    for suffix, hint in ((".png", "smaller --tile"), (".jpg", r"save it as \.png")):
        with pytest.raises(ImageError, match=f"memory does not suffice; .*{hint}"):
            upscale_file(Poor(), source, tmp_path / f"b{suffix}", 2)
    assert list(tmp_path.iterdir()) == [source]


def run_python(code: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


KILLED = """
import os, signal, sys
from srlib.models import ESPCN
from srlib.stream import upscale_file

class Killed(ESPCN):
    def forward(self, x):
        if x.shape[2] < 20:  # the strip at the bottom; the radius is measured on a larger picture
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x)

upscale_file(Killed(2), sys.argv[1], sys.argv[2], 2, tile=32)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no kill -9")
def test_a_kill_in_the_middle_leaves_no_file_under_the_targets_name(tmp_path: Path) -> None:
    source = picture_file(tmp_path / "a.png", np.zeros((33, 32), dtype=np.uint8))
    done = run_python(KILLED, source, tmp_path / "b.png")
    assert done.returncode == -signal.SIGKILL, done.stderr
    torso = next(tmp_path.glob(".*.part"))  # it was in the middle, and what is left is out of sight
    assert sorted(tmp_path.iterdir()) == [torso, source]


# --- which picture goes where ---------------------------------------------------------------------


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder of two pictures, a note, a hidden picture and a folder."""
    folder = tmp_path / "album"
    (folder / "older").mkdir(parents=True)
    picture_file(folder / "a.jpg")
    picture_file(folder / "b.png")
    picture_file(folder / ".hidden.png")
    (folder / "notes.txt").write_text("not a picture")
    return folder


def test_a_picture_goes_beside_itself_and_a_folders_pictures_into_another_folder(album: Path) -> None:
    assert jobs([album / "a.jpg"], None, 4) == [(album / "a.jpg", album / "a-x4.png")]
    other = album.with_name("album-x3")
    assert jobs([album], None, 3) == [
        (album / "a.jpg", other / "a-x3.png"),
        (album / "b.png", other / "b-x3.png"),
    ]


def test_a_named_target_is_a_file_for_one_and_a_folder_for_several(album: Path, tmp_path: Path) -> None:
    one, two = album / "a.jpg", album / "b.png"
    assert jobs([one], tmp_path / "big.webp", 2) == [(one, tmp_path / "big.webp")]
    assert jobs([one], tmp_path, 2) == [(one, tmp_path / "a-x2.png")]
    new = tmp_path / "new"
    for sources in ([one, two], [album]):
        assert jobs(sources, new, 2) == [(one, new / "a-x2.png"), (two, new / "b-x2.png")]
    assert not new.exists()  # a plan makes nothing


def test_the_folder_that_one_stands_in_has_a_name(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(album)
    assert jobs([Path()], None, 2)[0][1] == album.resolve().with_name("album-x2") / "a-x2.png"


@pytest.mark.parametrize(
    ("sources", "out", "says"),
    [
        (["album/nowhere.png"], None, r"nowhere\.png: there is no such file; check the path"),
        (["album/a.jpg", "nowhere.png"], None, r"nowhere\.png: there is no such file"),
        (["album/older"], None, "older: no pictures in this folder"),
        (["album"], "one.png", "several pictures do not go into one file; name a folder"),
        (["album"], "album/notes.txt", "this is a file; name a folder with -o"),
        (["album", "album/a.jpg"], "out", r"a\.jpg and .*a\.jpg would both become .*a-x2\.png; rename one"),
        (["album/a.jpg"], "out/b.png", "there is no folder .*out; make it first"),
        (["album/a.jpg"], "album/a.jpg", r"a\.jpg: this is one of the pictures to enlarge"),
    ],
)
def test_a_plan_that_cannot_work_is_one_line(sources: Any, out: Any, says: str, album: Path) -> None:
    root = album.parent
    with pytest.raises(OSError, match=says) as caught:
        jobs([root / source for source in sources], out and root / out, 2, force=True)
    assert "\n" not in str(caught.value)


def test_an_earlier_result_is_replaced_only_by_force_and_never_while_it_is_a_source(album: Path) -> None:
    first, second, earlier = album / "a.jpg", album / "b.png", picture_file(album / "b-x2.png")
    with pytest.raises(ImageError, match=r"b-x2\.png: exists already; .* --force"):
        jobs([first, second], None, 2)
    assert len(jobs([first, second], None, 2, force=True)) == 2
    with pytest.raises(ImageError, match=r"b-x2\.png: this is one of the pictures to enlarge"):
        jobs([second, earlier], None, 2, force=True)


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def repeating(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A zoo whose networks all repeat pixels; the list says which were asked for."""
    asked: list[Any] = []

    def load_model(name: str, scale: int, device: Any) -> nn.Module:
        asked.append((name, scale, str(device)))
        return Nearest(3, scale)

    monkeypatch.setattr(zoo, "load", load_model)
    return asked


def test_the_command_prints_the_file_and_ends_with_0(
    album: Path, repeating: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    source = album / "b.png"
    assert cli.main(["upscale", str(source), "-s", "2", "--device", "cpu", "--tile", "4"]) == 0
    assert capsys.readouterr() == (f"{album / 'b-x2.png'}\n", "")
    assert repeating == [("edsr-baseline", 2, "cpu")]
    with Image.open(album / "b-x2.png") as image:
        np.testing.assert_array_equal(np.array(image), repeated(NOISE[..., :3]))
    assert cli.main(["upscale", str(source), "-s", "2"]) == 1
    assert "exists already" in capsys.readouterr().err
    assert cli.main(["upscale", str(source), "-s", "2", "--force", "--ensemble"]) == 0


def test_own_weights_are_named_by_their_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    about: dict[str, Any] = dict.fromkeys(zoo.Card.__dataclass_fields__, "-")
    about |= {"name": "mine", "scales": [2], "model": "ESPCN", "stored": "float32"}
    about |= {"arguments": {"scale": 2, "features": [8, 4]}}
    card = zoo.store(ESPCN(2, features=(8, 4)), zoo.Card(**about), tmp_path / "own")
    source = picture_file(tmp_path / "a.png")
    model = str(tmp_path / "own" / card.file)
    assert cli.main(["upscale", str(source), "-m", model, "-s", "2", "-o", str(tmp_path / "b.webp")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'b.webp'}\n"
    assert load(tmp_path / "b.webp").shape == (3, 12, 18)


def test_one_bad_picture_is_named_and_the_others_are_done(
    album: Path, repeating: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    (album / "a.jpg").write_bytes((album / "a.jpg").read_bytes()[:300])
    assert cli.main(["upscale", str(album), "-s", "2"]) == 1
    captured = capsys.readouterr()
    other = album.with_name("album-x2")
    assert captured.out == f"{other / 'b-x2.png'}\n"
    assert captured.err.startswith(f"srlib upscale: {album / 'a.jpg'}: damaged or cut short")
    assert captured.err.count("\n") == 1
    assert list(other.iterdir()) == [other / "b-x2.png"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.png", "-s", "2"], "nowhere.png: there is no such file; check the path"),
        (["a.png", "-s", "2", "-m", "edsr-basline"], "no weights 'edsr-basline'"),
        (["a.png", "-s", "9"], "x9"),
        (["a.png", "-s", "2", "--tile", "0"], "--tile must be at least 1 pixel"),
        (["a.png", "-s", "2", "-o", "a.png", "--force"], "a.png: this is one of the pictures"),
        (["a.png", "-s", "2", "-o", "b.gif"], "cannot write files ending in '.gif'"),
    ],
)
def test_a_wrong_call_is_one_line_and_ends_with_1(
    arguments: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    picture_file(Path("a.png"))
    assert cli.main(["upscale", *arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("srlib upscale: ")
    assert says in captured.err
    assert captured.err.count("\n") == 1
    assert list(Path().iterdir()) == [Path("a.png")]


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without CUDA")
def test_a_device_that_is_not_here_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = picture_file(tmp_path / "a.png")
    assert cli.main(["upscale", str(source), "-s", "2", "--device", "cuda"]) == 1
    assert capsys.readouterr().err == "srlib upscale: no CUDA device here; leave --device out\n"


def test_progress_counts_the_rows_in_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    source = picture_file(tmp_path / "a.png")
    large(source)
    assert "a.png" in shown.getvalue()
    assert "/12" in shown.getvalue()
    shown.truncate(0)
    large(source, progress=False, force=True)
    assert shown.getvalue() == ""


# --- the promise: 24 megapixels x4 in less than 4 GB ----------------------------------------------

PROMISE = """
import resource, sys, time
import torch
from srlib.models import FSRCNN
from srlib.stream import upscale_file

model = FSRCNN(4, d=32, s=5, m=1)  # untrained, but made to pass luma on: black would be squeezed too fast
with torch.no_grad():
    for weight in model.parameters():
        weight.mul_(weight.ndim == 1)
    for layer in (model.extract[0], model.shrink[0], model.map[0][0], model.expand[0]):
        side = layer.weight.shape[-1]
        layer.weight[0, 0, side // 2, side // 2] = 1
    triangle = (1 - (torch.arange(9.0) - 4).abs() / 4).clamp(min=0)
    model.deconv.weight[0, 0] = triangle[:, None] * triangle
began = time.perf_counter()
upscale_file(model, sys.argv[1], sys.argv[2], 4)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(peak, time.perf_counter() - began)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows does not say the peak memory")
def test_a_24_megapixel_photo_times_4_takes_less_than_4_gigabytes(tmp_path: Path) -> None:
    """Measured on two cores: 36 s and 1.3 GB. The file of 24000 x 16000 pixels has 360 MB."""
    two = [to_uint8(x).movedim(0, -1).numpy() for x in photos(["astronaut", "coffee"]).values()]
    small = [Image.fromarray(levels).resize((500, 400)) for levels in two]
    mosaic = Image.new("RGB", (6000, 4000))
    for place in range(120):
        mosaic.paste(small[place % 2], (place % 12 * 500, place // 12 * 400))
    mosaic.save(tmp_path / "photo.jpg", quality=92)
    done = run_python(PROMISE, tmp_path / "photo.jpg", tmp_path / "large.png")
    assert done.returncode == 0, done.stderr
    peak, seconds = map(float, done.stdout.split())
    print(f"{peak / 1e9:.2f} GB, {seconds:.0f} s")
    assert peak < 4e9
    with (tmp_path / "large.png").open("rb") as file:
        assert struct.unpack(">II", file.read(24)[16:]) == (24000, 16000)
        file.seek(-8, os.SEEK_END)
        assert file.read(4) == b"IEND"
