"""The exam that a seed draws: its answers by other formulas than the models', wrong choices, files."""

import math
import re
import socket
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any, NoReturn

import pytest

from book.editions import exam
from book.editions.exam_questions import BUGS, KINDS, SLIPS, VIEWS, Question, draw_question

SEEDS = range(50)


@cache
def drawn(name: str) -> list[Question]:
    """What fifty seeds draw of one kind."""
    (kind,) = [kind for kind in KINDS if kind.__name__ == name]
    return [draw_question(kind, Random(f"test {seed}")) for seed in SEEDS]


def all_drawn() -> list[Question]:
    return [one for kind in KINDS for one in drawn(kind.__name__)]


def number(text: str) -> float:
    """The number that a text begins with."""
    return float(text.replace("−", "-").replace(",", "").split()[0])


# --- the answers, by other formulas ---------------------------------------------------------------


def bill(given: dict[str, Any]) -> tuple[int, int]:
    """Filters, and all else that is learned, of a small network."""
    scale = given["scale"]
    if given["network"] == "SRCNN":
        (k1, k2, k3), (n1, n2) = given["kernels"], given["features"]
        return k1**2 * n1 + k2**2 * n1 * n2 + k3**2 * n2, n1 + n2 + 1
    if given["network"] == "FSRCNN":
        d, s, m = given["d"], given["s"], given["m"]
        return 25 * d + 2 * d * s + 9 * m * s**2 + 81 * d, 2 * (d + s + m * s + d) + 1
    n1, n2 = given["features"]
    return 25 * n1 + 9 * n1 * n2 + 9 * n2 * scale**2, n1 + n2 + scale**2


def parameters(given: dict[str, Any]) -> str:
    return f"{sum(bill(given)):,}"


def work(given: dict[str, Any]) -> str:
    shrunk = 1 if given["network"] == "SRCNN" else given["scale"] ** 2
    return f"{bill(given)[0] * given['height'] * given['width'] // shrunk:,}"


def field_of_view(given: dict[str, Any]) -> str:
    side = 1 + sum((k - 1) * (1 + (i == given["apart"])) for i, k in enumerate(given["sides"]))
    return f"{side} pixels, which is {side / given['scale']:.2f} small ones"


def tiles(given: dict[str, Any]) -> str:
    around = 4 + 2 * given["blocks"]
    return f"{around} pixels around; {(1 + 2 * around / given['tile']) ** 2:.2f} times the work"


def shuffle(given: dict[str, Any]) -> str:
    s = given["scale"]
    shape = f"{given['channels']} × {s * given['height']} × {s * given['width']}"
    return f"{shape}; channel {given['of'] * s * s + given['row'] % s * s + given['column'] % s}"


def bicubic_weights(given: dict[str, Any]) -> str:
    s, a = given["scale"], Fraction(given["a"])
    place = Fraction(2 * given["pixel"] + 1 - s, 2 * s)
    first = math.floor(place) - 1
    t = place - math.floor(place)  # the weights of a cubic, as polynomials of the phase
    found = [
        a * (t**3 - 2 * t**2 + t),
        (a + 2) * t**3 - (a + 3) * t**2 + 1,
        -(a + 2) * t**3 + (2 * a + 3) * t**2 - a * t,
        a * (t**2 - t**3),
    ]
    told = [f"pixel {first + i}: {float(w):.4f} ({w})" for i, w in enumerate(found)]
    return "; ".join(told).replace("-", "−")


def folding(given: dict[str, Any]) -> str:
    factor = given["gamma"] / math.sqrt(given["variance"])
    bias = given["beta"] + (given["bias"] - given["mean"]) * factor
    return f"weight {given['weight'] * factor:g}, bias {bias:g}".replace("-", "−")


def weight_norm(given: dict[str, Any]) -> str:
    f, wide = given["features"], given["features"] * given["wide"]
    if given["kind"] == "A":
        return f"{18 * f * wide + 2 * (f + wide):,}"
    narrow = 4 * f // 5
    return f"{f * wide + wide * narrow + 9 * narrow * f + 2 * (f + wide + narrow):,}"


