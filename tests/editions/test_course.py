"""The course folder for nbgrader: what its sheets hold, and that nbgrader itself releases and grades them."""

import ast
import builtins
import html
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from chapter import Card, Chapter  # the tests' own reader, which knows nothing of editions
from nbgrader.api import Gradebook
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import ClearSolutions
from traitlets.config import Config
from wrong_answers import WRONG

from book.editions import notebooks
from book.editions.course import write_course

ROOT = Path(__file__).parents[2]
CHAPTERS = {path.stem: Chapter.read(path) for path in notebooks.chapters(ROOT)}
WITH_EXERCISES = {name: chapter for name, chapter in CHAPTERS.items() if chapter.cards}
POINTS = {"●○○": 1, "●●○": 2, "●●●": 3}
SHEET = "01_measuring"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("course") / "nbgrader"
    write_course(ROOT, out)
    return out


def sheets(course: Path) -> dict[str, Any]:
    return {path.stem: nbformat.read(path, as_version=4) for path in course.glob("source/*/*.ipynb")}


def points(card: Card) -> int:
    return POINTS[card.words.split("Difficulty ")[1][:3]]


def ending(cells: list[Any], kind: str) -> list[Any]:
    """The cells of one kind ("answer", "tests"), in order."""
    return [cell for cell in cells if cell.metadata.nbgrader.grade_id.endswith(f"-{kind}")]


def test_each_chapter_with_exercises_has_a_sheet_that_nbgrader_finds_valid(course: Path) -> None:
    assert len(WITH_EXERCISES) >= 11
    found = sheets(course)
    assert set(found) == set(WITH_EXERCISES)
    for name, sheet in found.items():
        nbformat.validate(sheet)
        assert {cell.metadata.nbgrader.schema_version for cell in sheet.cells} == {3}
        MetadataValidator().validate_nb(sheet)  # unique grade ids, among other things
        assert (course / "source" / name / f"{name}.ipynb").is_file()


def test_each_exercise_is_a_cell_to_answer_in_and_a_locked_one_worth_its_difficulty(course: Path) -> None:
    for name, sheet in sheets(course).items():
        cards = WITH_EXERCISES[name].cards
        answers, tests = ending(sheet.cells, "answer"), ending(sheet.cells, "tests")
        assert len(answers) == len(tests) == len(cards)
        for card, answer, test in zip(cards, answers, tests, strict=True):
            assert answer.metadata.nbgrader.solution
            assert not answer.metadata.nbgrader.locked
            assert test.metadata.nbgrader.locked
            assert test.metadata.nbgrader.grade
            assert test.metadata.nbgrader.points == points(card)
            assert ast.unparse(ast.parse(card.stub).body[-1]) in ast.unparse(ast.parse(test.source))


def test_what_nbgrader_takes_away_leaves_the_stub_and_no_solution(course: Path) -> None:
    settings = Config()
    exec((course / "nbgrader_config.py").read_text(), {"get_config": lambda: settings})
    clear = ClearSolutions(config=settings)
    for name, sheet in sheets(course).items():
        for card, cell in zip(WITH_EXERCISES[name].cards, ending(sheet.cells, "answer"), strict=True):
            assert card.solution.strip() in cell.source
            released, _ = clear.preprocess_cell(cell, {"language": "python"}, 0)
            *stub, _check = ast.parse(card.stub).body
            assert ast.dump(ast.parse(released.source)) == ast.dump(ast.Module(stub, []))
            assert "SOLUTION" not in released.source


def test_no_answer_counts_that_was_not_written(course: Path) -> None:
    """What a check is given has its name from the answer's cell alone: were it imported, or the answer of
    another exercise, an answer that does not even run would be graded by that."""
    for name, sheet in sheets(course).items():
        known = set(dir(builtins)) | bound(sheet.cells[1].source)
        for answer, test in zip(ending(sheet.cells, "answer"), ending(sheet.cells, "tests"), strict=True):
            verdict = next(node for node in ast.walk(ast.parse(test.source)) if isinstance(node, ast.Assign))
            assert isinstance(verdict.value, ast.Call)
            asked = {ast.unparse(argument) for argument in verdict.value.args}
            assert asked
            assert not asked & known, f"{name}: {asked & known}"
            known |= bound(answer.source)
            assert asked <= known


def bound(code: str) -> set[str]:
    """The names that a piece of code makes at its top level; modules with the checks left out."""
    names: set[str] = set()
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def test_the_same_tree_gives_the_same_course(course: Path, tmp_path: Path) -> None:
    write_course(ROOT, tmp_path)
    again = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert again == {
        path.relative_to(course): path.read_bytes() for path in course.rglob("*") if path.is_file()
    }


