"""The experiments of chapters 7 and 9 to 11: residual networks on RGB. Short runs, as in chapters.py."""

from dataclasses import replace

from srlib.experiments import Experiment, Variant
from srlib.training import Recipe

# SOAP, because in these few steps Adam comes nowhere; Adam, as the papers, where the optimiser is part
# of the question.
SHORT = Recipe(
    steps=1000,
    batch=8,
    patch=12,
    optimizer="soap",
    betas=(0.95, 0.95),
    lr=2e-3,
    warmup=50,
    schedule="cosine",
    ema=0.99,
    validate_every=100,
)
_ADAM: dict[str, object] = {"optimizer": "adam", "betas": (0.9, 0.999), "lr": 1e-3}
_WIDE: dict[str, object] = {**_ADAM, "batch": 4, "warmup": 0, "ema": 0.0, "validate_every": 0}
"""For networks so wide that a step takes seconds: few steps, small batches."""


def _variant(
    label: str, model: str, scales: int | tuple[int, ...], arguments: dict[str, object], **changes: object
) -> Variant:
    """A network for one scale or several, trained by the short recipe with some fields changed."""
    more = {key: changes.pop(key) for key in ("data", "start") if key in changes}
    recipe = replace(SHORT, **changes)  # type: ignore[arg-type]
    of_one = isinstance(scales, int)
    takes = {"scale" if of_one else "scales": scales, **arguments}
    trained = (scales,) if of_one else scales
    return Variant(label, model, takes, recipe, scales=trained, channels=3, **more)  # type: ignore[arg-type]


def _experiment(name: str, chapter: int, question: str, *variants: Variant) -> Experiment:
    return Experiment(name, chapter, question, variants, bf16=True, measured_on=("set5",))


