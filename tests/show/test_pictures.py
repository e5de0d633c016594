"""Grids, crops, error maps, failures: what is shown is what was given."""

import base64
import io
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from matplotlib import colormaps
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor, nn

from srlib.images import luma, to_uint8
from srlib.metrics import psnr
from srlib.show import error_map, failures, filters, grid, zoom
from srlib.show.pictures import heat, worst


def shown(page: str) -> list[Tensor]:
    """The pictures of a page, uint8 (3, H, W), in order."""
    raw = [base64.b64decode(one) for one in re.findall(r'src="data:image/[a-z]+;base64,([^"]+)"', page)]
    arrays = [np.asarray(Image.open(io.BytesIO(one)).convert("RGB")).copy() for one in raw]
    return [torch.from_numpy(one).movedim(-1, 0) for one in arrays]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_grid_shows_every_pixel_with_its_name() -> None:
    a, b = noise(3, 20, 30), noise(1, 10, 15, seed=1)
    page = grid({"LR <b>": a, "gray": b}, alt="two pictures of noise", times=2).text
    first, second = shown(page)
    assert torch.equal(first, to_uint8(a))
    assert torch.equal(second, to_uint8(b).expand(3, -1, -1))
    assert "LR &lt;b&gt;" in page
    assert 'width="60" height="40"' in page
    assert 'aria-label="two pictures of noise"' in page


def test_an_empty_grid_and_a_missing_alt_are_said() -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        grid({}, alt="nothing at all")
    with pytest.raises(ValueError, match="alt must say"):
        grid({"a": noise(3, 4, 4)}, alt="")


def test_zoom_cuts_the_same_boxes_out_of_every_picture() -> None:
    a, b = noise(3, 40, 50), noise(3, 40, 50, seed=1)
    whole, *crops = shown(
        zoom({"a": a, "b": b}, [(3, 5, 8, 9), (30, 40, 10, 10)], alt="two boxes of noise").text
    )
    assert torch.equal(whole, to_uint8(a))
    wanted = [a[:, 3:11, 5:14], b[:, 3:11, 5:14], a[:, 30:40, 40:50], b[:, 30:40, 40:50]]
    assert all(torch.equal(x, to_uint8(y)) for x, y in zip(crops, wanted, strict=True))


@pytest.mark.parametrize("box", [(35, 0, 8, 8), (-1, 0, 8, 8), (0, 45, 8, 8), (0, 0, 0, 8)])
def test_a_box_outside_the_picture_is_said(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="is not inside 40 x 50 pixels"):
        zoom({"a": noise(3, 40, 50)}, [box], alt="one box of noise")


def test_zoom_of_pictures_of_two_sizes_is_said() -> None:
    with pytest.raises(ValueError, match="pictures of one size"):
        zoom({"a": noise(3, 8, 8), "b": noise(3, 9, 8)}, [], alt="two pictures of noise")


def test_an_error_map_has_the_colour_of_each_error() -> None:
    hr = torch.full((1, 4, 4), 100 / 255)
    sr = hr.clone()
    sr[0, 0, 0], sr[0, 1, 2] = 120 / 255, 90 / 255  # 20 and 10 gray levels away
    drawn, _ = shown(error_map({"mine": sr}, hr, alt="two wrong pixels", limit=20).text)
    cividis = torch.tensor(np.round(np.array(colormaps["cividis"](np.linspace(0, 1, 256)))[:, :3] * 255))
    assert torch.equal(drawn[:, 0, 0].double(), cividis[255])
    assert torch.equal(drawn[:, 3, 3].double(), cividis[0])
    assert (drawn[:, 1, 2].double() - cividis[128]).abs().max() <= 1


def test_an_error_map_tells_the_psnr_and_the_scale_that_almost_nothing_exceeds() -> None:
    hr, sr = noise(3, 60, 60), noise(3, 60, 60, seed=1)
    page = error_map({"noise": sr}, hr, alt="noise against noise").text
    assert f"noise: {psnr(sr, hr):.2f} dB" in page
    cropped = error_map({"noise": sr}, hr, alt="noise against noise", crop=7).text
    assert f"noise: {psnr(sr[:, 7:-7, 7:-7], hr[:, 7:-7, 7:-7]):.2f} dB" in cropped
    errors = np.sort((255 * (luma(sr) - luma(hr)).abs()).numpy().ravel())
    level = int(re.search(r"(\d+) gray levels or more", page).group(1))  # type: ignore[union-attr]
    assert level == round(float(errors[int(0.99 * errors.size) - 1]))


def test_the_worst_squares_are_those_that_a_search_by_hand_finds() -> None:
    errors = noise(20, 23).square()
    size = 5
    sums = {
        (r, c): float(errors[r : r + size, c : c + size].double().sum()) for r in range(16) for c in range(19)
    }
    by_hand: list[tuple[int, int]] = []
    for corner in sorted(sums, key=lambda one: -sums[one]):
        if all(abs(corner[0] - r) >= size or abs(corner[1] - c) >= size for r, c in by_hand):
            by_hand.append(corner)
    assert worst(errors, 4, size) == by_hand[:4]


