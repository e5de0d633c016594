"""``make pdf``: the built book as one PDF, printed by a Chromium that is installed.

All pages go into one document, so that links lead to pages. It is printed twice: where each page of the
book begins is known after the first time, and stands in the table of contents in the second. The pages about
srlib's functions (book/api) stay out: they are for looking up, in the HTML book.
"""

import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import yaml

from book.editions import chromium
from book.editions.notebooks import EditionError, report
from book.editions.paper import Paper, on_paper, slug
from srlib.files import whole_or_nothing

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
LEFT_OUT = "book/api/"
FOOTER = (
    '<div style="color: #48566b; font: 8px sans-serif; text-align: center; width: 100%">'
    '<span class="pageNumber"></span></div>'
)
MARGIN = {"top": "16mm", "bottom": "18mm", "left": "18mm", "right": "18mm"}


@dataclass(frozen=True)
class Part:
    """A part of the table of contents: its caption ("" for the root page) and its pages."""

    caption: str
    pages: tuple[str, ...]


def main() -> int:
    """Write the PDF; say what became of it."""
    return report("pdf", lambda: f"_build/book.pdf: {write_pdf(ROOT, ROOT / '_build' / 'book.pdf')}")


def write_pdf(root: Path, out: Path) -> str:
    """Print the built book of ``root`` (``_build/html``) into ``out``; returns a sentence with its size."""
    site, program = root / "_build" / "html", chromium.installed()
    if program is None:
        raise EditionError(chromium.ABSENT)
    wanted = parts(root)
    for name in [page for part in wanted for page in part.pages]:
        if not (site / f"{name}.html").is_file():
            raise EditionError(f"there is no built {name}; build the book first: make book")
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    papers, links = read(site, wanted)
    with tempfile.TemporaryDirectory(prefix=".pdf-", dir=site.parent) as folder:
        source = Path(folder) / "book.html"  # beside the built book, whose style sheets and pictures it uses
        source.write_text(document(config, wanted, papers, links, {}), encoding="utf-8")
        first = printed(program, source)
        wanted_places = [slug(name) for name in papers]
        wanted_places += ["solutions"] if any(paper.solutions for paper in papers.values()) else []
        numbers = places(first, wanted_places)
        source.write_text(document(config, wanted, papers, links, numbers), encoding="utf-8")
        second = printed(program, source)
        if places(second, list(numbers)) != numbers:
            raise EditionError("the table of contents moved the pages that it names; this is a fault of ours")
    with whole_or_nothing(out) as file:
        file.write(second)
    return f"{count(second)} pages, {len(papers)} pages of the book, {len(second) / 1e6:.1f} MB"


def parts(root: Path) -> list[Part]:
    """The table of contents, without the pages that stay out."""
    contents = yaml.safe_load((root / "book" / "_toc.yml").read_text(encoding="utf-8"))
    found = [Part("", (contents["root"],))]
    for part in contents.get("parts", [{"caption": "", "chapters": contents.get("chapters", [])}]):
        pages = tuple(name for name in _files(part["chapters"]) if not name.startswith(LEFT_OUT))
        if pages:
            found.append(Part(part.get("caption", ""), pages))
    return found


