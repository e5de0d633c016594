"""The published numbers: that those of one table belong together."""

import pytest
from torch import nn

from srlib.models import EDSR, WDSR
from srlib.published import MOS, PSNR, RATED, WDSR_BLOCKS, WDSR_SLIDES, published

SETS = {"Set5": "set5", "Set14": "set14", "BSD100": "b100"}


def test_each_opinion_has_the_decibels_of_the_same_picture_beside_it() -> None:
    assert set(MOS) == set(RATED) == set(SETS)
    for name in SETS:
        assert set(RATED[name]) == set(MOS[name]) - {"HR"}  # the original has no error
        assert all(1 <= score <= 5 for score in MOS[name].values())


@pytest.mark.parametrize(("set_name", "key"), SETS.items())
def test_where_two_papers_measured_the_same_they_agree(set_name: str, key: str) -> None:
    for method in ("bicubic", "SRResNet", "SRGAN"):
        elsewhere = published(method.lower(), key, 4)
        assert elsewhere is not None
        assert RATED[set_name][method] == pytest.approx(elsewhere, abs=0.05)


def test_the_rated_srcnn_is_another_training_than_the_one_with_the_best_numbers() -> None:
    for name, key in SETS.items():
        best = PSNR["srcnn-955"][key][2]
        assert best is not None
        assert 0.2 < best - RATED[name]["SRCNN"] < 0.5


def test_the_slides_counted_the_parameters_of_bare_networks() -> None:
    def count(net: nn.Module) -> int:
        return sum(weight.numel() for weight in net.parameters())

    for blocks in WDSR_BLOCKS["EDSR"]:
        assert WDSR_SLIDES["EDSR"][blocks][1] == count(EDSR(4, blocks=blocks))
        for kind in ("A", "B"):
            net = WDSR(4, blocks=blocks, kind=kind, norm=None)
            assert WDSR_SLIDES[f"WDSR-{kind}"][blocks][1] == count(net)
