"""The training loop: what it computes, that it resumes exactly, and what it does when things go wrong."""

import itertools
import math
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import checkpoint, settings
from srlib.checkpoint import CheckpointError
from srlib.data.bank import PatchBank
from srlib.models import EDSR, ESPCN, FSRCNN, MDSR, SRCNN, VDSR, WDSR, Discriminator, SRResNet
from srlib.resize import imresize
from srlib.speed import Setting, candidates, fastest
from srlib.training import Critic, Recipe, TrainingError, draw, fit

PLAIN = Setting()
FAST = Setting(bf16=True, channels_last=True)


def bank(scale: Any = 2, channels: int = 3, seed: int = 0) -> PatchBank:
    generator = torch.Generator().manual_seed(7)
    small = torch.rand(6, 3, 8, 8, generator=generator)
    smooth = F.interpolate(small, size=(48, 60), mode="bicubic").clamp(0, 1)
    return PatchBank(list(smooth), scale, channels=channels, seed=seed)


def tiny(seed: int = 0) -> EDSR:
    torch.manual_seed(seed)
    return EDSR(2, blocks=1, features=8)


def quiet(model: nn.Module, where: PatchBank, recipe: Recipe, *callbacks: Any, **more: Any) -> Any:
    return fit(model, where, recipe, callbacks, **{"setting": PLAIN, "progress": False, **more})


def same_weights(a: nn.Module, b: nn.Module) -> bool:
    return all(
        torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


# --- what a step computes ---


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_fit_gives_the_losses_and_weights_of_a_loop_written_by_hand(optimizer: str) -> None:
    mine, theirs = tiny(), tiny()
    run = quiet(mine, bank(), Recipe(steps=8, batch=4, patch=8, lr=1e-3, optimizer=optimizer, spike=0))  # type: ignore[arg-type]
    source, losses = bank(), []
    step = torch.optim.Adam(theirs.parameters(), lr=1e-3)
    if optimizer == "sgd":
        step = torch.optim.SGD(theirs.parameters(), lr=1e-3, momentum=0.9)  # type: ignore[assignment]
    for _ in range(8):
        lr, hr = source.sample(4, 8)
        loss = F.l1_loss(theirs(lr), hr)
        step.zero_grad()
        loss.backward()
        step.step()
        losses.append(loss.item())
    torch.testing.assert_close(torch.tensor(run.losses), torch.tensor(losses), rtol=1e-5, atol=1e-7)
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "scale", "channels"),
    [
        (lambda: SRCNN((5, 1, 5), init="he"), 3, 1),
        (lambda: FSRCNN(3, d=8, s=4, m=1), 3, 1),
        (lambda: ESPCN(2, features=(8, 8)), 2, 1),
        (lambda: VDSR(4, features=8), (2, 3, 4), 1),
        (lambda: SRResNet(4, blocks=1, features=8), 4, 3),
        (lambda: EDSR(3, blocks=1, features=8), 3, 3),
        (lambda: MDSR((2, 3), blocks=1, features=8), (2, 3), 3),
        (lambda: WDSR(2, blocks=1, features=8), 2, 3),
        (lambda: WDSR(2, blocks=1, features=8, norm="batch"), 2, 3),
    ],
)
@pytest.mark.parametrize("setting", [PLAIN, FAST], ids=str)
def test_every_network_learns(model: Any, scale: Any, channels: int, setting: Setting) -> None:
    torch.manual_seed(0)
    net = model()
    run = quiet(net, bank(scale, channels), Recipe(steps=60, batch=8, patch=6, lr=3e-3), setting=setting)
    assert sum(run.losses[-10:]) < 0.8 * sum(run.losses[:10])
    assert run.skipped == 0
    assert not net.training


