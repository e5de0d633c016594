"""Which one would I use? Asked for a scale, what it is for, time and memory; answered from the measurements
(chapter 12)."""

from collections.abc import Sequence

from srlib import zoo
from srlib.cost import parameters
from srlib.experiments import recorded, scoreboard
from srlib.models import Interpolation
from srlib.scoreboard import Choice, choose, latency, memory
from srlib.show._html import Html, escape
from srlib.show._look import framed
from srlib.show.live import Explorer
from srlib.show.live import choose as one_of

WANTED = {"to be right, pixel by pixel": "fidelity", "to look sharp": "looks"}
TIMES = {
    "10 times bicubic's time": 10.0,
    "30 times": 30.0,
    "100 times": 100.0,
    "any time": float("inf"),
}
SPACES = {"100 MB": 100e6, "300 MB": 300e6, "any memory": float("inf")}
"""What weights and features take for 1280 x 720 pixels; time, on small pictures."""


def measured(side: int = 120, rounds: int = 2) -> list[Choice]:
    """Every method that the record has with the weights of today, with the time that it takes here (eight
    views: eight times), on pictures of ``side`` x ``side``. Chapter 12."""
    record = recorded(scoreboard.NAME)
    known = {label: run for run in record.runs if (label := run["label"]) in scoreboard.current(record)}
    found = []
    for scale in (2, 3, 4):
        mine = [run for run in known.values() if run["scale"] == scale]
        nets = {run["network"]: zoo.load(run["network"], scale) for run in mine if run["network"]}
        times = latency({"": Interpolation(scale), **nets}, scale, side=side, rounds=rounds)
        for run in mine:
            views = 8 if run["method"].endswith("+") else 1
            net = nets.get(run["network"])
            space = memory(net, scale) + 4 * parameters(net) if net is not None else 0
            results = run["results"]
            found.append(
                Choice(
                    run["method"], scale, views * times[run["network"]] / times[""], space,
                    results["psnr"], results["distance"],
                )
            )  # fmt: skip
    return found


def chooser(rows: Sequence[Choice] | None = None) -> Explorer:
    """Say the scale, what the picture is for, and how much time and memory there is; see which method would
    do, and what it would be with twice as much of anything. ``rows``: what is known of the methods, measured
    now when None. Chapter 12."""
    known = list(rows) if rows is not None else measured()
    if not known:
        raise ValueError("there is no method to choose from")
    scales = sorted({row.scale for row in known})

    def draw(scale: int, wanted: str, seconds: float, space: float) -> Html:
        return _answer(known, scale, wanted, seconds, space)

    controls = {
        "scale": one_of("Enlarge", {f"{scale} times": scale for scale in scales}),
        "wanted": one_of("It has", WANTED),
        "seconds": one_of("It may take", TIMES, "30 times"),
        "space": one_of("and", SPACES, "300 MB"),
    }
    return Explorer(draw, controls, "Which one would I use?")


def _answer(known: Sequence[Choice], scale: int, wanted: str, seconds: float, space: float) -> Html:
    found = choose(known, scale=scale, wanted=wanted, seconds=seconds, bytes_=space)
    mine = [row for row in known if row.scale == scale]
    if found is None:
        return framed("<p><b>None of them is as cheap as that.</b></p>", group="no method is so cheap")
    word = {"fidelity": "the highest PSNR", "looks": "the smallest patch distance"}[wanted]
    fitting = [row for row in mine if row.seconds <= seconds and row.bytes <= space]
    said = (
        f"{found.method}: {word} of {len(fitting)} method{'s' * (len(fitting) != 1)} that "
        f"{'fit' if len(fitting) != 1 else 'fits'}, of {len(mine)}."
    )
    if wanted == "looks":
        said += " What it draws need not be true."
    heads = ("method", "PSNR, dB", "patch distance", "times bicubic's time", "MB")
    top = "".join(f'<th scope="col">{head}</th>' for head in heads)
    order = {"fidelity": lambda row: -row.psnr, "looks": lambda row: row.distance}[wanted]
    body = "".join(_line(row, row is found) for row in sorted(fitting, key=order)[:4])
    return framed(
        f"<p><b>{escape(said)}</b></p>"
        '<div class="scroll" tabindex="0" role="region" aria-label="the best that fit">'
        f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>",
        group=f"Which one at x{scale}",
    )


def _line(row: Choice, best: bool) -> str:
    cells = (f"{row.psnr:.2f}", f"{row.distance:.2f}", f"{row.seconds:,.0f}", f"{row.bytes / 1e6:,.0f}")
    weight = "600" if best else "400"
    numbers = "".join(f'<td class="number">{one}</td>' for one in cells)
    head = f'<th scope="row" style="font-weight: inherit">{escape(row.method)}</th>'
    return f'<tr style="font-weight: {weight}">{head}{numbers}</tr>'
