"""What the editions share: which chapters there are, a chapter without its results, its exercises taken
apart, its links made to fit another folder, and folders that appear whole or not at all."""

import ast
import posixpath
import re
import secrets
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import yaml

CARD = re.compile(r"### Exercise (?P<number>\d+\.\d+): (?P<title>.+)\n")
DIFFICULTY = re.compile(r"^Difficulty (?P<circles>[●○]{3}),", re.MULTILINE)
SOLUTION = re.compile(r"<details>\s*<summary>Solution</summary>.*?</details>\s*", re.DOTALL)
FENCE = re.compile(r"```python solution\n(.*?)```", re.DOTALL)
LINK = re.compile(r"(?<!!)\[(?P<words>[^\]]+)\]\((?P<page>[^)\s:]+\.(?:ipynb|md))(?P<place>#[^)\s]*)?\)")


class EditionError(Exception):
    """A fault in the book's sources that an author can mend; its message is one line that says where."""


@dataclass(frozen=True)
class Exercise:
    """An exercise card: its number ("1.4"), how hard it is (1 to 3), the words with the task, the stub, the
    call of its check, the folded hints, and the solution as code."""

    number: str
    difficulty: int
    words: str
    stub: str
    check: str
    hints: str
    solution: str


def report(task: str, *steps: Callable[[], str]) -> int:
    """Take each step and print its sentence; the first fault ends it with one line. Returns the exit code."""
    try:
        for step in steps:
            print(step())
    except (EditionError, OSError) as fault:
        print(f"{task}: {fault}", file=sys.stderr)
        return 1
    return 0


def chapters(root: Path) -> list[Path]:
    """The numbered notebooks that the table of contents names, in its order."""
    contents = yaml.safe_load((root / "book" / "_toc.yml").read_text(encoding="utf-8"))
    return [root / f"{name}.ipynb" for name in _files(contents) if re.match(r"notebooks/\d", name)]


def _files(entry: Any) -> Iterator[str]:
    """Every page that a part of the table of contents names, however deep."""
    if isinstance(entry, list):
        for one in entry:
            yield from _files(one)
    elif isinstance(entry, dict):
        yield from ([entry["file"]] if "file" in entry else [])
        for inner in entry.values():
            yield from _files(inner)


def read(path: Path) -> Any:
    """A notebook without anything that a run left in it."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata = nbformat.from_dict({"kernelspec": notebook.metadata["kernelspec"]})
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def title(notebook: Any) -> str:
    """The chapter's title, with its number: "1. Measuring: how close is close?"."""
    return str(notebook.cells[0].source.splitlines()[0].removeprefix("# "))


def imports(notebook: Any) -> str:
    """What a chapter imports, in all its cells, as one piece of code."""
    plain, parts = set(), defaultdict(set)
    for cell in notebook.cells:
        for node in ast.parse(cell.source).body if cell.cell_type == "code" else []:
            if isinstance(node, ast.Import):
                plain |= {f"import {ast.unparse(alias)}" for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                parts[node.module] |= {ast.unparse(alias) for alias in node.names}
    return "\n".join(
        sorted(plain)
        + [f"from {module} import {', '.join(sorted(parts[module]))}" for module in sorted(parts)]
    )


def exercises(notebook: Any) -> list[Exercise]:
    """The exercise cards of a chapter, three cells each: the words, the stub, what is folded away."""
    found = []
    for at, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and (card := CARD.match(cell.source)):
            after = [one.source for one in notebook.cells[at + 1 : at + 3]]
            found.append(_exercise(card["number"], cell.source, *after))
    return found


def _exercise(number: str, words: str, stub: str = "", folded: str = "") -> Exercise:
    solutions, hard = FENCE.findall(folded), DIFFICULTY.search(words)
    if len(solutions) != 1 or not hard:
        raise EditionError(
            f"exercise {number} is not a card with a difficulty and one solution (see authors.md)"
        )
    body = ast.parse(stub).body
    if not body or not isinstance(body[-1], ast.Expr) or not isinstance(body[-1].value, ast.Call):
        raise EditionError(f"exercise {number}: its cell does not end with the call of its check")
    lines = stub.splitlines()
    first = body[-1].lineno - 1
    return Exercise(
        number=number,
        difficulty=hard["circles"].count("●"),
        words=words,
        stub="\n".join(lines[:first]).strip("\n"),
        check="\n".join(lines[first:]),
        hints=SOLUTION.sub("", folded).strip(),
        solution=solutions[0].rstrip("\n"),
    )


def without_solutions(notebook: Any) -> Any:
    """The same notebook; where solutions were folded away, only the hints are left."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = SOLUTION.sub("", cell.source).strip()
            if "```python solution" in cell.source:
                raise EditionError(
                    f"cell {cell.id}: a solution stands outside of <summary>Solution</summary>"
                )
    return notebook


def relinked(text: str, page: str, kept: Mapping[str, str]) -> str:
    """Prose whose links fit the edition. ``page``: where the prose stands in the project; ``kept``: the
    pages that the edition has, {place in the project: name in the edition}. What links to another page
    becomes plain words."""

    def link(match: re.Match[str]) -> str:
        there = posixpath.normpath(posixpath.join(posixpath.dirname(page), match["page"]))
        if there in kept:
            return f"[{match['words']}]({kept[there]}{match['place'] or ''})"
        return match["words"]

    return LINK.sub(link, text)


def as_bytes(notebook: Any) -> bytes:
    """The notebook as a file, the same bytes each time."""
    return (nbformat.writes(notebook).rstrip("\n") + "\n").encode()


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """An empty folder beside ``folder`` that takes its place when everything was written. If anything goes
    wrong before, the former folder stays as it was."""
    temporary = folder.with_name(f".{secrets.token_hex(8)}.part")
    former = temporary.with_suffix(".former")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        try:
            if folder.exists():
                folder.rename(former)
            temporary.rename(folder)
        except BaseException:
            if former.exists() and not folder.exists():
                former.rename(folder)
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(former, ignore_errors=True)
