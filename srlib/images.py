"""Pictures in and out of tensors, and the few conversions that every chapter uses (chapter 1).

In the book a picture is a ``float32`` tensor ``(C, H, W)``, RGB, in [0, 1]; ``uint8`` (0..255) is for
storage. The functions below that only cut or convert take tensors or numpy arrays of that layout,
one picture or a batch.
"""

import io
import math
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from srlib.files import whole_or_nothing
from srlib.png import PngWriter

MAX_PIXELS = 178_000_000
"""Larger pictures are refused: at 12 bytes a pixel one would already fill 2 GB as float32. (Pillow has
a limit of its own just above.)"""

FORMATS = {
    **dict.fromkeys((".jpg", ".jpeg"), "JPEG"),
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
    **dict.fromkeys((".ppm", ".pgm", ".pnm"), "PPM"),
    **{".png": "PNG", ".webp": "WEBP", ".bmp": "BMP"},
}
"""The formats that ``save`` writes, by suffix."""

Source = str | os.PathLike[str] | bytes | IO[bytes]
Array = TypeVar("Array", Tensor, np.ndarray)


class ImageError(OSError):
    """A picture cannot be read or written; the message is one line with the file and what to do."""


@dataclass(frozen=True)
class Picture:
    """What a file held: ``pixels`` float32 (3, H, W) or (1, H, W) in [0, 1]; ``alpha`` (1, H, W) in [0, 1]
    or None; the embedded colour profile (bytes) or None; ``depth`` 8 or 16 bits a channel."""

    pixels: Tensor
    alpha: Tensor | None
    icc_profile: bytes | None
    depth: int


# --- files ----------------------------------------------------------------------------------------


def load(source: Source) -> Tensor:
    """A picture as float32 in [0, 1]: (3, H, W), or (1, H, W) for a gray file. Takes a path, bytes or an
    open binary file; PNG, JPEG, WebP, BMP, TIFF and what else Pillow reads, of any colour mode. Turned
    upright by its EXIF mark; transparency is left out (``open_picture`` keeps it). Chapter 1."""
    return open_picture(source).pixels


