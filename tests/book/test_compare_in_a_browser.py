"""The before/after slider in a real browser: exact pixels, every way of moving it, no network."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from browser import chromium, complaints
from PIL import Image
from playwright.sync_api import Browser, Page
from torch import Tensor

from srlib.metrics import psnr
from srlib.show import Html, compare

pytestmark = pytest.mark.slow

HEIGHT, WIDTH = 96, 160
HTML = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<body style="margin: {margin}; {style}">{body}"""


def levels(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, HEIGHT, WIDTH), generator=generator, dtype=torch.uint8)


BEFORE, AFTER, THIRD = levels(1), levels(2), levels(3)
Open = Callable[..., Page]


def show(
    browser: Browser, folder: Path, body: str, *, margin: str = "16px", style: str = "", **context: Any
) -> Page:
    """A page on the disk with ``body``, the network off, ready to use; complaints are kept in page.faults."""
    path = folder / "page.html"
    path.write_text(HTML.format(margin=margin, style=style, body=body), encoding="utf-8")
    if not context.get("no_viewport"):
        context.setdefault("viewport", {"width": 700, "height": 700})
    page = browser.new_context(offline=True, **context).new_page()
    page.faults = complaints(page)  # type: ignore[attr-defined]
    page.goto(path.as_uri())
    page.wait_for_function("() => !document.querySelector('.srlib-compare:not(.ready)')")
    return page


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    pages: list[Page] = []

    def open_one(*elements: Html, **more: Any) -> Page:
        pages.append(show(browser, tmp_path, "\n".join(e.text for e in elements), **more))
        return pages[-1]

    yield open_one
    for page in pages:
        assert page.faults == []  # type: ignore[attr-defined]
        page.context.close()


def on_screen(page: Page, ratio: float) -> np.ndarray:
    """The screen's pixels over the canvas, (H, W, 3)."""
    box = page.locator(".srlib-compare canvas").bounding_box()
    assert box is not None
    screen = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
    x, y = round(box["x"] * ratio), round(box["y"] * ratio)
    return screen[y : y + round(box["height"] * ratio), x : x + round(box["width"] * ratio)]


def without_tags(page: Page) -> None:
    page.add_style_tag(content=".srlib-compare .tag { visibility: hidden }")


def divider(page: Page) -> float:
    return float(page.locator(".srlib-compare input").first.input_value()) / 1000


def said(page: Page) -> str:
    return page.locator(".srlib-compare output").first.inner_text()


# --- exactness ---


