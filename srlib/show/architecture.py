"""A network's diagram, drawn from the module itself (chapters 4 to 11)."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from torch import nn

from srlib.cost import BEFORE, Layer, layers, parameters
from srlib.show._html import Html, asset, escape
from srlib.show._look import framed, needed

CHIPS = ("activation", "normalisation", "constant")
"""Steps that change values in their places only: shown small, beside the layer that they follow."""


KEY = (
    '<p class="srlib-network-key"><span><i></i>Bars: the share of the whole network.</span> '
    "<span>Sees: pixels of the network's input across.</span></p>"
)


def architecture(
    model: nn.Module,
    *,
    scale: int | None = None,
    height: int = 720,
    width: int = 1280,
    alt: str = "",
    caption: str = "",
) -> Html:
    """A network from top to bottom as it runs: its layers, skips as arcs, equal blocks folded into one, and
    for each step the parameters, the multiply-adds for an output of ``height`` x ``width``, and the side of
    the square of input pixels that it sees; a folded table has every layer. Nothing is declared: what is
    drawn is what happened when the network answered a small picture, so it works for your own modules too.
    ``scale`` for networks of several. ``alt`` says it in words; left out, a sentence is made from the
    numbers. Chapters 4 to 11."""
    steps = layers(model, scale, height=height, width=width)
    if not any(step.kernel for step in steps):
        raise ValueError(f"{type(model).__name__} runs no convolution, so there is no diagram to draw")
    words = alt or _sentence(model, steps, scale, height, width)
    needed(words)
    style = f"<style>{asset('srlib.show', 'architecture.css')}</style>"
    drawing = _drawing(model, steps, height, width)
    name = f"Diagram of {type(model).__name__}"
    return framed(
        f'{style}<div class="scroll" tabindex="0" role="region" aria-label="{name}">'
        f'<div role="img" aria-label="{escape(words)}">{drawing}</div></div>{KEY}{_table(model, steps)}',
        caption,
    )


@dataclass(frozen=True)
class Repeat:
    """``times`` equal blocks of ``length`` steps, one after another from step ``start`` on."""

    start: int
    length: int
    times: int

    @property
    def stop(self) -> int:
        """The step after the last of them."""
        return self.start + self.length * self.times


def repeats(steps: Sequence[Layer]) -> list[Repeat]:
    """Runs of equal blocks: the same kinds, sizes and parameters, connected in the same way, and seen from
    outside by their last step only. Of several ways to cut a run, the one whose block begins with a layer
    that has a kernel."""
    signs = [_sign(i, step) for i, step in enumerate(steps)]
    found: list[Repeat] = []
    start = 0
    while start < len(steps):
        candidates = [Repeat(start, length, _times(signs, start, length)) for length in range(1, 33)]
        fitting = [r for r in candidates if r.times > 1 and r.length > 1 and _closed(steps, r)]
        best = max(fitting, key=lambda r: (r.stop, -r.length), default=None)
        if best and steps[start].kernel is None:
            # the same run, begun a little later, may start with a convolution
            later = range(start + 1, start + best.length)
            turned = [Repeat(i, best.length, _times(signs, i, best.length)) for i in later]
            same = [
                r for r in turned if r.times == best.times and steps[r.start].kernel and _closed(steps, r)
            ]
            best = same[0] if same else best
        if best:
            found.append(best)
        start = best.stop if best else start + 1
    return found


def _sign(index: int, step: Layer) -> tuple[object, ...]:
    """All that must be equal for two steps to be the same step of two equal blocks."""
    back = tuple(index - source for source in step.sources)
    size = (step.kernel, step.before, step.after, step.parameters, step.multiply_adds, step.resolution)
    return step.kind, step.label, size, back


def _times(signs: Sequence[object], start: int, length: int) -> int:
    block = signs[start : start + length]
    times = 1
    while len(block) == length and signs[start + times * length : start + (times + 1) * length] == block:
        times += 1
    return times


def _closed(steps: Sequence[Layer], run: Repeat) -> bool:
    """Whether the blocks take only what the one before hands over, and nothing inside them is used later."""
    for i in range(run.start, run.stop):
        entry = i - (i - run.start) % run.length - 1  # the last step before this block
        if any(source < entry for source in steps[i].sources):
            return False
    later = (source for step in steps[run.stop :] for source in step.sources)
    return not any(run.start <= source < run.stop - 1 for source in later)


@dataclass
class _Row:
    """A line of the diagram: the input, a step with the small ones that follow it, or the head of a repeated
    block (``head``; its lines have it as ``inside``). ``first`` to ``last``: the steps whose answer is to be
    had here."""

    first: int
    last: int
    chips: list[Layer] = field(default_factory=list)
    head: Repeat | None = None
    inside: Repeat | None = None


def _rows(steps: Sequence[Layer]) -> list[_Row]:
    starts = {run.start: run for run in repeats(steps)}
    used = Counter(source for step in steps for source in set(step.sources))
    rows = [_Row(BEFORE, BEFORE)]
    i, inside = 0, None
    while i < len(steps):
        if i in starts:
            inside = starts[i]
            rows.append(_Row(i - 1, i - 1, head=inside))
        step, row = steps[i], rows[-1]
        small = step.kind in CHIPS and step.sources == (i - 1,) and used[i - 1] == 1
        if small and row.last == i - 1 and not row.head and row.inside == inside:
            row.chips.append(step)
            row.last = i
        else:
            rows.append(_Row(i, i, inside=inside))
        i += 1
        if inside and i == inside.start + inside.length:
            i = inside.stop  # the other blocks are the same; what comes next takes the last one's answer
            rows[-1].last = inside.stop - 1
            inside = None
    return rows


def _sources(rows: Sequence[_Row], track: int, steps: Sequence[Layer]) -> list[int]:
    """The rows whose answer a row takes."""
    row = rows[track]
    if row.first == BEFORE and not row.head:
        return []
    if row.head:
        return [track - 1]
    found = set()
    for source in steps[row.first].sources:
        if row.inside and source == row.inside.start - 1:  # what enters each block
            found.add(next(i for i, other in enumerate(rows) if other.head == row.inside))
        else:
            found.add(next(i for i, other in enumerate(rows) if not other.head and source <= other.last))
    return sorted(found)


def _arcs(rows: Sequence[_Row], steps: Sequence[Layer]) -> list[tuple[int, int, int]]:
    """(from row, to row, lane) of what does not come from the row above; lane 1 is nearest the layers."""
    jumps = [(s, t) for t in range(len(rows)) for s in _sources(rows, t, steps) if s != t - 1]
    placed: list[tuple[int, int, int]] = []
    for source, target in sorted(jumps, key=lambda jump: jump[1] - jump[0]):
        taken = {lane for s, t, lane in placed if s <= target and source <= t}
        lane = next(lane for lane in range(1, len(jumps) + 1) if lane not in taken)
        placed.append((source, target, lane))
    return placed


def _drawing(model: nn.Module, steps: Sequence[Layer], height: int, width: int) -> str:
    rows = _rows(steps)
    arcs = _arcs(rows, steps)
    lanes = max((lane for *_, lane in arcs), default=0)
    totals = sum(step.parameters for step in steps), sum(step.multiply_adds for step in steps)
    parts = [
        f'<div class="head" style="{_at(0, lanes + 2 + i)}">{word}</div>'
        for i, word in enumerate(("parameters", "multiply-adds", "sees, px"))
    ]
    for track, row in enumerate(rows, 1):
        if row.head:
            inside = sum(other.inside == row.head for other in rows)
            place = f"grid-row: {2 * track + 1} / span {2 * inside + 2}; grid-column: {lanes + 1} / -1"
            parts.append(f'<div class="times" style="{place}"></div>')
        follows = " follows" if track - 2 in _sources(rows, track - 1, steps) else ""
        what = "".join(_stage(model, steps, row))
        parts.append(f'<div class="stage{follows}" style="{_at(track, lanes + 1)}">{what}</div>')
        for i, (text, share) in enumerate(_numbers(steps, row, totals)):
            bar = f"; --share: {100 * share:.1f}%" if share else ""
            parts.append(f'<div class="cell" style="{_at(track, lanes + 2 + i)}{bar}">{text}</div>')
    for source, target, lane in arcs:  # from the middle of one row to the middle of the other
        place = (
            f"grid-row: {2 * source + 4} / {2 * target + 4}; grid-column: {lanes + 1 - lane} / {lanes + 1}"
        )
        parts.append(f'<div class="arc" style="{place}"></div>')
    end = len(rows) + 1
    parts.append(f'<div class="rule" style="{_at(end, 1, lanes + 4)}"></div>')
    parts.append(
        f'<div class="total" style="{_at(end, 1, lanes + 1)}">{_whole(model, steps, height, width)}</div>'
    )
    for i, text in enumerate((f"{totals[0]:,}", _short(totals[1]), _sees(steps[-1]))):
        parts.append(f'<div class="total cell" style="{_at(end, lanes + 2 + i)}">{text}</div>')
    return f'<div class="srlib-network" style="--lanes: {"0.3rem " * lanes}">{"".join(parts)}</div>'


def _at(track: int, column: int, span: int = 1) -> str:
    """A place in the grid; each row is two half tracks, so that arcs can end in its middle."""
    return f"grid-row: {2 * track + 1} / span 2; grid-column: {column} / span {span}"


def _stage(model: nn.Module, steps: Sequence[Layer], row: _Row) -> Iterator[str]:
    end = steps[-1].resolution
    if row.head:
        yield f"<b>{row.head.times} ×</b> <span class='tag'>together; one of them:</span>"
        return
    if row.first == BEFORE:
        channels = steps[0].before
        size = _size(model, Fraction(1), end)
        yield f'<span class="box plain"><b>input</b> {_count(channels, "channel")} '
        yield f'<span class="tag">{size}</span></span>'
    elif steps[row.first].kind == "addition":
        yield '<span class="box sum">+</span>'
    else:
        step = steps[row.first]
        small = min((s.resolution for s in steps if s.resolution), default=Fraction(1))
        wider = math.log2((step.resolution or small) / small)
        kind = "weights" if step.parameters else ""
        kind = "moves" if step.kind in ("shuffle", "interpolation", "transposed convolution") else kind
        width = f"--wide: {11 + 1.1 * wider:.3g}rem"
        yield f'<span class="box {kind}" style="{width}"><b>{escape(_name(step))}</b> '
        yield f'<span class="tag">{_count(step.before)} → {_count(step.after)}</span> '
        yield f'<span class="tag">{_size(model, step.resolution, end)}</span></span>'
    for chip in row.chips:
        yield f'<span class="chip">{escape(chip.label)}</span>'


def _numbers(steps: Sequence[Layer], row: _Row, totals: tuple[int, int]) -> list[tuple[str, float]]:
    """Parameters, multiply-adds and field of a row, each with its share of the whole network's."""
    if row.head:
        mine = list(steps[row.head.start : row.head.stop])
    elif row.first == BEFORE:
        mine = []
    else:
        mine = [steps[row.first], *row.chips]
    made = sum(step.parameters for step in mine), sum(step.multiply_adds for step in mine)
    shown = [
        (_short(one) if one else "", one / max(1, total)) for one, total in zip(made, totals, strict=True)
    ]
    if row.head or not mine:
        return [*shown, ("", 0.0)]
    later = (row.inside.times - 1) * row.inside.length if row.inside else 0
    return [*shown, (_sees(steps[row.first + later]), 0.0)]


