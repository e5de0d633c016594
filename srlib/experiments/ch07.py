"""An experiment of chapter 7: what a stack without skips makes of the picture's border."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from srlib import comparison
from srlib.degrade import bicubic
from srlib.experiments import Experiment, Variant
from srlib.images import middle
from srlib.inference import upscale
from srlib.metrics import psnr
from srlib.training import Recipe

SCALE, SIDES = 4, (12, 24, 48)
_PATCHES = Recipe(steps=1500, batch=8, patch=SIDES[0], loss="l2", lr=1e-3, warmup=50, schedule="cosine")


def same_middle(side: int) -> Callable[[nn.Module], float]:
    """PSNR (dB, x4) of the 32 x 32 pixels in the middle of the comparison table's pictures, as a network
    draws them that is given ``side`` x ``side`` small pixels around them. Chapter 7."""

    def measure(model: nn.Module) -> float:
        hr = torch.stack(list(comparison.pictures().values()))
        sr = upscale(model, middle(bicubic(hr, SCALE), side), SCALE)
        found = psnr(middle(sr, 32), middle(hr, 32))
        assert isinstance(found, Tensor)
        return float(found.mean())

    return measure


_LOOKS = {f"given {side}": same_middle(side) for side in SIDES}

BORDER = (
    Experiment(
        "srresnet-border",
        7,
        "SRResNet of 16 blocks, trained on patches of 12 x 12: how is the middle of a larger one drawn?",
        tuple(
            Variant(
                word,
                "SRResNet",
                {"scale": SCALE, "blocks": 16, "features": 32, "skips": skips},
                _PATCHES,
                scales=(SCALE,),
                channels=3,
                looks=_LOOKS,
            )
            for skips, word in ((True, "skips"), (False, "no skips"))
        ),
        bf16=True,
        measured_on=("set5",),
    ),
)
