"""The checkerboard explorer: its counts against counting, its layers against torch, its drawing in words."""

import re
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from srlib.experiments import chapters
from srlib.show.explorers.checkerboard import (
    WAYS,
    _counts,
    _over_seeds,
    checkerboard,
    icnr,
    layer,
    of_flat_gray,
    overlaps,
    pattern_energy,
    pixel_shuffle,
)


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 6, 9])
def test_overlaps_are_what_painting_ones_counts(kernel: int, stride: int) -> None:
    painted = F.conv_transpose1d(torch.ones(1, 1, 30), torch.ones(1, 1, kernel), stride=stride)[0, 0]
    start = 10 * stride
    assert overlaps(kernel, stride).tolist() == painted[start : start + stride].int().tolist()


def test_overlaps_the_chapter_names() -> None:
    assert overlaps(4, 3).tolist() == [2, 1, 1]
    assert overlaps(6, 4).tolist() == [2, 2, 1, 1]
    even = [stride for stride in (2, 3, 4) if len(set(overlaps(9, stride).tolist())) == 1]
    assert even == [3]


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("way", WAYS.values())
def test_the_counts_shown_are_the_inputs_that_each_output_depends_on(way: int | str, scale: int) -> None:
    net = layer(way, scale, 0)
    x = torch.full((1, 1, 9, 9), 0.5, requires_grad=True)
    y = net(x)
    reached = []
    for i in range(4 * scale, 5 * scale):
        (gradient,) = torch.autograd.grad(y[0, 0, i, i], x, retain_graph=True)
        reached.append(int((gradient != 0).sum()))
    assert reached == _counts(way, scale).square().tolist()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_pixel_shuffle_is_torchs(scale: int) -> None:
    x = torch.rand(2, 3 * scale**2, 4, 5)
    assert torch.equal(pixel_shuffle(x, scale), nn.PixelShuffle(scale)(x))


@pytest.mark.parametrize(("kernel", "stride"), [(4, 2), (6, 2), (6, 3), (9, 3), (4, 4)])
def test_equal_weights_leave_no_pattern_where_the_stride_divides_the_kernel(kernel: int, stride: int) -> None:
    weight = torch.full((1, 1, kernel, kernel), 0.037)
    y = F.conv_transpose2d(torch.full((1, 1, 12, 12), 0.5), weight, stride=stride)
    inner = y[..., kernel : kernel + 4 * stride, kernel : kernel + 4 * stride]
    assert pattern_energy(inner, stride) == pytest.approx(0, abs=1e-4)


def test_equal_weights_leave_the_pattern_of_the_counts_where_it_does_not() -> None:
    # k = 4 at stride 3: phases 1, 1, 2 by 1, 1, 2 with weight w on gray 0.5
    y = F.conv_transpose2d(torch.full((1, 1, 12, 12), 0.5), torch.full((1, 1, 4, 4), 0.5), stride=3)
    counts = torch.tensor([1.0, 1, 2, 1, 1, 2, 2, 2, 4])
    expected = 255 * 0.25 * float(counts.std(correction=0))
    assert pattern_energy(y[..., 6:24, 6:24], 3) == pytest.approx(expected, rel=1e-6)


def test_the_energy_of_a_known_pattern_and_of_none() -> None:
    board = (torch.arange(12)[:, None] + torch.arange(12)) % 2
    assert pattern_energy(0.5 + 0.1 * (board - 0.5), 2) == pytest.approx(255 * 0.05, rel=1e-6)
    assert pattern_energy(torch.full((12, 12), 0.3), 3) == 0
    ramp = torch.rand(4, generator=torch.Generator().manual_seed(0)).repeat_interleave(3)
    assert pattern_energy(ramp.expand(12, 12), 3) == pytest.approx(0, abs=1e-6)  # not of this period


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_icnr_and_resize_convolution_leave_nothing_but_rounding_and_the_plain_shuffle_much(
    scale: int, seed: int
) -> None:
    energy = {way: pattern_energy(of_flat_gray(way, scale, seed), scale) for way in WAYS.values()}
    # float32 keeps 24 bits: 255 levels are exact to 255 / 2**24, and a sum of some dozens adds a few such;
    # with several threads the sums of neighbouring pixels are taken in different orders
    rounding = 100 * 255 / 2**24
    assert energy["icnr"] < rounding
    assert energy["resize"] < rounding
    assert energy["shuffle"] > 10


