"""Quizzes and predictions in a real browser: by mouse and by keys, kept when the page is opened again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import complaints
from playwright.sync_api import Browser, Page

from srlib.check import predict, quiz, reveal

pytestmark = pytest.mark.slow

QUIZ = quiz(
    "How many?", {"two": "No: count again.", "three": "Yes: & one more.", "four": "No: fewer."}, right="three"
)
ASKED = ("Which is larger?", ["the first", "the second"])
PREDICTION = predict(*ASKED)
REVELATION = reveal(*ASKED, answer="the second", why="It grew.")


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    path = tmp_path / "page.html"
    body = "".join(element.text for element in (QUIZ, PREDICTION, REVELATION))
    path.write_text(f'<!doctype html><meta charset="utf-8"><body>{body}', encoding="utf-8")
    one = browser.new_context(offline=True).new_page()
    faults = complaints(one)
    one.goto(path.as_uri())
    yield one
    assert faults == []
    one.context.close()


def answers(page: Page) -> list[str]:
    return page.locator("output").all_inner_texts()


def test_each_option_of_a_quiz_has_its_note(page: Page) -> None:
    for option, note, kind in (
        ("two", "No: count again.", "wrong"),
        ("three", "Yes: & one more.", "right"),
        ("four", "No: fewer.", "wrong"),
    ):
        page.get_by_label(option).check()
        assert answers(page)[0].endswith(note)
        assert page.locator("output").first.get_attribute("class") == kind


def test_a_quiz_is_answered_by_keys_and_nobody_else_hears_them(page: Page) -> None:
    page.evaluate("window.heard = []; document.addEventListener('keydown', (event) => heard.push(event.key))")
    page.get_by_label("two").focus()
    page.keyboard.press("ArrowDown")
    assert answers(page)[0].endswith("Yes: & one more.")
    assert page.evaluate("heard") == []


def test_an_answer_is_still_there_when_the_page_is_opened_again(page: Page) -> None:
    page.get_by_label("four").check()
    page.reload()
    assert page.get_by_label("four").is_checked()
    assert answers(page)[0].endswith("No: fewer.")


def test_right_and_wrong_are_said_in_words(browser: Browser, tmp_path: Path) -> None:
    one = quiz("How many?", {"two": "Count again.", "three": "And one more.", "four": "No: less."}, "three")
    page = browser.new_page()
    page.goto(one.save(tmp_path / "quiz.html").as_uri())
    for option, said in (
        ("two", "Not right. Count again."),
        ("three", "Right. And one more."),
        ("four", "No: less."),
    ):
        page.get_by_label(option).check()
        assert page.locator("output").inner_text().endswith(said)
    page.close()


def test_until_a_prediction_is_made_the_answer_stays_shut_except_on_paper(page: Page) -> None:
    told = page.get_by_text("The run says: the second. It grew.")
    assert not told.is_visible()
    page.get_by_text("open this to see").click()
    assert told.is_visible()
    page.get_by_text("open this to see").click()
    assert not told.is_visible()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert told.is_visible()


def test_a_prediction_is_noted_and_the_run_decides_it(page: Page) -> None:
    assert answers(page)[2] == ""
    page.get_by_label("the first").check()
    assert answers(page)[1] == "Noted: the first. Read on; the run decides."
    assert answers(page)[2] == "You predicted: the first. The run says: the second. It grew."
    assert page.locator("output").nth(2).get_attribute("class") == "wrong"
    page.get_by_label("the second").check()
    assert page.locator("output").nth(2).get_attribute("class") == "right"


def test_without_scripts_the_question_can_still_be_read(browser: Browser, tmp_path: Path) -> None:
    path = QUIZ.save(tmp_path / "quiz.html")
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(path.as_uri())
    assert page.get_by_text("How many?").is_visible()
    assert page.get_by_label("three").is_visible()
    page.context.close()
