"""The longer experiments that the chapters show: variants of one thing, several seeds, all runs recorded.

``srlib experiment NAME`` makes the runs and writes one small JSON; a chapter reads it with ``recorded``.
A run that is already in the file is not made again, so that an interrupted experiment goes on.
"""

import datetime
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from srlib import data, recipes, settings, zoo
from srlib.data.bank import PatchBank
from srlib.evaluation import evaluate
from srlib.files import write_json
from srlib.names import there_are
from srlib.speed import fixed
from srlib.training import Recipe, Run, fit

FOLDER = Path(__file__).parent / "results"
LOOKED_AT = (20, 100, 200, 500, 1000, 2000)
"""Steps after which ``looks`` are recorded, beside the beginning and the end."""
PHOTOGRAPHS = "t91+general100+bsds399"


class ExperimentError(ValueError):
    """An experiment or its record cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Variant:
    """One of the things compared: a network (class in ``srlib.models`` and arguments), how and on what it is
    trained, and what is looked at afterwards. ``pictures``: train on so many, drawn by the seed (None: on
    all). ``looks``: further numbers to record, {name: function of the network}: on the way and at the end.
    ``start``: (name, scale) in the zoo whose weights it takes over where they fit."""

    label: str
    model: str
    arguments: Mapping[str, Any]
    recipe: Recipe
    scales: tuple[int, ...] = (3,)
    channels: int = 1
    data: str = PHOTOGRAPHS
    pictures: int | None = None
    measure_at: tuple[int, ...] = ()  # other scales than those trained for
    looks: Mapping[str, Callable[[nn.Module], float]] = field(default_factory=dict)
    start: tuple[str, int] | None = None

    def described(self) -> dict[str, Any]:
        """All that decides the result, as JSON has it: a recorded run is kept while this stays the same."""
        known = {k: v for k, v in vars(self).items() if k not in ("label", "recipe", "looks", "start")}
        known |= {"looks": list(self.looks)} if self.looks else {}
        known |= {"start": list(self.start)} if self.start else {}
        return json.loads(json.dumps({**known, "recipe": asdict(self.recipe)}, default=dict))


@dataclass(frozen=True)
class Experiment:
    """A question and the variants that answer it. ``bf16``: convolutions in bfloat16 where recipes allow.
    ``measured_on``: test sets; those that are not at hand are left out (large networks take minutes on the
    photographs)."""

    name: str
    chapter: int
    question: str
    variants: tuple[Variant, ...]
    bf16: bool = False
    measured_on: tuple[str, ...] = ("photos", "set5")

    @property
    def command(self) -> str:
        """What makes the record anew."""
        return f"srlib experiment {self.name}"


@dataclass(frozen=True)
class Recorded:
    """An experiment's record. ``runs``: a dict for each, with label, seed, steps, seconds, results."""

    name: str
    question: str
    command: str
    runs: list[dict[str, Any]]

    def write(self, folder: Path) -> None:
        """Keep it in ``folder``, a run a line; ``recorded`` reads it back."""
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / f"{self.name}.json", asdict(self), by_line=["runs"])

    @property
    def labels(self) -> list[str]:
        """The variants, in the order they were made."""
        return list(dict.fromkeys(run["label"] for run in self.runs))

    @property
    def seeds(self) -> list[int]:
        """The seeds that every variant was run with."""
        made = {(run["label"], run["seed"]) for run in self.runs}
        return [
            seed for seed in sorted({seed for _, seed in made}) if all((x, seed) in made for x in self.labels)
        ]

    def of(self, label: str) -> list[dict[str, Any]]:
        """The runs of one variant."""
        found = [run for run in self.runs if run["label"] == label]
        if not found:
            raise ExperimentError(
                f"{self.name} has no variant {label!r}; there are {', '.join(map(repr, self.labels))}"
            )
        return found

    def values(self, label: str, what: str) -> list[float]:
        """One number a seed: ``what`` is "set5 x3" (dB), "seconds", or the name of what was looked at."""
        runs = sorted(self.of(label), key=lambda run: run["seed"])
        try:
            return [run[what] if what in run else run["results"][what] for run in runs]
        except KeyError:
            known = ", ".join(["seconds", *runs[0]["results"]])
            raise ExperimentError(
                f"{self.name}: nothing called {what!r} was recorded; there is {known}"
            ) from None

    def mean(self, label: str, what: str) -> float:
        """Mean over the seeds."""
        return statistics.fmean(self.values(label, what))

    def spread(self, label: str, what: str) -> float:
        """Largest less smallest over the seeds."""
        return max(self.values(label, what)) - min(self.values(label, what))

    def __str__(self) -> str:
        whats = list(dict.fromkeys(what for run in self.runs for what in run["results"]))
        width = max((len(label) for label in self.labels), default=0)
        lines = [self.question]
        for label in self.labels:
            shown = [what for what in whats if all(what in run["results"] for run in self.of(label))]
            cells = [f"{w} {self.mean(label, w):.2f} ({self.spread(label, w):.2f})" for w in shown]
            lines.append(f"{label:{width}}  {len(self.of(label))} seeds  {'  '.join(cells)}")
        return "\n".join([*lines, "mean over the seeds (largest less smallest); made by: " + self.command])


def recorded(name: str, folder: Path = FOLDER) -> Recorded:
    """What ``srlib experiment name`` has recorded."""
    path = folder / f"{name}.json"
    if not path.exists():
        have = [file.stem for file in sorted(folder.glob("*.json"))]
        raise ExperimentError(f"there is no record of {name!r}; {there_are(name, have)}")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return Recorded(**{key: record[key] for key in ("name", "question", "command", "runs")})
    except (ValueError, KeyError, TypeError) as fault:
        raise ExperimentError(
            f"{path}: not the record of an experiment ({fault}); get the file again"
        ) from None


