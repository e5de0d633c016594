"""From a picture's file to its enlargement's file, strip by strip, so that memory does not grow with the
output (chapter 13). What the file held besides colours is kept: transparency, colour profile, 16 bits."""

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from srlib.data.folder import picture_files
from srlib.files import whole_or_nothing
from srlib.images import FORMATS, ImageError, Picture, from_uint8, open_picture, save, save_pillow, to_uint8
from srlib.inference import by_tiles, check_scale, receptive_radius, upscale
from srlib.png import PngWriter
from srlib.resize import imresize

_CUBIC_REACH = 2  # input pixels that bicubic enlarging looks at beyond an output pixel's own
_ROWS = 16  # rows that are rounded and squeezed at once: few enough to stay in the processor's cache

_HAVE_ALPHA = ("PNG", "WEBP", "TIFF")
_HAVE_PROFILE = ("PNG", "WEBP", "TIFF", "JPEG")
_LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383, "PNG": 2**31 - 1}  # libjpeg stops short of the format's 65535
_COUNT_IN_32_BITS = ("BMP", "TIFF")  # they store sizes in bytes so


# --- strips ---------------------------------------------------------------------------------------


def upscale_rows(model: nn.Module, x: Tensor, scale: int, *, tile: int = 256) -> Iterator[Tensor]:
    """The strips of ``upscale(model, x, scale)`` from top to bottom, float32 (C, scale * h, scale * W) in
    [0, 1], h up to ``tile``; put together they are the whole picture's answer. ``x``: (C, H, W) with 1 or 3
    channels, float in [0, 1] or uint8. Works in tiles of ``tile`` x ``tile`` input pixels, so memory grows
    with the picture's width only. Chapter 13."""
    if x.ndim != 3 or x.shape[0] not in (1, 3) or 0 in x.shape:
        raise ValueError(f"upscale_rows takes (C, H, W) with 1 or 3 channels, not {tuple(x.shape)}")
    if not x.is_floating_point() and x.dtype != torch.uint8:
        raise TypeError(f"upscale_rows takes float in [0, 1] or uint8, not {x.dtype}")
    if tile < 1:
        raise ValueError(f"tile must be at least 1 pixel, not {tile}")
    check_scale(model, scale)

    def answer(window: Tensor) -> Tensor:
        return upscale(model, from_uint8(window) if window.dtype == torch.uint8 else window, scale)

    around = receptive_radius(model, scale)
    if model.pre_upsample:  # it counts pixels of the enlarged picture, which bicubic makes
        around = math.ceil(around / scale) + _CUBIC_REACH
    around = max(around, _CUBIC_REACH)  # the colours of a luma model are bicubic too
    return _strips(answer, x, scale, tile, around)


def _strips(
    answer: Callable[[Tensor], Tensor], x: Tensor, scale: int, tile: int, around: int
) -> Iterator[Tensor]:
    channels, height, width = x.shape
    for top in range(0, height, tile):
        bottom = min(top + tile, height)
        shape = (channels, (bottom - top) * scale, width * scale)
        strip = torch.empty(shape, dtype=torch.float32, device=x.device)
        by_tiles(answer, x, strip, (top, 0, bottom, width), tile, around=around, factor=scale)
        yield strip


def _picture_strips(model: nn.Module, picture: Picture, scale: int, tile: int) -> Iterator[Tensor]:
    """Colours by the model; transparency, if any, by bicubic as one more channel."""
    colours = upscale_rows(model, picture.pixels, scale, tile=tile)
    if picture.alpha is None:
        return colours

    def answer(window: Tensor) -> Tensor:
        return imresize(window, scale).clamp(0, 1)

    alphas = _strips(answer, picture.alpha, scale, tile, _CUBIC_REACH)
    return (torch.cat(pair) for pair in zip(colours, alphas, strict=True))


# --- files ----------------------------------------------------------------------------------------


