"""The 60-second challenge (chapter 12): at most 100,000 numbers, trained for at most a minute on two cores.

An entry is a Python file with a function ``network()``, which makes an untrained ``nn.Module`` for x3, as
the chapters build them (``channels`` 1 or 3, ``pre_upsample``). It may have a ``recipe`` for ``fit``, or a
function ``learn(net, bank, seconds)`` that trains the network as it likes. It gets dead leaves to learn from,
drawn by a seed that nobody knows beforehand, and is judged on the photographs and on other leaves, and on the
pictures of a folder that nobody else has, if there is one. It runs in
processes of its own, which never see what they are judged by; but it is a program: judge only what you
would run.
"""

import importlib.util
import json
import math
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from srlib import comparison, cost, data
from srlib.degrade import bicubic
from srlib.images import crop_to_multiple, from_uint8, luma, middle, to_uint8
from srlib.inference import upscale
from srlib.metrics import psnr
from srlib.models import Interpolation
from srlib.show.plots import efficient
from srlib.speed import fixed
from srlib.training import Recipe, fit

SCALE, SECONDS, CORES, NUMBERS = 3, 60.0, 2, 100_000
GRACE = 5.0
"""So many seconds more a training may take before it is stopped: the last step, and writing the weights."""
PREPARING = 300.0
"""So many seconds an entry may take to be imported and built, and to enlarge what it is judged by."""
RECIPE = Recipe(
    steps=1_000_000,
    batch=8,
    patch=16,
    lr=3e-3,
    optimizer="soap",
    betas=(0.95, 0.95),
    schedule="cosine",
    warmup=50,
    ema=0.99,
)
"""How an entry is trained that does not say how."""


class ChallengeError(ValueError):
    """An entry breaks a rule or does not run; the message says which and what to do."""


@dataclass(frozen=True)
class Result:
    """How an entry did: ``numbers`` it keeps, multiply-adds for 1280 x 720 pixels, and for each of ``seeds``
    the ``seconds`` it learned and the mean PSNR (dB, luma) on the photographs' middles and on dead leaves,
    from 8-bit colour files (luma networks have a little more in the table, where their LR is not rounded).
    ``bicubic``: what bicubic has on both. ``private``: the same on pictures of one's own, if there were any,
    and ``private_bicubic``."""

    name: str
    numbers: int
    multiply_adds: int
    seeds: list[int]
    seconds: list[float]
    photographs: list[float]
    leaves: list[float]
    bicubic: tuple[float, float]
    private: list[float] = field(default_factory=list)
    private_bicubic: float = math.nan

    @property
    def psnr(self) -> float:
        """What counts: the photographs, mean over the seeds."""
        return fmean(self.photographs)

    def points(self) -> dict[str, tuple[float, float]]:
        """{method: (multiply-adds, PSNR)} of the table and of this entry, for ``show.frontier``."""
        rows = comparison.recorded(SCALE)
        known = {row.method: (float(row.multiply_adds), row.psnr) for row in rows if row.multiply_adds}
        return {**known, self.name: (float(self.multiply_adds), self.psnr)}

    def __str__(self) -> str:
        points = self.points()
        low, high = min(self.photographs), max(self.photographs)
        lines = [
            f"{self.name}: {self.numbers:,} numbers, {self.multiply_adds / 1e9:.2f} G multiply-adds, learned "
            f"{', '.join(f'{s:.0f}' for s in self.seconds)} s (seeds {', '.join(map(str, self.seeds))})",
            f"photographs {self.psnr:.2f} dB ({low:.2f} to {high:.2f}), bicubic {self.bicubic[0]:.2f}; "
            f"dead leaves {fmean(self.leaves):.2f}, bicubic {self.bicubic[1]:.2f}",
        ]
        if self.private:
            low, high = min(self.private), max(self.private)
            lines.append(
                f"pictures of your own {fmean(self.private):.2f} dB ({low:.2f} to {high:.2f}), "
                f"bicubic {self.private_bicubic:.2f}"
            )
        best = efficient(points)
        for name, (work, found) in sorted(points.items(), key=lambda one: one[1][0]):
            marks = ("*" if name in best else " ") + (" <- yours" if name == self.name else "")
            lines.append(f"  {name:26}{work / 1e9:9.2f} G  {found:6.2f} dB {marks}".rstrip())
        better = [name for name, (work, found) in points.items() if work <= points[self.name][0]]
        better = [name for name in better if name != self.name and points[name][1] >= self.psnr]
        on = "on the frontier (*): nothing in the table is as cheap and as good"
        return "\n".join([*lines, on if not better else f"not on the frontier (*): {better[0]} beats it"])


