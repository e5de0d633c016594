"""The one page order of all chapters: what stands in each, and where."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from chapter import DOI, Chapter, chapters, depends, skeleton

LAST = ["Look", "Measure", "Experiment", "What still fails", "Which one would I use?", "Exercises"]
LAST += ["Check yourself", "Take-away", "References"]
WORDS = range(1200, 3001)
NO_EXERCISES = {0, 12}
BUILDS_A_NETWORK = set(range(4, 12))
FIRST_WITH = {"transfer": 2, "table": 2}


def faults(chapter: Chapter) -> Iterator[str]:
    """What departs from the page order, in words."""
    for rule in (title, order, interaction, claims, exercises, quiz):
        yield from rule(chapter)
    if chapter.words not in WORDS and chapter.number != 99:
        yield f"{chapter.words} words of prose; {WORDS.start} to {WORDS.stop - 1} fit a lecture"


def title(chapter: Chapter) -> Iterator[str]:
    kinds = [kind for kind, _ in chapter.cells]
    first = chapter.cells[0][1]
    if not first.startswith("# ") or (chapter.number and not DOI.search(first)):
        yield "the first cell is not the title with a paragraph that cites who had the idea"
    if kinds[1] != "code" or f'header("{chapter.path.stem}")' not in chapter.cells[1][1]:
        yield f'the second cell does not call show.header("{chapter.path.stem}")'
    goals = next((i for i, (_, text) in enumerate(chapter.cells) if "**You will be able to**" in text), None)
    if goals is None or "**You need**" not in chapter.cells[goals][1]:
        yield "no cell says what one will be able to do and what one needs"
        return
    if not 3 <= len(re.findall(r"^- ", chapter.cells[goals][1], re.MULTILINE)) <= 6:
        yield "three to five things one will be able to do, each on a line of its own"
    recall = sum("quiz(" in text for kind, text in chapter.cells[:goals] if kind == "code")
    if chapter.number and recall != 2:
        yield f"two recall questions stand before the goals, not {recall}"


def order(chapter: Chapter) -> Iterator[str]:
    found = [next((want for want in LAST if one.startswith(want)), "build") for one in chapter.headings]
    wanted = [one for one in LAST if chapter.number not in NO_EXERCISES or one != "Exercises"]
    if chapter.number == 0:
        wanted = [one for one in wanted if one not in ("Measure", "Experiment")]
    if missing := [one for one in wanted if one not in found]:
        yield f"missing: {', '.join(missing)}"
    tail = [one for i, one in enumerate(found) if one != "build" and (not i or found[i - 1] != one)]
    if tail != [one for one in LAST if one in tail]:
        yield f"sections out of order: {', '.join(tail)}"
    if not found or found[0] != "build":
        yield "the first section does not build anything"
    elif "build" in found[max(i for i, one in enumerate(found) if one == "build") :][1:]:
        yield "building goes on after looking"


def interaction(chapter: Chapter) -> Iterator[str]:
    needed = {"compare": 1, "failures": 1, "predict": 1}
    for name, first in FIRST_WITH.items():
        if chapter.number >= first:
            needed[name] = 1
    if chapter.number in BUILDS_A_NETWORK:
        needed |= {"same_network": 1, "architecture": 1}
    for name, count in needed.items():
        if len(chapter.calls(name)) < count:
            yield f"no call of {name}"
    if len(chapter.calls("predict")) != len(chapter.calls("reveal")):
        yield "a prediction without its answer"


def claims(chapter: Chapter) -> Iterator[str]:
    made = chapter.calls("claim")
    if len(made) < 3:
        yield f"{len(made)} claims; at least 3"
    known = chapter.computed()
    for call in made:
        if len(call.args) < 2 or not depends(call.args[1], known):
            yield f"a claim whose truth depends on nothing computed: {ast.unparse(call)[:70]}"


def exercises(chapter: Chapter) -> Iterator[str]:
    if chapter.number in NO_EXERCISES:
        return
    cards = chapter.cards
    if not 4 <= len(cards) <= 6:
        yield f"{len(cards)} exercise cards; 4 to 6"
    if [card.number for card in cards] != [f"{chapter.number}.{i + 1}" for i in range(len(cards))]:
        yield f"exercises are numbered {', '.join(card.number for card in cards)}"
    if sum(card.is_bug_hunt for card in cards) != 1:
        yield "one exercise is a bug hunt (its title begins so)"
    for card in cards:
        if not re.search(r"^Difficulty [●○]{3}, about \d+ minutes\.", card.words, re.MULTILINE):
            yield f"{card.number} does not say its difficulty (●○○) and minutes"
        if not card.stub or "check" not in card.stub:
            yield f"{card.number} has no stub with its check in one cell"
        if not card.hints or not card.solution:
            yield f"{card.number} has no folded hint, or not one folded solution"


def quiz(chapter: Chapter) -> Iterator[str]:
    asked = sum("quiz(" in text for kind, text in chapter.section("Check yourself") if kind == "code")
    if not 3 <= asked <= 5:
        yield f"{asked} questions to check oneself; 3 to 5"
    if not all(DOI.search(text) for _, text in chapter.section("References")):
        yield "references without DOI or arXiv number"


PENDING: dict[int, str] = {}
MARKED = [
    pytest.param(
        one,
        id=one.path.stem,
        marks=[pytest.mark.xfail(strict=True, reason=PENDING[one.number])] if one.number in PENDING else [],
    )
    for one in [*chapters(), skeleton()]
]


@pytest.mark.parametrize("chapter", MARKED)
def test_a_chapter_keeps_the_page_order(chapter: Chapter) -> None:
    assert list(faults(chapter)) == []


# --- each rule finds what it is there for ---------------------------------------------------------


def changed(kind: str, old: str, new: str) -> Chapter:
    """The skeleton with one thing spoilt, at its first place."""
    start = skeleton()
    cells = list(start.cells)
    at = next(i for i, (one, text) in enumerate(cells) if one == kind and old in text)
    cells[at] = (kind, cells[at][1].replace(old, new))
    return replace(start, cells=cells)


def without(text: str) -> Chapter:
    start = skeleton()
    return replace(start, cells=[cell for cell in start.cells if text not in cell[1]])


def swapped(one: str, other: str) -> Chapter:
    """Two sections of the skeleton in each other's place."""
    return changed_all({f"## {one}": f"## {other}", f"## {other}": f"## {one}"})


