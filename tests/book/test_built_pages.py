"""The built book in a real browser, opened from the disk: nothing throws, nothing is fetched from another
machine, formulas are set, pixels stay what they are in dark mode, and a phone can read it.

Needs `make book` and an installed Chromium; skips without them, unless SRLIB_REQUIRE_BROWSER=1.
"""

import functools
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlparse

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, ViewportSize
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
PAGES = sorted(parse_toc_yaml(ROOT / "book" / "_toc.yml").keys())
MADE_BY_SPHINX = ["index", "search", "genindex"]
DESKTOP, PHONE = ViewportSize(width=1280, height=1600), ViewportSize(width=390, height=844)
HEAVIEST = 8 * 2**20  # bytes of a page with all that it loads
CHAPTERS = [name for name in PAGES if re.match(r"notebooks/(?!00|90)", name)]
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("site")]


# --- one visit to a page, and all that is asked about it ------------------------------------------


@dataclass
class Log:
    """What a page asked for and complained about."""

    requests: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("console", self.console)
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("requestfailed", lambda request: self.faults.append(f"not loaded: {request.url}"))

    def console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console {message.type}: {message.text}")


def open_page(
    browser: Browser, name: str, viewport: ViewportSize = DESKTOP, dark: bool = False
) -> tuple[Page, Log]:
    """A page of the site (NAME or NAME?QUERY) after its scripts are done, formulas included."""
    context = browser.new_context(viewport=viewport, color_scheme="dark" if dark else "light", offline=True)
    page, log = context.new_page(), Log()
    log.listen(page)
    path, mark, query = name.partition("?")
    page.goto((SITE / f"{path}.html").as_uri() + mark + query)
    settle(page, log)
    page.evaluate("async () => { if (window.MathJax?.startup) await MathJax.startup.promise }")
    page.mouse.wheel(0, 100_000)  # what loads only when it is looked at
    settle(page, log)
    return page, log