def open_picture(source: Source) -> Picture:
    """As ``load``, with what is needed to save the picture faithfully again: alpha, colour profile and
    depth. Colours under transparent pixels are kept as stored. 16-bit gray files and 16-bit colour PNGs
    keep all 16 bits; 16-bit colour TIFFs and 16-bit gray with alpha are read at 8, as Pillow does."""
    if not isinstance(source, (str, os.PathLike, bytes)) and not hasattr(source, "read"):
        raise TypeError(
            f"a picture is loaded from a path, bytes or an open file, not {type(source).__name__}"
        )
    name = _name(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large pictures; MAX_PIXELS decides here
            with Image.open(_openable(source)) as image:
                _check_size(image, name)
                stored = str(image.tile[0][3]) if image.tile else ""  # how the file has it, before decoding
                image.load()
                if stored in _DEEP_COLOUR and not isinstance(image.info.get("transparency"), tuple):
                    return _decode_deep_colour(image, _low_bytes(source))
                return _decode(image, name, stored_gray="LA;16" in stored)
    except ImageError:
        raise
    except FileNotFoundError:
        raise FileNotFoundError(f"{name}: there is no such file; check the path") from None
    except IsADirectoryError:
        raise ImageError(f"{name}: this is a folder; name a picture in it") from None
    except PermissionError:
        raise ImageError(f"{name}: no permission to read this file") from None
    except Image.DecompressionBombError:
        raise ImageError(f"{name}: more than {MAX_PIXELS:,} pixels; make it smaller first") from None
    except Image.UnidentifiedImageError:
        what = "the file is empty" if _is_empty(source) else "not a picture that can be read"
        raise ImageError(f"{name}: {what}; save it as PNG or JPEG and try again") from None
    except MemoryError:
        raise ImageError(f"{name}: too large for this machine's memory; make it smaller first") from None
    except Exception as fault:  # Pillow's decoders raise many kinds for damaged files
        why = " ".join(str(fault).split()) or type(fault).__name__
        raise ImageError(f"{name}: damaged or cut short ({why}); get the file again") from None


def save(
    x: Tensor,
    path: str | os.PathLike[str],
    *,
    alpha: Tensor | None = None,
    icc_profile: bytes | None = None,
    depth: int = 8,
) -> Path:
    """Write (3, H, W) or (1, H, W), float in [0, 1] or uint8, to the format that the suffix names; values
    outside [0, 1] are clipped. ``alpha`` (1, H, W), ``icc_profile`` and ``depth`` (16: PNG, and TIFF for
    gray without alpha) as ``open_picture`` gives them. The file appears whole or not at all. Its path."""
    path = Path(path)
    image = _encode(x, alpha=alpha, depth=depth, name=str(path))  # None: more than Pillow writes
    format_name = FORMATS.get(path.suffix.lower())
    if format_name is None:
        raise ImageError(f"{path}: cannot write files ending in {path.suffix!r}; use .png, .jpg or .webp")
    if alpha is not None and format_name not in ("PNG", "WEBP", "TIFF"):
        raise ImageError(f"{path}: {format_name} has no transparency; use .png or .webp, or leave alpha out")
    if icc_profile and format_name not in ("PNG", "WEBP", "TIFF", "JPEG"):
        raise ImageError(f"{path}: {format_name} has no colour profile; use .png or .jpg, or leave it out")
    if format_name == "WEBP" and max(x.shape[1:]) > 16383:
        raise ImageError(f"{path}: WebP holds at most 16383 pixels a side; use .png")
    if depth == 16 and format_name not in ("PNG", "TIFF"):
        raise ImageError(f"{path}: 16 bits a channel need .png or .tif")
    if depth == 16 and image is None and format_name != "PNG":
        raise ImageError(f"{path}: 16 bits a channel of colour or with transparency need .png")
    if image is None:
        with whole_or_nothing(path, ImageError) as file:
            _write_deep(x, alpha, icc_profile, file)
        return path
    return save_pillow(image, path, icc_profile=icc_profile)


def save_pillow(image: Image.Image, path: Path, *, icc_profile: bytes | None = None) -> Path:
    """Write a Pillow image as ``save`` writes pictures: in the format's best quality, whole or not at all."""
    format_name = FORMATS[path.suffix.lower()]
    best: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}
    options = best.get(format_name, {})
    if icc_profile:
        options["icc_profile"] = icc_profile
    with whole_or_nothing(path, ImageError) as file:
        image.save(file, format=format_name, **options)
    return path


def _decode(image: Image.Image, name: str, *, stored_gray: bool = False) -> Picture:
    """Any Pillow mode to RGB or gray, upright, with alpha apart. ``stored_gray``: a 16-bit gray file with
    alpha, which Pillow widens to RGBA."""
    tiff = getattr(image, "tag_v2", {})
    profile = image.info.get("icc_profile")
    image = ImageOps.exif_transpose(image)
    if image.width == 0 or image.height == 0:
        raise ImageError(f"{name}: the picture has no pixels ({image.width} x {image.height})")
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        levels = _deep_gray(image, name, bits=int(tiff.get(258, (16,))[0]), inverted=tiff.get(262) == 0)
        clear = image.info.get("transparency")  # the one level that a PNG calls transparent
        alpha = (levels * 65535).round() != clear if isinstance(clear, int) else None
        return Picture(levels, None if alpha is None else alpha.float(), profile, 16)
    gray = stored_gray or image.mode in ("1", "L", "LA", "La")
    transparent = image.has_transparency_data
    if image.mode in ("CMYK", "LAB"):
        profile = None  # it describes those inks, not the RGB that is returned
    if image.mode == "LAB":
        image = _lab_to_rgb(image)
    mode = ("L" if gray else "RGB") + ("A" if transparent else "")
    array = np.array(image.convert(mode))  # a copy: Pillow's own memory is read-only
    pixels = from_uint8(torch.from_numpy(array if array.ndim == 3 else array[..., None]).movedim(-1, 0))
    if not transparent:
        return Picture(pixels.contiguous(), None, profile, 8)
    return Picture(pixels[:-1].contiguous(), pixels[-1:].contiguous(), profile, 8)


