"""What chapter 12 compares: every network of the zoo on the same eight pictures, its patches, and EDSR and
MDSR with eight views; and the challenge, played by the example entries.

No training by a Recipe, so no ``srlib experiment``: ``python -m srlib.experiments.scoreboard`` makes the
record anew, after new weights only what they change. It needs Set5 (``SRLIB_DATA``, or ``srlib fetch``) and
some minutes of one core. ``python -m srlib.experiments.scoreboard challenge`` plays, on one core.
"""

import datetime
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import nn

from srlib import challenge, comparison, settings, zoo
from srlib.degrade import bicubic
from srlib.evaluation import Bicubic, evaluate
from srlib.experiments import FOLDER, ExperimentError, Recorded, recorded
from srlib.images import from_uint8, to_uint8
from srlib.inference import SelfEnsemble, upscale
from srlib.patches import sliced_wasserstein

NAME = "scoreboard"
PLAYED = "challenge"
COMMAND = "python -m srlib.experiments.scoreboard"
PLUS = ("edsr-baseline", "mdsr-baseline")
"""The networks that are measured with eight views, too."""
NAMES = {how.network: method for method, how in comparison.METHODS.items() if how.network} | {
    "edsr-small": "EDSR small",
    "wdsr-small": "WDSR-B small",
    "srgan-mse": "SRGAN-MSE",
    "srcnn-inside": "SRCNN, enlarging inside",
    "vdsr-transposed": "VDSR, transposed",
    "edsr-report": "EDSR, light",
}
"""What the zoo's networks are called in tables; the others (trained for chapter 13, or without photographs)
have no row."""


@dataclass(frozen=True)
class Row:
    """A method at a scale. ``file``: the weights, by hash ("" where there are none)."""

    method: str
    network: str
    scale: int
    file: str

    @property
    def label(self) -> str:
        """The row's name in the record, as "VDSR x3"."""
        return f"{self.method} x{self.scale}"

    def model(self) -> nn.Module:
        """What is measured: bicubic, the network, or eight views of it."""
        if not self.network:
            return Bicubic()
        net = zoo.load(self.network, self.scale)
        return SelfEnsemble(net) if self.method.endswith("+") else net


def rows() -> list[Row]:
    """Bicubic and every network that has a name, at every scale that it is for; those of ``PLUS`` again."""
    found = [Row("bicubic", "", scale, "") for scale in (2, 3, 4)]
    for network, method in NAMES.items():
        for card in zoo.cards():
            if card.name == network:
                found += [Row(method, network, scale, card.file) for scale in card.scales]
                if network in PLUS:
                    found += [Row(f"{method}+", network, scale, card.file) for scale in card.scales]
    return found


def current(record: Recorded) -> list[str]:
    """The labels of ``record`` that were measured with the weights that are in the zoo now."""
    now = {row.label: row.file for row in rows()}
    return [run["label"] for run in record.runs if now.get(run["label"]) == run["file"]]


def record(folder: Path = FOLDER) -> Recorded:
    """Measure the rows whose weights are not those of the record, and write all down."""
    question = "What does each network of the zoo give, and are its pictures of the right kind?"
    try:
        before = recorded(NAME, folder)
        kept = {run["label"]: run for run in before.runs if run["label"] in current(before)}
    except ExperimentError:
        kept = {}
    runs = []
    for row in rows():
        if row.label not in kept:
            kept[row.label] = _measured(row)
            print(row.label, kept[row.label]["results"], flush=True)
        runs.append(kept[row.label])
        made = Recorded(NAME, question, COMMAND, runs)
    made.write(folder)
    return made


def _measured(row: Row) -> dict[str, Any]:
    model, pictures = row.model(), comparison.pictures()
    report = evaluate(model, pictures, row.scale)
    found = {"psnr": report.psnr, "ssim": report.ssim, "distance": _distance(model, row.scale)}
    plain = row.network and not row.method.endswith("+")
    cards = [card for card in zoo.cards() if card.name == row.network and row.scale in card.scales]
    set5 = cards[0].results.get(f"set5 x{row.scale}") if plain else None
    found["set5"] = set5["psnr"] if set5 else evaluate(model, "set5", row.scale).psnr
    return {
        "label": row.label,
        "seed": 0,
        "results": {what: float(f"{value:.6g}") for what, value in found.items()},
        "method": row.method,
        "network": row.network,
        "scale": row.scale,
        "file": row.file,
        **_where(),
    }


def _distance(model: nn.Module, scale: int) -> float:
    """The mean patch distance (chapter 8) on the eight pictures, all from 8-bit files in colour."""
    found = []
    for hr in comparison.pictures().values():
        sr = upscale(model, from_uint8(to_uint8(bicubic(hr, scale))), scale)
        found.append(sliced_wasserstein(from_uint8(to_uint8(sr)), hr))
    return fmean(found)


def _where() -> dict[str, Any]:
    return {
        "device": settings.device_name(torch.device("cpu")),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "torch": torch.__version__,
    }


# --- the challenge --------------------------------------------------------------------------------


def play(
    entries: Sequence[Path],
    folder: Path = FOLDER,
    *,
    seeds: tuple[int, ...] = (0, 1, 2),
    seconds: float = challenge.SECONDS,
) -> Recorded:
    """Judge the entries as ``srlib challenge`` does and write down what they reached, after each training;
    what the record has is not played again."""
    try:
        runs = recorded(PLAYED, folder).runs
    except ExperimentError:
        runs = []
    for entry in entries:
        for seed in seeds:
            if not any((run["label"], run["seed"]) == (entry.stem, seed) for run in runs):
                runs.append(_played(entry, seed, seconds))
                _challenge(runs).write(folder)
    return _challenge(runs)


def _challenge(runs: list[dict[str, Any]]) -> Recorded:
    question = "What does a network learn in a minute, with at most 100,000 numbers?"
    return Recorded(PLAYED, question, f"{COMMAND} challenge", runs)


def _played(entry: Path, seed: int, seconds: float) -> dict[str, Any]:
    found = challenge.judge(entry, seeds=[seed], seconds=seconds)
    print(found, flush=True)
    return {
        "label": found.name,
        "seed": seed,
        "results": {
            "photographs": round(found.photographs[0], 4),
            "leaves": round(found.leaves[0], 4),
        },
        "numbers": found.numbers,
        "multiply_adds": found.multiply_adds,
        "bicubic": [round(value, 4) for value in found.bicubic],
        "seconds": round(found.seconds[0], 1),
        "cores": challenge.CORES,
        **_where(),
    }


if __name__ == "__main__":
    if sys.argv[1:] == ["challenge"]:
        challenge.CORES = 1  # two are allowed; two threads crawl where others work beside them
        print(play(sorted((Path(__file__).parents[2] / "tests" / "challenge").glob("*.py"))))
    else:
        print(record())
