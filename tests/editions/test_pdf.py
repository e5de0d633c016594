"""The book on paper: nothing that needs a screen, links that lead somewhere, every chapter in its order."""

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from browser import chromium, give_up
from bs4 import BeautifulSoup
from pypdf import PdfReader

from book.editions import pdf
from book.editions.notebooks import EditionError
from book.editions.paper import Paper, on_paper
from srlib import check, show
from srlib.show import explorers

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
PAGES = {"notebooks/01_a.html": "notebooks/01_a", "book/end.html": "book/end"}
ASK, OPTIONS = "Which is closer?", ["nearest", "bicubic"]
QUIZ = check.quiz(
    "Why?", {"Never mind.": "Not so.", "It rings.": "Right: at `edges`."}, right="It rings."
).text
CARD = """<section id="exercise-1-1"><h3>Exercise 1.1: Twice</h3><p>Write it.</p>
<div class="cell tag_exercise"><div class="cell_input"><pre>def twice(x): ...</pre></div>
<div class="cell_output"><p>not attempted yet</p></div></div>
<details><summary>Hint</summary><p>Add.</p></details>
<details><summary>Solution</summary><pre>return 2 * x</pre></details></section>"""


def page(title: str, body: str) -> str:
    """A page as the built book has it."""
    return (
        f"<!doctype html><html><head><title>{title}</title></head><body><button>search</button>"
        f'<article class="bd-article"><section id="top"><h1>{title}'
        '<a class="headerlink" href="#top">#</a></h1>'
        f"{body}</section></article></body></html>"
    )


def paper(body: str, styles: set[str] | None = None) -> Paper:
    return on_paper(page("1. A", body), "notebooks/01_a", PAGES, set() if styles is None else styles)


def words(one: Any) -> str:
    for style in one.find_all("style"):
        style.decompose()
    return re.sub(r"\s+", " ", one.get_text(" ")).strip()


def slider() -> str:
    return show.compare(*torch.rand(2, 3, 24, 32), labels=["soft", "sharp"], caption="A pair.").text


def test_a_slider_is_a_captioned_pair_without_controls_or_scripts() -> None:
    body = paper(slider()).body
    assert [one.get_text() for one in body.select(".srlib-compare.pair figcaption")] == ["soft", "sharp"]
    assert len(body.select(".srlib-compare.pair img[src^='data:']")) == 2
    assert "A pair." in words(body)
    assert body.select("script, button, input, select, canvas") == []


def test_an_explorer_is_its_first_picture_alone() -> None:
    text = explorers.kernel().still().text
    whole = BeautifulSoup(text, "html.parser")
    body = paper(text).body
    assert len(whole.select(".frame")) > 1
    assert len(body.select(".frame")) == 1
    assert body.select("input, select, .hint") == []


def test_a_quiz_is_answered_at_the_end_of_the_page_only() -> None:
    body = paper(QUIZ + "<p>Read on.</p>").body
    text = words(body)
    assert text.index("Question 1. Why?") < text.index("Read on.") < text.index("Answers to the questions")
    assert text.endswith("b. Right: at edges .")
    assert "Not so." not in text
    assert body.select("input, output") == []


def test_a_prediction_keeps_its_options_and_the_run_its_answer() -> None:
    told = check.reveal(ASK, OPTIONS, "bicubic", "By 1 dB.").text
    body = paper(check.predict(ASK, OPTIONS).text + told).body
    assert [one.get_text() for one in body.select("ol[type=a] li")] == OPTIONS
    assert words(body).endswith("The run says: bicubic. By 1 dB.")
    assert "Answers" not in words(body)


@pytest.mark.parametrize(("lines", "printed"), [(12, True), (13, False)])
def test_folded_code_is_printed_only_if_it_is_short(lines: int, printed: bool) -> None:
    code = "\n".join(f"x = {i}" for i in range(lines))
    folded = (
        '<details class="admonition hide above-input"><summary>Show code cell source</summary>'
        f'<div class="cell_input"><pre>{code}</pre></div></details>'
    )
    text = words(paper(folded).body)
    assert ("x = 0" in text) == printed
    assert (f"{lines} lines of code" in text) != printed
    assert "Show" not in text


def test_hints_and_solutions_stand_at_the_end_of_the_book_linked_both_ways() -> None:
    one = paper(CARD)
    text = words(one.body)
    assert "2 * x" not in text
    assert "Add." not in text
    assert "not attempted" not in text
    assert "def twice(x)" in text
    (solution,) = one.solutions
    assert "Hint Add. Solution return 2 * x" in words(solution)
    there = one.body.select_one(".elsewhere a")
    back = solution.find("a")
    assert there is not None
    assert there["href"] == f"#{solution['id']}"
    assert back is not None
    assert one.body.select(str(back["href"])) != []