_DEEP_COLOUR = ("RGB;16B", "RGBA;16B")
"""How Pillow calls the pixels of a PNG with 16 bits a channel; it keeps the upper 8 of each."""


def _low_bytes(source: Source) -> Image.Image:
    """The lower 8 bits of each channel: the same file, read as if its bytes lay the other way round."""
    if hasattr(source, "seek"):
        source.seek(0)
    with Image.open(_openable(source)) as image:
        tile: Any = image.tile[0]
        image.tile = [tile._replace(args=tile[3].replace("16B", "16L"))]
        image.load()
        return image


def _decode_deep_colour(high: Image.Image, low: Image.Image) -> Picture:
    """RGB or RGBA of 16 bits from the upper and the lower 8."""
    upper, lower = (np.array(ImageOps.exif_transpose(part)).astype(np.uint16) for part in (high, low))
    levels = (upper << 8 | lower).astype(np.float32) / 65535  # (H, W, C)
    pixels = torch.from_numpy(levels).movedim(-1, 0).contiguous()
    alpha = pixels[3:].contiguous() if len(pixels) == 4 else None
    return Picture(pixels[:3].contiguous(), alpha, high.info.get("icc_profile"), 16)


def _deep_gray(image: Image.Image, name: str, *, bits: int = 16, inverted: bool = False) -> Tensor:
    """12-bit, 16-bit, 32-bit integer or float gray as (1, H, W) in [0, 1]; the range of the last two is
    checked. ``inverted``: a TIFF in which 0 is white."""
    array = np.array(image).astype(np.float64)
    full = 1.0 if image.mode == "F" else 4095.0 if bits == 12 else 65535.0
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > full:
        raise ImageError(
            f"{name}: its values reach from {array.min():g} to {array.max():g}; "
            f"scale them to 0..{full:g} and save again"
        )
    array /= full
    return torch.from_numpy((1 - array if inverted else array).astype(np.float32))[None]


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert converted is not None  # it is None only with inPlace=True
    return converted


def _encode(x: Tensor, *, alpha: Tensor | None, depth: int, name: str) -> Image.Image | None:
    """The Pillow image for pixels (and alpha) of the book's layout; None for 16 bits of colour or with
    alpha, which Pillow does not know."""
    for what, value, channels in (("pixels", x, (1, 3)), ("alpha", alpha, (1,))):
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(
                f"{name}: {what} must be a tensor, not {type(value).__name__}; torch.from_numpy helps"
            )
        if value is not None and not value.is_floating_point() and value.dtype != torch.uint8:
            raise TypeError(f"{name}: {what} must be float in [0, 1] or uint8, not {value.dtype}")
        if value is not None and (value.ndim != 3 or value.shape[0] not in channels or 0 in value.shape):
            shape = " or ".join(f"({c}, H, W)" for c in channels)
            raise ValueError(f"{name}: {what} must be {shape}, not {tuple(value.shape)}")
        if value is not None and value.is_floating_point() and not torch.isfinite(value).all():
            raise ValueError(f"{name}: {what} hold NaN or infinite values; nothing was written")
    if alpha is not None and alpha.shape[1:] != x.shape[1:]:
        raise ValueError(f"{name}: alpha is {tuple(alpha.shape[1:])}, pixels are {tuple(x.shape[1:])}")
    if depth == 16:
        return Image.fromarray(_deep_levels(x)[0]) if x.shape[0] == 1 and alpha is None else None
    if depth != 8:
        raise ValueError(f"{name}: depth must be 8 or 16, not {depth}")
    parts = [to_uint8(x.detach().cpu())] + ([] if alpha is None else [to_uint8(alpha.detach().cpu())])
    array = torch.cat(parts).movedim(0, -1).numpy()
    return Image.fromarray(array[..., 0] if array.shape[-1] == 1 else np.ascontiguousarray(array))


