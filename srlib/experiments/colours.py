"""In which colours should a network learn? SRCNN on Y alone, on Y, Cb and Cr, and on R, G and B (chapter 4).

The other experiments change the network or its recipe; this one changes what the patches are made of, so it
has a run of its own. ``python -m srlib.experiments.colours`` makes the record anew.
"""

import datetime
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from srlib import recipes, settings
from srlib.data.bank import Images, PatchBank
from srlib.evaluation import evaluate
from srlib.experiments import FOLDER, PHOTOGRAPHS, Recorded
from srlib.experiments.chapters import EXPERIMENTS
from srlib.images import rgb_to_ycbcr, ycbcr_to_rgb
from srlib.models import SRCNN
from srlib.speed import fixed
from srlib.training import Recipe, fit

NAME = "srcnn-colours"
LABELS = ("Y", "YCbCr", "RGB")
RECIPE = EXPERIMENTS["srcnn-filters"].variants[0].recipe
SCALE = 3


class YCbCrBank(PatchBank):
    """The same patches as a bank of RGB gives, as Y, Cb and Cr. Chapter 4."""

    def sample(self, batch: int, patch: int, scale: int | None = None) -> tuple[Tensor, Tensor]:
        """As ``PatchBank.sample``."""
        lr, hr = super().sample(batch, patch, scale)
        return rgb_to_ycbcr(lr), rgb_to_ycbcr(hr)


class FromRGB(nn.Module):
    """A network of Y, Cb and Cr as one of RGB, to be measured as others are. Chapter 4."""

    channels, scale, pre_upsample = 3, None, True

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W), RGB in and out."""
        return ycbcr_to_rgb(self.net(rgb_to_ycbcr(x)))


def learn(label: str, seed: int, images: Images, recipe: Recipe = RECIPE) -> tuple[nn.Module, float]:
    """A 9-1-5 trained in the colours that ``label`` names, as a network to be measured, and the seconds it
    took. Chapter 4."""
    channels = 1 if label == "Y" else 3
    device = settings.device()
    bank = {"YCbCr": YCbCrBank}.get(label, PatchBank)(images, SCALE, device, channels=channels, seed=seed)
    torch.manual_seed(seed)
    net = SRCNN((9, 1, 5), channels=channels, init="centred")
    run = fit(net, bank, recipe, setting=fixed(device, bf16=False), progress=False)
    return (FromRGB(net) if label == "YCbCr" else net), run.seconds


def judged(net: nn.Module, pictures: Any) -> dict[str, float]:
    """PSNR on luma and over R, G and B; for all three from the same 8-bit colour files, so that they
    compare. Chapter 4."""
    return {
        "luma": evaluate(net, pictures, SCALE, path="rgb").psnr,
        "colour": evaluate(net, pictures, SCALE, path="rgb", channel="rgb").psnr,
    }


def record(
    folder: Path = FOLDER,
    *,
    recipe: Recipe = RECIPE,
    what: str = PHOTOGRAPHS,
    pictures: Any = "photos",
    seeds: tuple[int, ...] = (0, 1, 2),
) -> Recorded:
    """Make all runs anew and write them down as the other experiments are."""
    images, said = recipes.pictures(what)
    runs: list[dict[str, Any]] = []
    for seed in seeds:
        for label in LABELS:
            net, seconds = learn(label, seed, images, recipe)
            found = {name: float(f"{value:.6g}") for name, value in judged(net, pictures).items()}
            print(f"{NAME}, {label}, seed {seed}: {seconds:.0f} s, {found}")
            runs.append(
                {
                    "label": label,
                    "seed": seed,
                    "results": found,
                    "parameters": sum(p.numel() for p in net.parameters()),
                    "steps": recipe.steps,
                    "seconds": round(seconds, 1),
                    "data": said,
                    "device": settings.device_name(settings.device()),
                    "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
                    "torch": torch.__version__,
                    "recipe": json.loads(json.dumps(asdict(recipe))),
                }
            )
    question = "SRCNN 9-1-5, x3: learn Y alone, all of YCbCr, or RGB?"
    made = Recorded(NAME, question, "python -m srlib.experiments.colours", runs)
    made.write(folder)
    return made


if __name__ == "__main__":
    print(record())
