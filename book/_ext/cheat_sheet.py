"""The architectures on one sheet; `_config.yml` loads this file.

Where a page holds ``<div class="srlib-cheat-sheet"></div>``, the build puts the book's networks, each as the
chain of its layers and with what it costs, read off the PyTorch modules. Nothing in it is typed but names,
years and the one-line idea.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any

from sphinx.application import Sphinx

# srlib and torch are imported where they are used: a book without the sheet needs neither.

PLACE = '<div class="srlib-cheat-sheet"></div>'
SCALE = 4
LONGEST = 14  # steps of a part that is looked for again right behind itself


@dataclass(frozen=True)
class Entry:
    """A network of the sheet: its name, year, chapter's page, idea, and how it is made (for x4)."""

    name: str
    year: int
    page: str
    idea: str
    make: Callable[[Any], Any]


ENTRIES = (
    Entry("SRCNN 9-1-5", 2014, "04_srcnn", "Enlarge by bicubic, then three convolutions.",
          lambda m: m.SRCNN()),
    Entry("FSRCNN", 2016, "05_fsrcnn_espcn", "Work on the small picture; enlarge by the last layer.",
          lambda m: m.FSRCNN(SCALE)),
    Entry("ESPCN", 2016, "05_fsrcnn_espcn", "Make r · r channels, and shuffle them into pixels.",
          lambda m: m.ESPCN(SCALE)),
    Entry("VDSR", 2016, "06_vdsr", "Twenty layers learn what bicubic lacks.", lambda m: m.VDSR()),
    Entry("SRResNet", 2017, "07_srresnet", "Residual blocks with batch norm on the small picture; SRGAN's "
          "generator.", lambda m: m.SRResNet()),
    Entry("EDSR, baseline", 2017, "09_edsr", "The same without batch norm, by L1.", lambda m: m.EDSR(SCALE)),
    Entry("MDSR, baseline", 2017, "10_mdsr", "One body for three scales; here the way of x4.",
          lambda m: m.MDSR()),
    Entry("WDSR-A", 2018, "11_wdsr", "Few features on the way, many before each ReLU.",
          lambda m: m.WDSR(SCALE, norm=None)),
    Entry("WDSR-B", 2018, "11_wdsr", "Still wider by 1 x 1, and back through few.",
          lambda m: m.WDSR(SCALE, kind="B", norm=None)),
)  # fmt: skip


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("html-page-context", fill_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def fill_in(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: object) -> None:
    """Put the sheet into the page that has a place for it."""
    if PLACE in context.get("body", ""):
        context["body"] = context["body"].replace(PLACE, sheet())


@cache
def sheet() -> str:
    """All networks, as HTML."""
    from srlib import models

    return "".join(drawn(entry, entry.make(models)) for entry in ENTRIES)


def drawn(entry: Entry, net: Any) -> str:
    """One network: name, idea, chain of layers, costs."""
    from srlib.cost import layers, parameters

    scale = SCALE if hasattr(net, "scales") else None
    steps = layers(net, scale if scale else (SCALE if net.pre_upsample else None))
    work = sum(step.multiply_adds for step in steps)
    field = max(step.field or 0 for step in steps)
    small = field / (SCALE if net.pre_upsample else 1)
    colours = {1: "luma", 3: "colour"}[net.channels]
    title = f'<a href="../notebooks/{entry.page}.html">{escape(entry.name)}</a> ({entry.year})'
    chain = [("bicubic", f"bicubic ×{SCALE}")] if net.pre_upsample else []
    chain += [token for step in steps if (token := words(step))]
    return (
        f'<section class="srlib-sheet"><h2>{title}</h2><p>{escape(entry.idea)}</p>'
        f'<ol aria-label="layers of {escape(entry.name)}">{"".join(items(folded(chain)))}</ol>'
        f'<p class="costs">{parameters(net):,} parameters · {work / 1e9:,.1f} billion multiply-adds for '
        f"1280 x 720 · sees {small:.3g} small pixels across · {colours}</p></section>"
    )


def words(step: Any) -> tuple[str, str]:
    """A layer's kind and its few words."""
    if step.kernel:
        side = " x ".join(map(str, step.kernel))
        turned = "transposed " if "transposed" in step.kind or "transposed" in step.label else ""
        return step.kind, f"{turned}{side}, {step.before}→{step.after}"
    return step.kind, step.label


def folded(chain: Sequence[Any]) -> list[Any]:
    """The chain with the part that saves most, if it follows itself, written once: (part, how often); then
    the same with what stands before and behind it."""
    best = (0, False, 0, 1, 1)  # steps saved, begins with a convolution, where, length, times
    for start in range(len(chain)):
        for length in range(1, LONGEST + 1):
            part, times = chain[start : start + length], 1
            while chain[start + times * length : start + (times + 1) * length] == part:
                times += 1
            begins = chain[start][0] == "convolution"
            best = max(best, (length * (times - 1), begins, -start, length, times))
    saved, _, before, length, times = best
    if not saved:
        return list(chain)
    start = -before
    rest = start + length * times
    part = list(chain[start : start + length])
    return [*folded(chain[:start]), (part, times), *folded(chain[rest:])]


def items(chain: Sequence[Any]) -> Iterator[str]:
    """The chain as list items; what repeats is a list of its own, with how often behind it."""
    for first, second in chain:
        if isinstance(second, int):
            yield f"<li><ol>{''.join(items(first))}</ol>×{second}</li>"
        else:
            yield f'<li class="{first}">{escape(second)}</li>'