def test_the_tails_learning_rate_is_a_share_of_the_others() -> None:
    torch.manual_seed(0)
    net = SRCNN((3, 1, 3), init="he")
    before = {k: v.clone() for k, v in net.state_dict().items()}
    plain = Recipe(steps=1, batch=2, patch=6, lr=1e-3, optimizer="sgd", tail_lr=0.0)
    quiet(net, bank(2, 1), plain)
    moved = {k.split(".")[0] for k, v in net.state_dict().items() if not torch.equal(v, before[k])}
    assert moved == {"extract", "map"}


def test_clipping_by_norm_bounds_the_gradient() -> None:
    before, after = tiny(), tiny()
    recipe = Recipe(
        steps=1, batch=2, patch=6, lr=1.0, optimizer="sgd", momentum=0.0, clip="norm", clip_at=1e-3
    )
    quiet(after, bank(), recipe)
    pairs = zip(before.parameters(), after.parameters(), strict=True)
    moved = math.sqrt(sum((a - b).square().sum().item() for a, b in pairs))
    assert moved == pytest.approx(1e-3, rel=1e-3)  # plain SGD with lr 1 moves by the clipped gradient


def test_clipping_by_value_over_lr_bounds_each_weights_step_by_theta() -> None:
    before, after = tiny(), tiny()
    recipe = Recipe(
        steps=1, batch=2, patch=6, lr=0.5, optimizer="sgd", momentum=0.0, clip="value/lr", clip_at=1e-3
    )
    quiet(after, bank(), recipe)
    moved = torch.cat(
        [(a - b).abs().flatten() for a, b in zip(before.parameters(), after.parameters(), strict=True)]
    )
    assert moved.max().item() == pytest.approx(1e-3, rel=1e-3)  # lr * theta / lr
    assert moved.min() < 1e-4  # a bound, not a sign


def test_the_average_is_the_exponential_mean_of_the_weights() -> None:
    net, expected, source = tiny(), tiny(), bank()
    weights = []
    recipe = Recipe(steps=5, batch=2, patch=6, lr=1e-3, ema=0.9)
    quiet(
        net,
        source,
        recipe,
        lambda run: weights.append([p.detach().clone() for p in run.model.parameters()]),
        every=1,
    )
    for shadow, *steps in zip(expected.parameters(), *weights, strict=True):
        mean = shadow.detach()
        for step in steps:
            mean = 0.9 * mean + 0.1 * step
        shadow.data.copy_(mean)
    for mine, theirs in zip(net.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-7)


