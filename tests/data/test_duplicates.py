"""The hunt for test pictures among training pictures: planted copies are found, chance likenesses are not."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from srlib import cli, data
from srlib.data import duplicates as module
from srlib.data.duplicates import near_duplicates
from srlib.degrade import Degradation
from srlib.images import save
from srlib.resize import imresize


@pytest.fixture(scope="module")
def photos() -> dict[str, Tensor]:
    """Smaller than they are, so that the tests are quick."""
    return {
        name: imresize(x, 0.5).clamp(0, 1)
        for name, x in data.photos(["astronaut", "chelsea", "coffee", "rocket"]).items()
    }


def test_a_copy_is_found_whatever_was_done_to_it(photos: dict[str, Tensor]) -> None:
    cat, cup, person = photos["chelsea"], photos["coffee"], photos["astronaut"]
    training = {
        "smaller, brighter": imresize(cat, 0.7).clamp(0, 1) * 0.7 + 0.2,
        "mirrored, cropped": cup[:, 20:180, 60:260].flip(2),
        "larger, JPEG": Degradation(jpeg=40, seed=0)(imresize(person, 1.25).clamp(0, 1), 1),
        **{f"leaves {i}": data.dead_leaves(200, i) for i in range(3)},
    }
    finds = near_duplicates(photos, training)
    assert {(find.one, find.other) for find in finds} == {
        ("chelsea", "smaller, brighter"),
        ("coffee", "mirrored, cropped"),
        ("astronaut", "larger, JPEG"),
    }
    assert [find.score for find in finds] == sorted((find.score for find in finds), reverse=True)
    assert all(find.score > 0.7 for find in finds)


def test_a_piece_of_a_test_picture_among_the_training_pictures_is_found(photos: dict[str, Tensor]) -> None:
    piece = photos["astronaut"][:, 20:110, 60:150]  # less than an eighth of it
    finds = near_duplicates(photos, {"piece": piece, "leaves": data.dead_leaves(200, 0)})
    assert [(find.one, find.other) for find in finds] == [("astronaut", "piece")]


def test_different_photographs_and_flat_pictures_are_not_taken_for_copies(photos: dict[str, Tensor]) -> None:
    some = {name: photos[name] for name in ("astronaut", "chelsea")}
    flat = torch.full((3, 120, 100), 0.5)
    edge = torch.cat([flat, flat * 1.5], dim=2)  # a straight edge is like many a straight edge
    finds = near_duplicates(some, {"coffee": photos["coffee"], "flat": flat, "edge": edge})
    assert finds == []


def test_bytes_and_floats_are_the_same_pictures(photos: dict[str, Tensor]) -> None:
    some = {"cat": photos["chelsea"]}
    levels = {"cat": (photos["chelsea"] * 255).round().to(torch.uint8)}
    (find,) = near_duplicates(some, levels)
    assert find.score > 0.99


def test_the_command_finds_and_writes_what_it_found(
    photos: dict[str, Tensor], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, name, x in (
        ("tests", "cat", photos["chelsea"]),
        ("training", "other", photos["chelsea"][:, 10:, 20:].flip(2)),
    ):
        (tmp_path / folder).mkdir()
        save(x, tmp_path / folder / f"{name}.png")
    call = [str(tmp_path / "training"), "--of", str(tmp_path / "tests"), "-o", str(tmp_path / "found.json")]
    assert cli.main(["duplicates", *call]) == 0
    assert "1 pictures sought among 1" in capsys.readouterr().out
    (find,) = json.loads((tmp_path / "found.json").read_text())["finds"]
    assert find["score"] > 0.7


def test_the_books_test_sets_are_not_among_its_training_pictures() -> None:
    record = json.loads((Path(module.__file__).with_suffix(".json")).read_text())
    assert record["command"].startswith("srlib duplicates t91 general100 bsds399 --of set5 set14 b100")
    assert (record["sought"], record["searched"]) == (5 + 14 + 100, 91 + 100 + 399)
    assert all(find["score"] < 0.6 for find in record["finds"])  # copies: above 0.7


@pytest.mark.parametrize(("test", "training"), [("b100/62096", "bsds399/226033")])
def test_the_record_of_the_hunt_is_what_the_hunt_gives(test: str, training: str) -> None:
    picture = {}
    for name in (test, training):
        folder, _, stem = name.partition("/")
        if data.find(folder) is None:
            pytest.skip(f"needs {folder} (srlib fetch {folder}, or SRLIB_DATA)")
        picture[name] = data.load_folder(data.fetch(folder))[stem]
    (find,) = near_duplicates({test: picture[test]}, {training: picture[training]}, above=0.3)
    record = json.loads((Path(module.__file__).with_suffix(".json")).read_text())
    assert vars(find) in record["finds"]
