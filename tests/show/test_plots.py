"""Curves with their spread, and methods by cost and quality."""

import re

import numpy as np
import pytest

from srlib.show import curves, frontier
from srlib.show.plots import efficient, spread


def test_several_seeds_become_their_mean_and_their_range() -> None:
    random = np.random.default_rng(0)
    table = random.random((3, 5))
    lines = [[(10.0 * i, float(value)) for i, value in enumerate(row)] for row in table]
    middle, low, high = spread(lines)
    assert [x for x, _ in middle] == [0, 10, 20, 30, 40]
    assert np.allclose([y for _, y in middle], table.mean(0), rtol=0, atol=1e-15)
    assert np.array_equal(low, table.min(0))
    assert np.array_equal(high, table.max(0))


def test_a_seed_that_stopped_early_shortens_the_mean_and_does_not_bend_it() -> None:
    middle, _, _ = spread([[(0, 1.0), (1, 2.0), (2, 9.0)], [(0, 3.0), (1, 4.0)]])
    assert middle == [(0, 2.0), (1, 3.0)]
    with pytest.raises(ValueError, match="points at the same places"):
        spread([[(0, 1.0)], [(1, 1.0)]])


def test_curves_names_every_line_and_refuses_more_than_can_be_told_apart() -> None:
    page = curves({"one line": [(0, 1.0), (1, 2.0)]}, y="loss", alt="one line that rises").text
    assert 'aria-label="one line that rises"' in page
    many = {str(i): [(0, 1.0)] for i in range(7)}
    with pytest.raises(ValueError, match="7 lines cannot be told apart"):
        curves(many, y="loss", alt="seven single points")
    with pytest.raises(ValueError, match="at least one point"):
        curves({}, y="loss", alt="no line at all")
    with pytest.raises(ValueError, match="at least one point"):
        curves({"empty": []}, y="loss", alt="no line at all")


def test_the_efficient_ones_are_those_that_no_other_beats() -> None:
    random = np.random.default_rng(1)
    points = {str(i): (float(c), float(q)) for i, (c, q) in enumerate(random.random((40, 2)))}
    unbeaten = {
        name
        for name, (cost, quality) in points.items()
        if not any(c <= cost and q >= quality and (c, q) != (cost, quality) for c, q in points.values())
    }
    assert set(efficient(points)) == unbeaten
    costs = [points[name][0] for name in efficient(points)]
    assert costs == sorted(costs)


def test_of_two_equally_dear_methods_only_the_better_is_efficient() -> None:
    assert efficient({"worse": (1, 30.0), "better": (1, 31.0), "dearer": (2, 31.0)}) == ["better"]


def test_a_frontier_needs_costs_that_have_a_logarithm() -> None:
    assert len(frontier({"a": (1, 30.0), "b": (9, 31.0)}, x="multiply-adds", alt="two methods by cost"))
    with pytest.raises(ValueError, match="above 0"):
        frontier({"free": (0, 30.0)}, x="multiply-adds", alt="one method by cost")


@pytest.mark.parametrize("points", [{}, {"a": (1, float("nan"))}, {"a": (float("inf"), 30.0)}])
def test_a_frontier_of_nothing_or_of_no_numbers_is_said(points: dict[str, tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match=r"at least one method|both finite"):
        frontier(points, x="cost", alt="no method by cost")


def test_lines_may_be_of_any_kind_of_number() -> None:
    steps = np.arange(3)
    values = np.array([1, 2, 3], np.float32)
    as_array = curves({"a": np.stack([steps, values], 1)}, y="loss", alt="one line that rises")  # type: ignore[dict-item]
    as_pairs = curves({"a": list(zip(steps, values, strict=True))}, y="loss", alt="one line that rises")  # type: ignore[dict-item]
    plain = curves({"a": [(0, 1.0), (1, 2.0), (2, 3.0)]}, y="loss", alt="one line that rises")
    assert as_array.text == as_pairs.text == plain.text


def labels_below(page: str) -> list[str]:
    """The words of the horizontal axis: all before its name."""
    return page.split("<!-- layers -->")[0].split("<!-- ")[1:]


def test_between_whole_numbers_of_layers_the_axis_has_no_halves() -> None:
    line = [(n, float(n)) for n in (2, 3, 5)]
    page = curves({"a": line, "b": line}, x="layers", y="dB", alt="two lines that rise").text
    assert len(labels_below(page)) > 2
    assert all("." not in label.split(" -->")[0] for label in labels_below(page))
    halves = curves({"a": [(0.5, 1.0), (1.5, 2.0)]}, x="layers", y="dB", alt="one line that rises").text
    assert any("." in label.split(" -->")[0] for label in labels_below(halves))


def test_names_with_dollars_and_underscores_are_drawn_like_any_other() -> None:
    line = [(0, 1.0), (1, 2.0)]
    page = curves({"_hidden": line, r"$\x$ a dollar": line}, y="loss", alt="two lines that rise").text
    assert page.count('id="s') > 5
    with_both = len(re.findall(r"<use ", page))
    with_one = len(
        re.findall(r"<use ", curves({"b": line, "c": line}, y="loss", alt="two lines that rise").text)
    )
    assert with_both > with_one + 10  # letters of the longer names in the legend
