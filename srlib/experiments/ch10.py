"""An experiment of chapter 10: does each scale need a pre-processing of its own?"""

from srlib.experiments import Experiment, Variant
from srlib.experiments.residual import SHORT

PRE_PROCESSING = (
    Experiment(
        "mdsr-before",
        10,
        "MDSR of 4 blocks x 24: a pre-processing for each scale, one for all, or none?",
        tuple(
            Variant(
                before,
                "MDSR",
                {"scales": (2, 3, 4), "blocks": 4, "features": 24, "before": before},
                SHORT,
                scales=(2, 3, 4),
                channels=3,
            )
            for before in ("own", "shared", "none")
        ),
        bf16=True,
        measured_on=("set5",),
    ),
)
