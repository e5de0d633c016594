"""The degradations against Pillow, NumPy and formulas."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from srlib.degrade import Degradation, bicubic, gaussian_kernel
from srlib.resize import imresize


def test_bicubic_is_matlabs_shrinking_through_bytes_and_through_floats() -> None:
    levels = torch.randint(0, 256, (3, 12, 18), dtype=torch.uint8)
    assert torch.equal(bicubic(levels, 3), imresize(levels, 1 / 3))
    floats = levels.double() / 255
    low = bicubic(floats, 3)
    torch.testing.assert_close(low, imresize(floats, 1 / 3), rtol=0, atol=1e-14)
    assert (low * 255 - bicubic(levels, 3)).abs().max() <= 1.2  # rounding once an axis, clipping


def test_bicubic_in_float_is_not_clipped() -> None:
    edge = torch.zeros(1, 16, 16)
    edge[..., 6:] = 1
    assert bicubic(edge, 2).max() > 1


def test_bicubic_has_exactly_the_divided_size_at_any_scale() -> None:
    for scale in range(1, 50):  # 1/49 * 49 rounds above 1 in floating point
        assert bicubic(torch.rand(1, 3 * scale, 2 * scale), scale).shape == (1, 3, 2)


@pytest.mark.parametrize("degrade", [bicubic, Degradation()])
def test_sizes_that_do_not_divide_are_refused(degrade: Any) -> None:
    with pytest.raises(ValueError, match="crop_to_multiple"):
        degrade(torch.rand(3, 9, 10), 2)
    with pytest.raises(ValueError, match="whole number"):
        degrade(torch.rand(3, 9, 9), 1.5)


def test_without_troubles_only_the_clipped_bicubic_remains() -> None:
    hr = torch.rand(3, 16, 16)
    assert torch.equal(Degradation()(hr, 2), bicubic(hr, 2).clamp(0, 1))


def test_round_blur_equals_scipys_gaussian() -> None:
    hr = torch.rand(1, 40, 40)
    expected = gaussian_filter(hr[0].double().numpy(), 1.2, truncate=5 / 1.2, mode="nearest")
    got = Degradation(blur=1.2)(hr, 1)
    np.testing.assert_allclose(got[0].numpy(), expected, atol=1e-5)


def test_the_kernel_is_wide_along_its_first_axis_and_turns() -> None:
    kernel = gaussian_kernel((3.0, 1.0)).double()
    offset = torch.arange(kernel.shape[0]) - kernel.shape[0] // 2
    rows = (kernel.sum(1) * offset**2).sum().sqrt()
    columns = (kernel.sum(0) * offset**2).sum().sqrt()
    assert kernel.sum() == pytest.approx(1, abs=1e-6)
    assert rows == pytest.approx(3.0, rel=0.01)
    assert columns == pytest.approx(1.0, rel=0.01)
    torch.testing.assert_close(gaussian_kernel((3.0, 1.0), angle=np.pi / 2), kernel.T.float())


def test_a_range_of_blur_is_drawn_for_each_axis_and_turned() -> None:
    point = torch.zeros(1, 61, 61)
    point[0, 30, 30] = 1
    offset = torch.arange(61.0) - 30
    degrade, lopsided, leaning = Degradation(blur=(0.5, 4.0), seed=1), 0, 0
    for _ in range(10):
        spot = degrade(point, 1)[0]
        rows, columns = (spot.sum(d) @ offset.square() / spot.sum() for d in (1, 0))
        across = (spot * offset[:, None] * offset[None]).sum() / spot.sum()
        lopsided += bool((rows / columns).log().abs() > 0.2)
        leaning += bool(across.abs() > 0.2)
    assert lopsided >= 3
    assert leaning >= 3


def test_blur_comes_before_shrinking_and_noise_after() -> None:
    hr = torch.rand(1, 32, 32)
    blurred = Degradation(blur=2.0)(hr, 1)
    torch.testing.assert_close(Degradation(blur=2.0)(hr, 2), bicubic(blurred, 2).clamp(0, 1))
    gray = torch.full((1, 400, 400), 0.5)
    noise = Degradation(blur=3.0, noise=0.05)(gray, 4) - 0.5
    assert noise.std() == pytest.approx(0.05, rel=0.03)  # neither blur nor shrinking averaged it away


def test_noise_has_the_stated_deviation() -> None:
    gray = torch.full((3, 200, 200), 0.5)
    noise = Degradation(noise=0.05, seed=3)(gray, 1) - gray
    assert noise.mean() == pytest.approx(0, abs=5e-4)
    assert noise.std() == pytest.approx(0.05, rel=0.01)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_pillows_jpeg(channels: int) -> None:
    levels = torch.randint(0, 256, (channels, 16, 24), dtype=torch.uint8)
    picture = Image.fromarray(levels.movedim(0, -1).squeeze(-1).numpy())
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=30)
    expected = np.array(Image.open(buffer)).reshape(16, 24, channels).transpose(2, 0, 1)
    assert np.array_equal(Degradation(jpeg=30)(levels, 1).numpy(), expected)


def test_the_same_seed_gives_the_same_sequence_and_another_seed_another() -> None:
    hr = torch.rand(3, 32, 32)
    settings: dict[str, Any] = {"blur": (0.2, 3.0), "noise": (0.0, 0.1), "jpeg": (30, 90)}
    first, again, other = (Degradation(**settings, seed=s) for s in (1, 1, 2))
    one, two = first(hr, 2), first(hr, 2)
    assert torch.equal(again(hr, 2), one)
    assert torch.equal(again(hr, 2), two)
    assert not torch.equal(one, two)
    assert not torch.equal(other(hr, 2), one)


def test_a_batch_draws_for_each_picture_and_keeps_its_type() -> None:
    hr = torch.rand(1, 3, 16, 16).expand(2, -1, -1, -1)
    low = Degradation(noise=0.1)(hr, 2)
    assert low.shape == (2, 3, 8, 8)
    assert not torch.equal(low[0], low[1])
    assert low.dtype == torch.float32
    assert Degradation(noise=0.1)((hr * 255).byte(), 2).dtype == torch.uint8
    assert low.min() >= 0
    assert low.max() <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"blur": -1},
        {"noise": 2},
        {"noise": (0.2, 0.1)},
        {"jpeg": 0},
        {"jpeg": 100},
        {"blur": (1, 2, 3)},
        {"blur": None},
        {"noise": "a"},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Degradation(**wrong)


@pytest.mark.parametrize("wrong", [torch.rand(3, 8, 8) * 255, torch.full((3, 8, 8), float("nan"))])
def test_a_picture_out_of_range_is_refused(wrong: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="outside"):
        Degradation()(wrong, 2)


def test_a_picture_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="1 or 3 channels"):
        Degradation()(torch.rand(2, 8, 8), 2)


def test_with_a_chance_each_trouble_happens_so_often_and_by_itself() -> None:
    picture = torch.full((3, 6, 6), 0.5)
    picture[:, 3] = 1.0
    degrade = Degradation(blur=2.0, noise=0.1, chance=0.3, seed=1)
    blurred = noisy = both = 0
    for _ in range(400):
        made = degrade(picture, 1)
        noise = bool((made[:, 0] - made[:, 0].mean()).abs().max() > 0.01)  # a row is flat but for noise
        blur = float(made[:, 3].mean()) < 0.9
        blurred, noisy, both = blurred + blur, noisy + noise, both + (blur and noise)
    assert 0.22 < blurred / 400 < 0.38
    assert 0.22 < noisy / 400 < 0.38
    assert 0.04 < both / 400 < 0.15
