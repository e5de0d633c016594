"""Explorers: the widget and the saved page show the same drawing for the same choice."""

import re
from pathlib import Path

import pytest

from srlib.show import Html
from srlib.show.live import Explorer, choose, slide, tick


def explorer(**more: object) -> Explorer:
    def draw(scale: int, kind: str, log: bool) -> Html:
        if scale == 4 and kind == "b":
            raise ValueError("no <b> for x4")
        return Html(f"<p>{scale} {kind} {log}</p>")

    controls = {
        "scale": slide("scale", [2, 3, 4], 3, still=[2, 3]),
        "kind": choose("kind", {"first": "a", "second": "b"}),
        "log": tick("log"),
    }
    return Explorer(draw, controls, "an example <explorer>")


def frames(page: str) -> list[tuple[str, bool]]:
    return [
        (text, not hidden)
        for hidden, text in re.findall(r'<div class="frame"( hidden)?><p>([^<]*)</p>', page)
    ]


def test_the_saved_page_has_a_frame_for_every_choice_in_order_and_shows_the_start() -> None:
    found = frames(explorer().still().text)
    wanted = [f"{scale} {kind} {log}" for scale in (2, 3) for kind in "ab" for log in (False, True)]
    assert [text for text, _ in found] == wanted
    assert [text for text, seen in found if seen] == ["3 a False"]


def test_the_saved_page_says_what_it_leaves_out_and_how_to_get_it() -> None:
    page = explorer().still().text
    assert "Some of its states, drawn beforehand." in page
    assert "an example &lt;explorer&gt;" in page
    assert 'aria-valuetext="3"' in page
    assert 'data-words="2\n3"' in page


def test_live_the_drawing_follows_every_control() -> None:
    widget = explorer().widget()
    bar, shown = widget.children
    scale, kind, log = bar.children
    assert shown.value == "<p>3 a False</p>"
    scale.value = "4"
    assert shown.value == "<p>4 a False</p>"
    log.value = True
    assert shown.value == "<p>4 a True</p>"
    kind.value = "second"
    assert shown.value == '<p role="alert">no &lt;b&gt; for x4</p>'
    scale.value = "2"
    assert shown.value == "<p>2 b True</p>"


def test_a_kernel_gets_the_widget_and_the_book_gets_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRLIB_STATIC_BOOK", raising=False)
    live = explorer()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in live
    assert "3 a False" in live["text/html"]
    assert "Run the notebook" in live["text/html"]
    monkeypatch.setenv("SRLIB_STATIC_BOOK", "1")
    book = explorer()._repr_mimebundle_()
    assert set(book) == {"text/html", "text/plain"}
    assert len(frames(book["text/html"])) == 8


def test_a_drawing_is_made_once_for_each_choice() -> None:
    made = []

    def draw(n: int) -> Html:
        made.append(n)
        return Html(str(n))

    one = Explorer(draw, {"n": slide("n", [1, 2, 3], 1)}, "a counter")
    one.still()
    one.still()
    one.text(n="3")
    assert sorted(made) == [1, 2, 3]


def test_what_cannot_work_is_said_when_the_explorer_is_made() -> None:
    with pytest.raises(ValueError, match="scale: 5 is none of 2, 3, 4"):
        slide("scale", [2, 3, 4], 5)
    with pytest.raises(ValueError, match="needs the value it starts at, 3"):
        slide("scale", [2, 3, 4], 3, still=[2])
    with pytest.raises(ValueError, match="144 frames are more than a page should hold"):
        Explorer(lambda a, b: Html(""), {k: slide(k, range(12), 0) for k in "ab"}, "too much")


def test_the_scripts_of_a_slider_run_inside_a_widget_too() -> None:
    woken = Html("<b>x</b><script>1</script>").woken()
    assert woken.startswith("<div><b>x</b><script>1</script><img ")
    assert "onerror=" in woken


def test_an_explorer_saves_as_a_page_of_its_own(tmp_path: Path) -> None:
    path = explorer().still().save(tmp_path / "x.html")
    assert "<script>" in path.read_text()
