"""The experiment on ensembles of chapter 9: its average, its record."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from srlib import data
from srlib.experiments import ensembles, recorded
from srlib.models import EDSR

SMALL = replace(ensembles.RECIPE, steps=3, batch=2, patch=8, warmup=0)


def test_an_average_is_the_mean_of_what_its_networks_answer() -> None:
    torch.manual_seed(0)
    nets: list[nn.Module] = [EDSR(2, blocks=1, features=4) for _ in range(3)]
    x = torch.rand(1, 3, 6, 5)
    expected = (nets[0](x) + nets[1](x) + nets[2](x)) / 3
    torch.testing.assert_close(ensembles.Average(nets)(x), expected)


def test_the_record_has_every_network_alone_its_views_and_every_three(tmp_path: Path) -> None:
    picture = {"chelsea": data.photos("chelsea")["chelsea"][:, :48, :48]}
    made = ensembles.record(
        tmp_path, recipe=SMALL, what="leaves:2", test_set=picture, seeds=(0, 1, 2, 3), blocks=1, features=4
    )
    assert made == recorded(ensembles.NAME, tmp_path)
    assert [len(made.of(label)) for label in made.labels] == [4, 4, 4]  # 4 over 3 is 4
    assert {tuple(run["networks"]) for run in made.of("three networks")} == {
        (0, 1, 2),
        (0, 1, 3),
        (0, 2, 3),
        (1, 2, 3),
    }
    alone = made.values("one network", "set5 x2")
    assert len(set(alone)) == 4  # another seed, another network
    assert made.of("three networks")[0]["parameters"] == 3 * made.of("one network")[0]["parameters"]
