"""Networks in the reader's browser; `_config.yml` loads this file.

Wherever a page holds ``<div class="srlib-photo" data-networks="fsrcnn espcn" data-scale="3">words</div>``,
the words (for notebooks, which show nothing else) give way to what `book/photo/page.js` makes of the place,
and the page gets the scripts and the weights of the networks that it names, once. ``srlib-photo-times`` in
place of ``srlib-photo`` gives the table that a reader fills with the times of their own machine.
"""

import base64
import io
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

# srlib and torch are imported where they are used: a book without such a place needs neither.

FOLDER = Path(__file__).parents[1] / "photo"
PLACE = re.compile(r'<div class="(srlib-photo(?:-times)?)"([^>]*)>.*?</div>', re.DOTALL)
WITHOUT_SCRIPTS = "<p>Here networks run in your browser. They need JavaScript, which is switched off.</p>"
SAMPLE = "chelsea"


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("html-page-context", fill_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def fill_in(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: object) -> None:
    """Put the component into the places that a page has for it; what is wrong with one ends the build."""
    if "body" not in context:  # a page that Sphinx makes itself
        return
    try:
        context["body"] = filled(context["body"])
    except ValueError as fault:
        raise ExtensionError(f"{page}: {fault}") from None


def filled(body: str, weights: Path | None = None) -> str:
    """The page's body with the component in its places; ``weights``: the zoo's folder, if another."""
    places = list(PLACE.finditer(body))
    if not places:
        return body
    names = [name for place in places for name in networks_of(place)]
    first = places[0].start()
    body = PLACE.sub(lambda place: f'<div class="{place[1]}"{place[2]}>{WITHOUT_SCRIPTS}</div>', body)
    return f"{body[:first]}{head(tuple(dict.fromkeys(names)), weights)}{body[first:]}{script('page.js')}"


def networks_of(place: re.Match[str]) -> list[str]:
    """The networks that a place names."""
    named = re.search(r'data-networks="([^"]*)"', place[2])
    if not named or not named[1].strip():
        raise ValueError(f"a place for a photo names no network: {place[0][:80]!r}")
    return named[1].split()


def text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def script(name: str) -> str:
    return f"<script>{text(name)}</script>"


@cache
def head(names: tuple[str, ...], weights: Path | None) -> str:
    """What comes before the first place: style, networks, the workers' script, the slider's, the sample."""
    from photo_networks import offered

    from srlib.show._html import asset

    content = {
        "networks": offered(names, weights),
        "worker": "\n".join(map(text, ("pixels.js", "fast.js", "network.js", "worker.js"))),
        "slider": asset("srlib.show", "compare.js"),
        "sample": {"name": SAMPLE, "address": sample()},
    }
    packed = json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")  # no tag may end the script
    style = asset("srlib.show", "compare.css") + text("photo.css")
    return f'<style>{style}</style><script type="application/json" id="srlib-photo-data">{packed}</script>'


def sample() -> str:
    """The photograph that can be tried with one button, small and sharp, as an address that contains it."""
    from PIL import Image

    from srlib.data import photos
    from srlib.degrade import bicubic
    from srlib.images import crop_to_multiple, to_uint8

    whole = crop_to_multiple(photos(SAMPLE)[SAMPLE], 2)
    memory = io.BytesIO()
    Image.fromarray(to_uint8(bicubic(whole, 2)).movedim(0, -1).numpy()).save(memory, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(memory.getvalue()).decode()}"
