"""The photographs in the box, and folders of one's own."""

import socket
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from srlib.data.folder import PHOTOS, load_folder, photos
from srlib.images import ImageError


def test_photos_are_scikit_images_own_under_fixed_names() -> None:
    ours = photos()
    assert list(ours) == [
        "astronaut",
        "chelsea",
        "coffee",
        "rocket",
        "motorcycle",
        "retina",
        "hubble",
        "tissue",
    ]
    for name in ("astronaut", "chelsea", "coffee", "rocket", "retina"):
        theirs = getattr(skimage.data, name)().transpose(2, 0, 1)
        np.testing.assert_allclose(ours[name], theirs / 255, atol=1e-7)
    assert all(p.dtype == torch.float32 and p.ndim == 3 and p.shape[0] == 3 for p in ours.values())


def test_photos_need_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert len(photos()) == len(PHOTOS)


def test_photos_by_name_come_in_the_order_asked_and_unknown_names_are_listed() -> None:
    assert list(photos(["coffee", "astronaut"])) == ["coffee", "astronaut"]
    assert list(photos("coffee")) == ["coffee"]
    with pytest.raises(ValueError, match="no photograph 'cat'; choose from astronaut, chelsea"):
        photos(["cat"])


def test_a_folder_gives_its_pictures_by_name_and_passes_other_files_over(tmp_path: Path) -> None:
    Image.new("RGB", (5, 4), "red").save(tmp_path / "b.PNG")
    Image.new("L", (3, 2), 51).save(tmp_path / "a.bmp")
    (tmp_path / "notes.txt").write_text("not a picture")
    pictures = load_folder(tmp_path)
    assert list(pictures) == ["a", "b"]
    assert pictures["a"].shape == (1, 2, 3)
    assert pictures["b"][:, 0, 0].tolist() == [1, 0, 0]


def test_hidden_files_and_folders_with_a_pictures_name_are_passed_over(tmp_path: Path) -> None:
    Image.new("L", (3, 2)).save(tmp_path / "a.png")
    (tmp_path / "sub.png").mkdir()
    (tmp_path / "._a.png").write_bytes(b"what macOS leaves beside a file")
    assert list(load_folder(tmp_path)) == ["a"]
    with pytest.raises(FileNotFoundError, match="this is a file; name its folder"):
        load_folder(tmp_path / "a.png")


def test_an_empty_or_missing_folder_and_a_damaged_picture_are_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no pictures in this folder"):
        load_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        load_folder(tmp_path / "nowhere")
    (tmp_path / "bad.png").write_bytes(b"\x89PNG nonsense")
    with pytest.raises(ImageError, match=r"bad\.png"):
        load_folder(tmp_path)


def test_two_pictures_of_one_name_are_an_error(tmp_path: Path) -> None:
    for suffix in (".png", ".bmp"):
        Image.new("L", (3, 2)).save(tmp_path / f"a{suffix}")
    with pytest.raises(ImageError, match="two pictures are called 'a'"):
        load_folder(tmp_path)