def _name(step: Layer) -> str:
    kernel = f" {step.kernel[0]}×{step.kernel[1]}" if step.kernel else ""
    short = {"convolution": "conv", "transposed convolution": "transposed"}
    return short.get(step.kind, step.label) + kernel


def _size(model: nn.Module, resolution: Fraction | None, end: Fraction | None) -> str:
    """The resolution in words: LR, HR, or what lies between."""
    size = getattr(model, "size", None)
    if resolution is None:
        return ""
    if end is None:
        return f"{int(size * resolution)} px" if isinstance(size, int) else _times_word(resolution)
    if getattr(model, "pre_upsample", False):
        return "HR" if resolution == 1 else f"HR {_times_word(resolution)}"
    if end == 1:  # a module that says nothing of LR and HR
        return "" if resolution == 1 else _times_word(resolution)
    return {Fraction(1): "LR", end: "HR"}.get(resolution, f"LR {_times_word(resolution)}")


def _times_word(resolution: Fraction) -> str:
    return f"×{resolution}" if resolution >= 1 else f"/{1 / resolution}"


def _short(number: int) -> str:
    """Three digits and a letter, as 36.9 k, 1.55 M or 613 G. Above, it stays with G, as the papers do."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            part = number / size
            digits = max(0, 2 - int(math.log10(part))) if part < 100 else 0
            return f"{part:,.{digits}f} {letter}"
    return f"{number}"


def _count(number: int, word: str = "") -> str:
    return f"{number:,} {word}{'' if number == 1 or not word else 's'}".strip()


def _sees(step: Layer) -> str:
    """The side of the square; "all" for layers that see the whole picture, "?" where we cannot follow."""
    return f"{step.field}" if step.field else "all" if step.resolution is None else "?"


def _whole(model: nn.Module, steps: Sequence[Layer], height: int, width: int) -> str:
    if steps[-1].resolution is not None:
        return f"output {width} × {height}"
    size = getattr(model, "size", None)
    return f"one input of {size} × {size}" if isinstance(size, int) else f"one input of {width} × {height}"


def _sentence(model: nn.Module, steps: Sequence[Layer], scale: int | None, height: int, width: int) -> str:
    """The diagram in words, counted from the steps."""
    kinds = Counter(step.kind for step in steps)
    having = [
        (kinds["convolution"], "convolution"),
        (kinds["transposed convolution"], "transposed convolution"),
    ]
    having += [(kinds["linear"], "linear layer"), (kinds["shuffle"], "pixel shuffle")]
    having += [(kinds["addition"], "addition")]
    counted = [_count(number, word) for number, word in having if number]
    blocks = [f"a block of {run.length} steps repeated {run.times} times" for run in repeats(steps)]
    numbers = f"{sum(step.parameters for step in steps):,} parameters"
    work = _short(sum(step.multiply_adds for step in steps)).replace(" G", " billion")
    work = work.replace(" M", " million").replace(" k", " thousand")
    seen = steps[-1].field
    sees = f"; each output pixel sees {seen} x {seen} input pixels" if seen else ""
    whole = _whole(model, steps, height, width).replace("×", "x").replace("output ", "an output of ")
    at = f" at x{scale}" if scale and getattr(model, "scales", None) else ""
    return (
        f"Diagram of {type(model).__name__}{at}, top to bottom: {', '.join([*counted, *blocks])}; {numbers}, "
        f"{work} multiply-adds for {whole}{sees}."
    )


def _table(model: nn.Module, steps: Sequence[Layer]) -> str:
    """Every step, folded away: for reading aloud and for all digits."""
    end = steps[-1].resolution
    rows = [
        f"<tr><td>{escape(step.name)}</td><td>{escape(_name(step))}</td>"
        f'<td class="number">{step.before:,} → {step.after:,}</td>'
        f"<td>{_size(model, step.resolution, end)}</td>"
        f'<td class="number">{step.parameters:,}</td><td class="number">{step.multiply_adds:,}</td>'
        f'<td class="number">{_sees(step)}</td></tr>'
        for step in steps
    ]
    idle = parameters(model) - sum(step.parameters for step in steps)
    why = "did not run or do not reach the answer: other scales', or unused"
    note = f"<p>{idle:,} more parameters {why}.</p>" if idle > 0 else ""
    heads = ("name", "layer", "channels", "size", "parameters", "multiply-adds", "sees, px of the input")
    top = "".join(f'<th scope="col">{head}</th>' for head in heads)
    return (
        f"{note}<details><summary>All {len(steps)} layers as a table</summary>"
        f'<div class="scroll" tabindex="0" role="region" aria-label="All layers of {type(model).__name__}">'
        f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(rows)}</tbody></table></div></details>"
    )
