"""The experiments of chapter 11: residual networks on RGB. Short runs, as in chapters.py."""

from srlib.experiments import Experiment, Variant
from srlib.training import Recipe

# SOAP, because in these few steps Adam comes nowhere.
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


def _variant(label: str, model: str, scale: int, arguments: dict[str, object]) -> Variant:
    """A network for one scale, trained by the short recipe."""
    return Variant(label, model, {"scale": scale, **arguments}, SHORT, scales=(scale,), channels=3)


def _experiment(name: str, question: str, *variants: Variant) -> Experiment:
    return Experiment(name, 11, question, variants, bf16=True, measured_on=("set5",))


RESIDUAL = (
    _experiment(
        "wdsr-blocks",
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
        "WDSR-A of 8 blocks, x2: how much wider before the ReLU, at about equal parameters?",
        *(
            _variant(f"x{wide}", "WDSR", 2, {"blocks": 8, "features": features, "expansion": wide})
            for wide, features in ((1, 64), (2, 45), (4, 32), (6, 26))
        ),
    ),
)