def upscale_file(
    model: nn.Module,
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    scale: int,
    *,
    tile: int = 256,
    force: bool = False,
    progress: bool = True,
) -> Path:
    """Enlarge the picture in ``source`` into ``target``, upright, with its transparency, colour profile and
    16 bits where the format has them (a line on stderr says what is left out). A .png is written while it
    is computed and may be larger than memory; other formats are gathered first. The file appears whole or
    not at all; one that exists is replaced only with ``force``. Returns ``target``. Chapter 13."""
    source, target = Path(source), Path(target)
    check_scale(model, scale)
    check_target(target, force=force)
    if target.exists() and source.exists() and target.samefile(source):
        raise ImageError(f"{target}: this is the picture itself; name another file for the large one")
    format_name = FORMATS[target.suffix.lower()]
    picture = _fitted(open_picture(source), format_name, target, scale)
    try:
        strips = _picture_strips(model, picture, scale, tile)
        shown = _with_progress(strips, picture.pixels.shape[1] * scale, source.name, progress)
        (_write_png if format_name == "PNG" else _write_other)(shown, picture, target, scale)
    except MemoryError:
        hint = "take a smaller --tile" if format_name == "PNG" else "save it as .png, which needs less"
        raise ImageError(f"{target}: this machine's memory does not suffice; {hint}") from None
    return target


def check_target(target: Path, *, force: bool) -> None:
    """An ImageError if ``target`` cannot be written, or exists and may not be replaced."""
    if target.suffix.lower() not in FORMATS:
        raise ImageError(f"{target}: cannot write files ending in {target.suffix!r}; use .png, .jpg or .webp")
    if target.is_dir():
        raise ImageError(f"{target}: this is a folder; name a file")
    if target.exists() and not force:
        raise ImageError(f"{target}: exists already; take another name, or replace it with --force")
    if not target.parent.exists():
        raise ImageError(f"{target}: there is no folder {target.parent}; make it first")
    if not os.access(target.parent, os.W_OK):  # better now than after an hour's work
        raise ImageError(f"{target}: no permission to write in {target.parent}; take another folder")


def _fitted(picture: Picture, format_name: str, target: Path, scale: int) -> Picture:
    """The picture without what its new format cannot hold; an ImageError if that is the picture itself."""
    height, width = (side * scale for side in picture.pixels.shape[1:])
    size = f"{target}: {width} x {height} is too large"
    longest = _LONGEST_SIDE.get(format_name, max(height, width))
    if max(height, width) > longest:
        raise ImageError(f"{size}, {format_name} holds {longest} pixels a side; use .png")
    lost = []
    if picture.alpha is not None and format_name not in _HAVE_ALPHA:
        picture = replace(picture, alpha=None)
        lost.append("transparency")
    if picture.icc_profile and format_name not in _HAVE_PROFILE:
        picture = replace(picture, icc_profile=None)
        lost.append("the colour profile")
    plain_gray = picture.pixels.shape[0] == 1 and picture.alpha is None  # all that Pillow writes in 16 bits
    if picture.depth == 16 and not (format_name == "PNG" or (format_name == "TIFF" and plain_gray)):
        picture = replace(picture, depth=8)
        lost.append("16 bits")
    channels = picture.pixels.shape[0] + (picture.alpha is not None)
    row = width * channels * picture.depth // 8 + 4  # BMP fills rows up to 4 bytes
    if format_name in _COUNT_IN_32_BITS and row * height > 2**32 - 2**20:
        raise ImageError(f"{size}, {format_name} holds 4 GB; use .png")
    if lost:
        print(f"{target}: {format_name} cannot keep {' and '.join(lost)} here; .png can", file=sys.stderr)
    return picture


def _with_progress(strips: Iterator[Tensor], rows: int, name: str, progress: bool) -> Iterator[Tensor]:
    from tqdm import tqdm

    with tqdm(total=rows, desc=name, unit="row", leave=False, disable=None if progress else True) as bar:
        for strip in strips:
            yield strip
            bar.update(strip.shape[1])


