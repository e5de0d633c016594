"""A chapter's slides, made of its executed notebook: what is shown, what the speaker says, what is left out.

Only the core is shown: sections marked "(deeper)", hints and solutions stay in the book. Prose is what a
speaker says: the first sentence is seen, the others are the notes.
"""

import ast
import base64
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from book.editions.notebooks import relinked

ROOM = 15.0
"""What one slide holds, in lines of text."""

FIGURE = 8.5
"""What a figure takes at least; it grows into what is left."""

MOST_CODE, OF_LONG_CODE, MOST_PRINTED = 12, 8, 8
"""Lines: code up to the first is shown whole, of longer code the second; of what is printed the third."""

FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)
SENTENCE = re.compile(r"[.!?](?:\*{1,2}|_)?\)?\s+(?=[\"“(*\[`$]*[A-Z0-9])")
NO_END = re.compile(r"\b(?:al|e\.g|i\.e|vs|Fig|cf|approx)\.$")
CLOSED = re.compile(r"\$[^$]*\$|`[^`]*`|\[[^\]]*\]\([^)]*\)|\([^)]*\)")  # no sentence ends in here
SAYS = {"say", "rows", "claim", "same_network", "predict", "reveal", "quiz", "print"}
SHOWN_ALONE = re.compile(r"\b(?:check\.predict|explorers\.\w+|show\.(?:compare|opinion|header))\(")
PHOTO = re.compile(r'<div class="srlib-photo".*?</div>', re.DOTALL)


@dataclass
class Slide:
    """A slide: its heading (HTML), what stands below it, the speaker's notes, and how full it is."""

    title: str
    kind: str = ""
    blocks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fill: float = 0


def slides(notebook: Any, name: str, chapters: Sequence[str]) -> list[Slide]:
    """The slides of an executed chapter. ``name`` and ``chapters``: notebooks without their suffix; a link to
    one of them leads to its slides."""
    deck = _Deck(name, chapters)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            deck.prose(cell.source, reading=cell.get("id", "").endswith("-read"))
        elif deck.shown and cell.cell_type == "code":
            deck.code(cell)
    return deck.slides + deck.quizzes


