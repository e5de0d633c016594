"""Number type, memory layout and compiler: what makes a step fast differs from machine to machine, so a
second of timing decides (chapter 4)."""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

Step = Callable[[Tensor, Tensor, int | None], dict[str, Tensor]]


@dataclass(frozen=True)
class Setting:
    """How steps are computed. ``bf16``: convolutions in bfloat16 by autocast, weights stay float32.
    ``channels_last``: the channels of a pixel lie side by side in memory. ``compile``: "no", "compile"
    (torch.compile, a minute at the start) or "graph" (CUDA graphs: a whole step is launched at once).
    ``shortcuts``: PReLU and transposed convolutions by other formulas, equal up to rounding (FSRCNN on a
    CPU: half the time)."""

    bf16: bool = False
    channels_last: bool = False
    compile: Literal["no", "compile", "graph"] = "no"
    shortcuts: bool = False

    def __str__(self) -> str:
        words = ["bf16" if self.bf16 else "float32", "channels last" if self.channels_last else "contiguous"]
        words += ["shortcuts"] if self.shortcuts else []
        return ", ".join(words + ([] if self.compile == "no" else [self.compile]))

    def arranged(self, x: Tensor) -> Tensor:
        """``x`` in this memory layout."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        return x.contiguous(memory_format=layout)

    @contextmanager
    def context(self, device: torch.device) -> Iterator[None]:
        """The context in which a network runs."""
        with torch.autocast(device.type, torch.bfloat16, enabled=self.bf16):
            if not self.shortcuts:
                yield
                return
            with Shortcuts():
                yield


class Shortcuts(TorchFunctionMode):
    """Inside this context ``prelu`` and ``conv_transpose2d`` are computed by formulas that a CPU runs two to
    five times faster. Chapter 5."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.prelu and len(args) == 2 and args[0].ndim == 4:
            return prelu(*args)
        if (
            func is F.conv_transpose2d and not kwargs and args[6:] == (1, (1, 1))
        ):  # as nn.ConvTranspose2d calls
            stride, padding, output_padding = (set(sides) for sides in args[3:6])
            if len(stride) == len(padding) == len(output_padding) == 1:
                x, weight, bias = args[:3]
                sizes = stride.pop(), padding.pop(), output_padding.pop()
                return transposed_by_shuffle(x, weight, bias, *sizes)
        return func(*args, **(kwargs or {}))


def prelu(x: Tensor, slope: Tensor) -> Tensor:
    """max(x, 0) + slope * min(x, 0), for x (N, C, H, W) and one slope or one a channel."""
    positive = torch.relu(x)
    return positive + slope.to(x.dtype).view(1, -1, 1, 1) * (x - positive)


def transposed_by_shuffle(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, output_padding: int
) -> Tensor:
    """A transposed convolution (no groups, no dilation) as an ordinary one with stride * stride times as many
    channels, a pixel shuffle and a crop. x (N, C, H, W), weight (C, D, k, k). Chapter 5."""
    c, d, k, _ = weight.shape
    h, w = x.shape[-2:]
    height, width = ((side - 1) * stride - 2 * padding + k + output_padding for side in (h, w))
    # Row y of the output, before the padding is cut off, is y = stride * i + t for LR row i and tap t.
    # With y = stride * q + r and t = r + stride * j: phase r of LR row q sums over LR rows i = q - j.
    taps = -(-k // stride)
    full = F.pad(weight, (0, taps * stride - k) * 2)
    phases = full.reshape(c, d, taps, stride, taps, stride).permute(1, 3, 5, 0, 2, 4).flip(4, 5)
    phases = phases.reshape(d * stride**2, c, taps, taps)
    first = padding // stride  # the first q that is asked for
    before = taps - 1 - first
    below, right = ((padding + side - 1) // stride - (low - 1) for side, low in ((height, h), (width, w)))
    y = F.conv2d(
        F.pad(x, (before, right, before, below)),
        phases,
        None if bias is None else bias.repeat_interleave(stride**2),
    )
    skip = padding - first * stride
    return F.pixel_shuffle(y, stride)[..., skip : skip + height, skip : skip + width]


def fixed(device: torch.device, *, bf16: bool) -> Setting:
    """The setting to take without timing: results must not hang on which was faster today."""
    return Setting(bf16, channels_last=True, shortcuts=device.type == "cpu")


def candidates(device: torch.device, steps: int, *, shortcuts: bool = False) -> list[Setting]:
    """What is worth timing on this device for a run of so many steps; the plainest first. Compiling pays
    only in long runs on a GPU, ``shortcuts`` only on a CPU and where the network has something to cut."""
    layouts = [Setting(bf16, last) for bf16 in (False, True) for last in (False, True)]
    if device.type == "mps":
        return layouts[:2]
    if device.type == "cpu" and shortcuts:
        layouts += [Setting(bf16, True, shortcuts=True) for bf16 in (False, True)]
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
