"""The web assets that lie in the book unchanged: reveal.js for the slides, MathJax for the formulas.

``python -m book.editions.vendor`` gets the pinned releases anew with npm, and writes the same files. For
another version change it here, run with ``--pin``, and look at what git says has changed.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from srlib.files import whole_or_nothing, write_json

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "book" / "editions" / "vendored.json"


@dataclass(frozen=True)
class Package:
    """An npm package: its name and version, the folder of the book it goes to, and which of its files are
    taken, {pattern in the package: folder there}; ``without`` are left out."""

    name: str
    version: str
    folder: str
    files: Mapping[str, str]
    without: tuple[str, ...] = ()


PACKAGES = (
    Package(
        name="reveal.js",
        version="5.2.1",
        folder="book/editions/reveal",
        files={"LICENSE": ".", "dist/reveal.js": ".", "dist/reveal.css": ".", "plugin/notes/notes.js": "."},
    ),
    Package(
        name="mathjax",
        version="3.2.2",
        folder="book/_static/mathjax",
        files={
            "LICENSE": ".",
            "es5/tex-mml-chtml.js": ".",
            "es5/output/chtml/fonts/woff-v2/*": "output/chtml/fonts/woff-v2",
            "es5/input/tex/extensions/*": "input/tex/extensions",
        },
        without=("all-packages.js",),
    ),
)


class VendorError(Exception):
    """A fault that a person can mend; its message is one line that says how."""


def main(arguments: list[str] | None = None) -> int:
    """Get every package, hold it against the manifest and write its files."""
    parser = argparse.ArgumentParser(prog="vendor", description=__doc__.splitlines()[0])
    parser.add_argument("--pin", action="store_true", help="write the manifest anew instead of checking it")
    pin = parser.parse_args(arguments).pin
    try:
        with tempfile.TemporaryDirectory() as folder:
            got = {package.name: get(package, Path(folder)) for package in PACKAGES}
        if pin:
            write_json(MANIFEST, {name: record(*found) for name, found in got.items()})
        for package in PACKAGES:
            sha256, files = got[package.name]
            if record(sha256, files) != json.loads(MANIFEST.read_text(encoding="utf-8")).get(package.name):
                raise VendorError(
                    f"{package.name} is not what {MANIFEST.name} pins; nothing of it was written"
                )
            write(ROOT, files)
            print(f"{package.name} {package.version}: {len(files)} files in {package.folder}")
    except (VendorError, OSError) as fault:
        print(f"vendor: {fault}", file=sys.stderr)
        return 1
    return 0


def get(package: Package, folder: Path) -> tuple[str, dict[str, bytes]]:
    """The sha256 of the package as npm has it, and the files taken from it by their paths in the project."""
    npm = shutil.which("npm")
    if npm is None:
        raise VendorError("needs npm on the path; it comes with Node.js")
    wanted = f"{package.name}@{package.version}"
    done = subprocess.run([npm, "pack", wanted], cwd=folder, capture_output=True, text=True)
    packed = folder / f"{package.name}-{package.version}.tgz"
    if done.returncode or not packed.is_file():
        raise VendorError(f"npm could not get {wanted}; is the network there?")
    return hashlib.sha256(packed.read_bytes()).hexdigest(), taken(package, packed)


def taken(package: Package, packed: Path) -> dict[str, bytes]:
    """The files of a package that the book takes, by their paths in the project."""
    found: dict[str, bytes] = {}
    with tarfile.open(packed) as archive:
        for member in archive.getmembers():
            path = PurePosixPath(member.name).relative_to("package")
            for pattern, folder in package.files.items():
                same_depth = len(path.parts) == len(PurePosixPath(pattern).parts)
                if not member.isfile() or not same_depth or not path.match(pattern):
                    continue
                if path.name not in package.without:
                    content = archive.extractfile(member)
                    assert content is not None  # it is a file
                    found[str(PurePosixPath(package.folder, folder, path.name))] = content.read()
    return dict(sorted(found.items()))


def record(sha256: str, files: Mapping[str, bytes]) -> dict[str, object]:
    """What the manifest says of a package."""
    return {
        "sha256": sha256,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }


def write(root: Path, files: Mapping[str, bytes]) -> None:
    """Put the files where they belong, each whole or not at all."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        with whole_or_nothing(root / name) as file:
            file.write(content)


if __name__ == "__main__":
    sys.exit(main())
