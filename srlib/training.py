"""One training loop for every network of the book, and beside it the step of SRGAN's game (chapters 4, 8).

Steps, not epochs. A run that was stopped, by whatever, goes on from its folder as if nothing had happened.
"""

import copy
import json
import math
import signal
import statistics
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from srlib import checkpoint, parallel, settings
from srlib.data.bank import PatchBank
from srlib.evaluation import evaluate
from srlib.losses import (
    VGGFeatures,
    charbonnier,
    content_loss,
    discriminator_loss,
    euclidean,
    generator_loss,
    total_variation,
)
from srlib.resize import imresize
from srlib.soap import SOAP
from srlib.speed import Graphed, Setting, candidates, fastest

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": F.l1_loss,
    "l2": F.mse_loss,
    "euclidean": euclidean,
    "charbonnier": charbonnier,
}
PATIENCE = 50
"""So many skipped steps in a row end a training."""


class TrainingError(ValueError):
    """A training cannot go on; the message says why and what to try."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; saved with the weights that came of it. ``patch`` counts LR pixels.

    ``lr``: learning rate, for the last convolution times ``tail_lr``; ``warmup`` steps lead up to it. The
    schedule "multistep" multiplies it by ``gamma`` at each of ``milestones`` (steps), "cosine" lets it sink
    to a hundredth. ``clip``: gradients are clipped at ``clip_at`` by their norm, or value by value at
    ``clip_at`` / learning rate (VDSR). ``ema``: above 0, a running average of the weights is kept and is the
    result. ``exact``: this last share of the run is computed in float32 whatever the setting (a network that
    must pass the whole picture on, as SRCNN, FSRCNN and ESPCN, loses .1 dB to bfloat16). A step whose loss or
    gradient is NaN or ``spike`` times its usual is skipped (0: only NaN). ``seconds``: above 0,
    the run ends by the clock if that comes first, and the schedule follows."""

    steps: int
    batch: int = 16
    patch: int = 48
    loss: Literal["l1", "l2", "euclidean", "charbonnier"] = "l1"
    optimizer: Literal["adam", "sgd", "soap"] = "adam"
    lr: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.999)
    momentum: float = 0.9
    weight_decay: float = 0.0
    tail_lr: float = 1.0
    warmup: int = 0
    schedule: Literal["constant", "multistep", "cosine"] = "constant"
    milestones: tuple[int, ...] = ()
    gamma: float = 0.5
    clip: Literal["norm", "value/lr"] | None = None
    clip_at: float = 1.0
    ema: float = 0.0
    exact: float = 0.0
    spike: float = 30.0
    validate_every: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        known = {"optimizer": ("adam", "sgd", "soap"), "schedule": ("constant", "multistep", "cosine")}
        for name, values in {**known, "loss": tuple(LOSSES), "clip": (None, "norm", "value/lr")}.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name} must be one of {values}, not {getattr(self, name)!r}")
        if min(self.steps, self.batch, self.patch) < 1:
            raise ValueError("steps, batch and patch must be at least 1")
        if not self.lr > 0 or not 0 <= self.ema < 1:
            raise ValueError(f"lr must be above 0 and ema in [0, 1), not {self.lr} and {self.ema}")
        if not 0 <= self.exact <= 1:
            raise ValueError(f"exact must be a share of the run, 0 to 1, not {self.exact}")

    def learning_rate(self, step: int, done: float) -> float:
        """The learning rate of step ``step`` (from 0), with the share ``done`` of the run behind us."""
        warm = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        if self.schedule == "multistep":
            return self.lr * warm * self.gamma ** sum(step >= milestone for milestone in self.milestones)
        if self.schedule == "cosine":
            return self.lr * warm * (0.01 + 0.99 * (1 + math.cos(math.pi * min(done, 1.0))) / 2)
        return self.lr * warm


