"""Your own picture in the notebook."""

import base64
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from srlib import data, zoo
from srlib.degrade import bicubic
from srlib.images import crop_to_multiple, from_uint8, load, to_uint8
from srlib.inference import upscale
from srlib.metrics import psnr
from srlib.show import studio
from srlib.show.studio import enlarged


def test_the_page_shows_the_networks_own_result_with_its_psnr() -> None:
    page = studio(("espcn",), photo="chelsea", scale=3).still().text
    hr = crop_to_multiple(data.photos("chelsea")["chelsea"], 3)
    sr = upscale(zoo.load("espcn", scale=3), bicubic(hr, 3), 3)
    assert f"espcn {psnr(from_uint8(to_uint8(sr)), hr, crop=3):.2f} dB" in page
    assert "srlib-compare" in page
    assert "Run the notebook" in page


def test_tiles_change_nothing() -> None:
    lr = torch.rand(3, 50, 40, generator=torch.Generator().manual_seed(0))
    assert (enlarged(lr, "espcn", 3, tile=24) - enlarged(lr, "espcn", 3)).abs().max() < 1e-5


def controls(made: Any) -> dict[str, Any]:
    widget = made.widget()
    choices, shown, below = widget.children
    names = ("photo", "upload", "network", "scale", "tile", "shrink", "go")
    return {
        **dict(zip(names, choices.children, strict=True)),
        "shown": shown,
        **dict(zip(("where", "keep", "said"), below.children, strict=True)),
    }


def upload(raw: bytes) -> tuple[dict[str, Any], ...]:
    import datetime as dt

    stamp = dt.datetime.now(dt.UTC)
    return (
        {"name": "mine.png", "type": "image/png", "size": len(raw), "last_modified": stamp, "content": raw},
    )


def png(x: np.ndarray) -> bytes:
    memory = io.BytesIO()
    Image.fromarray(x).save(memory, "PNG")
    return memory.getvalue()


def test_an_uploaded_picture_is_enlarged_compared_saved_and_offered(tmp_path: Path) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    it = controls(studio(("espcn",)))
    it["upload"].value = upload(png(levels))
    assert it["shrink"].value is False
    it["go"].click()
    assert "40 x 30 pixels became 120 x 90" in it["shown"].value
    target = tmp_path / "large.png"
    it["where"].value = str(target)
    it["keep"].click()
    assert "saved as" in it["said"].value
    wanted = to_uint8(enlarged(torch.from_numpy(levels).movedim(-1, 0) / 255, "espcn", 3))
    assert torch.equal(to_uint8(load(target)), wanted)
    offered = re.search(
        r'download="upscaled.png"[^>]* href="data:image/png;base64,([^"]+)"', it["shown"].value
    )
    assert offered
    assert torch.equal(to_uint8(load(base64.b64decode(offered[1]))), wanted)
    it["keep"].click()
    assert "there is such a file already" in it["said"].value


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"this is not a picture", "not a picture that can be read"),
        (png(np.zeros((4, 4, 3), np.uint8)), "only 4 x 4 pixels"),
        (png(np.zeros((2001, 2000, 3), np.uint8)), "srlib upscale"),
    ],
)
def test_what_cannot_be_upscaled_is_one_line_and_nothing_is_saved(raw: bytes, said: str) -> None:
    it = controls(studio(("espcn",)))
    it["upload"].value = upload(raw)
    it["go"].click()
    assert said in it["shown"].value
    assert 'role="alert"' in it["shown"].value
    assert it["keep"].disabled
    assert not it["go"].disabled


def test_the_photograph_chosen_after_an_upload_counts() -> None:
    it = controls(studio(("espcn",)))
    it["upload"].value = upload(png(np.zeros((30, 40, 3), np.uint8)))
    it["photo"].value = "coffee"
    it["go"].click()
    assert "200 x 133 pixels became 600 x 399" in it["shown"].value
    assert it["shrink"].value is True


def test_two_studios_on_a_page_save_each_its_own_picture(tmp_path: Path) -> None:
    one = studio(("espcn",))
    first, second = controls(one), controls(one)  # the same studio shown twice
    for it, size in ((first, 20), (second, 30)):
        it["upload"].value = upload(png(np.zeros((size, size, 3), np.uint8)))
        it["go"].click()
    first["where"].value = str(tmp_path / "first.png")
    first["keep"].click()
    assert load(tmp_path / "first.png").shape == (3, 60, 60)


@pytest.mark.parametrize(
    ("networks", "photo", "said"),
    [((), "chelsea", "at least one network"), (("espcn",), "nope", "there is no photograph 'nope'")],
)
def test_a_studio_without_network_or_photograph_is_said(
    networks: tuple[str, ...], photo: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        studio(networks, photo=photo)


def test_a_scale_that_the_network_does_not_have_is_said() -> None:
    it = controls(studio(("espcn", "edsr-small")))
    it["network"].value = "edsr-small"
    it["scale"].value = 4
    it["go"].click()
    assert "edsr-small was trained for x3, not for x4" in it["shown"].value
    with pytest.raises(ValueError, match="not x7"):
        studio(("espcn",), scale=7)
    with pytest.raises(ValueError, match="the zoo has no espcm"):
        studio(("espcm",))