def _write_png(strips: Iterator[Tensor], picture: Picture, target: Path, scale: int) -> None:
    height, width = (side * scale for side in picture.pixels.shape[1:])
    channels = picture.pixels.shape[0] + (picture.alpha is not None)
    with (
        whole_or_nothing(target, ImageError) as file,
        PngWriter(file, width, height, channels, picture.depth, picture.icc_profile) as png,
    ):
        for strip in strips:
            for rows in strip.split(_ROWS, dim=1):
                png.write(_levels(rows, picture.depth))


def _levels(rows: Tensor, depth: int) -> np.ndarray:
    """(C, h, W) in [0, 1] as a PNG has it: (h, W, C), uint8 or uint16, rounded half up."""
    rows = rows.movedim(0, -1)
    if depth == 8:
        return to_uint8(rows).contiguous().numpy()
    return (rows.double() * 65535 + 0.5).floor().numpy().astype(np.uint16)


def _write_other(strips: Iterator[Tensor], picture: Picture, target: Path, scale: int) -> None:
    """Gather the strips, 8 bits in a Pillow image (which needs no second copy to be saved), then save."""
    height, width = (side * scale for side in picture.pixels.shape[1:])
    if picture.depth == 16:  # gray without alpha: _fitted saw to it
        save(torch.cat(list(strips), dim=1), target, icc_profile=picture.icc_profile, depth=16)
        return
    mode = ("L" if picture.pixels.shape[0] == 1 else "RGB") + ("" if picture.alpha is None else "A")
    whole = Image.new(mode, (width, height))
    row = 0
    for strip in strips:
        levels = to_uint8(strip).movedim(0, -1).contiguous().numpy()
        whole.paste(Image.fromarray(levels[..., 0] if mode == "L" else levels), (0, row))
        row += strip.shape[1]
    save_pillow(whole, target, icc_profile=picture.icc_profile)


# --- which picture goes where ---------------------------------------------------------------------


def jobs(
    sources: Sequence[Path], out: Path | None, scale: int, *, force: bool = False
) -> list[tuple[Path, Path]]:
    """(picture, its enlargement's file) for files and folders: photo-x4.png beside the photo, or in
    <folder>-x4 for a folder's pictures. ``out``: the file for one picture, else the folder for all. An
    ImageError before any work if something is missing, would be replaced without ``force``, or would be
    written twice. Chapter 13."""
    alone = len(sources) == 1 and not sources[0].is_dir()
    if alone and out is not None and not out.is_dir():
        found = [(sources[0], out)]
    else:
        if out is not None and out.suffix.lower() in FORMATS and not out.is_dir():
            raise ImageError(f"{out}: several pictures do not go into one file; name a folder")
        found = [pair for source in sources for pair in _pairs(source, out, scale)]
    originals = {picture.resolve() for picture, _ in found}
    taken: dict[Path, Path] = {}
    for picture, target in found:
        if not picture.exists():
            raise FileNotFoundError(f"{picture}: there is no such file; check the path")
        if target.resolve() in originals:
            raise ImageError(f"{target}: this is one of the pictures to enlarge; name another place with -o")
        if target in taken:
            raise ImageError(f"{taken[target]} and {picture} would both become {target}; rename one")
        if target.parent.exists() or alone:  # a folder for several is made later
            check_target(target, force=force)
        taken[target] = picture
    return found


def _pairs(source: Path, out: Path | None, scale: int) -> list[tuple[Path, Path]]:
    if not source.is_dir():
        pictures, folder = [source], out or source.parent
    else:
        named = source if source.name not in ("", "..") else source.resolve()  # . and .. have no name
        pictures, folder = picture_files(source), out or named.with_name(f"{named.name}-x{scale}")
    if folder.exists() and not folder.is_dir():
        raise ImageError(f"{folder}: this is a file; name a folder with -o")
    return [(picture, folder / f"{picture.stem}-x{scale}.png") for picture in pictures]