def test_icnr_makes_the_shuffle_a_nearest_enlargement_of_one_convolution() -> None:
    x, weight = torch.rand(1, 2, 7, 6), torch.randn(3 * 4, 2, 3, 3)
    y = pixel_shuffle(F.conv2d(x, icnr(weight, 2)), 2)
    small = F.conv2d(x, weight[[0, 4, 8]])
    torch.testing.assert_close(y, F.interpolate(small, scale_factor=2, mode="nearest"))


def test_the_layer_is_torchs_default_times_the_scale_for_the_seed_and_the_callers_seed_is_kept() -> None:
    torch.manual_seed(3)
    plain = nn.ConvTranspose2d(1, 1, 4, stride=2)
    with torch.no_grad():
        plain.weight.mul_(2)
    torch.manual_seed(11)
    before = torch.rand(1)
    torch.manual_seed(11)
    made = layer(4, 2, 3)
    assert torch.equal(torch.rand(1), before)
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), made.parameters(), strict=True))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_the_callers_seed_on_a_gpu_is_kept_too() -> None:
    torch.cuda.manual_seed(11)
    before = torch.rand(1, device="cuda")
    torch.cuda.manual_seed(11)
    layer(4, 2, 3)
    assert torch.equal(torch.rand(1, device="cuda"), before)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_all_ways_start_with_weights_of_one_strength(scale: int) -> None:
    for way in WAYS.values():
        weights = [p for p in layer(way, scale, 0).parameters() if p.ndim == 4]
        met = 9 if isinstance(way, str) else way**2 / scale**2  # inputs behind an output pixel, on average
        assert max(float(p.detach().abs().max()) for p in weights) < met**-0.5 * (1 + 1e-6)
    # one brush of 9 and nine filters of 3 x 3 are the same layer at x3, and start alike
    brush, shuffle = layer(9, 3, 0), layer("shuffle", 3, 0)
    spread = [float(next(net.parameters()).detach().std()) for net in (brush, shuffle)]
    assert spread[0] == pytest.approx(spread[1], rel=0.15)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_with_random_weights_the_counts_hardly_matter(scale: int) -> None:
    mean = {k: _over_seeds(k, scale)[0] for k in (4, 6, 9)}
    assert max(mean.values()) < 1.35 * min(mean.values())


def test_the_energy_is_the_experiments_at_one_gray() -> None:
    flat = of_flat_gray("shuffle", 3, 1)

    class Answer(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return flat.repeat(10, 10)[None, None].expand(9, 1, -1, -1)  # as of 120 x 120 at x3

    assert pattern_energy(flat, 3) == pytest.approx(chapters.checkerboard(Answer()), rel=1e-4)


def test_the_drawing_says_what_it_shows() -> None:
    page = checkerboard().text(way="transposed convolution, k = 4", scale="3", seed="2")
    energy = pattern_energy(of_flat_gray(4, 3, 2), 3)
    assert f"Flat gray through the untrained layer: {energy:.1f} gray levels" in page
    assert f"repeats every 3 pixels, {energy:.1f} gray levels strong" in page
    assert re.findall(r"<td>(\d)</td>", page) == ["4", "2", "2", "2", "1", "1", "2", "1", "1"]
    assert "behind the outputs lie in turn 2, 1, 1" in page
    assert page.count("outline:") == page.count("outline-offset: -1px") == 2  # where nothing cuts it off
    assert "no input reaches" in checkerboard().text(way="transposed convolution, k = 2", scale="3")


def test_the_saved_page_is_light_and_needs_nothing_from_elsewhere() -> None:
    page = checkerboard().still()
    assert len(page) < 600_000
    assert page.text.count('class="frame"') == 96
    assert not re.search(r"https?://(?!www\.w3\.org)|@import|url\(", page.text)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: overlaps(0, 2), "kernel and stride must be 1 or more, not 0 and 2"),
        (lambda: icnr(torch.zeros(10, 1, 3, 3), 2), "10 filters make no groups of 4"),
        (lambda: pixel_shuffle(torch.zeros(1, 6, 2, 2), 2), "6 channels make no squares of 2 x 2"),
        (lambda: pattern_energy(torch.zeros(10, 12), 3), "10 x 12 does not divide by 3"),
        (lambda: layer("bilinear", 2, 0), "way must be one of 2, 3, 4, 6, 9, shuffle, icnr, resize"),
    ],
)
def test_wrong_input_is_a_sentence(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
