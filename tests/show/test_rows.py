"""Small tables of results."""

from collections.abc import Callable

import pytest

from srlib import show


def test_a_row_for_each_name_with_fractions_rounded(capsys: pytest.CaptureFixture[str]) -> None:
    show.rows({"cubic": [33.6612, 12, None], "a | b": ["best", 0.0, -0.001]}, "kernel", "x2", "n", "x4")
    assert capsys.readouterr().out.splitlines() == [
        "| kernel | x2 | n | x4 |",
        "| --- | ---: | ---: | ---: |",
        "| cubic | 33.66 | 12 | - |",
        "| a \\| b | best | 0.00 | 0.00 |",
    ]


def test_changes_carry_their_sign_and_one_value_needs_no_list(capsys: pytest.CaptureFixture[str]) -> None:
    show.rows({"up": 0.125, "down": -0.125, "none": -0.0001}, "slip", "dB", digits=3, signed=True)
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| up | +0.125 |",
        "| down | -0.125 |",
        "| none | +0.000 |",
    ]


@pytest.mark.parametrize(
    "make", [lambda: show.rows({"a": [1.0]}, "x", "y", "z"), lambda: show.rows({"a": 1.0}, "x")]
)
def test_a_row_of_another_length_than_the_headings_is_refused(make: Callable[[], None]) -> None:
    with pytest.raises(ValueError, match="'a' has 1 values"):
        make()
