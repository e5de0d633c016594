"""Edges that share one LR: held against scipy and against what the mean must be."""

import numpy as np
import pytest
import scipy
import torch
from torch import Tensor

from srlib.data.edges import edges, shared, straight_edge
from srlib.degrade import bicubic

SETTINGS = [(32, 2), (36, 3), (36, 4)]


def sharpness(x: Tensor) -> Tensor:
    """Gradient energy of each picture: squared differences of neighbours, summed."""
    return x.diff(dim=-1).square().sum((1, 2, 3)) + x.diff(dim=-2).square().sum((1, 2, 3))


@pytest.mark.parametrize(("size", "scale"), SETTINGS)
def test_all_edges_of_all_seeds_shrink_to_the_same_picture(size: int, scale: int) -> None:
    hr = torch.cat([edges(50, size, scale, seed) for seed in (0, 1, 2)])
    lr = straight_edge(size, scale)
    assert hr.shape == (150, 1, size, size)
    assert lr.shape == (1, size // scale, size // scale)
    assert (bicubic(hr, scale) - lr).abs().max() < 1e-6


@pytest.mark.parametrize(("size", "scale"), SETTINGS)
def test_edges_differ_stay_sharp_and_are_pictures(size: int, scale: int) -> None:
    hr = edges(300, size, scale, seed=3)
    assert hr.min() >= 0
    assert hr.max() <= 1
    assert torch.pdist(hr.flatten(1)).min() > 1e-2
    # A row with a step from 0.2 to 0.8 at a random place, its pixel mixed by area: 0.6^2 (a^2 + (1 - a)^2),
    # 2/3 of 0.36 on average over a. No sample is less sharp than that.
    assert sharpness(hr).min() > 0.36 * 2 / 3 * size


def test_a_rare_edge_leaves_the_range_a_little_and_keeps_the_lr() -> None:
    hr = edges(96, 24, 3, seed=104)
    assert 0 < hr.max() - 1 < 2e-4
    assert (bicubic(hr, 3) - straight_edge(24, 3)).abs().max() < 1e-6


def test_the_seed_decides_the_edges() -> None:
    assert torch.equal(edges(5, seed=7), edges(5, seed=7))
    assert not torch.equal(edges(5, seed=7), edges(5, seed=8))


@pytest.mark.parametrize(("size", "scale"), SETTINGS)
def test_the_mean_is_nearest_to_all_blurry_and_has_the_lr_too(
    size: int, scale: int, generator: torch.Generator
) -> None:
    hr = edges(64, size, scale).double()
    mean = hr.mean(dim=0, keepdim=True)

    def error(x: Tensor) -> Tensor:
        return (hr - x).square().mean()

    assert all(error(mean) < error(one) for one in hr)
    for step in (1e-1, 1e-2, 1e-3):
        moved = mean + step * torch.randn(mean.shape, generator=generator, dtype=torch.float64)
        assert error(mean) < error(moved)
    assert sharpness(mean) < 0.6 * sharpness(hr).min()
    assert (bicubic(mean, scale) - straight_edge(size, scale)).abs().max() < 1e-6


def test_a_sharp_answer_is_three_decibels_farther_from_the_truth_than_the_mean() -> None:
    hr = edges(400, seed=5).double().flatten(1)
    between = torch.pdist(hr).square().mean()
    to_mean = (hr - hr.mean(dim=0)).square().sum(dim=1).mean()
    # E|x - y|^2 = 2 E|x - m|^2 for independent x and y of mean m
    assert 10 * torch.log10(between / to_mean) == pytest.approx(10 * np.log10(2), abs=0.02)


def test_shared_finds_the_nearest_picture_as_least_squares_does(generator: torch.Generator) -> None:
    hr = torch.rand(1, 12, 18, generator=generator, dtype=torch.float64)
    lr = torch.rand(1, 4, 6, generator=generator, dtype=torch.float64)
    units = torch.eye(12 * 18, dtype=torch.float64).view(-1, 12, 18)
    matrix = bicubic(units, 3).flatten(1).T.numpy()  # (24, 216): all of shrinking, no separable axes
    step = scipy.linalg.lstsq(matrix, lr.flatten().numpy() - matrix @ hr.flatten().numpy())[0]
    found = shared(hr, lr, 3)
    assert (bicubic(found, 3) - lr).abs().max() < 1e-12
    np.testing.assert_allclose((found - hr).flatten().numpy(), step, atol=1e-12)


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(ValueError, match="multiple of the scale and at least four times it, not 30 at x4"):
        edges(3, 30, 4)
    with pytest.raises(ValueError, match="at x1"):
        straight_edge(36, 1)
    with pytest.raises(ValueError, match="1 or more edges, not 0"):
        edges(0)
    with pytest.raises(ValueError, match="check the scale"):
        shared(torch.rand(1, 12, 12), torch.rand(1, 4, 4), 2)