def _deep_levels(x: Tensor) -> np.ndarray:
    """uint8 or float in [0, 1] as uint16 0..65535, clipped, rounded half up."""
    wide = x.detach().cpu()
    wide = from_uint8(wide, torch.float64) if wide.dtype == torch.uint8 else wide.double().clamp(0, 1)
    return (wide * 65535 + 0.5).floor().numpy().astype(np.uint16)


def _write_deep(x: Tensor, alpha: Tensor | None, icc_profile: bytes | None, file: IO[bytes]) -> None:
    levels = _deep_levels(x) if alpha is None else np.concatenate([_deep_levels(x), _deep_levels(alpha)])
    channels, height, width = levels.shape
    with PngWriter(file, width, height, channels, 16, icc_profile) as png:
        png.write(np.moveaxis(levels, 0, -1))


def _name(source: Source) -> str:
    named = source if isinstance(source, (str, os.PathLike)) else getattr(source, "name", "")
    return " ".join(str(named).splitlines()) or "the picture"


def _openable(source: Source) -> Any:
    return io.BytesIO(source) if isinstance(source, bytes) else source


def _is_empty(source: Source) -> bool:
    if isinstance(source, bytes):
        return not source
    if isinstance(source, (str, os.PathLike)):
        return Path(source).stat().st_size == 0
    source.seek(0)
    return not source.read(1)


def _check_size(image: Image.Image, name: str) -> None:
    if image.width * image.height > MAX_PIXELS:
        size = f"{image.width} x {image.height}"
        raise ImageError(f"{name}: {size} is more than {MAX_PIXELS:,} pixels; make it smaller first")


def check_range(x: Tensor, name: str, *, slack: float = 1e-4) -> None:
    """A ValueError with ``name`` if a float picture leaves [0, 1] by more than ``slack``, as one in 0..255
    does, or holds NaN. uint8 passes. Chapter 1."""
    if not x.is_floating_point() or x.numel() == 0:
        return
    low, high = (v.item() for v in x.detach().aminmax())
    if low >= -slack and high <= 1 + slack:  # NaN compares false
        return
    hint = "clip it first, for example x.clamp(0, 1)"
    if math.isnan(low):
        hint = "find where the NaN came from"
    elif high > 2:
        hint = "divide by 255"
    raise ValueError(f"{name} reaches from {low:.4g} to {high:.4g}, outside [0, 1]; {hint}")


# --- 8 bits and back ------------------------------------------------------------------------------


def to_uint8(x: Tensor) -> Tensor:
    """Float in [0, 1] to uint8: clipped, rounded half up, as a file would hold it. uint8 passes through."""
    if x.dtype == torch.uint8:
        return x
    if not x.is_floating_point():
        raise TypeError(f"to_uint8 takes float in [0, 1] or uint8, not {x.dtype}")
    wide = x if x.dtype == torch.float64 else x.float()  # half precision cannot tell 255 levels and halves
    return (wide.clamp(0, 1) * 255 + 0.5).floor().to(torch.uint8)


