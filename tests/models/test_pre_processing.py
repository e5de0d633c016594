"""MDSR with a pre-processing for each scale, one for all, or none (chapter 10)."""

from typing import Any

import pytest
import torch

from srlib.experiments.chapters import EXPERIMENTS
from srlib.models import MDSR

PAIR = 4 * (25 * 8 * 8 + 8)  # four convolutions of 5 x 5, 8 features, with biases


def made(scales: tuple[int, ...], features: int, before: Any) -> MDSR:
    return MDSR(scales, blocks=1, features=features, before=before)


def count(before: str) -> int:
    return sum(w.numel() for w in made((2, 3, 4), 8, before).parameters())


def test_what_the_three_kinds_have_differs_by_their_pre_processing_alone() -> None:
    assert [count(kind) - count("none") for kind in ("own", "shared", "none")] == [3 * PAIR, PAIR, 0]


@pytest.mark.parametrize("kind", ["own", "shared", "none"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_each_kind_enlarges_by_each_scale(kind: str, scale: int) -> None:
    net = made((2, 3, 4), 4, kind)
    assert net(torch.rand(1, 3, 5, 6), scale).shape == (1, 3, 5 * scale, 6 * scale)


def test_a_shared_pre_processing_learns_from_every_scale() -> None:
    nets = {kind: made((2, 3), 4, kind) for kind in ("own", "shared")}
    for kind, net in nets.items():
        net(torch.rand(1, 3, 5, 5), 3).mean().backward()
        weight = next(net.pre_process["2"].parameters())
        assert (weight.grad is None) == (kind == "own")


def test_another_kind_is_told() -> None:
    with pytest.raises(ValueError, match="before must be"):
        made((2, 3), 4, "mine")


def test_the_experiment_compares_all_three() -> None:
    labels = [variant.label for variant in EXPERIMENTS["mdsr-before"].variants]
    assert labels == ["own", "shared", "none"]
