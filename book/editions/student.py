"""``make student``: the notebooks for a class, as a folder and as a zip that run without a network.

The notebooks lie beside ``srlib``, because Python looks first where a notebook lies: what they import is the
library of the edition, with its weights and recorded experiments, whether or not one is installed. (The
photographs come with scikit-image.)
"""

import argparse
import re
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from book.editions.course import write_course
from book.editions.notebooks import (
    EditionError,
    as_bytes,
    chapters,
    read,
    relinked,
    report,
    whole_folder,
    without_solutions,
)
from srlib.files import whole_or_nothing

ROOT = Path(__file__).resolve().parents[2]
NAME = "super-resolution"
# pyproject.toml makes `environment.yml` and `pip install -e .` work in the edition as they do in the project.
AS_THEY_ARE = ("environment.yml", "constraints.txt", "pyproject.toml", "LICENSE", "CITATION.cff")
NOT_SOURCE = {"__pycache__", ".ipynb_checkpoints", ".DS_Store"}
OTHER_WORDS = {"`make doctor`": "`python -m srlib.cli doctor`"}  # there is no Makefile in the edition
SECTIONS = ("The problem in one line", "The map")  # of the welcome page, for the README behind its opening
FIGURE = re.compile(r"```\{figure\} \S+\n(?::class:.*\n)?:alt: (.+)\n\n((?:.+\n)+)```")
OTHER_PAGE = re.compile(r"\]\([\w/]+\.md[)#]")  # from the welcome page to a page beside it
MYST = re.compile(r"\{[a-z][\w:-]*\}`|^(?:`{3,}|:{3,})\s*\{", re.MULTILINE)


def main(arguments: list[str] | None = None) -> int:
    """Write the edition, and with ``--nbgrader`` the course folder; say what became of it."""
    parser = argparse.ArgumentParser(prog="student", description=__doc__.splitlines()[0])
    parser.add_argument("--solutions", action="store_true", help="keep the solutions")
    parser.add_argument("--nbgrader", action="store_true", help="write an nbgrader course folder, too")
    asked = parser.parse_args(arguments)
    out = ROOT / "_build"
    steps = [lambda: f"_build/student: {write_edition(ROOT, out / 'student', solutions=asked.solutions)}"]
    if asked.nbgrader:
        steps.append(lambda: f"_build/nbgrader: {write_course(ROOT, out / 'nbgrader')}")
    return report("student edition", *steps)


def write_edition(root: Path, out: Path, *, solutions: bool) -> str:
    """Write the folder and the zip into ``out``, both or neither; returns a sentence with their sizes."""
    files = contents(root, solutions=solutions)
    name = f"{NAME}-with-solutions" if solutions else NAME  # so that nobody hands out the wrong one
    out.mkdir(parents=True, exist_ok=True)
    packed = out / f"{name}.zip"
    with whole_or_nothing(packed) as zipped, whole_folder(out / name) as folder:
        write_zip(zipped, {f"{name}/{path}": content for path, content in files.items()})
        zipped.flush()  # a full disk shows here, not when the folder has changed
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    notebooks = sum(path.endswith(".ipynb") for path in files)
    size, inside = packed.stat().st_size / 1e6, sum(map(len, files.values())) / 1e6
    kept = "with" if solutions else "without"
    return f"{packed.name}, {notebooks} notebooks {kept} solutions, {size:.1f} MB ({inside:.1f} MB unpacked)"


def contents(root: Path, *, solutions: bool) -> dict[str, bytes]:
    """Every file of the edition, by its path in the folder, in a fixed order."""
    kept = {f"notebooks/{path.name}": path.name for path in chapters(root)} | {"book/welcome.md": "README.md"}
    files = {path.name: chapter(path, kept, solutions=solutions) for path in chapters(root)}
    files["README.md"] = readme(root, kept, solutions=solutions).encode()
    files["opening.png"] = (root / "book" / "_static" / "opening.png").read_bytes()
    files |= {name: (root / name).read_bytes() for name in AS_THEY_ARE}
    for path in (root / "srlib").rglob("*"):
        if path.is_file() and not NOT_SOURCE & set(path.parts) and path.suffix != ".part":
            files[path.relative_to(root).as_posix()] = path.read_bytes()
    return dict(sorted(files.items()))


def chapter(path: Path, kept: Mapping[str, str], *, solutions: bool) -> bytes:
    """A chapter's notebook for the edition."""
    notebook = read(path) if solutions else without_solutions(read(path))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = relinked(cell.source, f"notebooks/{path.name}", kept)
            for here, there in OTHER_WORDS.items():
                cell.source = cell.source.replace(here, there)
    return as_bytes(notebook)


def readme(root: Path, kept: Mapping[str, str], *, solutions: bool) -> str:
    """The beginning of the welcome page as plain Markdown, and the edition's own words on how to run it. A
    paragraph about pages that only the HTML book has is left out."""
    text = (root / "book" / "welcome.md").read_text(encoding="utf-8")
    opening, *others = re.split(r"^## ", text, flags=re.MULTILINE)
    sections = {other.splitlines()[0]: f"## {other}" for other in others}
    if missing := [heading for heading in SECTIONS if heading not in sections]:
        raise EditionError(f"book/welcome.md has no section {missing[0]!r}; adapt book/editions/student.py")
    text = "\n".join([opening, *(sections[heading] for heading in SECTIONS)])
    text = FIGURE.sub(lambda found: f"![{found[1]}](opening.png)\n\n*{found[2].strip()}*", text)
    text = re.sub(r"^\$\$ \([\w-]+\)$", "$$", text, flags=re.MULTILINE)
    text = re.sub(r"\{eq\}`[^`]+`", "the formula above", text)
    if left := MYST.search(text):
        raise EditionError(f"book/welcome.md: {left[0]!r} means nothing outside of the HTML book")
    paragraphs = [one for one in re.split(r"\n\n+", text.strip()) if not OTHER_PAGE.search(one)]
    paragraphs = [relinked(one, "book/welcome.md", kept) for one in paragraphs]
    own = (root / "book" / "editions" / "run_it.md").read_text(encoding="utf-8")
    where = "folded below each exercise" if solutions else "not in this folder; the checks do without them"
    return "\n\n".join([*paragraphs, own.replace("SOLUTIONS", where)])


def write_zip(file: IO[bytes], files: Mapping[str, bytes]) -> None:
    """A zip that holds nothing but names and contents: no dates, no owner, so that equal files give equal
    zips. Weights are stored as they are; packing takes long and gains little."""
    with zipfile.ZipFile(file, "w") as packed:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)  # its date is 1980-01-01
            entry.create_system, entry.external_attr = 3, 0o100644 << 16  # readable by all, on any system
            how = zipfile.ZIP_STORED if name.endswith(".safetensors") else zipfile.ZIP_DEFLATED
            packed.writestr(entry, content, compress_type=how)


if __name__ == "__main__":
    sys.exit(main())
