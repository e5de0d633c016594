"""A training that can be watched."""

import re
import threading
import time
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from srlib.data import PatchBank, dead_leaves
from srlib.degrade import bicubic
from srlib.inference import upscale
from srlib.metrics import psnr
from srlib.models import ESPCN, SRResNet
from srlib.show import Html, Watch, training
from srlib.show.watch import _curve
from srlib.speed import Setting
from srlib.training import Recipe, fit

PLAIN = Setting(bf16=False, channels_last=False)


def trained(callbacks: list[Watch], steps: int = 60, net: torch.nn.Module | None = None) -> torch.nn.Module:
    torch.manual_seed(0)
    model = ESPCN(2, features=(8, 4)) if net is None else net
    for layer in model.modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.BatchNorm2d)):
            layer.reset_parameters()
    about: Any = model
    bank = PatchBank([dead_leaves(96, 0)], about.scale, channels=about.channels)
    fit(model, bank, Recipe(steps=steps, batch=2, patch=8), callbacks, setting=PLAIN, progress=False)
    return model


def watcher(**more: object) -> Watch:
    hr = dead_leaves(48, 1)
    return Watch(bicubic(hr, 2), hr, 2, every=0, **more)  # type: ignore[arg-type]


def test_every_look_is_measured_and_shown_and_the_last_is_the_result() -> None:
    pages: list[Html] = []
    watch = watcher(shown=lambda now: pages.append(now.html()))
    model = trained([watch])
    assert [step for step, _ in watch.psnrs] == [20, 40, 60]
    assert len(pages) == 3
    after = psnr(upscale(model, watch.lr, 2), watch.hr, crop=2)
    assert watch.psnrs[-1][1] == pytest.approx(after, abs=1e-4)
    assert f"{watch.psnrs[-1][1]:.2f} dB" in pages[-1].text
    assert watch.losses[-1][0] == 60


def test_watching_changes_nothing_of_the_training() -> None:
    alone, watched = (
        trained(callbacks, net=SRResNet(4, features=8, blocks=1))
        for callbacks in ([], [Watch(bicubic(dead_leaves(48, 1), 4), dead_leaves(48, 1), 4, every=0)])
    )
    a, b = (net.state_dict() for net in (alone, watched))  # batch norm's running means too
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_second_training_starts_a_drawing_of_its_own() -> None:
    pages: list[Html] = []
    watch = watcher(shown=lambda now: pages.append(now.html()))
    trained([watch])
    first = list(watch.psnrs)
    trained([watch])
    assert watch.psnrs == first  # the same training: the same looks, and none of the run before
    assert [step for step, _ in watch.shots] == [20, 40, 60]


def test_a_second_call_at_one_step_changes_nothing() -> None:
    pages: list[Html] = []
    watch = watcher(shown=lambda now: pages.append(now.html()))
    run: Any = SimpleNamespace(
        step=20, done=1.0, result=ESPCN(2), loss_curve=lambda count: [[10, 0.1], [20, 0.05]]
    )
    watch(run)
    watch(run)  # fit calls after a step and after a validation
    assert len(watch.psnrs) == len(watch.shots) == len(pages) == 1


@pytest.mark.parametrize(("losses", "most"), [((0.1, 0.045), 6), ((1.0, 1e-5), 6)])
def test_the_losses_axis_has_some_labels_and_not_too_many(losses: tuple[float, float], most: int) -> None:
    figure = _curve([(step, loss) for step, loss in enumerate(losses)], "loss", 1, log=True)
    figure.canvas.draw()
    axis = figure.axes[0].yaxis
    low, high = sorted(losses)
    seen = [
        label.get_text()
        for label, at in zip(axis.get_ticklabels(which="both"), axis.get_ticklocs(minor=False), strict=False)
        if label.get_text() and 0.5 * low < at < 2 * high
    ]
    assert 2 <= len(seen) <= most


def test_the_readers_random_numbers_go_on_as_if_no_training_had_been() -> None:
    one = training(("espcn",), seconds=3)
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    one.train("espcn", 0.5, Watch(one.lr, one.hr, 3, shown=lambda _: None))
    assert torch.equal(torch.rand(1), wanted)


def test_a_new_start_ends_the_training_whose_buttons_are_gone() -> None:
    before = {thread.ident for thread in threading.enumerate()}
    boxes = [training(("espcn",), seconds=60).widget() for _ in range(2)]
    starts = [box.children[0].children[2] for box in boxes]
    starts[0].click()
    time.sleep(0.3)
    starts[1].click()
    until = time.monotonic() + 40
    while starts[0].disabled and time.monotonic() < until:
        time.sleep(0.1)
    assert not starts[0].disabled
    assert starts[1].disabled
    boxes[1].children[0].children[3].click()
    while starts[1].disabled and time.monotonic() < until:
        time.sleep(0.1)
    until = time.monotonic() + 5
    while {thread.ident for thread in threading.enumerate()} - before and time.monotonic() < until:
        time.sleep(0.05)
    assert {thread.ident for thread in threading.enumerate()} <= before


def test_of_many_pictures_the_first_the_newest_and_some_between_stay() -> None:
    watch = watcher(shown=lambda _: None)
    trained([watch], steps=400)
    steps = [step for step, _ in watch.shots]
    assert (steps[0], steps[-1], len(steps)) == (20, 400, 5)
    assert max(b - a for a, b in pairwise(steps)) <= 200


def test_before_the_first_look_there_is_a_word_instead_of_a_drawing() -> None:
    assert "has not begun" in watcher()._repr_html_()


def test_the_widget_trains_in_the_background_and_stops_when_told() -> None:
    box = training(("espcn",), seconds=60).widget()
    (network, seconds, start, stop), shown = box.children[0].children, box.children[1]
    assert (network.value, seconds.value, stop.disabled) == ("espcn", 60, True)
    begun = time.monotonic()
    start.click()
    assert start.disabled
    while "step" not in shown.value and time.monotonic() - begun < 40:
        time.sleep(0.1)
    stop.click()
    while start.disabled and time.monotonic() - begun < 50:
        time.sleep(0.05)
    assert not start.disabled
    assert re.search(r"Training up to step \d+", shown.value)


def test_an_unknown_network_is_said_at_once() -> None:
    with pytest.raises(ValueError, match="no plan for 'espcm'"):
        training(("espcm",))
