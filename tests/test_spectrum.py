"""Spectra and transfer curves, against what theory says of noise, waves, Gaussians and added noise."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from srlib import data
from srlib.degrade import _filter, gaussian_kernel
from srlib.images import luma
from srlib.spectrum import power, radial, transfer


def noise(rows: int, columns: int, seed: int = 0, strength: float = 1.0) -> Tensor:
    drawn = torch.randn(1, rows, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return strength * drawn


def blurred_round(x: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur as a product in the frequency domain: exp(-2 pi^2 sigma^2 f^2), exactly."""
    fy, fx = (torch.fft.fftfreq(n, dtype=torch.float64) for n in x.shape[-2:])
    gain = torch.exp(-2 * math.pi**2 * sigma**2 * (fy[:, None].square() + fx.square()))
    return torch.fft.ifft2(torch.fft.fft2(x.double()) * gain).real


def test_white_noise_has_its_variance_at_every_frequency() -> None:
    frequencies, found = radial(noise(400, 300, strength=0.1))
    assert len(frequencies) == 64
    assert frequencies[-1] == 0.5
    # the last rings hold more than a thousand values each, the first a few: 5 standard errors there
    assert found.mean() == pytest.approx(0.01, rel=0.02)
    torch.testing.assert_close(found[20:], torch.full((44,), 0.01, dtype=torch.float64), rtol=0.2, atol=0)


def test_a_wave_stands_at_its_frequency() -> None:
    columns = torch.arange(200, dtype=torch.float64)
    wave = 0.5 + 0.3 * torch.sin(2 * math.pi * 0.2 * columns).expand(1, 160, 200)
    frequencies, found = radial(wave)
    assert frequencies[found.argmax()] == pytest.approx(0.2, abs=0.5 / 64)
    spectrum = power(wave)
    peak = int(spectrum.argmax())
    assert spectrum.shape == (160, 200)
    assert peak // 200 == 80  # no change down the rows: the middle row
    assert abs(peak % 200 - 100) == 40  # 0.2 cycles per pixel in 200 columns


def test_the_power_is_numpys_of_the_windowed_picture() -> None:
    x = torch.rand(1, 20, 31, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    window = np.outer(np.hanning(20), np.hanning(31))
    picture = x[0].numpy()
    centred = (picture - (window * picture).sum() / window.sum()) * window
    expected = np.fft.fftshift(np.abs(np.fft.fft2(centred)) ** 2) / (window**2).sum()
    np.testing.assert_allclose(power(x).numpy(), expected, rtol=1e-9, atol=1e-12)


def test_colour_counts_by_its_luma() -> None:
    photo = data.photos("coffee")["coffee"][:, :90, :120].double()
    torch.testing.assert_close(radial(photo), radial(luma(photo)))


def test_the_identity_has_the_transfer_one_exactly() -> None:
    photos = {name: x[:, :130, :97] for name, x in data.photos(["chelsea", "coffee"]).items()}
    for sr in (photos, list(photos.values()), photos["coffee"]):
        hr = sr.copy() if isinstance(sr, (dict, list)) else sr.clone()
        assert (transfer(sr, hr)[1] == 1).all()


@pytest.mark.parametrize("sigma", [0.6, 1.0])
def test_a_gaussian_blur_has_the_gaussian_that_theory_gives(sigma: float) -> None:
    hr = noise(256, 256)
    frequencies, found = transfer(blurred_round(hr, sigma), hr)
    expected = torch.exp(-2 * math.pi**2 * sigma**2 * frequencies.square())
    # within a ring the Gaussian falls and the window mixes neighbours: a few per cent and a floor
    torch.testing.assert_close(found, expected, rtol=0.04, atol=0.002)


def test_the_degradations_own_blur_of_a_photograph_follows_it_too() -> None:
    hr = data.photos("tissue")["tissue"]
    frequencies, found = transfer(_filter(hr, gaussian_kernel((1.2, 1.2))), hr)
    expected = torch.exp(-2 * math.pi**2 * 1.2**2 * frequencies.square())
    # the kernel is sampled (narrow ones alias, this one hardly) and cut at 3.5 sigmas
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.01)


def test_added_noise_raises_the_high_end_as_the_formula_says() -> None:
    sigma, strength = 1.0, 0.05
    hr = blurred_round(noise(384, 384), sigma)
    frequencies, found = transfer(hr + noise(384, 384, seed=7, strength=strength), hr)
    # powers add: HR has exp(-4 pi^2 sigma^2 f^2), the noise its variance everywhere
    expected = (1 + strength**2 * torch.exp(4 * math.pi**2 * sigma**2 * frequencies.square())).sqrt()
    assert expected[0] < 1.002 < 5 < expected[-1]
    torch.testing.assert_close(found, expected, rtol=0.1, atol=0)


def test_several_pictures_are_summed_before_they_are_divided() -> None:
    # white noise of strengths 3 and 1, SR of 3 and 2: sqrt((9 + 4) / (9 + 1)), not the mean of 1 and 2
    hr = [noise(200, 200, 1, 3.0), noise(240, 220, 2)]
    found = transfer([hr[0], 2 * hr[1]], hr)[1]
    assert len(found) == 64
    assert found[20:].mean() == pytest.approx(math.sqrt(13 / 10), rel=0.01)


def test_mappings_are_matched_by_name() -> None:
    a, b = noise(64, 64, 1), noise(80, 72, 2)  # in the wrong order they would not be of one size
    assert (transfer({"b": b, "a": a}, {"a": a, "b": b})[1] == 1).all()


def test_a_small_picture_has_fewer_rings_and_none_is_empty() -> None:
    for rows, columns in ((8, 8), (9, 33), (31, 17)):
        frequencies, found = radial(noise(rows, columns))
        assert len(frequencies) == min(rows, columns) // 2
        assert (found > 0).all()


FLAT, FULL = torch.full((1, 16, 16), 0.5), torch.rand(1, 16, 16)


@pytest.mark.parametrize(
    ("sr", "hr", "message"),
    [
        (FULL, FLAT, "hr is flat"),
        (FULL, torch.rand(1, 16, 17), r"sr is \(16, 16\) and hr \(16, 17\); crop them"),
        ({"a": FULL}, {"b": FULL}, "only one of them has a, b"),
        ([FULL], [FULL, FULL], "sr has 1 pictures and hr 2"),
        (FULL, [FULL], "must be of one kind"),
        ([], [], "sr has 0 pictures"),
        (torch.rand(2, 16, 16), torch.rand(2, 16, 16), r"must be \(3, H, W\) or \(1, H, W\)"),
        (torch.rand(1, 7, 16), torch.rand(1, 7, 16), "at least 8 x 8 pixels"),
        (FULL / 0 * 0, FULL, "NaN or infinite"),
    ],
)
def test_wrong_input_is_a_sentence(sr: object, hr: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        transfer(sr, hr)  # type: ignore[arg-type]


def test_more_rings_than_the_picture_can_tell_apart_are_refused() -> None:
    with pytest.raises(ValueError, match=r"rings must be 1 to 10 for a picture of \(20, 30\), not 11"):
        radial(torch.rand(1, 20, 30), rings=11)
