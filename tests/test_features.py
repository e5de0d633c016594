"""The blend against a sharp answer, by pixels and by features (chapter 8): the measure and its record."""

from pathlib import Path

import pytest
import torch

from srlib.experiments import features, recorded


def test_by_pixels_the_mean_of_many_is_half_as_far_as_one_of_them() -> None:
    found, training = features.measure("pixels", 0)
    assert found["blend"] / found["sharp"] == pytest.approx(0.5, abs=0.1)
    assert training == "none"


def test_the_blend_is_compared_with_truths_that_are_not_in_it() -> None:
    answers = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)
    truths = torch.tensor([1.0, 1.0]).view(2, 1, 1, 1)
    found = features.apart(lambda a, b: (a - b).abs().mean(), answers, truths)
    assert found == {"sharp": 0.5, "blend": 0.5}


def test_a_pull_is_twice_as_hard_for_twice_the_distance() -> None:
    one = features.pull(features.by_pixels, 0)
    assert 0.1 < one < 1  # the paper's thousandth fits squared error
    assert features.pull(lambda a, b: 2 * features.by_pixels(a, b), 0) == pytest.approx(2 * one)


def test_without_training_about_half_of_the_features_survive() -> None:
    found, _ = features.measure("2,2 untrained", 0)
    assert found["alive"] == pytest.approx(0.5, abs=0.1)


def test_a_record_has_every_variant_with_every_seed(tmp_path: Path) -> None:
    made = features.record(tmp_path, seeds=(0, 1), weights="random")
    assert recorded(features.NAME, tmp_path) == made
    assert made.labels == list(features.LABELS)
    assert made.seeds == [0, 1]


def test_what_the_book_shows_is_what_the_command_makes() -> None:
    record = recorded(features.NAME)
    assert record.command == "python -m srlib.experiments.features"
    assert record.labels == list(features.LABELS)
    assert record.seeds == [0, 1, 2]
    assert all("Caffe" in run["vgg"] for label in features.LAYERS for run in record.of(label))
    for seed in record.seeds:
        now, _ = features.measure("pixels", seed)
        [kept] = [run["results"] for run in record.of("pixels") if run["seed"] == seed]
        assert kept["blend"] == pytest.approx(now["blend"], rel=1e-3)
        assert kept["pull"] == pytest.approx(now["pull"], rel=0.02)