@dataclass
class Critic:
    """SRGAN's second player and what the generator is asked for beside pleasing it. ``features``: content is
    the distance of VGG features; None: of pixels (L2). The factors weigh content, pleasing and smoothness."""

    model: nn.Module
    features: VGGFeatures | None = None
    content: float = 1.0
    adversarial: float = 1e-3
    variation: float = 0.0


# --- a network with its optimiser -----------------------------------------------------------------


class Player:
    """A network, its optimiser and the guard against bad steps: alone in ordinary training, one of two in
    SRGAN's game."""

    def __init__(self, net: nn.Module, recipe: Recipe) -> None:
        self.net, self.recipe = net, recipe
        convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
        tail = {id(p) for p in convolutions[-1].parameters()} if recipe.tail_lr != 1 else set()
        groups: list[dict[str, Any]] = [
            {"share": 1.0, "params": [p for p in net.parameters() if id(p) not in tail]}
        ]
        if tail:
            last = [p for p in net.parameters() if id(p) in tail]
            groups.append({"share": recipe.tail_lr, "params": last})
        self.device = next(net.parameters()).device
        # "fused": one kernel for all weights, which also knows how to skip a step without asking the CPU.
        self.fused = self.device.type != "mps" and recipe.optimizer != "soap"
        common: dict[str, Any] = {"lr": recipe.lr, "weight_decay": recipe.weight_decay}
        self.optimizer: torch.optim.Optimizer
        if recipe.optimizer == "adam":
            self.optimizer = torch.optim.Adam(groups, betas=recipe.betas, fused=self.fused, **common)
        elif recipe.optimizer == "soap":
            self.optimizer = SOAP(groups, betas=recipe.betas, **common)
        else:
            self.optimizer = torch.optim.SGD(groups, momentum=recipe.momentum, fused=self.fused, **common)
        # Batch normalisation's statistics, and a copy as they were after the last good step.
        self.buffers = [b for name, b in net.named_buffers() if name in net.state_dict()]
        self.kept = [b.clone() for b in self.buffers]
        self.usual = torch.zeros(2, device=self.device)  # running means of loss and gradient norm
        self.good = torch.zeros((), device=self.device)  # steps taken,
        self.skipped = torch.zeros((), device=self.device)  # skipped,
        self.in_a_row = torch.zeros((), device=self.device)  # skipped since the last one taken
        self.rate: float | Tensor = recipe.lr

    def set_rate(self, rate: float) -> None:
        """The learning rate of the next step."""
        self.rate = self._as_rate(self.rate, rate)
        for group in self.optimizer.param_groups:
            group["lr"] = self._as_rate(group["lr"], rate * group["share"])

    def _as_rate(self, before: float | Tensor, rate: float) -> float | Tensor:
        """A number; on a GPU always the same tensor, which a recorded graph reads anew at each replay."""
        if self.device.type != "cuda":
            return rate
        if isinstance(before, Tensor) and before.is_cuda:
            return before.fill_(rate)
        return torch.tensor(rate, device=self.device)

    def descend(self, loss: Tensor) -> None:
        """One step down the gradient of ``loss``; none at all if something is wrong with it."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        grads = [p.grad for p in self.net.parameters() if p.grad is not None]
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))
        if self.recipe.clip == "norm":
            torch._foreach_mul_(grads, (self.recipe.clip_at / (norm + 1e-6)).clamp(max=1.0))
        elif self.recipe.clip == "value/lr":
            bound = torch.as_tensor(self.recipe.clip_at / self.rate, device=self.device)
            for grad in grads:
                torch.clamp(grad, -bound, bound, out=grad)
        now = torch.stack([parallel.mean_over_processes(loss.detach()), norm]).float()
        bad = ~torch.isfinite(now).all()
        if self.recipe.spike:
            bad |= (self.good >= 20) & (now > self.recipe.spike * self.usual).any()
        self._step(bad)
        for buffer, kept in zip(self.buffers, self.kept, strict=True):
            buffer.copy_(torch.where(bad, kept, buffer))
            kept.copy_(buffer)
        pace = torch.where(self.good == 0, 1.0, 0.02)
        self.usual.copy_(torch.where(bad, self.usual, self.usual + pace * (now - self.usual)))
        self.good += ~bad
        self.skipped += bad
        self.in_a_row.copy_(torch.where(bad, self.in_a_row + 1, 0.0))

    def _step(self, bad: Tensor) -> None:
        if not self.fused:
            if not bad:
                self.optimizer.step()
            return
        self.optimizer.grad_scale, self.optimizer.found_inf = None, bad.float()  # type: ignore[attr-defined]
        self.optimizer.step()

    def state(self) -> dict[str, Any]:
        """All of it, for a checkpoint."""
        guard = torch.stack([*self.usual, self.good, self.skipped, self.in_a_row])
        return {"net": self.net.state_dict(), "optimizer": self.optimizer.state_dict(), "guard": guard}

    def load(self, state: dict[str, Any]) -> None:
        """Back to what ``state`` returned."""
        try:
            self.net.load_state_dict(state["net"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as fault:
            raise checkpoint.CheckpointError(
                f"the checkpoint is of another network ({' '.join(str(fault).split())[:120]}); "
                "use another folder"
            ) from None
        for buffer, kept in zip(self.buffers, self.kept, strict=True):
            kept.copy_(buffer)
        guard = state["guard"].to(self.device)
        self.usual.copy_(guard[:2])
        for mine, value in zip((self.good, self.skipped, self.in_a_row), guard[2:], strict=True):
            mine.copy_(value)


# --- the steps ------------------------------------------------------------------------------------


def pixel_step(run: "Run", x: Tensor, hr: Tensor, scale: int | None) -> dict[str, Tensor]:
    """An ordinary step: enlarge, compare with the original, descend. Chapter 4."""
    sr = run.forward(run.network, x, scale)
    loss = LOSSES[run.recipe.loss](sr, hr)
    run.player.descend(loss)
    return {"loss": loss.detach()}


def gan_step(run: "Run", x: Tensor, hr: Tensor, scale: int | None) -> dict[str, Tensor]:
    """A step of SRGAN's game: first the critic learns to tell, then the generator to please. Chapter 8."""
    critic, judge = run.critic, run.judge
    assert critic is not None
    assert judge is not None
    sr = run.forward(run.network, x, scale)

    real, fake = run.forward(critic.model, hr), run.forward(critic.model, sr.detach())
    critic_loss = discriminator_loss(real, fake)
    judge.descend(critic_loss)

    critic.model.requires_grad_(False)  # the generator's turn
    content = F.mse_loss(sr, hr) if critic.features is None else content_loss(critic.features, sr, hr)
    adversarial = generator_loss(run.forward(critic.model, sr))
    loss = critic.content * content + critic.adversarial * adversarial
    if critic.variation:
        loss = loss + critic.variation * total_variation(sr)
    run.player.descend(loss)
    critic.model.requires_grad_(True)
    terms = {"loss": loss, "content": content, "adversarial": adversarial, "critic": critic_loss}
    return {name: term.detach() for name, term in terms.items()}


