"""Chapter 12's checks where the stub and the kept answers do not reach: other right ways, and odd ones."""

import itertools
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from srlib.check import ch12


def test_columns_may_be_any_collection_in_any_order() -> None:
    def columns(rows: Mapping[str, Mapping[str, Any]]) -> set[frozenset[str]]:
        def same(name: str) -> str:
            return repr([rows[name][key] for key in ("border", "channel", "shrunk", "scale", "set")])

        ordered = sorted(rows, key=same, reverse=True)
        return {frozenset(group) for _, group in itertools.groupby(ordered, same)}

    found = ch12.check_columns(columns)
    assert found.state == "right", found.text


def test_the_two_pairs_that_may_be_compared_are_named_by_the_protocols_alone() -> None:
    by_hand = {
        frozenset({"SRCNN", "VDSR"}),
        frozenset({"EDSR, table 3", "VDSR, again"}),
        frozenset({"ESPCN"}),
        frozenset({"EDSR baseline, table 2"}),
        frozenset({"SRResNet"}),
    }
    assert ch12._grouped(ch12.ROWS, ch12.PROTOCOL) == by_hand


class Linear(nn.Module):
    """Channel attention by fully connected layers, the second one made first."""

    def __init__(self, features: int, reduction: int) -> None:
        super().__init__()
        self.up = nn.Linear(features // reduction, features)
        self.down = nn.Linear(features, features // reduction)

    def forward(self, x: Tensor) -> Tensor:
        factors: Tensor = self.up(self.down(x.mean((2, 3))).relu()).sigmoid()
        return x * factors[..., None, None]


class Pooled(nn.Module):
    """Channel attention as RCAN's own code has it: pooling, 1 x 1 convolutions, in one row."""

    def __init__(self, features: int, reduction: int) -> None:
        super().__init__()
        few = features // reduction
        layers = nn.Conv2d(features, few, 1), nn.ReLU(inplace=True), nn.Conv2d(few, features, 1)
        self.factors = nn.Sequential(nn.AdaptiveAvgPool2d(1), *layers, nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factors(x)


@pytest.mark.parametrize("network", [Linear, Pooled])
def test_attention_may_be_made_of_either_kind_of_layer(network: type[nn.Module]) -> None:
    found = ch12.check_attention(network)
    assert found.state == "right", found.text


def test_stages_may_come_from_a_generator() -> None:
    def progressive(net: nn.Module, lr: Tensor, times: int) -> Iterator[Tensor]:
        for _ in range(times):
            lr = torch.clip(net(lr), 0, 1)
            yield lr

    found = ch12.check_progressive(progressive)
    assert found.state == "right", found.text


def test_a_chain_may_be_found_by_going_outwards_from_one() -> None:
    def chain(scale: int, have: Sequence[int]) -> tuple[int, ...] | None:
        queue: deque[tuple[int, tuple[int, ...]]] = deque([(1, ())])
        while queue:
            reached, steps = queue.popleft()
            if reached == scale:
                return steps
            queue += [(reached * one, (*steps, one)) for one in have if reached * one <= scale]
        return None

    found = ch12.check_chain(chain)
    assert found.state == "right", found.text


def test_a_chain_for_nothing_is_empty_and_not_absent() -> None:
    assert ch12._fewest(1, (2, 3)) == 0
    assert ch12._fewest(7, (2, 3, 4)) is None
    assert ch12._fewest(36, (2, 6, 9)) == 2


def test_networks_may_be_loaded_before_or_while_they_are_measured() -> None:
    def all_first(names: Sequence[str], scales: Sequence[int], load: ch12.Load, score: ch12.Score) -> Any:
        nets = {key: load(*key) for key in itertools.product(names, scales)}
        return {key: score(net, key[1]) for key, net in nets.items()}

    def by_name(names: Sequence[str], scales: Sequence[int], load: ch12.Load, score: ch12.Score) -> Any:
        return {(name, scale): score(load(name, scale), scale) for name in names for scale in scales}

    for answer in (all_first, by_name):
        found = ch12.check_rows(answer)
        assert found.state == "right", found.text


def test_the_given_rows_are_wrong_only_where_a_second_scale_is_asked() -> None:
    def load(name: str, scale: int) -> tuple[str, int]:
        return name, scale

    def score(net: tuple[str, int], scale: int) -> float:
        return 10 * net[1] + scale

    made = ch12.given_rows(["a"], (2, 3, 4), load, score)
    assert made == {("a", 2): 22, ("a", 3): 23, ("a", 4): 24}  # x2's network everywhere; 33 and 44 were right
    assert ch12.given_rows(["a"], (3,), load, score) == {("a", 3): 33}