def judge(
    entry: str | Path,
    *,
    seeds: Sequence[int] | None = None,
    seconds: float = SECONDS,
    pictures: str | Path | None = None,
) -> Result:
    """Train the entry once for each seed (None: three that nobody knows before) and measure it, also on the
    middles of the pictures in a folder, ``pictures``, that the entry's author has not seen."""
    path = Path(entry)
    if not path.is_file():
        raise ChallengeError(f"{path}: there is no such file; an entry is a Python file with network()")
    seeds = [secrets.randbelow(1_000_000) for _ in range(3)] if seeds is None else list(seeds)
    if not seeds:
        raise ChallengeError("at least one seed is needed")
    if not 0 < seconds <= SECONDS:
        raise ChallengeError(f"an entry learns for up to {SECONDS:g} s, not for {seconds:g}")
    private = [] if pictures is None else _private(Path(pictures))
    took: list[float] = []
    scores: dict[str, list[float]] = {"photographs": [], "leaves": []}
    if private:
        scores["private"] = []
    facts: dict[str, Any] = {}
    for seed in seeds:
        judged = {"photographs": list(comparison.pictures().values()), "leaves": _hidden(seed)}
        judged |= {"private": private} if private else {}
        with TemporaryDirectory(prefix="srlib-challenge-", ignore_cleanup_errors=True) as folder:
            took.append(_trained(path, seed, Path(folder), seconds))
            numbers = _numbers(path, Path(folder))
            facts = {**_enlarged(path, judged, Path(folder)), "numbers": numbers}
            for what, found in scores.items():
                found.append(_score(judged[what], facts[what], path))
    return Result(
        name=path.stem,
        numbers=facts["numbers"],
        multiply_adds=facts["multiply_adds"],
        seeds=seeds,
        seconds=took,
        **scores,
        bicubic=(_bicubic(judged["photographs"], path), _bicubic(judged["leaves"], path)),
        private_bicubic=_bicubic(private, path) if private else math.nan,
    )


def _private(folder: Path) -> list[Tensor]:
    """The middles of a folder's pictures, in colour, their sides multiples of the scale."""
    found = [middle(x.expand(3, -1, -1), comparison.SIDE) for x in data.load_folder(folder).values()]
    if min(min(x.shape[1:]) for x in found) < 8 * SCALE:
        raise ChallengeError(f"{folder}: each picture needs {8 * SCALE} x {8 * SCALE} pixels at least")
    return [crop_to_multiple(x, SCALE) for x in found]


def _hidden(seed: int) -> list[Tensor]:
    return [data.dead_leaves(192, 10**9 + 100 * seed + i) for i in range(8)]


def _small(hr: Tensor) -> Tensor:
    """(3, H/3, W/3) in [0, 1], as an 8-bit file holds it."""
    return from_uint8(bicubic(to_uint8(hr), SCALE))


def _score(originals: Sequence[Tensor], answers: Sequence[Tensor], path: Path) -> float:
    found = []
    for hr, sr in zip(originals, answers, strict=True):
        if sr.shape != hr.shape or not torch.isfinite(sr).all():
            what = f"shape {tuple(sr.shape)}" if sr.shape != hr.shape else "values that are no numbers"
            raise ChallengeError(f"{path.name}: answers with {what} where {tuple(hr.shape)} was asked for")
        a, b = (luma(to_uint8(x)) for x in (sr, hr))  # rounded once more, as the table's rows are
        found.append(float(psnr(a, b, crop=SCALE)))
    return fmean(found)


def _bicubic(originals: Sequence[Tensor], path: Path) -> float:
    return _score(originals, [upscale(Interpolation(SCALE), _small(hr), SCALE) for hr in originals], path)


def _trained(path: Path, seed: int, folder: Path, seconds: float) -> float:
    """Let the entry learn, in a process of its own; returns the seconds that it took."""
    running = _start("learn", path, folder, str(seed), str(seconds))
    ready, made = folder / "ready", folder / "took.json"
    begun = None
    limit = time.monotonic() + PREPARING
    while running.poll() is None:
        if begun is None and ready.exists():
            begun = time.monotonic()
            limit = begun + seconds + GRACE
        if time.monotonic() > limit:
            running.kill()
            running.wait()
            if begun is None:
                raise ChallengeError(f"{path.name}: not ready to learn after {PREPARING:.0f} s")
            raise ChallengeError(
                f"{path.name}: still learning after {seconds:g} s; "
                "learn(net, bank, seconds) is told how long it has. Is the machine busy with something else?"
            )
        time.sleep(0.05)
    if running.returncode != 0:
        raise ChallengeError(_fault(path, folder))
    took = float(json.loads(made.read_text(encoding="utf-8"))["seconds"])
    if took > seconds + GRACE:
        raise ChallengeError(f"{path.name}: learned for {took:.0f} s; {seconds:g} are allowed")
    return took


def _enlarged(path: Path, judged: dict[str, list[Tensor]], folder: Path) -> dict[str, Any]:
    """What the trained entry makes of the small pictures, in a process that never sees the large ones."""
    small = {f"{what}-{i}": _small(hr).numpy() for what, hrs in judged.items() for i, hr in enumerate(hrs)}
    np.savez(folder / "small.npz", **small)  # type: ignore[arg-type]
    running = _start("enlarge", path, folder)
    try:
        running.wait(PREPARING)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()
        raise ChallengeError(f"{path.name}: still enlarging after {PREPARING:.0f} s") from None
    if running.returncode != 0:
        raise ChallengeError(_fault(path, folder))
    facts: dict[str, Any] = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    with np.load(folder / "large.npz", allow_pickle=False) as large:
        for what, hrs in judged.items():
            facts[what] = [torch.from_numpy(large[f"{what}-{i}"]) for i in range(len(hrs))]
    return facts


