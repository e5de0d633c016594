"""Chapter 11's own experiments: WDSR-A as in "wdsr-blocks" and "wdsr-expansion", without its weight
normalisation."""

from srlib.experiments import Experiment, Variant
from srlib.experiments.residual import SHORT


def _bare(label: str, scale: int, **arguments: int) -> Variant:
    """WDSR-A without normalisation, trained by the short recipe."""
    takes = {"scale": scale, **arguments, "norm": None}
    return Variant(label, "WDSR", takes, SHORT, scales=(scale,), channels=3)


BARE = (
    Experiment(
        "wdsr-bare",
        11,
        "WDSR-A of 1, 3, 5 and 8 blocks, x4, without weight normalisation",
        tuple(_bare(f"WDSR-A, {blocks}", 4, blocks=blocks) for blocks in (1, 3, 5, 8)),
        bf16=True,
        measured_on=("set5",),
    ),
    Experiment(
        "wdsr-bare-expansion",
        11,
        "WDSR-A of 8 blocks, x2, without weight normalisation: how much wider before the ReLU, at about "
        "equal parameters?",
        tuple(
            _bare(f"x{wide}", 2, blocks=8, features=features, expansion=wide)
            for wide, features in ((1, 64), (4, 32))
        ),
        bf16=True,
        measured_on=("set5",),
    ),
)