# --- the run --------------------------------------------------------------------------------------


class Run:
    """A training, under way or ended. ``step`` taken of ``recipe.steps``; ``curves["loss"]`` has one number
    a step (SRGAN: also content, adversarial, critic); ``psnrs`` the validation as (step, dB); ``best`` the
    best of them and ``best_weights`` its weights; ``seconds`` it took, on ``trained_on``, one device or more.
    A callback may set ``stop``."""

    def __init__(
        self, model: nn.Module, recipe: Recipe, setting: Setting, critic: Critic | None = None
    ) -> None:
        self.model, self.recipe, self.setting, self.critic = model, recipe, setting, critic
        model.to(memory_format=torch.channels_last if setting.channels_last else torch.contiguous_format)  # type: ignore[call-overload]
        self.network: nn.Module = model
        self.player = Player(model, recipe)
        self.judge = Player(critic.model, recipe) if critic else None
        self.average = copy.deepcopy(model) if recipe.ema else None
        self.step, self.seconds, self.stop = 0, 0.0, False
        self.trained_on: list[str] = []
        self.curves: dict[str, list[float]] = {"loss": []}
        self.psnrs: list[tuple[int, float]] = []
        self.best: tuple[int, float] | None = None
        self.best_weights: dict[str, Tensor] = {}
        self._pending: list[dict[str, Tensor]] = []
        self._skips_told = 0.0

    @property
    def losses(self) -> list[float]:
        """The loss of every step so far."""
        return self.curves["loss"]

    def loss_curve(self, points: int, name: str = "loss") -> list[list[float]]:
        """The losses so far (or another of ``curves``) as means over ``points`` stretches: [[last step of the
        stretch, mean], ...]."""
        edges = [self.step * i // points for i in range(points + 1)]
        stretches = [(a, b) for a, b in pairwise(edges) if b > a]
        return [[b, float(f"{statistics.fmean(self.curves[name][a:b]):.4g}")] for a, b in stretches]

    @property
    def done(self) -> float:
        """The share of the run that is behind us, in [0, 1]."""
        by_clock = self.seconds / self.recipe.seconds if self.recipe.seconds else 0.0
        return min(1.0, max(self.step / self.recipe.steps, by_clock))

    @property
    def skipped(self) -> int:
        """How many steps were skipped because something was wrong with them."""
        return int(self.player.skipped) + (int(self.judge.skipped) if self.judge else 0)

    @property
    def result(self) -> nn.Module:
        """The network to use: the averaged one where ``ema`` is on, else the trained one."""
        return self.average or self.model

    def forward(self, net: nn.Module, x: Tensor, scale: int | None = None) -> Tensor:
        """``net`` on a batch, in the run's number type and layout; the answer is float32."""
        x = self.setting.arranged(x)
        with self.setting.context(x.device):
            y: Tensor = net(x) if scale is None else net(x, scale)
        return y.float()

    def read(self) -> None:
        """Fetch the losses of the last steps from the device; say what was skipped; stop if that persists."""
        for name in self._pending[0] if self._pending else ():
            values = torch.stack([terms[name] for terms in self._pending]).tolist()
            self.curves.setdefault(name, []).extend(values)
        self._pending.clear()
        for player in (self.player, self.judge):
            if player is not None and player.in_a_row >= PATIENCE:
                loss, norm = player.usual.tolist()
                raise TrainingError(
                    f"{PATIENCE} steps in a row were skipped at step {self.step} "
                    f"(loss {self.losses[-1]:.3g}, usual before {loss:.3g}, gradient {norm:.3g}); "
                    "try a lower lr, or clip='norm'"
                )
        if self.skipped > self._skips_told:
            more = self.skipped - self._skips_told
            warnings.warn(
                f"by step {self.step}: {more:.0f} step{'s' * (more > 1)} skipped (loss or gradient NaN, or "
                f"{self.recipe.spike:g} times the usual)",
                stacklevel=3,
            )
            self._skips_told = self.skipped

    def check(self, psnr: float) -> None:
        """Add a validation; keep the weights if it is the best so far."""
        self.psnrs.append((self.step, psnr))
        if self.best is None or psnr > self.best[1]:
            self.best = self.psnrs[-1]
            self.best_weights = {k: v.detach().clone().cpu() for k, v in self.result.state_dict().items()}

    def state(self, bank: PatchBank) -> dict[str, Any]:
        """Everything that the rest of the run depends on."""
        return {
            "recipe": json.dumps(asdict(self.recipe)),
            "setting": asdict(self.setting),
            "device": bank.device.type,
            "trained_on": self.trained_on,
            "pictures": bank.fingerprint(),
            "random": {"bank": bank.state(), "torch": torch.get_rng_state()},
            "step": self.step,
            "seconds": self.seconds,
            "curves": {name: torch.tensor(v, dtype=torch.float64) for name, v in self.curves.items()},
            "psnrs": self.psnrs,
            "best": self.best,
            "best_weights": self.best_weights,
            "player": self.player.state(),
            "judge": self.judge.state() if self.judge else None,
            "average": self.average.state_dict() if self.average else None,
        }

    def load(self, state: dict[str, Any], bank: PatchBank) -> None:
        """Go back to what ``state`` returned."""
        self.player.load(state["player"])
        if self.judge:
            self.judge.load(state["judge"])
        if self.average:
            self.average.load_state_dict(state["average"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.curves = {name: values.tolist() for name, values in state["curves"].items()}
        self.psnrs, self.best = state["psnrs"], state["best"]
        self.trained_on = state["trained_on"]
        self.best_weights = state["best_weights"]
        self._skips_told = self.skipped
        bank.set_state(state["random"]["bank"])
        torch.set_rng_state(state["random"]["torch"])


Callback = Callable[[Run], object]
Validation = Callable[[nn.Module], float] | str | Path | Mapping[str, Tensor]


def fit(
    model: nn.Module,
    bank: PatchBank,
    recipe: Recipe,
    callbacks: Sequence[Callback] = (),
    *,
    critic: Critic | None = None,
    validate: Validation | None = None,
    folder: str | Path | None = None,
    setting: Setting | None = None,
    every: int = 20,
    save_every: int | None = None,
    progress: bool = True,
) -> Run:
    """Train ``model`` on patches from ``bank``, on the bank's device; with a ``critic``, as a GAN.

    ``validate``: a set of pictures (PSNR as ``evaluate`` has it, mean over the bank's scales) or a function
    of the model, at every ``recipe.validate_every`` steps and at the end. ``folder``: the checkpoint's
    place; if one is there, the run goes on from it. ``setting``: number type and layout; None times a few.
    ``callbacks`` are called with the run every ``every`` steps. Checkpoints: every ``save_every`` steps
    (None: once a minute), at the end, and when stopped by Ctrl-C, which ends the run in good order. Under
    ``torchrun`` each process takes its share of the same batches. Chapter 4."""
    device = bank.device
    rank, processes = parallel.join(device)
    if processes > 1 and (critic or recipe.seconds or recipe.batch % processes):
        raise ValueError(
            "several processes need a batch that divides evenly, no critic, and steps, not seconds"
        )
    for net in (model, *([critic.model] if critic else [])):
        net.to(device).train()
    if critic and critic.features:
        critic.features.to(device)
    place = Path(folder) / "checkpoint.pt" if folder is not None else None
    found = _found(place, recipe, bank)
    if setting is None and found and found["device"] == device.type:
        setting = Setting(**found["setting"])
    if setting is None:
        setting = parallel.agree(_timed(model, bank, recipe, critic) if rank == 0 else None, device)
    run = Run(model, recipe, setting, critic)
    if found:
        run.load(found, bank)
        if rank == 0:
            print(f"going on from step {run.step} of {recipe.steps}")
    name = f"{settings.device_name(device)}; {setting}"
    if run.done < 1 and name not in run.trained_on:
        run.trained_on.append(name)
    step = _prepared(run, processes)
    measure = _measure(validate, bank.scales)
    report = _Reporter(run, callbacks, enabled=progress and rank == 0)
    seconds_before, start = run.seconds, time.monotonic()
    saved = start

    def validated() -> None:
        if measure and rank == 0:
            run.check(measure(run.result))
            report()

    with _graceful(run) if processes == 1 else nullcontext(), report:
        while run.done < 1 and not run.stop:
            rate = recipe.learning_rate(run.step, run.done)
            for player in (run.player, run.judge):
                if player is not None:
                    player.set_rate(rate)
            if run.setting.bf16 and recipe.exact and run.done >= 1 - recipe.exact:
                run.setting = replace(run.setting, bf16=False)
                step = _prepared(run, processes)
            x, hr, scale = draw(model, bank, recipe)
            run._pending.append(step(x[rank::processes], hr[rank::processes], scale))
            if run.average:
                _follow(run.average, model, recipe.ema)
            run.step += 1
            if run.step % every == 0:
                run.read()
                report()
                run.stop = parallel.agree(run.stop, device)  # all end after the same step
            if recipe.validate_every and run.step % recipe.validate_every == 0:
                validated()
            run.seconds = seconds_before + time.monotonic() - start
            due = run.step % save_every == 0 if save_every else time.monotonic() - saved > 60
            if place and rank == 0 and due and run.done < 1:
                run.read()
                _save(run, bank, place)
                saved = time.monotonic()
        if run._pending:
            run.read()
            report()
        if run.done >= 1 and (not run.psnrs or run.psnrs[-1][0] != run.step):
            validated()
        if place and rank == 0:
            _save(run, bank, place)
    if run.done < 1 and rank == 0:
        print(f"stopped at step {run.step} of {recipe.steps}")
    if run.average:
        model.load_state_dict(run.average.state_dict())
    model.eval()
    return run


def draw(model: nn.Module, bank: PatchBank, recipe: Recipe) -> tuple[Tensor, Tensor, int | None]:
    """A batch as the model wants it: its input, HR, and the scale if it must be told. A model that takes
    enlarged pictures gets them; if the bank has several scales, such a batch mixes them in equal parts (then
    ``patch`` counts LR pixels of the first scale). Chapters 4 and 6."""
    if not model.pre_upsample:
        lr, hr = bank.sample(recipe.batch, recipe.patch)
        return lr, hr, hr.shape[-1] // lr.shape[-1] if getattr(model, "scales", None) else None
    side, count = recipe.patch * bank.scales[0], len(bank.scales)
    wrong = [scale for scale in bank.scales if side % scale]
    if wrong:
        raise ValueError(f"patches of {side} HR pixels do not divide by {wrong[0]}; choose another patch")
    pairs = []
    for i, scale in enumerate(bank.scales):
        share = recipe.batch // count + (i < recipe.batch % count)
        if share:
            lr, hr = bank.sample(share, side // scale, scale)
            pairs.append((imresize(lr, scale), hr))
    return torch.cat([x for x, _ in pairs]), torch.cat([hr for _, hr in pairs]), None


# --- what fit is made of --------------------------------------------------------------------------


def _found(place: Path | None, recipe: Recipe, bank: PatchBank) -> dict[str, Any] | None:
    """The checkpoint in the run's folder, if there is one and it belongs to this run. Only the run's length
    may differ."""
    if place is None:
        return None
    if place.parent.exists() and not place.parent.is_dir():
        raise NotADirectoryError(f"{place.parent}: this is a file; name a folder for the run")
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        return None
    state = checkpoint.read(place)
    before, now = json.loads(state["recipe"]), json.loads(json.dumps(asdict(recipe)))
    other = [k for k in now if k not in ("steps", "seconds", "validate_every") and now[k] != before.get(k)]
    if other:
        what = ", ".join(f"{k} {before.get(k)} there, {now[k]} here" for k in other)
        raise checkpoint.CheckpointError(f"{place}: a run of another recipe ({what}); use another folder")
    if state["pictures"] != bank.fingerprint():
        raise checkpoint.CheckpointError(f"{place}: a run on other pictures or scales; use another folder")
    return state


def _timed(model: nn.Module, bank: PatchBank, recipe: Recipe, critic: Critic | None) -> Setting:
    """The fastest setting for this step on this machine; neither model nor bank is changed."""
    before = bank.state()
    batch = draw(model, bank, recipe)
    bank.set_state(before)

    def trial(setting: Setting) -> Callable[[], object]:
        run = Run(copy.deepcopy(model), replace(recipe, spike=0.0), setting, copy.deepcopy(critic))
        step = _prepared(run, 1)
        run.player.set_rate(recipe.lr * 1e-3)
        return lambda: step(*batch)

    slow = any(isinstance(m, nn.PReLU | nn.ConvTranspose2d) for m in model.modules())
    ways = candidates(bank.device, recipe.steps, shortcuts=slow)
    if recipe.optimizer == "soap":
        ways = [way for way in ways if way.compile != "graph"]  # it decides on the CPU when to renew its axes
    setting, times = fastest(ways, trial)
    plain = times.get(Setting())
    aside = f"; plain float32 {plain:.1f}" if plain and setting != Setting() else ""
    print(f"speed: {setting}, {times[setting]:.1f} ms a step{aside}")
    return setting


def _prepared(run: Run, processes: int) -> Callable[[Tensor, Tensor, int | None], dict[str, Tensor]]:
    """The step function, with the network shared among processes, compiled or recorded as asked."""
    if processes > 1:
        several = getattr(run.model, "scales", None) is not None  # idle parts have no gradient
        run.network = DistributedDataParallel(run.model, find_unused_parameters=several)
    elif run.setting.compile == "compile":
        run.network = torch.compile(run.model)  # type: ignore[assignment]
    step = gan_step if run.critic else pixel_step

    def bound(x: Tensor, hr: Tensor, scale: int | None) -> dict[str, Tensor]:
        return step(run, x, hr, scale)

    return Graphed(bound) if run.setting.compile == "graph" and processes == 1 else bound


def _measure(validate: Validation | None, scales: Sequence[int]) -> Callable[[nn.Module], float] | None:
    if validate is None or callable(validate):
        return validate
    pictures = validate
    return lambda model: sum(evaluate(model, pictures, scale).psnr for scale in scales) / len(scales)


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, ema: float) -> None:
    """Move the running average a little towards the model's weights."""
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - ema)
    for mine, theirs in zip(average.buffers(), model.buffers(), strict=True):
        mine.copy_(theirs)


def _save(run: Run, bank: PatchBank, place: Path) -> None:
    """Write the checkpoint; if that fails, say so and go on: the last good one is still there."""
    try:
        checkpoint.write(run.state(bank), place)
    except checkpoint.CheckpointError as fault:
        kept = "the previous one is kept" if place.exists() else "there is none yet"
        warnings.warn(f"no checkpoint at step {run.step}: {fault}; {kept}, training goes on", stacklevel=3)


@contextmanager
def _graceful(run: Run) -> Iterator[None]:
    """Ctrl-C (and a cluster's SIGTERM) end the run after the step under way; a second one ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if run.stop:
            raise KeyboardInterrupt
        run.stop = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Reporter:
    """The progress bar (in a terminal only) and the callbacks."""

    def __init__(self, run: Run, callbacks: Sequence[Callback], *, enabled: bool) -> None:
        self.run, self.callbacks, self.enabled = run, callbacks, enabled

    def __enter__(self) -> "_Reporter":
        self.bar: Any = None
        if self.enabled:
            try:
                from tqdm import tqdm
            except ImportError:  # a borrowed GPU machine may have little more than torch
                return self
            self.bar = tqdm(
                desc="starting", total=100, disable=None, bar_format="{percentage:3.0f}% {bar} {desc}"
            )
        return self

    def __call__(self) -> None:
        run = self.run
        if self.bar is not None:
            self.bar.n = round(100 * run.done)
            loss = sum(run.losses[-100:]) / len(run.losses[-100:])
            words = [f"step {run.step}/{run.recipe.steps}", f"loss {loss:.4g}"]
            words += [f"{run.psnrs[-1][1]:.2f} dB"] if run.psnrs else []
            left = run.seconds * (1 / run.done - 1) if run.done else 0
            self.bar.set_description_str(", ".join([*words, f"{left:.0f} s left"]))
        for callback in self.callbacks:
            callback(run)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
