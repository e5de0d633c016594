"""The zoo's results as one table, ours beside the papers' (chapter 12; the page srlib/zoo/RESULTS.md)."""

from srlib import zoo
from srlib.published import published

_SETS = ("set5", "set14", "b100")
_HEAD = """# What the shipped weights reach

PSNR in dB on luma, the paper's in brackets; measured by `srlib evaluate` with the weights as they are stored.
Luma networks by the papers' path for luma networks, RGB networks from 8-bit RGB files (chapter 1 says what
that changes). Made by `srlib zoo table`; `srlib zoo card NAME -s SCALE` says all that is known of one,
`make zoo NAME=... SCALE=...` trains it anew. Steps and hours: of all trainings that these weights went
through as this network, without those of another that they began with (of x2, for x3 and x4).
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
            cells += [f"{card.all_steps:,}", f"{card.all_hours:.2f}"]
            lines.append(f"| {card.name} x{scale} | {card.parameters:,} | {' | '.join(cells)} |")
    notes: dict[str, list[str]] = {}
    for card in zoo.cards():
        notes.setdefault(card.remarks, []).append(card.title)
    twin = _without_a_photograph()
    said = [f"- **{', '.join(titles)}**: {note}" for note, titles in notes.items() if note]
    return "\n".join([*lines, *twin, *(["", "## Notes", "", *said] if said else [])])


def _without_a_photograph() -> list[str]:
    """What FSRCNN x3 gives up when it has seen dead leaves only."""
    try:
        leaves, photographs = zoo.card("fsrcnn-leaves", 3), zoo.card("fsrcnn", 3)
    except zoo.ZooError:
        return []
    gaps = ", ".join(
        f"{name} {leaves.results[key]['psnr'] - photographs.results[key]['psnr']:+.2f} dB"
        for name, key in (
            ("Set5", "set5 x3"),
            ("Set14", "set14 x3"),
            ("B100", "b100 x3"),
            ("photographs", "photos x3"),
        )
        if key in leaves.results and key in photographs.results
    )
    return [
        "",
        "## Without a photograph",
        "",
        f"`fsrcnn-leaves` x3 has seen {leaves.data} and no photograph, so no photograph's licence is "
        f"attached to it. Against `fsrcnn` x3, trained on {photographs.data}: {gaps}.",
    ]


def _cell(card: zoo.Card, name: str, scale: int) -> str:
    ours = card.results.get(f"{name} x{scale}")
    paper = published(card.name, name, scale)
    words = [f"{ours['psnr']:.2f}"] if ours else ["-"]
    return " ".join(words + ([f"({paper:.2f})"] if paper else []))
