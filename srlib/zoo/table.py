"""The zoo's results as one table, ours beside the papers' (chapter 12; the page srlib/zoo/RESULTS.md)."""

from srlib import zoo
from srlib.published import published

_SETS = ("set5", "set14", "b100")
_HEAD = """# What the shipped weights reach

PSNR in dB on luma, the paper's in brackets; measured by `srlib evaluate` with the weights as they are stored.
Luma networks by the papers' path for luma networks, RGB networks from 8-bit RGB files (chapter 1 says what
that changes). Made by `srlib zoo table`; `srlib zoo card NAME -s SCALE` says all that is known of one,
`make zoo NAME=... SCALE=...` trains it anew.
"""


def table() -> str:
    """The page: a row for each network and scale, as Markdown."""
    columns = [
        "network",
        "parameters",
        "Set5",
        "Set14",
        "B100",
        "photographs",
        "bicubic there",
        "steps",
        "hours",
    ]
    lines = [_HEAD, f"| {' | '.join(columns)} |", f"|---{'|---:' * (len(columns) - 1)}|"]
    for card in zoo.cards():
        for scale in card.scales:
            cells = [_cell(card, name, scale) for name in _SETS]
            photos = card.results[f"photos x{scale}"]
            cells += [f"{photos['psnr']:.2f}", f"{photos['bicubic']:.2f}"]
            cells += [f"{card.steps:,}", f"{card.hours:.2f}"]
            lines.append(f"| {card.name} x{scale} | {card.parameters:,} | {' | '.join(cells)} |")
    notes: dict[str, list[str]] = {}
    for card in zoo.cards():
        notes.setdefault(card.note, []).append(card.title)
    said = [f"- **{', '.join(titles)}**: {note}" for note, titles in notes.items() if note]
    return "\n".join([*lines, *(["", "## Notes", "", *said] if said else [])])


def _cell(card: zoo.Card, name: str, scale: int) -> str:
    ours = card.results.get(f"{name} x{scale}")
    paper = published(card.name, name, scale)
    words = [f"{ours['psnr']:.2f}"] if ours else ["-"]
    return " ".join(words + ([f"({paper:.2f})"] if paper else []))
