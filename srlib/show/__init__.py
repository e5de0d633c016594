"""Everything that is looked at and touched in the book, live and on the static page (chapters 0 to 13)."""

from srlib.show._html import Html
from srlib.show._look import axes, drawn, look
from srlib.show.architecture import architecture
from srlib.show.compare import compare
from srlib.show.filtered import filtered
from srlib.show.header import header
from srlib.show.kernels import kernel
from srlib.show.opinion import opinion
from srlib.show.pictures import error_map, failures, filters, grid, zoom
from srlib.show.plots import curves, frontier
from srlib.show.rows import rows
from srlib.show.say import say
from srlib.show.spectra import spectrum, transfer
from srlib.show.studio import studio
from srlib.show.table import table
from srlib.show.timeline import timeline
from srlib.show.watch import Watch, training

__all__ = [
    "Html",
    "Watch",
    "architecture",
    "axes",
    "compare",
    "curves",
    "drawn",
    "error_map",
    "failures",
    "filtered",
    "filters",
    "frontier",
    "grid",
    "header",
    "kernel",
    "look",
    "opinion",
    "rows",
    "say",
    "spectrum",
    "studio",
    "table",
    "timeline",
    "training",
    "transfer",
    "zoom",
]
