"""The opinion-score lab: what the call promises. For the browser's part see tests/book."""

import base64
import io
import json
import re
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from srlib import data
from srlib.degrade import bicubic
from srlib.resize import imresize
from srlib.show.opinion import opinion

METHODS = ("nearest", "linear", "cubic", "lanczos3")


def versions(size: int, names: tuple[str, ...] = ("chelsea", "coffee")) -> dict[str, dict[str, Tensor]]:
    made = {}
    for name, photo in data.photos(names).items():
        hr = photo[:, 60 : 60 + size, 150 : 150 + size]
        lr = bicubic(hr, 4)
        made[name] = {"HR": hr, **{m: imresize(lr, 4, kernel=m).clamp(0, 1) for m in METHODS}}
    return made


def packed(page: str) -> dict[str, Any]:
    found = re.findall(r'data-lab="([^"]+)"', page)
    value: dict[str, Any] = json.loads(bytes(byte ^ 90 for byte in base64.b64decode(found[0])))
    return value


def luma(levels: np.ndarray) -> np.ndarray:
    """BT.601 studio luma of 8-bit (H, W, 3), unrounded."""
    y: np.ndarray = 16 + levels.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255
    return y


def test_each_picture_is_there_with_the_psnr_of_its_eight_bits() -> None:
    made = versions(48)
    page = opinion(made).text
    found = re.findall(r'src="data:image/\w+;base64,([^"]+)"', page)
    shown = [np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("RGB")) for one in found]
    wanted = [x for group in made.values() for x in group.values()]
    for levels, x in zip(shown, wanted, strict=True):
        assert np.abs(levels - 255 * x.permute(1, 2, 0).numpy()).max() < 0.501
    rows = packed(page)["pictures"]
    for i, row in enumerate(rows):
        if i % 5 == 0:
            assert row["same"]
            assert row["values"][0] is None  # infinite
        else:
            original = luma(shown[i - i % 5])
            expected = peak_signal_noise_ratio(original, luma(shown[i]), data_range=255)
            assert row["values"][0] == pytest.approx(expected, abs=1e-6)
            assert not row["same"]


@pytest.mark.parametrize(("size", "there"), [(172, False), (176, True)])
def test_ms_ssim_is_among_the_metrics_from_176_pixels_on(size: int, there: bool) -> None:
    lab = packed(opinion(versions(size, ("coffee",))).text)
    assert ("MS-SSIM" in [metric["name"] for metric in lab["metrics"]]) == there
    assert [metric["name"] for metric in lab["metrics"] if metric["sign"] < 0] == ["GMSD"]


def test_no_method_can_be_read_in_the_source() -> None:
    about = {"cubic": "cubic is lanczos-free"}
    page = opinion(versions(48), published={"Set5": {"nearest": 1.28}}, about=about).text
    page = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.S)  # they are the same for every lab
    assert not [name for name in (*METHODS, "chelsea", "coffee", "Set5") if name in page]


def test_names_cannot_become_markup() -> None:
    x = torch.rand(3, 16, 16)
    page = opinion({"<b>'\"": {"HR": x, "<script>alert(1)</script>": 1 - x}}).text
    assert page.count("<script>") == 1
    assert "<b>" not in page


def test_four_photographs_in_five_versions_stay_below_one_and_a_half_megabytes() -> None:
    names = ("astronaut", "chelsea", "coffee", "motorcycle")
    assert len(opinion(versions(128, names))) < 1.5e6


def test_two_calls_with_the_same_pictures_are_the_same_lab_and_others_are_not() -> None:
    def key(page: str) -> str:
        return re.findall(r'data-key="(\w+)"', page)[0]

    x = torch.rand(3, 16, 16)
    one = opinion({"a": {"HR": x, "flat": x * 0.5}}).text
    assert key(one) == key(opinion({"a": {"HR": x, "flat": x * 0.5}}).text)
    assert key(one) != key(opinion({"a": {"HR": x, "flat": x * 0.6}}).text)


X = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("made", "options", "message"),
    [
        ({}, {}, "at least one photo"),
        ({"a": {"HR": X}}, {}, "at least one more version"),
        ({"a": {"x": X, "y": X}}, {}, r"a has no version 'HR'; add it"),
        (
            {"a": {"HR": X, "x": X}, "b": {"HR": X, "y": X}},
            {},
            "every photo needs the same methods; b differs in x, y",
        ),
        ({"a": {"HR": X, "x": X[:, :12]}}, {}, "of one size"),
        ({"a": {"HR": X, "x": X * torch.nan}}, {}, "a, x holds NaN or infinite values"),
        ({"a": {"HR": X / 0, "x": X}}, {}, "a, HR holds NaN or infinite values"),
        ({"a": {"HR": X, "x": X}}, {"about": {"y": "No."}}, "about speaks of y, which is no method here"),
        ({"a": {"HR": X, "x": X}}, {"enlarge": 0}, "enlarge"),
        ({"a": {"HR": X, "x": X}}, {"enlarge": 1.5}, "enlarge"),
        ({"a": {"HR": X, "x": X}}, {"published": {"Set5": {"x": 28.4}}}, "from 1 to 5; Set5 has x 28.4"),
    ],
)
def test_what_makes_no_test_is_said_in_one_line(made: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        opinion(made, **options)
    assert "\n" not in str(raised.value)
