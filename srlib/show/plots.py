"""Curves of a training and methods by what they cost and give (chapters 4 to 12)."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import cast

from srlib.show._html import Html
from srlib.show._look import COLOURS, DASHES, INK, MARKERS, axes, drawn, look, plain

Line = Sequence[Sequence[float]]
"""Points (x, y) in the order of x."""


def curves(
    lines: Mapping[str, Line | Sequence[Line]],
    *,
    x: str = "step",
    y: str,
    alt: str,
    caption: str = "",
    log: str = "",
) -> Html:
    """Lines over a common axis. A name with one line: [(x, y), ...]; a name with several (one for each seed):
    their mean where all have a point, and a band from the lowest to the highest. ``log``: "x", "y" or "xy"
    for axes by powers of ten. Chapter 4."""
    if not lines or any(len(one) == 0 for line in lines.values() for one in (line, *_several(line))):
        raise ValueError("curves needs lines with at least one point each")
    if len(lines) > len(COLOURS):
        raise ValueError(f"{len(lines)} lines cannot be told apart; show {len(COLOURS)} at most")
    from matplotlib.ticker import MaxNLocator

    figure, (axis,) = axes(4.8, 2.9)
    whole = True
    with look():
        for (name, line), colour, dash in zip(lines.items(), COLOURS, DASHES, strict=False):
            several = _several(line)
            middle, low, high = spread(several)
            xs = [point[0] for point in middle]
            whole = whole and all(x.is_integer() for x in xs)
            mark = "o" if len(xs) == 1 else None
            axis.plot(
                xs,
                [point[1] for point in middle],
                color=colour,
                linestyle=dash,
                label=plain(name),
                marker=mark,
            )
            if len(several) > 1:
                axis.fill_between(xs, low, high, color=colour, alpha=0.18, linewidth=0)
        if "x" in log:
            axis.set_xscale("log")
        elif whole:
            axis.xaxis.set_major_locator(MaxNLocator("auto", integer=True))  # there are no half layers
        if "y" in log:
            axis.set_yscale("log")
        axis.set_xlabel(x)
        axis.set_ylabel(y)
        if len(lines) > 1:
            legend(figure, axis)
    return drawn(figure, alt, caption)


def spread(lines: Sequence[Line]) -> tuple[list[tuple[float, float]], list[float], list[float]]:
    """Several lines as one: the points (x, mean) at each x that all have, with the lowest and the highest."""
    tables = [{float(x): float(y) for x, y in line} for line in lines]
    common = sorted(set.intersection(*(set(table) for table in tables)))
    if not common:
        raise ValueError("lines under one name must have points at the same places")
    values = [[table[at] for table in tables] for at in common]
    means = [math.fsum(some) / len(some) for some in values]
    return (
        list(zip(common, means, strict=True)),
        [min(some) for some in values],
        [max(some) for some in values],
    )


def frontier(
    points: Mapping[str, tuple[float, float]],
    *,
    x: str,
    y: str = "PSNR (dB)",
    alt: str,
    caption: str = "",
    powers: bool = True,
) -> Html:
    """Methods by cost (left is cheap) and quality (up is better), and the line of those that no other beats
    in both. ``points``: {method: (cost above 0, quality)}. ``powers``: the axis of costs goes by powers of
    ten, not by equal steps. Chapter 12."""
    if not points:
        raise ValueError("a frontier needs at least one method")
    if odd := [
        name for name, (cost, quality) in points.items() if not (cost > 0 and math.isfinite(cost + quality))
    ]:
        raise ValueError(
            f"{odd[0]}: cost must be above 0 (the axis may go by powers of ten), and both finite"
        )
    best = efficient(points)
    figure, (axis,) = axes(4.8, 3.5)
    with look():
        axis.set_xscale("log" if powers else "linear")
        steps = [points[name] for name in best]
        axis.step(*zip(*steps, strict=True), where="post", color=COLOURS[0], linewidth=1.2, zorder=1)
        for name, (cost, quality) in points.items():
            on = name in best
            axis.plot(cost, quality, MARKERS[0 if on else 1], color=COLOURS[0 if on else 1], zorder=2)
        axis.set_xlabel(f"{x}, by powers of ten" if powers else x)
        axis.set_ylabel(y)
        axis.margins(0.12)
        for name, (across, up, side) in _label_places(points, powers).items():
            axis.annotate(
                name,
                points[name],
                (across, up),
                textcoords="offset points",
                ha=side,
                va="center",
                fontsize=9,
                arrowprops={"arrowstyle": "-", "color": INK, "lw": 0.5, "alpha": 0.6, "shrinkB": 3}
                if (across, up, side) in _FAR
                else None,
            )
    return drawn(figure, alt, caption)


def efficient(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """The methods that no other beats in both cost and quality, the cheapest first. Chapter 12."""
    found: list[str] = []
    highest = -math.inf
    for name, (_, quality) in sorted(points.items(), key=lambda one: (one[1][0], -one[1][1])):
        if quality > highest:
            found.append(name)
            highest = quality
    return found


def legend(figure: object, axis: object) -> None:
    """Names of the lines above the axes, so that none of them lies on a line."""
    names = axis.get_legend_handles_labels()[1]  # type: ignore[attr-defined]
    columns = max(1, min(len(names), 52 // (6 + max(map(len, names)))))
    figure.legend(loc="outside upper left", ncols=columns, fontsize=9)  # type: ignore[attr-defined]


def _several(line: Line | Sequence[Line]) -> list[Line]:
    if len(line) == 0:
        return []
    one = len(line[0]) > 0 and not hasattr(line[0][0], "__len__")  # numbers of any kind: numpy's, torch's
    return [cast(Line, line)] if one else list(cast(Sequence[Line], line))


_WIDE, _TALL = 238.0, 171.0
_SPOTS: list[tuple[float, float, str]] = [
    (7, 0, "left"),
    (6, -9, "left"),
    (0, -11, "center"),
    (6, 9, "left"),
    (-6, 9, "right"),
    (-7, 0, "right"),
    (0, 11, "center"),
    (-6, -9, "right"),
]


_FAR: list[tuple[float, float, str]] = [
    (14, -21, "left"),
    (14, 21, "left"),
    (0, 24, "center"),
    (0, -24, "center"),
    (-14, 21, "right"),
    (-14, -21, "right"),
    (16, -33, "left"),
    (-16, 33, "right"),
]
"""Where a name goes that finds no room beside its point; a thin line leads to it."""


def _label_places(
    points: Mapping[str, tuple[float, float]], powers: bool = True
) -> dict[str, tuple[float, float, str]]:
    """For each name an offset (points) and a side so that, as far as can be, no two names meet and none lies
    on a point or on the line of the best: the places around a point are tried in turn. ``_WIDE`` x ``_TALL``
    points are what lies between the outermost methods on a frontier's axes."""
    costs = [math.log(cost) if powers else cost for cost, _ in points.values()]
    heights = [quality for _, quality in points.values()]
    wide, tall = max(costs) - min(costs) or 1.0, max(heights) - min(heights) or 1.0
    spots = {
        name: (_WIDE * (cost - min(costs)) / wide, _TALL * (quality - min(heights)) / tall)
        for (name, (_, quality)), cost in zip(points.items(), costs, strict=True)
    }
    best_ones = efficient(points)
    taken = [(px - 4, py - 4, px + 4, py + 4) for px, py in spots.values()]
    for (x0, y0), (x1, y1) in pairwise(spots[name] for name in best_ones):
        taken += [(x0, y0 - 1, x1, y0 + 1), (x1 - 1, y0, x1 + 1, y1)]
    chosen = {}
    for name, (px, py) in spots.items():
        length = 5 * len(name)
        best: tuple[float, tuple[float, float, str], tuple[float, float, float, float]] | None = None
        # the line of the best leaves a point to the right and comes from below
        near = _SPOTS[4:] + _SPOTS[:4] if name in best_ones else _SPOTS
        for across, up, side in [*near, *_FAR]:
            left = px + across - {"left": 0.0, "right": length, "center": length / 2}[side]
            area = (left, py + up - 5, left + length, py + up + 5)
            meets = sum(_overlap(area, other) for other in taken)
            meets += 20 * (max(0.0, -28 - area[0]) + max(0.0, area[2] - _WIDE - 34))  # outside the axes
            meets += 20 * (max(0.0, -20 - area[1]) + max(0.0, area[3] - _TALL - 20))
            meets += 15 if (across, up, side) in _FAR else 0
            if best is None or meets < best[0]:
                best = (meets, (across, up, side), area)
        assert best is not None
        chosen[name] = best[1]
        taken.append(best[2])
    return chosen


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    across, up = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, across) * max(0.0, up)