def from_uint8(x: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """uint8 0..255 to float in [0, 1]; ``to_uint8`` gives the same bytes back."""
    if x.dtype != torch.uint8:
        raise TypeError(f"from_uint8 takes uint8, not {x.dtype}")
    return x.to(dtype) / 255


# --- colour: BT.601, studio range -----------------------------------------------------------------

# Y, Cb, Cr in 0..255 of R, G, B in 0..1, as MATLAB's rgb2ycbcr and the papers have it: Y is 16..235.
_YCBCR = [[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]
_OFFSET = [16.0, 128.0, 128.0]


def rgb_to_ycbcr(x: Tensor) -> Tensor:
    """RGB (..., 3, H, W) to studio-range BT.601 Y, Cb, Cr. Float in [0, 1] gives float (Y in
    16/255..235/255); uint8 gives uint8, rounded as MATLAB's rgb2ycbcr. Chapter 1."""
    _need_channels(x, 3, "rgb_to_ycbcr")
    return _forward(x, 3)


def ycbcr_to_rgb(x: Tensor) -> Tensor:
    """The inverse of ``rgb_to_ycbcr``: exact through float (unclipped), within 2 levels through uint8."""
    _need_channels(x, 3, "ycbcr_to_rgb")
    inverse = np.linalg.inv(np.array(_YCBCR) / 255)
    return _affine(x, inverse * 255, -255 * inverse @ (np.array(_OFFSET) / 255))


def luma(x: Tensor) -> Tensor:
    """Studio-range Y / 255 of RGB (..., 3, H, W), as (..., 1, H, W): what "PSNR on the Y channel" is
    measured on. uint8 gives uint8, rounded. One-channel input is luma already and is returned as it is."""
    if x.ndim >= 3 and x.shape[-3] == 1:
        return x
    _need_channels(x, 3, "luma")
    return _forward(x, 1)


def _forward(x: Tensor, count: int) -> Tensor:
    """The first ``count`` of Y, Cb, Cr. Bytes are counted in whole thousandths: a luma halfway between two
    levels goes up on every machine, whatever the last bit of its sums."""
    if x.is_floating_point():
        return _affine(x, _YCBCR[:count], _OFFSET[:count])
    red, green, blue = x.to(torch.int32).unbind(-3)
    found = []
    for row, offset in zip(_YCBCR[:count], _OFFSET, strict=False):
        r, g, b = (round(1000 * one) for one in row)
        thousandths = r * red + g * green + b * blue
        found.append(torch.div(thousandths + 127_500, 255_000, rounding_mode="floor") + int(offset))
    return torch.stack(found, -3).to(torch.uint8)


def _affine(x: Tensor, matrix: Any, offset: Any) -> Tensor:
    """``matrix @ channels + offset`` with coefficients given for results in 0..255."""
    work = (
        x
        if x.is_floating_point()
        else from_uint8(x, torch.float32 if x.device.type == "mps" else torch.float64)
    )
    rows = torch.as_tensor(np.asarray(matrix) / 255, dtype=work.dtype, device=x.device)
    shift = torch.as_tensor(np.asarray(offset) / 255, dtype=work.dtype, device=x.device)
    with torch.autocast(x.device.type, enabled=False):
        out = torch.einsum("oc,...chw->...ohw", rows, work) + shift[:, None, None]
    return out if x.is_floating_point() else to_uint8(out)


def _need_channels(x: Tensor, channels: int, who: str) -> None:
    if x.ndim < 3 or x.shape[-3] != channels:
        raise ValueError(f"{who} needs {channels} channels, (..., {channels}, H, W), not {tuple(x.shape)}")
    if not x.is_floating_point() and x.dtype != torch.uint8:
        raise TypeError(f"{who} takes float in [0, 1] or uint8, not {x.dtype}")


# --- cutting --------------------------------------------------------------------------------------


def crop_to_multiple(x: Array, scale: int) -> Array:
    """Cut rows from the bottom and columns from the right until both sizes divide by ``scale`` ("modcrop"
    in the papers' code). Any leading axes."""
    height, width = x.shape[-2] // scale * scale, x.shape[-1] // scale * scale
    if height == 0 or width == 0:
        raise ValueError(f"a picture of {tuple(x.shape[-2:])} is smaller than the scale {scale}")
    return x[..., :height, :width]


def middle(x: Array, side: int) -> Array:
    """The middle of a picture, ``side`` pixels each way; a side that is shorter stays whole. Any leading
    axes."""
    if side < 1:
        raise ValueError(f"middle takes a number of pixels from 1 up, not {side}")
    top, left = (max(0, length - side) // 2 for length in x.shape[-2:])
    return x[..., top : top + side, left : left + side]


def shave(x: Array, pixels: int) -> Array:
    """Cut ``pixels`` from each of the four sides (papers leave a border of ``scale`` out). Any leading
    axes."""
    if pixels < 0:
        raise ValueError(f"shave takes a number of pixels from 0 up, not {pixels}")
    height, width = x.shape[-2:]
    if min(height, width) <= 2 * pixels:
        raise ValueError(f"shaving {pixels} pixels off each side leaves nothing of {(height, width)}")
    return x[..., pixels : height - pixels, pixels : width - pixels]