RESIDUAL = (
    _experiment(
        "srresnet-depth",
        7,
        "SRResNet, x4: how deep, with skips and without?",
        *(
            _variant(
                f"{blocks} blocks{word}",
                "SRResNet",
                4,
                {"blocks": blocks, "features": 32, "skips": skips},
                steps=1500,
                loss="l2",
                **_ADAM,
            )
            for skips, word, depths in (
                (True, "", (2, 8, 16)),
                ("global", ", global skip only", (8,)),
                ("blocks", ", block skips only", (8,)),
                (False, ", no skips", (2, 8, 16)),
            )
            for blocks in depths
        ),
    ),
    _experiment(
        "srgan-blocks",
        8,
        "SRGAN's generator, x4, by squared error alone: 16 blocks, or a student's 32?",
        *(_variant(f"{blocks} blocks", "SRResNet", 4, {"blocks": blocks}, loss="l2") for blocks in (16, 32)),
    ),
    _experiment(
        "edsr-steps",
        9,
        "From SRResNet to EDSR, x4: what do the loss and the missing batch norm each change?",
        _variant("SRResNet, L2", "SRResNet", 4, {}, loss="l2"),
        _variant("SRResNet, L1", "SRResNet", 4, {}),
        _variant("EDSR-baseline, L1", "EDSR", 4, {}),
    ),
    _experiment(
        "edsr-warm",
        9,
        "EDSR-baseline x3 and x4: from scratch, or from x2?",
        *(
            _variant(f"x{scale}, {word}", "EDSR", scale, {}, start=start, steps=600, lr=1e-3, clip="norm")
            for scale in (3, 4)
            for word, start in (("from scratch", None), ("from x2", ("edsr-baseline", 2)))
        ),
    ),
    _experiment(
        "edsr-width",
        9,
        "EDSR of 16 blocks, x2: wider, with the residual as it is or at a tenth?",
        *(
            _variant(
                f"{width} wide, {res_scale:g}",
                "EDSR",
                2,
                {"features": width, "res_scale": res_scale},
                steps=150,
                **{**_WIDE, "lr": 4e-4},
            )
            for width in (64, 128, 256)
            for res_scale in (1.0, 0.1)
        ),
    ),
    _experiment(
        "edsr-unstable",
        9,
        "EDSR of 16 blocks x 256, x2, at ten times the paper's rate and without a warm-up: what does the "
        "tenth prevent?",
        *(
            _variant(
                f"residual times {res_scale:g}",
                "EDSR",
                2,
                {"features": 256, "res_scale": res_scale},
                steps=40,
                schedule="constant",
                spike=0.0,  # nothing is left out: what happens is to be seen
                **_WIDE,
            )
            for res_scale in (1.0, 0.1)
        ),
    ),
    _experiment(
        "edsr-crop",
        9,
        "EDSR of 4 blocks x 32, x2: many small crops in a step, or few large ones?",
        *(
            _variant(
                f"{batch} of {patch}",
                "EDSR",
                2,
                {"blocks": 4, "features": 32},
                patch=patch,
                batch=batch,
                data="bsds399+general100",
            )
            for patch, batch in ((24, 16), (48, 4), (96, 1))
        ),
    ),
    _experiment(
        "edsr-report",
        9,
        "EDSR of 4 blocks x 32, x2: which last layers?",
        *(
            _variant(
                f"{upsampler}, {output}",
                "EDSR",
                2,
                {"blocks": 4, "features": 32, "upsampler": upsampler, "output": output},
            )
            for upsampler in ("shuffle", "transposed")
            for output in ("linear", "sigmoid")
        ),
    ),
    _experiment(
        "mdsr-shared",
        10,
        "8 blocks x 32: three EDSR, or one MDSR with as many steps as one of them, or as all three?",
        *(_variant(f"EDSR x{scale}", "EDSR", scale, {"blocks": 8, "features": 32}) for scale in (2, 3, 4)),
        *(
            _variant(f"MDSR, {steps} steps", "MDSR", (2, 3, 4), {"blocks": 8, "features": 32}, steps=steps)
            for steps in (1000, 3000)
        ),
    ),
    _experiment(
        "mdsr-before",
        10,
        "MDSR of 4 blocks x 24: a pre-processing for each scale, one for all, or none?",
        *(
            _variant(before, "MDSR", (2, 3, 4), {"blocks": 4, "features": 24, "before": before})
            for before in ("own", "shared", "none")
        ),
    ),
    _experiment(
        "wdsr-blocks",
        11,
        "EDSR, WDSR-A and WDSR-B of 1, 3, 5 and 8 blocks, x4",
        *(
            _variant(f"{name}, {blocks}", model, 4, {"blocks": blocks, **more})
            for name, model, more in (
                ("EDSR", "EDSR", {}),
                ("WDSR-A", "WDSR", {"kind": "A"}),
                ("WDSR-B", "WDSR", {"kind": "B"}),
            )
            for blocks in (1, 3, 5, 8)
        ),
    ),
    _experiment(
        "wdsr-norm",
        11,
        "WDSR-A of 8 blocks, x2: which normalisation bears which learning rate?",
        *(
            _variant(
                f"{norm or 'none'}, {lr:g}",
                "WDSR",
                2,
                {"blocks": 8, "norm": norm},
                **{**_ADAM, "lr": lr},
                steps=600,
                ema=0.0,
                validate_every=50,
            )
            for norm in ("weight", "batch", None)
            for lr in (1e-4, 1e-3, 3e-3, 1e-2)
        ),
    ),
    _experiment(
        "wdsr-expansion",
        11,
        "WDSR-A of 8 blocks, x2: how much wider before the ReLU, at about equal parameters?",
        *(
            _variant(f"x{wide}", "WDSR", 2, {"blocks": 8, "features": features, "expansion": wide})
            for wide, features in ((1, 64), (2, 45), (4, 32), (6, 26))
        ),
    ),
    _experiment(
        "wdsr-convolutions",
        11,
        "WDSR-A of 8 blocks, x2: does the wide block need full convolutions?",
        *(
            _variant(kind, "WDSR", 2, {"blocks": 8, "convolution": kind}, lr=1e-3, clip="norm")
            for kind in ("full", "grouped", "separable", "flattened")
        ),
    ),
    _experiment(
        "wdsr-bare",
        11,
        "WDSR-A of 1, 3, 5 and 8 blocks, x4, without weight normalisation",
        *(
            _variant(f"WDSR-A, {blocks}", "WDSR", 4, {"blocks": blocks, "norm": None})
            for blocks in (1, 3, 5, 8)
        ),
    ),
    _experiment(
        "wdsr-bare-expansion",
        11,
        "WDSR-A of 8 blocks, x2, without weight normalisation: how much wider before the ReLU, at about "
        "equal parameters?",
        *(
            _variant(
                f"x{wide}",
                "WDSR",
                2,
                {"blocks": 8, "features": features, "expansion": wide, "norm": None},
            )
            for wide, features in ((1, 64), (4, 32))
        ),
    ),
)
