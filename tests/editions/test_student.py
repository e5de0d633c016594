"""The student edition: what is in it, what is not, and that it runs where only the environment is."""

import ast
import json
import os
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from chapter import Chapter  # the tests' own reader, which knows nothing of editions
from machine import Machine, shown
from wrong_answers import WRONG

from book.editions import notebooks, student

ROOT = Path(__file__).parents[2]
CHAPTERS = [Chapter.read(path) for path in notebooks.chapters(ROOT)]
CARDS = [card for chapter in CHAPTERS for card in chapter.cards]
FOLDED = re.compile(r"<summary>Solution</summary>(.*?)</details>", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s]+)\)")


def squeezed(text: str) -> str:
    """Text without any space, so that wrapping and indenting do not hide it."""
    return "".join(text.split())


def texts(packed: Path) -> dict[str, str]:
    """What can be read in every file of a zip; of a notebook, the sources of its cells."""
    found = {}
    with zipfile.ZipFile(packed) as files:
        for name in files.namelist():
            content = files.read(name)
            if name.endswith(".ipynb"):
                cells = nbformat.reads(content.decode(), as_version=4).cells
                found[name] = "\n\n".join(cell.source for cell in cells)
            elif not name.endswith((".safetensors", ".png")):
                found[name] = content.decode()
    return found


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip for students, from this tree."""
    out = tmp_path_factory.mktemp("student")
    student.write_edition(ROOT, out, solutions=False)
    return out / "super-resolution.zip"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A project of one chapter and a library of one file, quickly packed."""
    root = tmp_path / "project"
    for folder in ("notebooks", "srlib", "book/_static", "book/editions"):
        (root / folder).mkdir(parents=True)
    (root / "book" / "_toc.yml").write_text("root: book/welcome\nchapters:\n- file: notebooks/01_measuring\n")
    (root / "srlib" / "__init__.py").write_text("value = 1\n")
    copied = ("notebooks/01_measuring.ipynb", "book/_static/opening.png", "book/editions/run_it.md")
    for name in (*copied, "book/welcome.md", *student.AS_THEY_ARE):
        shutil.copy(ROOT / name, root / name)
    return root


def build(root: Path, *, solutions: bool = False) -> Path:
    name = "super-resolution-with-solutions" if solutions else "super-resolution"
    student.write_edition(root, root / "out", solutions=solutions)
    return root / "out" / f"{name}.zip"


