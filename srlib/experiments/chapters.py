"""The experiments of the chapters: what is compared, and the recipe that all variants of one share.

Runs are short (about a minute on one CPU core) so that three seeds of everything fit an evening; what they
show are differences under equal training, not what a network can reach. For that there is the zoo.
"""

from dataclasses import replace

import torch
from torch import nn

from srlib import comparison
from srlib.degrade import bicubic
from srlib.evaluation import evaluate
from srlib.experiments import Experiment, Variant
from srlib.experiments.ch07 import BORDER
from srlib.experiments.residual import RESIDUAL, SHORT
from srlib.images import luma, shave
from srlib.resize import imresize
from srlib.training import Recipe

_SMALL = replace(SHORT, steps=3000, patch=11, lr=1e-3, warmup=100, validate_every=500)
# Two ways to train from three starts, looked at on the way, so without an average that lags behind. The
# paper's batches are cut from 128 to 8, but for one variant, which sees as many patches in fewer steps.
_SOAP_STARTS = replace(_SMALL, steps=1500, ema=0.0, validate_every=0)
_SGD_STARTS = Recipe(
    steps=1500, batch=8, patch=11, loss="euclidean", optimizer="sgd", lr=1e-4, tail_lr=0.1, spike=0.0
)
_SGD_128 = replace(_SGD_STARTS, steps=94, batch=128)
_FSRCNN = replace(_SMALL, steps=4000, batch=16, patch=16, lr=1e-2)
_ADAM = Recipe(
    steps=700,
    batch=4,
    patch=12,
    loss="euclidean",
    lr=3e-4,
    warmup=50,
    schedule="cosine",
    exact=0.15,
    validate_every=100,
)
# VDSR's own: Caffe's loss, a learning rate of 0.1, gradients clipped at theta / learning rate.
# The paper gives no theta: with 1e-2 and 1e-3 twenty layers fly apart within eighty steps, 1e-4 holds them.
_SGD = replace(_ADAM, optimizer="sgd", lr=0.1, weight_decay=1e-4, clip="value/lr", clip_at=1e-4)
_SCALES = replace(_ADAM, steps=900, batch=6)
_STUDENTS = Recipe(
    steps=600, batch=4, patch=16, lr=1e-3, warmup=50, schedule="cosine", clip="norm", validate_every=100
)
_CENTRED = {"init": "centred"}


@torch.no_grad()
def checkerboard(model: nn.Module) -> float:
    """By how many gray levels (0..255, root mean square) the enlargement of a flat picture is not flat, mean
    over nine grays; borders are left out. Chapter 5."""
    return 255 * sum(float(flat.std(correction=0)) for flat in _flats(model)) / 9


@torch.no_grad()
def checkerboard_share(model: nn.Module) -> float:
    """The same as a share of the picture's own strength: comparable before and after training. Chapter 5."""
    return sum(float(flat.std(correction=0) / flat.square().mean().sqrt()) for flat in _flats(model)) / 9