def test_what_a_lecturer_has_in_the_folder_is_not_touched(course: Path, tmp_path: Path) -> None:
    shutil.copytree(course, tmp_path / "nbgrader")
    own = {"gradebook.db": "points", "nbgrader_config.py": "# mine\n", "submitted/kim/a.ipynb": "answers"}
    for name, text in own.items():
        (tmp_path / "nbgrader" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "nbgrader" / name).write_text(text)
    old = tmp_path / "nbgrader" / "source" / "00_gone"
    old.mkdir()
    write_course(ROOT, tmp_path / "nbgrader")
    assert {name: (tmp_path / "nbgrader" / name).read_text() for name in own} == own
    assert not old.exists()


# --- by nbgrader itself ---------------------------------------------------------------------------


def nbgrader(course: Path, *command: str) -> None:
    scripts = Path(sys.executable).parent  # nbgrader looks for alembic on the path
    environment = os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    environment |= {"JUPYTER_PREFER_ENV_PATH": "1", "IPYTHONDIR": str(course / ".ipython")}
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *command],
        cwd=course,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]


def hand_in(course: Path, student: str, answers: dict[str, str], without: str = "", name: str = SHEET) -> Any:
    """The released sheet with these answers, {exercise: code}, in the stubs' places, and without one cell."""
    sheet = nbformat.read(course / "release" / name / f"{name}.ipynb", as_version=4)
    for cell in ending(sheet.cells, "answer"):
        number = cell.metadata.nbgrader.grade_id.split("-")[1:3]
        cell.source = answers.get(".".join(number), cell.source)
    sheet.cells = [cell for cell in sheet.cells if cell.metadata.nbgrader.grade_id != without]
    folder = course / "submitted" / student / name
    folder.mkdir(parents=True)
    nbformat.write(sheet, folder / f"{name}.ipynb")
    return sheet


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(WITH_EXERCISES) - {SHEET}))
def test_nbgrader_gives_every_sheets_solutions_all_points(course: Path, tmp_path: Path, name: str) -> None:
    own = tmp_path / "nbgrader"
    shutil.copytree(course, own, ignore=shutil.ignore_patterns("release", "*.db"))
    nbgrader(own, "generate_assignment", name)
    cards = WITH_EXERCISES[name].cards
    hand_in(own, "right", {card.number: card.solution for card in cards}, name=name)
    nbgrader(own, "autograde", name)
    with Gradebook(f"sqlite:///{own / 'gradebook.db'}") as book:
        (found,) = book.assignment_submissions(name)
        assert found.score == found.max_score == sum(map(points, cards))


@pytest.mark.slow
def test_nbgrader_releases_the_sheet_and_grades_right_untouched_and_wrong_answers(
    course: Path, tmp_path: Path
) -> None:
    own = tmp_path / "nbgrader"
    shutil.copytree(course, own)
    nbgrader(own, "generate_assignment", SHEET)

    cards = {card.number: card for card in WITH_EXERCISES[SHEET].cards}
    solutions = {number: card.solution for number, card in cards.items()}
    warns = "    import warnings\n\n    warnings.warn('an old way to write it')\n"  # right all the same
    first, *rest = solutions["1.1"].splitlines(keepends=True)
    hand_in(own, "right", solutions | {"1.1": "".join([first, warns, *rest])}, without="exercise-1-2-tests")
    hand_in(own, "untouched", {})
    # One answer is wrong, and a colleague of it tries what the lock is there for: a check that always passes.
    sheet = hand_in(own, "wrong", solutions | {"1.3": WRONG["1.3"][0]})
    forged = next(cell for cell in sheet.cells if cell.metadata.nbgrader.grade_id == "exercise-1-3-tests")
    forged.source = "pass"
    nbformat.write(sheet, own / "submitted" / "wrong" / SHEET / f"{SHEET}.ipynb")
    nbgrader(own, "autograde", SHEET)
    nbgrader(own, "generate_feedback", SHEET)

    full = sum(map(points, cards.values()))
    with Gradebook(f"sqlite:///{own / 'gradebook.db'}") as book:
        found = {one.student.id: one for one in book.assignment_submissions(SHEET)}
        assert {one.max_score for one in found.values()} == {full}
        scores = {student: one.score for student, one in found.items()}
        assert scores == {"right": full, "untouched": 0, "wrong": full - points(cards["1.3"])}
        assert not any(one.needs_manual_grade for one in found.values())
        grades = found["wrong"].notebooks[0].grades
        assert [grade.name for grade in grades if grade.score == 0] == ["exercise-1-3-tests"]

    graded = nbformat.read(own / "autograded" / "untouched" / SHEET / f"{SHEET}.ipynb", as_version=4)
    for cell in ending(graded.cells, "tests"):
        assert "not attempted yet" in cell.outputs[-1].evalue
    graded = nbformat.read(own / "autograded" / "wrong" / SHEET / f"{SHEET}.ipynb", as_version=4)
    (wrong,) = (cell for cell in ending(graded.cells, "tests") if "1-3" in cell.metadata.nbgrader.grade_id)
    sentence = wrong.outputs[-1].evalue
    assert sentence.startswith("not yet. ")
    page = (own / "feedback" / "wrong" / SHEET / f"{SHEET}.html").read_text(encoding="utf-8")
    assert sentence.splitlines()[0] in html.unescape(page)