def state(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with what it holds."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- what is in it --------------------------------------------------------------------------------


def test_no_solution_is_left_anywhere_in_the_students_edition(edition: Path) -> None:
    words = [part for card in CARDS for part in FOLDED.findall(card.below)]
    reasons = [text.split("```")[-1] for text in words]  # why the solution is as it is
    secrets = {squeezed(text) for text in [*(card.solution for card in CARDS), *reasons] if text.strip()}
    assert len(secrets) > 100
    for name, text in texts(edition).items():
        there = squeezed(text)
        assert not [secret for secret in secrets if secret in there], name
        assert "python solution" not in text
        assert "<summary>Solution" not in text


def test_with_solutions_each_of_them_is_there(small: Path) -> None:
    there = squeezed(
        texts(build(small, solutions=True))["super-resolution-with-solutions/01_measuring.ipynb"]
    )
    cards = Chapter.read(ROOT / "notebooks" / "01_measuring.ipynb").cards
    assert len(cards) >= 4
    assert all(squeezed(card.solution) in there for card in cards)


def test_the_hints_and_all_code_stay(edition: Path) -> None:
    with zipfile.ZipFile(edition) as files:
        for chapter in CHAPTERS:
            notebook = nbformat.reads(
                files.read(f"super-resolution/{chapter.path.name}").decode(), as_version=4
            )
            now = Chapter(chapter.path, [(cell.cell_type, cell.source) for cell in notebook.cells])
            assert now.code == chapter.code
            assert [card.hints for card in now.cards] == [card.hints for card in chapter.cards]
            assert now.headings == chapter.headings


def test_the_library_is_there_with_weights_records_and_what_the_pages_are_drawn_with(edition: Path) -> None:
    names = {name.removeprefix("super-resolution/") for name in zipfile.ZipFile(edition).namelist()}
    ours = [path for path in (ROOT / "srlib").rglob("*.*") if path.is_file()]
    for suffix, least in (
        (".py", 90),
        (".safetensors", 25),
        (".json", 60),
        (".js", 5),
        (".css", 5),
        (".txt", 10),
    ):
        files = {path.relative_to(ROOT).as_posix() for path in ours if path.suffix == suffix}
        assert len(files) >= least
        assert files <= names
    assert {"README.md", "environment.yml", "constraints.txt", "pyproject.toml", "LICENSE"} <= names
    assert not [name for name in names if "__pycache__" in name or "/." in name]


def test_every_chapter_of_the_table_of_contents_is_there_and_no_other_notebook(edition: Path) -> None:
    named = re.findall(r"notebooks/(\d\w+)", (ROOT / "book" / "_toc.yml").read_text())
    there = [name for name in zipfile.ZipFile(edition).namelist() if name.endswith(".ipynb")]
    assert len(named) >= 13
    assert there == sorted(f"super-resolution/{name}.ipynb" for name in named)


def test_every_link_leads_to_a_file_of_the_edition(edition: Path) -> None:
    names = zipfile.ZipFile(edition).namelist()
    links = 0
    for name, text in texts(edition).items():
        if name.endswith(".ipynb") or name.endswith("README.md"):
            prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
            for target in LINK.findall(prose):
                if target.endswith((".ipynb", ".md", ".png", ".html")) or "/" in target:
                    links += 1
                    assert f"super-resolution/{target.split('#')[0]}" in names, f"{name}: {target}"
    assert links > 30


def test_what_only_the_project_can_do_is_not_asked_of_a_student(edition: Path) -> None:
    for name, text in texts(edition).items():
        if name.endswith((".ipynb", "README.md")) and "90_gallery" not in name:
            assert not re.search(r"`make \w+|tasks\.py|\.\./book", text), name


def test_the_readme_is_plain_markdown(edition: Path) -> None:
    text = texts(edition)["super-resolution/README.md"]
    assert text.startswith("# Welcome\n")
    assert re.search(r"!\[The same face[^\]]+\]\(opening\.png\)", text)
    assert "[Measuring](01_measuring.ipynb)" in text
    assert "environment.yml" in text
    assert not re.search(r"\{\w+\}`|^```\{|^:::|^\$\$ \(", text, re.MULTILINE)
    assert all(line.isprintable() for line in text.splitlines())


def test_the_folder_holds_what_the_zip_holds(small: Path) -> None:
    packed = build(small)
    with zipfile.ZipFile(packed) as files:
        files.extractall(small / "unzipped")
    unzipped, folder = (state(place / "super-resolution") for place in (small / "unzipped", packed.parent))
    assert unzipped == folder
    assert len(folder) > 8


def test_what_a_run_left_in_a_notebook_is_gone(small: Path) -> None:
    path = small / "notebooks" / "01_measuring.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["widgets"] = {"state": "a slider of last week"}
    code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    code.execution_count, code.outputs = 7, [nbformat.v4.new_output("stream", text="last week's output")]
    nbformat.write(notebook, path)
    written = json.loads((build(small).with_suffix("") / "01_measuring.ipynb").read_text(encoding="utf-8"))
    assert "last week" not in json.dumps(written)
    assert all(cell["outputs"] == [] for cell in written["cells"] if cell["cell_type"] == "code")
    assert {cell.get("execution_count") for cell in written["cells"]} == {None}


# --- how it is written ----------------------------------------------------------------------------


def test_the_same_tree_gives_the_same_zip_byte_for_byte(edition: Path, tmp_path: Path) -> None:
    before = os.umask(0o077)  # other rights on the files, another day, another place
    try:
        student.write_edition(ROOT, tmp_path, solutions=False)
    finally:
        os.umask(before)
    assert (tmp_path / "super-resolution.zip").read_bytes() == edition.read_bytes()


def test_a_changed_library_gives_another_zip(small: Path) -> None:
    first = build(small).read_bytes()
    (small / "srlib" / "__init__.py").write_text("value = 2\n")
    packed = build(small)
    assert packed.read_bytes() != first
    assert (packed.with_suffix("") / "srlib" / "__init__.py").read_text() == "value = 2\n"


@pytest.mark.parametrize(
    "fault", [OSError("the disk is full"), KeyboardInterrupt()], ids=["fails", "interrupted"]
)
@pytest.mark.parametrize("where", ["write_zip", "rename"])
def test_a_run_that_ends_early_leaves_the_former_edition_whole(
    where: str, fault: BaseException, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = build(small).parent
    before = state(out)
    (small / "srlib" / "__init__.py").write_text("value = 2\n")
    if where == "write_zip":
        real = student.write_zip

        def half(file: Any, files: Any) -> None:
            real(file, dict(list(files.items())[:3]))
            raise fault

        monkeypatch.setattr(student, "write_zip", half)
    else:
        rename = Path.rename

        def stuck(self: Path, target: Path) -> Path:
            if self.suffix == ".part":
                raise fault
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", stuck)
    with pytest.raises(type(fault)):
        student.write_edition(small, out, solutions=False)
    assert state(out) == before
    assert sorted(path.name for path in out.iterdir()) == ["super-resolution", "super-resolution.zip"]


def test_a_chapter_that_is_not_there_is_one_line_and_no_edition(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (small / "notebooks" / "01_measuring.ipynb").unlink()
    monkeypatch.setattr(student, "ROOT", small)
    assert student.main([]) == 1
    said = capsys.readouterr().err
    assert re.fullmatch(r"student edition: .*01_measuring\.ipynb.*\n", said)
    assert not (small / "_build").exists()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("## The map", "## Our map", "has no section 'The map'"),
        ("Going from $x$", "{ref}`going` from $x$", "means nothing outside of the HTML book"),
    ],
)
def test_a_welcome_page_that_the_readme_cannot_be_made_of_is_named(
    old: str, new: str, fault: str, small: Path
) -> None:
    page = small / "book" / "welcome.md"
    page.write_text(page.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(notebooks.EditionError, match=rf"^book/welcome\.md.*{fault}"):
        student.contents(small, solutions=False)


# --- chapters taken apart -------------------------------------------------------------------------


def test_exercises_are_read_as_the_books_own_tests_read_them() -> None:
    for chapter in CHAPTERS:
        found = notebooks.exercises(notebooks.read(chapter.path))
        assert [one.number for one in found] == [card.number for card in chapter.cards]
        for one, card in zip(found, chapter.cards, strict=True):
            assert ast.unparse(ast.parse(f"{one.stub}\n{one.check}")) == ast.unparse(ast.parse(card.stub))
            assert one.check.startswith(f"ch{chapter.number:02}.check_")
            assert one.solution == card.solution.rstrip("\n")
            assert one.words == card.words
            assert one.hints.count("<summary>Hint") == card.hints
            assert "●" * one.difficulty + "○" * (3 - one.difficulty) in card.words
            assert card.solution not in one.hints


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("ch01.check_gray_levels(gray_levels)", "x = 1", "does not end with the call of its check"),
        ("Difficulty ●○○, about 5", "About 5", "not a card with a difficulty"),
        ("```python solution\\ndef gray_levels", "```python\\ndef gray_levels", "one solution"),
    ],
)
def test_a_card_that_cannot_be_read_is_named(old: str, new: str, fault: str, small: Path) -> None:
    path = small / "notebooks" / "01_measuring.ipynb"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(notebooks.EditionError, match=rf"exercise 1\.1.*{fault}"):
        notebooks.exercises(notebooks.read(path))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("see [SRCNN](04_srcnn.ipynb).", "see [SRCNN](04_srcnn.ipynb)."),
        ("see [SRCNN](04_srcnn.ipynb#look).", "see [SRCNN](04_srcnn.ipynb#look)."),
        ("see [the map](../book/welcome.md)", "see [the map](README.md)"),
        ("see the [glossary](../book/glossary.md#psnr)", "see the glossary"),
        ("see [a chapter to come](13_real_photos.ipynb)", "see a chapter to come"),
        ("see [Kim](https://example.org/a.md)", "see [Kim](https://example.org/a.md)"),
        ("`x[a](b)` and ![a face](face.png)", "`x[a](b)` and ![a face](face.png)"),
    ],
)
def test_links_fit_the_edition(before: str, after: str) -> None:
    kept = {"notebooks/04_srcnn.ipynb": "04_srcnn.ipynb", "book/welcome.md": "README.md"}
    assert notebooks.relinked(before, "notebooks/05_fsrcnn_espcn.ipynb", kept) == after


