"""What is on the slides of a chapter, and what stays in the book."""

import base64
import json
import re
import shutil
from html import unescape
from pathlib import Path
from typing import Any

import nbformat
import pytest
from chapter import Chapter  # the tests' own reader, which knows nothing of editions

from book.editions import deck, notebooks, slides
from srlib import check

ROOT = Path(__file__).parents[2]
CHAPTERS = {path.stem: path for path in notebooks.chapters(ROOT)}


def words(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", html))).strip()


def plain(markdown: str) -> str:
    """A heading without its marks."""
    return re.sub(r"[*`$]", "", markdown).strip()


def titles(made: list[deck.Slide]) -> list[str]:
    return [plain(words(slide.title).replace("\\(", "").replace("\\)", "")) for slide in made]


def notebook(*cells: Any) -> Any:
    made = nbformat.v4.new_notebook()
    made.cells = list(cells)
    return made


def prose(text: str, cell: str = "some-md") -> Any:
    return nbformat.from_dict({"cell_type": "markdown", "source": text, "id": cell, "metadata": {}})


def code(source: str, *outputs: Any, tags: tuple[str, ...] = ()) -> Any:
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})


def shown(html: str, kind: str = "text/html") -> Any:
    return nbformat.v4.new_output("execute_result", {kind: html})


def made(*cells: Any) -> list[deck.Slide]:
    return deck.slides(
        notebook(prose("# 1. A title\n\nWhy it mattered.", "title"), *cells), "01_a", ["01_a", "02_b"]
    )


def seen(some: list[deck.Slide]) -> str:
    return " ".join(block for slide in some for block in slide.blocks)


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_core_section_has_a_slide_and_no_deeper_one_has(name: str) -> None:
    """Sections are told apart by their lines: one that is deeper takes what stands below it along."""
    core: list[str] = []
    deeper: list[str] = []
    level = 9
    for heading in re.findall(r"^(#{1,4}) (.+)$", Chapter.read(CHAPTERS[name]).prose, re.MULTILINE):
        if len(heading[0]) <= level:
            level = len(heading[0]) if heading[1].endswith("(deeper)") else 9
        (core if level == 9 else deeper).append(plain(heading[1]))
    found = titles(deck.slides(notebooks.read(CHAPTERS[name]), name, list(CHAPTERS)))
    core = [one for one in core if one != "Check yourself"]  # its questions are made by a run
    assert len(core) > 5
    assert [one for one in core if one not in found] == []
    assert set(found) & set(deeper) <= set(core)


@pytest.mark.parametrize("name", CHAPTERS)
def test_no_hint_and_no_solution_is_on_a_slide_or_in_its_notes(name: str) -> None:
    some = deck.slides(notebooks.read(CHAPTERS[name]), name, list(CHAPTERS))
    everything = words(seen(some) + " ".join(note for slide in some for note in slide.notes))
    chapter = Chapter.read(CHAPTERS[name])
    folded = "".join(card.below for card in chapter.cards)
    elsewhere = "".join(source for _, source in chapter.cells if source not in folded)
    looked_at = 0
    for card in chapter.cards:
        assert plain(card.title) in " ".join(titles(some))
        own = [line.strip() for line in card.solution.splitlines() if line.strip() not in elsewhere]
        assert [line for line in own if line in everything] == []
        looked_at += len(own)
    assert looked_at >= 3 * len(chapter.cards)
    assert "<details" not in seen(some)


def test_the_first_sentence_is_seen_and_the_others_are_said() -> None:
    some = made(
        prose("## Next\n\nWe follow Dong et al. Then we cut, e.g. here. And $a. B$ is said.\n\nMore.")
    )
    assert words(some[-1].blocks[0]) == "We follow Dong et al. Then we cut, e.g. here."
    assert [words(note) for note in some[-1].notes] == [r"And \(a. B\) is said.", "More."]


def test_what_reads_a_figure_aloud_becomes_notes_of_its_slide() -> None:
    figure = shown('<figure class="srlib-figure"><svg></svg></figure>')
    some = made(code("show.grid(a)", figure), prose("On the left it is soft. Look.", "a-read"))
    assert "srlib-figure" in some[-1].blocks[-1]
    assert words(some[-1].notes[-1]) == "On the left it is soft. Look."


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import torch\nfrom a import b\n\nx = b(torch)\nshow.grid(x)", "x = b(torch)"),
        ("show.compare(a, b)", ""),
        ("@torch.no_grad()\ndef f():\n    return 1\n\n\ncheck.claim('a', f() == 1)", None),
        ("x = 1\nprint(x)", "x = 1\nprint(x)"),
    ],
)
def test_calls_that_draw_or_say_are_not_shown_what_they_give_is(source: str, expected: str | None) -> None:
    assert deck.worth_showing(source) == (
        "@torch.no_grad()\ndef f():\n    return 1" if expected is None else expected
    )


def test_long_code_is_folded_to_its_first_lines_and_hidden_code_not_shown() -> None:
    long = "\n".join(f"line_{i} = {i}" for i in range(20))
    text = words(seen(made(code(long), code("secret = 1", tags=("hide-input",)))))
    assert "line_7" in text
    assert "line_8" not in text
    assert "12 more lines in the book" in text
    assert "secret" not in text


