"""A table whose rows the reader picks by what stands in them, on the saved page too (chapter 12)."""

from collections.abc import Mapping, Sequence

from srlib.show._html import Html, asset, escape
from srlib.show._look import framed

Cell = float | int | str | bool | None
ALL = "all"
LONG = 24
"""Letters from which on a cell is given room, so that it does not become a tower of single words."""


def filtered(
    found: Sequence[Mapping[str, Cell]],
    *,
    by: Sequence[str],
    alt: str,
    caption: str = "",
    digits: int = 2,
    links: Mapping[str, str] | None = None,
    first: Mapping[str, str] | None = None,
) -> Html:
    """A table with one row for each of ``found`` ({heading: cell}; all have the same headings; the first cell
    names the row) and above it, for each heading in ``by``, a choice of the values in that column. A row is
    seen while it has all that is chosen; a line counts them. Fractions are rounded to ``digits``; True is
    "yes", False and None a dash. ``links``: {name of a row: address}. ``first``: {heading: value} chosen at
    the start. Without scripts the whole table is there. Chapter 12."""
    if not found:
        raise ValueError("there is no row to show")
    heads = list(found[0])
    for row in found:
        if list(row) != heads:
            raise ValueError(f"every row needs the headings {', '.join(heads)}; one has {', '.join(row)}")
    if unknown := [head for head in [*by, *(first or {})] if head not in heads]:
        raise ValueError(f"there is no column {unknown[0]!r}; there are {', '.join(heads)}")
    body = "".join(_row(row, by, digits, links or {}) for row in found)
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    controls = "".join(
        _control(one, [_word(row[one], digits) for row in found], (first or {}).get(one)) for one in by
    )
    inner = (
        f'<div class="srlib-filtered" data-rows="{len(found)}"><style>{asset("srlib.show", "live.css")}'
        f"{asset('srlib.show', 'filtered.css')}</style>"
        f'<div class="srlib-explorer" role="search" aria-label="{escape(alt)}">'
        f'<div class="controls" hidden>{controls}<output class="count" role="status"></output></div></div>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(alt)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f"<script>{asset('srlib.show', 'filtered.js')}</script></div>"
    )
    return framed(inner, caption, group=alt)


def _word(cell: Cell, digits: int) -> str:
    if cell is None or cell is False:
        return "-"
    if cell is True:
        return "yes"
    return (
        f"{round(cell, digits) + 0.0:.{digits}f}" if isinstance(cell, float) else str(cell)
    )  # + 0: no -0.00


def _row(row: Mapping[str, Cell], by: Sequence[str], digits: int, links: Mapping[str, str]) -> str:
    cells = []
    for at, cell in enumerate(row.values()):
        text = escape(_word(cell, digits))
        if at == 0:
            address = links.get(str(cell))
            text = f'<a href="{escape(address)}">{text}</a>' if address else text
            cells.append(f'<th scope="row">{text}</th>')
        else:
            number = isinstance(cell, (int, float)) and not isinstance(cell, bool)
            kind = ' class="number"' if number else ' class="long"' if len(text) > LONG else ""
            cells.append(f"<td{kind}>{text}</td>")
    kept = escape("\n".join(_word(row[head], digits) for head in by))
    return f'<tr data-values="{kept}">{"".join(cells)}</tr>'


def _control(head: str, words: Sequence[str], start: str | None) -> str:
    several = list(dict.fromkeys(words))
    if start is not None and start not in several:
        raise ValueError(f"{head}: no row has {start!r}; there are {', '.join(several)}")
    options = "".join(
        f"<option{' selected' if word == start else ''}>{escape(word)}</option>" for word in [ALL, *several]
    )
    return f"<label>{escape(head)} <select>{options}</select></label>"
