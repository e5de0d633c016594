"""The kernel explorer and drawing: frequency responses against closed forms, pictures against imresize."""

import base64
import io
import re
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.integrate import quad
from torch import Tensor

from srlib import data
from srlib.resize import KERNELS, Kernel, cubic, imresize, lanczos
from srlib.show import kernels
from srlib.show._look import COLOURS, axes
from srlib.show.explorers.kernel import FINS, kernel, zone_plate

FREQUENCY = np.linspace(0.01, 2.5, 60)


def keys(f: np.ndarray, a: float) -> np.ndarray:
    """The Fourier transform of Keys' cubic as published (Keys 1981; Park and Schowengerdt 1983)."""
    first = 3 / (np.pi * f) ** 2 * (np.sinc(f) ** 2 - np.sinc(2 * f))
    second = 2 / (np.pi * f) ** 2 * (3 * np.sinc(2 * f) ** 2 - 2 * np.sinc(2 * f) - np.sinc(4 * f))
    return first + a * second


@pytest.mark.parametrize(
    ("one", "published"),
    [
        (KERNELS["nearest"], np.sinc(FREQUENCY)),
        (KERNELS["linear"], np.sinc(FREQUENCY) ** 2),
        (cubic(-0.5), keys(FREQUENCY, -0.5)),
        (cubic(-0.75), keys(FREQUENCY, -0.75)),
        (cubic(0.0), keys(FREQUENCY, 0.0)),
    ],
)
def test_frequency_responses_are_the_published_formulas(one: Kernel, published: np.ndarray) -> None:
    assert kernels.response(one, FREQUENCY) == pytest.approx(published, abs=2e-5)


def test_lanczos_response_is_what_quadrature_gives() -> None:
    one = lanczos(3)

    def wave(x: float, f: float) -> float:
        return float(one.function(np.array(x))) * np.cos(2 * np.pi * f * x)

    whole = quad(wave, 0, 3, args=(0.0,), limit=200)[0]
    for f in (0.2, 0.5, 0.9, 1.4):
        expected = quad(wave, 0, 3, args=(f,), limit=200)[0] / whole
        assert kernels.response(one, np.array([f]))[0] == pytest.approx(expected, abs=1e-5)


def test_stretching_narrows_the_response_by_the_scale() -> None:
    narrow = kernels.response(cubic(), FREQUENCY / 3, scale=1 / 3)
    assert narrow == pytest.approx(keys(FREQUENCY, -0.5), abs=2e-5)
    plain = kernels.response(cubic(), FREQUENCY, scale=1 / 3, antialias=False)
    assert plain == pytest.approx(keys(FREQUENCY, -0.5), abs=2e-5)


@pytest.mark.parametrize(
    ("scale", "antialias", "bands"),
    [
        (3.0, False, ((0, 0.5), (0.5, 1.5))),
        (1 / 3, False, ((0, 1 / 6), (1 / 6, 0.5))),
        (1 / 3, True, ((0, 1 / 6), (1 / 6, 0.5))),
    ],
)
def test_power_below_and_above_the_edge_is_the_formulas_integral(
    scale: float, antialias: bool, bands: tuple[tuple[float, float], ...]
) -> None:
    stretch = scale if antialias else 1.0
    found = kernels.passed(cubic(-0.75), scale, antialias)
    for share, (low, high) in zip(found, bands, strict=True):
        power = quad(lambda f: keys(np.array(max(f, 1e-6) / stretch), -0.75) ** 2, low, high)[0]
        assert share == pytest.approx(power / (high - low), abs=1e-4)


def test_the_zone_plates_frequency_grows_from_none_to_the_finest() -> None:
    plate = zone_plate(252)[0].double()
    assert plate.min() >= 0
    assert plate.max() <= 1
    middle = 2 * plate[126] - 1  # one row: cos of pi r^2 / 252, r from the middle
    r = np.arange(252) - 125.5
    assert middle.numpy() == pytest.approx(np.cos(np.pi * (r**2 + 0.25) / 252), abs=1e-5)


def pictures(page: str) -> list[Tensor]:
    found = re.findall(r'base64,([^"]+)"', page)
    return [
        torch.from_numpy(np.asarray(Image.open(io.BytesIO(base64.b64decode(raw))).convert("RGB")).copy())
        for raw in found
    ]


def test_the_picture_is_the_one_that_imresize_makes() -> None:
    photo = torch.rand(3, 40, 50, generator=torch.Generator().manual_seed(0))
    explorer = kernel(photo)
    shown = pictures(explorer.text(kernel="cubic", a="-0.75", scale="x4"))[0]
    expected = imresize(photo[:, 4:36, 9:41], 4, kernel=cubic(-0.75)).clamp(0, 1)
    assert torch.equal(shown.movedim(-1, 0), (expected * 255 + 0.5).floor().byte())


def test_without_stretching_the_shrunk_plate_repeats_its_middle() -> None:
    explorer = kernel()
    aliased, clean = (
        pictures(explorer.text(kernel="linear", scale="1/3", stretch=word))[0][..., 0].float()
        for word in ("no", "yes")
    )
    # every third pixel: 28 of them along, pi r^2 / 252 gains a constant phase, here half a turn: the rings of
    # the middle return, dark for bright
    copy, centre = aliased[28:56, 2:26], aliased[28:56, 30:54]
    assert (255 - copy - centre).abs().mean() < 1
    assert clean[28:56, 2:26].std() < 0.2 * centre.std()


