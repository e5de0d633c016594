"""The sheet of architectures: read off the networks, and true to them."""

import importlib
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from browser import chromium, give_up

EXTENSIONS = Path(__file__).parents[2] / "book" / "_ext"


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(EXTENSIONS))
    return importlib.import_module("cheat_sheet")


def test_every_network_stands_on_it_with_the_papers_parameters(extension: Any) -> None:
    parts = re.findall(r"<section.*?</section>", extension.sheet())
    assert len(parts) == len(extension.ENTRIES) == 9
    of = {re.sub(r"<[^>]+>", "", re.findall(r"<h2>(.*?)</h2>", part)[0]): part for part in parts}
    for name, printed in (  # Dong 2014; Kim 2016; Lim 2017 (EDSR x4, MDSR); Yu 2018's own code, bare
        ("SRCNN 9-1-5 (2014)", "8,129"),
        ("VDSR (2016)", "665,921"),
        ("EDSR, baseline (2017)", "1,517,571"),
        ("MDSR, baseline (2017)", "3,227,203"),
        ("WDSR-A (2018)", "1,200,624"),
    ):
        assert f"{printed} parameters" in of[name]
    assert "×16</li>" in of["SRResNet (2017)"]
    assert "×18</li>" in of["VDSR (2016)"]
    assert "bicubic ×4" in of["VDSR (2016)"]
    assert "bicubic" not in of["ESPCN (2016)"]


def test_what_follows_itself_is_written_once_and_nothing_is_lost(extension: Any) -> None:
    a, b, c = ("convolution", "a"), ("activation", "b"), ("addition", "c")
    assert extension.folded([a, b, a, b, a, b, c]) == [([a, b], 3), c]
    assert extension.folded([c, a, b, c]) == [c, a, b, c]
    assert extension.folded([]) == []
    chain = [c, a, a, b, a, a, b, a, a, b, c, c, c]

    def unfolded(some: Any) -> Any:
        parts = (first * second if isinstance(second, int) else [(first, second)] for first, second in some)
        return [one for part in parts for one in part]

    assert unfolded(extension.folded(chain)) == chain


def test_only_the_page_with_a_place_gets_it(extension: Any) -> None:
    for body, changed in ((extension.PLACE, True), ("<p>other</p>", False)):
        context = {"body": body}
        extension.fill_in(SimpleNamespace(), "book/page", "", context, None)
        assert (context["body"] != body) is changed
    extension.fill_in(SimpleNamespace(), "search", "", {}, None)


@pytest.mark.slow
def test_the_sheet_prints_on_two_pages() -> None:
    page_file = Path(__file__).parents[2] / "_build" / "html" / "book" / "cheat_sheet.html"
    if not page_file.is_file():
        give_up("there is no built book; build it with: make book")
    with chromium() as browser:
        page = browser.new_page()
        page.goto(page_file.as_uri())
        printed = page.pdf(format="A4")
    assert re.findall(rb"/Type\s*/Page\b", printed) == [b"/Type /Page"] * 2
