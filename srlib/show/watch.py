"""A training that can be watched: its picture sharpens and its curves grow while it runs (chapter 4 on)."""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from srlib import data, recipes, settings, zoo
from srlib.data import PatchBank
from srlib.degrade import bicubic
from srlib.images import middle
from srlib.inference import upscale
from srlib.metrics import psnr
from srlib.show._html import Html, escape
from srlib.show._look import COLOURS, axes, drawn, framed, look
from srlib.show.pictures import grid
from srlib.speed import fixed
from srlib.training import Run, fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RUNNING: list[threading.Event] = []
"""What stops the training that a ``training`` widget has under way: one at a time, also when its cell is run
again and the old buttons are gone."""

SHOTS = 5
"""Pictures of a training that are kept, evenly over its steps."""


class Watch:
    """A callback for ``fit``: once in ``every`` seconds it upscales ``lr`` with the network as it is,
    measures it on ``hr`` (dB on luma, ``scale`` pixels of border cut), and redraws one output below the cell:
    the loss, the PSNR, and pictures from the start to now. ``shown`` is called with the watch instead of
    that. Pictures: (3, H, W) in [0, 1]; a small crop keeps it quick. Chapter 4."""

    def __init__(
        self,
        lr: Tensor,
        hr: Tensor,
        scale: int,
        *,
        every: float = 1.0,
        times: int = 1,
        shown: Callable[["Watch"], None] | None = None,
    ) -> None:
        self.lr, self.hr, self.scale = lr, hr.detach().cpu(), scale
        self.every, self.times, self._given = every, times, shown
        self._begin()

    def _begin(self) -> None:
        self.psnrs: list[tuple[int, float]] = []
        self.losses: list[list[float]] = []
        self.shots: list[tuple[int, Tensor]] = []
        self._shown = self._given or _in_one_output()
        self._last = -float("inf")

    def __call__(self, run: Run) -> None:
        if self.psnrs and run.step == self.psnrs[-1][0]:
            return  # called again for the same step, after a validation
        if self.psnrs and run.step < self.psnrs[-1][0]:
            self._begin()  # another training, or the same cell once more
        if run.done < 1 and time.monotonic() - self._last < self.every:
            return
        sr = upscale(run.result, self.lr, self.scale).cpu()
        self.psnrs.append((run.step, float(psnr(sr, self.hr, crop=self.scale))))
        self.losses = run.loss_curve(60)
        self._keep(run.step, sr)
        self._shown(self)
        self._last = time.monotonic()

    def html(self) -> Html:
        """The training as it stands: curves above, pictures below."""
        if not self.psnrs:
            return Html("<p>Nothing to see yet: the training has not begun.</p>")
        step, now = self.psnrs[-1]
        first, last = self.losses[0][1], self.losses[-1][1]
        curves = "".join(
            drawn(figure, alt).text
            for figure, alt in (
                (
                    _curve(self.losses, "loss", 1, log=True),
                    f"The loss went from {first:.3g} to {last:.3g} in {step} steps.",
                ),
                (
                    _curve(self.psnrs, "PSNR of the picture (dB)", 0),
                    f"The PSNR of the picture went from {self.psnrs[0][1]:.2f} to {now:.2f} dB.",
                ),
            )
        )
        pictures = {f"step {at}": sr for at, sr in self.shots} | {"original": self.hr}
        shots = grid(pictures, alt="The same picture at several steps, and the original", times=self.times)
        both = framed(f'<div class="tiles">{curves}</div>', f"Training up to step {step}.")
        return Html(both.text + shots.text)

    def _repr_html_(self) -> str:
        return self.html().text

    def _keep(self, step: int, sr: Tensor) -> None:
        """The first and the newest picture always stay; of those between, the ones too close together go."""
        self.shots.append((step, sr))
        if len(self.shots) > SHOTS:
            gaps = [self.shots[i + 1][0] - self.shots[i - 1][0] for i in range(1, len(self.shots) - 1)]
            del self.shots[1 + gaps.index(min(gaps))]


def training(
    networks: tuple[str, ...] = ("fsrcnn", "espcn", "srcnn-955", "edsr-small"),
    *,
    photo: str = "chelsea",
    scale: int = 3,
    seconds: int = 10,
) -> "Training":
    """Choose a network and a time, press start, and watch it learn from dead leaves to upscale a photograph
    it has never seen; a second button stops it. On the saved page: the first network, trained for
    ``seconds`` when the page was made. Chapters 4 to 6."""
    return Training(networks, photo, scale, seconds)


