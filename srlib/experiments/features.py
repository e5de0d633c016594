"""Which answer lies nearer to the truth: the blend of many, or another sharp one? By pixels and by features
of VGG-19 (chapter 8).

Nothing is trained. ``python -m srlib.experiments.features`` makes the record anew; it needs VGG-19's weights
up to its second block (``srlib fetch vgg19``, or SRLIB_DATA).
"""

import datetime
import statistics
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from srlib.data.edges import edges
from srlib.experiments import FOLDER, Recorded
from srlib.files import write_json
from srlib.losses import VGGFeatures, content_loss

NAME = "srgan-features"
LAYERS = {"VGG 1,2": "relu1_2", "VGG 2,2": "relu2_2"}
LABELS = ("pixels", *LAYERS, "2,2 untrained")
COUNT = 16
"""So many answers are blended, and as many others are the possible truths."""

Distance = Callable[[Tensor, Tensor], Tensor]


def apart(distance: Distance, answers: Tensor, truths: Tensor) -> dict[str, float]:
    """Mean distance to the ``truths``, (N, C, H, W), of the sharp ``answers``, one each, and of the answers'
    mean. Chapter 8."""
    blend = answers.mean(dim=0, keepdim=True)
    pairs = list(zip(answers.split(1), truths.split(1), strict=True))
    sharp = statistics.fmean(float(distance(answer, truth)) for answer, truth in pairs)
    return {"sharp": sharp, "blend": statistics.fmean(float(distance(blend, truth)) for _, truth in pairs)}


def by_features(features: VGGFeatures) -> Distance:
    """SRGAN's content loss of two gray pictures, (1, 1, H, W)."""
    return lambda a, b: content_loss(features, a.expand(-1, 3, -1, -1), b.expand(-1, 3, -1, -1))


def measure(label: str, seed: int, weights: str | Path | None = None) -> tuple[dict[str, float], str]:
    """What ``apart`` finds on edges drawn by ``seed``, and which training of VGG it was."""
    drawn = edges(2 * COUNT, seed=seed)
    if label == "pixels":
        return apart(lambda a, b: (a - b).square().mean(), drawn[:COUNT], drawn[COUNT:]), "none"
    torch.manual_seed(seed)
    vgg = VGGFeatures(LAYERS.get(label, "relu2_2"), weights if label in LAYERS else "random")
    return apart(by_features(vgg), drawn[:COUNT], drawn[COUNT:]), vgg.training_of_vgg


def record(
    folder: Path = FOLDER, *, seeds: tuple[int, ...] = (0, 1, 2), weights: str | Path | None = None
) -> Recorded:
    """Measure everything anew and write it down as the experiments are."""
    runs: list[dict[str, Any]] = []
    for seed in seeds:
        for label in LABELS:
            found, training = measure(label, seed, weights)
            found["blend / sharp"] = found["blend"] / found["sharp"]
            runs.append(
                {
                    "label": label,
                    "seed": seed,
                    "results": {name: float(f"{value:.6g}") for name, value in found.items()},
                    "vgg": training,
                    "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
                    "torch": torch.__version__,
                }
            )
    question = "Edges that share one LR: is their blend nearer to the truth, or another sharp one?"
    made = Recorded(NAME, question, "python -m srlib.experiments.features", runs)
    write_json(folder / f"{NAME}.json", asdict(made), by_line=["runs"])
    return made


if __name__ == "__main__":
    print(record())
