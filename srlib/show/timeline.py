"""Who came when: names by their years, as a table that a phone can show (chapter 12)."""

from collections.abc import Mapping, Sequence

from srlib.show._html import Html, asset, escape
from srlib.show._look import framed


def timeline(lanes: Mapping[str, Sequence[tuple[str, int]]], *, alt: str, caption: str = "") -> Html:
    """Names by the year of their first appearance, a row a year (years without a name too), a column for each
    lane: {lane: [(name, year), ...]}. Within a year and lane they keep their order. Chapter 12."""
    years = [year for names in lanes.values() for _, year in names]
    if not years:
        raise ValueError("a timeline needs at least one name and year")
    heads = "".join(f'<th scope="col">{escape(lane)}</th>' for lane in lanes)
    body = ""
    for year in range(min(years), max(years) + 1):
        cells = "".join(f"<td>{_names(names, year)}</td>" for names in lanes.values())
        body += f'<tr><th scope="row">{year}</th>{cells}</tr>'
    style = f"<style>{asset('srlib.show', 'timeline.css')}</style>"
    table = f'<table class="timeline"><thead><tr><th scope="col">year</th>{heads}</tr></thead>'
    return framed(f"{style}{table}<tbody>{body}</tbody></table>", caption, group=alt)


def _names(names: Sequence[tuple[str, int]], year: int) -> str:
    return " ".join(f'<span class="chip">{escape(name)}</span>' for name, when in names if when == year)
