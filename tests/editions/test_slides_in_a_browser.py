"""The slides in a real browser, from the disk and with the network off."""

from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
import torch
from browser import complaints, give_up
from playwright.sync_api import Browser, Page

from book.editions import deck, notebooks, slides
from srlib import check, show

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "_build" / "jupyter_execute" / "notebooks"
Open = Callable[[str], Page]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small chapter with one of everything, and the built chapters if there are some."""
    out = tmp_path_factory.mktemp("slides")
    slides.write_assets(out / "assets")
    (out / "small.html").write_text(slides.page("Small", deck.slides(small(), "small", [])))
    for path in notebooks.chapters(ROOT):
        if (BUILT / path.name).is_file():
            notebook = nbformat.read(BUILT / path.name, as_version=4)
            made = deck.slides(notebook, path.stem, [path.stem])
            (out / path.name).with_suffix(".html").write_text(slides.page(path.stem, made))
    return out


def small() -> nbformat.NotebookNode:
    pictures = torch.rand(2, 3, 40, 60, generator=torch.Generator().manual_seed(0))
    ask, options = "Which?", ["this", "that"]
    outputs = {
        "show.compare(a, b)": show.compare(*pictures, caption="Two pictures."),
        "check.predict(a, b)": check.predict(ask, options),
        "check.reveal(a, b)": check.reveal(ask, options, "that", "Because."),
        "check.quiz(a, b)": check.quiz("Why?", {"a": "No.", "b": "Right: so."}, right="b"),
    }
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_markdown_cell("# 1. Small\n\nThe area is $x^2$.\n\n$$y = \\frac{1}{x}$$"),
        *(
            nbformat.v4.new_code_cell(
                source,
                metadata={"tags": ["hide-input"]},
                outputs=[nbformat.v4.new_output("display_data", {"text/html": html.text})],
            )
            for source, html in outputs.items()
        ),
    ]
    return notebook


@pytest.fixture
def opened(browser: Browser, folder: Path) -> Iterator[Open]:
    contexts = []

    def go(name: str) -> Page:
        contexts.append(browser.new_context(offline=True, viewport={"width": 1280, "height": 720}))
        page = contexts[-1].new_page()
        page.faults = complaints(page)  # type: ignore[attr-defined]
        page.goto((folder / f"{name}.html").as_uri())
        page.wait_for_function("() => window.Reveal && Reveal.isReady()")
        return page

    yield go
    for context in contexts:
        context.close()


def at(page: Page) -> int:
    return int(page.evaluate("Reveal.getSlidePastCount()"))


def to_slide_with(page: Page, what: str) -> None:
    number = page.evaluate(
        "(what) => Reveal.getSlides().findIndex((slide) => slide.querySelector(what))", what
    )
    assert number > 0
    page.evaluate("(number) => Reveal.slide(number)", number)


NAMES = ["small", *(path.stem for path in notebooks.chapters(ROOT))]


@pytest.mark.parametrize("name", NAMES)
def test_the_arrow_keys_go_through_all_slides_and_nothing_complains_or_is_cut_off(
    opened: Open, name: str
) -> None:
    if name != "small" and not (BUILT / f"{name}.ipynb").is_file():
        give_up("there is no built book; build it with: make book")
    page = opened(name)
    total = page.evaluate("Reveal.getTotalSlides()")
    steps = page.evaluate("document.querySelectorAll('.fragment').length")
    assert total >= 4
    cut_off = []
    for _ in range(total + steps - 1):
        page.keyboard.press("ArrowRight")
        page.wait_for_function("() => !document.querySelector('.present .srlib-compare:not(.ready)')")
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        over = page.evaluate(
            "() => { const one = document.querySelector('section.present .content');"
            " return one.scrollHeight - one.clientHeight; }"
        )
        if over > 1:
            cut_off.append((at(page), over))
    assert at(page) == total - 1
    assert page.evaluate("Reveal.isLastSlide()")
    assert page.faults == []  # type: ignore[attr-defined]
    assert cut_off == []


def test_formulas_are_drawn(opened: Open) -> None:
    page = opened("small")
    assert page.locator("section.present mjx-container").count() == 2
    assert page.locator("section.present mjx-container").first.bounding_box()["width"] > 10  # type: ignore[index]


def test_the_slider_moves_on_a_slide_and_keeps_the_arrow_keys_until_escape(opened: Open) -> None:
    page = opened("small")
    to_slide_with(page, ".srlib-compare")
    slider = page.locator(".srlib-compare input[type=range]")
    slider.focus()
    before = at(page)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert int(slider.input_value()) == 560
    assert at(page) == before
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    assert int(slider.input_value()) == 560
    assert at(page) == before + 1


def test_a_slider_is_as_large_as_whole_pixels_allow(opened: Open) -> None:
    page = opened("small")
    to_slide_with(page, ".srlib-compare")
    page.locator("section.present .srlib-compare button[aria-pressed=true]", has_text="large").wait_for()
    width = page.evaluate("document.querySelector('section.present canvas').getBoundingClientRect().width")
    assert width >= 4 * 60
    assert width % 60 == 0


def test_a_remote_turns_the_slide_wherever_the_focus_is(opened: Open) -> None:
    page = opened("small")
    to_slide_with(page, ".srlib-compare")
    page.locator("section.present .srlib-compare input[type=range]").focus()
    before = at(page)
    page.keyboard.press("PageDown")
    assert at(page) == before + 1


def test_a_prediction_is_open_before_its_answer_is_shown(opened: Open) -> None:
    page = opened("small")
    to_slide_with(page, ".answer")
    answer = page.locator("section.present .answer")
    assert page.locator("section.present input[type=radio]").count() == 2
    assert answer.evaluate("(one) => getComputedStyle(one).opacity") == "0"
    page.keyboard.press("ArrowRight")
    page.wait_for_function("getComputedStyle(document.querySelector('.present .answer')).opacity === '1'")
    assert "that" in answer.inner_text()


def test_a_quiz_answers_and_remembers_nothing_for_the_next_lecture(opened: Open) -> None:
    page = opened("small")
    to_slide_with(page, "input[name^=quiz]")
    page.locator("section.present label", has_text="b").click()
    assert page.locator("section.present output").inner_text() == "Right: so."
    page.reload()
    page.wait_for_function("() => window.Reveal && Reveal.isReady()")
    to_slide_with(page, "input[name^=quiz]")
    assert page.locator("section.present input:checked").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ink_and_paper_follow_the_systems_colours(opened: Open, scheme: str) -> None:
    page = opened("small")
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    ink, paper = (
        page.evaluate(f"getComputedStyle(document.querySelector('.reveal')).{what}")
        for what in ("color", "backgroundColor")
    )
    bright = [sum(map(int, one[4:-1].split(","))) / 765 for one in (ink, paper)]
    assert (
        (bright[0] < 0.3 and bright[1] > 0.9) if scheme == "light" else (bright[0] > 0.8 and bright[1] < 0.2)
    )


def test_the_speakers_view_opens_with_the_notes(opened: Open) -> None:
    page = opened("small")
    with page.expect_popup() as popup:
        page.keyboard.press("s")
    popup.value.wait_for_selector(".speaker-controls-notes", state="attached")
