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


def _variant(label: str, model: str, scale: int, arguments: dict[str, object], **changes: object) -> Variant:
    """A network for one scale, trained by the short recipe with some fields changed."""
    recipe = replace(SHORT, **changes)  # type: ignore[arg-type]
    return Variant(label, model, {"scale": scale, **arguments}, recipe, scales=(scale,), channels=3)


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
        "wdsr-expansion",
        11,
        "WDSR-A of 8 blocks, x2: how much wider before the ReLU, at about equal parameters?",
        *(
            _variant(f"x{wide}", "WDSR", 2, {"blocks": 8, "features": features, "expansion": wide})
            for wide, features in ((1, 64), (2, 45), (4, 32), (6, 26))
        ),
    ),
)
