"""The experiment on colours of chapter 4: its networks, its measure, its record."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from srlib import data
from srlib.data import PatchBank
from srlib.experiments import colours, recorded
from srlib.images import rgb_to_ycbcr

SMALL = replace(colours.RECIPE, steps=4, batch=2, patch=8, validate_every=0)


@pytest.fixture
def picture() -> dict[str, torch.Tensor]:
    return {"chelsea": data.photos("chelsea")["chelsea"][:, :60, :60]}


def test_a_bank_of_ycbcr_holds_the_same_patches_as_one_of_rgb() -> None:
    leaves = [data.dead_leaves(60, 0)]
    rgb = PatchBank(leaves, 3, seed=5).sample(3, 8)
    ycbcr = colours.YCbCrBank(leaves, 3, seed=5).sample(3, 8)
    for one, other in zip(rgb, ycbcr, strict=True):
        assert torch.equal(rgb_to_ycbcr(one), other)


def test_a_network_of_ycbcr_is_measured_as_one_of_rgb(picture: dict[str, torch.Tensor]) -> None:
    same = colours.judged(colours.FromRGB(nn.Identity()), picture)

    class Dull(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([x[:, :1], torch.full_like(x[:, 1:], 128 / 255)], dim=1)

    gray = colours.judged(colours.FromRGB(Dull()), picture)
    assert gray["luma"] == pytest.approx(same["luma"], abs=0.3)  # colour beyond the range is clipped
    assert gray["colour"] < same["colour"] - 3


def test_the_record_has_every_variant_with_every_seed(
    tmp_path: Path, picture: dict[str, torch.Tensor]
) -> None:
    made = colours.record(tmp_path, recipe=SMALL, what="leaves:2", pictures=picture, seeds=(0, 1))
    assert recorded(colours.NAME, tmp_path) == made
    assert made.labels == list(colours.LABELS)
    assert made.seeds == [0, 1]
    assert [run["parameters"] for run in made.runs[:3]] == [8129, 20099, 20099]
    for label in made.labels:
        assert made.spread(label, "colour") > 0


def test_what_the_book_shows_is_what_the_command_makes() -> None:
    record = recorded(colours.NAME)
    assert record.command == "python -m srlib.experiments.colours"
    assert record.labels == list(colours.LABELS)
    assert record.seeds == [0, 1, 2]
    assert all(run["steps"] == colours.RECIPE.steps == run["recipe"]["steps"] for run in record.runs)
    assert all("bsds399 (399 pictures)" in run["data"] for run in record.runs)
