"""``srlib train``: a plan followed from data to weights and card; and the queue of what still wants it."""

import argparse
import copy
import itertools
import json
import math
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

from srlib import __version__, data, parallel, recipes, settings, zoo
from srlib.data.pack import pack
from srlib.evaluation import Bicubic, evaluate
from srlib.files import write_text
from srlib.losses import VGGFeatures
from srlib.models import Discriminator
from srlib.recipes import Plan
from srlib.speed import Setting
from srlib.training import Critic, Run, fit
from srlib.zoo.convert import warm_start

QUEUE = Path(__file__).parent / "QUEUE.md"
MEASURED_ON = ("photos", "set5", "set14", "b100")


def train(
    plan: Plan,
    *,
    runs: Path,
    out: Path,
    seed: int = 0,
    minutes: float | None = None,
    pack_file: Path | None = None,
    setting: Setting | None = None,
    from_scratch: bool = False,
    note: str = "",
    measured_on: Sequence[str] = MEASURED_ON,
) -> zoo.Card | None:
    """Follow the plan: data, training (resumed from ``runs/<title>`` if it was begun), evaluation, weights
    and card in ``out``. After ``minutes`` it stops in good order and returns None; the same call goes on."""
    _refuse_a_lagging_average(plan)
    pictures, about_data = recipes.pictures(plan.data, pack_file)
    bank, about_troubles = recipes.bank(pictures, plan, settings.device(), seed=seed)
    del pictures
    torch.manual_seed(seed)
    model = zoo.build(plan.model, plan.arguments)
    start = None if from_scratch else _start(model, plan, out)
    critic = _critic(plan)
    run = fit(
        model,
        bank,
        plan.recipe,
        [_stop_after(minutes)] if minutes else [],
        critic=critic,
        validate="photos" if plan.recipe.validate_every and find_spec("skimage") else None,
        folder=runs / plan.title,
        setting=setting,
    )
    if parallel.join(bank.device)[0] != 0:
        raise SystemExit(0)  # under torchrun process 0 measures and writes
    print(f"{plan.title}: step {run.step} of {run.recipe.steps}, {run.seconds / 60:.1f} min")
    if run.done < 1:
        print("the same command goes on from here")
        return None
    if not find_spec("skimage"):
        print("trained; without scikit-image nothing is measured here: run the same command where it is")
        return None
    stored, results = _stored(model, plan.scales, measured_on)
    card = zoo.Card(
        name=plan.name,
        scales=list(plan.scales),
        model=plan.model,
        arguments={k: list(v) if isinstance(v, tuple) else v for k, v in plan.arguments.items()},
        parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        data=about_data + about_troubles,
        recipe=asdict(plan.recipe),
        profile=plan.profile,
        steps=run.step,
        seed=seed,
        device=", then ".join(run.trained_on),
        hours=round(run.seconds / 3600, 4),
        started_from=f"{start.title} ({start.sha256[:8]})" if start else None,
        before=start.stages if start and (start.name, start.scales) == (plan.name, [*plan.scales]) else [],
        critic=_said(critic),
        results=results,
        stored=stored,
        note=note,
        code=_code(),
        torch=torch.__version__,
        curves={
            **{name: run.loss_curve(60, name) for name in run.curves},
            "photos": [[step, round(psnr, 3)] for step, psnr in run.psnrs],
        },
    )
    return zoo.store(model, card, out)


def _refuse_a_lagging_average(plan: Plan, most: float = 0.02, in_earnest: int = 100) -> None:
    """Refuse a running average that is too slow for so few steps: what it kept of the first weights would
    spoil the network, after hours. (Below ``in_earnest`` steps it is a trial. An average that began later
    would need no refusal, but then no card's training could be repeated to the last bit.)"""
    ema, steps = plan.recipe.ema, plan.recipe.steps
    if steps >= in_earnest and ema**steps > most:
        digits = math.ceil(math.log10(steps / 5))
        fits = math.floor((1 - 5 / steps) * 10**digits) / 10**digits
        raise ValueError(
            f"{plan.title}: after {steps:,} steps an average with ema={ema:g} would still hold "
            f"{ema**steps:.0%} of the first weights; say --set ema={fits:g}, or ema=0 for none"
        )


