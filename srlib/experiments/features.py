"""Which answer lies nearer to the truth: the blend of many, or another sharp one? By pixels and by features
of VGG-19. And how hard do these pull, and how many of the features survive the ReLU? (Chapter 8.)

Nothing is trained. ``python -m srlib.experiments.features`` makes the record anew; it needs VGG-19's weights
up to its second block (``srlib fetch vgg19``, or SRLIB_DATA).
"""

import datetime
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from srlib import comparison
from srlib.data.edges import edges
from srlib.degrade import bicubic
from srlib.experiments import FOLDER, Recorded
from srlib.images import middle
from srlib.losses import VGGFeatures, content_loss, generator_loss
from srlib.models import Discriminator
from srlib.resize import imresize

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
    """SRGAN's content loss of two batches of pictures, (N, C, H, W), gray ones too."""
    return lambda a, b: content_loss(features, a.expand(-1, 3, -1, -1), b.expand(-1, 3, -1, -1))


def by_pixels(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared error."""
    return (a - b).square().mean()


def photographs() -> Tensor:
    """The middle of each of the table's photographs, as large as SRGAN's patches: (8, 3, 96, 96)."""
    return torch.stack([middle(x, 96) for x in comparison.pictures().values()])


def pull(distance: Distance, seed: int) -> float:
    """How many times as hard this content pulls at pictures enlarged by bicubic as a thousandth of a critic
    does that has not learned yet: the lengths of the two gradients. Chapter 8."""
    hr = photographs()
    sr = imresize(bicubic(hr, 4), 4).clamp(0, 1).requires_grad_(True)
    torch.manual_seed(seed)
    pleasing = 1e-3 * generator_loss(Discriminator(hr.shape[-1])(sr))
    (content,) = torch.autograd.grad(distance(sr, hr), sr)
    (critic,) = torch.autograd.grad(pleasing, sr)
    return float(content.norm() / critic.norm())


def measure(label: str, seed: int, weights: str | Path | None = None) -> tuple[dict[str, float], str]:
    """What ``apart`` finds on edges drawn by ``seed``, the ``pull``, of what is compared the share "alive"
    above 0 in photographs, and which training of VGG it was."""
    drawn = edges(2 * COUNT, seed=seed)
    seen, training = photographs(), "none"
    distance: Distance = by_pixels
    if label != "pixels":
        torch.manual_seed(seed)
        vgg = VGGFeatures(LAYERS.get(label, "relu2_2"), weights if label in LAYERS else "random")
        seen, training, distance = vgg(seen), vgg.training_of_vgg, by_features(vgg)
    found = apart(distance, drawn[:COUNT], drawn[COUNT:])
    return found | {"pull": pull(distance, seed), "alive": float((seen > 0).float().mean())}, training


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
    made.write(folder)
    return made


if __name__ == "__main__":
    print(record())