class Training:
    """What ``training`` returns; ``train`` does without the buttons."""

    def __init__(self, networks: tuple[str, ...], photo: str, scale: int, seconds: int) -> None:
        for name in networks:
            recipes.plan(name, scale)  # an unknown name is said now, not after the start
        self.networks, self.scale, self.seconds = networks, scale, seconds
        whole = data.photos(photo)[photo]
        self.hr = middle(whole, 128 // scale * scale)
        self.lr = bicubic(self.hr, scale)

    def train(self, name: str, seconds: float, watch: Watch, stop: threading.Event | None = None) -> Run:
        """Train ``name`` for so many seconds on a few dead leaves, from scratch, with seed 0."""
        plan = recipes.plan(name, self.scale)
        leaves = {f"leaves {i}": data.dead_leaves(256, i) for i in range(24)}
        device = settings.device()
        bank = PatchBank(leaves, plan.scales, device, channels=plan.channels)

        def halted(run: Run) -> None:
            run.stop = run.stop or (stop is not None and stop.is_set())

        with torch.random.fork_rng():  # the reader's own random numbers go on as if nothing had been
            torch.manual_seed(0)
            model = zoo.build(plan.model, plan.arguments)
        recipe = recipes.changed(plan.recipe, {"seconds": str(seconds), "steps": "1000000", "ema": "0"})
        return fit(
            model,
            bank,
            recipe,
            [watch, halted],
            setting=fixed(device, bf16=False),
            progress=False,
        )

    def still(self) -> Html:
        """As on the saved page: the first network, trained now."""
        watch = Watch(self.lr, self.hr, self.scale, shown=lambda _: None)
        name = self.networks[0]
        run = self.train(name, self.seconds, watch)
        said = (
            f"{name}, trained for {run.seconds:.0f} seconds when this page was made ({run.step} steps). "
            "Run the notebook to choose another network, start it and stop it."
        )
        return Html(f"<p>{escape(said)}</p>{watch.html().text}")

    def widget(self) -> Any:
        """The buttons, and the training below them."""
        import ipywidgets

        network = ipywidgets.Dropdown(options=list(self.networks), description="network")
        seconds = ipywidgets.IntSlider(self.seconds, 3, 120, description="seconds")
        start = ipywidgets.Button(description="start", button_style="primary")
        stop = ipywidgets.Button(description="stop", disabled=True)
        shown = ipywidgets.HTML("<p>Press start.</p>")
        halts: list[threading.Event] = []

        def show(watch: Watch) -> None:
            shown.value = watch.html().text

        def work(halt: threading.Event) -> None:
            try:
                self.train(
                    network.value, seconds.value, Watch(self.lr, self.hr, self.scale, shown=show), halt
                )
            except Exception as error:  # said where the reader looks: a thread's error is seen by nobody
                shown.value = f'<p role="alert">{escape(str(error) or type(error).__name__)}</p>'
            finally:
                start.disabled, stop.disabled = False, True

        def begin(_: object) -> None:
            start.disabled, stop.disabled = True, False
            for other in _RUNNING:
                other.set()
            halts[:] = _RUNNING[:] = [threading.Event()]
            shown.value = "<p>Making pictures to learn from ...</p>"
            threading.Thread(target=work, args=(halts[0],), daemon=True).start()

        def end(_: object) -> None:
            for halt in halts:
                halt.set()

        start.on_click(begin)
        stop.on_click(end)
        return ipywidgets.VBox([ipywidgets.HBox([network, seconds, start, stop]), shown])

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        if settings.building_book():
            return {"text/html": self.still().text, "text/plain": "a training to watch"}
        bundle: dict[str, Any] = self.widget()._repr_mimebundle_()
        return {"text/html": "<p>Run the notebook to start a training here.</p>", **bundle}


def _curve(points: Sequence[Sequence[float]], what: str, colour: int, *, log: bool = False) -> "Figure":
    """One small drawing of a curve over the steps; two of them stand side by side where there is room."""
    figure, (axis,) = axes(2.9, 2.3)
    with look():
        axis.plot(*zip(*points, strict=True), color=COLOURS[colour], marker="o", markersize=2.5)
        if log:
            from matplotlib.ticker import LogLocator, MaxNLocator

            heights = [point[1] for point in points]
            narrow = max(heights) < 10 * min(heights)  # powers of ten would leave the axis bare
            axis.set_yscale("log")
            axis.yaxis.set_major_locator(MaxNLocator(4) if narrow else LogLocator(numticks=5))
            axis.yaxis.set_major_formatter("{x:.2g}")  # 0.04 is read sooner than 4 times ten to the minus two
            axis.yaxis.set_minor_formatter("")
        axis.set_xlabel("step")
        axis.set_ylabel(what)
    return figure


def _in_one_output() -> Callable[[Watch], None]:
    """Shows each drawing in place of the one before; where there is no notebook, nowhere."""
    handle: Any = None

    def show(watch: Watch) -> None:
        nonlocal handle
        if "IPython" not in sys.modules:
            return
        from IPython import get_ipython
        from IPython.display import display

        if get_ipython() is None:
            return
        if handle is None:
            handle = display(watch.html(), display_id=True)
        else:
            handle.update(watch.html())

    return show
