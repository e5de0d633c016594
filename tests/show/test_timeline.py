"""A timeline: every name is drawn, at its year, and said."""

from typing import Any

import pytest
from matplotlib.axes import Axes

from srlib.show import timeline

LANES = {"ours": [("A", 2014), ("B$", 2016)], "later": [("C", 2016), ("D", 2018)]}


def test_names_stand_in_the_column_of_their_year_one_above_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[str, tuple[int, int]] = {}
    real = Axes.annotate

    def noted(axis: Axes, text: str, place: tuple[int, int], *rest: Any, **more: Any) -> object:
        said[text] = place
        return real(axis, text, place, *rest, **more)

    monkeypatch.setattr(Axes, "annotate", noted)
    text = timeline(LANES, alt="four names by year").text
    assert said == {"A": (2014, 0), r"B\$": (2016, 0), "C": (2016, 1), "D": (2018, 0)}
    assert 'aria-label="four names by year"' in text


@pytest.mark.parametrize("lanes", [{}, {"empty": []}, {str(i): [("x", 2000)] for i in range(7)}])
def test_what_cannot_be_drawn_is_refused(lanes: dict[str, list[tuple[str, int]]]) -> None:
    with pytest.raises(ValueError, match=r"at least one name|cannot be told apart"):
        timeline(lanes, alt="four names by year")