def _flats(model: nn.Module) -> list[torch.Tensor]:
    """Enlargements of nine flat grays, without what the border reaches."""
    grays = torch.arange(1, 10) / 10
    sr = model(grays[:, None, None, None].expand(9, 1, 40, 40))
    return list(shave(sr, 12 * (sr.shape[-1] // 40)))


@torch.no_grad()
def on_middles(model: nn.Module) -> float:
    """PSNR (dB, x3) on the comparison table's pictures, which the chapters measure live. Chapter 4."""
    return evaluate(model, comparison.pictures(), 3).psnr


@torch.no_grad()
def bending(model: nn.Module) -> float:
    """How many first-layer filters of an SRCNN answer at 1 to 99 in a hundred places of the comparison
    table's pictures, enlarged from x3: only those bend what they see. Chapter 4."""
    small = torch.stack([bicubic(luma(hr), 3) for hr in comparison.pictures().values()])
    on = (model.extract(imresize(small, 3)) > 0).float().mean((0, 2, 3))  # type: ignore[operator]
    return float(((on > 0.01) & (on < 0.99)).sum())


def _start(label: str, init: str, recipe: Recipe) -> Variant:
    looks = {"middles x3": on_middles, "bending": bending}
    return Variant(
        label, "SRCNN", {"kernels": (9, 1, 5), "init": init}, recipe, data="leaves:24", looks=looks
    )


def _srcnn(label: str, kernels: tuple[int, ...], **changes: object) -> Variant:
    recipe = replace(_SMALL, **changes)  # type: ignore[arg-type]
    return Variant(label, "SRCNN", {"kernels": kernels, **_CENTRED}, recipe)


def _vdsr(label: str, recipe: Recipe, **arguments: object) -> Variant:
    return Variant(label, "VDSR", arguments, recipe)


_LOOKS = {"checkerboard": checkerboard, "checkerboard share": checkerboard_share}

_ALL = (
    Experiment(
        "srcnn-filters",
        4,
        "SRCNN, x3: what do larger filters buy?",
        tuple(
            _srcnn("-".join(map(str, kernels)), kernels)
            for kernels in ((9, 1, 5), (9, 3, 5), (9, 5, 5), (11, 5, 7))
        ),
    ),
    Experiment(
        "srcnn-loss",
        4,
        "SRCNN 9-1-5, x3: mean square or mean absolute error?",
        (_srcnn("MSE", (9, 1, 5), loss="l2"), _srcnn("L1", (9, 1, 5))),
    ),
    Experiment(
        "srcnn-pictures",
        4,
        "SRCNN 9-1-5, x3: how many training pictures does it need?",
        tuple(
            replace(_srcnn(str(count or 590), (9, 1, 5)), pictures=count)
            for count in (1, 4, 16, 64, 256, None)
        ),
    ),
    Experiment(
        "srcnn-starts",
        4,
        "SRCNN 9-1-5, x3: what do the first weights and the recipe decide, and for how long?",
        (
            *(
                _start(f"{init}, {way}", init, recipe)
                for way, recipe in (("SGD", _SGD_STARTS), ("SOAP", _SOAP_STARTS))
                for init in ("paper", "he", "centred")
            ),
            _start("paper, SGD, batches of 128", "paper", _SGD_128),
        ),
    ),
    Experiment(
        "srcnn-inside",
        4,
        "SRCNN 9-1-5 on RGB, x2: bicubic before the network, or nearest neighbour inside it?",
        tuple(
            Variant(
                label,
                "SRCNN",
                {"kernels": (9, 1, 5), "channels": 3, **_CENTRED, **inside},
                replace(_SMALL, patch=16),
                scales=(2,),
                channels=3,
            )
            for label, inside in (("before", {}), ("inside", {"inside": 2}))
        ),
    ),
    Experiment(
        "fsrcnn-kernels",
        5,
        "FSRCNN, x3: which last layer, and what does it leave on flat regions?",
        tuple(
            Variant(
                "shuffle" if e == "shuffle" else f"{e}x{e}",
                "FSRCNN",
                {"scale": 3, "enlarge": e},
                _FSRCNN,
                looks=_LOOKS,
            )
            for e in (3, 4, 9, "shuffle")
        ),
    ),
    Experiment(
        "fsrcnn-pictures",
        5,
        "FSRCNN, x3: photographs, dead leaves, or both?",
        tuple(
            Variant(label, "FSRCNN", {"scale": 3}, _FSRCNN, data=what)
            for label, what in (
                ("photographs", "t91+general100+bsds399"),
                ("dead leaves", "leaves:200"),
                ("both", "t91+general100+bsds399+leaves:200"),
            )
        ),
    ),
    Experiment(
        "vdsr-optimiser",
        6,
        "VDSR of 20 layers, x3: what do the residual and the optimiser each contribute?",
        (
            *(
                _vdsr(f"{optimiser}, {word}", recipe, residual=residual)
                for optimiser, recipe in (("SGD + clipping", _SGD), ("Adam", _ADAM))
                for word, residual in (("residual", True), ("no residual", False))
            ),
            _vdsr("SGD + clipping at 1e-5, no residual", replace(_SGD, clip_at=1e-5), residual=False),
        ),
        bf16=True,
        measured_on=("set5",),
    ),
    Experiment(
        "vdsr-depth",
        6,
        "VDSR, x3: the deeper the better?",
        tuple(_vdsr(str(depth), _ADAM, depth=depth) for depth in (5, 10, 20)),
        bf16=True,
        measured_on=("set5",),
    ),
    Experiment(
        "vdsr-scales",
        6,
        "VDSR of 10 layers: one network for three scales, or one for each?",
        tuple(
            replace(
                _vdsr(" ".join(f"x{scale}" for scale in scales), _SCALES, depth=10),
                recipe=replace(_SCALES, patch=36 // scales[0]),
                scales=scales,
                measure_at=(2, 3, 4),
            )
            for scales in ((2,), (3,), (4,), (2, 3, 4))
        ),
        bf16=True,
        measured_on=("set5",),
    ),
    Experiment(
        "vdsr-transposed",
        6,
        "VDSR of 20 layers on the small picture, transposed convolution, no residual, x2: which optimiser?",
        tuple(
            Variant(label, "VDSR", {"residual": False, "transposed": 2}, recipe, scales=(2,))
            for label, recipe in (
                ("Adam, 1e-4", replace(_STUDENTS, lr=1e-4)),
                ("Adam, 1e-3", _STUDENTS),
                ("Adam, 1e-3, six times as long", replace(_STUDENTS, steps=3600)),
                ("SOAP, 1e-3", replace(_STUDENTS, optimizer="soap", betas=(0.95, 0.95))),
            )
        ),
        bf16=True,
        measured_on=("set5",),
    ),
)
EXPERIMENTS = {experiment.name: experiment for experiment in (*_ALL, *RESIDUAL, *BORDER)}
