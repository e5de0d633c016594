"""A timeline: every name stands at its year, in its lane."""

import re

import pytest

from srlib.show import timeline

LANES = {"ours": [("A", 2014), ("B<", 2016)], "later": [("C", 2016), ("E", 2016), ("D", 2017)]}


def test_names_stand_in_the_row_of_their_year_and_the_column_of_their_lane() -> None:
    text = timeline(LANES, alt="five names by year").text
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", text)]
    table = [[re.sub(r"<[^>]+>", "", cell) for cell in row] for row in rows]
    assert table == [
        ["year", "ours", "later"],
        ["2014", "A", ""],
        ["2015", "", ""],
        ["2016", "B&lt;", "C E"],
        ["2017", "", "D"],
    ]
    assert 'aria-label="five names by year"' in text


@pytest.mark.parametrize("lanes", [{}, {"empty": []}])
def test_without_a_name_there_is_nothing_to_show(lanes: dict[str, list[tuple[str, int]]]) -> None:
    with pytest.raises(ValueError, match="at least one name"):
        timeline(lanes, alt="five names by year")
