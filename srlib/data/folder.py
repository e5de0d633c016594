"""Pictures from a folder, and the photographs that are in the box."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from torch import Tensor

from srlib.images import FORMATS, ImageError, load

PHOTOS = {
    "astronaut": "astronaut.png",
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "rocket": "rocket.jpg",
    "motorcycle": "motorcycle_left.png",
    "retina": "retina.jpg",
    "hubble": "hubble_deep_field.jpg",
    "tissue": "ihc.png",
}
"""The book's own test set: scikit-image's bundled colour photographs, by our names."""


def photos(names: str | Sequence[str] | None = None) -> dict[str, Tensor]:
    """The book's test photographs, or those of ``names``, each float32 (3, H, W) in [0, 1]. They come with
    scikit-image, so no network is needed. Chapter 0."""
    import skimage

    wanted = list(PHOTOS) if names is None else [names] if isinstance(names, str) else list(names)
    unknown = [name for name in wanted if name not in PHOTOS]
    if unknown:
        raise ValueError(f"there is no photograph {unknown[0]!r}; choose from {', '.join(PHOTOS)}")
    folder = Path(skimage.__file__).parent / "data"
    return {name: load(folder / PHOTOS[name]) for name in wanted}


def load_folder(path: str | Path) -> dict[str, Tensor]:
    """Every picture directly in a folder, sorted by name: {file name without suffix: float32 (3, H, W) or
    (1, H, W) in [0, 1]}. Other files are passed over; a damaged picture is an error that names it."""
    pictures: dict[str, Tensor] = {}
    for name, picture in iterate_folder(path):
        if name in pictures:
            raise ImageError(f"{path}: two pictures are called {name!r}; rename one")
        pictures[name] = picture
    return pictures


def iterate_folder(path: str | Path) -> Iterator[tuple[str, Tensor]]:
    """As ``load_folder``, one (name, picture) at a time: for folders larger than memory."""
    files = picture_files(path)
    return ((file.stem, load(file)) for file in files)


def picture_files(path: str | Path) -> list[Path]:
    """The picture files directly in a folder, sorted; hidden ones and other files are passed over."""
    folder = Path(path)
    if not folder.is_dir():
        what = (
            "this is a file; name its folder"
            if folder.exists()
            else "there is no such folder; check the path"
        )
        raise FileNotFoundError(f"{folder}: {what}")
    visible = (file for file in folder.iterdir() if not file.name.startswith(".") and file.is_file())
    files = sorted(file for file in visible if file.suffix.lower() in FORMATS)
    if not files:
        raise ImageError(f"{folder}: no pictures in this folder ({', '.join(sorted(FORMATS))})")
    return files
