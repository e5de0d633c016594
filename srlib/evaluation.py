"""A table row as papers print it, with the protocol that it was measured by written beside it (chapter 1)."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from srlib import data
from srlib.degrade import bicubic
from srlib.files import write_json
from srlib.images import crop_to_multiple, from_uint8, luma, to_uint8
from srlib.inference import upscale
from srlib.metrics import psnr, ssim

PATHS = {
    "y": "LR: bicubic of the 8-bit luma, in double; SR clipped and rounded to 8 bits once",
    "rgb": "LR: bicubic, an 8-bit RGB file; SR clipped and rounded to 8-bit RGB, its luma rounded again",
}


class Bicubic(nn.Module):
    """Bicubic interpolation as a model: ``upscale`` enlarges for it, and it changes nothing. With one channel
    it is judged as luma networks are, with three as RGB networks. Chapter 2."""

    scale = None
    pre_upsample = True

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        return x


@dataclass(frozen=True)
class Row:
    """One picture's values: PSNR in dB (infinite when identical), SSIM at most 1."""

    name: str
    psnr: float
    ssim: float


@dataclass(frozen=True)
class Report:
    """What ``evaluate`` found: a row a picture, and the ``protocol``: path, channel, rounding, border."""

    dataset: str
    scale: int
    protocol: dict[str, Any]
    rows: list[Row]

    @property
    def psnr(self) -> float:
        """Mean over the pictures of each one's PSNR in dB (never one pooled error)."""
        return statistics.fmean(row.psnr for row in self.rows)

    @property
    def ssim(self) -> float:
        """Mean over the pictures of each one's SSIM."""
        return statistics.fmean(row.ssim for row in self.rows)

    def __str__(self) -> str:
        width = max(len(row.name) for row in [*self.rows, Row("mean", 0, 0)])
        rows = [*self.rows, Row("mean", self.psnr, self.ssim)]
        lines = [
            f"{self.dataset} x{self.scale}",
            *[f"{r.name:{width}}  {r.psnr:6.2f}  {r.ssim:.4f}" for r in rows],
        ]
        return "\n".join([*lines, *[f"{key}: {value}" for key, value in self.protocol.items()]])

    def write(self, path: str | Path) -> Path:
        """Write the report as JSON, whole or not at all; returns the path. An infinite PSNR becomes null."""
        record = {**asdict(self), "mean": {"psnr": self.psnr, "ssim": self.ssim}}
        for values in (record["mean"], *record["rows"]):
            values["psnr"] = values["psnr"] if math.isfinite(values["psnr"]) else None
        return write_json(path, record)


def evaluate(
    model: nn.Module,
    dataset: str | Path | Mapping[str, Tensor],
    scale: int,
    *,
    path: Literal["y", "rgb"] | None = None,
    channel: Literal["y", "rgb"] = "y",
    border: int | None = None,
) -> Report:
    """PSNR and SSIM of a model on a set: a name ("set5", "photos"), a folder, or {name: (C, H, W) in [0, 1]}.
    ``path``: "y" feeds luma only, as papers judge luma networks, "rgb" feeds 8-bit RGB files; None takes the
    one that suits the model. ``channel``: what is compared. ``border``: pixels left out at each side, the
    scale unless given (DIV2K: RGB and scale + 6). A gray picture is used as it is. SR is always rounded to
    8 bits first. Chapter 1."""
    way = path or ("y" if model.channels == 1 else "rgb")
    if way not in PATHS:
        raise ValueError(f"path must be 'y' or 'rgb', not {path!r}")
    if way == "y" and (model.channels != 1 or channel != "y"):
        raise ValueError("the Y path is for luma models compared on luma; use path='rgb'")
    crop = scale if border is None else border
    title, pictures = _pictures(dataset)
    rows = []
    for name, picture in pictures.items():
        hr = to_uint8(crop_to_multiple(picture, scale))
        if way == "y":
            hr = luma(hr)
            sr = to_uint8(upscale(model, bicubic(hr.double() / 255, scale), scale))
        else:
            sr = to_uint8(upscale(model, from_uint8(bicubic(hr, scale)), scale))
        if channel == "y":
            sr, hr = luma(sr), luma(hr)
        value = psnr(sr, hr, crop=crop, channel="rgb")
        rows.append(Row(name, float(value), float(ssim(sr, hr, crop=crop, channel="rgb"))))
    protocol = {"path": PATHS[way], "channel": channel, "rounding": "8 bits", "border": crop}
    return Report(title, scale, protocol, rows)


def _pictures(dataset: str | Path | Mapping[str, Tensor]) -> tuple[str, Mapping[str, Tensor]]:
    if isinstance(dataset, Mapping):
        if not dataset:
            raise ValueError("there is no picture to evaluate on")
        return "pictures", dataset
    if dataset == "photos":
        return "photos", data.photos()
    if isinstance(dataset, str) and dataset.lower() in data.names():
        return dataset.lower(), data.load_folder(data.fetch(dataset))
    return Path(dataset).name, data.load_folder(dataset)