@pytest.mark.parametrize("ratio", [1, 1.25, 2])
def test_left_and_right_of_the_handle_are_exactly_the_two_pictures(ratio: float, tmp_path: Path) -> None:
    with chromium(ratio) as browser:
        page = show(browser, tmp_path, compare(BEFORE, AFTER).text, margin="13.3px", no_viewport=True)
        assert page.evaluate("devicePixelRatio") == ratio
        without_tags(page)
        for zoom, presses in ((1, 0), (8, 5)):
            for _ in range(presses):
                page.get_by_label("zoom in").click()
            size = max(1, round(zoom * ratio))
            shown = on_screen(page, ratio)
            rows, columns = min(HEIGHT, shown.shape[0] // size), min(WIDTH, shown.shape[1] // size)
            top, left = (HEIGHT - rows) // 2, (WIDTH - columns) // 2  # zooming keeps the middle
            split = round(columns * size / 2)
            for picture, a, b in ((BEFORE, 0, split - 1), (AFTER, split + 1, columns * size)):
                crop = picture[:, top : top + rows, left : left + columns].movedim(0, -1).numpy()
                large = crop.repeat(size, axis=0).repeat(size, axis=1)
                wrong = (shown[: rows * size, a:b] != large[:, a:b]).any(-1)
                assert wrong.sum() == 0, f"{zoom}x: {wrong.sum()} of {wrong.size} pixels"
        page.context.close()


def test_the_divider_at_either_end_shows_one_whole_picture(opened: Open) -> None:
    page = opened(compare(BEFORE, AFTER))
    without_tags(page)
    page.locator("input").focus()
    for key, picture in (("Home", AFTER), ("End", BEFORE)):
        page.keyboard.press(key)
        assert np.array_equal(on_screen(page, 1), picture.movedim(0, -1).numpy())


def test_the_psnr_of_the_visible_part_is_srlibs(opened: Open) -> None:
    near = (BEFORE.int() + 7).clamp(0, 255).to(torch.uint8)
    page = opened(compare(BEFORE, near, THIRD, labels=["a", "b", "c"], reference=2))
    whole = [float(psnr(x / 255, THIRD / 255)) for x in (BEFORE, near)]
    assert said(page) == f"1x, PSNR of the whole picture: {whole[0]:.2f} dB | {whole[1]:.2f} dB"
    page.get_by_label("zoom in").click()
    y, x, h, w = HEIGHT // 4, WIDTH // 4, HEIGHT // 2, WIDTH // 2
    part = [
        float(psnr(p[:, y : y + h, x : x + w] / 255, THIRD[:, y : y + h, x : x + w] / 255))
        for p in (BEFORE, near)
    ]
    assert said(page) == f"2x, PSNR of the visible {w} x {h}: {part[0]:.2f} dB | {part[1]:.2f} dB"
    page.get_by_label("picture on the right").select_option("c")
    assert said(page).endswith("| identical")


def test_the_error_map_is_four_times_the_luma_error(opened: Open) -> None:
    page = opened(compare(BEFORE, AFTER))
    without_tags(page)
    page.get_by_label("show the errors").click()
    page.locator("input").press("End")
    weights = np.array([65.481, 128.553, 24.966]) / 255
    error = 4 * np.abs(((BEFORE.int() - AFTER.int()).movedim(0, -1).numpy() * weights).sum(-1))
    assert np.abs(on_screen(page, 1).astype(float) - np.minimum(error, 255)[..., None]).max() <= 0.5 + 1e-6
    assert "luma error x 4" in said(page)
    page.locator("input").press("e")
    assert "luma error" not in said(page)


def test_the_border_that_is_cropped_does_not_count(opened: Open) -> None:
    near = (BEFORE.int() + 7).clamp(0, 255).to(torch.uint8)
    near[:, :3], near[..., -3:] = 0, 255  # a border far off
    page = opened(compare(near, AFTER, BEFORE, reference=2, crop=3))
    mine, other = (float(psnr(x / 255, BEFORE / 255, crop=3)) for x in (near, AFTER))
    assert said(page) == f"1x, PSNR of the picture without its border of 3: {mine:.2f} dB | {other:.2f} dB"
    for _ in range(3):
        page.get_by_label("zoom in").click()
    page.locator("input").focus()
    for key in [*["Shift+ArrowLeft"] * 13, *["Shift+ArrowUp"] * 13]:
        page.keyboard.press(key)
    mine, other = (float(psnr(x[:, 3:24, 3:40] / 255, BEFORE[:, 3:24, 3:40] / 255)) for x in (near, AFTER))
    assert said(page) == f"4x, PSNR of the visible 40 x 24: {mine:.2f} dB | {other:.2f} dB"


# --- moving it ---


def test_a_small_picture_can_fill_the_column_and_be_small_again(opened: Open) -> None:
    page = opened(compare(BEFORE, AFTER))
    without_tags(page)
    page.locator("input").press("End")
    page.get_by_label("fill the column").click()
    large = BEFORE.movedim(0, -1).numpy().repeat(4, 0).repeat(4, 1)
    assert np.array_equal(on_screen(page, 1), large)
    assert said(page).startswith("4x, PSNR of the whole picture")
    page.get_by_label("zoom in").click()
    box = page.locator("canvas").bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (4 * WIDTH, 4 * HEIGHT)
    assert f"visible {4 * WIDTH // 6} x {4 * HEIGHT // 6}" in said(page)
    page.locator("input").press("f")
    assert np.array_equal(on_screen(page, 1), BEFORE.movedim(0, -1).numpy())
    page.set_viewport_size({"width": 300, "height": 700})  # no room: the button has nothing to do
    page.get_by_label("fill the column").wait_for(state="hidden")


def test_labels_stay_on_the_picture(opened: Open) -> None:
    page = opened(compare(BEFORE[..., :60], AFTER[..., :60], labels=["one", "another"]))
    canvas, tag = (page.locator(where).bounding_box() for where in ("canvas", ".tag.b"))
    assert canvas is not None
    assert tag is not None
    assert tag["x"] + tag["width"] <= canvas["x"] + canvas["width"]


def test_arrow_keys_home_and_end_move_the_divider_and_reach_nobody_else(opened: Open) -> None:
    page = opened(compare(BEFORE, AFTER))
    page.evaluate("window.heard = []; document.addEventListener('keydown', (event) => heard.push(event.key))")
    page.locator("input").focus()
    page.keyboard.press("ArrowRight")
    assert divider(page) == pytest.approx(0.52)
    for key in ("ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    assert divider(page) == pytest.approx(0.48)
    page.keyboard.press("Home")
    assert divider(page) == 0
    page.keyboard.press("End")
    assert divider(page) == 1
    page.keyboard.press("+")
    assert said(page).startswith("2x")
    page.keyboard.press("-")
    assert said(page).startswith("1x")
    page.keyboard.press("b")
    assert page.evaluate("heard") == []  # JupyterLab would insert a cell at a b


def test_shift_and_arrows_move_the_visible_part(opened: Open) -> None:
    page = opened(compare(BEFORE, AFTER))
    without_tags(page)
    page.locator("input").focus()
    for key in ("+", "+", "+", "End", *["Shift+ArrowLeft"] * 13, *["Shift+ArrowUp"] * 13):
        page.keyboard.press(key)
    corner = BEFORE[:, : HEIGHT // 4, : WIDTH // 4].movedim(0, -1).numpy()
    assert np.array_equal(on_screen(page, 1), corner.repeat(4, 0).repeat(4, 1))


def test_the_mouse_drags_the_divider_and_when_zoomed_in_the_picture(opened: Open) -> None:
    page = opened(compare(BEFORE, AFTER))
    without_tags(page)
    box = page.locator("canvas").bounding_box()
    assert box is not None

    def drag(from_x: float, to_x: float, to_y: float = 0.5) -> None:
        page.mouse.move(box["x"] + from_x * WIDTH, box["y"] + 0.5 * HEIGHT)
        page.mouse.down()
        page.mouse.move(box["x"] + to_x * WIDTH, box["y"] + to_y * HEIGHT, steps=4)
        page.mouse.up()

    drag(0.5, 0.8)
    assert divider(page) == pytest.approx(0.8, abs=0.01)
    drag(0.1, 0.3)  # anywhere: there is nothing else to move
    assert divider(page) == pytest.approx(0.3, abs=0.01)
    page.locator("input").press("End")
    for _ in range(3):
        page.get_by_label("zoom in").click()  # 4x: 40 x 24 pixels are visible, from (60, 36)
    drag(0.5, 0.6, 0.5 + 8 / HEIGHT)  # 16 screen pixels right, 8 down: 4 and 2 picture pixels
    assert divider(page) == 1
    seen = BEFORE[:, 34 : 34 + 24, 56 : 56 + 40].movedim(0, -1).numpy()
    assert np.array_equal(on_screen(page, 1), seen.repeat(4, 0).repeat(4, 1))
    page.mouse.click(box["x"] + 0.25 * WIDTH, box["y"] + 10)  # a click sets the divider there
    assert divider(page) == pytest.approx(0.25, abs=0.01)


def test_the_wheel_scrolls_the_page_until_the_slider_is_used(opened: Open) -> None:
    page = opened(compare(BEFORE, AFTER), style="height: 3000px")
    box = page.locator("canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.wheel(0, 20)
    page.wait_for_function("() => scrollY > 0")
    assert said(page).startswith("1x")
    page.evaluate("scrollTo(0, 0)")
    page.mouse.click(box["x"] + 30, box["y"] + 30)
    page.mouse.wheel(0, -100)
    page.wait_for_function("() => document.querySelector('output').textContent.startsWith('2x')")
    assert page.evaluate("scrollY") == 0


def test_a_finger_moves_the_divider_and_two_zoom(browser: Browser, tmp_path: Path) -> None:
    page = show(
        browser, tmp_path, compare(BEFORE, AFTER).text, viewport={"width": 390, "height": 700}, has_touch=True
    )
    box = page.locator("canvas").bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + 0.75 * WIDTH, box["y"] + 20)
    assert divider(page) == pytest.approx(0.75, abs=0.01)
    hand = page.context.new_cdp_session(page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": box["x"] + x, "y": box["y"] + y, "id": i} for i, (x, y) in enumerate(places)]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (70, 40), (90, 40))
    touch("touchMove", (60, 40), (100, 40))
    touch("touchMove", (40, 40), (120, 40))
    touch("touchEnd")
    assert divider(page) == pytest.approx(0.75, abs=0.01)  # two fingers zoom and leave it alone
    assert said(page).startswith("4x")
    page.context.close()


def test_of_more_than_two_pictures_the_reader_chooses_two(opened: Open) -> None:
    page = opened(compare(BEFORE, AFTER, THIRD, labels=["one", "two", "three"]))
    without_tags(page)
    page.get_by_label("picture on the left").select_option("three")
    page.locator("input").press("End")
    assert np.array_equal(on_screen(page, 1), THIRD.movedim(0, -1).numpy())
    assert page.locator(".tag.a").text_content() == "three"
    assert page.locator("input").get_attribute("aria-label") == "divider: three on its left, two on its right"


# --- the page around it ---


def test_ten_sliders_live_on_one_page_without_touching_each_other(opened: Open) -> None:
    page = opened(*(compare(BEFORE, AFTER) for _ in range(10)), viewport={"width": 700, "height": 2400})
    names = page.evaluate("Object.keys(window).filter((name) => /srlib|compare|setUp|ZOOMS/i.test(name))")
    assert names == []
    sliders = page.locator(".srlib-compare input")
    assert sliders.count() == page.locator(".srlib-compare canvas").count() == 10
    sliders.nth(3).focus()
    page.keyboard.press("Home")
    page.keyboard.press("+")
    values = [sliders.nth(i).input_value() for i in range(10)]
    assert values == ["500"] * 3 + ["0"] + ["500"] * 6
    zooms = page.locator(".srlib-compare output").all_inner_texts()
    assert [text[:2] for text in zooms] == ["1x"] * 3 + ["2x"] + ["1x"] * 6


def test_a_narrow_page_shows_a_part_that_can_be_moved_and_nothing_sticks_out(opened: Open) -> None:
    wide = torch.cat([BEFORE] * 4, dim=2)  # 640 pixels
    page = opened(
        compare(wide, wide, labels=["a long name " * 4, "b"]), viewport={"width": 390, "height": 700}
    )
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert "visible 358 x 96" in said(page)
    assert page.locator("canvas").evaluate("(one) => getComputedStyle(one).touchAction") == "pan-y"
    page.set_viewport_size({"width": 700, "height": 700})  # the phone is turned
    page.wait_for_function("() => document.querySelector('output').textContent.includes('whole picture')")


def test_on_paper_the_pictures_stand_side_by_side(opened: Open) -> None:
    page = opened(compare(BEFORE, AFTER, labels=["left one", "right one"]))
    assert not page.locator(".pictures").is_visible()
    page.emulate_media(media="print")
    boxes = [image.bounding_box() for image in page.locator(".pictures img").all()]
    assert boxes[0]
    assert boxes[1]
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]
    assert page.get_by_text("right one").first.is_visible()
    assert not page.locator("canvas").is_visible()


def test_where_no_script_runs_there_are_two_captioned_pictures(browser: Browser, tmp_path: Path) -> None:
    path = compare(BEFORE, AFTER, labels=["old", "new"]).save(tmp_path / "a.html")
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(path.as_uri())
    assert [image.get_attribute("alt") for image in page.locator("img").all() if image.is_visible()] == [
        "old",
        "new",
    ]
    assert page.get_by_text("new", exact=True).is_visible()
    page.context.close()


def test_hostile_labels_stay_text(opened: Open) -> None:
    evil = '<img src=x onerror="window.hit = 1">'
    page = opened(compare(BEFORE, AFTER, THIRD, labels=[evil, "b", "c"], caption=evil))
    assert page.locator(".tag.a").text_content() == evil
    assert page.evaluate("window.hit") is None
