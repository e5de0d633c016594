"""``make bench``: srlib beside scikit-image, OpenCV, torch and torchmetrics, in one run on one machine.

Each row is the median of repeated calls, in milliseconds (or crops a second), and the ratio to srlib: above
1, srlib is faster. Prints the tables and writes benchmarks/results/bench.json.
"""

import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.metrics
import skimage.transform
import torch
import torch.nn.functional as F
import torchmetrics.functional.image as tm
from torch.utils.data import DataLoader

from benchmarks.naive import PngPatches, naive_imresize, write_pngs
from benchmarks.networks import TRAINED, gpu_table, inference_table, peak_table, training_tables
from benchmarks.timing import Row, medians_ms, rates_table, table
from srlib import settings
from srlib.data import PatchBank, dead_leaves, photos
from srlib.files import write_json
from srlib.images import to_uint8
from srlib.metrics import psnr, ssim
from srlib.resize import imresize

RESULTS = Path(__file__).parent / "results" / "bench.json"

# What the project promises: srlib is at least so many times as fast as this row of this table. A miss is
# printed and written down, not hidden; the cause may be the machine (a second core that is not free).
WANTED = [
    ("1080p RGB float32, down by 4", "torch interpolate(bicubic, antialias)", 0.5),
    ("1080p RGB float32, up by 4", "torch interpolate(bicubic, antialias)", 0.5),
    ("1080p RGB float32, down by 4", "naive torch port (gather and sum by row)", 10.0),
    ("1080p RGB float32, up by 4", "naive torch port (gather and sum by row)", 10.0),
    ("SSIM of one 512 x 768 channel", "scikit-image, float64", 3.0),
    ("training pairs a second, one core, LR 48 x 48, x2", "DataLoader that opens PNG files", 20.0),
    *[
        (
            f"training steps a second, {name}, batch 16, LR patch {patch}",
            "plain loop, DataLoader on PNG files",
            2.0,
        )
        for name, (_, patch) in TRAINED.items()
    ],
    (
        "pictures a second, EDSR-baseline x4, 320 x 240 -> 1280 x 960",
        "the same network, float32, contiguous",
        1.3,
    ),
]


def resize_tables() -> list[Row]:
    torch.manual_seed(0)
    x = torch.rand(3, 1080, 1920)
    levels = to_uint8(x)
    last, last_levels = x.permute(1, 2, 0).numpy().copy(), levels.permute(1, 2, 0).numpy().copy()
    rows = []
    for word, scale, size in (("down", 1 / 4, (270, 480)), ("up", 4.0, (4320, 7680))):
        wide = (size[1], size[0])

        def torchs(v: torch.Tensor, size: tuple[int, int] = size) -> torch.Tensor:
            return F.interpolate(v[None], size=size, mode="bicubic", antialias=True)

        calls: dict[str, Callable[[], object]] = {
            "srlib.resize.imresize": lambda scale=scale: imresize(x, scale),
            "torch interpolate(bicubic, antialias)": lambda torchs=torchs: torchs(x),
            "OpenCV resize(INTER_CUBIC), not antialiased": lambda wide=wide: cv2.resize(
                last, wide, interpolation=cv2.INTER_CUBIC
            ),
            "naive torch port (gather and sum by row)": lambda scale=scale: naive_imresize(x, scale),
        }
        if word == "down":
            calls["scikit-image resize(order=3, anti_aliasing)"] = lambda size=size: skimage.transform.resize(
                last, size, order=3, anti_aliasing=True
            )
        rows += table(f"1080p RGB float32, {word} by 4", "ms", calls)
        rows += table(
            f"1080p RGB uint8, {word} by 4 (only srlib is MATLAB's, bit for bit)",
            "ms",
            {
                "srlib.resize.imresize": lambda scale=scale: imresize(levels, scale),
                "torch interpolate(bicubic, antialias)": lambda torchs=torchs: torchs(levels),
                "OpenCV resize(INTER_CUBIC), not antialiased": lambda wide=wide: cv2.resize(
                    last_levels, wide, interpolation=cv2.INTER_CUBIC
                ),
            },
        )
    return rows


