"""The registry agrees with itself, and with the real files where they are at hand."""

import hashlib
import re
from pathlib import Path

import pytest

from srlib import settings
from srlib.data import sources
from srlib.data.fetch import find

COUNTS = {
    "set5": 5,
    "set14": 14,
    "b100": 100,
    "urban100": 100,
    "t91": 91,
    "bsds500": 500,
    "bsds399": 399,
    "general100": 100,
    "vgg19": 1,
}
ARCHIVES = [f"div2k-{part}{scale}" for part in ("train", "valid") for scale in ("", "-x2", "-x3", "-x4")]


def checksums(name: str) -> dict[str, str]:
    return {file: remote.checksum for file, remote in sources.remote_files(sources.SOURCES[name]).items()}


def test_every_source_has_its_registry_and_every_registry_its_source() -> None:
    assert {path.stem for path in sources.REGISTRY.iterdir()} == set(sources.SOURCES)
    assert set(sources.SOURCES) == {*COUNTS, *ARCHIVES}


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_a_set_has_as_many_files_as_its_paper_says(name: str, count: int) -> None:
    assert len(checksums(name)) == len(set(sources.stems(sources.SOURCES[name]))) == count


@pytest.mark.parametrize("name", sorted(set(COUNTS) - {"vgg19"}))
def test_loose_files_have_a_whole_sha256_each_and_no_two_the_same(name: str) -> None:
    sums = checksums(name)
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", checksum) for checksum in sums.values())
    if name == "t91":  # the one double picture, as its note says
        assert sums.pop("t36.bmp") == sums["t65.bmp"]
    assert len(set(sums.values())) == len(sums)


def test_b100_is_the_val_part_of_bsds500() -> None:
    val = {
        file.removeprefix("val/"): s for file, s in checksums("bsds500").items() if file.startswith("val/")
    }
    assert checksums("b100") == val


def test_bsds399_is_train_and_test_of_bsds500_without_the_picture_that_is_in_set5() -> None:
    train_and_test = {f.split("/")[1]: s for f, s in checksums("bsds500").items() if not f.startswith("val/")}
    del train_and_test["302003.jpg"]
    assert checksums("bsds399") == train_and_test


def test_training_sets_and_benchmarks_share_no_file() -> None:
    train = {s for name in ("t91", "bsds399", "general100") for s in checksums(name).values()}
    test = {s for name in ("set5", "set14", "b100", "urban100") for s in checksums(name).values()}
    assert not train & test


@pytest.mark.parametrize("source", sources.SOURCES.values(), ids=lambda source: source.name)
def test_a_source_says_where_it_lives_whose_it_is_and_on_what_terms(source: sources.Source) -> None:
    assert source.licence
    assert re.search(r"\b(19|20)\d\d$", source.citation)
    assert "\n" not in source.licence + source.citation + source.note
    assert source.home.endswith("/")
    if source.home.startswith(sources.GITHUB):  # pinned: the bytes behind a commit cannot change
        assert re.match(r"[\w-]+/[\w-]+/[0-9a-f]{40}/", source.home.removeprefix(sources.GITHUB))


def test_a_file_of_bsds399_is_asked_for_where_bsds500_keeps_it() -> None:
    files = sources.remote_files(sources.SOURCES["bsds399"])
    assert files["100075.jpg"].url == (
        "https://raw.githubusercontent.com/BIDS/BSDS500/a04b7c6c3a9f0ace74bf205c72a43d32e1c72722/"
        "BSDS500/data/images/train/100075.jpg"
    )
    assert files["100007.jpg"].url.endswith("/images/test/100007.jpg")


def test_a_mirror_serves_files_under_the_names_they_get_here() -> None:
    files = sources.remote_files(sources.SOURCES["bsds399"], mirror="http://classroom:8000")
    assert files["100075.jpg"].url == "http://classroom:8000/bsds399/100075.jpg"


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_div2k_archive_names_its_pictures(name: str) -> None:
    source = sources.SOURCES[name]
    first, last = ("0001", "0800") if "train" in name else ("0801", "0900")
    scale = name[-2:] if name[-2] == "x" else ""
    assert (source.archive[0], source.archive[-1]) == (first + scale, last + scale)
    assert len(source.archive) == (800 if "train" in name else 100)
    assert source.unpacked_limit > source.bytes
    assert [
        re.fullmatch("md5:[0-9a-f]{32}", checksum) is not None for checksum in checksums(name).values()
    ] == [True]


def test_of_vgg19_only_the_beginning_of_the_checksum_is_known(tmp_path: Path) -> None:
    (remote,) = sources.remote_files(sources.SOURCES["vgg19"]).values()
    assert remote.full_checksum is None
    assert remote.url.endswith("-" + remote.checksum.removeprefix("sha256:") + ".pth")
    (tmp_path / "other").write_bytes(b"not these weights")
    assert not remote.is_file(tmp_path / "other")


def test_the_real_files_at_hand_are_those_of_the_registry() -> None:
    if settings.data_root() is None:
        pytest.skip("SRLIB_DATA is not set")
    compared = 0
    for source in sources.SOURCES.values():
        folder = find(source.name)
        if folder is None or source.archive or source.name == "vgg19":
            continue
        files = {name: folder / name for name in checksums(source.name)}
        if not all(path.is_file() for path in files.values()):
            continue  # the same pictures in another format
        found = {
            name: "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()
        }
        assert found == checksums(source.name)
        assert sum(path.stat().st_size for path in files.values()) == source.bytes
        compared += len(files)
    if not compared:
        pytest.skip("SRLIB_DATA has none of the sets in the format they are downloaded in")
