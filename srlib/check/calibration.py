"""Bicubic interpolation against what papers and MATLAB say of it: the test that a measurement has to pass
before any network measured by it is believed (chapter 2).

Set5 is not in the box. Where it is at hand the chapter measures; elsewhere it shows what was recorded by
``python -m srlib.check.calibration``, which also compares with the small pictures that MATLAB itself wrote,
where ``SRLIB_DATA`` has them in ``matlab/Set5_LR``.
"""

import datetime
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from srlib import data, published, settings
from srlib.evaluation import Bicubic, evaluate
from srlib.files import write_json
from srlib.images import crop_to_multiple, load, to_uint8
from srlib.resize import imresize
from srlib.show.explorers.lab import RESAMPLING
from srlib.slips import Slips, score

RECORD = Path(__file__).parent / "calibration.json"
SCALES = published.SCALES

Triple = list[float]
"""One number for each of x2, x3 and x4."""


@dataclass(frozen=True)
class Calibration:
    """Bicubic on Set5, for x2, x3 and x4. ``psnr``: dB by the luma path "y" and the colour path "rgb".
    ``slips``: by how many dB each way of resampling moves the colour path. ``live``: measured now."""

    psnr: dict[str, Triple]
    slips: dict[str, Triple]
    live: bool = False


@dataclass(frozen=True)
class Files:
    """MATLAB's own small pictures of Set5 against ours, for x2, x3, x4: how many numbers there are, how many
    differ, and the share that would, were the result rounded once and not after each axis."""

    numbers: list[int]
    differing: list[int]
    rounded_once: Triple


def calibration() -> Calibration:
    """Measured now where Set5 is at hand, else as recorded. Chapter 2."""
    found = measured()
    if found is not None:
        return found
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    return Calibration(record["psnr"], record["slips"])


def measured() -> Calibration | None:
    """Bicubic on Set5, now; None where Set5 is not at hand."""
    folder = data.find("set5")
    if folder is None:
        return None
    pictures = data.load_folder(folder)
    psnr = {
        path: [round(evaluate(Bicubic(channels), pictures, scale).psnr, 3) for scale in SCALES]
        for path, channels in (("y", 1), ("rgb", 3))
    }
    right = [score(pictures, scale).psnr for scale in SCALES]
    slips = {
        name: [
            round(score(pictures, scale, Slips(**how)).psnr - base, 3)
            for scale, base in zip(SCALES, right, strict=True)
        ]
        for name, how in RESAMPLING.items()
        if how
    }
    return Calibration(psnr, slips, live=True)


def matlab_half() -> tuple[Tensor, Tensor]:
    """The numbers 0 to 63 as 8 x 8, and what MATLAB R2019b makes of them by ``imresize(x, 0.5)``: (4, 4).
    Both float64. Chapter 2."""
    made = json.loads(RECORD.read_text(encoding="utf-8"))["matlab_half"]
    return torch.arange(64, dtype=torch.float64).reshape(8, 8), torch.tensor(made, dtype=torch.float64)


def matlab_files() -> Files:
    """What the comparison with MATLAB's own files found when it was recorded. Chapter 2."""
    return Files(**json.loads(RECORD.read_text(encoding="utf-8"))["matlab_files"])


def compare_with_files(folder: Path, pictures: Mapping[str, Tensor]) -> Files:
    """``folder``: MATLAB's Set5_LR, with X2/babyx2.png and so on; ``pictures``: Set5 in [0, 1]."""
    numbers, differing, once = [], [], []
    for scale in SCALES:
        theirs, ours, late = [], [], []
        for name, picture in pictures.items():
            hr = to_uint8(crop_to_multiple(picture, scale))
            theirs.append(to_uint8(load(folder / f"X{scale}" / f"{name}x{scale}.png")).flatten())
            ours.append(imresize(hr, 1 / scale).flatten())
            late.append(to_uint8(imresize(hr.double() / 255, 1 / scale).clamp(0, 1)).flatten())
        matlab = torch.cat(theirs)
        numbers.append(matlab.numel())
        differing.append(int((torch.cat(ours) != matlab).sum()))
        once.append(round(float((torch.cat(late) != matlab).double().mean()), 4))
    return Files(numbers, differing, once)


def record(path: Path = RECORD) -> Path:
    """Measure all of it and write it down; needs Set5 and MATLAB's files below ``SRLIB_DATA``. MATLAB's own
    sixteen numbers stay as they are."""
    found, root = measured(), settings.data_root()
    if found is None or root is None or not (root / "matlab").is_dir():
        raise FileNotFoundError("set SRLIB_DATA to a folder with benchmarks/Set5 and matlab/")
    pictures = data.load_folder(root / "benchmarks" / "Set5")
    return write_json(
        path,
        {
            "command": "SRLIB_DATA=... python -m srlib.check.calibration",
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "pictures": "Set5; MATLAB R2019b",
            "psnr": found.psnr,
            "slips": found.slips,
            "matlab_half": matlab_half()[1].tolist(),
            "matlab_files": asdict(compare_with_files(root / "matlab" / "Set5_LR", pictures)),
        },
        by_line=["psnr", "slips", "matlab_half"],
    )


if __name__ == "__main__":
    print(record())
