"""Dead leaves: deterministic, in range, and with the statistics they promise."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from srlib.data import leaves
from srlib.data.leaves import _discs, _fall, _lens, _power_law, _shapes, dead_leaves

PLAIN = {"texture": False, "gradients": False, "natural": False, "soft": False}


def test_the_same_seed_gives_the_same_picture_and_another_seed_another() -> None:
    assert torch.equal(dead_leaves(96, 5), dead_leaves(96, 5))
    assert not torch.equal(dead_leaves(96, 5), dead_leaves(96, 6))


def test_a_new_process_gives_the_same_picture() -> None:
    code = "from srlib.data.leaves import dead_leaves; print(repr(dead_leaves(64, 3).double().sum().item()))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert float(out) == dead_leaves(64, 3).double().sum().item()


@pytest.mark.parametrize("options", [{}, PLAIN, {"soft": False}, {"natural": False}, {"texture": False}])
@pytest.mark.parametrize("size", [1, 7, 64, (40, 90)])
def test_any_size_and_option_gives_float32_in_range(
    size: int | tuple[int, int], options: dict[str, bool]
) -> None:
    x = dead_leaves(size, 1, **options)
    assert x.dtype == torch.float32
    assert x.shape == (3, *((size, size) if isinstance(size, int) else size))
    assert x.min() >= 0
    assert x.max() <= 1
    assert torch.isfinite(x).all()


def test_plain_leaves_are_flat_discs_and_soft_ones_have_no_hard_steps() -> None:
    plain, soft = dead_leaves(256, 2, **PLAIN), dead_leaves(256, 2)
    flat = (plain[:, :, 1:] == plain[:, :, :-1]).all(0).float().mean()
    assert flat > 0.7  # most neighbours lie in one leaf
    assert (soft[:, :, 1:] == soft[:, :, :-1]).all(0).float().mean() < 0.2


@pytest.mark.parametrize("option", ["texture", "gradients", "natural", "soft"])
def test_each_option_changes_the_picture(option: str) -> None:
    assert (dead_leaves(128, 3) - dead_leaves(128, 3, **{option: False})).abs().mean() > 0.002


def test_texture_and_gradients_vary_the_inside_of_leaves() -> None:
    """Off the edges a plain leaf is flat; shading makes neighbours differ a little, grain much more."""

    def inside(**on: bool) -> float:
        x = dead_leaves(256, 4, **{**PLAIN, "natural": True, **on})
        return float((x[:, :, 1:] - x[:, :, :-1]).abs().median())

    assert inside() == 0
    assert 1e-4 < inside(gradients=True) < 0.01
    assert inside(texture=True) > 1e-3


def test_soft_pictures_go_through_the_lens(monkeypatch: pytest.MonkeyPatch) -> None:
    through = torch.stack([dead_leaves(128, seed) for seed in range(6)])
    monkeypatch.setattr(leaves, "_lens", lambda _, picture: picture)
    without = torch.stack([dead_leaves(128, seed) for seed in range(6)])
    assert (through - without).abs().mean() > 0.002


def test_the_lens_blurs_noise_and_leaves_flat_parts_alone() -> None:
    noise = torch.rand(3, 64, 64)
    blurred = [float(_lens(np.random.default_rng(seed), noise).std() / noise.std()) for seed in range(20)]
    assert max(blurred) <= 1.001
    assert min(blurred) < 0.4
    assert len({round(ratio, 3) for ratio in blurred}) > 10  # another width for each picture
    flat = torch.full((3, 9, 9), 0.3)
    torch.testing.assert_close(_lens(np.random.default_rng(0), flat), flat)


def test_plain_radii_follow_the_power_law() -> None:
    radius = _power_law(np.random.default_rng(0), 200_000, 3.0, 100.0)
    assert radius.min() >= 3
    assert radius.max() <= 100
    # the share above r is (r^-2 - R^-2) / (r0^-2 - R^-2)
    for r in (6, 12, 48):
        share = (r**-2 - 100**-2) / (3**-2 - 100**-2)
        assert (radius > r).mean() == pytest.approx(share, rel=0.1)


def test_plain_leaves_cover_the_ground_but_for_one_part_in_fifty() -> None:
    bare = []
    for seed in range(5):
        fallen = _discs(np.random.default_rng(seed), 256, 256)
        bare.append((_fall(fallen, 256, 256, 1) == 0).mean())
    assert np.mean(bare) == pytest.approx(np.exp(-4), abs=0.02)


def test_natural_leaves_have_corners_as_well_as_rounds() -> None:
    fallen = _shapes(np.random.default_rng(0), 256, 256)
    distinct = [len(np.unique(outline.round(2), axis=0)) for outline in fallen.outline]
    assert {3, 4, 5, 20} <= set(distinct)


def test_natural_colours_are_mostly_gray() -> None:
    def chroma(x: torch.Tensor) -> float:
        return float((x - x.mean(0)).std())

    natural = np.mean([chroma(dead_leaves(128, s)) for s in range(8)])
    even = np.mean([chroma(dead_leaves(128, s, natural=False)) for s in range(8)])
    assert natural < 0.5 * even


@pytest.mark.parametrize("options", [{}, PLAIN])
def test_the_spectrum_falls_as_in_photographs(options: dict[str, bool]) -> None:
    # Photographs have an amplitude spectrum near 1/f (slopes of -0.8 to -1.5 are found for single scenes).
    powers = []
    for seed in range(6):
        gray = dead_leaves(256, seed, **options).mean(0).double().numpy()
        powers.append(np.abs(np.fft.fft2(gray - gray.mean())) ** 2)
    power = np.mean(powers, axis=0)
    f = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None])
    bands = [(0.01 * 2**k, 0.01 * 2 ** (k + 1)) for k in range(4)]
    amplitude = [np.sqrt(power[(f >= a) & (f < b)].mean()) for a, b in bands]
    slope = np.polyfit([np.log((a * b) ** 0.5) for a, b in bands], np.log(amplitude), 1)[0]
    assert -1.6 < slope < -0.8


def test_a_size_below_one_pixel_is_refused() -> None:
    for wrong in (0, (4,), (4, 4, 4), 2.5, "a", (3, -1)):
        with pytest.raises(ValueError, match="at least 1 pixel"):
            dead_leaves(wrong)  # type: ignore[arg-type]
    assert dead_leaves(np.int64(5)).shape == (3, 5, 5)  # type: ignore[arg-type]


@pytest.mark.alone
@pytest.mark.slow
def test_one_core_makes_twenty_pictures_a_second() -> None:
    code = (
        "import time, torch; torch.set_num_threads(1)\n"
        "from srlib.data.leaves import dead_leaves\n"
        "dead_leaves(512, 0)\n"
        "t = []\n"
        "for seed in range(15):\n"
        "    a = time.perf_counter(); dead_leaves(512, seed); t.append(time.perf_counter() - a)\n"
        "print(min(t))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert float(out) < 1 / 20, f"{1 / float(out):.1f} pictures a second"
