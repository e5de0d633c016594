"""Blending two networks: the weights exactly, the measures independently, and what the reader is told."""

import copy
import re

import pytest
import torch
from torch import Tensor, nn

from srlib import data, zoo
from srlib.degrade import bicubic
from srlib.images import from_uint8, to_uint8
from srlib.inference import upscale
from srlib.metrics import psnr
from srlib.models import EDSR, SRResNet
from srlib.show.explorers.blend import blend, interpolated


def network(seed: int, blocks: int = 1) -> SRResNet:
    """A small untrained network whose batch normalisation has seen something."""
    torch.manual_seed(seed)
    made = SRResNet(4, blocks=blocks, features=4)
    for _ in range(seed):
        made.train()(torch.rand(2, 3, 8, 8) * seed)
    return made.eval()


@pytest.mark.parametrize("alpha", [0, 1])
def test_the_ends_are_the_two_networks_exactly(alpha: int) -> None:
    pair = network(1), network(2)
    found, end = interpolated(*pair, alpha).state_dict(), pair[alpha].state_dict()
    assert found.keys() == end.keys()
    assert all(torch.equal(found[name], end[name]) for name in end)
    x = torch.rand(1, 3, 9, 7)
    with torch.no_grad():
        assert torch.equal(interpolated(*pair, alpha)(x), pair[alpha](x))


def test_the_middle_is_the_mean_of_all_weights_and_of_what_batch_normalisation_has_seen() -> None:
    a, b = network(1), network(3)
    found = interpolated(a, b, 0.5).state_dict()
    first, second = a.state_dict(), b.state_dict()
    seen = [name for name in found if name.endswith("running_var")]
    assert seen
    for name in seen:
        assert not torch.equal(first[name], second[name])
    for name, value in found.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, torch.stack([first[name], second[name]]).mean(dim=0))


def test_a_tenth_of_the_second_is_that() -> None:
    a, b = nn.Linear(1, 1), nn.Linear(1, 1)
    for layer, value in ((a, 1.0), (b, 3.0)):
        nn.init.constant_(layer.weight, value)
    assert float(interpolated(a, b, 0.1).state_dict()["weight"]) == pytest.approx(1.2)


def test_whole_numbers_are_the_nearer_networks() -> None:
    a, b = network(1), network(3)
    name = "body.0.body.1.num_batches_tracked"
    counts = [int(interpolated(a, b, alpha).state_dict()[name]) for alpha in (0.4, 0.6)]
    assert counts == [1, 3]


def test_both_networks_stay_as_they_are() -> None:
    a, b = network(1), network(2)
    before = copy.deepcopy(a.state_dict()), copy.deepcopy(b.state_dict())
    between = interpolated(a, b, 0.3)
    with torch.no_grad():
        for parameter in between.parameters():
            parameter.zero_()
    for found, kept in zip((a, b), before, strict=True):
        assert all(torch.equal(value, kept[name]) for name, value in found.state_dict().items())


@pytest.mark.parametrize(
    ("first", "second", "alpha", "message"),
    [
        (network(0), EDSR(4, blocks=1, features=4), 0.5, "first is a SRResNet and second a EDSR"),
        (network(0), network(0, blocks=2), 0.5, r"only the first SRResNet has body\.1\.weight; build both"),
        (
            nn.Linear(2, 3),
            nn.Linear(2, 4),
            0.5,
            r"weight is \(3, 2\) in the first and \(4, 2\) in the second",
        ),
        (network(0), network(0), 1.5, "alpha must be between 0 and 1, not 1.5"),
        (network(0), network(0), float("nan"), "alpha must be between 0 and 1, not nan"),
    ],
)
def test_networks_that_cannot_be_blended_are_refused(
    first: nn.Module, second: nn.Module, alpha: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        interpolated(first, second, alpha)


@pytest.fixture(scope="module")
def gray_levels() -> Tensor:
    return data.photos("coffee")["coffee"][:, 100:300, 200:400]


def test_the_values_in_the_drawing_are_those_of_the_picture_by_hand(gray_levels: Tensor) -> None:
    a, b = network(1), network(2)
    page = blend(a, b, gray_levels).text(alpha="0.3")
    # the middle 156 x 156 is fed, the middle 108 x 108 of the answer is measured
    hr = gray_levels[:, 22:178, 22:178]
    sr = to_uint8(upscale(interpolated(a, b, 0.3), from_uint8(to_uint8(bicubic(hr, 4))), 4))
    value = psnr(from_uint8(sr), hr, crop=24)
    assert f"PSNR {value:.2f} dB: higher is closer" in page
    assert f"now {value:.2f}" in page
    assert "0.7 SRResNet of your own + 0.3 SRResNet of your own" in page


def test_the_default_says_what_the_cards_say_and_reads_its_curves_aloud() -> None:
    explorer = blend()
    pages = [explorer.text(alpha=word) for word in ("0", "1")]
    for name in ("srresnet", "srgan"):
        card = zoo.card(name, 4)
        assert f"{card.title} was trained for {card.steps:,} steps" in pages[0]
        assert card.note in pages[0]
    ends = [re.search(r"PSNR ([\d.]+) dB: higher", page) for page in pages]
    assert all(ends)
    assert f"PSNR goes from {ends[0] and ends[0][1]} to {ends[1] and ends[1][1]} dB" in pages[0]


def test_the_saved_page_holds_eleven_frames_below_600_kb(gray_levels: Tensor) -> None:
    page = blend(network(1), network(2), gray_levels).still()
    assert page.text.count('class="frame"') == 11
    assert len(page) < 600_000
    assert not re.search(r"https?://(?!www\.w3\.org)|@import|url\(", page.text)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"photo": torch.rand(3, 100, 200)}, r"at least 156 x 156 pixels, not \(3, 100, 200\)"),
        ({"photo": "cat"}, "there is no photograph 'cat'"),
        ({"second": "edsr-baseline"}, "first is a SRResNet and second a EDSR"),
        ({"scale": 2}, "there is no srresnet for x2; there is x4"),
        (
            {"first": nn.Conv2d(3, 3, 3)},
            r"this Conv2d does not say its channels, scale, pre_upsample; set them as attributes",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused_at_once(more: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        blend(**more)  # type: ignore[arg-type]
