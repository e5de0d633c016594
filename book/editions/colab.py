"""``python -m book.editions.colab ADDRESS STATE``: the chapters for Google Colab, which opens single
notebooks and so does not bring ``srlib`` along. Each gets a first cell that installs it from the repository,
in the state (a commit or a tag) that the notebook belongs to. The workflow puts them on the branch ``colab``,
to which the pages' Colab buttons lead. Not run here: Colab."""

import re
import sys
from pathlib import Path
from typing import Any

import nbformat

from book.editions.notebooks import as_bytes, chapters, read, whole_folder

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Write the notebooks into ``_build/colab/notebooks``."""
    given = sys.argv[1:] if arguments is None else arguments
    forms = (r"https://\S+", r"[\w./-]+")
    if len(given) != 2 or not all(map(re.fullmatch, forms, given)):
        print("say: python -m book.editions.colab https://github.com/OWNER/NAME COMMIT", file=sys.stderr)
        return 2
    print(f"_build/colab: {write_notebooks(ROOT, ROOT / '_build' / 'colab', *given)} notebooks")
    return 0


def write_notebooks(root: Path, out: Path, address: str, state: str) -> int:
    """All chapters, where their links expect each other; returns how many."""
    with whole_folder(out) as folder:
        (folder / "notebooks").mkdir()
        for path in chapters(root):
            notebook = with_library(read(path), address, state)
            (folder / "notebooks" / path.name).write_bytes(as_bytes(notebook))
    return len(chapters(root))


def with_library(notebook: Any, address: str, state: str) -> Any:
    """The notebook with a cell in front that installs the library; its title stays the first thing seen."""
    source = f'# Colab only: the library of the book\n%pip install -q "srlib @ git+{address}@{state}"'
    cell = nbformat.v4.new_code_cell(source, id="colab", metadata={"cellView": "form"})
    notebook.cells.insert(1, cell)
    return notebook


if __name__ == "__main__":
    sys.exit(main())
