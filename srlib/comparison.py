"""The table that grows from chapter to chapter: every method on the same pictures (chapters 2 to 12)."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from torch import Tensor, nn

from srlib import data, zoo
from srlib.cost import multiply_adds, parameters
from srlib.evaluation import evaluate
from srlib.files import write_json
from srlib.images import middle
from srlib.models import BackProjected, CoupledDictionaries, Interpolation

RECORD = Path(__file__).parent / "comparison.json"
SIDE = 240
"""The table's pictures are the middles of the book's photographs, so many pixels a side at most."""


@dataclass(frozen=True)
class Entry:
    """A method's row: its chapter, what it costs (``multiply_adds`` for 1280 x 720 pixels, None where nothing
    is learned), and what it gives on the table's pictures (PSNR in dB on luma, SSIM)."""

    method: str
    chapter: int
    scale: int
    parameters: int | None
    multiply_adds: int | None
    psnr: float
    ssim: float


@dataclass(frozen=True)
class Method:
    """How a row's model is made for a scale, or that it is the zoo's ``network``. ``cost``: learned numbers
    and multiply-adds for 1280 x 720 pixels of what is learned and yet no network."""

    chapter: int
    make: Callable[[int], nn.Module] | None = None
    network: str = ""
    cost: Callable[[nn.Module], tuple[int, int]] | None = None

    def model(self, scale: int) -> nn.Module | None:
        """The model for one scale; None where the zoo has none."""
        if self.make is not None:
            return self.make(scale)
        there = any(card.name == self.network and scale in card.scales for card in zoo.cards())
        return zoo.load(self.network, scale=scale) if there else None


def _learned(scale: int) -> nn.Module:
    """The dictionaries of chapter 3, learned as there."""
    model = CoupledDictionaries(scale)
    model.learn([data.dead_leaves(256, seed) for seed in range(40)], patches=20_000, rounds=8)
    return model


def _dictionaries_cost(model: nn.Module) -> tuple[int, int]:
    """What coupled dictionaries have learned, in numbers, and their multiplications for 1280 x 720 pixels as
    chapter 3 counts them: a patch is projected; every turn compares it with all atoms and fits those taken
    anew; what was taken is drawn."""
    assert isinstance(model, CoupledDictionaries)
    atoms, features = model.low.shape
    patch = model.projection.numel() + model.sparsity * model.side**2
    for taken in range(1, model.sparsity + 1):
        patch += atoms * features + (taken**2 + 2 * taken) * features + taken**3
    learned = sum(x.numel() for x in (model.projection, model.low, model.high))
    return learned, 1280 * 720 * patch // model.step**2


METHODS: dict[str, Method] = {
    "nearest": Method(2, partial(Interpolation, kernel="nearest")),
    "linear": Method(2, partial(Interpolation, kernel="linear")),
    "bicubic": Method(2, Interpolation),
    "Lanczos-3": Method(2, partial(Interpolation, kernel="lanczos3")),
    "bicubic, back-projected": Method(2, lambda scale: BackProjected(Interpolation(scale))),
    "coupled dictionaries": Method(3, _learned, cost=_dictionaries_cost),
    "SRCNN 9-1-5": Method(4, network="srcnn-915"),
    "SRCNN 9-5-5": Method(4, network="srcnn-955"),
    "FSRCNN": Method(5, network="fsrcnn"),
    "FSRCNN-s": Method(5, network="fsrcnn-s"),
    "ESPCN": Method(5, network="espcn"),
    "VDSR": Method(6, network="vdsr"),
    "SRResNet": Method(7, network="srresnet"),
    "SRGAN": Method(8, network="srgan"),
    "EDSR baseline": Method(9, network="edsr-baseline"),
    "MDSR baseline": Method(10, network="mdsr-baseline"),
    "WDSR-A": Method(11, network="wdsr-a-16"),
    "WDSR-B": Method(11, network="wdsr-b-16"),
}


def pictures() -> dict[str, Tensor]:
    """The middles of the book's photographs, (3, 240, 240) in [0, 1]: small enough to measure any network on
    within a chapter's time, and a size that divides by 2, 3 and 4."""
    return {name: middle(x, SIDE) for name, x in data.photos().items()}


def measure(method: str, scale: int = 3, model: nn.Module | None = None) -> Entry:
    """A method's row, measured now; ``model``: instead of the one that the table would make."""
    made = model if model is not None else METHODS[method].model(scale)
    if made is None:
        raise ValueError(f"the zoo has no {method} for x{scale}")
    report = evaluate(made, pictures(), scale)
    learned, work = parameters(made), None
    if learned:
        work = multiply_adds(made, scale=scale)
    elif (cost := METHODS[method].cost) is not None:
        learned, work = cost(made)
    chapter = METHODS[method].chapter
    return Entry(method, chapter, scale, learned or None, work, round(report.psnr, 3), round(report.ssim, 4))


def recorded(scale: int = 3) -> list[Entry]:
    """The rows that were measured when the library was made, by ``srlib comparison``."""
    rows = json.loads(RECORD.read_text(encoding="utf-8"))["rows"]
    return [Entry(**row) for row in rows if row["scale"] == scale]


def record(path: Path = RECORD) -> list[Entry]:
    """Measure every row for x2, x3 and x4 and write them down."""
    rows = [
        measure(method, scale, model)
        for method, how in METHODS.items()
        for scale in (2, 3, 4)
        if (model := how.model(scale)) is not None
    ]
    about = {
        "command": "srlib comparison",
        "pictures": f"the middle {SIDE} x {SIDE} of the book's photographs",
    }
    write_json(path, {**about, "rows": [asdict(row) for row in rows]}, by_line=["rows"])
    return rows
