"""The table that grows: its rows are what its methods give."""

import json
import re
from pathlib import Path

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from srlib import comparison, show, zoo
from srlib.degrade import bicubic
from srlib.images import luma, to_uint8
from srlib.models import Interpolation
from srlib.resize import imresize

ROWS = comparison.recorded(2) + comparison.recorded(3) + comparison.recorded(4)


def test_the_pictures_are_the_middles_and_divide_by_every_scale() -> None:
    found = comparison.pictures()
    assert len(found) == 8
    assert all(x.shape == (3, 240, 240) for x in found.values())


def test_every_method_is_recorded_for_every_scale_that_it_has() -> None:
    there = {(row.method, row.scale) for row in ROWS}
    wanted = set()
    for name, how in comparison.METHODS.items():
        have = {2, 3, 4}
        if how.network:
            have = {scale for card in zoo.cards() if card.name == how.network for scale in card.scales}
        wanted |= {(name, scale) for scale in have}
    assert there == wanted
    assert len(ROWS) == len(there)


@pytest.mark.parametrize("method", ["nearest", "bicubic", "bicubic, back-projected", "FSRCNN", "ESPCN"])
def test_a_recorded_row_is_what_is_measured_now(method: str) -> None:
    [row] = [one for one in comparison.recorded(3) if one.method == method]
    now = comparison.measure(method, 3)
    assert now.psnr == pytest.approx(row.psnr, abs=0.005)
    assert now.ssim == pytest.approx(row.ssim, abs=2e-4)
    assert (now.parameters, now.multiply_adds) == (row.parameters, row.multiply_adds)


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} x{row.scale}")
def test_every_recorded_row_is_what_is_measured_now(row: comparison.Entry) -> None:
    assert comparison.measure(row.method, row.scale).psnr == pytest.approx(row.psnr, abs=0.02)


def test_a_row_is_the_mean_of_what_another_library_measures() -> None:
    values = []
    for x in comparison.pictures().values():
        hr = luma(to_uint8(x)).double() / 255
        sr = to_uint8(imresize(bicubic(hr, 3), 3, kernel="linear").clamp(0, 1))
        a, b = (y[0, 3:-3, 3:-3].numpy() for y in (to_uint8(hr), sr))
        values.append(peak_signal_noise_ratio(a, b, data_range=255))
    assert comparison.measure("linear", 3).psnr == pytest.approx(sum(values) / len(values), abs=5e-4)


def test_the_table_has_the_chapters_rows_and_marks_what_was_measured_now() -> None:
    page = show.table(2, {"linear": Interpolation(3, "linear")}).text
    assert "linear *" in page
    assert "nearest *" not in page
    assert "SRCNN" not in page
    assert "SRCNN" in show.table(4).text


def test_what_one_came_for_stands_right_after_the_methods_name() -> None:
    # a phone shows the first columns; the others are reached by scrolling
    page = show.table(4).text
    heads = re.findall(r"<th scope='col'>(.*?)</th>", page)
    assert heads == ["method", "PSNR, dB", "SSIM", "parameters", "multiply-adds, billions", "chapter"]
    row = next(one for one in ROWS if (one.method, one.scale) == ("SRCNN 9-1-5", 3))
    cells = page.split("SRCNN 9-1-5</th>")[1].split("</tr>")[0]
    assert re.findall(r">([\d,.]+)</td>", cells) == [
        f"{row.psnr:.2f}", f"{row.ssim:.4f}", f"{row.parameters:,}", "7.4", "4",
    ]  # fmt: skip


def test_a_row_that_no_longer_holds_stops_the_book() -> None:
    with pytest.raises(ValueError, match=r"linear gives 3\d\.\d\d dB now and .* in the record"):
        show.table(2, {"linear": Interpolation(3, "nearest")})
    with pytest.raises(ValueError, match="the table has no method 'cubist'"):
        show.table(2, {"cubist": Interpolation(3)})


def test_recording_writes_all_rows_and_how_they_were_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {name: comparison.METHODS[name] for name in ("nearest", "FSRCNN-s")}
    monkeypatch.setattr(comparison, "METHODS", few)
    monkeypatch.setattr(comparison, "pictures", lambda: {"gray": torch.rand(3, 48, 48)})
    comparison.record(tmp_path / "rows.json")
    record = json.loads((tmp_path / "rows.json").read_text())
    assert record["command"] == "srlib comparison"
    assert [(row["method"], row["scale"]) for row in record["rows"]] == [
        ("nearest", 2),
        ("nearest", 3),
        ("nearest", 4),
        ("FSRCNN-s", 3),
    ]