def test_more_worst_squares_than_there_is_room_for_are_not_invented() -> None:
    assert len(worst(noise(10, 10), 100, 5)) <= 4
    with pytest.raises(ValueError, match="has no square of 11"):
        worst(noise(10, 10), 1, 11)


def test_failures_shows_the_same_place_of_every_method_worst_photograph_first() -> None:
    hr = {"fine": noise(3, 40, 40), "bad": noise(3, 40, 40, seed=1), "same": noise(3, 40, 40, seed=2)}
    mine = {name: x.clone() for name, x in hr.items()}
    mine["bad"][:, 10:18, 20:28] = 1 - mine["bad"][:, 10:18, 20:28]
    mine["fine"][:, 2:10, 4:12] = 0.9 * mine["fine"][:, 2:10, 4:12]
    other = {name: x * 0.5 for name, x in hr.items()}
    page = failures(hr, {"mine": mine, "other": other}, alt="the worst places of mine", count=2, size=8).text
    assert re.findall(r"<strong>([^<]*)</strong>", page) == [
        "bad, row 10, column 20",
        "fine, row 2, column 4",
    ]
    crops = shown(page)
    assert len(crops) == 6
    assert torch.equal(crops[0], to_uint8(hr["bad"][:, 10:18, 20:28]))
    assert torch.equal(crops[1], to_uint8(mine["bad"][:, 10:18, 20:28]))
    assert torch.equal(crops[2], to_uint8(other["bad"][:, 10:18, 20:28]))


def test_filters_are_shown_strongest_first_on_one_scale() -> None:
    layer = nn.Conv2d(1, 3, 3)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[1] = 0.5
        layer.weight[2, 0, 0, 0] = -0.5
    [sheet] = shown(filters(layer, alt="three filters, two of them empty", columns=3).text)
    assert sheet.shape == (3, 3, 11)
    assert (sheet[0, :, :3] == 255).all()  # the strong one is white all over
    assert sheet[0, 0, 4] == 0  # the negative weight is black
    assert sheet[0, 1, 5] == 128  # zero is mid gray
    assert (sheet[0, :, 8:] == 128).all()


def test_filters_of_a_deeper_layer_cannot_be_shown() -> None:
    with pytest.raises(ValueError, match=r"not weights of shape \(4, 2, 3, 3\)"):
        filters(nn.Conv2d(2, 4, 3), alt="filters of two channels")


def test_the_colours_grow_evenly_brighter() -> None:
    lightness = luma(heat(torch.linspace(0, 1, 64).expand(1, 1, -1)))[0, 0]
    assert (lightness.diff() > 0).all()


def test_eight_bit_pictures_are_measured_as_they_are() -> None:
    hr, sr = (to_uint8(noise(3, 20, 20, seed=seed)) for seed in (0, 1))
    wanted = peak_signal_noise_ratio(luma(hr)[0].numpy() / 1.0, luma(sr)[0].numpy() / 1.0, data_range=255)
    assert f"mine: {wanted:.2f} dB" in error_map({"mine": sr}, hr, alt="noise against noise").text
    assert "mine: " in failures({"a": hr}, {"mine": {"a": sr}}, alt="noise against noise", size=8).text


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: error_map({}, noise(3, 8, 8), alt="nothing at all here"), "at least one picture"),
        (
            lambda: error_map({"a": noise(3, 8, 9)}, noise(3, 8, 8), alt="two sizes of noise"),
            r"a has \(8, 9\)",
        ),
        (lambda: failures({}, {"a": {}}, alt="nothing at all here"), "at least one photograph"),
        (lambda: failures({"x": noise(3, 40, 40)}, {}, alt="nothing at all here"), "one method"),
        (
            lambda: failures({"x": noise(3, 40, 40)}, {"a": {}}, alt="nothing at all here"),
            "a has no picture of x",
        ),
        (
            lambda: failures({"x": noise(3, 40, 40)}, {"a": {}}, by="b", alt="nothing at all here"),
            "by='b' is none of the methods: a",
        ),
        (lambda: filters(nn.Conv2d(1, 2, 3), columns=0, alt="two filters of noise"), "from 1 up"),
        (lambda: filters(torch.zeros(0, 1, 3, 3), alt="no filters at all"), r"shape \(0, 1, 3, 3\)"),
        (lambda: grid({"a": noise(3, 8, 8)}, times=0, alt="an invisible picture"), "from 1 up"),
        (lambda: grid({"a": noise(3, 8, 8) * torch.nan}, alt="a broken picture"), "no numbers"),
        (lambda: filters(torch.full((1, 1, 3, 3), torch.nan), alt="a broken filter"), "no numbers"),
    ],
)
def test_what_cannot_be_shown_is_said_in_a_line(call: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_picture_too_long_for_webp_is_shown_all_the_same() -> None:
    wide = noise(1, 1, 17000)
    [back] = shown(grid({"wide": wide}, alt="a very wide picture").text)
    assert torch.equal(back, to_uint8(wide).expand(3, -1, -1))
