"""What came when, drawn (chapter 12)."""

from collections.abc import Mapping, Sequence

from srlib.show._html import Html
from srlib.show._look import COLOURS, MARKERS, axes, drawn, look, plain


def timeline(lanes: Mapping[str, Sequence[tuple[str, int]]], *, alt: str, caption: str = "") -> Html:
    """Names by the year of their first appearance, a column a year, those of one lane in one colour with one
    kind of mark: {lane: [(name, year), ...]}. Within a year the lanes follow each other from below.
    Chapter 12."""
    stacks: dict[int, list[tuple[str, int]]] = {}
    for at, names in enumerate(lanes.values()):
        for name, year in names:
            stacks.setdefault(year, []).append((name, at))
    if not stacks:
        raise ValueError("a timeline needs at least one name and year")
    if len(lanes) > len(COLOURS):
        raise ValueError(f"{len(lanes)} lanes cannot be told apart; show {len(COLOURS)} at most")
    highest = max(map(len, stacks.values()))
    figure, (axis,) = axes(7.2, 0.9 + 0.23 * highest)
    with look():
        for year, names in stacks.items():
            for up, (name, at) in enumerate(names):
                axis.plot(year, up, MARKERS[at], color=COLOURS[at])
                axis.annotate(
                    plain(name), (year, up), (5, 0), textcoords="offset points", va="center", fontsize=7.8
                )
        for at, lane in enumerate(lanes):
            axis.plot([], [], MARKERS[at], color=COLOURS[at], label=plain(lane))
        axis.set_xlim(min(stacks) - 0.3, max(stacks) + 1)
        axis.set_ylim(-0.7, highest - 0.3)
        axis.set_xticks(range(min(stacks), max(stacks) + 1))
        axis.set_yticks([])
        axis.grid(visible=False)
        axis.spines["left"].set_visible(False)
        figure.legend(loc="outside upper left", ncols=len(lanes), fontsize=9)
    return drawn(figure, alt, caption)
