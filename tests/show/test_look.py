"""The one look: colours that can be told apart, drawings that fit into any page."""

import re
import threading
from itertools import combinations
from typing import Any

import matplotlib
import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from srlib.show._look import COLOURS, DASHES, INK, MARKERS, axes, drawn, framed, look

# Machado, Oliveira and Fernandes (2009), table 1, severity 1.0: what linear RGB becomes.
BLINDNESS = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


def linear(colour: str) -> np.ndarray:
    levels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)


def gamma(levels: np.ndarray) -> np.ndarray:
    levels = levels.clip(0, 1)
    return np.where(levels <= 0.0031308, 12.92 * levels, 1.055 * levels ** (1 / 2.4) - 0.055)


def contrast(a: str, b: str) -> float:
    """WCAG 2.1: (L1 + .05) / (L2 + .05)."""
    light = sorted(float(linear(one) @ [0.2126, 0.7152, 0.0722]) for one in (a, b))
    return (light[1] + 0.05) / (light[0] + 0.05)


@pytest.mark.parametrize("page", ["#ffffff", "#14181e", "#111111"])
@pytest.mark.parametrize("colour", COLOURS)
def test_every_line_stands_out_from_a_light_and_a_dark_page(colour: str, page: str) -> None:
    assert contrast(colour, page) >= 3  # WCAG 2.1, 1.4.11: what is needed to understand a graphic


@pytest.mark.parametrize("kind", BLINDNESS)
def test_the_colours_are_apart_for_colour_blind_eyes(kind: str) -> None:
    seen = [rgb2lab(gamma(np.array(BLINDNESS[kind]) @ linear(one))) for one in COLOURS]
    apart = {(i, j): float(deltaE_ciede2000(seen[i], seen[j])) for i, j in combinations(range(6), 2)}
    assert min(apart.values()) > 7.5
    assert min(value for (_, j), value in apart.items() if j < 4) > 12  # most figures have no more lines


def test_no_two_lines_have_the_same_dash_nor_two_points_the_same_shape() -> None:
    assert len(set(COLOURS)) == len(set(DASHES)) == len(set(MARKERS)) == 6


def example(name: str = "line") -> str:
    figure, (axis,) = axes(3, 2)
    with look():
        axis.plot([0, 1], [0, 1], label=name)
        axis.set_title(name)
        axis.legend()
    return drawn(figure, "a line that rises", "a <caption>").text


def test_a_drawing_takes_the_pages_ink_and_nothing_from_outside() -> None:
    page = example()
    assert INK not in page
    assert page.count("currentColor") > 3
    assert "#ffffff" not in page
    assert "<metadata" not in page
    addresses = set(re.findall(r'https?://[^"\s]+', page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_two_drawings_on_a_page_share_no_names_and_use_only_their_own() -> None:
    first, second = example("one"), example("two")
    names = [set(re.findall(r' id="([^"]+)"', page)) for page in (first, second)]
    assert names[0]
    assert not names[0] & names[1]
    for page, own in zip((first, second), names, strict=True):
        assert set(re.findall(r"(?:href=\"#|url\(#)([^\")]+)", page)) <= own


def test_the_same_drawing_is_the_same_text() -> None:
    assert example() == example()


def test_it_is_as_wide_as_asked_and_shrinks_with_the_page() -> None:
    tag = re.search(r"<svg[^>]*>", example())
    assert tag
    assert 'width="288" height="192"' in tag[0]  # 3 x 2 inches of 96 pixels
    assert 'viewBox="0 0 216 144"' in tag[0]  # in points, 72 to the inch


def test_captions_and_alt_texts_are_escaped_and_alt_is_a_sentence() -> None:
    assert "a &lt;caption&gt;" in example()
    figure, _ = axes()
    for bad in ("", "plot", "a plot"):
        with pytest.raises(ValueError, match="alt must say in words"):
            drawn(figure, bad)
    with pytest.raises(ValueError, match="alt must say in words"):
        framed("x", group="no")


def test_two_threads_that_draw_leave_matplotlib_as_it_was() -> None:
    settings: Any = matplotlib.rcParams
    before = {name: settings[name] for name in ("axes.grid", "text.color", "figure.facecolor")}
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with look():
            inside.set()
            leave.wait(5)

    thread = threading.Thread(target=other)
    with look():
        thread.start()
        assert not inside.wait(0.2)  # waits its turn
    inside.wait(5)
    leave.set()
    thread.join()
    assert {name: settings[name] for name in before} == before
