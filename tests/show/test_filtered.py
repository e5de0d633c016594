"""A table to filter: all of it is in the page, with what the script needs to pick rows."""

import re

import pytest

from srlib.show import filtered

ROWS = [
    {"name": "a & b", "kind": "x", "good": True, "dB": 30.126, "count": 3},
    {"name": "c", "kind": "y", "good": False, "dB": None, "count": 40},
]


def page(**more: object) -> str:
    return filtered(ROWS, **({"by": ["kind", "good"], "alt": "two things to pick"} | more)).text  # type: ignore[arg-type]


def test_every_row_is_seen_without_scripts_and_the_controls_are_not() -> None:
    text = page()
    body = text.split("<tbody>")[1].split("</tbody>")[0]
    assert "hidden" not in body
    assert re.findall(r">([^<>]+)</t[hd]>", body) == [
        "a &amp; b", "x", "yes", "30.13", "3", "c", "y", "-", "-", "40",
    ]  # fmt: skip
    assert '<div class="controls" hidden>' in text


def test_a_row_carries_the_values_that_are_chosen_by() -> None:
    assert re.findall(r'data-values="([^"]*)"', page()) == ["x\nyes", "y\n-"]
    options = re.findall(r"<option>([^<]*)</option>", page())
    assert options == ["all", "x", "y", "all", "yes", "-"]
    assert "<option selected>y</option>" in page(first={"kind": "y"})


def test_names_may_lead_somewhere_and_fractions_have_their_digits() -> None:
    text = page(links={"c": 'https://example.org/"c"'}, digits=1)
    assert '<a href="https://example.org/&quot;c&quot;">c</a>' in text
    assert ">30.1<" in text
    assert ">0.00<" in filtered([{"a": "b", "c": -0.001}], by=["a"], alt="one small number").text


def test_it_is_told_in_words_and_brings_nothing_along() -> None:
    text = page(caption="Two rows.")
    assert 'aria-label="two things to pick"' in text
    assert "Two rows.</figcaption>" in text
    assert not re.search(r"https?://|@import|url\(", text)


@pytest.mark.parametrize(
    ("rows", "more", "message"),
    [
        ([], {}, "there is no row"),
        ([{"a": 1}, {"b": 2}], {"by": ["a"]}, "every row needs the headings a; one has b"),
        (ROWS, {"by": ["colour"]}, "there is no column 'colour'; there are name"),
        (ROWS, {"first": {"kind": "z"}}, "kind: no row has 'z'; there are x, y"),
        (ROWS, {"alt": "two"}, "alt must say in words"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    rows: list[dict[str, object]], more: dict[str, object], message: str
) -> None:
    given = {"by": ["kind"], "alt": "two things to pick"} | more
    with pytest.raises(ValueError, match=message):
        filtered(rows, **given)  # type: ignore[arg-type]
