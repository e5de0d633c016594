"""The distance between two pictures' heaps of patches, against scipy and by what it must say."""

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance
from torch import Tensor

from srlib import data
from srlib.degrade import _filter, gaussian_kernel
from srlib.patches import directions, patches, sliced_wasserstein


def photo() -> Tensor:
    return data.photos("chelsea")["chelsea"][:, 100:180, 200:300]


def test_patches_are_those_numpy_cuts_out_in_gray_levels_without_their_means() -> None:
    x = torch.rand(1, 9, 11, generator=torch.Generator().manual_seed(0))
    windows = np.lib.stride_tricks.sliding_window_view(255 * x[0].double().numpy(), (5, 5))
    cut = windows.reshape(-1, 25)
    expected = cut - cut.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(patches(x, 5).numpy(), expected, atol=1e-10)


def test_directions_have_length_one_and_lean_nowhere() -> None:
    rays = directions(20_000, 9)
    torch.testing.assert_close(rays.norm(dim=1), torch.ones(20_000, dtype=torch.float64))
    # each coordinate has mean 0 and variance 1/9; 20,000 draws leave about 0.0024 of error in the mean
    assert rays.mean(dim=0).abs().max() < 0.012
    assert (rays.square().mean(dim=0) - 1 / 9).abs().max() < 0.005


def test_the_distance_is_the_mean_of_scipys_on_each_direction(generator: torch.Generator) -> None:
    hr = photo()
    sr = (hr + 0.05 * torch.randn(hr.shape, generator=generator)).clamp(0, 1)
    rays = directions(6, 49, seed=3)
    a, b = (patches(x).numpy() @ rays.numpy().T for x in (sr, hr))
    exact = np.mean([wasserstein_distance(a[:, i], b[:, i]) for i in range(6)])
    assert sliced_wasserstein(sr, hr, slices=6, seed=3) == pytest.approx(exact, rel=1e-9)


def test_the_same_patches_at_other_places_are_at_distance_zero() -> None:
    stripes = torch.zeros(1, 40, 40)
    stripes[..., ::2] = 1
    moved = stripes.roll(1, dims=2)  # every pixel is wrong, every patch has its twin (up to one column)
    noise = torch.rand(1, 40, 40, generator=torch.Generator().manual_seed(0))
    assert sliced_wasserstein(moved, stripes) < 0.05 * sliced_wasserstein(noise, stripes)


def test_brightness_does_not_count_and_blur_and_noise_do() -> None:
    x = 0.2 + 0.6 * photo()
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    brighter = sliced_wasserstein(x + 0.1, x)
    blurred = sliced_wasserstein(_filter(x, gaussian_kernel((1.5, 1.5))), x)
    noisy = sliced_wasserstein((x + 0.05 * noise).clamp(0, 1), x)
    assert brighter < 1e-3 < 1 < min(blurred, noisy)


def test_contrast_gives_the_distance_that_the_formula_gives() -> None:
    # patches with half the contrast: every projection p becomes p / 2, and the distance is mean |p| / 2
    x = photo()
    rays = directions(128, 49)
    expected = float((patches(x) @ rays.T).abs().mean()) / 2
    assert sliced_wasserstein(0.25 + x / 2, x) == pytest.approx(expected, rel=1e-5)


def test_eight_bits_and_float_agree() -> None:
    levels = (photo() * 255).round().to(torch.uint8)
    other = levels.flip(1) // 2
    as_float = sliced_wasserstein(other / 255, levels / 255)
    assert sliced_wasserstein(other, levels) == pytest.approx(as_float, rel=0.05)  # 8-bit luma is rounded


@pytest.mark.parametrize(
    ("shapes", "more", "message"),
    [
        (((3, 16, 16), (3, 16, 17)), {}, r"sr is \(16, 16\) and hr is \(16, 17\)"),
        (((3, 16, 16), (3, 16, 16)), {"side": 17}, "side must be 2 to 16 for this picture, not 17"),
        (((3, 16, 16), (3, 16, 16)), {"slices": 0}, "slices must be at least 1"),
        (((2, 16, 16), (2, 16, 16)), {}, r"must be \(3, H, W\) or \(1, H, W\)"),
    ],
)
def test_wrong_input_is_a_sentence(
    shapes: tuple[tuple[int, ...], tuple[int, ...]], more: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        sliced_wasserstein(torch.rand(shapes[0]), torch.rand(shapes[1]), **more)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_pictures_of_no_numbers_are_refused(bad: float) -> None:
    good, broken = torch.rand(3, 16, 16), torch.rand(3, 16, 16)
    broken[1, 2, 3] = bad
    with pytest.raises(ValueError, match="sr holds NaN or infinity"):
        sliced_wasserstein(broken, good)
    with pytest.raises(ValueError, match="hr holds NaN or infinity"):
        sliced_wasserstein(good, broken)
