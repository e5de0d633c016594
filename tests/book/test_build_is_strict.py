"""`make book` on a small copy of the book: what is broken fails the build, each time anew, and what did not
change does not run again. The command is the one of tasks.py."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[2]
SECONDS = 3  # the copy's limit for a cell

pytestmark = pytest.mark.slow

# The first cell leaves a mark for every run, the second shows the library's value and says where it is.
CELLS = [
    'with open("runs.txt", "a") as log:\n    log.write("run\\n")',
    "import os\n\nimport srlib\n\nprint(srlib.VALUE, os.environ['SRLIB_STATIC_BOOK'])",
]

# The copy's library is a stub; here the real one says what a chapter claims.
CLAIM = f"""import sys

sys.path.insert(0, {str(ROOT)!r})
del sys.modules["srlib"]
from srlib import check

check.claim("Two is less than one.", 2 < 1)"""


def write_notebook(path: Path, *cells: str) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# Tiny"), *map(nbformat.v4.new_code_cell, cells)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(notebook, path)


@dataclass
class Book:
    """A book of one page and one notebook with the project's own configuration."""

    root: Path
    command: list[str]

    @property
    def notebook(self) -> Path:
        return self.root / "notebooks" / "tiny.ipynb"

    @property
    def page(self) -> str:
        return (self.root / "_build" / "html" / "notebooks" / "tiny.html").read_text(encoding="utf-8")

    @property
    def runs(self) -> int:
        log = self.root / "notebooks" / "runs.txt"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def build(self, **settings: str) -> tuple[int, str]:
        """The exit code, and all that was printed. ``settings`` go into the environment."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SRLIB_")}
        environment |= {"PYTHONPATH": str(self.root), "NO_COLOR": "1"}  # the copy's srlib comes first
        environment |= settings
        done = subprocess.run(
            [sys.executable, *self.command],
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=120,
        )
        return done.returncode, done.stdout


def command_of_tasks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What `tasks.py book` hands to the environment's Python."""
    spec = importlib.util.spec_from_file_location("tasks_of_the_project", ROOT / "tasks.py")
    assert spec is not None
    assert spec.loader is not None
    tasks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tasks)
    commands: list[list[str]] = []

    def record(*command: str, **_: Any) -> int:
        commands.append(list(command))
        return 0

    monkeypatch.setattr(tasks, "ensure", lambda *_: None)
    monkeypatch.setattr(tasks, "run", record)
    assert tasks.main(["book"]) == 0
    (command,) = commands
    return command


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Book:
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert config["execute"]["timeout"] > SECONDS
    config["execute"]["timeout"] = SECONDS
    (tmp_path / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    for name in ("_ext", "_static"):
        shutil.copytree(
            ROOT / "book" / name, tmp_path / "book" / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    toc = {"format": "jb-book", "root": "book/welcome", "chapters": [{"file": "notebooks/tiny"}]}
    (tmp_path / "book" / "_toc.yml").write_text(yaml.safe_dump(toc))
    shutil.copy(ROOT / "book" / "references.bib", tmp_path / "book" / "references.bib")
    (tmp_path / "book" / "welcome.md").write_text(
        "# Welcome\n\nTo the [notebook](../notebooks/tiny.ipynb).\n"
    )
    for folder in ("srlib", "notebooks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "srlib" / "__init__.py").write_text("VALUE = 'first state'\n")
    made = Book(tmp_path, command_of_tasks(monkeypatch))
    write_notebook(made.notebook, *CELLS)
    return made


ADDRESS = "https://github.com/someone/course"
BUTTONS = (
    "https://colab.research.google.com/github/someone/course/blob/colab/notebooks/tiny.ipynb",
    "https://mybinder.org/v2/gh/someone/course/main?urlpath=lab/tree/notebooks/tiny.ipynb",
    f"{ADDRESS}/edit/main/notebooks/tiny.ipynb",
    f"{ADDRESS}/issues/new",
)


def test_one_address_gives_a_page_its_buttons_and_none_gives_none(book: Book) -> None:
    code, said = book.build(SRLIB_REPOSITORY=ADDRESS)
    assert code == 0, said
    links = {
        str(a["href"]).partition("&")[0] for a in BeautifulSoup(book.page, "html.parser").select("a[href]")
    }
    for button in BUTTONS:
        assert any(link.startswith(button) for link in links), (button, sorted(links))
    code, said = book.build()
    assert code == 0, said
    for part in ("colab.research", "mybinder", "github.com/someone"):
        assert part not in book.page


def test_an_unchanged_book_runs_once_and_a_changed_library_runs_it_again(book: Book) -> None:
    code, said = book.build()
    assert code == 0, said
    assert book.runs == 1
    assert "first state 1" in book.page  # and the kernel knows that it works for static pages
    index = book.root / "_build" / "html" / "index.html"
    assert "book/welcome.html" in index.read_text(encoding="utf-8")

    code, said = book.build()
    assert code == 0, said
    assert book.runs == 1
    assert "first state 1" in book.page
    kept = nbformat.read(book.root / "_build" / "jupyter_execute" / "notebooks" / "tiny.ipynb", as_version=4)
    assert kept.cells[-1].outputs[0].text == "first state 1\n"  # the slides are made from it

    (book.root / "srlib" / "__init__.py").write_text("VALUE = 'second state'\n")
    code, said = book.build()
    assert code == 0, said
    assert book.runs == 2
    assert "second state 1" in book.page


def ran(book: Book, name: str) -> int:
    log = book.root / "notebooks" / f"{name}.txt"
    return len(log.read_text().splitlines()) if log.exists() else 0


@pytest.fixture
def two(book: Book) -> Book:
    """A book of two notebooks, each with a log of its runs, that has been built."""
    toc = {"format": "jb-book", "root": "book/welcome"}
    toc["chapters"] = [{"file": f"notebooks/{name}"} for name in ("tiny", "other")]  # type: ignore[assignment]
    (book.root / "book" / "_toc.yml").write_text(yaml.safe_dump(toc))
    for name in ("tiny", "other"):
        write_notebook(book.root / "notebooks" / f"{name}.ipynb", *logged(name))
    (book.root / "srlib" / "zoo").mkdir()
    (book.root / "srlib" / "zoo" / "a.safetensors").write_bytes(b"weights")
    (book.root / "pictures").mkdir()
    (book.root / "pictures" / "a.png").write_bytes(b"picture")
    code, said = book.build(SRLIB_DATA=str(book.root / "pictures"))
    assert code == 0, said
    assert (ran(book, "tiny"), ran(book, "other")) == (1, 1)
    return book


def logged(name: str, more: str = "") -> tuple[str, str]:
    return f'with open("{name}.txt", "a") as log:\n    log.write("run\\n"){more}', 'print("done")'


def test_a_changed_notebook_runs_again_and_the_other_does_not(two: Book) -> None:
    write_notebook(two.notebook, *logged("tiny", more="\n\nx = 1"))
    code, said = two.build(SRLIB_DATA=str(two.root / "pictures"))
    assert code == 0, said
    assert (ran(two, "tiny"), ran(two, "other")) == (2, 1)
    notebook = nbformat.read(two.notebook, as_version=4)
    notebook.cells[0].source += "\n\nWords alone change no result."
    nbformat.write(notebook, two.notebook)
    code, said = two.build(SRLIB_DATA=str(two.root / "pictures"))
    assert code == 0, said
    assert (ran(two, "tiny"), ran(two, "other")) == (2, 1)
    assert "Words alone change no result." in two.page


@pytest.mark.parametrize(
    ("changed", "settings"),
    [
        ("srlib/zoo/a.safetensors", {}),
        ("pictures/a.png", {}),
        ("", {"SRLIB_PROFILE": "full"}),
    ],
    ids=["weights", "data", "profile"],
)
def test_all_that_results_hang_on_runs_every_notebook_again_once(
    two: Book, changed: str, settings: dict[str, str]
) -> None:
    if changed:
        (two.root / changed).write_bytes(b"something else")
    for _ in range(2):
        code, said = two.build(SRLIB_DATA=str(two.root / "pictures"), **settings)
        assert code == 0, said
        assert (ran(two, "tiny"), ran(two, "other")) == (2, 2)


@pytest.mark.parametrize(
    ("cell", "cause"),
    [
        ("assert srlib.VALUE == 'something else', 'the claim no longer holds'", "the claim no longer holds"),
        ("import time\n\ntime.sleep(60)", "CellTimeoutError"),
        ("runs = [1]\n\nruns.append(2)", "tiny: this cell shows nothing: runs.append(2)"),
        ("from IPython.display import HTML\n\nHTML('')", "tiny: this cell shows nothing: HTML('')"),
        ("import warnings\n\nwarnings.warn('an old way')", "an old way): warnings.warn('an old way')"),
        (CLAIM, "no longer true: Two is less than one."),
    ],
    ids=["failing cell", "cell over its time", "no output", "empty output", "a warning", "a false claim"],
)
def test_a_broken_notebook_fails_the_build_each_time(book: Book, cell: str, cause: str) -> None:
    write_notebook(book.notebook, *CELLS, cell)
    for attempt in (1, 2):
        code, said = book.build()
        assert code != 0, f"attempt {attempt} passed:\n{said}"
        assert cause in said


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("See [the next chapter](../notebooks/missing.ipynb).", "notebooks/missing"),
        ("See {eq}`no-such-formula`.", "no-such-formula"),
        ("```{no-such-thing}\n```", "no-such-thing"),
    ],
    ids=["link", "formula", "any other warning"],
)
def test_a_broken_reference_fails_the_build_each_time(book: Book, text: str, cause: str) -> None:
    page = book.root / "book" / "welcome.md"
    page.write_text(page.read_text() + f"\n{text}\n")
    for attempt in (1, 2):
        code, said = book.build()
        assert code != 0, f"attempt {attempt} passed:\n{said}"
        assert cause in said


def test_a_page_that_the_contents_name_and_nobody_wrote_fails_the_build_each_time(book: Book) -> None:
    contents = book.root / "book" / "_toc.yml"
    toc = yaml.safe_load(contents.read_text())
    toc["chapters"].append({"file": "notebooks/unwritten"})
    contents.write_text(yaml.safe_dump(toc))
    for attempt in (1, 2):
        code, said = book.build()
        assert code != 0, f"attempt {attempt} passed:\n{said}"
        assert "notebooks/unwritten" in said


def test_a_chapter_over_its_time_fails_the_build_in_ci_and_is_told_elsewhere(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = {"seconds": 9, "may_take": 1, "slower": 1.0, "gigabytes": None, "profile": "quick"}
    write = f"(folder / 'tiny.json').write_text({json.dumps(json.dumps(measured))});"
    folder = "import os\nfrom pathlib import Path\n\nfolder = Path(os.environ['SRLIB_BUILD_FACTS'])\n"
    write_notebook(book.notebook, *CELLS, f"{folder}folder.mkdir(exist_ok=True)\n{write}")
    for place, fails in (("", False), ("true", True), ("true", True)):
        monkeypatch.setenv("CI", place)
        code, said = book.build()
        assert (code != 0) == fails, said
        assert "notebooks/tiny took 9 s, more than its 1 s" in said
