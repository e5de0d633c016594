"""One file of training images: the same pixels, on a machine that has nothing else."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from srlib import recipes
from srlib.data import pack as module
from srlib.data.folder import load_folder
from srlib.data.pack import LIMIT, pack, packed_sets, unpacked
from srlib.images import ImageError, save, to_uint8


@pytest.fixture
def sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Two sets of small pictures in place of the public ones: bmp, png (gray too) and jpg."""
    torch.manual_seed(0)
    folders = {"t91": tmp_path / "T91", "general100": tmp_path / "General100"}
    for name, folder in folders.items():
        folder.mkdir()
        for i in range(6):
            x = torch.rand(3, 4, 5).repeat_interleave(10, 1).repeat_interleave(10, 2)
            save(x, folder / f"{name}{i}{'.bmp' if i % 2 else '.png'}")
        save(x[:1], folder / "gray.png")
        save(x, folder / "photo.jpg")
    (folders["t91"] / "notes.txt").write_text("not a picture")
    monkeypatch.setattr(module, "fetch", lambda name: folders[name])
    return folders


def test_what_is_unpacked_has_the_same_names_and_pixels(sets: dict[str, Path], tmp_path: Path) -> None:
    file = pack(["t91", "general100"], tmp_path / "images.zip")
    assert packed_sets(file) == ["general100", "t91"]
    for name, folder in sets.items():
        there, here = load_folder(folder), unpacked(file, name)
        assert there.keys() == here.keys()
        for key, x in there.items():
            assert torch.equal(to_uint8(x), here[key]), key


def test_a_set_that_is_too_large_loses_pictures_evenly_and_says_so(
    sets: dict[str, Path], tmp_path: Path
) -> None:
    whole = pack(["t91", "general100"], tmp_path / "whole.zip")
    limit = int(whole.stat().st_size * 0.7)
    with pytest.warns(UserWarning, match=r"(t91|general100): \d of 8 pictures fit"):
        file = pack(["t91", "general100"], tmp_path / "images.zip", limit=limit)
    counts = sorted(len(unpacked(file, name)) for name in sets)
    assert 1 <= counts[0] < counts[1] == 8
    with pytest.raises(ValueError, match="do not fit into"):
        pack(["t91", "general100"], tmp_path / "other.zip", limit=10)
    assert not (tmp_path / "other.zip").exists()


def test_a_missing_or_damaged_pack_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="srlib zoo pack"):
        packed_sets(tmp_path / "none.zip")
    (tmp_path / "bad.zip").write_bytes(b"PK no")
    with pytest.raises(ImageError, match="make it again"):
        packed_sets(tmp_path / "bad.zip")


def test_training_takes_a_set_from_the_pack_where_it_is_not_at_hand(
    sets: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = pack(["t91"], tmp_path / "images.zip")
    monkeypatch.delenv("SRLIB_DATA", raising=False)
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path / "cache"))
    pictures, words = recipes.pictures("t91+leaves:1", file)
    assert len(pictures) == 9
    assert all(x.dtype == torch.uint8 for x in pictures.values())
    assert words == "t91 (8 pictures) + dead leaves (1 pictures of 512 x 512, seeds from 0)"


def test_a_run_sees_the_same_pictures_where_the_sets_are_and_where_only_the_pack_is(
    sets: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pack(["t91"], tmp_path / "whole.zip").stat().st_size
    with pytest.warns(UserWarning, match="pictures fit"):
        file = pack(["t91"], tmp_path / "images.zip", limit=int(whole * 0.7))
    monkeypatch.setattr(recipes.data, "fetch", lambda name: sets[name])
    there = recipes.pictures("t91", file)
    monkeypatch.delenv("SRLIB_DATA", raising=False)
    assert recipes.pictures("t91", file)[0].keys() == there[0].keys()
    assert len(there[0]) < len(recipes.pictures("t91")[0]) == 8


@pytest.mark.slow
def test_the_books_training_images_fit_into_one_file_that_travels(data_root: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"bsds399: \d+ of 399 pictures fit"):
        file = pack(["t91", "general100", "bsds399"], tmp_path / "images.zip")
    assert file.stat().st_size < LIMIT
    with Image.open(data_root / "train" / "T91" / "t1.bmp") as image:
        assert tuple(unpacked(file, "t91")["t1"].shape) == (3, image.height, image.width)