def test_the_learning_rates_are_those_of_torchs_schedulers() -> None:
    weight = nn.Parameter(torch.zeros(1))
    for recipe, make in (
        (
            Recipe(steps=100, lr=0.3, schedule="multistep", milestones=(30, 60), gamma=0.1),
            lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [30, 60], gamma=0.1),
        ),
        (
            Recipe(steps=100, lr=0.3, schedule="cosine"),
            lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 100, eta_min=0.003),
        ),
    ):
        optimizer = torch.optim.SGD([weight], lr=0.3)
        scheduler = make(optimizer)
        for step in range(100):
            assert recipe.learning_rate(step, step / 100) == pytest.approx(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    warm = Recipe(steps=100, lr=1.0, warmup=4)
    assert [warm.learning_rate(step, 0.0) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]


def test_a_pre_upsampled_batch_mixes_the_scales_in_equal_parts() -> None:
    net = VDSR(3, features=4)
    x, hr, scale = draw(net, bank((2, 3, 4), 1), Recipe(steps=1, batch=7, patch=12))
    assert scale is None
    assert x.shape == hr.shape == (7, 1, 24, 24)
    same = bank((2, 3, 4), 1)
    parts = [same.sample(count, 24 // s, s) for count, s in ((3, 2), (2, 3), (2, 4))]
    expected = [imresize(lr, s) for (lr, _), s in zip(parts, (2, 3, 4), strict=True)]
    assert torch.equal(x, torch.cat(expected))
    with pytest.raises(ValueError, match="26 HR pixels do not divide by 3"):
        draw(net, bank((2, 3, 4), 1), Recipe(steps=1, patch=13))


def test_mdsr_updates_only_the_drawn_scales_modules() -> None:
    torch.manual_seed(0)
    net = MDSR((2, 3), blocks=1, features=8)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    source = bank((2, 3))
    drawn = bank((2, 3)).sample(2, 6)
    scale = drawn[1].shape[-1] // 6
    quiet(net, source, Recipe(steps=1, batch=2, patch=6))
    idle = [k for k in before if k.startswith((f"upsample.{5 - scale}", f"pre_process.{5 - scale}"))]
    moved = [k for k, v in net.state_dict().items() if not torch.equal(v, before[k])]
    assert idle
    assert not set(idle) & set(moved)
    assert any(k.startswith(f"upsample.{scale}") for k in moved)


# --- SRGAN's game ---


def game(steps: int = 3, **more: Any) -> tuple[SRResNet, Discriminator, Any]:
    torch.manual_seed(0)
    net, critic = SRResNet(4, blocks=1, features=8), Discriminator(16)
    run = quiet(
        net, bank(4), Recipe(steps=steps, batch=2, patch=4, lr=1e-3), critic=Critic(critic), every=1, **more
    )
    return net, critic, run


def test_both_players_learn_and_every_term_is_recorded() -> None:
    torch.manual_seed(0)
    before = SRResNet(4, blocks=1, features=8), Discriminator(16)
    net, critic, run = game()
    for old, new in zip(before, (net, critic), strict=True):
        for (name, a), b in zip(old.named_parameters(), new.parameters(), strict=True):
            assert not torch.equal(a, b), name
    assert set(run.curves) == {"loss", "content", "adversarial", "critic"}
    for values in zip(*(run.curves[k] for k in ("loss", "content", "adversarial")), strict=True):
        assert values[0] == pytest.approx(values[1] + 1e-3 * values[2], rel=1e-5)
    assert all(p.requires_grad for p in critic.parameters())


def test_a_game_resumes_bit_for_bit(tmp_path: Path) -> None:
    whole, whole_critic, _ = game(6)

    def halfway(run: Any) -> None:
        run.stop = run.step == 3

    torch.manual_seed(0)
    net, critic = SRResNet(4, blocks=1, features=8), Discriminator(16)
    recipe = Recipe(steps=6, batch=2, patch=4, lr=1e-3)
    first = quiet(net, bank(4), recipe, halfway, critic=Critic(critic), every=1, folder=tmp_path)
    assert first.step == 3
    net, critic = SRResNet(4, blocks=1, features=8), Discriminator(16)
    quiet(net, bank(4), recipe, critic=Critic(critic), folder=tmp_path)
    assert same_weights(net, whole)
    assert same_weights(critic, whole_critic)


# --- resuming ---

SCRIPT = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from test_training import bank, tiny, quiet, FAST, PLAIN
from srlib.models import SRResNet
from srlib.training import Recipe
import torch
recipe = Recipe(steps=20, batch=4, patch=8, lr=1e-3, schedule="cosine", warmup=3, ema=0.9, clip="norm",
                validate_every=5)
def die(run):
    if run.step == 13:
        os.kill(os.getpid(), signal.SIGKILL)
torch.manual_seed(0)
net = SRResNet(2, blocks=1, features=8)
callbacks = [die] if sys.argv[2] == "die" else []
quiet(net, bank(), recipe, *callbacks, folder=sys.argv[1], every=1, save_every=10, setting={setting},
      validate=lambda m: float(next(m.parameters()).sum()))
"""


@pytest.mark.parametrize("setting", ["PLAIN", "FAST"])
def test_2n_steps_equal_n_steps_kill_9_resume_and_n_more_bit_for_bit(tmp_path: Path, setting: str) -> None:
    code = SCRIPT.format(tests=str(Path(__file__).parent), setting=setting)
    states = []
    for folder, ways in (("whole", ["live"]), ("killed", ["die", "live"])):
        for way in ways:
            done = subprocess.run(
                [sys.executable, "-c", code, str(tmp_path / folder), way], capture_output=True
            )
            assert done.returncode == (-signal.SIGKILL if way == "die" else 0), done.stderr.decode()
            if way == "die":
                assert checkpoint.read(tmp_path / folder / "checkpoint.pt")["step"] == 10
        states.append(checkpoint.read(tmp_path / folder / "checkpoint.pt"))
    whole, killed = states
    assert whole["step"] == killed["step"] == 20
    for state in states:
        del state["seconds"]
    assert_equal(whole, killed)


def assert_equal(a: Any, b: Any, where: str = "") -> None:
    """Equal down to the last bit of every tensor."""
    assert type(a) is type(b), where
    if isinstance(a, Tensor):
        assert torch.equal(a, b), where
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            assert_equal(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for i, pair in enumerate(zip(a, b, strict=True)):
            assert_equal(*pair, f"{where}/{i}")
    else:
        assert a == b, where


def test_a_finished_run_is_loaded_not_trained_again(tmp_path: Path) -> None:
    recipe = Recipe(steps=4, batch=2, patch=6, ema=0.9)
    first, again = tiny(), tiny(1)
    quiet(first, bank(), recipe, folder=tmp_path)
    run = quiet(again, bank(), recipe, folder=tmp_path)
    assert run.step == 4
    assert same_weights(first, again)


def test_a_run_with_soap_resumes_bit_for_bit(tmp_path: Path) -> None:
    whole, parts = tiny(), tiny()
    recipe = Recipe(steps=24, batch=2, patch=6, lr=1e-3, optimizer="soap", betas=(0.95, 0.95), clip="norm")
    quiet(whole, bank(), recipe)
    quiet(parts, bank(), replace(recipe, steps=13), folder=tmp_path)
    quiet(parts, bank(), recipe, folder=tmp_path)
    assert same_weights(whole, parts)


def test_the_last_share_of_a_run_is_exact_also_when_resumed(tmp_path: Path) -> None:
    recipe = Recipe(steps=10, batch=2, patch=6, exact=0.3)
    seen: list[bool] = []

    def look(run: Any) -> None:
        seen.append(run.setting.bf16)

    whole, parts = tiny(), tiny()
    quiet(whole, bank(), recipe, look, setting=FAST, every=1)
    assert seen == [True] * 7 + [False] * 3
    quiet(parts, bank(), replace(recipe, steps=8), folder=tmp_path, setting=FAST)  # exact from step 5.6 on
    run = fit(parts, bank(), recipe, folder=tmp_path, progress=False)
    assert not run.setting.bf16


def test_a_longer_run_goes_on_where_the_shorter_one_ended(tmp_path: Path) -> None:
    whole, parts = tiny(), tiny()
    recipe = Recipe(steps=8, batch=2, patch=6)
    quiet(whole, bank(), recipe)
    quiet(parts, bank(), replace(recipe, steps=4), folder=tmp_path)
    quiet(parts, bank(), recipe, folder=tmp_path)
    assert same_weights(whole, parts)


def test_the_setting_is_printed_stored_and_reused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = Recipe(steps=2, batch=2, patch=6)
    first = fit(tiny(), bank(), recipe, folder=tmp_path, progress=False)
    assert f"speed: {first.setting}" in capsys.readouterr().out
    state = checkpoint.read(tmp_path / "checkpoint.pt")
    other = Setting(bf16=not first.setting.bf16)
    checkpoint.write({**state, "setting": {"bf16": other.bf16}}, tmp_path / "checkpoint.pt")
    again = fit(tiny(), bank(), replace(recipe, steps=3), folder=tmp_path, progress=False)
    assert again.setting == other  # not timed again
    assert "speed" not in capsys.readouterr().out


def test_timing_changes_neither_the_model_nor_the_draws() -> None:
    timed, fixed = tiny(), tiny()
    run = fit(timed, bank(), Recipe(steps=3, batch=2, patch=6), progress=False)
    quiet(fixed, bank(), Recipe(steps=3, batch=2, patch=6), setting=run.setting)
    assert same_weights(timed, fixed)


def test_a_run_begun_on_another_kind_of_device_goes_on_here(tmp_path: Path) -> None:
    recipe = Recipe(steps=2, batch=2, patch=6)
    path = tmp_path / "checkpoint.pt"
    quiet(tiny(), bank(), recipe, folder=tmp_path)
    state = checkpoint.read(path)
    assert state["trained_on"] == [f"{settings.device_name(torch.device('cpu'))}; {PLAIN}"]
    # What a GPU would have left: its generator's state has 16 bytes, its setting is a CUDA graph.
    state["random"]["bank"] = torch.arange(16, dtype=torch.uint8)
    state |= {"device": "cuda", "setting": {"bf16": True, "compile": "graph"}, "trained_on": ["a GPU"]}
    for steps in (2, 4):  # finished there, and unfinished
        checkpoint.write(state, path)
        run = quiet(tiny(), bank(), replace(recipe, steps=steps), folder=tmp_path, setting=None)
        assert run.step == steps
        assert run.setting.compile == "no"
        assert run.trained_on[0] == "a GPU"
        assert len(run.trained_on) == steps // 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"recipe": Recipe(steps=4, batch=2, patch=6, lr=1e-3)},
            "another recipe .lr 0.0001 there, 0.001 here",
        ),
        ({"bank": bank(3)}, "other pictures or scales"),
        ({"model": EDSR(2, blocks=2, features=8)}, "another network"),
    ],
)
def test_another_runs_checkpoint_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    recipe = Recipe(steps=2, batch=2, patch=6)
    quiet(tiny(), bank(), recipe, folder=tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(CheckpointError, match=message):
        quiet(
            change.get("model", tiny()),
            change.get("bank", bank()),
            change.get("recipe", replace(recipe, steps=4)),
            folder=tmp_path,
        )
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", "cut"])
def test_a_damaged_checkpoint_is_one_clear_line(tmp_path: Path, content: Any) -> None:
    recipe = Recipe(steps=2, batch=2, patch=6)
    quiet(tiny(), bank(), recipe, folder=tmp_path)
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:2000] if content == "cut" else content)
    with pytest.raises(CheckpointError, match="delete it to start again") as caught:
        quiet(tiny(), bank(), recipe, folder=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    torch.save({"format": 1, "step": Evil()}, tmp_path / "checkpoint.pt")
    with pytest.raises(CheckpointError):
        checkpoint.read(tmp_path / "checkpoint.pt")
    assert not (tmp_path / "ran").exists()


def test_a_full_disk_keeps_the_last_checkpoint_and_the_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(steps=4, batch=2, patch=6)
    quiet(tiny(), bank(), replace(recipe, steps=2), folder=tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(UserWarning, match="no checkpoint at step 4.*No space left.*the previous one is kept"):
        run = quiet(tiny(), bank(), recipe, folder=tmp_path)
    assert run.step == 4
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert list(tmp_path.iterdir()) == [tmp_path / "checkpoint.pt"]  # nothing half-written


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(NotADirectoryError, match="this is a file"):
        quiet(tiny(), bank(), Recipe(steps=1), folder=tmp_path / "run")


# --- bad steps ---


class Spoiled(EDSR):
    """Returns NaN (or something huge) in the forward passes number ``when``."""

    def __init__(self, when: range, factor: float = math.nan) -> None:
        super().__init__(2, blocks=1, features=8)
        self.when, self.factor, self.count = when, factor, 0

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        self.count += self.training
        return y * self.factor if self.count - 1 in self.when else y


@pytest.mark.parametrize("factor", [math.nan, math.inf, 1e4])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_bad_step_is_skipped_and_said(factor: float, optimizer: Any) -> None:
    torch.manual_seed(0)
    net = Spoiled(range(25, 26), factor)
    kept = []
    recipe = Recipe(steps=30, batch=2, patch=6, optimizer=optimizer, lr=1e-4)
    with pytest.warns(UserWarning, match="1 step skipped"):
        run = quiet(
            net,
            bank(),
            recipe,
            lambda r: kept.append([p.detach().clone() for p in r.model.parameters()]),
            every=1,
        )
    assert run.skipped == 1
    changed = [
        any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
        for before, after in itertools.pairwise(kept)
    ]
    assert changed.index(False) == 24  # the 26th step left every weight as it was
    assert changed.count(False) == 1
    assert all(p.isfinite().all() for p in net.parameters())


def test_a_bad_step_leaves_batch_norms_statistics_alone() -> None:
    torch.manual_seed(0)
    net = SRResNet(2, blocks=1, features=8)
    net.head[0].bias.data.fill_(math.inf)  # type: ignore[operator]
    before = {k: v.clone() for k, v in net.named_buffers()}
    with pytest.warns(UserWarning, match="3 steps skipped"):
        quiet(net, bank(), Recipe(steps=3, batch=2, patch=6))
    for name, value in net.named_buffers():
        assert torch.equal(value, before[name]), name


@pytest.mark.filterwarnings("ignore:by step")
def test_a_training_that_stays_bad_stops_with_advice() -> None:
    net = Spoiled(range(10, 10_000))
    with pytest.raises(TrainingError, match=r"50 steps in a row were skipped at step 60.*try a lower lr"):
        quiet(net, bank(), Recipe(steps=500, batch=2, patch=6))


# --- around the loop ---


def test_validation_keeps_the_best_weights() -> None:
    values = iter([1.0, 3.0, 2.0])
    seen = []

    def validate(model: nn.Module) -> float:
        seen.append([p.detach().clone() for p in model.parameters()])
        return next(values)

    net = tiny()
    run = quiet(net, bank(), Recipe(steps=6, batch=2, patch=6, validate_every=2), validate=validate)
    assert run.psnrs == [(2, 1.0), (4, 3.0), (6, 2.0)]
    assert run.best == (4, 3.0)
    best = tiny()
    best.load_state_dict(run.best_weights)
    assert all(torch.equal(a, b) for a, b in zip(best.parameters(), seen[1], strict=True))


def test_validation_on_pictures_is_evaluates_psnr() -> None:
    from srlib.evaluation import evaluate

    torch.manual_seed(3)
    pictures = {"a": torch.rand(3, 24, 24), "b": torch.rand(3, 30, 18)}
    net = tiny()
    run = quiet(net, bank(), Recipe(steps=2, batch=2, patch=6), validate=pictures)
    assert run.psnrs == [(2, pytest.approx(evaluate(net, pictures, 2).psnr, abs=1e-6))]


def test_seconds_end_a_run_by_the_clock() -> None:
    run = quiet(tiny(), bank(), Recipe(steps=10**6, batch=2, patch=6, seconds=0.3, schedule="cosine"))
    assert 0.3 <= run.seconds < 2
    assert run.step < 10**5
    assert run.done == 1


def test_ctrl_c_ends_the_run_in_good_order(tmp_path: Path) -> None:
    def interrupt(run: Any) -> None:
        if run.step == 3:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    run = quiet(tiny(), bank(), Recipe(steps=50, batch=2, patch=6), interrupt, every=1, folder=tmp_path)
    assert run.stop
    assert checkpoint.read(tmp_path / "checkpoint.pt")["step"] == run.step < 10
    assert signal.getsignal(signal.SIGINT) is before


def test_callbacks_see_the_run_at_every_report() -> None:
    steps: list[int] = []
    quiet(tiny(), bank(), Recipe(steps=7, batch=2, patch=6), lambda run: steps.append(run.step), every=3)
    assert steps == [3, 6, 7]


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"steps": 1, "loss": "l3"},
        {"steps": 1, "optimizer": "lion"},
        {"steps": 1, "schedule": "step"},
        {"steps": 1, "clip": "value"},
        {"steps": 1, "lr": 0},
        {"steps": 1, "ema": 1.0},
        {"steps": 1, "exact": 1.5},
    ],
)
def test_a_recipe_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be"):
        Recipe(**wrong)


def test_the_fastest_setting_wins_and_one_that_fails_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    import time

    def trial(setting: Setting) -> Any:
        if setting.bf16:
            raise RuntimeError("no such kernel\nand more")
        return lambda: time.sleep(0.001 if setting.channels_last else 0.02)

    best, times = fastest(candidates(torch.device("cpu"), 100), trial, seconds=0.1)
    assert best == Setting(channels_last=True)
    assert set(times) == {Setting(), Setting(channels_last=True)}
    assert "speed: bf16, contiguous does not run here (no such kernel)" in capsys.readouterr().out


# --- several processes ---

SHARED = """
import sys
sys.path.insert(0, {tests!r})
from test_training import *
import torch.distributed as dist
torch.set_num_threads(1)
torch.manual_seed(0)
net = {model}
recipe = Recipe(steps=12, batch=4, patch=6, lr=1e-3, clip="norm", ema=0.5)
run = quiet(net, bank({scale}), recipe, folder=sys.argv[1])
rank = dist.get_rank() if dist.is_initialized() else 0
torch.save({{"net": net.state_dict(), "losses": run.losses}}, sys.argv[2] + str(rank))
if dist.is_initialized():
    dist.destroy_process_group()
"""


@pytest.mark.parametrize(
    ("model", "scale"),
    [("EDSR(2, blocks=1, features=8)", "2"), ("MDSR((2, 3), blocks=1, features=8)", "(2, 3)")],
    ids=["EDSR", "MDSR"],
)
@pytest.mark.slow
def test_two_processes_end_at_the_weights_of_one(tmp_path: Path, model: str, scale: str) -> None:
    script = tmp_path / "train.py"
    script.write_text(SHARED.format(tests=str(Path(__file__).parent), model=model, scale=scale))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    alone = [sys.executable, str(script), str(tmp_path / "alone"), str(tmp_path / "one")]
    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        str(script),
    ]
    for command in (alone, [*launch, str(tmp_path / "shared"), str(tmp_path / "two")]):
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
    one = torch.load(tmp_path / "one0", weights_only=True)
    two = [torch.load(tmp_path / f"two{rank}", weights_only=True) for rank in (0, 1)]
    for key, value in one["net"].items():
        assert torch.equal(two[0]["net"][key], two[1]["net"][key]), key  # both processes hold the same
        torch.testing.assert_close(two[0]["net"][key], value, rtol=1e-3, atol=1e-5)


@pytest.mark.alone
@pytest.mark.slow
def test_a_small_edsr_beats_bicubic_by_a_decibel_after_a_minute_on_dead_leaves() -> None:
    from srlib import recipes, zoo
    from srlib.evaluation import Bicubic, evaluate

    plan = recipes.plan("edsr-small", 3)
    pictures, _ = recipes.pictures("leaves:100")
    torch.manual_seed(0)
    net = zoo.build(plan.model, plan.arguments)
    fixed = FAST if torch.ops.mkldnn._is_mkldnn_bf16_supported() else Setting(channels_last=True)
    recipe = replace(plan.recipe, steps=10**6, seconds=60)
    run = fit(net, PatchBank(pictures, 3), recipe, setting=fixed, progress=False)
    gain = evaluate(net, "photos", 3).psnr - evaluate(Bicubic(3), "photos", 3).psnr
    assert gain >= 1.0, f"{gain:.2f} dB after {run.step} steps"


@pytest.mark.slow
def test_a_compiled_network_gives_the_same_losses() -> None:
    if shutil.which("c++") is None:
        pytest.skip("torch.compile needs a C++ compiler here")
    recipe = Recipe(steps=4, batch=2, patch=6, lr=1e-3)
    compiled, plain = tiny(), tiny()
    losses = [quiet(compiled, bank(), recipe, setting=Setting(compile="compile")).losses]
    losses.append(quiet(plain, bank(), recipe).losses)
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert compiled.state_dict().keys() == plain.state_dict().keys()