class _Deck:
    """The slides so far, and where in the chapter we are."""

    def __init__(self, name: str, chapters: Sequence[str]) -> None:
        self.slides: list[Slide] = []
        self.quizzes: list[Slide] = []
        self.heading = ""
        self.left_out = 0  # the level of the "(deeper)" heading that we are in, or 0
        self.exercise = False
        self.listed = True  # paragraphs that begin in bold are a list in all but name
        self.asked = ""  # the prediction that the last slide asks for
        self.page = f"notebooks/{name}.ipynb"
        self.kept = {f"notebooks/{one}.ipynb": f"{one}.html" for one in chapters}

    @property
    def shown(self) -> bool:
        return not self.left_out and not self.exercise

    # --- prose ---

    def prose(self, source: str, *, reading: bool) -> None:
        """A Markdown cell. ``reading``: it reads aloud what is seen already, so that all of it is notes."""
        text = PHOTO.sub("", FOLDED.sub("", source))  # a frame for the reader's photo: only in the HTML book
        text = re.sub(r"(\.ipynb)#[^)\s]*\)", r"\1)", text)  # slides have no such places
        nodes = SyntaxTreeNode(_markdown().parse(relinked(text, self.page, self.kept))).children
        lead = not reading  # the next paragraph's first sentence is to be seen
        begun = reading
        for node in nodes:
            if node.type == "heading":
                lead = begun = self.begin(node)
                continue
            if self.left_out:
                continue
            if not begun:
                self.new()
                begun = True
            if node.type == "paragraph":
                bold = node.children[0].content.startswith("**")  # says what it is about
                self.paragraph(node, lead=lead or (bold and not reading and self.listed))
                lead = False
            elif node.type == "bullet_list":
                self.add(_items(node), sum(_lines(one) for one in _texts(node)))
            else:
                html = _html(node)
                self.add(html, 3 if node.type.startswith("math") else 1.3 * max(2, html.count("<tr>")))

    def begin(self, node: SyntaxTreeNode) -> bool:
        """A heading: a new slide, unless it or what it stands under is left out. Whether there is a slide."""
        level, words = int(node.tag[1:]), node.children[0].content
        if self.left_out and level > self.left_out:
            return False
        self.listed = True
        self.left_out = level if words.rstrip().endswith("(deeper)") else 0
        self.exercise = not self.left_out and words.startswith("Exercise ")
        if self.left_out:
            return False
        self.heading = _inline(words)
        if words != "Check yourself":  # its questions come last
            self.new(kind={1: "title", 2: "section"}.get(level, ""))
        return True

    def paragraph(self, node: SyntaxTreeNode, *, lead: bool) -> None:
        """``lead``: its first sentence is seen; otherwise all of it is said."""
        text = node.children[0].content
        if re.fullmatch(r"\*\*[^*]+\*\*", text):  # "**You will be able to**" is a heading in all but name
            self.listed = False
            slide = self.slides[-1] if self.slides and not self.slides[-1].blocks else self.new()
            slide.title = _inline(text.strip("*"))
            return
        if self.exercise:
            self.add(f"<p>{_inline(text)}</p>", _lines(text))
            return
        if not lead:
            self.note(_html(node))
            return
        first, others = first_sentence(text)
        self.add(f'<p class="lead">{_inline(first)}</p>', _lines(first))
        if others:
            self.note(f"<p>{_inline(others)}</p>")

    # --- code and what it gave ---

    def code(self, cell: Any) -> None:
        hidden = set(cell.metadata.get("tags", [])) & {
            "hide-input",
            "remove-input",
            "hide-cell",
            "remove-cell",
        }
        if not hidden and not SHOWN_ALONE.search(cell.source):
            seen = worth_showing(cell.source)
            lines = seen.splitlines()
            if len(lines) > MOST_CODE:
                more = f'<p class="more">{len(lines) - OF_LONG_CODE} more lines in the book</p>'
                self.add(_python("\n".join(lines[:OF_LONG_CODE])) + more, 0.85 * OF_LONG_CODE + 2)
            elif lines:
                self.add(_python(seen), 0.85 * len(lines) + 0.7)
        for output in cell.outputs:
            self.output(output, cell)

    def output(self, output: Any, cell: Any) -> None:
        if output.output_type == "stream":
            if output.name == "stdout" and output.text.strip():
                lines = output.text.rstrip().splitlines()
                shown = "\n".join(lines[:MOST_PRINTED] + (["..."] if len(lines) > MOST_PRINTED else []))
                self.add(f'<pre class="printed">{escape(shown)}</pre>', 0.8 * min(len(lines), 9) + 0.5)
            return
        data = output.get("data", {})
        if "text/html" in data:
            self.html(data["text/html"])
        elif "text/markdown" in data:
            self.said(data["text/markdown"])
        elif picture := next((kind for kind in ("image/png", "image/jpeg") if kind in data), None):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            address = f"data:{picture};base64,{data[picture].replace(chr(10), '')}"
            figure = f'<img class="shown" src="{address}" alt="{escape(alt, quote=True)}">'
            self.add(f'<figure class="srlib-figure">{figure}</figure>', FIGURE)
        elif "text/plain" in data:
            self.add(f'<pre class="printed">{escape(data["text/plain"])}</pre>', 2)

    def said(self, text: str) -> None:
        """A sentence or a table from the run; a claim has its tick. What is folded stays in the book."""
        text = relinked(FOLDED.sub("", text), self.page, self.kept)
        if not text.strip():
            return
        html = _markdown().render(text)
        if "<table>" in html:
            self.add(html, 1.3 * html.count("<tr>"))
        else:
            kind = "claim" if text.startswith("✓") else "said"
            self.add(f'<div class="{kind}">{html}</div>', _lines(text) + 0.3)

    def html(self, html: str) -> None:
        """A component of the book: it brings along all it needs."""
        kind = (re.search(r'class="(srlib-[a-z]+)', html) or [None, ""])[1]
        if kind == "srlib-header":
            return
        if kind == "srlib-question":
            self.question(html)
        else:
            # What is to be moved has a slide to itself, but for a short lead.
            alone = kind != "srlib-figure"
            last = self.slides[-1] if self.slides else self.new()
            if alone and last.blocks and (kind == "srlib-compare" or last.kind == "title" or last.fill > 2):
                self.new()
            lines = ROOM - 3 if alone else max(FIGURE, 0.8 * html.count("<tr"))
            self.add(f'<div class="component" data-prevent-swipe>{html}</div>', lines)

    def question(self, html: str) -> None:
        notes = re.search(r'data-notes="([^"]+)"', html)
        if of := re.search(r'data-of="(\w+)"', html):
            self.answer(of[1], unpacked(notes[1] if notes else ""))
        elif notes:
            title = "Check yourself" if self.heading == "Check yourself" else "Recall"
            self.quizzes.append(Slide(title, kind="question", blocks=[html]))
        else:
            asking = self.new(kind="question")
            asking.blocks.append(html)
            asking.fill = ROOM
            self.asked = (re.search(r'data-key="(\w+)"', html) or ["", ""])[1]

    def answer(self, key: str, notes: Mapping[str, Any]) -> None:
        """What the run said of a prediction: the next step where the question is still seen, else the
        question once more and then its answer."""
        right = notes["options"][notes["answer"]]
        html = f"<p><strong>The run says: {_code(right)}.</strong> {_code(notes['why'])}</p>"
        if self.asked != key:
            options = "".join(f"<li>{_code(one)}</li>" for one in notes["options"])
            question = next(
                (found[1] for s in self.slides for b in s.blocks if (found := _asked(b, key))), self.heading
            )
            self.new(kind="question").blocks.append(f"<p><strong>{question}</strong></p><ul>{options}</ul>")
        self.slides[-1].blocks.append(f'<div class="fragment answer">{html}</div>')
        self.asked = ""
        self.slides[-1].fill = ROOM  # what comes next, comes on a slide of its own

    # --- slides ---

    def new(self, kind: str = "") -> Slide:
        """Begin a slide; one that stayed empty, and has no heading of its own, is gone."""
        if self.slides and not self.slides[-1].blocks and not self.slides[-1].kind:
            self.slides.pop()
        self.slides.append(Slide(self.heading, kind=kind))
        self.asked = ""
        return self.slides[-1]

    def add(self, html: str, lines: float) -> None:
        """Put something on the slide, or on a new one if it has no room there."""
        if not self.slides or (self.slides[-1].blocks and self.slides[-1].fill + lines > ROOM):
            self.new()
        self.slides[-1].blocks.append(html)
        self.slides[-1].fill += lines
        self.asked = ""

    def note(self, html: str) -> None:
        (self.slides[-1] if self.slides else self.new()).notes.append(html)


