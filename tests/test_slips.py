"""The slips against the measured table, the published calibration rows, and other libraries."""

import math
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from published import RGB_PATH, Y_PATH
from skimage.metrics import structural_similarity
from torch import Tensor

from srlib import data
from srlib.images import crop_to_multiple, luma, shave, to_uint8
from srlib.slips import PROTOCOL, Slips, compared, score, super_resolved

# What each slip costs on Set5 (dB, x2 / x3 / x4), measured apart from this code with OpenCV, Pillow and
# published scripts. Two of its rows combine two slips: area down-sampling was measured with the same
# library's cubic (a = -0.75) on the way up, and the wrong luma weight as public code has it, unrounded.
TABLE: list[tuple[str, dict[str, Any], tuple[float, float, float]]] = [
    ("no anti-aliasing, both ways", {"down": "opencv", "up": "opencv"}, (0.77, -0.76, -0.73)),
    ("RGB", {"channel": "rgb"}, (-1.85, -1.76, -1.72)),
    ("full range", {"channel": "full"}, (-1.30, -1.31, -1.31)),
    ("pooled", {"pooled": True}, (-1.64, -1.73, -1.74)),
    ("MATLAB down, OpenCV up", {"up": "opencv"}, (0.30, 0.23, 0.20)),
    ("area down, OpenCV up", {"down": "area", "up": "opencv"}, (0.49, 0.25, 0.21)),
    ("64.738, unrounded", {"channel": "typo", "round_y": False}, (0.07, 0.06, 0.05)),
    ("y-float", {"round_y": False}, (0.03, 0.02, 0.01)),
    ("Pillow both ways", {"down": "pillow", "up": "pillow"}, (0.0, 0.0, 0.0)),
]


@pytest.fixture(scope="module")
def sets() -> dict[str, dict[str, Tensor]]:
    return {}