def metric_tables() -> list[Row]:
    torch.manual_seed(0)
    hr = torch.rand(1, 512, 768)
    sr = (hr + 0.05 * torch.randn_like(hr)).clamp(0, 1)
    a, b = hr[0].double().numpy(), sr[0].double().numpy()
    a32, b32 = hr[0].numpy(), sr[0].numpy()
    same = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    rows = table(
        "SSIM of one 512 x 768 channel",
        "ms",
        {
            "srlib.metrics.ssim (float64 inside)": lambda: ssim(sr, hr),
            "scikit-image, float64": lambda: skimage.metrics.structural_similarity(a, b, **same),
            "scikit-image, float32 (less exact)": lambda: skimage.metrics.structural_similarity(
                a32, b32, **same
            ),
            "torchmetrics, float32": lambda: tm.structural_similarity_index_measure(
                sr[None], hr[None], data_range=1.0
            ),
        },
    )
    colour = torch.rand(3, 512, 768)
    noisy = (colour + 0.05 * torch.randn_like(colour)).clamp(0, 1)
    c, d = colour.numpy(), noisy.numpy()
    rows += table(
        "PSNR of 512 x 768 RGB",
        "ms",
        {
            "srlib.metrics.psnr (float64 inside)": lambda: psnr(noisy, colour, channel="rgb"),
            "scikit-image": lambda: skimage.metrics.peak_signal_noise_ratio(c, d, data_range=1.0),
            "OpenCV, float32": lambda: cv2.PSNR(c, d, 1.0),
            "torchmetrics": lambda: tm.peak_signal_noise_ratio(noisy, colour, data_range=1.0),
        },
    )
    return rows


def crops_table(scale: int = 2, patch: int = 48, batch: int = 16) -> list[Row]:
    """Crops a second on one core: pairs of 48 and 96 pixels from the photographs in the box."""
    title = f"training pairs a second, one core, LR {patch} x {patch}, x{scale}"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        pictures = {name: x for name, x in photos().items() if min(x.shape[1:]) >= patch * scale}
        bank = PatchBank(pictures, scale)
        with tempfile.TemporaryDirectory() as folder:
            hr, lr = Path(folder, "hr"), Path(folder, "lr")
            write_pngs(pictures, hr, lr, scale)
            loader = iter(DataLoader(PngPatches(hr, lr, scale, patch), batch_size=batch))
            calls = {
                "srlib.data.PatchBank": lambda: bank.sample(batch, patch),
                "DataLoader that opens PNG files": lambda: next(loader),
            }
            values = {name: 1e3 * batch / ms for name, ms in medians_ms(calls).items()}
    finally:
        torch.set_num_threads(threads)
    return rates_table(title, "pairs/s", values)


def leaves_table() -> list[Row]:
    plain = {"texture": False, "gradients": False, "natural": False, "soft": False}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        seeds = iter(range(1_000_000))
        return table(
            "one 512 x 512 picture of dead leaves, one core",
            "ms",
            {
                "dead_leaves (rich)": lambda: dead_leaves(512, next(seeds)),
                "dead_leaves (plain)": lambda: dead_leaves(512, next(seeds), **plain),
            },
        )
    finally:
        torch.set_num_threads(threads)


def promises(rows: list[Row]) -> list[Row]:
    """Each promised ratio beside the measured one; prints which were met and which were missed."""
    measured = {(row["table"], row["name"]): row["ratio"] for row in rows}
    print("\nwhat is promised")
    kept = []
    for title, name, wanted in WANTED:
        ratio = measured[title, name]
        word = "met" if ratio >= wanted else "MISSED"
        kept.append(
            {"table": title, "against": name, "wanted": wanted, "ratio": ratio, "met": ratio >= wanted}
        )
        print(f"{word:7}{ratio:7.2f} (wanted {wanted:g}) against {name}: {title}")
    return kept


def machine() -> dict[str, Any]:
    libraries = {"torch": torch.__version__, "numpy": np.__version__, "scikit-image": skimage.__version__}
    libraries |= {"opencv": cv2.__version__}
    return {
        "processor": settings.device_name(torch.device("cpu")),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": libraries,
    }


def main() -> None:
    about = machine()
    print(f"{about['processor']}, {about['threads']} threads, torch {torch.__version__}")
    cv2.setNumThreads(about["threads"])
    rows = [*resize_tables(), *metric_tables(), *crops_table(), *leaves_table()]
    rows += [*training_tables(), *inference_table(), *peak_table(), *gpu_table()]
    record = {"command": "make bench", "machine": about, "promises": promises(rows), "rows": rows}
    RESULTS.parent.mkdir(exist_ok=True)
    write_json(RESULTS, record)
    print(
        f"\nwritten to {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}"
    )


if __name__ == "__main__":
    main()
