"""The pages for lecturers name what the chapters really have: sections, cells, exercises and questions."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from chapter import Chapter, chapters
from sphinx_external_toc.parsing import parse_toc_yaml

import tasks
from srlib import cli

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "book" / "lecturers"
PLANS = (PAGES / "plans.md").read_text(encoding="utf-8")
CHAPTERS = {chapter.number: chapter for chapter in chapters()}
MARKS = {"(deeper)", "less", "error", "squared", "step"}  # in italics, and no sections


def plan(number: int) -> str:
    """The part of the page that belongs to a chapter."""
    parts = re.split(r"^## (\d+)\. .+$", PLANS, flags=re.MULTILINE)
    return dict(zip(map(int, parts[1::2]), parts[2::2], strict=True))[number]


def section_names(chapter: Chapter) -> list[str]:
    """All headings of a chapter, without the mark of what may be left out."""
    return [one.strip() for one in re.findall(r"^##+ (.+)$", chapter.prose, re.MULTILINE)]


def cell_names(chapter: Chapter) -> set[str]:
    return {cell.id for cell in nbformat.read(chapter.path, as_version=4).cells}


def predictions(chapter: Chapter) -> list[str]:
    """The questions that a chapter asks before a run, as they are printed."""
    strings = {
        ast.unparse(node.targets[0]): node.value.value
        for source in chapter.code
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }
    asked = [call.args[0] for call in chapter.calls("predict")]
    return [one.value if isinstance(one, ast.Constant) else strings[ast.unparse(one)] for one in asked]  # type: ignore[misc]


def faults(text: str, chapter: Chapter) -> Iterator[str]:
    """What a plan names that the chapter has not, and what it lacks."""
    text = " ".join(text.split())
    names = section_names(chapter)
    for one in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", text):
        if one not in MARKS and not any(name.startswith(one) or name.endswith(one) for name in names):
            yield f"no section {one!r}"
    for listed in re.findall(r"[Cc]ells? ((?:`[\w-]+`(?:, | and )?)+)", text):
        for cell in re.findall(r"`([\w-]+)`", listed):
            if cell not in cell_names(chapter):
                yield f"no cell {cell!r}"
    asked = [" ".join(question.split()) for question in predictions(chapter)]
    quoted = re.findall(r"“([^”]+)”", text)
    yield from (f"no question {one!r}" for one in quoted if one not in asked)
    if not quoted:
        yield "no question is asked aloud"
    have = {card.number for card in chapter.cards}
    named = set(re.findall(r"Exercise (\d+\.\d+)", text))
    yield from (f"no exercise {one}" for one in sorted(named - have))
    if have and not (re.search(r"In class: Exercise", text) and re.search(r"Homework: .*?Exercise", text)):
        yield "no exercise in class, or none as homework"
    hunts = {card.number for card in chapter.cards if card.is_bug_hunt}
    if not hunts <= named:
        yield "the bug hunt is not used"
    minutes = [int(found) for found in re.findall(r"\| (\d+) \|", text)]
    if sum(minutes) != 90 or max(minutes) > 20:
        yield f"{sum(minutes)} minutes, the longest {max(minutes)}"
    for word in ("Goals: ", "In class: ", "Homework: ", "They stumble over", "Short of time"):
        if word not in text:
            yield f"nothing on {word!r}"
    if text.count('- **"') < 2:
        yield "fewer than two misconceptions"


@pytest.mark.parametrize("number", CHAPTERS)
def test_a_plan_names_what_its_chapter_has_and_fills_ninety_minutes(number: int) -> None:
    assert list(faults(plan(number), CHAPTERS[number])) == []


def test_every_chapter_has_one_plan_under_its_own_number() -> None:
    numbers = [int(found) for found in re.findall(r"^## (\d+)\. ", PLANS, re.MULTILINE)]
    assert numbers == sorted(CHAPTERS) == list(range(14))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("*Put a number on it*", "*Put a word on it*", "no section 'Put a word on it'"),
        ("cell `psnr`", "cell `psnrs`", "no cell 'psnrs'"),
        ("closer to the original?”", "further from it?”", "no question 'Which one is further from it?'"),
        ("| 15 | *Make it", "| 16 | *Make it", "91 minutes, the longest 16"),
        ("Homework: the", "Homework: Exercise 0.1, the", "no exercise 0.1"),
        ("Short of time", "In haste", "nothing on 'Short of time'"),
    ],
)
def test_each_fault_of_a_plan_is_found(old: str, new: str, said: str) -> None:
    text = plan(0)
    assert text.count(old) == 1
    assert list(faults(text.replace(old, new), CHAPTERS[0])) == [said]


# --- all pages ------------------------------------------------------------------------------------

TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(PAGES.glob("*.md"))}
WITH_COMMANDS = TEXTS | {
    "troubleshooting": (ROOT / "book" / "troubleshooting.md").read_text(encoding="utf-8")
}


def test_the_contents_name_every_page_for_lecturers() -> None:
    listed = {page for page in parse_toc_yaml(ROOT / "book" / "_toc.yml") if "book/lecturers/" in page}
    assert listed == {f"book/lecturers/{name}" for name in TEXTS}
    assert {"index", "plans", "exam", "setting_up"} <= set(TEXTS)


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name: str) -> None:
    for page in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", TEXTS[name]):
        assert (PAGES / page).resolve().is_file(), page


def commands(name: str) -> list[str]:
    """What a page shows as code: the lines of its blocks and what stands between backquotes."""
    text = WITH_COMMANDS[name]
    return re.findall(r"^    (\S.*)$", text, re.MULTILINE) + re.findall(r"`([^`]+)`", " ".join(text.split()))


@pytest.mark.parametrize("name", WITH_COMMANDS)
def test_every_command_of_the_pages_exists(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in commands(name):
        words = command.split("#")[0].split()
        if words[0] == "make" and len(words) > 1:
            assert words[1] in tasks.TASKS, command
        if words[0] != "srlib" or len(words) == 1:
            continue
        action = words[1:3] if words[1] == "zoo" and len(words) > 2 else words[1:2]
        with pytest.raises(SystemExit) as asked:
            cli.main([*action, "--help"])
        assert asked.value.code == 0, command
        known = capsys.readouterr().out
        for option in (word for word in words if word.startswith("-")):
            assert re.search(rf"{option}\b", known), command


def test_the_pages_show_commands() -> None:
    found = {" ".join(one.split()[:2]) for name in TEXTS for one in commands(name)}
    assert {"make exam", "make zoo", "make student", "srlib challenge", "srlib zoo"} <= found


def test_exam_questions_have_points_and_say_what_an_answer_must_contain() -> None:
    questions = re.split(r"^### ", TEXTS["exam"], flags=re.MULTILINE)[1:]
    assert 12 <= len(questions) <= 20
    for one in questions:
        assert re.match(r"\d+\. .+ \(\d+ points?, chapters? [\d, and]+\)\n", one), one[:60]
        points = int(re.search(r"\((\d+) point", one)[1])  # type: ignore[index]
        noted = [int(found) for found in re.findall(r"^- \((\d)\)", one, re.MULTILINE)]
        assert sum(noted) == points, one[:60]
    asked = {int(n) for one in questions for n in re.findall(r"\d+", one.split("chapter")[1].split(")")[0])}
    assert asked >= set(range(1, 14))


def test_no_route_contradicts_the_welcome_page() -> None:
    welcome = " ".join((ROOT / "book" / "welcome.md").read_text(encoding="utf-8").split())
    index = " ".join(TEXTS["index"].split())
    for route, words in {
        "One lecture": "One lecture: 0, 4 and 9",
        "Four weeks": "Four weeks: 1 and 2, 4 and 5, then 7 and 8, then 9 and 12",
        "semester": "A semester: all of them",
    }.items():
        assert words in welcome, f"{route}: the welcome page has changed; change the lecturers' page, too"
    assert "chapters 0, 4 and 9" in index
    weeks = re.findall(r"\| (\d) \| (\d+) and (\d+) \|", index)
    assert weeks == [("1", "1", "2"), ("2", "4", "5"), ("3", "7", "8"), ("4", "9", "12")]
