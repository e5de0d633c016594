"""In the built book: each chapter's notebook to take along, and the page of what the build measured."""

import re
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.slow

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapters_page_offers_its_notebook_as_it_is_in_the_repository(site: Path, path: Path) -> None:
    page = site / "notebooks" / f"{path.stem}.html"
    html = page.read_text(encoding="utf-8")
    [address] = re.findall(r'<a href="([^"]+\.ipynb)"[^>]*btn-download-source-button', html)
    taken = nbformat.read(page.parent / address, as_version=4)
    kept = nbformat.read(path, as_version=4)
    assert [cell.source for cell in taken.cells] == [cell.source for cell in kept.cells]
    assert not any(cell.get("outputs") for cell in taken.cells)  # a reader makes them


def test_the_page_of_times_names_every_notebook_with_a_time_and_a_pace(site: Path) -> None:
    html = (site / "book" / "times.html").read_text(encoding="utf-8")
    rows = dict(
        re.findall(r'<tr><th scope="row"><a href="\.\./notebooks/(\w+)\.html">.*?</th>(.*?)</tr>', html)
    )
    assert set(rows) == {path.stem for path in NOTEBOOKS}
    for name, row in rows.items():
        took, may_take, pace, memory = re.findall(r"<td>(.*?)</td>", row)
        assert re.fullmatch(r"\d+ s", took), name
        assert re.fullmatch(r"\d+ s|no limit", may_take), name
        assert re.fullmatch(r"\d+ ms", pace), name
        assert re.fullmatch(r"\d\.\d GB|not measured", memory), name