ALLOWED = {
    "rows, to both": ["as it is", "left and right exchanged", "top and bottom exchanged", "half turn"],
    "columns, to both": ["as it is", "left and right exchanged", "top and bottom exchanged", "half turn"],
    "rows, to one": ["as it is", "top and bottom exchanged"],
    "columns, to one": ["as it is", "left and right exchanged"],
    "falling diagonal": [
        *("as it is", "half turn"),
        *("mirrored in the falling diagonal", "mirrored in the rising diagonal"),
    ],
    "rising diagonal": [
        *("as it is", "half turn"),
        *("mirrored in the falling diagonal", "mirrored in the rising diagonal"),
    ],
    "first pixel": ["as it is", "mirrored in the falling diagonal"],
}


def views(given: dict[str, Any]) -> str:
    (found,) = [allowed for words, allowed in ALLOWED.items() if words in given["camera"]]
    return ", ".join(found)


def decibels(given: dict[str, Any]) -> str:
    p = given["share"] / 100
    rms = math.sqrt(p * given["large"] ** 2 + (1 - p) * given["small"] ** 2)
    return f"{20 * math.log10(255 / rms):.2f} dB"


def pixels_seen(given: dict[str, Any]) -> str:
    return f"{given['steps'] * given['batch'] * given['patch'] ** 2:,}"


ANSWERS: list[Callable[[dict[str, Any]], str]] = [
    *(parameters, work, field_of_view, tiles, shuffle, bicubic_weights),
    *(folding, weight_norm, views, decibels, pixels_seen),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda one: one.__name__)
def test_the_key_is_what_another_formula_gives(answer: Callable[[dict[str, Any]], str]) -> None:
    for one in drawn(answer.__name__):
        assert one.answer == answer(dict(one.given))


def test_every_kind_of_question_is_answered_here_in_another_way() -> None:
    measured = {"protocol", "bug_hunt"}  # the two below
    assert {answer.__name__ for answer in ANSWERS} | measured == {kind.__name__ for kind in KINDS}
    assert len({one.text for one in all_drawn()}) > 300  # not one question 50 times


def test_the_largest_slip_is_one_that_chapter_1_calls_large() -> None:
    factor = 20 * math.log10(219 / 255)  # luma from 0 to 255 stretches the errors that the protocol squeezes
    found = 0
    for one in drawn("protocol"):
        moves = re.findall(r"([^;:]+), ([+−]\d+\.\d\d) dB", one.way.removeprefix("Measured: "))
        moved = {name.strip(): number(value.replace("+", "")) for name, value in moves}
        assert set(moved) == set(one.options) <= set(SLIPS)
        assert (
            max(moved, key=lambda name: abs(moved[name])) == one.answer != "the luma is not rounded to 8 bits"
        )
        full = "luma is computed from 0 to 255, not from 16 to 235"
        if full in moved:
            assert moved[full] == pytest.approx(factor, abs=0.1)
            found += 1
    assert found > 10


@pytest.mark.parametrize("bug", range(len(BUGS)), ids=lambda i: BUGS[i][3])
def test_each_bug_of_the_hunt_runs_and_costs_what_the_key_says(bug: int) -> None:
    code, right, wrong, _ = BUGS[bug]
    assert code.count(right) == 1
    found = [one for one in drawn("bug_hunt") if one.given["wrong"] == wrong]
    assert found, "no seed drew it"
    for one in found:
        lines = [line[3:] for line in one.text.split("```")[1].strip("\n").splitlines()]
        mended = one.answer.split("`")[1]
        changed = [i for i, line in enumerate(code.splitlines()) if line != lines[i]]
        assert changed == [one.given["line"]]
        assert mended == code.splitlines()[changed[0]].strip()
        assert abs(one.given["mended"] - one.given["found"]) > 0.001
        assert f"{one.given['found']:.2f} dB, and mended {one.given['mended']:.2f} dB" in one.way


def test_a_right_score_in_the_hunt_is_the_librarys() -> None:
    from srlib import comparison
    from srlib.degrade import bicubic
    from srlib.images import from_uint8, to_uint8
    from srlib.metrics import psnr
    from srlib.resize import imresize

    scores = [one for one in drawn("bug_hunt") if "def score" in one.text]
    for one in scores[:6]:
        hr, scale = comparison.pictures()[one.given["picture"]], one.given["scale"]
        sr = imresize(bicubic(hr, scale).clamp(0, 1), scale).clamp(0, 1)
        assert one.given["mended"] == pytest.approx(psnr(from_uint8(to_uint8(sr)), hr, crop=scale), abs=1e-4)


