"""The later networks: twenty, each with a paper, and by the columns of the survey."""

import re

from srlib.later import LATER, OURS
from srlib.published import PSNR


def test_twenty_networks_stand_in_the_order_of_their_years() -> None:
    assert len(LATER) == len({one.name for one in LATER}) == len({one.link for one in LATER}) == 20
    years = [one.year for one in LATER]
    assert years == sorted(years)
    assert 2015 <= years[0] <= years[-1] <= 2021


def test_each_leads_to_its_paper_and_an_arxiv_number_begins_with_the_year() -> None:
    for one in LATER:
        number = re.fullmatch(r"https://arxiv\.org/abs/(\d\d)\d\d\.\d{5}", one.link)
        if number:
            assert one.year == 2000 + int(number[1])
        else:
            assert one.link.startswith("https://doi.org/10.")
            assert str(one.year) in one.link or one.name == "MSRN"


def test_few_words_do_for_each_column() -> None:
    assert {one.framework for one in LATER} == {"before", "after", "in steps", "up and down"}
    assert all(one.upsampling == "bicubic" for one in LATER if one.framework == "before")
    assert all(2 <= len(one.idea.split()) <= 12 for one in LATER)
    assert {one.name for one in LATER if one.attention} >= {"RCAN", "SAN", "RNAN", "SwinIR"}


def test_the_books_own_are_none_of_them() -> None:
    mine = {name for name, _ in OURS}
    assert not mine & {one.name for one in LATER}
    assert {"srcnn-955", "fsrcnn", "espcn", "vdsr"} <= set(PSNR)
    assert [year for _, year in OURS] == sorted(year for _, year in OURS)