def pictures_of(name: str, sets: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    if name not in sets:
        sets[name] = data.load_folder(data.fetch(name))
    return sets[name]


def smooth(channels: int = 3, size: int = 48) -> Tensor:
    noise = torch.rand(1, channels, 8, 8, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(noise, size=(size, size), mode="bicubic")[0].clamp(0, 1)


@pytest.mark.parametrize(("slip", "changes"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_each_slip_costs_what_the_table_says(
    slip: dict[str, Any], changes: tuple[float, ...], data_root: Any, sets: dict[str, dict[str, Tensor]]
) -> None:
    pictures = pictures_of("set5", sets)
    for scale, change in zip((2, 3, 4), changes, strict=True):
        moved = score(pictures, scale, Slips(**slip)).psnr - score(pictures, scale).psnr
        assert moved == pytest.approx(change, abs=0.02)


def test_both_paths_of_the_papers_meet_the_calibration_rows(
    data_root: Any, sets: dict[str, dict[str, Tensor]]
) -> None:
    pictures = pictures_of("set5", sets)
    for scale, (psnr, ssim) in Y_PATH["Set5"].items():
        found = score(pictures, scale, Slips(path="y"))
        assert (found.psnr, found.ssim) == (pytest.approx(psnr, abs=0.006), pytest.approx(ssim, abs=3e-4))
        low, high = RGB_PATH[scale]
        assert low - 0.005 <= score(pictures, scale).psnr <= high + 0.005


def test_set14s_gray_picture_and_border_cost_what_the_table_says(
    data_root: Any, sets: dict[str, dict[str, Tensor]]
) -> None:
    pictures = pictures_of("set14", sets)
    protocol = score(pictures, 3).psnr
    assert score(pictures, 3, Slips(gray_as_rgb=True)).psnr - protocol == pytest.approx(0.094, abs=0.002)
    assert score(pictures, 3, Slips(crop=False)).psnr - protocol == pytest.approx(-0.2, abs=0.02)


@pytest.mark.parametrize(
    ("slip", "printed"),
    [
        ({}, (0.9292, 0.8678, 0.8101)),
        ({"window": "uniform"}, (0.9359, 0.8795, 0.8221)),
        ({"channel": "rgb"}, (0.9086, 0.8383, 0.7731)),
        ({"channel": "rgb", "window": "volume"}, (0.9654, 0.9363, 0.9085)),
    ],
)
def test_ssim_by_four_recipes_is_what_the_list_says(
    slip: dict[str, Any],
    printed: tuple[float, ...],
    data_root: Any,
    sets: dict[str, dict[str, Tensor]],
) -> None:
    for scale, value in zip((2, 3, 4), printed, strict=True):
        assert score(pictures_of("set5", sets), scale, Slips(**slip)).ssim == pytest.approx(value, abs=5e-4)


def test_the_uniform_window_is_scikit_images_default() -> None:
    picture = to_uint8(smooth())
    a, b = (
        shave(luma(x), 3)[0].numpy() for x in (super_resolved(picture, 3, PROTOCOL), picture)
    )  # the protocol's rounded luma, by srlib.images
    theirs = structural_similarity(a, b)
    assert score({"p": picture}, 3, Slips(window="uniform")).ssim == pytest.approx(theirs, abs=1e-9)


def test_opencvs_ways_are_opencvs() -> None:
    photo = to_uint8(crop_to_multiple(data.photos("chelsea")["chelsea"], 6)[:, :180, :240])
    for scale in (2, 3):
        small = (240 // scale, 180 // scale)
        for down, flag in (("opencv", cv2.INTER_CUBIC), ("area", cv2.INTER_AREA)):
            levels = photo.movedim(0, -1).contiguous().numpy()
            theirs = cv2.resize(cv2.resize(levels, small, interpolation=flag), (240, 180), interpolation=2)
            ours = super_resolved(photo, scale, Slips(down=down, up="opencv"))  # type: ignore[arg-type]
            # fixed-point arithmetic on their side: a level here and there, enlarged by the overshoot
            apart = np.abs(ours.movedim(0, -1).numpy().astype(int) - theirs.astype(int))
            assert apart.max() <= 2
            assert (apart > 0).mean() < 0.05


def test_full_range_luma_is_opencvs() -> None:
    picture = to_uint8(smooth())
    theirs = cv2.cvtColor(picture.movedim(0, -1).contiguous().numpy(), cv2.COLOR_RGB2YCrCb)[..., 0]
    ours = (compared(picture, Slips(channel="full"))[0] * 255).round().numpy()
    assert np.abs(ours - theirs.astype(float)).max() <= 1
    assert (ours != theirs).mean() < 0.01


def test_unrounded_results_are_compared_unrounded() -> None:
    picture = smooth(1)
    row = score({"p": picture}, 2, Slips(round_sr=False)).rows[0]
    levels = to_uint8(picture)
    sr = super_resolved(levels, 2, Slips(round_sr=False))
    error = shave(sr[0] * 255 - levels[0].double(), 2).square().mean().item()
    assert sr.dtype == torch.float64
    assert row.psnr == pytest.approx(10 * math.log10(255**2 / error), abs=1e-9)


def test_pooling_takes_the_mean_error_of_all_pictures() -> None:
    pictures = {"a": smooth(), "b": smooth(size=96)}
    errors = [255**2 / 10 ** (row.psnr / 10) for row in score(pictures, 2).rows]
    expected = 10 * math.log10(255**2 / (sum(errors) / 2))
    assert score(pictures, 2, Slips(pooled=True)).psnr == pytest.approx(expected, abs=1e-9)


def test_a_flat_picture_is_perfect_by_every_count() -> None:
    flat = {"flat": torch.full((3, 32, 32), 0.5)}
    for pooled in (False, True):
        assert score(flat, 2, Slips(pooled=pooled)).psnr == math.inf


@pytest.mark.parametrize(
    ("slip", "says"),
    [
        ({"down": "bilinear"}, "down must be one of 'matlab', 'opencv', 'area', 'pillow', not 'bilinear'"),
        ({"pooled": "yes"}, "pooled must be one of False, True"),
        ({"path": "y", "channel": "rgb"}, "take path='rgb'"),
        ({"path": "y", "up": "pillow"}, "Pillow enlarges 8-bit pictures"),
        ({"up": "pillow", "round_sr": False}, "Pillow rounds what it enlarges; take another way up"),
    ],
)
def test_a_wrong_slip_is_named(slip: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Slips(**slip)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
@pytest.mark.parametrize(
    "slip", [{}, {"down": "pillow", "up": "pillow"}, {"channel": "rgb", "window": "volume"}, {"path": "y"}]
)
def test_pictures_on_a_gpu_score_as_on_the_cpu(slip: dict[str, Any]) -> None:
    there, here = ({"p": smooth().to(device)} for device in ("cuda", "cpu"))
    assert score(there, 3, Slips(**slip)) == score(here, 3, Slips(**slip))


def test_nothing_to_measure_is_said() -> None:
    with pytest.raises(ValueError, match="no picture to measure on"):
        score({}, 2)
