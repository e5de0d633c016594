"""Every exercise's check: it passes the solution, fails the wrong answers kept for it, and is patient with
the stub."""

import ast
import importlib
from typing import Any

import pytest
from chapter import Card, Chapter, chapters, skeleton
from wrong_answers import WRONG

CHAPTERS = [one for one in [*chapters(), skeleton()] if one.cards]
CARDS = [(chapter, card) for chapter in CHAPTERS for card in chapter.cards]
each_card = pytest.mark.parametrize(("chapter", "card"), CARDS, ids=lambda one: getattr(one, "number", None))


def verdict(chapter: Chapter, card: Card, answer: str | None) -> Any:
    """What the stub cell's check says of the reader's ``answer`` in the stub's place; None: of the stub
    itself. Only the chapter's imports are there."""
    space: dict[str, Any] = {}
    exec(chapter.imports, space)
    *stub, check = ast.parse(card.stub).body
    assert isinstance(check, ast.Expr), f"{card.number}: the cell must end with the check's call"
    exec(compile(ast.Module(stub, []), "stub", "exec"), space)
    if answer is not None:
        exec(compile(answer, "answer", "exec"), space)
    return eval(compile(ast.Expression(check.value), "check", "eval"), space)


@each_card
def test_the_stub_is_not_attempted_yet(chapter: Chapter, card: Card) -> None:
    assert verdict(chapter, card, None).state == "not attempted"


@each_card
def test_the_solution_is_right(chapter: Chapter, card: Card) -> None:
    found = verdict(chapter, card, card.solution)
    assert found.state == "right", found.text


@each_card
def test_at_least_two_wrong_answers_are_known_and_each_gets_a_sentence(chapter: Chapter, card: Card) -> None:
    known = WRONG.get(card.number, [])
    assert len(known) >= 2
    for answer in known:
        found = verdict(chapter, card, answer)
        assert found.state == "wrong", f"{found.text}\n{answer}"
        assert len(found.text.split()) >= 5, found.text


def test_no_wrong_answer_is_kept_for_an_exercise_that_is_gone() -> None:
    assert set(WRONG) <= {card.number for _, card in CARDS}


@pytest.mark.parametrize(
    "chapter", [one for one in CHAPTERS if one.number != 99], ids=lambda one: one.path.stem
)
def test_the_bug_hunts_cost_is_what_is_recorded(chapter: Chapter) -> None:
    exercises = importlib.import_module(f"srlib.check.ch{chapter.number:02}")
    now = exercises.bug_cost()
    assert now == pytest.approx(exercises.BUG_COST, abs=0.03)
    assert 0.1 <= exercises.BUG_COST <= 3
    [card] = [card for card in chapter.cards if card.is_bug_hunt]
    wrong = verdict(chapter, card, WRONG[card.number][0])  # the bug in other words
    assert wrong.state == "wrong"