def test_links_lead_to_pages_of_the_pdf_or_are_words() -> None:
    body = paper(
        '<a href="../book/end.html#x">end</a> <a href="#top">top</a> '
        '<a href="../book/api/index.html">api</a> '
        '<a href="https://doi.org/1">doi</a> <img src="../_images/a.png" alt="a">'
    ).body
    links = {one.get_text(): one["href"] for one in body.find_all("a")}
    assert links == {"end": "#book-end--x", "top": "#notebooks-01_a--top", "doi": "https://doi.org/1"}
    assert "api" in words(body)
    assert body.select_one("#notebooks-01_a--top") is not None
    assert body.select_one("img[src='../html/_images/a.png']") is not None


def test_a_components_style_comes_once() -> None:
    styles: set[str] = set()
    first, second = paper(slider(), styles).body, paper(slider(), styles).body
    assert len(first.find_all("style")) >= 1
    assert second.find_all("style") == []


def test_the_contents_are_the_books_without_the_pages_on_functions() -> None:
    named = re.findall(r"file: (\S+)", (ROOT / "book" / "_toc.yml").read_text())
    found = [name for part in pdf.parts(ROOT) for name in part.pages]
    assert found[0] == "book/welcome"
    assert found[1:] == [name for name in named if "book/api/" not in name]
    assert len(named) > len(found)


# --- the printed book -----------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A built book of three pages."""
    toc = {
        "root": "book/start",
        "parts": [
            {"caption": "Chapters", "chapters": [{"file": "notebooks/01_a"}]},
            {"caption": "More", "chapters": [{"file": "book/end"}, {"file": "book/api/index"}]},
        ],
    }
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "_toc.yml").write_text(yaml.safe_dump(toc))
    (tmp_path / "_config.yml").write_text("title: A small book\nauthor: nobody\n")
    long = "".join(f"<p>Paragraph {i} of a page that is longer than one sheet.</p>" for i in range(120))
    pages = {
        "book/start": page("Welcome here", '<a href="../notebooks/01_a.html">the chapter</a>' + long),
        "notebooks/01_a": page(
            "1. First things", slider() + QUIZ + CARD + '<a href="../book/end.html">end</a>'
        ),
        "book/end": page("Last things", "<p>That is all.</p>"),
    }
    for name, html in pages.items():
        path = tmp_path / "_build" / "html" / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html)
    return tmp_path


def built_with(project: Path) -> Any:
    with chromium():  # or there is none, and the test is skipped
        pass
    said = pdf.write_pdf(project, project / "_build" / "book.pdf")
    assert re.fullmatch(r"\d+ pages, \d+ pages of the book, [\d.]+ MB", said)
    assert [path.name for path in (project / "_build").iterdir() if path.name.startswith(".")] == []
    return PdfReader(io.BytesIO((project / "_build" / "book.pdf").read_bytes()))


def inner_links(reader: Any) -> list[str]:
    found = [one.get_object() for sheet in reader.pages for one in sheet.get("/Annots", [])]
    return [str(one["/Dest"]).removeprefix("/") for one in found if "/Dest" in one]


@pytest.mark.slow
def test_the_pdf_has_every_page_in_order_with_links_numbers_and_no_dead_controls(project: Path) -> None:
    reader = built_with(project)
    sheets = [re.sub(r"\s+", " ", sheet.extract_text()) for sheet in reader.pages]
    titles = ["Welcome here", "1. First things", "Last things", "Hints and solutions"]
    begins = [next(at for at, text in enumerate(sheets, 1) if at > 2 and title in text) for title in titles]
    assert begins == sorted(begins)
    assert begins[1] > begins[0] + 1  # the first is longer than one sheet
    for title, at in zip(titles, begins, strict=True):
        assert re.search(rf"{re.escape(title)}\W* {at}\b", sheets[1]), sheets[1]
        assert sheets[at - 1].rstrip().endswith(str(at)) or str(at) in sheets[at - 1].split()
    text = " ".join(sheets)
    assert "A small book" in sheets[0]
    assert text.index("soft") < text.index("Answers to the questions") < text.index("2 * x")
    for control in ("drag", "large", "error map", "search", "zoom", "not attempted"):
        assert control not in text
    links = inner_links(reader)
    assert {"notebooks-01_a", "book-end", "solutions"} <= set(links)
    assert set(links) <= {name.removeprefix("/") for name in reader.named_destinations}
    assert [one.title for one in reader.outline if not isinstance(one, list)][:2] == titles[:2]


def painted(reader: Any) -> set[tuple[int, ...]]:
    """The colours, 0..255, that any sheet fills letters or areas with."""
    orders = b" ".join(sheet.get_contents().get_data() for sheet in reader.pages)
    found = re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) rg\b", orders)
    return {tuple(round(255 * float(part)) for part in one) for one in found}


