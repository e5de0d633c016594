"""Eight views through one network, or three networks? Self-ensemble against averaging (chapter 9).

An average is no training by a Recipe, so this is no ``srlib experiment``:
``python -m srlib.experiments.ensembles`` makes the record anew. It needs Set5 and the training photographs
(``SRLIB_DATA``, or ``srlib fetch``) and a quarter of an hour on one core.
"""

import datetime
import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from srlib import recipes, settings
from srlib.data.bank import PatchBank
from srlib.evaluation import evaluate
from srlib.experiments import FOLDER, PHOTOGRAPHS, Recorded
from srlib.inference import SelfEnsemble
from srlib.models import EDSR
from srlib.speed import fixed
from srlib.training import Recipe, fit

NAME = "edsr-ensembles"
SCALE = 2
RECIPE = Recipe(
    steps=1500, batch=8, patch=16, lr=2e-3, warmup=50, schedule="cosine", ema=0.99,
    optimizer="soap", betas=(0.95, 0.95),
)  # fmt: skip


class Average(nn.Module):
    """The mean of what several networks for one scale answer. Chapter 9."""

    channels = 3
    pre_upsample = False

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.scale = SCALE

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([net(x) for net in self.networks]).mean(0)


def record(
    folder: Path = FOLDER,
    *,
    recipe: Recipe = RECIPE,
    what: str = PHOTOGRAPHS,
    test_set: Any = "set5",
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4),
    blocks: int = 4,
    features: int = 32,
) -> Recorded:
    """Train one network a seed, measure each alone and with its eight views, and every three of them
    averaged; write all down as the other experiments are."""
    images, said = recipes.pictures(what)
    device = settings.device()
    bank = PatchBank(images, (SCALE,), device)
    nets: dict[int, nn.Module] = {}
    runs: list[dict[str, Any]] = []

    def measured(
        label: str, number: int, net: nn.Module, trained: Sequence[int], seconds: float = 0.0
    ) -> None:
        found = evaluate(net, test_set, SCALE).psnr
        print(f"{NAME}, {label}, seeds {trained}: {found:.3f} dB", flush=True)
        runs.append(
            {
                "label": label,
                "seed": number,
                "networks": list(trained),
                "results": {f"set5 x{SCALE}": float(f"{found:.6g}")},
                "parameters": sum(p.numel() for p in net.parameters()),
                "steps": recipe.steps,
                "seconds": round(seconds, 1),
                "data": said,
                "device": settings.device_name(device),
                "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
                "torch": torch.__version__,
                "recipe": json.loads(json.dumps(asdict(recipe))),
            }
        )

    for seed in seeds:
        bank.reseed(seed)
        torch.manual_seed(seed)
        net = EDSR(SCALE, blocks=blocks, features=features)
        run = fit(net, bank, recipe, setting=fixed(device, bf16=True), progress=False)
        nets[seed] = net.eval()
        measured("one network", seed, net, [seed], run.seconds)
        measured("its eight views", seed, SelfEnsemble(net), [seed], run.seconds)
    for number, three in enumerate(itertools.combinations(seeds, 3)):
        measured("three networks", number, Average([nets[seed] for seed in three]), three)
    question = (
        f"EDSR of {blocks} blocks x {features}, x{SCALE}: eight views of one network, or three networks?"
    )
    made = Recorded(NAME, question, "python -m srlib.experiments.ensembles", runs)
    made.write(folder)
    return made


if __name__ == "__main__":
    print(record())
