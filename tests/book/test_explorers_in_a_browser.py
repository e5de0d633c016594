"""Explorers on the saved page: native controls choose among the frames, without a kernel."""

from pathlib import Path

import pytest
from browser import complaints
from playwright.sync_api import Browser, Page

from srlib.show import Html, explorers
from srlib.show.live import Explorer, choose, slide, tick

pytestmark = pytest.mark.slow


def opened(browser: Browser, body: str, tmp_path: Path) -> tuple[Page, list[str]]:
    path = Html(body).save(tmp_path / "page.html")
    page = browser.new_context(offline=True).new_page()
    said = complaints(page)
    page.goto(path.as_uri())
    return page, said


def example(title: str) -> str:
    one = Explorer(
        lambda scale, kind, log: Html(f"<p>{scale} {kind} {log}</p>"),
        {
            "scale": slide("scale", [2, 3, 4], 3),
            "kind": choose("kind", ["a", "b"], still=["a"]),  # one frame only: no control for it
            "log": tick("log"),
        },
        title,
    )
    return one.still().text


def seen(page: Page, which: int = 0) -> list[str]:
    frames = page.locator(".srlib-explorer").nth(which).locator(".frame")
    return [frame.inner_text() for frame in frames.all() if frame.is_visible()]


def test_each_control_shows_its_own_frame_and_only_that(browser: Browser, tmp_path: Path) -> None:
    page, said = opened(browser, example("one"), tmp_path)
    assert seen(page) == ["3 a False"]
    page.get_by_label("log").check()
    assert seen(page) == ["3 a True"]
    handle = page.get_by_role("slider", name="scale")
    handle.focus()
    page.keyboard.press("ArrowRight")
    assert seen(page) == ["4 a True"]
    assert handle.get_attribute("aria-valuetext") == "4"
    page.keyboard.press("Home")
    assert seen(page) == ["2 a True"]
    assert said == []


def test_two_on_a_page_do_not_move_each_other(browser: Browser, tmp_path: Path) -> None:
    page, _ = opened(browser, example("one") + example("two"), tmp_path)
    page.get_by_label("log").nth(1).check()
    assert (seen(page, 0), seen(page, 1)) == (["3 a False"], ["3 a True"])


def test_without_scripts_the_start_is_there(browser: Browser, tmp_path: Path) -> None:
    path = Html(example("one")).save(tmp_path / "page.html")
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(path.as_uri())
    assert page.locator(".frame:visible").all_inner_texts() == ["3 a False"]


@pytest.mark.parametrize("name", explorers.__all__)
def test_every_explorer_of_the_book_changes_what_is_seen(browser: Browser, tmp_path: Path, name: str) -> None:
    made = getattr(explorers, name)()
    page, said = opened(browser, made.still().text, tmp_path)
    inputs = page.locator(".srlib-explorer > .controls :is(input, select)").all()
    assert inputs
    frames = page.locator(".srlib-explorer > .frame")
    numbers = "elements => elements.map((one, i) => one.hidden ? -1 : i).filter((i) => i >= 0)"
    for one in inputs:
        before = frames.evaluate_all(numbers)
        assert len(before) == 1
        one.focus()
        kind = one.evaluate("one => one.tagName === 'SELECT' ? 'select' : one.type")
        if kind == "select":
            chosen = one.evaluate("one => (one.selectedIndex + 1) % one.options.length")
            one.select_option(index=chosen)
        elif kind == "checkbox":
            page.keyboard.press("Space")
        else:
            page.keyboard.press("ArrowRight" if one.input_value() != one.get_attribute("max") else "Home")
        after = frames.evaluate_all(numbers)
        assert len(after) == 1
        assert after != before
    assert said == []


@pytest.mark.parametrize("name", explorers.__all__)
def test_no_explorer_makes_a_page_heavy(name: str) -> None:
    assert len(getattr(explorers, name)().still()) < 1.5e6