def changed_all(names: dict[str, str]) -> Chapter:
    start = skeleton()
    pattern = re.compile("|".join(re.escape(name) for name in names))
    cells = [(kind, pattern.sub(lambda m: names[m[0]], text)) for kind, text in start.cells]
    return replace(start, cells=cells)


SPOILT: dict[str, tuple[Callable[[], Chapter], str]] = {
    "citation": (lambda: changed("markdown", "https://doi.org", "https://example.org"), "cites who"),
    "header": (lambda: without("show.header("), "show.header"),
    "goals": (lambda: without("**You need**"), "be able to do"),
    "recall": (lambda: without("recall one"), "two recall questions"),
    "section": (lambda: without("## What still fails"), "missing: What still fails"),
    "order": (lambda: swapped("Look", "Measure"), "out of order"),
    "slider": (lambda: without("show.compare("), "no call of compare"),
    "failures": (lambda: without("show.failures("), "no call of failures"),
    "reveal": (lambda: without("check.reveal("), "without its answer"),
    "few claims": (lambda: without("check.claim("), "0 claims"),
    "hollow claim": (
        lambda: changed("code", 'neighbour.", after > before', 'neighbour.", 2 > 1'),
        "depends on nothing",
    ),
    "few cards": (lambda: without("Exercise 99.4"), "3 exercise cards"),
    "difficulty": (lambda: changed("markdown", "Difficulty ●", "Difficult "), "difficulty"),
    "solution": (lambda: changed("markdown", "```python solution", "```python"), "not one folded solution"),
    "hunt": (lambda: changed("markdown", "Bug hunt:", "Hunt:"), "bug hunt"),
    "questions": (lambda: without("yourself one"), "2 questions"),
    "references": (
        lambda: changed("markdown", "[doi:10.1109/TASSP.1981.1163711](https://doi.org/", "(("),
        "references without",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_each_rule_finds_what_it_is_there_for(name: str) -> None:
    spoil, fault = SPOILT[name]
    assert any(fault in one for one in faults(spoil()))


@pytest.mark.parametrize(("words", "fits"), [(100, False), (1500, True), (4000, False)])
def test_a_chapter_of_another_length_than_a_lecture_is_found(words: int, fits: bool) -> None:
    start = skeleton()
    added = replace(start, path=Path("13_skeleton.ipynb"))
    added.cells = [*start.cells, ("markdown", "word " * words)]
    assert any("words of prose" in one for one in faults(added)) != fits
