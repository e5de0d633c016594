"""evaluate against the calibration rows, and against the metrics applied by hand."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from published import RGB_PATH, Y_PATH

from srlib.evaluation import Bicubic, evaluate
from srlib.images import from_uint8, luma, to_uint8
from srlib.metrics import psnr, ssim
from srlib.models import EDSR
from srlib.resize import imresize


def photos(count: int = 2) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    smooth = imresize(torch.rand(count, 3, 10, 12, generator=generator), 4).clamp(0, 1)
    return {f"p{i}": picture for i, picture in enumerate(smooth)}


@pytest.mark.parametrize(
    ("name", "scale"), [("Set5", 2), ("Set5", 3), ("Set5", 4), ("Set14", 3), ("BSD100", 4)]
)
def test_bicubic_on_the_y_path_is_the_published_row(name: str, scale: int, data_root: Path) -> None:
    report = evaluate(Bicubic(), name.replace("BSD", "b"), scale)
    assert report.psnr == pytest.approx(Y_PATH[name][scale][0], abs=0.01)
    assert report.ssim == pytest.approx(Y_PATH[name][scale][1], abs=0.0003)


@pytest.mark.parametrize("scale", RGB_PATH)
def test_bicubic_on_the_rgb_path_lies_in_the_published_range(scale: int, data_root: Path) -> None:
    low, high = RGB_PATH[scale]
    assert low - 0.005 <= evaluate(Bicubic(channels=3), "set5", scale).psnr <= high + 0.005


def test_rows_are_the_metrics_on_rounded_pictures_and_the_mean_is_theirs() -> None:
    pictures = photos()
    report = evaluate(Bicubic(channels=3), pictures, 2)
    values = []
    for row, hr in zip(report.rows, pictures.values(), strict=True):
        levels = to_uint8(hr)
        sr = to_uint8(imresize(from_uint8(imresize(levels, 0.5)), 2))
        pair = luma(sr), luma(levels)
        assert row.psnr == pytest.approx(float(psnr(*pair, crop=2)), abs=1e-9)
        assert row.ssim == pytest.approx(float(ssim(*pair, crop=2)), abs=1e-9)
        values.append(row.psnr)
    assert report.psnr == pytest.approx(sum(values) / len(values))


def test_channel_and_border_are_what_was_asked_and_are_written_down() -> None:
    pictures = photos(1)
    report = evaluate(Bicubic(channels=3), pictures, 2, channel="rgb", border=8)
    levels = to_uint8(pictures["p0"])
    sr = to_uint8(imresize(from_uint8(imresize(levels, 0.5)), 2))
    assert report.psnr == pytest.approx(float(psnr(sr, levels, crop=8, channel="rgb")), abs=1e-9)
    assert report.protocol["channel"] == "rgb"
    assert report.protocol["border"] == 8
    assert "8-bit RGB file" in report.protocol["path"]
    assert evaluate(Bicubic(), pictures, 2).protocol["path"].startswith("LR: bicubic of the 8-bit luma")


def test_a_network_and_a_gray_picture_are_evaluated() -> None:
    pictures = {"gray": photos(1)["p0"][:1], "odd": photos(1)["p0"][:, :39, :41]}
    report = evaluate(EDSR(2, blocks=1, features=4), pictures, 2)
    assert [row.name for row in report.rows] == ["gray", "odd"]
    assert all(0 < row.psnr < 60 for row in report.rows)


def test_the_report_reads_as_a_table_and_writes_json(tmp_path: Path) -> None:
    flat = {"flat": torch.full((3, 32, 32), 0.5)}
    report = evaluate(Bicubic(), flat | photos(1), 2)
    assert report.rows[0].psnr == math.inf
    lines = str(report).splitlines()
    assert lines[0] == "pictures x2"
    assert lines[1].split() == ["flat", "inf", "1.0000"]
    assert lines[3].startswith("mean")
    record = json.loads(report.write(tmp_path / "r.json").read_text())
    assert record["rows"][0] == {"name": "flat", "psnr": None, "ssim": pytest.approx(1.0)}
    assert record["protocol"]["border"] == 2
    assert [file.name for file in tmp_path.iterdir()] == ["r.json"]


def test_a_folder_and_the_photographs_in_the_box_are_sets_too(tmp_path: Path) -> None:
    Image.new("RGB", (40, 32), "gray").save(tmp_path / "a.png")
    assert [row.name for row in evaluate(Bicubic(), tmp_path, 4).rows] == ["a"]
    assert evaluate(Bicubic(), str(tmp_path), 4).dataset == tmp_path.name


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        ({"dataset": {}}, ValueError, "no picture"),
        ({"dataset": "no/such/folder"}, FileNotFoundError, "no such folder"),
        ({"path": "luma"}, ValueError, "'y' or 'rgb'"),
        ({"path": "y"}, ValueError, "luma models"),
        ({"model": Bicubic(), "channel": "rgb"}, ValueError, "luma models"),
        ({"model": EDSR(3, blocks=1, features=4)}, ValueError, "enlarges by x3, not x2"),
    ],
)
def test_a_wrong_call_is_named(call: dict[str, Any], error: type[Exception], says: str) -> None:
    settings: dict[str, Any] = {"model": Bicubic(channels=3), "dataset": photos(1), "scale": 2} | call
    with pytest.raises(error, match=says):
        evaluate(**settings)