def _stored(
    model: nn.Module, scales: Sequence[int], measured_on: Sequence[str], most: float = 0.005
) -> tuple[str, dict[str, dict[str, float | str]]]:
    """Round the weights to float16 unless that costs more than ``most`` dB on the first test set at the first
    scale; returns the number type, and what the weights reach as they will be stored."""
    exact = measure(model, scales[:1], measured_on[:1])
    weights = copy.deepcopy(model.state_dict())
    zoo.as_stored(model)
    results = measure(model, scales, measured_on)
    cost = max(
        (float(row["psnr"]) - float(results[where]["psnr"]) for where, row in exact.items()), default=0.0
    )
    if not cost > most:
        return "float16", results
    print(f"stored as float32: float16 would cost {cost:.3f} dB")
    model.load_state_dict(weights)
    return "float32", measure(model, scales, measured_on)


def measure(
    model: nn.Module, scales: Sequence[int], names: Sequence[str] = MEASURED_ON
) -> dict[str, dict[str, float | str]]:
    """PSNR and SSIM on those of the named test sets that are at hand, beside bicubic's by the same path."""
    results: dict[str, dict[str, float | str]] = {}
    model = model.cpu().eval()
    for name in names:
        if name != "photos" and data.find(name) is None:
            continue
        for scale in scales:
            mine = evaluate(model, name, scale)
            bicubic = evaluate(Bicubic(model.channels), name, scale)  # type: ignore[arg-type]
            results[f"{name} x{scale}"] = {
                "psnr": round(mine.psnr, 3),
                "ssim": round(mine.ssim, 4),
                "bicubic": round(bicubic.psnr, 3),
                "path": "y" if model.channels == 1 else "rgb",
            }
    return results


def command(card: zoo.Card) -> list[str]:
    """The arguments of ``srlib train`` that made these weights, read back from the card."""
    sets = []
    for part in card.data.split(" + "):
        leaves = re.match(r"dead leaves \((\d+) pictures", part)
        sets.append(f"leaves:{leaves[1]}" if leaves else part.partition(" (")[0])
    plan = recipes.plan(card.name, card.scales[0] if len(card.scales) == 1 else None, card.profile)  # type: ignore[arg-type]
    plan = with_changes(plan, card.recipe["steps"], None, [])
    planned = json.loads(json.dumps(asdict(plan.recipe)))
    arguments = [card.name, *(["--scale", str(card.scales[0])] if len(card.scales) == 1 else [])]
    arguments += ["--profile", card.profile, "--data", "+".join(sets), "--steps", str(card.recipe["steps"])]
    for key, value in card.recipe.items():
        if value != planned[key]:
            text = ",".join(map(str, value)) if isinstance(value, list) else str(value).lower()
            arguments += ["--set", f"{key}={text}"]
    if card.start is None:
        arguments += ["--from-scratch"] if plan.start else []
    elif card.start != plan.start:
        name, scale = card.start
        arguments += ["--start", f"{name}:{scale}"]
    return [*arguments, "--seed", str(card.seed)]


def other_start(card: zoo.Card) -> str:
    """A warning where the weights that a card's training began with are not in the zoo any more, "" else."""
    if card.start is None or card.started_from is None:
        return ""
    here = zoo.card(*card.start)
    if f"({here.sha256[:8]})" in card.started_from:
        return ""
    return (
        f"{card.title} began with {card.started_from}, which the zoo no longer has; this begins with "
        f"{here.title} ({here.sha256[:8]}), so other weights will come of it"
    )


def _start(model: nn.Module, plan: Plan, out: Path) -> zoo.Card | None:
    """Take over the weights that the plan starts from; prints exactly what came along. Returns their card."""
    if plan.start is None:
        return None
    name, scale = plan.start
    for folder in (out, zoo.FOLDER):
        mine = (
            [c for c in zoo.cards(folder) if c.name == name and scale in c.scales] if folder.is_dir() else []
        )
        if mine:
            report = warm_start(model, zoo.load(name, scale, folder=folder).state_dict())
            print(f"started from {mine[0].title}: {report}")
            return mine[0]
    raise zoo.ZooError(f"{plan.name} starts from {name} x{scale}, which is not there; train that first")


