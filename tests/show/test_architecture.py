"""The diagram of a network: what is drawn is what ran."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from srlib import models
from srlib.cost import layers
from srlib.show.architecture import Repeat, architecture, repeats

EVERY: dict[str, Callable[[], nn.Module]] = {
    "SRCNN": models.SRCNN,
    "FSRCNN": lambda: models.FSRCNN(3),
    "ESPCN": lambda: models.ESPCN(3),
    "VDSR": models.VDSR,
    "SRResNet": models.SRResNet,
    "EDSR": lambda: models.EDSR(4),
    "MDSR": models.MDSR,
    "WDSR": lambda: models.WDSR(3, kind="B"),
    "Discriminator": models.Discriminator,
}


def words(page: str) -> str:
    """The text that stands in the page, without its folded table."""
    drawing = re.sub(r"<(style|details)>.*?</\1>", "", page, flags=re.S)
    return " ".join(re.sub(r"<[^>]*>", " ", drawing).split())


def arcs(page: str) -> list[tuple[int, int]]:
    """The arcs as (from row, to row), the input being row 0."""
    found = re.findall(r'class="arc" style="grid-row: (\d+) / (\d+)', page)
    return sorted((int(a) // 2 - 2, int(b) // 2 - 2) for a, b in found)


@pytest.mark.parametrize("name", EVERY)
def test_every_network_of_the_book_can_be_drawn(name: str) -> None:
    model = EVERY[name]()
    page = architecture(model, scale=2 if name == "MDSR" else None).text
    assert re.search(rf'aria-label="Diagram of {name}[^"]*parameters[^"]*multiply-adds', page)
    assert len(page) < 60_000
    assert not re.search(r"https?://|@import|url\(|<script", page)


@pytest.mark.parametrize(
    ("make", "found"),
    [
        # by the papers: 18 equal layers; 4 mapping layers; 16 blocks after the head and its PReLU
        (models.VDSR, [Repeat(2, 2, 18)]),
        (lambda: models.FSRCNN(3), [Repeat(4, 2, 4)]),
        (models.SRResNet, [Repeat(2, 6, 16)]),
        (lambda: models.EDSR(4), [Repeat(2, 4, 16)]),
        (lambda: models.EDSR(3, res_scale=0.1), [Repeat(2, 5, 16)]),
        (lambda: models.WDSR(3, kind="B", blocks=4), [Repeat(2, 5, 4)]),
        (models.SRCNN, []),
        (models.Discriminator, []),
    ],
)
def test_equal_blocks_are_folded_and_unequal_ones_are_not(make: Any, found: list[Repeat]) -> None:
    assert repeats(layers(make())) == found


def test_a_repeated_block_shows_its_sum_and_one_of_it() -> None:
    text = words(architecture(models.VDSR()).text)
    assert text.count("conv 3×3") == 3  # the first, one of eighteen, the last
    # 18 * (9 * 64 * 64 + 64) parameters, and each of them
    assert "18 × together; one of them: 665 k 612 G conv 3×3 64 → 64 HR ReLU 36.9 k 34.0 G 39" in text
    assert "output 1280 × 720 665,921 613 G 41" in text


def test_skips_are_arcs_and_chains_have_none() -> None:
    assert arcs(architecture(models.ESPCN(3)).text) == []
    # input, first, head of the block, one of it, last, +
    assert arcs(architecture(models.VDSR()).text) == [(0, 5)]
    assert arcs(architecture(models.VDSR(residual=False)).text) == []
    # input, head, head of the block, conv, conv, +, conv, +: the short skip and the long one
    assert arcs(architecture(models.EDSR(3)).text) == [(1, 7), (2, 5)]
    # WDSR: input, head, 16 x, conv, conv, +, conv, shuffle, conv of the skip, its shuffle, +
    assert arcs(architecture(models.WDSR(3)).text) == [(0, 8), (2, 5), (7, 10)]


def test_a_skip_is_found_by_what_runs_not_by_a_name() -> None:
    class Block(nn.Module):
        def __init__(self, skips: bool) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)
            self.skips = skips

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x) + (x if self.skips else 1)

    assert arcs(architecture(Block(True)).text) == [(0, 2)]
    assert arcs(architecture(Block(False)).text) == []
    assert "+ 1" in words(architecture(Block(False)).text)


def test_blocks_that_are_looked_into_from_outside_stay_unfolded() -> None:
    class Dense(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convs = nn.ModuleList(nn.Conv2d(4, 4, 3, padding=1) for _ in range(4))

        def forward(self, x: Tensor) -> Tensor:
            seen = [x]
            for conv in self.convs:
                seen.append(torch.relu(conv(seen[-1])))
            return sum(seen[1:], x)

    model = Dense()
    assert repeats(layers(model)) == []
    # input, four layers, four additions: the input goes to the first, the layers 1 to 3 to theirs, and the
    # fourth one's answer to the last
    assert arcs(architecture(model).text) == [(0, 5), (1, 5), (2, 6), (3, 7), (4, 8)]


def test_the_resolution_of_each_layer_is_said() -> None:
    text = words(architecture(models.EDSR(4, blocks=2)).text)
    assert "shuffle ×2 256 → 64 LR ×2" in text
    assert "conv 3×3 64 → 3 HR + mean" in text
    assert "conv 9×9 1 → 64 HR" in words(architecture(models.SRCNN()).text)  # it takes the enlarged picture
    assert "12 px" in words(architecture(models.Discriminator(48)).text)


def test_the_folded_table_has_each_layer_with_all_its_digits() -> None:
    model = models.SRResNet(4)
    table = architecture(model, height=360, width=640).text.partition("<details>")[2]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in table.split("<tr>")[2:]]
    assert len(rows) == len(layers(model)) == 2 + 16 * 6 + 3 + 2 * 3 + 1
    # the tail: 9 x 9 x 64 x 3 weights at 360 x 640, and 9 pixels at HR are 3 more at LR
    assert rows[-1] == ["tail", "conv 9×9", "64 → 3", "HR", "15,555", f"{81 * 192 * 360 * 640:,}", "80"]
    assert sum(int(row[4].replace(",", "")) for row in rows) == 1549462


def test_parameters_that_did_not_run_are_said() -> None:
    text = words(architecture(models.MDSR(), scale=2).text)
    assert "1,447,488 more parameters did not run" in text  # 3,227,203 of the paper's, 1,779,715 at x2
    assert "more parameters" not in words(architecture(models.ESPCN(2)).text)


def test_the_bars_and_the_field_are_explained_below_the_diagram() -> None:
    text = words(architecture(models.ESPCN(3)).text)
    assert "Bars: the share of the whole network." in text
    assert "Sees: pixels of the network's input across." in text


def test_a_head_beside_the_answer_is_not_drawn() -> None:
    class Aside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)
            self.head = nn.Conv2d(3, 9, 5)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.conv(x)
            self.aux = self.head(y)
            return y

    text = words(architecture(Aside()).text)
    assert text.count("conv ") == 1
    assert "684 more parameters did not run or do not reach the answer" in text  # 9 * 25 * 3 + 9


def test_words_of_ones_own_replace_the_computed_ones_and_cannot_become_markup() -> None:
    evil = 'three "words" <b>here</b>'
    page = architecture(models.ESPCN(2), alt=evil, caption=evil).text
    assert 'aria-label="three &quot;words&quot; &lt;b&gt;here&lt;/b&gt;"' in page
    assert "<b>here" not in page


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: architecture(models.MDSR(blocks=1, features=4)), "say scale= one of 2, 3, 4"),
        (lambda: architecture(models.ESPCN(2), alt="a network"), "alt must say in words"),
        (lambda: architecture(nn.Conv2d(3, 3, 3, stride=(1, 2))), "strides must be the same"),
    ],
)
def test_what_cannot_be_drawn_is_said(call: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()
