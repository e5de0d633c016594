"""The metrics against formulas, scikit-image, SciPy and the published bicubic rows."""

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import absent
from published import RGB_PATH, Y_PATH
from scipy.ndimage import gaussian_filter
from scipy.signal import convolve2d
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from srlib.images import crop_to_multiple, load, luma, to_uint8
from srlib.metrics import gmsd, ms_ssim, psnr, ssim
from srlib.resize import imresize

METRICS = [psnr, ssim, ms_ssim, gmsd]


def pair(channels: int = 1, height: int = 200, width: int = 190) -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth picture and a noisy copy, float32 in [0, 1]."""
    generator = torch.Generator().manual_seed(1)
    hr = imresize(torch.rand(channels, height // 8, width // 8, generator=generator), size=(height, width))
    hr = hr.clamp(0, 1)
    return (hr + 0.05 * torch.randn(hr.shape, generator=generator)).clamp(0, 1), hr


def skimage_ssim(a: np.ndarray, b: np.ndarray, data_range: float) -> float:
    _, full = structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=data_range, full=True
    )
    return float(full[5:-5, 5:-5].mean())  # the valid positions


# --- values ---------------------------------------------------------------------------------------


def test_psnr_of_a_constant_error_is_its_formula() -> None:
    hr = torch.full((1, 8, 8), 0.5)
    assert psnr(hr + 0.1, hr) == pytest.approx(20.0, abs=1e-5)
    levels = torch.full((3, 8, 8), 100, dtype=torch.uint8)
    assert psnr(levels + 10, levels, channel="rgb") == pytest.approx(20 * math.log10(255 / 10), abs=1e-9)


def test_psnr_equals_scikit_image() -> None:
    sr, hr = pair(3)
    expected = peak_signal_noise_ratio(hr.double().numpy(), sr.double().numpy(), data_range=1)
    assert psnr(sr, hr, channel="rgb") == pytest.approx(expected, abs=1e-9)


def test_psnr_on_y_uses_the_unrounded_studio_range_luma() -> None:
    sr, hr = (to_uint8(v).numpy() for v in pair(3))
    y = [(65.481 * v[0] + 128.553 * v[1] + 24.966 * v[2]) / 255 + 16 for v in (sr / 1.0, hr / 1.0)]
    expected = 10 * math.log10(255**2 / np.mean((y[0] - y[1]) ** 2))
    assert psnr(sr, hr) == pytest.approx(expected, abs=1e-9)
    assert psnr(sr, hr) != pytest.approx(psnr(sr, hr, channel="rgb"), abs=0.5)


def test_metrics_do_not_round_to_eight_bits() -> None:
    hr = torch.full((1, 8, 8), 0.5)
    error = 0.2 / 255  # would vanish if either were rounded
    assert psnr(hr.double() + error, hr.double()) == pytest.approx(-20 * math.log10(error), abs=1e-9)


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_equals_scikit_image_on_the_valid_part(channels: int) -> None:
    sr, hr = pair(channels)
    expected = [skimage_ssim(hr[c].double().numpy(), sr[c].double().numpy(), 1) for c in range(channels)]
    assert ssim(sr, hr, channel="rgb") == pytest.approx(np.mean(expected), abs=1e-9)
    a, b = to_uint8(sr), to_uint8(hr)
    on_bytes = [skimage_ssim(b[c].double().numpy(), a[c].double().numpy(), 255) for c in range(channels)]
    assert ssim(a, b, channel="rgb") == pytest.approx(np.mean(on_bytes), abs=1e-9)


def test_ssim_of_a_picture_larger_than_one_strip_equals_scikit_image() -> None:
    sr, hr = pair(1, 700, 900)
    assert ssim(sr, hr) == pytest.approx(
        skimage_ssim(hr[0].double().numpy(), sr[0].double().numpy(), 1), abs=1e-9
    )


def scipy_cs_and_ssim(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    def blur(x: np.ndarray) -> np.ndarray:
        return gaussian_filter(x, 1.5, truncate=5 / 1.5)[5:-5, 5:-5]

    ma, mb = blur(a), blur(b)
    va, vb, cov = blur(a * a) - ma**2, blur(b * b) - mb**2, blur(a * b) - ma * mb
    cs = (2 * cov + 9e-4) / (va + vb + 9e-4)
    return cs.mean(), (cs * (2 * ma * mb + 1e-4) / (ma**2 + mb**2 + 1e-4)).mean()


def test_ms_ssim_equals_its_formula_written_with_scipy() -> None:
    sr, hr = pair()
    a, b = sr[0].double().numpy(), hr[0].double().numpy()
    expected = 1.0
    for level, weight in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
        cs, full = scipy_cs_and_ssim(a, b)
        expected *= (full if level == 4 else cs) ** weight
        even = [v[: v.shape[0] // 2 * 2, : v.shape[1] // 2 * 2] for v in (a, b)]
        a, b = ((v[::2, ::2] + v[1::2, ::2] + v[::2, 1::2] + v[1::2, 1::2]) / 4 for v in even)
    assert ms_ssim(sr, hr) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("size", [(64, 80), (63, 81)])
def test_gmsd_equals_the_papers_formula_written_with_scipy(size: tuple[int, int]) -> None:
    sr, hr = pair(1, 8 * size[0] // 8, size[1])
    prewitt = np.array([[1, 0, -1]] * 3) / 3

    def gradient(x: np.ndarray) -> np.ndarray:
        x = convolve2d(x * 255, np.ones((2, 2)) / 4)[1:, 1:][::2, ::2]  # MATLAB's conv2(..., 'same')
        return np.hypot(convolve2d(x, prewitt, "same"), convolve2d(x, prewitt.T, "same"))

    a, b = gradient(sr[0].double().numpy()), gradient(hr[0].double().numpy())
    expected = np.std((2 * a * b + 170) / (a**2 + b**2 + 170), ddof=1)
    assert gmsd(sr, hr) == pytest.approx(expected, abs=1e-9)


def test_identical_pictures_score_perfectly() -> None:
    _, hr = pair(3)
    assert psnr(hr, hr) == math.inf
    assert ssim(hr, hr) == pytest.approx(1, abs=1e-12)
    assert ms_ssim(hr, hr) == pytest.approx(1, abs=1e-12)
    assert gmsd(hr, hr) == pytest.approx(0, abs=1e-12)


# --- what they take -------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
def test_a_batch_gives_the_single_values(metric: Callable[..., Any]) -> None:
    sr, hr = pair(3)
    darker = hr * 0.9
    batch = metric(torch.stack([sr, darker]), torch.stack([hr, hr]))
    assert batch.tolist() == pytest.approx([metric(sr, hr), metric(darker, hr)], abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_arrays_and_tensors_give_the_same(metric: Callable[..., Any]) -> None:
    sr, hr = pair(3)
    assert metric(sr.numpy(), hr.numpy()) == metric(sr, hr)


def test_a_picture_that_wants_gradients_gives_a_plain_number() -> None:
    sr, hr = pair(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert psnr(sr.requires_grad_(), hr) > 0
    with pytest.raises(TypeError, match="not list"):
        psnr([[0.5]], hr)  # type: ignore[arg-type]


def test_ms_ssim_of_a_negative_is_zero_not_nan() -> None:
    _, hr = pair()
    assert ms_ssim(1 - hr, hr) == 0


def test_mirrored_and_read_only_arrays_are_taken() -> None:
    sr, hr = (v.numpy() for v in pair(3))
    sr.setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert psnr(sr, hr) == pytest.approx(float(psnr(sr[:, ::-1], hr[:, ::-1])), abs=1e-9)
        assert imresize(sr[:, :, ::-1], 0.5).shape == (3, 100, 95)


@pytest.mark.parametrize("metric", METRICS)
def test_crop_leaves_a_border_out(metric: Callable[..., Any]) -> None:
    sr, hr = pair(3)
    spoiled = sr.clone()
    spoiled[:, :4] = 0
    assert metric(spoiled, hr, crop=4) == metric(sr[:, 4:-4, 4:-4], hr[:, 4:-4, 4:-4])
    assert metric(spoiled, hr) != metric(sr, hr)


@pytest.mark.parametrize("metric", METRICS)
def test_one_channel_is_taken_as_it_is(metric: Callable[..., Any]) -> None:
    sr, hr = pair(1)
    assert metric(sr, hr, channel="y") == metric(sr, hr, channel="rgb")
    gray_as_rgb = [v.expand(3, -1, -1) for v in (sr, hr)]
    assert metric(*gray_as_rgb, channel="y") != metric(sr, hr)  # studio range: 219 of 255 levels


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("sr", "hr", "error", "says"),
    [
        (torch.rand(3, 180, 180), torch.rand(3, 180, 181), ValueError, "one size"),
        (torch.rand(180, 180), torch.rand(180, 180), ValueError, "C, H, W"),
        (torch.rand(2, 180, 180), torch.rand(2, 180, 180), ValueError, "1 or 3 channels"),
        (torch.rand(3, 0, 180), torch.rand(3, 0, 180), ValueError, "1 or 3 channels"),
        (torch.rand(3, 180, 180).mul(255).byte(), torch.rand(3, 180, 180), TypeError, "uint8 with uint8"),
        (torch.ones(3, 180, 180).long(), torch.ones(3, 180, 180).long(), TypeError, "int64"),
        (torch.rand(3, 180, 180) * 255, torch.rand(3, 180, 180), ValueError, "divide by 255"),
        (torch.rand(3, 180, 180) * 1.2, torch.rand(3, 180, 180), ValueError, "clamp"),
        (torch.rand(3, 180, 180) * float("nan"), torch.rand(3, 180, 180), ValueError, "outside"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(
    metric: Callable[..., Any], sr: torch.Tensor, hr: torch.Tensor, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        metric(sr, hr)


def test_wrong_channel_crop_and_small_pictures_are_refused() -> None:
    tiny = torch.rand(3, 10, 40)
    with pytest.raises(ValueError, match="'y' or 'rgb'"):
        psnr(tiny, tiny, channel="Y")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="leaves nothing"):
        psnr(tiny, tiny, crop=5)
    with pytest.raises(ValueError, match="11 x 11"):
        ssim(tiny, tiny)
    with pytest.raises(ValueError, match="176 x 176"):
        ms_ssim(tiny, tiny)
    with pytest.raises(ValueError, match="4 x 4"):
        gmsd(tiny[:, :3], tiny[:, :3])


# --- the papers' bicubic rows ---------------------------------------------------------------------


def benchmark_images(data_root: Path, name: str) -> list[Path]:
    files = sorted((data_root / "benchmarks" / name).glob("*.png"))
    if len(files) != {"Set5": 5, "Set14": 14, "BSD100": 100}[name]:
        absent(f"benchmarks/{name}")
    return files


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", Y_PATH)
def test_bicubic_on_the_y_path_meets_the_published_rows(name: str, scale: int, data_root: Path) -> None:
    rows = []
    for file in benchmark_images(data_root, name):
        hr = luma(to_uint8(crop_to_multiple(load(file), scale)))  # a gray file is taken as it is
        double = hr.double() / 255
        low = imresize(double, 1 / scale)
        sr = to_uint8(imresize(low, size=hr.shape[-2:]))
        rows.append((float(psnr(sr, hr, crop=scale)), float(ssim(sr, hr, crop=scale))))
    means = np.mean(rows, axis=0)
    assert means[0] == pytest.approx(Y_PATH[name][scale][0], abs=0.01)
    assert means[1] == pytest.approx(Y_PATH[name][scale][1], abs=0.0003)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_on_the_uint8_rgb_path_meets_the_published_range(scale: int, data_root: Path) -> None:
    rows = []
    for file in benchmark_images(data_root, "Set5"):
        hr = to_uint8(crop_to_multiple(load(file), scale))
        sr = imresize(imresize(hr, 1 / scale), scale)
        rows.append(float(psnr(luma(sr), luma(hr), crop=scale)))
    low, high = RGB_PATH[scale]
    assert low - 0.005 <= np.mean(rows) <= high + 0.005
