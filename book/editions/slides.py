"""``make slides``: a presentation of each chapter's core, in ``_build/slides``, that opens from the disk.

It shows what the book's own build computed (``_build/jupyter_execute``), so that nothing runs twice.
"""

import re
import shutil
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from pygments.formatters import HtmlFormatter

from book.editions import deck
from book.editions.notebooks import EditionError, chapters, report, title, whole_folder

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
MATHJAX = ROOT / "book" / "_static" / "mathjax"
TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="stylesheet" href="assets/reveal.css">
<link rel="stylesheet" href="assets/slides.css">
<link rel="stylesheet" href="assets/code.css">
<script src="assets/before.js"></script>
<script defer src="assets/mathjax/tex-mml-chtml.js"></script>
<script defer src="assets/reveal.js"></script>
<script defer src="assets/notes.js"></script>
<script defer src="assets/slides.js"></script>
</head>
<body class="tex2jax_ignore">
<main class="reveal"><div class="slides">
{slides}
</div></main>
</body>
</html>
"""


def main() -> int:
    """Write the slides of every chapter; say what became of it."""
    return report("slides", lambda: f"_build/slides: {write_slides(ROOT, ROOT / '_build' / 'slides')}")


def write_slides(root: Path, out: Path) -> str:
    """Write a page of slides for each chapter, their contents page and what they need, all or nothing;
    returns a sentence with their number and size."""
    notebooks = {path.stem: executed(path) for path in chapters(root)}
    if not notebooks:
        raise EditionError("the table of contents names no chapter")
    out.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with whole_folder(out) as folder:
        write_assets(folder / "assets")
        for name, notebook in notebooks.items():
            made = deck.slides(notebook, name, list(notebooks))
            count += len(made)
            (folder / f"{name}.html").write_text(page(title(notebook), made), encoding="utf-8")
        titles = {name: title(notebook) for name, notebook in notebooks.items()}
        (folder / "index.html").write_text(contents(titles), encoding="utf-8")
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    return f"{count} slides of {len(notebooks)} chapters, {size:.0f} MB; open index.html"


def executed(path: Path) -> Any:
    """The chapter as the book's build left it, with its outputs."""
    found = path.parents[1] / "_build" / "jupyter_execute" / "notebooks" / path.name
    if not found.is_file():
        raise EditionError(f"there is no built {path.stem}; build the book first: make book")
    before, after = (nbformat.read(one, as_version=4) for one in (path, found))
    if [cell.source for cell in before.cells] != [cell.source for cell in after.cells]:
        raise EditionError(f"{path.stem} was changed after it was built; build the book first: make book")
    return after


def page(name: str, made: Sequence[deck.Slide]) -> str:
    """A chapter's presentation."""
    return TEMPLATE.format(title=escape(name), slides="\n".join(map(section, made)))


def section(slide: deck.Slide) -> str:
    """One slide for reveal.js."""
    level = 1 if slide.kind == "title" else 2
    notes = f'<aside class="notes">{"".join(slide.notes)}</aside>' if slide.notes else ""
    return (
        f'<section class="{slide.kind}"><h{level}>{slide.title}</h{level}>'
        f'<div class="content"><div class="inner">{"".join(slide.blocks)}</div></div>{notes}</section>'
    )


def contents(titles: dict[str, str]) -> str:
    """The page that leads to every chapter's slides."""
    links = "".join(f'<li><a href="{name}.html">{escape(words)}</a></li>' for name, words in titles.items())
    keys = (
        "Arrow keys, space or a remote turn the slides. <kbd>S</kbd> opens the speaker's view with the "
        "notes, <kbd>O</kbd> shows all slides, <kbd>F</kbd> fills the screen, <kbd>?</kbd> lists the other "
        "keys. While a slider or a question has the focus, the arrows belong to it; <kbd>Esc</kbd> gives "
        "them back."
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width"><meta name="color-scheme" content="light dark"><title>Slides</title>'
        '<link rel="stylesheet" href="assets/slides.css"></head><body class="contents"><main><h1>Slides</h1>'
        f"<p>{keys}</p><ul>{links}</ul></main></body></html>\n"
    )


def write_assets(folder: Path) -> None:
    """What all presentations share."""
    folder.mkdir()
    for path in (*sorted((HERE / "reveal").glob("*.[cj]s*")), *sorted(HERE.glob("slides*.[cj]s*"))):
        shutil.copyfile(path, folder / path.name)
    for name, path in {"mathjax": MATHJAX / "LICENSE", "reveal": HERE / "reveal" / "LICENSE"}.items():
        shutil.copyfile(path, folder / f"LICENSE.{name}")
    shutil.copyfile(HERE / "before_slides.js", folder / "before.js")
    shutil.copytree(MATHJAX, folder / "mathjax", ignore=shutil.ignore_patterns("README.md", "LICENSE"))
    (folder / "code.css").write_text(code_colours(), encoding="utf-8")


def code_colours() -> str:
    """The colours of code, light and dark; the same as in the book, whose contrast was chosen for reading."""
    light, dark = (
        re.sub(r"^(?!\.code).*$", "", HtmlFormatter(style=style).get_style_defs(".code"), flags=re.MULTILINE)
        for style in ("a11y-high-contrast-light", "a11y-high-contrast-dark")
    )
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"


if __name__ == "__main__":
    sys.exit(main())