def _files(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for entry in entries:
        yield entry["file"]
        yield from _files(entry.get("sections", []))


def read(site: Path, wanted: Sequence[Part]) -> tuple[dict[str, Paper], list[str]]:
    """Every page ready for paper, by its name, and the style sheets of the site."""
    names = [name for part in wanted for name in part.pages]
    pages = {f"{name}.html": name for name in names} | {"index.html": names[0]}
    styles: set[str] = set()
    papers, links = {}, []
    for name in names:
        html = (site / f"{name}.html").read_text(encoding="utf-8")
        papers[name] = on_paper(html, name, pages, styles)
        for address in re.findall(r'<link[^>]*href="[./]*(_static/[^"?]+\.css)', html):
            if f"../html/{address}" not in links:
                links.append(f"../html/{address}")
    return papers, links


def document(
    config: Mapping[str, Any],
    wanted: Sequence[Part],
    papers: Mapping[str, Paper],
    links: Sequence[str],
    numbers: Mapping[str, int],
) -> str:
    """All pages as one. ``numbers``: {id of a page of the book: where it begins}, for the contents."""
    sheets = "".join(f'<link rel="stylesheet" href="{escape(address)}">' for address in links)
    own = (HERE / "paper.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en" data-theme="light" data-mode="light"><head><meta charset="utf-8">'
        f"<title>{escape(config['title'])}</title>{sheets}<style>{own}</style>"
        '<script>window.MathJax = {options: {processHtmlClass: "math"}};</script>'
        '<script defer src="../html/_static/mathjax/tex-mml-chtml.js"></script></head>'
        f'<body><main class="bd-content">{front(config)}{contents(wanted, papers, numbers)}'
        f"{''.join(str(paper.body) for paper in papers.values())}{appendix(papers)}</main></body></html>"
    )


def front(config: Mapping[str, Any]) -> str:
    """The title page."""
    return (
        f'<div class="front"><p class="name">{escape(config["title"])}</p><p>{escape(config["author"])}</p>'
        "<p>Printed from the HTML book. There sliders move, questions answer, and code unfolds; the "
        "notebooks run all of it.</p></div>"
    )


def contents(wanted: Sequence[Part], papers: Mapping[str, Paper], numbers: Mapping[str, int]) -> str:
    """The table of contents; where no number is known yet, there is room for one."""

    def line(place: str, words: str) -> str:
        number = numbers.get(place, 888)
        return (
            f'<li><a href="#{place}">{escape(words)}</a><span class="dots"></span>'
            f'<span class="number">{number}</span></li>'
        )

    lists = ""
    for part in wanted:
        caption = f'<p class="part">{escape(part.caption)}</p>' if part.caption else ""
        lines = "".join(line(slug(name), papers[name].title) for name in part.pages)
        lists += f"{caption}<ul>{lines}</ul>"
    if any(paper.solutions for paper in papers.values()):
        lists += f"<ul>{line('solutions', 'Hints and solutions')}</ul>"
    return f'<nav class="contents" aria-label="contents"><p class="name">Contents</p>{lists}</nav>'


def appendix(papers: Mapping[str, Paper]) -> str:
    """Hints and solutions of all exercises, by chapter."""
    found = "".join(
        f"<h2>{escape(paper.title)}</h2>{''.join(map(str, paper.solutions))}"
        for paper in papers.values()
        if paper.solutions
    )
    return (
        f'<div class="bd-article page" id="solutions"><h1>Hints and solutions</h1>{found}</div>'
        if found
        else ""
    )


def printed(program: str, source: Path) -> bytes:
    """The document as a PDF, with bookmarks, light, the network off."""
    from playwright.sync_api import Error, sync_playwright

    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=list(chromium.FLAGS))
            page = browser.new_context(offline=True, color_scheme="light").new_page()
            page.set_default_timeout(600_000)
            page.emulate_media(media="print", color_scheme="light")
            page.goto(source.as_uri())
            page.evaluate("window.MathJax?.startup?.promise")
            made: bytes = page.pdf(
                format="A4",
                margin=MARGIN,
                print_background=True,
                display_header_footer=True,
                header_template="<span></span>",
                footer_template=FOOTER,
                outline=True,
                tagged=True,
            )
            browser.close()
    except Error as fault:
        raise EditionError(f"Chromium could not print: {str(fault).splitlines()[0]}") from fault
    return made


def places(made: bytes, wanted: Sequence[str]) -> dict[str, int]:
    """The page, counted from 1, on which each of these ids stands. Something links to each of them."""
    reader = _reader(made)
    known = {name.removeprefix("/"): place for name, place in reader.named_destinations.items()}
    return {place: reader.get_destination_page_number(known[place]) + 1 for place in wanted}


def count(made: bytes) -> int:
    """How many pages a PDF has."""
    return len(_reader(made).pages)


def _reader(made: bytes) -> Any:
    import io

    from pypdf import PdfReader

    return PdfReader(io.BytesIO(made))


if __name__ == "__main__":
    sys.exit(main())