def first_sentence(text: str) -> tuple[str, str]:
    """A paragraph's first sentence, and the others; a very short one takes the next along. What stands in
    formulas, code, links or brackets has no end of a sentence in it."""
    hidden = CLOSED.sub(lambda found: "x" * len(found[0]), text)
    for end in SENTENCE.finditer(hidden):
        if end.start() >= 20 and not NO_END.search(hidden[: end.start() + 1]):
            return text[: end.end()].strip(), text[end.end() :].strip()
    return text.strip(), ""


def worth_showing(source: str) -> str:
    """A cell's code without its first imports, and without the calls at its end that draw, say or ask: what
    they give is seen."""
    try:
        body = ast.parse(source).body
    except SyntaxError:  # a line for the shell
        return source.strip()
    while body and isinstance(body[0], ast.Import | ast.ImportFrom):
        body.pop(0)
    while body and _only_shows(body[-1]):
        body.pop()
    if not body:
        return ""
    first = min([body[0].lineno, *(one.lineno for one in getattr(body[0], "decorator_list", []))])
    return "\n".join(source.splitlines()[first - 1 : body[-1].end_lineno]).strip("\n")


def _only_shows(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    called = ast.unparse(node.value.func)
    return called.startswith(("show.", "explorers.")) or (
        called.startswith("check.") and called.split(".")[-1] in SAYS
    )


def unpacked(text: str) -> dict[str, Any]:
    """The notes that a question brings along (see srlib.show._html.packed)."""
    return dict(json.loads(bytes(byte ^ 90 for byte in base64.b64decode(text))))


def _asked(block: str, key: str) -> re.Match[str] | None:
    return re.search(r"<legend>(.*?)</legend>", block) if f'data-key="{key}"' in block else None


def _markdown() -> MarkdownIt:
    """The book's Markdown. Formulas stay as they are, for MathJax."""
    reader = MarkdownIt("commonmark", {"html": True}).enable("table").use(dollarmath_plugin)
    for kind, (begin, end) in {
        "math_inline": (r"\(", r"\)"),
        "math_inline_double": (r"\[", r"\]"),
        "math_block": (r"\[", r"\]"),
        "math_block_label": (r"\[", r"\]"),
    }.items():
        tag = "div" if "block" in kind else "span"

        def draw(_: Any, tokens: Any, at: int, *__: Any, b: str = begin, e: str = end, t: str = tag) -> str:
            return f'<{t} class="math">{b}{escape(tokens[at].content)}{e}</{t}>'

        reader.add_render_rule(kind, draw)
    return reader


def _inline(text: str) -> str:
    return str(_markdown().renderInline(text))


def _html(node: SyntaxTreeNode) -> str:
    reader = _markdown()
    return str(reader.renderer.render(node.to_tokens(), reader.options, {}))


def _texts(node: SyntaxTreeNode) -> list[str]:
    """The items of a list, without those marked "(deeper)"."""
    items = [" ".join(one.content for one in item.walk() if one.type == "inline") for item in node.children]
    return [item for item in items if "(deeper)" not in item]


def _items(node: SyntaxTreeNode) -> str:
    return f"<ul>{''.join(f'<li>{_inline(one)}</li>' for one in _texts(node))}</ul>"


def _python(code: str) -> str:
    return str(highlight(code, PythonLexer(), HtmlFormatter(cssclass="code", wrapcode=True)))


def _code(text: str) -> str:
    """Text whose `backticks` are code, as in the book's questions."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _lines(text: str) -> float:
    return float(math.ceil(len(text) / 80))
