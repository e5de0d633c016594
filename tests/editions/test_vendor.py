"""The assets of others that lie in the book: which they are, and that nobody has changed them."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from book.editions import vendor

ROOT = Path(__file__).parents[2]
MANIFEST = json.loads((ROOT / "book" / "editions" / "vendored.json").read_text())


@pytest.mark.parametrize("package", vendor.PACKAGES, ids=lambda one: one.name)
def test_every_vendored_file_is_the_pinned_one_and_no_other_lies_beside(package: vendor.Package) -> None:
    pinned = MANIFEST[package.name]["files"]
    assert len(pinned) >= 4
    there = {path for path in (ROOT / package.folder).rglob("*") if path.is_file()}
    there = {path for path in there if path.name != "README.md"}  # ours
    assert {path.relative_to(ROOT).as_posix() for path in there} == set(pinned)
    for name, sha256 in pinned.items():
        assert hashlib.sha256((ROOT / name).read_bytes()).hexdigest() == sha256, name


@pytest.mark.parametrize("package", vendor.PACKAGES, ids=lambda one: one.name)
def test_each_package_has_its_licence_and_a_readme_with_the_pinned_version(package: vendor.Package) -> None:
    folder = ROOT / package.folder
    assert "Licen" in (folder / "LICENSE").read_text()[:2000] or "MIT" in (folder / "LICENSE").read_text()
    assert f"{package.name}@{package.version}" in (folder / "README.md").read_text()
    assert package.folder in (ROOT / "LICENSE").read_text()
    assert len(MANIFEST[package.name]["sha256"]) == 64


def packed(files: dict[str, str], folder: Path) -> Path:
    """A package as npm packs it."""
    with tarfile.open(folder / "thing-1.0.0.tgz", "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return folder / "thing-1.0.0.tgz"


def test_only_the_files_asked_for_are_taken(tmp_path: Path) -> None:
    thing = vendor.Package(
        name="thing",
        version="1.0.0",
        folder="there",
        files={"LICENSE": ".", "dist/*": "code"},
        without=("b.js",),
    )
    names = ("LICENSE", "dist/a.js", "dist/b.js", "dist/deep/c.js", "src/a.js", "deep/LICENSE")
    found = vendor.taken(thing, packed({name: name for name in names}, tmp_path))
    assert found == {"there/LICENSE": b"LICENSE", "there/code/a.js": b"dist/a.js"}


def test_a_package_that_is_not_the_pinned_one_is_refused_and_nothing_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(vendor, "ROOT", tmp_path)
    monkeypatch.setattr(vendor, "get", lambda package, _: ("0" * 64, {f"{package.folder}/LICENSE": b"x"}))
    assert vendor.main([]) == 1
    assert capsys.readouterr().err == (
        "vendor: reveal.js is not what vendored.json pins; nothing of it was written\n"
    )
    assert not any(tmp_path.iterdir())


def test_without_npm_one_line_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(vendor.shutil, "which", lambda _: None)
    assert vendor.main([]) == 1
    assert capsys.readouterr().err == "vendor: needs npm on the path; it comes with Node.js\n"