def _numbers(path: Path, folder: Path) -> int:
    """Counted in what the entry keeps, not by the entry."""
    try:
        return _counted(torch.load(folder / "weights.pt", weights_only=True))
    except ChallengeError as fault:
        raise ChallengeError(f"{path.name}: {fault}") from None


def _counted(kept: Mapping[str, Tensor]) -> int:
    count = sum(x.numel() for x in kept.values())
    if count > NUMBERS:
        raise ChallengeError(f"keeps {count:,} numbers; {NUMBERS:,} are allowed")
    return count


def _start(what: str, path: Path, folder: Path, *more: str) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": str(CORES)}
    command = [sys.executable, "-m", "srlib.challenge", what, str(path.resolve()), str(folder), *more]
    with (folder / "said.txt").open("wb") as said:
        return subprocess.Popen(command, stdout=said, stderr=said, env=environment)


def _fault(path: Path, folder: Path) -> str:
    """The last line of what the entry said, and the last of its own lines that was running."""
    said = (folder / "said.txt").read_text(encoding="utf-8", errors="replace")
    last = [line for line in said.splitlines() if line.strip()] or ["it ended without a word"]
    where = re.findall(rf'File "[^"\n]*{re.escape(path.name)}", line (\d+)', said)
    return f"{path.name}{f', line {where[-1]}' if where else ''}: {last[-1].strip()}"


# --- what runs in the entry's own processes -------------------------------------------------------


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("entry", path)
    if spec is None or spec.loader is None:
        raise ChallengeError("an entry is a Python file (.py)")
    module = importlib.util.module_from_spec(spec)
    sys.modules["entry"] = module
    spec.loader.exec_module(module)
    return module


def _network(module: ModuleType) -> nn.Module:
    if not callable(getattr(module, "network", None)):
        raise ChallengeError("there is no function network() that makes the network")
    net = module.network()
    if not isinstance(net, nn.Module):
        raise ChallengeError(f"network() returned {type(net).__name__}, not an nn.Module")
    if getattr(net, "channels", None) not in (1, 3) or not isinstance(
        getattr(net, "pre_upsample", None), bool
    ):
        raise ChallengeError("the network needs channels = 1 or 3, and pre_upsample = False or True")
    _counted(net.state_dict())
    if not hasattr(net, "scale"):
        net.scale = None  # type: ignore[assignment]
    with torch.no_grad():
        shape = tuple(upscale(net, torch.rand(3, 8, 10), SCALE).shape)
    if shape != (3, 8 * SCALE, 10 * SCALE):
        raise ChallengeError(f"makes {shape} of (3, 8, 10), not {(3, 8 * SCALE, 10 * SCALE)}")
    return net


def _learn(path: Path, folder: Path, seed: int, seconds: float) -> None:
    module = _module(path)
    torch.manual_seed(seed)
    net = _network(module)
    pictures = [data.dead_leaves(256, 100 * seed + i) for i in range(60)]
    bank = data.PatchBank(pictures, SCALE, channels=net.channels, seed=seed)  # type: ignore[arg-type]
    torch.optim.SGD([nn.Parameter(torch.zeros(1))])  # a process's first optimiser takes seconds to import
    (folder / "ready").touch()
    start = time.monotonic()
    if hasattr(module, "learn"):
        module.learn(net, bank, seconds)
    else:
        recipe = replace(getattr(module, "recipe", RECIPE), seconds=seconds)
        fit(net, bank, recipe, setting=fixed(bank.device, bf16=False), progress=False)
    took = time.monotonic() - start
    torch.save(net.state_dict(), folder / "weights.pt")
    (folder / "took.json").write_text(json.dumps({"seconds": took}), encoding="utf-8")


def _enlarge(path: Path, folder: Path) -> None:
    net = _network(_module(path))
    try:
        net.load_state_dict(torch.load(folder / "weights.pt", weights_only=True))
    except RuntimeError:
        raise ChallengeError("learn() left weights of another network than network() makes") from None
    net.eval()
    with np.load(folder / "small.npz", allow_pickle=False) as small:
        large = {key: upscale(net, torch.from_numpy(small[key]), SCALE).numpy() for key in small.files}
    np.savez(folder / "large.npz", **large)  # type: ignore[arg-type]
    facts = {"multiply_adds": cost.multiply_adds(net, scale=SCALE)}
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    _, what, entry, folder, *more = sys.argv
    try:
        if what == "learn":
            _learn(Path(entry), Path(folder), int(more[0]), float(more[1]))
        else:
            _enlarge(Path(entry), Path(folder))
    except ChallengeError as fault:
        print(fault, file=sys.stderr)
        sys.exit(1)
