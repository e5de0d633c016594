"""What every notebook promises as a file, before it runs: no stored results, nothing from another machine,
words for every picture, short cells, and no measured number typed by hand."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
LONG = 30  # lines of a code cell that only one in twenty may exceed
MEDIAN = 10

# A number in decibels comes from the run. One that a paper reports carries its citation right after it:
# "32.05 dB [Kim 2016](https://arxiv.org/abs/1511.04587)".
TYPED_DECIBELS = re.compile(r"\d\s*dB\b(?!\s*\[)")
REMOTE_PICTURE = re.compile(
    r"!\[[^\]]*\]\(\s*(?:https?:)?//|<img[^>]*\bsrc\s*=\s*[\"']?(?:https?:)?//", re.IGNORECASE
)
SILENT_PICTURE = re.compile(r"!\[\s*\]|<img(?![^>]*\balt\s*=\s*[\"'][^\"']*\w)", re.IGNORECASE)
# JupyterLab shows these as raw text.
MYST_SYNTAX = re.compile(r"\{[a-z][\w:-]*\}`|^(?:`{3,}|:{3,})\s*\{", re.MULTILINE)


def faults(notebook: Any) -> Iterator[str]:
    """What is wrong with a notebook, each fault with the id of its cell."""
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "its kernel is not python3"
    if "widgets" in notebook.metadata:
        yield "it stores the state of widgets"
    for cell in notebook.cells:
        kinds = {"code": code_faults, "markdown": prose_faults}
        yield from (f"cell {cell.id}: {fault}" for fault in kinds[cell.cell_type](cell))
    lengths = [len(cell.source.splitlines()) for cell in notebook.cells if cell.cell_type == "code"]
    if not lengths:
        yield "it has no code"
    elif sum(length > LONG for length in lengths) > 0.05 * len(lengths):
        yield f"more than one code cell in twenty is longer than {LONG} lines"
    elif median(lengths) > MEDIAN:
        yield f"half its code cells are longer than {MEDIAN} lines"


def code_faults(cell: Any) -> Iterator[str]:
    if cell.outputs:
        yield "it stores an output"
    if cell.execution_count is not None:
        yield "it stores an execution count"
    if re.search(r"\b(quiz|reveal)\(", cell.source):  # the source holds the answer
        tags, folded = cell.metadata.get("tags", []), cell.metadata.get("jupyter", {}).get("source_hidden")
        wanted = {"remove-input"} if "quiz(" in cell.source else {"remove-input", "hide-input"}
        if not folded or not wanted & set(tags):
            yield f"its answer can be read: tag {' or '.join(sorted(wanted))}, and jupyter.source_hidden"


def prose_faults(cell: Any) -> Iterator[str]:
    if cell.get("attachments"):
        yield "it holds an attached file"
    for pattern, fault in (
        (TYPED_DECIBELS, "a number in dB is typed, without a citation right after it"),
        (REMOTE_PICTURE, "a picture comes from another machine"),
        (SILENT_PICTURE, "a picture has no alt text"),
        (MYST_SYNTAX, "it uses MyST syntax, which JupyterLab shows as raw text"),
    ):
        if found := pattern.search(cell.source):
            yield f"{fault}: {found.group()!r}"


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_keeps_its_promises(path: Path) -> None:
    stored = json.loads(path.read_text(encoding="utf-8"))
    ids = [cell["id"] for cell in stored["cells"]]
    assert len(ids) == len(set(ids))
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    # the gallery shows how questions are asked, answers and all
    wrong = [one for one in faults(notebook) if path.stem != "90_gallery" or "its answer" not in one]
    assert wrong == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_starts_with_its_one_title(path: Path) -> None:
    prose = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
    assert re.match(r"# \S", prose[0])
    assert sum(len(re.findall(r"^# ", text, re.MULTILINE)) for text in prose) == 1


# --- each rule finds what it is there for ---------------------------------------------------------


def kernel(name: str) -> dict[str, str]:
    return {"name": name, "display_name": "Python 3"}


def notebook_with(*cells: Any, **metadata: Any) -> Any:
    code = [nbformat.v4.new_code_cell("x = 1") for _ in range(30)]
    return nbformat.v4.new_notebook(
        cells=[*code, *cells], metadata={"kernelspec": kernel("python3")} | metadata
    )


def prose(text: str) -> Any:
    return nbformat.v4.new_markdown_cell(text)


def code(lines: int, **parts: Any) -> Any:
    return nbformat.v4.new_code_cell("\n".join(["x = 1"] * lines), **parts)


def asking(source: str, **metadata: Any) -> Any:
    return nbformat.v4.new_code_cell(source, metadata=metadata)


@pytest.mark.parametrize(
    "notebook",
    [
        notebook_with(code(1, outputs=[nbformat.v4.new_output("stream", text="1")])),
        notebook_with(code(1, execution_count=1)),
        notebook_with(widgets={}),
        notebook_with(kernelspec=kernel("my-conda")),
        notebook_with(code(31), code(31)),
        notebook_with(*[code(11) for _ in range(31)]),
        notebook_with(asking("check.quiz()")),
        notebook_with(asking("check.quiz()", tags=["hide-input"], jupyter={"source_hidden": True})),
        notebook_with(asking("check.reveal()", tags=["hide-input"])),
        notebook_with(prose("It reaches 32.05 dB.")),
        notebook_with(prose("It gains 0.3dB, see [1].")),
        notebook_with(prose("![A cat](https://example.org/cat.png)")),
        notebook_with(prose("![](cat.png)")),
        notebook_with(prose('<img src="cat.png">')),
        notebook_with(prose('<img alt="" src="cat.png">')),
        notebook_with(prose('<img alt="A cat" src="//example.org/cat.png">')),
        notebook_with(prose("as {cite}`kim` shows")),
        notebook_with(prose("```{note}\nRead this.\n```")),
        nbformat.v4.new_notebook(cells=[prose("no code")], metadata={"kernelspec": kernel("python3")}),
    ],
)
def test_a_broken_promise_is_found(notebook: Any) -> None:
    assert len(list(faults(notebook))) == 1


def test_a_sound_notebook_has_no_faults() -> None:
    sound = notebook_with(
        prose("The paper reports 32.05 dB [Kim 2016](https://arxiv.org/abs/1511.04587)."),
        prose("![A cat, enlarged](cat.png) $\\mathrm{MSE}$ is `0` and\n\n```python\nx = {1}\n```"),
        prose('<img src="cat.png" alt="A cat">'),
        code(31),
    )
    assert list(faults(sound)) == []
