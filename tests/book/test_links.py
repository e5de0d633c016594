"""Every link of the built book leads somewhere: to a file that is there, to a place that the page has. Sphinx
looks at its own links only; those in raw HTML and in what cells show are looked at here.

Needs `make book`; skips without it, unless SRLIB_REQUIRE_BROWSER=1.
"""

import functools
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("site")]


@functools.cache
def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@functools.cache
def places(path: Path) -> frozenset[str]:
    """What a link may name behind its #."""
    found = soup(path)
    named = [one["id"] for one in found.select("[id]")] + [one["name"] for one in found.select("a[name]")]
    return frozenset(map(str, named))


def lost(path: Path) -> list[str]:
    """The page's own addresses that lead nowhere."""
    found = []
    for one in soup(path).select("[href], [src]"):
        address = str(one.get("href") or one.get("src") or "")
        parts = urlparse(address)
        if parts.scheme or parts.netloc or not address.strip():
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        place = unquote(parts.fragment)
        if not target.exists() or (place and target.suffix == ".html" and place not in places(target)):
            found.append(address)
    return found


def test_no_link_of_the_book_leads_nowhere() -> None:
    pages = [path for path in sorted(SITE.rglob("*.html")) if "_static" not in path.parts]
    assert len(pages) > 30
    broken = {path.relative_to(SITE).as_posix(): lost(path) for path in pages}
    assert {name: links for name, links in broken.items() if links} == {}


def test_a_missing_file_and_a_missing_place_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "there.html").write_text('<p id="here">x</p>', encoding="utf-8")
    page = tmp_path / "page.html"
    page.write_text(
        '<p id="own"></p><a href="there.html#here">1</a><a href="#own">2</a><a href="https://x.invalid/">3</a>'
        '<a href="gone.html">4</a><a href="there.html#away">5</a><img src="a.png"><a href="#lost">6</a>',
        encoding="utf-8",
    )
    assert lost(page) == ["gone.html", "there.html#away", "a.png", "#lost"]