# --- on a student's machine -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def unzipped(edition: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unzipped")
    with zipfile.ZipFile(edition) as files:
        files.extractall(folder)
    return folder / "super-resolution"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("machine"))


@pytest.mark.slow
def test_that_machine_has_the_environment_but_neither_the_project_nor_a_network(
    machine: Machine, tmp_path: Path
) -> None:
    assert machine.say("import torch, skimage, ipykernel", tmp_path).returncode == 0
    assert "No module named 'srlib'" in machine.say("import srlib", tmp_path).stderr
    asked = machine.say("import requests; requests.get('https://example.org')", tmp_path)
    assert "no network: example.org" in asked.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["00_start_here", "01_measuring"])
def test_a_chapter_runs_from_top_to_bottom_where_only_the_environment_is(
    name: str, unzipped: Path, machine: Machine
) -> None:
    notebook = nbformat.read(unzipped / f"{name}.ipynb", as_version=4)
    count = sum(cell.cell_type == "code" for cell in notebook.cells)
    where = "import srlib\n\nprint(srlib.__file__)"
    card = next(card for card in CARDS if card.number == "1.1")
    check = card.stub.splitlines()[-1]
    cells = [
        where,
        f"from srlib.check import ch01\n\n{card.solution}\n\n{check}",
        f"{WRONG['1.1'][0]}\n\n{check}",
    ]
    notebook.cells += [nbformat.v4.new_code_cell(source) for source in cells]
    ran = [cell for cell in machine.run(notebook, unzipped).cells if cell.cell_type == "code"]
    *chapter, file, right, wrong = ran
    assert len(chapter) == count > 10
    assert all(cell.execution_count for cell in chapter)
    assert Path(file.outputs[0].text.strip()).parent == unzipped / "srlib"
    assert "✓ Exercise 1.1: right." in shown(right)
    assert "✗ Exercise 1.1: not yet." in shown(wrong)
    stubs = [cell for cell in chapter if "exercise" in cell.metadata.get("tags", [])]
    assert all("not attempted yet" in shown(cell) for cell in stubs)
    assert bool(stubs) == (name == "01_measuring")