def test_the_words_say_when_a_control_has_no_effect() -> None:
    explorer = kernel()
    assert "a belongs to the cubic: it changes nothing for linear" in explorer.text(kernel="linear")
    assert "belongs to the cubic" not in explorer.text(kernel="cubic")
    for stretch in ("yes", "no"):
        assert "the tick changes nothing here" in explorer.text(scale="x3", stretch=stretch)
        assert "the tick changes nothing here" not in explorer.text(scale="1/3", stretch=stretch)


def test_the_caption_names_the_dots_the_dashed_line_and_the_rings() -> None:
    enlarged, shrunk = (
        re.findall(r"<figcaption>(.*?)</figcaption>", kernel().text(scale=s))[0] for s in ("x3", "1/3")
    )
    for words in ("as orange dots the weights of one output pixel", "dashed, the edge: the finest pattern"):
        assert words in enlarged
        assert words in shrunk
    assert "The zone plate has only rings around its middle" in shrunk
    assert "zone plate" not in enlarged
    assert "jagged edges" in enlarged
    assert "false rings" in shrunk
    assert ">The photograph's crop, enlarged x3</span>" in kernel().text(scale="x3")
    assert ">The zone plate, shrunk to 1/3</span>" in kernel().text(scale="1/3")


def test_a_photo_of_eight_bits_makes_the_picture_that_the_same_photo_in_floats_does() -> None:
    levels = torch.randint(0, 256, (3, 40, 50), generator=torch.Generator().manual_seed(0)).byte()
    assert kernel(levels).text() == kernel(levels / 255).text()


def test_dots_are_the_weights_of_one_output_pixel() -> None:
    page = kernel().text(kernel="cubic", scale="x3")
    assert page.count("<circle") == 4  # the cubic reaches two pixels to each side
    # Keys' cubic at 5/3, 2/3, 1/3 and 4/3 pixels: -1/27, 9/27, 21/27 and -2/27
    said = re.search(r"weights of one output pixel: 4, from (-?[\d.]+) to (\d.\d+)", page)
    assert said
    assert [float(v) for v in said.groups()] == [
        pytest.approx(-2 / 27, abs=5e-3),
        pytest.approx(21 / 27, abs=5e-3),
    ]


def test_the_caption_says_when_a_kernel_makes_patterns_stronger() -> None:
    for a, stretched in (("-1", "yes"), ("-1", "no"), ("0", "yes")):
        page = kernel().text(a=a, scale="1/3", stretch=stretched)
        (share,) = re.findall(r"hold, (\d+)% of the power passes", page)
        assert ("some is made stronger" in page) == (int(share) > 100)
        assert ("ideal: 100%" in page) == (int(share) <= 100)


def test_the_saved_page_has_the_programs_two_cubics_and_both_ends() -> None:
    a = kernel().controls["a"]
    assert a.still == ("-1", "-0.75", "-0.5", "0")  # OpenCV and torch: -0.75, MATLAB and Pillow: -0.5


def test_the_piece_that_is_enlarged_has_a_strong_edge_and_fine_lines() -> None:
    piece = data.photos("motorcycle")["motorcycle"][:, *FINS].mean(dim=0)
    columns, rows = piece.mean(dim=0), piece.diff(dim=0).abs()
    assert columns[16:].mean() - columns[:8].mean() > 0.2  # dark at the left, bright at the right
    assert rows[:, 16:].mean() > 0.04  # ten gray levels from row to row, among the fins


def test_the_saved_page_stays_light() -> None:
    assert len(kernel().still()) < 600_000


def test_the_plain_drawing_has_a_line_and_a_name_for_each_kernel() -> None:
    page = kernels.kernel("nearest", cubic(-0.75), scale=1 / 2, alt="two kernels drawn", caption="Two.").text
    assert 'aria-label="two kernels drawn"' in page
    assert "<figcaption>Two.</figcaption>" in page
    colours = set(re.findall(r"stroke: (#[0-9a-f]{6})", page))
    assert set(COLOURS[:2]) <= colours
    assert COLOURS[2] not in colours


def test_the_plain_drawings_are_two_that_fit_a_phone_unshrunk() -> None:
    page = kernels.kernel("nearest", "linear", "cubic", "lanczos3", alt="four kernels drawn").text
    widths = [int(width) for width in re.findall(r'<svg [^>]*? width="(\d+)" height', page)]
    assert len(widths) == 2
    assert max(widths) <= 358  # what a phone of 390 pixels leaves, so that letters keep their 9.5 points
    assert page.count('class="tiles"') == 1


def test_the_edge_of_the_pass_band_is_named_where_its_line_is() -> None:
    _, (axis,) = axes()
    kernels.mark_edge(axis, 1 / 3)
    (text,) = axis.texts
    assert text.get_text() == "edge of the pass band"
    assert text.get_position()[0] == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: kernel(torch.rand(3, 20, 40)), r"32 x 32 pixels or more, not \(3, 20, 40\)"),
        (lambda: kernel(torch.rand(3, 40, 40) * 255), "photo reaches from .*divide by 255"),
        (lambda: kernel(torch.full((1, 40, 40), torch.nan)), "photo reaches from nan"),
        (
            lambda: kernels.kernel("bicubic", alt="a b c"),
            "there is no kernel 'bicubic'; choose one of nearest",
        ),
        (lambda: kernels.kernel(alt="a b c"), "1 to 6 kernels, not 0"),
        (lambda: kernels.kernel("cubic", alt="cubic"), "alt must say in words"),
        (lambda: kernels.kernel("cubic", scale=0, alt="a b c"), "scale must be above 0"),
        (lambda: kernels.passed(cubic(), 1.0), "above 1 to enlarge or between 0 and 1"),
    ],
)
def test_a_wrong_call_is_named(call: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()
