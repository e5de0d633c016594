"""A network trained on one trouble, tested on another: blur, noise, JPEG, all of them (chapter 13).

Each training makes its small pictures in another way, which a ``srlib experiment`` does not vary:
``python -m srlib.experiments.mixtures`` makes the record anew. It needs the training photographs
(``SRLIB_DATA``, or ``srlib fetch``) and a quarter of an hour on one core.
"""

import datetime
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from srlib import comparison, recipes, settings, zoo
from srlib.data.bank import PatchBank
from srlib.degrade import Degradation
from srlib.experiments import FOLDER, Recorded
from srlib.inference import upscale
from srlib.metrics import psnr
from srlib.resize import imresize
from srlib.speed import fixed
from srlib.training import Recipe, fit

NAME = "robust-mixtures"
SCALE = 3
START = "edsr-small"
VERSIONS = 4
DATA = "t91+general100"
RECIPE = Recipe(
    steps=2000, batch=8, patch=16, lr=3e-3, warmup=50, schedule="cosine", ema=0.99,
    optimizer="soap", betas=(0.95, 0.95),
)  # fmt: skip
TRAINED: dict[str, dict[str, Any]] = {
    "clean": {},
    "blur": {"blur": (0.3, 3.0)},
    "noise": {"noise": (0.0, 0.06)},
    "jpeg": {"jpeg": (30.0, 95.0)},
    "all": {"blur": (0.3, 3.0), "noise": (0.0, 0.06), "jpeg": (30.0, 95.0), "chance": 0.6},
}
"""What each training does to its pictures before and after they are shrunk by bicubic."""
TESTED: dict[str, dict[str, Any]] = {
    "clean": {},
    "blur": {"blur": 1.5},
    "noise": {"noise": 0.03},
    "jpeg": {"jpeg": 50},
    "all": {"blur": 1.5, "noise": 0.03, "jpeg": 50},
}


def tests(pictures: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """The small pictures of every test, and the originals, as two batches. Chapter 13."""
    hr = torch.stack(list(pictures.values()))
    return {name: (Degradation(**how)(hr, SCALE), hr) for name, how in TESTED.items()}


def measured(net: torch.nn.Module | None, pairs: Mapping[str, tuple[Tensor, Tensor]]) -> dict[str, float]:
    """Mean PSNR (dB on luma) on each test; without a network, bicubic's. Chapter 13."""
    found = {}
    for name, (lr, hr) in pairs.items():
        sr = imresize(lr, SCALE).clamp(0, 1) if net is None else upscale(net, lr, SCALE)
        found[name] = float(f"{float(torch.as_tensor(psnr(sr, hr, crop=SCALE)).mean()):.6g}")
    return found


def record(
    folder: Path = FOLDER,
    *,
    recipe: Recipe = RECIPE,
    what: str = DATA,
    seeds: tuple[int, ...] = (0, 1, 2),
    pictures: Mapping[str, Tensor] | None = None,
) -> Recorded:
    """Train on each way of making small pictures, one training a seed, from the same trained weights, and
    measure each on all. "bicubic" and "before" are the interpolation and the weights that all start from."""
    images, said = recipes.pictures(what)
    device = settings.device()
    pairs = tests(comparison.pictures() if pictures is None else pictures)
    runs: list[dict[str, Any]] = []

    def add(label: str, seed: int, results: dict[str, float], **more: Any) -> None:
        print(f"{NAME}, {label}, seed {seed}: {results}", flush=True)
        date = datetime.datetime.now(datetime.UTC).date().isoformat()
        common = {"device": settings.device_name(device), "date": date, "torch": torch.__version__}
        runs.append({"label": label, "seed": seed, "results": results, **more, **common})

    for label, net in (("bicubic", None), ("before", zoo.load(START, SCALE))):
        for seed in seeds:  # the same for each: nothing is drawn
            add(label, seed, measured(net, pairs), steps=0, seconds=0.0)
    for label, how in TRAINED.items():
        bank = PatchBank(images, SCALE, device, degrade=Degradation(**how), versions=VERSIONS)
        for seed in seeds:
            bank.reseed(seed)
            torch.manual_seed(seed)
            net = zoo.load(START, SCALE).to(device)
            run = fit(net, bank, recipe, setting=fixed(device, bf16=True), progress=False)
            made = {
                "steps": run.step,
                "seconds": round(run.seconds, 1),
                "data": f"{said}, {VERSIONS} versions of each",
                "troubles": json.loads(json.dumps(how)),
                "start": [START, SCALE],
                "recipe": json.loads(json.dumps(asdict(recipe))),
            }
            add(label, seed, measured(net.eval(), pairs), **made)
    question = f"{START} x{SCALE}, trained on: which troubles does it bear, and what do they cost?"
    done = Recorded(NAME, question, "python -m srlib.experiments.mixtures", runs)
    done.write(folder)
    return done


if __name__ == "__main__":
    print(record())