def _critic(plan: Plan) -> Critic | None:
    if plan.content is None:
        return None
    features = None if plan.content == "pixels" else VGGFeatures(plan.content)
    return Critic(Discriminator(plan.recipe.patch * plan.scales[0]), features, content=plan.content_factor)


def _said(critic: Critic | None) -> str:
    """What the generator was asked for, for the card."""
    if critic is None:
        return ""
    what, of = "pixels (L2)", critic.features
    if of is not None:
        what = f"{of.layer} of VGG-19 ({of.training_of_vgg})"
    return f"content {critic.content:g} x {what}, adversarial {critic.adversarial:g}"


def _stop_after(minutes: float) -> Callable[[Run], None]:
    end = time.monotonic() + 60 * minutes

    def stop(run: Run) -> None:
        run.stop = run.stop or time.monotonic() > end

    return stop


def _code() -> str:
    """The library's version, with the commit where there is one."""
    try:
        where = Path(__file__).parent
        asked = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=where, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return __version__
    commit = asked.stdout.strip()
    return f"{__version__} ({commit})" if asked.returncode == 0 and commit else __version__


# --- the queue ------------------------------------------------------------------------------------

_LINE = re.compile(r"^- \[ \] `srlib train (?P<arguments>[^`]+)`", re.MULTILINE)


def waiting(queue: Path = QUEUE) -> list[list[str]]:
    """The arguments of each training that is not ticked off, in order."""
    if not queue.is_file():
        raise FileNotFoundError(f"{queue}: there is no such queue; check the path")
    return [shlex.split(match["arguments"]) for match in _LINE.finditer(queue.read_text(encoding="utf-8"))]


def tick(arguments: list[str], queue: Path = QUEUE) -> None:
    """Mark a training as done."""
    text = queue.read_text(encoding="utf-8")
    for match in _LINE.finditer(text):
        if shlex.split(match["arguments"]) == arguments:
            text = text[: match.start()] + text[match.start() :].replace("- [ ]", "- [x]", 1)
            break
    write_text(queue, text)


def set_aside(run: Path) -> Path:
    """Rename the folder of a run that is shipped, so that the next line of the same network begins a run of
    its own instead of finding this one finished."""
    places = (run.with_name(f"{run.name}-done-{number}") for number in itertools.count(1))
    return run.rename(next(place for place in places if not place.exists()))


def packed_for(plan: Plan, folder: Path) -> Path | None:
    """The file below ``folder`` with the training images that the plan needs, made if the sets are at hand
    and it is not there; None if it needs none, or the sets are neither here nor packed."""
    sets = [part.strip().lower() for part in plan.data.split("+")]
    sets = [part for part in sets if part in data.names()]
    path = folder / f"{'-'.join(sets)}.zip"
    if sets and not path.exists() and all(data.find(name) for name in sets):
        folder.mkdir(parents=True, exist_ok=True)
        pack(sets, path)
        print(f"{path}: {', '.join(sets)}, {path.stat().st_size / 1e6:.1f} MB")
    return path if sets and path.exists() else None


def planned(options: argparse.Namespace) -> Plan:
    """The plan that the arguments of ``srlib train`` ask for."""
    wrong = [change for change in options.changes if "=" not in change]
    if wrong:
        raise ValueError(f"--set takes FIELD=VALUE, as in lr=1e-3, not {wrong[0]!r}")
    plan = recipes.plan(options.name, options.scale, options.profile or settings.profile())
    if options.start:
        name, _, scale = options.start.partition(":")
        if not scale.isdigit():
            raise ValueError(f"--start takes NAME:SCALE, as in srcnn-955:3, not {options.start!r}")
        plan = replace(plan, start=(name, int(scale)))
    return with_changes(plan, options.steps, options.data, options.changes)


def with_changes(plan: Plan, steps: int | None, what: str | None, changes: Sequence[str]) -> Plan:
    """The plan with another number of steps, other data and changed recipe fields ("lr=1e-3")."""
    recipe = plan.recipe
    if steps is not None:
        recipe = replace(recipe, steps=steps, warmup=min(recipe.warmup, steps // 20))
    recipe = recipes.changed(recipe, dict(change.partition("=")[::2] for change in changes))
    return replace(plan, recipe=recipe, data=what or plan.data)
