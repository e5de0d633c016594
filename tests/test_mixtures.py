"""The experiment on mixed troubles of chapter 13: its tests, its record."""

from dataclasses import replace
from pathlib import Path

import torch

from srlib import data
from srlib.experiments import mixtures, recorded

SMALL = replace(mixtures.RECIPE, steps=2, batch=2, patch=8, warmup=0)
PICTURE = {"chelsea": data.photos("chelsea")["chelsea"][:, :48, :48]}


def test_every_training_is_tested_on_every_trouble(tmp_path: Path) -> None:
    made = mixtures.record(tmp_path, recipe=SMALL, what="leaves:1", pictures=PICTURE, seeds=(0, 1))
    assert made == recorded(mixtures.NAME, tmp_path)
    assert made.labels == ["bicubic", "before", *mixtures.TRAINED]
    assert all(list(run["results"]) == list(mixtures.TESTED) for run in made.runs)
    assert made.spread("before", "all") == 0
    assert made.spread("all", "all") > 0  # another seed, another network
    assert made.of("blur")[0]["troubles"] == {"blur": [0.3, 3.0]}


def test_the_tests_differ_only_in_the_small_pictures() -> None:
    pairs = mixtures.tests(PICTURE)
    assert all(torch.equal(hr, pairs["clean"][1]) for _, hr in pairs.values())
    small = [lr for lr, _ in pairs.values()]
    assert all(not torch.equal(a, b) for i, a in enumerate(small) for b in small[:i])
