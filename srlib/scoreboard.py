"""What the last chapter's tables are made of: how long a network takes here, how much it must remember, what
its training saw beside the paper's, and which of several would do (chapter 12)."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn

from srlib import recipes, zoo
from srlib.cost import BEFORE, layers
from srlib.inference import upscale
from srlib.published import published

# --- what it costs --------------------------------------------------------------------------------

AT_LEAST = 0.02
"""Seconds of a turn: what is quicker is done again, or a busy machine's pauses would decide its time."""


def latency(
    models: Mapping[str, nn.Module], scale: int, *, side: int = 240, rounds: int = 3
) -> dict[str, float]:
    """{name: seconds} for a colour picture of ``side`` x ``side`` pixels, enlarged by all that ``upscale``
    does (chroma, and bicubic where a network wants it): the median of ``rounds``. They take turns, so that a
    busy moment of the machine hits all alike; what is quick is done several times in a turn; each has one
    turn that does not count. Chapter 12."""
    if side % scale or rounds < 1:
        raise ValueError(
            f"side must divide by the scale and rounds be 1 or more, not {side}, {scale}, {rounds}"
        )
    x = torch.rand(3, side // scale, side // scale, generator=torch.Generator().manual_seed(0))
    took: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(rounds + 1):
        for name, model in models.items():
            done, start, passed = 0, time.perf_counter(), 0.0
            while passed < AT_LEAST:
                upscale(model, x, scale)
                done, passed = done + 1, time.perf_counter() - start
            if turn:
                took[name].append(passed / done)
    return {name: median(some) for name, some in took.items()}


def memory(model: nn.Module, scale: int | None = None, *, height: int = 720, width: int = 1280) -> int:
    """Bytes of features, in float32, that must be there at once to make ``height`` x ``width`` pixels: for
    each step of the network its answer and all that this step or a later one still needs. A framework may
    keep more. Weights are not counted. Chapter 12."""
    steps = layers(model, scale)
    last_use: dict[int, int] = {len(steps) - 1: len(steps) - 1}
    for at, step in enumerate(steps):
        for source in step.sources:
            last_use[source] = max(at, last_use.get(source, at))
    end = steps[-1].resolution
    if end is None:
        raise ValueError("this network's answer is no picture")
    pixels = height * width / end**2  # of its input
    sizes = {BEFORE: steps[0].before * pixels}
    for at, step in enumerate(steps):
        sizes[at] = step.after * pixels * (step.resolution or 0) ** 2
    alive = [
        sum(size for made, size in sizes.items() if made <= at <= last_use.get(made, made))
        for at in range(len(steps))
    ]
    return round(4 * max(alive))


# --- the paper beside ours ------------------------------------------------------------------------


@dataclass(frozen=True)
class Beside:
    """One network at one scale: PSNR in dB on Set5, the ``paper``'s and ``ours``. ``seen`` and
    ``paper_seen``: LR pixels that went through training, repetitions counted (of what the training started
    from, none; None where the paper does not say); ``data``: what the small pictures were cut from,
    ``paper_data`` likewise; ``path``: "y" (exact luma) or "rgb" (8-bit files); ``patch`` and ``paper_patch``:
    LR pixels a side."""

    name: str
    scale: int
    paper: float
    ours: float
    data: str
    paper_data: str
    seen: float
    paper_seen: float | None
    patch: float
    paper_patch: float
    path: str
    note: str

    @property
    def gap(self) -> float | None:
        """dB that ours is below the paper's (above: negative); None where the two cannot be compared."""
        return None if self.name in NOT_COMPARABLE else self.paper - self.ours

    @property
    def reasons(self) -> list[str]:
        """What sets the two rows apart, computed from the card and the paper's recipe, gravest first."""
        found = [table[self.name] for table in (NOT_COMPARABLE, OTHERWISE) if self.name in table]
        if self.paper_seen and self.paper_seen > 2 * self.seen:
            found.append(f"{self.paper_seen / self.seen:,.0f} times fewer pixels seen")
        if self.paper_patch >= 1.5 * self.patch:
            found.append(f"patches of {self.patch:g}, not {self.paper_patch:g}")
        if self.data != self.paper_data:
            found.append(f"trained on {self.data}, not {self.paper_data}")
        return found


WORDS = {
    "t91": "T91",
    "general100": "General-100",
    "bsds399": "BSDS-399",
    "bsds200": "BSDS-200",
    "div2k-train": "DIV2K",
}
PAPER_DATA = {
    "srcnn-955": "ImageNet",
    "espcn": "ImageNet",
    "fsrcnn": "T91 + General-100",
    "vdsr": "T91 + BSDS-200",
    "srresnet": "ImageNet",
    "srgan": "ImageNet",
}
"""What the authors' best rows were trained on, where it is not what our full plan takes."""

UNKNOWN = ("fsrcnn", "espcn")
"""Their papers give no number of steps: our full plans' are our own."""

VDSR_STEPS, VDSR_BATCH, VDSR_PATCH = 9_960, 64, 41
"""As VDSR's paper says; the patch in pixels of the enlarged picture. Our full plan has far more steps."""

NOT_COMPARABLE = {"espcn": "small pictures not blurred first, as the paper's were"}
"""Rows that were measured on other small pictures."""

OTHERWISE = {"srgan": "content measured by VGG22, not VGG54"}
"""What else sets our training apart from the paper's (chapter 8)."""


def pixels_seen(steps: int, batch: int, patch: float) -> float:
    """LR pixels in all patches of a training, repetitions counted; ``patch`` is a side. Chapter 12."""
    return steps * batch * patch**2


def beside() -> list[Beside]:
    """Every network of the zoo at every scale for which its paper has a number on Set5."""
    return [
        _beside(card, scale, paper)
        for card in zoo.cards()
        for scale in card.scales
        if (paper := published(card.name, "set5", scale)) is not None and f"set5 x{scale}" in card.results
    ]


def _beside(card: zoo.Card, scale: int, paper: float) -> Beside:
    plan = recipes.plan(card.name, scale, "full")
    theirs = plan.recipe
    result = card.results[f"set5 x{scale}"]
    steps, batch, patch = theirs.steps, theirs.batch, float(theirs.patch)
    if card.name == "vdsr":
        steps, batch, patch = VDSR_STEPS, VDSR_BATCH, VDSR_PATCH / scale
    # a network for enlarged pictures that learns several scales sees patches of one size, in enlarged pixels
    shrunk = card.scales[0] / scale if card.name == "vdsr" else 1.0
    seen = [(one["steps"], one["recipe"]["batch"], one["recipe"]["patch"] * shrunk) for one in card.stages]
    return Beside(
        card.name,
        scale,
        paper,
        result["psnr"],
        _words(card.data),
        PAPER_DATA.get(card.name, _words(plan.data)),
        sum(pixels_seen(*stage) for stage in seen),
        None if card.name in UNKNOWN else pixels_seen(steps, batch, patch),
        card.recipe["patch"] * shrunk,
        patch,
        result["path"],
        card.remarks,
    )


def _words(said: str) -> str:
    """ "t91 (91 pictures) + general100 (100 pictures)" or "t91+general100" as "T91 + General-100"."""
    parts = [part.split("(")[0].split(":")[0].strip() for part in said.replace("+", " + ").split(" + ")]
    return " + ".join(WORDS.get(part, part) for part in parts)


# --- which one would do ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """What is known of a method at one scale: ``seconds`` as a multiple of bicubic's, ``bytes`` of weights
    and features, PSNR in dB, ``distance`` of patches (0: the original's)."""

    method: str
    scale: int
    seconds: float
    bytes: int
    psnr: float
    distance: float


def choose(
    rows: Sequence[Choice], *, scale: int, wanted: str, seconds: float, bytes_: float
) -> Choice | None:
    """Of the methods for ``scale`` that take at most ``seconds`` and ``bytes_``: the one with the highest
    PSNR (``wanted`` "fidelity") or the smallest patch distance ("looks"); None where none is cheap enough.
    Chapter 12."""
    if wanted not in ("fidelity", "looks"):
        raise ValueError(f"wanted must be 'fidelity' or 'looks', not {wanted!r}")
    fitting = [row for row in rows if row.scale == scale and row.seconds <= seconds and row.bytes <= bytes_]
    best = {"fidelity": lambda row: row.psnr, "looks": lambda row: -row.distance}[wanted]
    return max(fitting, key=best, default=None)
