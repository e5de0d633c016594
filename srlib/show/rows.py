"""A small table of results, as prose in a notebook (all chapters)."""

from collections.abc import Mapping, Sequence

from srlib.show.say import say

Cell = float | int | str | None


def rows(
    found: Mapping[str, Sequence[Cell] | Cell], *head: str, digits: int = 2, signed: bool = False
) -> None:
    """A table with one row for each name in ``found``. ``head``: the columns' headings, that of the names
    first. Fractions are rounded to ``digits`` places, with ``signed`` a plus before what is not negative;
    whole numbers and words stand as they are, None is a dash."""
    lines = {name: row if isinstance(row, (list, tuple)) else [row] for name, row in found.items()}
    for name, row in lines.items():
        if len(row) != len(head) - 1:
            raise ValueError(
                f"{name!r} has {len(row)} values, the table {len(head)} headings: one more is due"
            )

    def text(cell: Cell) -> str:
        if cell is None:
            return "-"
        if isinstance(cell, float):
            return f"{round(cell, digits) + 0.0:{'+' if signed else ''}.{digits}f}"  # + 0: never -0.00
        return str(cell).replace("|", "\\|")

    table = [list(head), ["---"] + ["---:"] * (len(head) - 1)]
    table += [[text(name), *map(text, row)] for name, row in lines.items()]
    say("\n".join(f"| {' | '.join(row)} |" for row in table))