MARKS = """<style>
.a { color: rgb(10, 20, 30); } html[data-theme="dark"] .a { color: rgb(250, 40, 50); }
.b { color: rgb(11, 21, 31); } @media (prefers-color-scheme: dark) { .b { color: rgb(251, 41, 51); } }
.c { color: rgb(12, 22, 32); } @media screen { .c { color: rgb(252, 42, 52); } }
</style><p class="a">one</p><p class="b">two</p><p class="c">three</p>"""


@pytest.mark.slow
def test_the_pdf_is_light_whatever_the_screen_is(project: Path) -> None:
    (project / "_build" / "html" / "book" / "end.html").write_text(page("Last things", MARKS))
    colours = painted(built_with(project))
    assert {(10, 20, 30), (11, 21, 31), (12, 22, 32)} <= colours
    assert colours & {(250, 40, 50), (251, 41, 51), (252, 42, 52)} == set()


@pytest.mark.slow
def test_real_pages_print_without_their_controls_and_below_a_megabyte_a_sheet(project: Path) -> None:
    names = ("notebooks/00_start_here", "notebooks/01_measuring")
    if not all((SITE / f"{name}.html").is_file() for name in names):
        give_up("there is no built book; build it with: make book")
    shutil.rmtree(project / "_build" / "html")
    shutil.copytree(SITE / "_static", project / "_build" / "html" / "_static")
    shutil.copytree(SITE / "_images", project / "_build" / "html" / "_images")
    (project / "_build" / "html" / "notebooks").mkdir()
    for name in names:
        shutil.copyfile(SITE / f"{name}.html", project / "_build" / "html" / f"{name}.html")
    toc = {"root": names[0], "parts": [{"caption": "Chapters", "chapters": [{"file": names[1]}]}]}
    (project / "book" / "_toc.yml").write_text(yaml.safe_dump(toc))
    reader = built_with(project)
    text = " ".join(sheet.extract_text() for sheet in reader.pages)
    assert text.index("Answers to the questions") < text.rindex("Hints and solutions")
    for control in ("Show code cell source", "error map", "zoom in (key"):
        assert control not in text
    size = (project / "_build" / "book.pdf").stat().st_size
    assert size < len(reader.pages) * 1e6
    assert painted(reader) & dark_colours(SITE / "_static" / "styles" / "pydata-sphinx-theme.css") == set()


def dark_colours(sheet: Path) -> set[tuple[int, ...]]:
    """What the theme paints page and words with when it is dark."""
    dark = re.search(r"html\[data-theme=.?dark.?\]\{(.*?)\}", sheet.read_text(encoding="utf-8"), re.S)
    assert dark is not None
    found = re.findall(r"--pst-color-(?:background|text-base):#(\w{6})\b", dark[1])
    assert len(found) == 2, found
    return {tuple(bytes.fromhex(one)) for one in found}


@pytest.mark.slow
@pytest.mark.usefixtures("site")
def test_every_slider_of_the_book_is_printed_as_pairs_or_as_a_row() -> None:
    pages = {f"{path.stem}.html": path.stem for path in (SITE / "notebooks").glob("*.html")}
    assert len(pages) >= 14
    for file, name in pages.items():
        html = (SITE / "notebooks" / file).read_text(encoding="utf-8")
        sliders = BeautifulSoup(html, "html.parser").select("article .srlib-compare")
        printed = on_paper(html, f"notebooks/{name}", {}, set()).body.select(".srlib-compare")
        assert len(printed) == len(sliders), name
        for one in printed:
            pictures = one.select(".pictures img")
            assert len(pictures) >= 2, name
            assert ("pair" in one["class"]) == (len(pictures) in (2, 4)), name
            assert one.select("script, input, button, canvas") == [], name


Broken = Callable[[Path, pytest.MonkeyPatch], None]


def no_page(project: Path, _: pytest.MonkeyPatch) -> None:
    (project / "_build" / "html" / "book" / "end.html").unlink()


def no_browser(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf.chromium, "installed", lambda: None)


def no_printing(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def printed(program: str, source: Path) -> bytes:
        raise EditionError("Chromium could not print: out of paper")

    monkeypatch.setattr(pdf, "printed", printed)
    monkeypatch.setattr(pdf.chromium, "installed", lambda: "chromium")


@pytest.mark.parametrize(
    ("broken", "says"),
    [(no_page, "make book"), (no_browser, "no Chromium"), (no_printing, "out of paper")],
)
def test_what_is_missing_is_said_in_one_line_and_the_former_pdf_stays(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    broken: Broken,
    says: str,
) -> None:
    monkeypatch.setattr(pdf.chromium, "installed", lambda: "chromium") if broken is no_page else None
    monkeypatch.setattr(pdf, "ROOT", project)
    (project / "_build" / "book.pdf").write_bytes(b"former")
    broken(project, monkeypatch)
    assert pdf.main() == 1
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert (project / "_build" / "book.pdf").read_bytes() == b"former"
    assert sorted(path.name for path in (project / "_build").iterdir()) == ["book.pdf", "html"]
