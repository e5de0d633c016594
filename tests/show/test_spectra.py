"""Spectra and transfer curves as figures: what is drawn is what was measured, and it is said in words."""

import math
import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from srlib import spectrum as measured
from srlib.show import spectra


def noise(side: int = 128, seed: int = 0) -> Tensor:
    return torch.rand(1, side, side, generator=torch.Generator().manual_seed(seed))


def blurred(x: Tensor, sigma: float) -> Tensor:
    fy, fx = (torch.fft.fftfreq(n) for n in x.shape[-2:])
    gain = torch.exp(-2 * math.pi**2 * sigma**2 * (fy[:, None].square() + fx.square()))
    return torch.fft.ifft2(torch.fft.fft2(x) * gain).real


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The matplotlib figures that were put on the page."""
    figures: list[Any] = []
    drawn = spectra.drawn

    def keeping(figure: Any, *rest: str) -> Any:
        figures.append(figure)
        return drawn(figure, *rest)

    monkeypatch.setattr(spectra, "drawn", keeping)
    return figures


ALT = "Curves of two methods, one flat and one falling."


def test_the_transfer_plot_holds_the_measured_curves_a_line_at_one_and_the_old_limit(kept: list[Any]) -> None:
    hr = noise()
    spectra.transfer(hr, {"same": hr, "blur": blurred(hr, 1.0)}, scale=4, alt=ALT)
    (plot,) = kept[0].axes
    lines = {line.get_label(): line for line in plot.lines}
    assert (lines["same"].get_ydata() == 1).all()
    f = np.asarray(lines["blur"].get_xdata())
    np.testing.assert_allclose(lines["blur"].get_ydata(), np.exp(-2 * np.pi**2 * f**2), rtol=0.1, atol=0.01)
    rest = [line for name, line in lines.items() if name.startswith("_")]
    assert any(list(line.get_ydata()) == [1, 1] for line in rest)
    assert any(list(line.get_xdata()) == [0.125, 0.125] for line in rest)
    styles = {(line.get_color(), str(line.get_linestyle())) for line in (lines["same"], lines["blur"])}
    assert len(styles) == 2
    assert plot.get_legend() is None  # it stands below, on no line
    assert [text.get_text() for text in kept[0].legends[0].get_texts()] == ["same", "blur"]


def test_the_alt_text_reads_each_curve_at_the_old_limit() -> None:
    hr = noise()
    page = spectra.transfer(hr, {"same": hr, "blur": blurred(hr, 1.0)}, scale=4, alt=ALT).text
    expected = math.exp(-2 * math.pi**2 * 0.125**2)  # 0.735
    found = re.search(r"At 0\.125 cycles per pixel: same 1\.00; blur (\d\.\d\d)\.", page)
    assert found
    assert float(found[1]) == pytest.approx(expected, abs=0.02)


def test_curves_over_photographs_are_the_averaged_ones(kept: list[Any]) -> None:
    hr = {"a": noise(96, 1), "b": 0.2 * noise(96, 2)}
    sr = {"b": 0.1 * noise(96, 3), "a": noise(96, 4)}
    spectra.transfer(hr, {"m": sr}, alt=ALT)
    line = next(line for line in kept[0].axes[0].lines if line.get_label() == "m")
    np.testing.assert_array_equal(line.get_ydata(), measured.transfer(sr, hr)[1].numpy())


def test_spectra_share_one_scale_and_have_zero_in_the_middle(kept: list[Any]) -> None:
    columns = torch.arange(128)
    wave = 0.5 + 0.4 * torch.sin(2 * math.pi * 0.25 * columns).expand(1, 128, 128)
    page = spectra.spectrum({"wave": wave, "noise": noise()}, alt="A wave and noise by frequency.").text
    (wave_image,), (noise_image,) = (figure.axes[0].images for figure in kept[:2])
    assert wave_image.get_clim() == noise_image.get_clim()
    left, right, bottom, top = wave_image.get_extent()
    assert (left, right, bottom, top) == (-0.5, 0.5, 0.5, -0.5)
    row, column = np.unravel_index(np.argmax(np.asarray(wave_image.get_array())), (128, 128))
    assert row == 64  # no change down the rows
    assert abs(column - 64) == 32  # half way to the edge: 0.25 cycles per pixel
    assert 'aria-label="log power spectrum of wave"' in page
    assert "cycles per pixel" in kept[0].axes[0].get_xlabel()


def test_a_flat_picture_beside_another_is_dark_and_no_error(kept: list[Any]) -> None:
    flat = torch.full((3, 40, 50), 0.5)
    assert spectra.spectrum({"flat": flat, "noise": noise()}, alt="A flat picture and noise.").text
    low, high = kept[0].axes[0].images[0].get_clim()
    assert high - low == pytest.approx(8)
    assert np.asarray(kept[0].axes[0].images[0].get_array()).max() < low


@pytest.mark.filterwarnings("error")
def test_flat_pictures_alone_are_dark_on_a_scale_of_their_own(kept: list[Any]) -> None:
    flat = torch.full((3, 40, 50), 0.5)
    spectra.spectrum({"flat": flat, "black": 0 * flat}, alt="Two flat pictures.")
    low, high = kept[0].axes[0].images[0].get_clim()
    assert high >= low + 1
    assert np.asarray(kept[0].axes[0].images[0].get_array()).max() == pytest.approx(low)
    bar = kept[-1].axes[0]
    assert bar.get_xlim() == (low, high)


def test_the_dotted_line_is_explained_where_there_is_one() -> None:
    hr = noise(32)
    says = r"reaches 1\.4 times as far, to 0\.177; only right of that the small picture held nothing"
    page = spectra.transfer(hr, {"same": hr}, scale=4, alt=ALT, caption="Of noise.").text
    assert re.search(rf"<figcaption>Of noise\. Dotted line: [^<]*{says}", page)
    assert re.search(rf'aria-label="[^"]*{says}', page)
    assert "otted" not in spectra.transfer(hr, {"same": hr}, alt=ALT).text


def test_a_small_picture_that_held_all_it_can_is_nothing_only_beyond_the_corners_of_its_square() -> None:
    hr = noise(256)
    kept = torch.fft.fftfreq(256).abs() < 0.5 / 3  # along rows, along columns: nothing is invented
    sr = torch.fft.ifft2(torch.fft.fft2(hr) * (kept[:, None] & kept)).real
    frequencies, ratio = measured.transfer(sr, hr)
    limit, ring = 0.5 / 3, 0.5 / len(frequencies)
    assert (ratio[frequencies < limit - ring] > 0.95).all()
    assert ratio[(frequencies > limit + ring) & (frequencies < 1.3 * limit)].min() > 0.2
    assert ratio[frequencies > spectra.CORNER * limit + ring].max() < 0.02


@pytest.mark.parametrize("seed", range(8))
def test_a_large_pictures_spectrum_stays_light(seed: int) -> None:
    x = torch.rand(3, 600, 900, generator=torch.Generator().manual_seed(seed))
    assert len(spectra.spectrum({"large": x}, alt="White noise all over.")) < 100_000


def test_large_pictures_transfer_stays_light() -> None:
    hr = torch.rand(3, 300, 300)
    assert len(spectra.transfer(hr, {str(i): hr for i in range(6)}, scale=2, alt=ALT)) < 100_000


def test_names_and_captions_cannot_become_markup() -> None:
    evil = "<img src=x onerror=alert(1)> \"'&"
    hr = noise(32)
    for page in (
        spectra.spectrum({evil: hr}, alt=f"three words {evil}", caption=evil),
        spectra.transfer(hr, {evil: hr}, alt=f"three words {evil}", caption=evil),
    ):
        assert "<img" not in page.text
        assert "&lt;img src=x" in page.text
    drawing = re.search(r"<svg.*?</svg>", page.text, re.S)
    assert drawing
    ET.fromstring(drawing[0])


HR = torch.rand(1, 32, 32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spectra.spectrum({}, alt="one two three"), "there is no picture"),
        (lambda: spectra.spectrum({"a": HR}, alt="spectrum"), "alt must say in words"),
        (lambda: spectra.transfer(HR, {}, alt=ALT), "there is no method"),
        (lambda: spectra.transfer(HR, {"a": HR}, alt=""), "alt must say in words"),
        (lambda: spectra.transfer(HR, {"a": HR}, scale=0, alt=ALT), "scale must be a whole number from 1 up"),
        (lambda: spectra.transfer(HR, {str(i): HR for i in range(7)}, alt=ALT), "show 6 at most"),
        (lambda: spectra.transfer(HR, {"edsr": HR[..., 1:]}, alt=ALT), r"edsr: sr is \(32, 31\) and hr"),
    ],
)
def test_wrong_input_is_a_sentence(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
