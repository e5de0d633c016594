"""Is it the sparse code that helps? Four ways from a patch's features to its detail, learned from dead leaves
and from photographs, three seeds (chapter 3).

Nothing is trained by gradients here, so this is no ``srlib experiment``:
``python -m srlib.experiments.dictionaries`` makes the record anew. It needs Set5 and T91 (``SRLIB_DATA``, or
``srlib fetch``) and some minutes on one core.
"""

import datetime
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from srlib import data, experiments, settings
from srlib.evaluation import evaluate
from srlib.experiments import Recorded
from srlib.images import middle
from srlib.models import CoupledDictionaries

NAME = "dictionaries"
QUESTION = "Enlarging from examples: is it the sparse code that helps?"
COMMAND = "python -m srlib.experiments.dictionaries"


class AnchoredRegression(CoupledDictionaries):
    """The atoms as addresses only: a patch goes to the atom most like it, whichever its sign, and that atom's
    matrix turns its features into its detail. Each matrix is a ridge regression over the ``neighbours``
    examples most like the atom, of ``examples`` drawn for this (Timofte et al. 2013 and 2014, ANR and A+).
    With one atom and all examples as neighbours it is one linear map. Chapter 3."""

    def __init__(
        self,
        scale: int,
        *,
        neighbours: int = 1024,
        examples: int = 100_000,
        ridge: float = 0.1,
        **known: Any,
    ) -> None:
        super().__init__(scale, **known)
        self.neighbours, self.examples, self.ridge = neighbours, examples, ridge
        self.matrices: Tensor
        self.register_buffer("matrices", torch.zeros(*self.low.shape, self.side**2))

    @torch.no_grad()
    def learn(
        self, pictures: Mapping[str, Tensor] | Iterable[Tensor], *, seed: int = 0, **known: Any
    ) -> list[float]:
        """As ``CoupledDictionaries.learn``, and then the matrices."""
        given = list(pictures.values() if isinstance(pictures, Mapping) else pictures)
        errors = super().learn(given, seed=seed, **known)
        edges, detail = self._examples(given, self.examples, torch.Generator().manual_seed(seed))
        signals = edges @ self.projection.T
        length = signals.norm(dim=1, keepdim=True).clamp(min=1e-6)
        signals, detail = signals / length, detail / length  # a strong patch counts no more than a weak one
        self.matrices = torch.stack(
            [anchored(atom, signals, detail, self.neighbours, self.ridge) for atom in self.low]
        )
        return errors

    def decode(self, signals: Tensor) -> Tensor:
        """Each patch's features (N, features, patches) times the matrix of its atom."""
        flat = signals.mT.flatten(0, 1)
        nearest = (flat @ self.low.to(flat).T).abs().argmax(1)
        detail = flat.new_empty(len(flat), self.side**2)
        for atom in nearest.unique():
            mine = nearest == atom
            detail[mine] = flat[mine] @ self.matrices[atom].to(flat)
        return detail.unflatten(0, (len(signals), -1)).mT


def anchored(atom: Tensor, signals: Tensor, detail: Tensor, neighbours: int, ridge: float) -> Tensor:
    """The matrix (features, length) that turns features into detail around ``atom`` (features,): ridge
    regression over those of ``signals`` (n, features), with their ``detail`` (n, length), that are most like
    it, whichever their sign. Chapter 3."""
    some = (signals @ atom).abs().topk(min(neighbours, len(signals))).indices
    s, d = signals[some], detail[some]
    return torch.linalg.solve(s.T @ s + ridge * torch.eye(s.shape[1]).to(s), s.T @ d)


WAYS: dict[str, tuple[type[CoupledDictionaries], dict[str, Any]]] = {
    "one linear map": (AnchoredRegression, {"atoms": 1, "sparsity": 1, "neighbours": 10**9}),
    "one atom": (CoupledDictionaries, {"sparsity": 1}),
    "three atoms": (CoupledDictionaries, {}),
    "a matrix for each atom": (AnchoredRegression, {}),
}
"""From a patch's features to its detail: the class and its settings. ``atoms`` is 512 unless it says so."""
TEACHERS = ("dead leaves", "photographs")


def run(
    way: str,
    teacher: str,
    pictures: list[Tensor],
    judged: Mapping[str, Mapping[str, Tensor]],
    seed: int,
    *,
    scales: tuple[int, ...] = (2, 3, 4),
    **learning: Any,
) -> dict[str, Any]:
    """Learn and measure at each scale: results by "set5 x3", seconds of all the learning."""
    make, arguments = WAYS[way]
    results, seconds = {}, 0.0
    for scale in scales:
        model = make(scale, **arguments)
        start = time.perf_counter()
        model.learn(pictures, seed=seed, **learning)
        seconds += time.perf_counter() - start
        for name, some in judged.items():
            report = evaluate(model, some, scale)
            results[f"{name} x{scale}"] = round(report.psnr, 3)
            results |= {f"{r.name} x{scale}": round(r.psnr, 3) for r in report.rows if r.name == "butterfly"}
    return {
        "label": f"{way}, {teacher}",
        "seed": seed,
        "results": results,
        "seconds": round(seconds, 1),
        "device": settings.device_name(torch.device("cpu")),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "torch": torch.__version__,
        "variant": {"way": way, "teacher": teacher, **arguments, **learning},
    }


def record(folder: Path = experiments.FOLDER, seeds: tuple[int, ...] = (0, 1, 2)) -> Recorded:
    """Make all runs and write them down."""
    places = {name: data.find(name) for name in ("set5", "t91")}
    if missing := [name for name, place in places.items() if place is None]:
        raise FileNotFoundError(f"{missing[0]} is not at hand; run `srlib fetch {missing[0]}`")
    teachers = {
        "dead leaves": [data.dead_leaves(256, i) for i in range(40)],
        "photographs": list(data.load_folder(data.fetch("t91")).values()),
    }
    judged = {
        "set5": data.load_folder(data.fetch("set5")),
        "middles": {name: middle(x, 240) for name, x in data.photos().items()},
    }
    runs = [
        run(way, teacher, teachers[teacher], judged, seed, patches=20_000, rounds=8)
        for seed in seeds
        for way in WAYS
        for teacher in TEACHERS
    ]
    made = Recorded(NAME, QUESTION, COMMAND, runs)
    made.write(folder)
    return made


if __name__ == "__main__":
    print(record())