# --- the choices ----------------------------------------------------------------------------------


def test_over_fifty_seeds_no_wrong_choice_is_right_and_each_has_its_mistake() -> None:
    choosing = [one for one in all_drawn() if one.options]
    assert len(choosing) > 250
    for one in choosing:
        assert len(one.options) == len(set(one.options)) == 4
        assert one.options.count(one.answer) == 1
        assert set(one.options) - {one.answer} == set(one.mistakes)
        assert all(len(why) > 15 for why in one.mistakes.values())
        values = {number(option) for option in one.options if option[0].isdigit() and "×" not in option}
        assert len(values) in (0, 4)  # different as numbers, too


def test_the_right_choice_may_stand_anywhere() -> None:
    for kind in KINDS:
        some = drawn(kind.__name__)
        if some[0].options:
            places = [one.options.index(one.answer) for one in some]
            assert all(5 <= places.count(place) <= 25 for place in range(4))


# --- the exam -------------------------------------------------------------------------------------


def test_an_exam_has_ten_questions_of_different_kinds_in_the_order_of_the_chapters() -> None:
    asked = exam.questions(7)
    assert len(asked) == len({one.title for one in asked}) == 10
    chapters = [one.chapter for one in asked]
    assert chapters == sorted(chapters)
    seen = {one.title for seed in range(8) for one in exam.questions(seed)}
    assert len(seen) == len(KINDS)


def test_every_exam_asks_for_counts_fields_overlaps_and_protocol() -> None:
    always = {drawn(name)[0].title for name in ("parameters", "field_of_view", "tiles", "protocol")}
    assert len(always) == 4
    for seed in range(50):
        assert always <= {one.title for one in exam.questions(seed)}


def test_the_same_seed_gives_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    names = ["exam-7.html", "exam-7.md", "key-7.html", "key-7.md"]
    for folder in ("a", "b"):
        exam.write_exam(7, tmp_path / folder)
        assert sorted(path.name for path in (tmp_path / folder).iterdir()) == names
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    texts = {exam.sheet(seed, exam.questions(seed)) for seed in (7, 8, -7, 20_261_121)}
    assert len(texts) == 4


def test_the_sheet_gives_away_neither_the_seed_nor_an_answer() -> None:
    seed = 918_273_645
    asked = exam.questions(seed)
    sheet, key = exam.sheet(seed, asked), exam.key(seed, asked)
    assert str(seed) not in sheet
    assert exam.mark(seed) in sheet
    assert exam.mark(seed) in key
    for one in asked:
        assert one.way in key
        assert one.way not in sheet
        assert one.answer in key
        if not one.options and one.title != "Which views are allowed?":
            assert one.answer not in sheet


class Seen(HTMLParser):
    """The tags of a page, and what they point to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.pointers: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.pointers += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_pages_need_nothing_else_and_say_what_the_markdown_says(tmp_path: Path) -> None:
    exam.write_exam(7, tmp_path)
    for name in ("exam-7", "key-7"):
        html, markdown = ((tmp_path / f"{name}.{kind}").read_text("utf-8") for kind in ("html", "md"))
        page = Seen()
        page.feed(html)
        assert page.pointers == []
        assert not {"script", "link", "img", "iframe"} & set(page.tags)
        assert "url(" not in html
        assert "@import" not in html
        assert page.tags.count("h2") == markdown.count("\n## ") == 10
        words = set(re.findall(r"[A-Za-z]{4,}", markdown))
        assert words <= set(re.findall(r"[A-Za-z]{4,}", page.text))
        assert "$" not in markdown  # formulas are plain text


def test_an_exam_is_made_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> NoReturn:
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    assert len(exam.write_exam(3, tmp_path)) == 4


def test_the_eight_views_are_the_eight_symmetries_of_a_square() -> None:
    import torch

    x = torch.arange(9.0).view(1, 1, 3, 3)
    assert len({tuple(view(x).flatten().tolist()) for view in VIEWS.values()}) == 8
