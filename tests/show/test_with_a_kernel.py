"""Everything that is live, driven through its widgets in a real kernel."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
from kernel import Kernel, kernel
from PIL import Image

from srlib.show import explorers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def live() -> Iterator[Kernel]:
    with kernel() as running:
        running.run("from srlib.show import explorers, studio, training, Watch")
        yield running


@pytest.mark.parametrize("name", explorers.__all__)
def test_every_control_of_an_explorer_redraws_it(live: Kernel, name: str) -> None:
    live.state = {}
    live.run(f"explorers.{name}()")
    bundle = live.shown[-1]
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "Run the notebook" in bundle["text/html"]
    [drawing] = live.named("HTMLModel")
    controls = [
        *live.named("SelectionSliderModel"),
        *live.named("DropdownModel"),
        *live.named("CheckboxModel"),
    ]
    assert controls
    follows = 0
    for key in controls:
        before, state = live.state[drawing]["value"], live.state[key]
        if "index" in state:
            live.change(key, index=(state["index"] + 1) % len(state["_options_labels"]))
        else:
            live.change(key, value=not state["value"])
        after = live.state[drawing]["value"]
        assert 'role="alert"' not in after
        follows += after != before
    # a control may not matter for the others' present values (the cubic's a for another kernel)
    assert follows >= max(1, len(controls) - 1)


def test_a_picture_is_uploaded_upscaled_and_saved(live: Kernel, tmp_path: object) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (24, 36, 3), dtype=np.uint8)
    memory = io.BytesIO()
    Image.fromarray(levels).save(memory, "PNG")
    live.state = {}
    live.run('studio(("espcn",))')
    [upload] = live.named("FileUploadModel")
    about = {"name": "mine.png", "type": "image/png", "size": memory.tell(), "last_modified": 0}
    live.change(upload, value=[about], buffers=[memory.getvalue()])
    go, keep = live.named("ButtonModel")
    shown, said = live.named("HTMLModel")
    live.press(go)
    assert "36 x 24 pixels became 108 x 72" in live.state[shown]["value"]
    [where] = live.named("TextModel")
    live.change(where, value=f"{tmp_path}/large.png")
    live.press(keep)
    assert "saved as" in live.state[said]["value"]
    with Image.open(f"{tmp_path}/large.png") as image:
        assert image.size == (108, 72)


def test_a_training_starts_draws_and_stops(live: Kernel) -> None:
    live.state = {}
    live.run('training(("espcn",), seconds=60)')
    start, stop = live.named("ButtonModel")
    [shown] = live.named("HTMLModel")
    live.press(start)
    for _ in range(300):
        live.wait(0.2)
        if "Training up to step" in live.state[shown]["value"]:
            break
    assert "Training up to step" in live.state[shown]["value"]
    live.press(stop)
    for _ in range(100):
        live.wait(0.1)
        if not live.state[start]["disabled"]:
            break
    assert live.state[start]["disabled"] is False
    assert live.state[stop]["disabled"] is True


def test_a_watched_training_redraws_one_output(live: Kernel) -> None:
    live.run(
        """
import torch
from srlib.data import PatchBank, dead_leaves
from srlib.degrade import bicubic
from srlib.models import ESPCN
from srlib.speed import Setting
from srlib.training import Recipe, fit

torch.manual_seed(0)
hr = dead_leaves(48, 1)
watch = Watch(bicubic(hr, 2), hr, 2, every=0)
bank = PatchBank([dead_leaves(96, 0)], 2, channels=1)
setting = Setting(bf16=False, channels_last=False)
_ = fit(ESPCN(2, features=(8, 4)), bank, Recipe(steps=60, batch=2, patch=8), [watch], setting=setting)
"""
    )
    kinds = [one["kind"] for one in live.shown]
    assert kinds == ["display_data", "update_display_data", "update_display_data"]
    assert "Training up to step 60" in live.shown[-1]["text/html"]
