"""One file with whole sets of training pictures, for a machine that has neither the sets nor a network."""

import io
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from srlib.data.fetch import fetch
from srlib.data.folder import picture_files
from srlib.files import whole_or_nothing
from srlib.images import ImageError, load, to_uint8

LIMIT = 55_000_000
"""Bytes that such a file may have: more does not travel in one piece to the machines we train on."""


def pack(names: Sequence[str], path: str | Path, limit: int = LIMIT) -> Path:
    """Write the sets ``names`` into one zip file, each picture as it is or as lossless WebP, whichever is
    smaller: the same pixels. If that is more than ``limit`` bytes, pictures of the largest set, evenly
    spread, stay out, with a warning that says how many."""
    entries = {name.lower(): _entries(fetch(name)) for name in names}
    sizes = {name: sum(len(raw) for _, raw in some) for name, some in entries.items()}
    over = sum(sizes.values()) - limit
    if over > 0:
        largest = max(sizes, key=lambda name: sizes[name])
        some = entries[largest]
        keep = int(len(some) * (1 - over / sizes[largest]) * 0.98)
        if keep < 1:
            raise ValueError(f"{path}: {', '.join(names)} do not fit into {limit / 1e6:.0f} MB; pack fewer")
        entries[largest] = [some[i * len(some) // keep] for i in range(keep)]
        warnings.warn(f"{largest}: {keep} of {len(some)} pictures fit", stacklevel=2)
    with whole_or_nothing(path) as target, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, some in entries.items():
            for file, raw in some:
                archive.writestr(f"{name}/{file}", raw)
    return Path(path)


def _entries(folder: Path) -> list[tuple[str, bytes]]:
    """Name and bytes of each picture in the folder, as small as they get without a loss in a moment."""
    return [(file.stem + suffix, raw) for file in picture_files(folder) for raw, suffix in [_smallest(file)]]


def packed_sets(path: str | Path) -> list[str]:
    """The names of the sets in a file that ``pack`` wrote."""
    with _opened(path) as archive:
        return sorted({entry.split("/")[0] for entry in archive.namelist()})


def unpacked(path: str | Path, name: str) -> dict[str, Tensor]:
    """The pictures of one set in such a file, uint8, by name."""
    with _opened(path) as archive:
        entries = sorted(e for e in archive.namelist() if e.startswith(f"{name.lower()}/"))
        if not entries:
            raise ValueError(f"{path}: holds no set {name!r}")
        return {Path(entry).stem: to_uint8(load(archive.read(entry))) for entry in entries}


def _opened(path: str | Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such file; make it with: srlib zoo pack") from None
    except zipfile.BadZipFile:
        raise ImageError(f"{path}: damaged, or no zip file; make it again with: srlib zoo pack") from None


def _smallest(file: Path) -> tuple[bytes, str]:
    """The file's bytes, or its pixels as lossless WebP if that is smaller (JPEG always is as it is)."""
    raw = file.read_bytes()
    if file.suffix.lower() in (".jpg", ".jpeg"):
        return raw, file.suffix
    with Image.open(file) as image:
        if image.mode not in ("RGB", "P") or "transparency" in image.info:
            return raw, file.suffix
        memory = io.BytesIO()
        image.convert("RGB").save(memory, format="WEBP", lossless=True, quality=50, method=3)
    webp = memory.getvalue()
    return (webp, ".webp") if len(webp) < len(raw) else (raw, file.suffix)
