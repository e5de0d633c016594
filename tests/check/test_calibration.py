"""Bicubic against papers and MATLAB: the record is what is measured, and a chapter can do without Set5."""

import json
from pathlib import Path

import pytest
import torch

from srlib import data
from srlib.check import calibration
from srlib.images import save, to_uint8
from srlib.published import published
from srlib.resize import imresize


@pytest.fixture
def without_set5(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SRLIB_DATA", raising=False)
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path))


@pytest.mark.usefixtures("without_set5")
def test_without_set5_the_record_is_shown() -> None:
    found = calibration.calibration()
    assert not found.live
    for scale, psnr in zip(calibration.SCALES, found.psnr["y"], strict=True):
        assert psnr == pytest.approx(published("bicubic", "set5", scale), abs=0.01)


@pytest.mark.usefixtures("without_set5")
def test_every_way_of_resampling_but_the_protocol_is_recorded() -> None:
    assert list(calibration.calibration().slips) == [k for k, how in calibration.RESAMPLING.items() if how]


def test_where_set5_is_at_hand_it_is_measured_and_is_the_record(data_root: Path) -> None:
    found = calibration.measured()
    assert found is not None
    assert found.live
    record = json.loads(calibration.RECORD.read_text(encoding="utf-8"))
    for ours, recorded in ((found.psnr, record["psnr"]), (found.slips, record["slips"])):
        assert ours.keys() == recorded.keys()
        for name, values in ours.items():
            assert values == pytest.approx(recorded[name], abs=0.002)


def test_matlabs_numbers_are_those_of_the_goldens() -> None:
    numbers, half = calibration.matlab_half()
    goldens = json.loads((Path(__file__).parents[1] / "goldens" / "imresize.json").read_text())
    assert half.tolist() == goldens["down_down_x2_aa"]
    assert torch.allclose(imresize(numbers, 0.5), half, rtol=0, atol=1e-12)


def test_matlabs_files_differ_nowhere(matlab: Path, data_root: Path) -> None:
    pictures = data.load_folder(data_root / "benchmarks" / "Set5")
    found = calibration.compare_with_files(matlab / "Set5_LR", pictures)
    assert found == calibration.matlab_files()
    assert found.differing == [0, 0, 0]


def test_a_file_that_differs_is_counted(tmp_path: Path) -> None:
    picture = torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(0))
    for scale in calibration.SCALES:
        small = imresize(to_uint8(picture), 1 / scale)
        small[0, 0, 0] ^= 1
        (tmp_path / f"X{scale}").mkdir()
        save(small, tmp_path / f"X{scale}" / f"onex{scale}.png")
    found = calibration.compare_with_files(tmp_path, {"one": picture})
    assert found.differing == [1, 1, 1]
    assert found.numbers == [3 * (24 // scale) ** 2 for scale in calibration.SCALES]


@pytest.mark.usefixtures("without_set5")
def test_recording_needs_the_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="SRLIB_DATA"):
        calibration.record(tmp_path / "record.json")


def test_a_new_record_is_the_committed_one_but_for_the_date(matlab: Path, tmp_path: Path) -> None:
    made = json.loads(calibration.record(tmp_path / "record.json").read_text())
    kept = json.loads(calibration.RECORD.read_text(encoding="utf-8"))
    assert {**made, "date": ""} == {**kept, "date": ""}
