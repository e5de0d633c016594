"""``make student NBGRADER=yes``: a course folder for nbgrader, with one sheet of exercises for each chapter.

A sheet holds the chapter's exercises and its imports, not the chapter: it is graded in seconds, nothing is
trained for it, and what a student sees below an answer is what the grader will see. The chapter itself is in
the student edition.
"""

from pathlib import Path
from typing import Any

import nbformat

from book.editions.notebooks import (
    Exercise,
    as_bytes,
    chapters,
    exercises,
    imports,
    read,
    relinked,
    title,
    whole_folder,
)
from srlib.files import write_text

ABOUT = """\
# Exercises: {title}

The chapter has what you need, and each exercise can be done from its own words. Write your answer in place
of the dots; in a bug hunt, mend the code. The locked cell below it says whether the answer is right, and the
same cell decides about the points. Run it as often as you like: an error there means only that the answer is
not right yet. An answer may use what the first cell imports and what you write in the cells for answers."""
# nbgrader gives no points where anything was printed as an error, and a warning is printed so.
TESTS = """\
import contextlib
import sys

with contextlib.redirect_stderr(sys.stdout):
    verdict = {check}
print(verdict)
assert verdict.state == "right", verdict.text"""


def write_course(root: Path, out: Path) -> str:
    """Write ``source/`` with a sheet for each chapter that has exercises, and the settings unless they are
    there. What nbgrader keeps beside them (submissions, the gradebook) is not touched."""
    sheets = {path.stem: sheet(read(path), path.stem) for path in chapters(root)}
    sheets = {name: made for name, made in sheets.items() if made is not None}
    out.mkdir(parents=True, exist_ok=True)
    with whole_folder(out / "source") as source:
        for name, made in sheets.items():
            (source / name).mkdir()
            (source / name / f"{name}.ipynb").write_bytes(as_bytes(made))
    settings = out / "nbgrader_config.py"
    if not settings.exists():
        write_text(settings, (Path(__file__).parent / settings.name).read_text(encoding="utf-8"))
    points = sum(cell.metadata.nbgrader.get("points", 0) for made in sheets.values() for cell in made.cells)
    return f"source/ with {len(sheets)} sheets, {points} points in all"


def sheet(notebook: Any, name: str) -> Any | None:
    """The sheet of a chapter; None where there are no exercises."""
    cards = exercises(notebook)
    if not cards:
        return None
    code, prose = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    cells = [
        marked(prose(ABOUT.format(title=title(notebook))), f"{name}-about", locked=True),
        marked(code(imports(notebook)), f"{name}-imports", locked=True),
    ]
    for card in cards:
        this = f"exercise-{card.number.replace('.', '-')}"
        words, hints = (relinked(text, f"notebooks/{name}.ipynb", {}) for text in (card.words, card.hints))
        cells += [
            marked(prose(words), f"{this}-words", locked=True),
            marked(prose(hints), f"{this}-hints", locked=True),
            marked(code(answer(card)), f"{this}-answer", solution=True),
            marked(code(graded(card)), f"{this}-tests", locked=True, points=card.difficulty),
        ]
    return nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)


def answer(card: Exercise) -> str:
    """The cell for the answer: the stub, and below it the solution, which nbgrader takes away."""
    return f"{card.stub}\n\n\n### BEGIN SOLUTION\n{card.solution}\n### END SOLUTION"


def graded(card: Exercise) -> str:
    """The locked cell: what the check says, as a failure unless the answer is right."""
    return TESTS.format(check=card.check)


def marked(cell: Any, name: str, *, locked: bool = False, solution: bool = False, points: int = 0) -> Any:
    """The cell with what nbgrader wants to know of it: its id, whether it may be changed, whether it holds an
    answer, and how many points its run decides on."""
    cell.id = name  # else it would be another one each time
    about = {"grade": points > 0, "solution": solution, "locked": locked, "task": False}
    cell.metadata["nbgrader"] = {**about, "grade_id": name, "schema_version": 3}
    if points:
        cell.metadata["nbgrader"]["points"] = points
        cell.metadata["tags"] = ["raises-exception"]  # JupyterLab's "run all cells" does not stop there
    return cell