def perform(
    experiment: Experiment,
    *,
    seeds: tuple[int, ...] = (0, 1, 2),
    folder: Path = FOLDER,
    stop: Callable[[], bool] = lambda: False,
) -> Recorded:
    """Make the runs that the record lacks, one seed after another, and write it after each. ``stop`` is asked
    between runs. Runs of variants that have changed or gone are dropped with the first new one."""
    path = folder / f"{experiment.name}.json"
    runs = recorded(experiment.name, folder).runs if path.exists() else []
    wanted = {variant.label: variant.described() for variant in experiment.variants}
    runs = [run for run in runs if wanted.get(run["label"]) == run["variant"]]
    order = list(wanted)
    banks: dict[str, PatchBank] = {}
    for seed in seeds:
        for variant in experiment.variants:
            if any(run["label"] == variant.label and run["seed"] == seed for run in runs):
                continue
            made = None if stop() else _run(variant, seed, experiment, banks)
            if made is None:
                print("stopped; the same command goes on with the runs that are missing")
                return _record(experiment, runs)
            print(
                f"{experiment.name}, {variant.label}, seed {seed}: {made['seconds']:.0f} s, {made['results']}"
            )
            runs = sorted([*runs, made], key=lambda run: (run["seed"], order.index(run["label"])))
            _record(experiment, runs).write(folder)
    return _record(experiment, runs)


def _record(experiment: Experiment, runs: list[dict[str, Any]]) -> Recorded:
    return Recorded(experiment.name, experiment.question, experiment.command, runs)


def _run(
    variant: Variant, seed: int, experiment: Experiment, banks: dict[str, PatchBank]
) -> dict[str, Any] | None:
    """Train one variant with one seed and measure it; None if it was stopped (Ctrl-C)."""
    bank = _bank(variant, seed, banks)
    torch.manual_seed(seed)
    model = zoo.build(variant.model, dict(variant.arguments))
    started: dict[str, Any] = {}
    if variant.start:
        card = zoo.card(*variant.start)
        zoo.warm_start(model, zoo.load(*variant.start).state_dict())
        started = {"started_from": {"card": card.title, "sha256": card.sha256[:8], "steps": card.steps}}
    course: dict[str, dict[int, float]] = {name: {} for name in variant.looks}

    def look(run: Run) -> None:
        if run.step in LOOKED_AT or run.done >= 1:
            for name, measure in variant.looks.items():
                course[name][run.step] = float(f"{measure(run.result):.4g}")

    for name, measure in variant.looks.items():
        course[name][0] = float(f"{measure(model):.4g}")
    setting = fixed(bank.device, bf16=experiment.bf16)
    run = fit(
        model, bank, variant.recipe, [look], setting=setting, validate=_validation(variant), progress=False
    )
    if run.done < 1:
        return None
    results = {name: measure(model) for name, measure in variant.looks.items()}
    for name in experiment.measured_on:
        if name == "photos" or data.find(name) is not None:
            for scale in dict.fromkeys((*variant.scales, *variant.measure_at)):
                results[f"{name} x{scale}"] = evaluate(model, name, scale).psnr
    return {
        "label": variant.label,
        "seed": seed,
        "results": {what: float(f"{value:.6g}") for what, value in results.items()},
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": run.step,
        "seconds": round(run.seconds, 1),
        "skipped": run.skipped,
        "spikes": spikes(run.losses),
        "loss": run.loss_curve(20),
        "course": {name: [list(pair) for pair in seen.items()] for name, seen in course.items()},
        "validation": [[step, round(psnr, 3)] for step, psnr in run.psnrs],
        "device": f"{settings.device_name(bank.device)}; {setting}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "torch": torch.__version__,
        "variant": variant.described(),
        **started,
    }


def spikes(losses: Sequence[float], times: float = 2.0, among: int = 20) -> int:
    """How many losses are above ``times`` the median of the ``among`` before them, or no number: steps that
    threw a training back. Chapter 9."""
    return sum(
        not loss <= times * statistics.median(losses[i : i + among]) for i, loss in enumerate(losses[among:])
    )


def _validation(variant: Variant) -> Callable[[nn.Module], float] | None:
    """PSNR at the first scale on two of the photographs, cut to 256 x 256: quick, for the curve only."""
    if not variant.recipe.validate_every:
        return None
    some: dict[str, Tensor] = {
        name: x[:, :256, :256] for name, x in data.photos(["chelsea", "coffee"]).items()
    }
    return lambda model: evaluate(model, some, variant.scales[0]).psnr


def _bank(variant: Variant, seed: int, banks: dict[str, PatchBank]) -> PatchBank:
    """The patches of a variant, drawn from where this seed begins. Banks are kept: filling one takes longer
    than some of the runs."""
    drawn = seed if variant.pictures is not None else None
    key = json.dumps([variant.data, variant.scales, variant.channels, variant.pictures, drawn])
    if key not in banks:
        pictures, _ = recipes.pictures(variant.data)
        if variant.pictures is not None:
            generator = torch.Generator().manual_seed(seed)
            order = torch.randperm(len(pictures), generator=generator).tolist()
            names = sorted(pictures)
            pictures = {names[i]: pictures[names[i]] for i in order[: variant.pictures]}
        banks[key] = PatchBank(pictures, variant.scales, settings.device(), channels=variant.channels)
    bank = banks[key]
    bank.reseed(seed)
    return bank
