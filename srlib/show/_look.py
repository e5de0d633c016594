"""The one look of the book's figures: axes to draw on, and the way from a drawing to the page."""

import hashlib
import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from srlib.show._html import Html, asset, escape

if TYPE_CHECKING:  # matplotlib belongs to the book, not to the library: it is imported where it draws
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#eb6d23", "#00a477", "#827785", "#8a6d00", "#a765eb")
"""Line colours, 3 to 1 or more against white and against the dark page, apart for colour-blind eyes too."""

DASHES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (4, 1.5, 1, 1.5)), (0, (8, 2)), (0, (2, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P")
"""Beside the colour, each line has a dash and each kind of point a shape."""

INK = "#010203"
"""Stands for the page's own text colour, light or dark, in a drawing."""

_LOOK: dict[str, Any] = {
    "axes.edgecolor": INK,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "figure.facecolor": "none",
    "figure.constrained_layout.use": True,
    "font.size": 9.5,
    "grid.alpha": 0.15,
    "grid.color": INK,
    "image.cmap": "cividis",
    "image.interpolation": "nearest",
    "legend.frameon": False,
    "lines.linewidth": 1.7,
    "lines.markersize": 5,
    "savefig.facecolor": "none",
    "svg.fonttype": "path",
    "svg.hashsalt": "srlib",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def look() -> Iterator[None]:
    """``with look():`` matplotlib draws as the book does: lines, points and legends take their style from
    here at the moment they are drawn. Afterwards it draws as before. One thread at a time, because
    matplotlib has one set of settings for all of them and a training may draw while the reader does."""
    import matplotlib

    with _ONE_AT_A_TIME, matplotlib.rc_context(cast(Any, _LOOK)):
        yield


def axes(
    width: float = 4.8, height: float = 2.8, *, columns: int = 1, rows: int = 1
) -> tuple["Figure", list["Axes"]]:
    """An empty drawing in the book's look and its axes, row by row; sizes in inches (96 pixels on the page).
    ``drawn`` puts it on the page."""
    from matplotlib.figure import Figure

    with look():
        figure = Figure(figsize=(width, height))
        made = [figure.add_subplot(rows, columns, i + 1) for i in range(rows * columns)]
    return figure, made


def drawn(figure: "Figure", alt: str, caption: str = "") -> Html:
    """A drawing as part of the page: vector graphics that take on the page's text colour. ``alt`` says in
    words what there is to see."""
    memory = io.StringIO()
    with look():
        figure.savefig(memory, format="svg", metadata={"Date": None, "Creator": None})
    svg = memory.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    # names inside one drawing must not meet those of another on the same page
    key = "s" + hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = re.sub(r'( id="|xlink:href="#|url\(#)', rf"\g<1>{key}-", svg)
    width, height = (float(side) * 96 / 72 for side in re.findall(r'(?:width|height)="([\d.]+)pt"', svg)[:2])
    svg = re.sub(
        r'<svg[^>]*?viewBox="([^"]*)"[^>]*>',
        rf'<svg viewBox="\1" width="{width:.0f}" height="{height:.0f}" aria-hidden="true" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">',
        svg,
        count=1,
        flags=re.S,
    )
    return framed(f'<div role="img" aria-label="{escape(needed(alt))}">{svg}</div>', caption)


def framed(inner: str, caption: str = "", group: str | None = None) -> Html:
    """Whatever is shown, in the frame that all figures share, with its caption below. ``group`` names what
    consists of several pictures for those who cannot see it."""
    named = f' role="group" aria-label="{escape(needed(group))}"' if group is not None else ""
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    style = f"<style>{asset('srlib.show', 'figures.css')}</style>"
    return Html(f'<figure class="srlib-figure"{named}>{style}{inner}{below}</figure>')


def plain(name: str) -> str:
    """A name as matplotlib is to draw it: a dollar sign is no formula, a leading _ does not hide it."""
    text = str(name).replace("$", r"\$")
    return f"\u200b{text}" if text.startswith("_") else text


def needed(alt: str) -> str:
    """The words for those who cannot see a figure; a figure without them is an error."""
    if len(alt.split()) < 3:
        raise ValueError(f"alt must say in words what the figure shows, not {alt!r}")
    return alt