def test_a_prediction_is_asked_first_and_its_answer_is_the_next_step() -> None:
    ask, options = "Which is closer?", ["nearest", "bicubic"]
    question = check.predict(ask, options).text
    answer = check.reveal(ask, options, "bicubic", "By 1 dB, says `psnr`.").text
    together = made(
        code("check.predict(a, b)", shown(question)), code("x", shown(answer), tags=("hide-input",))
    )
    assert together[-1].blocks[0] == question
    assert 'class="fragment' in together[-1].blocks[1]
    assert words(together[-1].blocks[1]) == "The run says: bicubic. By 1 dB, says psnr."
    apart = made(
        code("check.predict(a, b)", shown(question)),
        code("x = work()"),
        code("x", shown(answer), tags=("hide-input",)),
    )
    *_, asked, worked, told = apart
    assert asked.blocks == [question]
    assert "work" in words(worked.blocks[0])
    assert words(told.blocks[0]) == "Which is closer?nearestbicubic"
    assert 'class="fragment' in told.blocks[1]


def test_quizzes_come_last_and_bring_their_notes() -> None:
    quiz = check.quiz("Why?", {"a": "No.", "b": "Yes."}, right="b").text
    some = made(code("check.quiz()", shown(quiz)), prose("## Take-away\n\nThat."))
    assert titles(some)[-2:] == ["Take-away", "Recall"]
    assert some[-1].blocks == [quiz]


def test_a_claim_keeps_its_tick_and_a_table_is_a_table() -> None:
    text = seen(
        made(code("x", shown("✓ It is so.", "text/markdown"), shown("|a|b|\n|-|-|\n|1|2|", "text/markdown")))
    )
    assert "✓ It is so." in words(text)
    assert "<td>2</td>" in text


def test_what_the_run_says_in_a_fold_makes_no_slide() -> None:
    folded = "<details><summary>More</summary>\n\nwords\n\n</details>"
    some = made(prose("## A part\n\nOne."), code("show.say(more)", shown(folded, "text/markdown")))
    assert "More" not in seen(some)
    assert len(some) == len(made(prose("## A part\n\nOne.")))


def test_a_link_to_a_chapter_leads_to_its_slides_and_one_to_another_page_is_words() -> None:
    text = seen(made(prose("## A\n\nSee [b](02_b.ipynb#there) and [c](../book/notation.md) now.")))
    assert '<a href="02_b.html">b</a>' in text
    assert "notation.md" not in text


def test_notes_are_unpacked_as_the_book_packs_them() -> None:
    packed = base64.b64encode(bytes(b ^ 90 for b in json.dumps({"a": "é"}).encode())).decode()
    assert deck.unpacked(packed) == {"a": "é"}


# --- the folder that `make slides` writes ---------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one chapter, built."""
    for folder in ("book", "notebooks", "_build/jupyter_execute/notebooks"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "book" / "_toc.yml").write_text("root: book/a\nchapters:\n- file: notebooks/01_a\n")
    one = notebook(prose("# 1. A title\n\nWhy.", "title"), code("print(1)"), prose("## B", "b"))
    one.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(one, tmp_path / "notebooks" / "01_a.ipynb")
    one.cells[1].outputs = [nbformat.v4.new_output("stream", name="stdout", text="1\n")]
    nbformat.write(one, tmp_path / "_build" / "jupyter_execute" / "notebooks" / "01_a.ipynb")
    return tmp_path


def test_a_page_for_each_chapter_and_all_it_needs_beside_it(project: Path) -> None:
    out = project / "_build" / "slides"
    assert slides.write_slides(project, out).startswith("2 slides of 1 chapters")
    page = (out / "01_a.html").read_text()
    needed = re.findall(r'(?:src|href)="(assets/[^"]+)"', page)
    assert len(needed) >= 7
    assert all((out / name).is_file() for name in needed)
    assert "01_a.html" in (out / "index.html").read_text()
    assert sorted(path.name for path in out.glob("assets/LICENSE*")) == ["LICENSE.mathjax", "LICENSE.reveal"]


@pytest.mark.parametrize("broken", ["no build", "another source"])
def test_without_a_fresh_build_one_line_says_so_and_former_slides_stay(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], broken: str
) -> None:
    monkeypatch.setattr(slides, "ROOT", project)
    (project / "_build" / "slides").mkdir()
    (project / "_build" / "slides" / "former").touch()
    if broken == "no build":
        shutil.rmtree(project / "_build" / "jupyter_execute")
    else:
        path = project / "notebooks" / "01_a.ipynb"
        path.write_text(path.read_text().replace("print(1)", "print(2)"))
    assert slides.main() == 1
    said = capsys.readouterr().err
    assert said.startswith("slides: ")
    assert said.endswith("make book\n")
    assert said.count("\n") == 1
    assert [path.name for path in (project / "_build").iterdir() if path.name != "jupyter_execute"] == [
        "slides"
    ]
    assert (project / "_build" / "slides" / "former").exists()