def settle(page: Page, log: Log, quiet: int = 500, at_most: int = 30_000) -> None:
    """Waits until fonts and the pictures of the screen are there and the page has asked for nothing new for
    ``quiet`` ms. (Playwright's "networkidle" means the same, but now and then it never comes, with every
    request answered.)"""
    for _ in range(at_most // quiet):
        before = len(log.requests)
        page.wait_for_timeout(quiet)
        if len(log.requests) == before:
            break
    else:
        raise AssertionError(f"the page still asks for more after {at_most} ms: {log.requests[-3:]}")
    page.wait_for_function("document.fonts.status === 'loaded'")
    page.wait_for_function("[...document.images].every((one) => one.complete || one.loading === 'lazy')")


FACTS = """() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const box = (one) => one.getBoundingClientRect();
  const onScreen = (one) => one.checkVisibility() && box(one).right > 0 && box(one).left < innerWidth;
  const blocks = "article :is(h1, h2, h3, p, li, img, table, pre, div.math)";
  const page = document.documentElement;
  // a part of a drawing is told by the drawing's words; one of several pictures may be called by a single
  // word, if the group says what they are
  const words = (one) => one.closest("[role=img]")?.ariaLabel
    ?? (one.alt && [one.closest("[role=group]")?.ariaLabel, one.alt].filter(Boolean).join(": "));
  const inOwnScroll = (one) => {
    const frame = one.closest(".scroll, .pst-scrollable-table-container");
    return frame && box(frame).right <= innerWidth && getComputedStyle(frame).overflowX === "auto";
  };
  const folded = all("article details:not([open])");
  folded.forEach((one) => { one.open = true; }); // what is folded away is code, too
  const scrolledCode = all("div.cell_input pre, div.cell_output .stream pre")
    .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.innerText);
  folded.forEach((one) => { one.open = false; });
  return {
    scrolledCode,
    theme: page.dataset.theme,
    formulas: all("article .math").map((one) => one.querySelector("mjx-container")?.clientWidth ?? 0),
    spoiltFormulas: all("mjx-merror").map((one) => one.textContent),
    images: all("article img").map((one) => {
      const style = getComputedStyle(one);
      return {
        alt: words(one), source: one.currentSrc || one.src, exact: one.classList.contains("pixels"),
        look: [style.filter, style.backgroundColor, style.padding],
      };
    }),
    searches: all(".search-button__button, input[type=search]").filter(onScreen).length,
    sideways: page.scrollWidth - page.clientWidth,
    cutOff: all(blocks).filter((one) => box(one).right > innerWidth && !inOwnScroll(one))
      .map((one) => one.outerHTML.slice(0, 80)),
    rawTables: all("article p").map((one) => one.textContent)
      .filter((text) => /[|] ?(---|\u2014)/.test(text)),
    asleep: all(".srlib-compare:not(.ready), .srlib-explorer:has(.frame):not([data-ready])")
      .concat(all(".srlib-filtered:not([data-ready])"))
      .map((one) => one.outerHTML.slice(0, 80)),
    complaints: all("article .output:is(.stderr, .traceback)").map((one) => one.innerText),
  };
}"""

Mode = Literal["desktop", "dark", "phone"]


@dataclass(frozen=True)
class Visit:
    """What a visit found: the log, the facts above, for each picture of exact pixels whether the screen
    shows them, and for each kind of thing to use whether the page's first one answers to keys."""

    log: Log
    facts: dict[str, Any]
    exact: list[tuple[str, bool]]
    moved: dict[str, bool]


Look = Callable[[str, Mode], Visit]


@pytest.fixture(scope="module")
def look(browser: Browser) -> Look:
    """Visits a page in one of the modes, once for all tests."""

    @functools.cache
    def visit(name: str, mode: Mode) -> Visit:
        page, log = open_page(browser, name, PHONE if mode == "phone" else DESKTOP, dark=mode == "dark")
        facts = page.evaluate(FACTS)
        exact = []
        moved = use(page) if mode != "dark" else {}
        if mode != "phone":  # there the pictures have to shrink
            for image in page.locator("article img.pixels").all():
                exact.append((image.get_attribute("alt") or "", screen_shows(image, file_pixels(image))))
        page.context.close()
        return Visit(log, facts, exact, moved)

    return visit


def use(page: Page) -> dict[str, bool]:
    """Try the page's first slider, question and explorer by keys alone: did anything become of it?"""
    moved = {}
    slider = page.locator(".srlib-compare").first
    if slider.count():
        handle = slider.locator("input[type=range]").first
        handle.press("Home")
        at_one_end = slider.locator("canvas").first.screenshot()
        handle.press("End")
        moved["slider"] = slider.locator("canvas").first.screenshot() != at_one_end
    question = page.locator(".srlib-question:has(input[type=radio])").first
    if question.count():
        question.locator("input").first.press("Space")
        moved["question"] = question.locator("output").first.inner_text().strip() != ""
    explorer = page.locator(".srlib-explorer:has(.frame[hidden])").first
    if explorer.count():
        shown = "one => [...one.querySelectorAll('.frame')].findIndex((frame) => !frame.hidden)"
        before, moved["explorer"] = explorer.evaluate(shown), False
        for control in explorer.locator(".controls :is(input, select)").all():
            for key in ("ArrowDown", "ArrowUp", "Space"):
                control.press(key)
                moved["explorer"] |= explorer.evaluate(shown) != before
    return moved


# --- nothing breaks, nothing is fetched -----------------------------------------------------------


@pytest.mark.parametrize("name", [*PAGES, *MADE_BY_SPHINX])
def test_a_page_opens_from_the_disk_without_an_error_or_a_request_elsewhere(look: Look, name: str) -> None:
    log = look(name, "desktop").log
    assert log.faults == []
    assert log.requests, "no request was recorded at all, not even the page's own"
    assert [url for url in log.requests if not url.startswith(("file:", "data:", "blob:"))] == []


def test_an_error_a_missing_file_and_a_remote_request_would_be_noticed(browser: Browser) -> None:
    page, log = open_page(browser, PAGES[0])
    page.evaluate("setTimeout(() => { console.error('no'); throw new Error('thrown') })")
    page.evaluate(
        "() => { for (const s of ['absent.png', 'https://cdn.invalid/a.png']) new Image().src = s }"
    )
    page.wait_for_timeout(500)
    page.context.close()
    said = "\n".join(log.faults)
    assert all(part in said for part in ("console error: no", "script: thrown", "absent.png"))
    assert "https://cdn.invalid/a.png" in log.requests


@pytest.mark.parametrize("mode", ["desktop", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_offers_to_move_answers_to_keys(look: Look, name: str, mode: Mode) -> None:
    visit = look(name, mode)
    assert visit.facts["asleep"] == []
    assert all(visit.moved.values()), visit.moved
    if name in CHAPTERS:
        assert {"slider", "question"} <= visit.moved.keys()


def test_icons_are_drawn_and_none_is_left_as_an_empty_tag(browser: Browser) -> None:
    page, _ = open_page(browser, CHAPTERS[0])
    seen = page.locator("svg.svg-inline--fa").evaluate_all(
        "all => all.filter((one) => one.checkVisibility())"
        ".map((one) => [one.dataset.icon, one.clientWidth || one.getBoundingClientRect().width,"
        " one.querySelector('path')?.getTotalLength()])"
    )
    left = page.locator("i[class*='fa-'], span[class*='fa-']").count()
    page.context.close()
    assert {"magnifying-glass", "download", "circle-half-stroke"} <= {name for name, _, _ in seen}
    assert all(width > 5 and length for _, width, length in seen), seen
    assert left == 0


LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src"}


class Tags(HTMLParser):
    """The addresses that a page's tags load from."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("rel") not in ("canonical", "license"):  # such links load nothing
            self.addresses += [url for url in (values.get(LOADS.get(tag, "")), values.get("srcset")) if url]


def test_no_tag_of_any_page_names_another_machine() -> None:
    pages = {path.relative_to(SITE).as_posix(): path for path in SITE.rglob("*.html")}
    assert {f"{name}.html" for name in (*PAGES, "search", "genindex")} <= pages.keys()
    for name, path in pages.items():
        addresses = Tags(path.read_text(encoding="utf-8")).addresses
        assert addresses or name == "index.html", name  # which only leads on
        assert [url for url in addresses if re.match(r"(https?:)?//", url)] == [], name


def test_no_style_sheet_loads_from_another_machine(browser: Browser) -> None:
    sheets = list(SITE.rglob("*.css"))
    assert sheets
    remote = re.compile(r"(?:url\(\s*|@import\s+)['\"]?(?:https?:)?//")
    assert [path.name for path in sheets if remote.search(path.read_text(encoding="utf-8"))] == []


def test_the_search_finds_a_page_from_the_disk(browser: Browser) -> None:
    page, _ = open_page(browser, "search?q=interpolation")
    found = page.locator("ul.search li a")
    found.first.wait_for(timeout=10_000)
    assert "notebooks/00_start_here.html" in " ".join(found.evaluate_all("all => all.map(one => one.href)"))
    page.context.close()


# --- formulas -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_every_formula_is_set(look: Look, name: str) -> None:
    facts = look(name, "desktop").facts
    assert all(width > 0 for width in facts["formulas"])
    assert facts["spoiltFormulas"] == []


def test_the_welcome_page_sets_formulas_in_mathjax_own_fonts(look: Look) -> None:
    visit = look("book/welcome", "desktop")
    assert visit.facts["formulas"]
    assert [url for url in visit.log.requests if url.endswith(".woff") and "/_static/mathjax/" in url]


# --- pictures -------------------------------------------------------------------------------------


def file_of(address: str) -> Path:
    return Path(unquote(urlparse(address).path))


def file_pixels(image: Locator) -> np.ndarray:
    """The pixels of the picture's file, (H, W, 3)."""
    with Image.open(file_of(image.evaluate("one => one.currentSrc"))) as file:
        return np.asarray(file.convert("RGB"))


def screen_shows(image: Locator, pixels: np.ndarray) -> bool:
    """Whether the screen shows exactly these pixels where the image stands.

    A screenshot is what reaches the reader's eye, after filters, blending and scaling; reading the image
    back through a canvas would skip all of these. The image may start at a fraction of a pixel, which the
    browser rounds, so a frame one pixel larger is taken and the picture is looked for in it.
    """
    image.evaluate("one => one.scrollIntoView({block: 'center', behavior: 'instant'})")
    image.page.wait_for_timeout(100)
    left, top = image.evaluate("one => [one.getBoundingClientRect().x, one.getBoundingClientRect().y]")
    height, width = pixels.shape[:2]
    shot = image.page.screenshot(animations="disabled")
    screen = np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))
    places = [(int(top) + down, int(left) + right) for down in (0, 1) for right in (0, 1)]
    return any(np.array_equal(screen[y : y + height, x : x + width], pixels) for y, x in places)


@pytest.mark.parametrize("name", PAGES)
def test_dark_mode_puts_no_filter_and_no_mat_on_a_picture(look: Look, name: str) -> None:
    facts = look(name, "dark").facts
    assert facts["theme"] == "dark"
    assert [image for image in facts["images"] if image["look"] != ["none", "rgba(0, 0, 0, 0)", "0px"]] == []


@pytest.mark.parametrize("mode", ["desktop", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_pictures_of_exact_pixels_reach_the_screen_pixel_for_pixel(look: Look, name: str, mode: Mode) -> None:
    assert [alt for alt, same in look(name, mode).exact if not same] == []


def test_the_first_notebook_has_pictures_of_exact_pixels(look: Look) -> None:
    assert len(look("notebooks/00_start_here", "dark").exact) >= 2


def test_a_filter_a_scaling_or_a_blend_would_be_noticed(browser: Browser) -> None:
    page, _ = open_page(browser, "notebooks/00_start_here", dark=True)
    image = page.locator("article img.pixels").first
    pixels = file_pixels(image)
    assert screen_shows(image, pixels)
    for name, value in (("filter", "brightness(.98)"), ("width", "99%"), ("opacity", ".99")):
        image.evaluate(
            "(one, [name, value]) => one.style.setProperty(name, value, 'important')", [name, value]
        )
        assert not screen_shows(image, pixels), f"{name}: {value}"
        image.evaluate("(one, name) => one.style.removeProperty(name)", name)
    page.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_says_in_words_what_it_shows(look: Look, name: str) -> None:
    words = [image["alt"] for image in look(name, "desktop").facts["images"]]
    assert [alt for alt in words if len(alt.split()) < 3 or re.search(r"\.(png|jpe?g|svg|webp)$", alt)] == []


# --- layout ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["desktop", "dark", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_exactly_one_way_to_search(look: Look, name: str, mode: Mode) -> None:
    assert look(name, mode).facts["searches"] == 1


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_scrolls_a_page_in_one_direction_only(look: Look, name: str) -> None:
    facts = look(name, "phone").facts
    assert facts["sideways"] == 0
    assert facts["cutOff"] == []


@pytest.mark.parametrize("name", PAGES)
def test_code_and_what_it_prints_fit_a_desktop_page(look: Look, name: str) -> None:
    assert look(name, "desktop").facts["scrolledCode"] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_no_warning_and_no_traceback_of_a_cell(look: Look, name: str) -> None:
    assert look(name, "desktop").facts["complaints"] == []


@pytest.mark.parametrize("name", PAGES)
def test_no_table_is_left_as_bars_and_dashes(look: Look, name: str) -> None:
    assert look(name, "desktop").facts["rawTables"] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_with_its_pictures_is_light(look: Look, name: str) -> None:
    visit = look(name, "desktop")
    sources = [image["source"] for image in visit.facts["images"]] + visit.log.requests
    files = {file_of(url) for url in sources if url.startswith("file:")}  # others are inside the page
    assert SITE / f"{name}.html" in files
    assert sum(path.stat().st_size for path in files) < HEAVIEST


# --- without a mouse ------------------------------------------------------------------------------

TO_USE = """() => [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex]")]
  .filter((one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility({visibilityProperty: true})
    && !one.closest("dialog:not([open])") && one.getBoundingClientRect().width > 0)
  .filter((one) => one.type !== "radio" || one === document.querySelector(`input[name="${one.name}"]`))"""


def test_the_tab_key_comes_to_all_that_can_be_used(browser: Browser) -> None:
    page, _ = open_page(browser, "notebooks/02_interpolation")
    page.evaluate("scrollTo(0, 0)")
    page.evaluate(f"({TO_USE})().forEach((one) => {{ one.dataset.toUse = '1'; }})")
    total = page.locator("[data-to-use]").count()
    page.evaluate(
        "document.addEventListener('focusin', (event) => { delete event.target.dataset.toUse; }, true)"
    )
    for _ in range(2 * total):
        page.keyboard.press("Tab")
        if page.locator("[data-to-use]").count() == 0:
            break
    left = page.locator("[data-to-use]").evaluate_all("all => all.map((one) => one.outerHTML.slice(0, 120))")
    page.context.close()
    assert total > 50
    assert left == []


def test_the_search_opens_answers_and_closes_by_keys(browser: Browser) -> None:
    page, _ = open_page(browser, "notebooks/02_interpolation")
    field = page.locator("dialog input[type=search]")
    page.keyboard.press("Control+k")
    assert field.is_visible()
    page.keyboard.press("Escape")
    assert not field.is_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("receptive field")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=receptive+field")
    page.locator("ul.search li a").first.wait_for(timeout=10_000)
    page.context.close()


def test_a_phones_contents_open_and_close_by_keys(browser: Browser) -> None:
    page, _ = open_page(browser, "notebooks/02_interpolation", PHONE)
    page.evaluate("scrollTo(0, 0)")
    inside = page.locator("a.reference.internal:has-text('SRCNN')").first
    before = inside.is_visible()
    page.locator("button.primary-toggle").filter(visible=True).first.press("Enter")
    inside.wait_for(state="visible")
    page.keyboard.press("Escape")
    page.wait_for_timeout(500)
    assert (before, inside.is_visible()) == (False, False)
    page.context.close()
