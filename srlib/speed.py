"""Number type, memory layout and compiler: what makes a step fast differs from machine to machine, so a
second of timing decides (chapter 4)."""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

Step = Callable[[Tensor, Tensor, int | None], dict[str, Tensor]]


@dataclass(frozen=True)
class Setting:
    """How steps are computed. ``bf16``: convolutions in bfloat16 by autocast, weights stay float32.
    ``channels_last``: the channels of a pixel lie side by side in memory. ``compile``: "no", "compile"
    (torch.compile, a minute at the start) or "graph" (CUDA graphs: a whole step is launched at once)."""

    bf16: bool = False
    channels_last: bool = False
    compile: Literal["no", "compile", "graph"] = "no"

    def __str__(self) -> str:
        words = ["bf16" if self.bf16 else "float32", "channels last" if self.channels_last else "contiguous"]
        return ", ".join(words + ([] if self.compile == "no" else [self.compile]))

    def arranged(self, x: Tensor) -> Tensor:
        """``x`` in this memory layout."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        return x.contiguous(memory_format=layout)

    def autocast(self, device: torch.device) -> torch.autocast:
        """The context in which a network runs."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.bf16)


def candidates(device: torch.device, steps: int) -> list[Setting]:
    """What is worth timing on this device for a run of so many steps; the plainest first. Compiling pays
    only in long runs on a GPU."""
    layouts = [Setting(bf16, last) for bf16 in (False, True) for last in (False, True)]
    if device.type == "mps":
        return layouts[:2]
    if device.type == "cuda":
        layouts += [Setting(bf16, True, "graph") for bf16 in (False, True)]
        if steps >= 20_000:
            layouts.append(Setting(True, True, "compile"))
    return layouts


def fastest(
    settings: Iterable[Setting], trial: Callable[[Setting], Callable[[], object]], seconds: float = 1.0
) -> tuple[Setting, dict[Setting, float]]:
    """The setting whose step takes the least time, and each one's median in milliseconds. ``trial(setting)``
    gives a function that makes one step. They take turns for about ``seconds`` in all, so that a busy moment
    hits all alike; one that fails is left out."""
    steps: dict[Setting, Callable[[], object]] = {}
    for setting in settings:
        try:
            steps[setting] = trial(setting)
            for _ in range(5 if setting.compile == "graph" else 2):  # the first ones allocate and compile
                steps[setting]()
        except (RuntimeError, NotImplementedError) as fault:
            steps.pop(setting, None)
            print(f"speed: {setting} does not run here ({str(fault).splitlines()[0][:100]})")
    if not steps:
        raise RuntimeError("no way of computing a step runs here; try a smaller batch, or device='cpu'")
    times: dict[Setting, list[float]] = {setting: [] for setting in steps}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or not all(times.values()):
        for setting, step in steps.items():
            start = time.perf_counter()
            step()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            times[setting].append(time.perf_counter() - start)
    medians = {setting: 1e3 * statistics.median(mine) for setting, mine in times.items()}
    return min(medians, key=lambda setting: medians[setting]), medians


class Graphed:
    """A step as a CUDA graph: hundreds of launches become one. The first three steps of each shape run as
    they are, the fourth is recorded, all later ones are replayed on fresh pixels. Not run here: written
    without a GPU at hand; a machine on which it fails leaves it out."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.seen: Counter[Any] = Counter()
        self.recorded: dict[Any, tuple[Any, Tensor, Tensor, dict[str, Tensor]]] = {}
        self.side = torch.cuda.Stream()

    def __call__(self, x: Tensor, hr: Tensor, scale: int | None) -> dict[str, Tensor]:
        key = (tuple(x.shape), scale)
        self.seen[key] += 1
        if self.seen[key] <= 3:
            self.side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.side):
                values = self.step(x, hr, scale)
            torch.cuda.current_stream().wait_stream(self.side)
            return values
        if key not in self.recorded:
            graph = torch.cuda.CUDAGraph()
            still_x, still_hr = x.clone(), hr.clone()
            with torch.cuda.graph(graph):
                values = self.step(still_x, still_hr, scale)
            self.recorded[key] = graph, still_x, still_hr, values
        graph, still_x, still_hr, values = self.recorded[key]
        still_x.copy_(x)
        still_hr.copy_(hr)
        graph.replay()
        return {name: value.clone() for name, value in values.items()}  # the next replay overwrites them
