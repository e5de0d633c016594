"""imresize against MATLAB's own numbers, and against independent formulas where MATLAB gave none."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch
import torch.nn.functional as F
from PIL import Image
from timing import fastest

from srlib.images import load
from srlib.resize import KERNELS, Kernel, cubic, imresize, weights

GOLDENS = json.loads((Path(__file__).parent / "goldens" / "imresize.json").read_text())


def count(n: int) -> np.ndarray:
    """The n x n array of 0, 1, 2, ... in reading order that the MATLAB goldens were made from."""
    return np.arange(n * n, dtype=np.float64).reshape(n, n)


def golden_input(name: str) -> np.ndarray:
    if "topleft" in name or "bottomright" in name:
        x = np.zeros((4, 4))
        x[0, 0], x[1, 0], x[0, 1], x[0, 3] = 100, 10, 1, 100
        if "bottomright" in name:
            x[:] = 0
            x[3, 3], x[2, 3], x[3, 2], x[3, 0] = 100, 10, 1, 100
        return x
    if "small" in name:
        return count(4)
    return count(15 if "_x3_" in name or "_x5_" in name else 8)


def golden_call(name: str) -> dict[str, object]:
    """How MATLAB was called: by factor for the exact ratios, by output size otherwise."""
    expected = np.array(GOLDENS[name])
    call: dict[str, object] = {"antialias": not name.endswith("noaa")}
    factor = {"x2": 1 / 2, "x3": 1 / 3, "x4": 1 / 4, "x5": 1 / 5}.get(name.split("_")[2])
    return call | ({"scale": factor} if factor else {"size": expected.shape})


# --- MATLAB ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOLDENS)
def test_float64_equals_matlab_to_1e_12(name: str) -> None:
    got = imresize(golden_input(name), **golden_call(name))  # type: ignore[arg-type]
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, GOLDENS[name], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", GOLDENS)
def test_float32_in_0_to_1_equals_matlab_to_1e_6(name: str) -> None:
    x = torch.from_numpy(golden_input(name)).float() / 255
    got = imresize(x, **golden_call(name))  # type: ignore[arg-type]
    assert got.dtype == torch.float32
    np.testing.assert_allclose(got.numpy(), np.array(GOLDENS[name]) / 255, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["aa", "noaa"])
def test_a_photograph_at_an_odd_ratio_equals_matlab_to_1e_12(
    name: str, matlab: Path, data_root: Path
) -> None:
    golden = scipy.io.loadmat(matlab / "imresize" / f"down_down_butterfly_irregular_{name}.mat")
    expected = golden[f"down_down_butterfly_irregular_{name}"].transpose(2, 0, 1)
    levels = np.array(Image.open(data_root / "benchmarks/Set5/butterfly.png").convert("RGB"))
    got = imresize(levels.transpose(2, 0, 1) / 255, size=(123, 234), antialias=name == "aa")
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_uint8_equals_matlabs_files_with_zero_differing_pixels(
    scale: int, matlab: Path, data_root: Path
) -> None:
    files = sorted((matlab / "Set5_LR" / f"X{scale}").glob("*.png"))
    assert len(files) == 5
    for file in files:
        expected = np.array(Image.open(file).convert("RGB")).transpose(2, 0, 1)
        hr = Image.open(data_root / "benchmarks/Set5" / f"{file.stem[:-2]}.png").convert("RGB")
        levels = np.array(hr).transpose(2, 0, 1)
        levels = levels[:, : levels.shape[1] // scale * scale, : levels.shape[2] // scale * scale]
        got = imresize(levels, 1 / scale)
        assert got.dtype == np.uint8
        assert np.count_nonzero(got != expected) == 0, file.name


def test_uint8_is_rounded_half_up_after_each_axis() -> None:
    # Averaging 2 x 2 by the box kernel: rows first give (0.5, 1.5) -> (1, 2), then 1.5 -> 2. Rounding
    # once at the end would give mean(0, 1, 1, 2) = 1; rounding half to even (0, 2) -> 1.
    x = np.array([[0, 1], [1, 2]], dtype=np.uint8)
    assert imresize(x, 0.5, kernel="nearest", antialias=True).tolist() == [[2]]


def test_uint8_overshoot_is_clipped_not_wrapped() -> None:
    x = np.zeros((8, 8), dtype=np.uint8)
    x[:, 4:] = 255
    assert imresize(x.astype(np.float64), 4).max() > 255
    got = imresize(x, 4)
    assert got.min() == 0
    assert got.max() == 255


# --- against other formulas -----------------------------------------------------------------------


def loop_resize_1d(
    x: np.ndarray, out: int, kernel: Callable[[float], float], width: float, border: str
) -> list:
    """The definition, written as slowly as it can be: one sum per output sample."""
    n, scale, result = len(x), out / len(x), []
    stretch = min(scale, 1.0)
    for i in range(out):
        u = (i + 0.5) / scale - 0.5
        total = norm = 0.0
        for j in range(int(u - width / stretch) - 3, int(u + width / stretch) + 4):
            w = kernel((u - j) * stretch)
            k = min(max(j, 0), n - 1)
            if border == "symmetric":
                k = j % (2 * n)
                k = k if k < n else 2 * n - 1 - k
            total, norm = total + w * x[k], norm + w
        result.append(total / norm)
    return result


def keys(a: float) -> Callable[[float], float]:
    def weight(x: float) -> float:
        x = abs(x)
        if x <= 1:
            return (a + 2) * x**3 - (a + 3) * x**2 + 1
        return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0

    return weight


def windowed_sinc(lobes: int) -> Callable[[float], float]:
    def weight(x: float) -> float:
        return float(np.sinc(x) * np.sinc(x / lobes)) if abs(x) < lobes else 0.0

    return weight


@pytest.mark.parametrize("border", ["symmetric", "replicate"])
@pytest.mark.parametrize("out", [1, 3, 7, 10, 23, 40])
@pytest.mark.parametrize(
    ("kernel", "formula", "width"),
    [
        ("linear", lambda x: max(0.0, 1 - abs(x)), 2),
        ("cubic", keys(-0.5), 4),
        (cubic(a=-0.75), keys(-0.75), 4),
        ("lanczos2", windowed_sinc(2), 4),
        ("lanczos3", windowed_sinc(3), 6),
    ],
)
def test_each_kernel_and_border_equals_the_definition(
    kernel: object, formula: Callable[[float], float], width: float, out: int, border: str
) -> None:
    x = np.random.default_rng(0).random(10)
    expected = loop_resize_1d(x, out, formula, width, border)
    got = imresize(x[None].repeat(2, 0), scale=(1, out / 10), kernel=kernel, border=border)  # type: ignore[arg-type]
    np.testing.assert_allclose(got, [expected, expected], rtol=0, atol=1e-13)


def test_nearest_repeats_and_picks_pixels_as_torch_does() -> None:
    x = torch.rand(1, 3, 6, 9)
    assert torch.equal(imresize(x, 3, kernel="nearest"), F.interpolate(x, scale_factor=3, mode="nearest"))
    picked = F.interpolate(x, size=(2, 3), mode="nearest-exact")
    assert torch.equal(imresize(x, 1 / 3, kernel="nearest"), picked)


def test_cubic_minus_three_quarters_equals_torchs_bicubic_inside() -> None:
    x = torch.rand(1, 1, 20, 20, dtype=torch.float64)
    expected = F.interpolate(x, scale_factor=4, mode="bicubic")
    torch.testing.assert_close(imresize(x, 4, kernel=cubic(a=-0.75), border="replicate"), expected)


def test_antialiased_cubic_equals_torchs_antialiased_bicubic_inside() -> None:
    x = torch.rand(1, 1, 64, 64, dtype=torch.float64)
    expected = F.interpolate(x, size=(16, 16), mode="bicubic", antialias=True)
    # torch cuts the kernel off at the border instead of mirroring: compare away from it
    torch.testing.assert_close(imresize(x, 0.25)[..., 3:-3, 3:-3], expected[..., 3:-3, 3:-3])


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("scale", [0.21, 0.5, 1.7, 3])
def test_a_constant_picture_stays_constant(kernel: str, scale: float) -> None:
    got = imresize(torch.full((3, 17, 13), 0.3, dtype=torch.float64), scale, kernel=kernel)
    torch.testing.assert_close(got, torch.full_like(got, 0.3))


def test_weights_of_every_row_sum_to_one_and_point_inside() -> None:
    index, weight = weights(5, 2, 0.4, cubic(), True, "symmetric")
    np.testing.assert_allclose(weight.sum(1), 1, atol=1e-15)
    assert index.min() >= 0
    assert index.max() <= 4  # the stretched kernel is longer than the picture: mirrored more than once


# --- shapes, types, devices -----------------------------------------------------------------------


def test_output_size_is_rounded_up_and_axes_may_differ() -> None:
    x = torch.rand(3, 10, 15)
    assert imresize(x, 1 / 4).shape == (3, 3, 4)
    assert imresize(x, (2, 1 / 3)).shape == (3, 20, 5)
    assert imresize(x, size=(7, 31)).shape == (3, 7, 31)


def test_the_smaller_scale_goes_first_whatever_its_axis() -> None:
    x = np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)
    both = imresize(x, (2, 1 / 3))
    by_hand = imresize(imresize(x, (1, 1 / 3)), (2, 1))
    wrong_order = imresize(imresize(x, (2, 1)), (1, 1 / 3))
    assert np.array_equal(both, by_hand)
    assert not np.array_equal(both, wrong_order)


def test_leading_axes_are_resized_one_by_one_and_the_dtype_stays() -> None:
    x = torch.rand(2, 3, 4, 12, 10)
    got = imresize(x, 1 / 2)
    torch.testing.assert_close(got[1, 2, 3], imresize(x[1, 2, 3], 1 / 2))
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.uint8):
        assert imresize((x * 200).to(dtype), 2).dtype == dtype


def test_a_transposed_picture_gives_the_transposed_result() -> None:
    x = torch.rand(3, 20, 31)
    torch.testing.assert_close(imresize(x.mT, 0.3), imresize(x, 0.3).mT)


def test_scale_one_changes_nothing_and_shares_no_memory() -> None:
    x = torch.rand(3, 5, 6)
    same = imresize(x, 1)
    assert torch.equal(same, x)
    assert same.data_ptr() != x.data_ptr()
    wide = Kernel("mean of three", 3, lambda d: (np.abs(d) < 1.5) / 3.0)
    inner = imresize(x, 1, kernel=wide)[:, 1:-1, 1:-1]  # a kernel that is not 1 at 0 still works at scale 1
    torch.testing.assert_close(inner, F.avg_pool2d(x, 3, stride=1))


def test_autocast_does_not_touch_the_sums() -> None:
    x = torch.rand(3, 16, 16)
    expected = imresize(x, 2), imresize(x, 0.5)
    with torch.autocast("cpu", torch.bfloat16):
        got = imresize(x, 2), imresize(x, 0.5)
    assert torch.equal(got[0], expected[0])
    assert torch.equal(got[1], expected[1])


def test_numpy_numbers_are_numbers() -> None:
    x = torch.rand(1, 6, 6)
    assert imresize(x, np.float32(2)).shape == (1, 12, 12)  # type: ignore[arg-type]
    assert imresize(x, size=np.array([3, 4])).shape == (1, 3, 4)  # type: ignore[arg-type]
    assert imresize(x, torch.tensor(0.5)).shape == (1, 3, 3)  # type: ignore[arg-type]


def test_ties_of_uint8_are_rounded_up_whatever_the_order_of_the_sums() -> None:
    # Linear x1.5 has weights in sixths: many exact halves, which sums of doubles miss by a hair either way.
    x = np.random.default_rng(0).integers(0, 256, (1, 40), dtype=np.uint8)
    index, weight = weights(40, 60, 1.5, KERNELS["linear"], True, "symmetric")
    exact = [sum(Fraction(round(w * 6), 6) * int(x[0, i]) for i, w in zip(*row, strict=True))
             for row in zip(index, weight, strict=True)]  # fmt: skip
    assert sum(value.denominator == 2 for value in exact) > 3
    assert imresize(x, (1, 1.5), kernel="linear")[0].tolist() == [int(v + Fraction(1, 2)) for v in exact]


def test_rows_go_first_when_both_axes_shrink_alike() -> None:
    x = np.random.default_rng(1).integers(0, 256, (12, 12), dtype=np.uint8)
    by_hand = imresize(imresize(x, (1 / 3, 1)), (1, 1 / 3))
    assert np.array_equal(imresize(x, 1 / 3), by_hand)
    assert not np.array_equal(by_hand, imresize(imresize(x, (1, 1 / 3)), (1 / 3, 1)))


def test_nearest_at_one_half_takes_the_second_of_two() -> None:
    # MATLAB's box includes its left edge: imresize(0:7, 0.5, 'nearest') lies halfway and takes the later one.
    assert imresize(np.arange(8.0)[None].repeat(2, 0), (1, 0.5), kernel="nearest")[0].tolist() == [1, 3, 5, 7]


def test_scale_places_the_samples_when_the_size_is_given_too() -> None:
    x = torch.arange(9.0).expand(2, 9)
    got = imresize(x, scale=(1, 0.5), size=(2, 4), kernel="linear", antialias=False)
    torch.testing.assert_close(got[0], torch.tensor([0.5, 2.5, 4.5, 6.5]))


@pytest.mark.parametrize("scale", [0.4, 2.5])
def test_gradients_equal_numerical_ones(scale: float) -> None:
    x = torch.rand(1, 7, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: imresize(v, scale), x)
    assert torch.autograd.gradgradcheck(lambda v: imresize(v, scale) ** 2, x)


def test_the_input_is_left_alone() -> None:
    x = torch.rand(3, 8, 8)
    before = x.clone()
    imresize(x, 2)
    assert torch.equal(x, before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_a_gpu_gives_the_cpus_numbers() -> None:
    x = torch.rand(3, 40, 50)
    torch.testing.assert_close(imresize(x.cuda(), 0.3).cpu(), imresize(x, 0.3))
    levels = (x * 255).byte()
    assert torch.equal(imresize(levels.cuda(), 0.3).cpu(), imresize(levels, 0.3))


# --- wrong calls ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ({}, "needs a scale or a size"),
        ({"scale": 0}, "positive"),
        ({"scale": float("nan")}, "positive"),
        ({"scale": (1, 2, 3)}, "pair"),
        ({"size": (0, 4)}, "positive"),
        ({"size": 2.5}, "whole"),
        ({"scale": 2, "kernel": "bicubic"}, "cubic"),
        ({"scale": 2, "border": "wrap"}, "symmetric"),
    ],
)
def test_a_wrong_argument_is_named(call: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        imresize(torch.rand(3, 4, 4), **call)  # type: ignore[arg-type]


def test_other_types_and_empty_pictures_are_refused() -> None:
    with pytest.raises(TypeError, match="int64"):
        imresize(torch.ones(3, 4, 4, dtype=torch.int64), 2)
    with pytest.raises(ValueError, match="at least one pixel"):
        imresize(torch.ones(3, 0, 4), 2)
    with pytest.raises(ValueError, match="at least one pixel"):
        imresize(torch.ones(4), 2)
    with pytest.raises(TypeError, match="not list"):
        imresize([[1.0]], 2)  # type: ignore[type-var]


# --- speed ----------------------------------------------------------------------------------------


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.parametrize(("size", "rounds"), [((270, 480), 60), ((4320, 7680), 10)])
def test_a_1080p_photo_takes_less_than_twice_torchs_time(size: tuple[int, int], rounds: int) -> None:
    x = torch.rand(3, 1080, 1920)
    ours, torchs = fastest(
        lambda: imresize(x, size=size),
        lambda: F.interpolate(x[None], size=size, mode="bicubic", antialias=True),
        rounds=rounds,  # so many that a busy half second of the machine does not decide
    )
    assert ours < 2 * torchs, f"{ours * 1e3:.1f} ms against {torchs * 1e3:.1f} ms"


def test_load_and_resize_work_together(tmp_path: Path) -> None:
    Image.new("RGB", (8, 6), (51, 102, 153)).save(tmp_path / "flat.png")
    small = imresize(load(tmp_path / "flat.png"), 0.5)
    torch.testing.assert_close(small, torch.tensor([0.2, 0.4, 0.6])[:, None, None].expand(3, 3, 4))
