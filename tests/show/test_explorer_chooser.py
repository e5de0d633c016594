"""Which one would I use? Every frame names the method that the rows say."""

import re

import pytest

from srlib.experiments import recorded, scoreboard
from srlib.scoreboard import Choice, choose
from srlib.show.explorers import chooser
from srlib.show.explorers.chooser import SPACES, TIMES, WANTED, measured

ROWS = [
    Choice("quick", 2, 3, 10**6, 33.0, 1.5),
    Choice("good", 2, 50, 2 * 10**8, 34.0, 1.4),
    Choice("sharp & false", 2, 50, 9 * 10**8, 31.0, 0.5),
    Choice("quick", 4, 30, 10**6, 30.0, 2.0),
]


def test_every_frame_says_what_choose_says() -> None:
    made = chooser(ROWS)
    for wants, wanted in WANTED.items():
        for time, seconds in TIMES.items():
            for room, space in SPACES.items():
                text = made.text(scale="2 times", wanted=wants, seconds=time, space=room)
                best = choose(ROWS, scale=2, wanted=wanted, seconds=seconds, bytes_=space)
                assert best is not None
                assert re.search(r"<b>([^:]+):", text)[1].replace("&amp;", "&") == best.method  # type: ignore[index]
                assert ("need not be true" in text) == (wanted == "looks")


def test_where_nothing_fits_it_says_so() -> None:
    rows = [Choice("slow", 2, 5000, 10**9, 34.0, 1.0)]
    start = chooser(rows).text(space="any memory")
    assert "None of them is as cheap" in start
    assert "slow" not in start


def test_the_saved_page_has_all_of_it() -> None:
    page = chooser(ROWS).still().text
    assert page.count('class="frame"') == 2 * len(WANTED) * len(TIMES) * len(SPACES)
    with pytest.raises(ValueError, match="no method to choose from"):
        chooser([])


@pytest.mark.slow
def test_the_rows_are_the_records_with_eight_times_the_time_for_eight_views() -> None:
    rows = {(row.method, row.scale): row for row in measured(side=24, rounds=1)}
    board = recorded(scoreboard.NAME)
    known = {run["label"]: run for run in board.runs if run["label"] in scoreboard.current(board)}
    assert {f"{method} x{scale}" for method, scale in rows} == set(known)
    for (method, scale), row in rows.items():
        assert row.psnr == known[f"{method} x{scale}"]["results"]["psnr"]
        if method.endswith("+"):
            once = rows[method[:-1], scale]
            assert row.seconds == pytest.approx(8 * once.seconds)
            assert row.bytes == once.bytes
