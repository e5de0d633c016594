"""A table to filter on the saved page: rows are picked without a kernel."""

from pathlib import Path

import pytest
from browser import complaints
from playwright.sync_api import Browser, Page

from srlib.show import Html, filtered

pytestmark = pytest.mark.slow
ROWS: list[dict[str, str | bool]] = [
    {"name": "one", "kind": "x", "good": True},
    {"name": "two", "kind": "y", "good": True},
    {"name": "three", "kind": "y", "good": False},
]
TABLE = filtered(ROWS, by=["kind", "good"], alt="three things to pick").text


def seen(page: Page, which: int = 0) -> list[str]:
    rows = page.locator(".srlib-filtered").nth(which).locator("tbody tr")
    return [row.locator("th").inner_text() for row in rows.all() if row.is_visible()]


def test_rows_are_picked_by_all_that_is_chosen(browser: Browser, tmp_path: Path) -> None:
    page = browser.new_context(offline=True).new_page()
    said = complaints(page)
    page.goto(Html(TABLE + TABLE).save(tmp_path / "page.html").as_uri())
    kind, good = (page.get_by_label(name).first for name in ("kind", "good"))
    count = page.locator(".count").first
    assert (seen(page), count.inner_text()) == (["one", "two", "three"], "3 of 3")
    kind.select_option("y")
    assert seen(page) == ["two", "three"]
    good.select_option("yes")
    assert (seen(page), count.inner_text()) == (["two"], "1 of 3")
    kind.select_option("x")
    assert seen(page) == ["one"]
    good.select_option("-")
    assert (seen(page), count.inner_text()) == ([], "0 of 3")
    kind.select_option("all")
    assert seen(page) == ["three"]
    assert seen(page, 1) == ["one", "two", "three"]  # the other table stays
    assert said == []


def test_what_is_chosen_at_the_start_holds_and_the_keyboard_does(browser: Browser, tmp_path: Path) -> None:
    page = browser.new_page()
    start = filtered(ROWS, by=["kind"], first={"kind": "y"}, alt="three things to pick")
    page.goto(start.save(tmp_path / "page.html").as_uri())
    assert seen(page) == ["two", "three"]
    page.get_by_label("kind").focus()
    page.keyboard.press("Home")
    assert seen(page) == ["one", "two", "three"]


def test_without_scripts_the_whole_table_is_there_and_nothing_to_choose(
    browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(Html(TABLE).save(tmp_path / "page.html").as_uri())
    assert seen(page) == ["one", "two", "three"]
    assert not page.get_by_label("kind").is_visible()
