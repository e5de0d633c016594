"""A training that can be watched."""

import re
import threading
import time
from itertools import pairwise

import pytest
import torch

from srlib.data import PatchBank, dead_leaves
from srlib.degrade import bicubic
from srlib.inference import upscale
from srlib.metrics import psnr
from srlib.models import ESPCN
from srlib.show import Html, Watch, training
from srlib.speed import Setting
from srlib.training import Recipe, Run, fit

PLAIN = Setting(bf16=False, channels_last=False)


def trained(watch: Watch, steps: int = 60) -> tuple[ESPCN, Run]:
    torch.manual_seed(0)
    model = ESPCN(2, features=(8, 4))
    bank = PatchBank([dead_leaves(96, 0)], 2, channels=1)
    return model, fit(
        model, bank, Recipe(steps=steps, batch=2, patch=8), [watch], setting=PLAIN, progress=False
    )


def watcher(**more: object) -> Watch:
    hr = dead_leaves(48, 1)
    return Watch(bicubic(hr, 2), hr, 2, every=0, **more)  # type: ignore[arg-type]


def test_every_look_is_measured_and_shown_and_the_last_is_the_result() -> None:
    pages: list[Html] = []
    watch = watcher(shown=lambda now: pages.append(now.html()))
    model, run = trained(watch)
    assert [step for step, _ in watch.psnrs] == [20, 40, 60]
    assert len(pages) == 3
    after = psnr(upscale(model, watch.lr, 2), watch.hr, crop=2)
    assert watch.psnrs[-1][1] == pytest.approx(after, abs=1e-4)
    assert f"{watch.psnrs[-1][1]:.2f} dB" in pages[-1].text
    assert watch.losses[-1][0] == run.step


def test_watching_changes_nothing_of_the_training() -> None:
    alone = trained(watcher(shown=lambda _: None))[0]
    watched = watcher(shown=lambda _: None)
    watched.every = 1e9  # looks once
    assert all(
        torch.equal(a, b) for a, b in zip(alone.parameters(), trained(watched)[0].parameters(), strict=True)
    )


def test_of_many_pictures_the_first_the_newest_and_some_between_stay() -> None:
    watch = watcher(shown=lambda _: None)
    trained(watch, steps=400)
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
    assert threading.active_count() < 50


def test_an_unknown_network_is_said_at_once() -> None:
    with pytest.raises(ValueError, match="no plan for 'espcm'"):
        training(("espcm",))
