"""Weights from elsewhere: every key is accounted for, and what does not fit is refused."""

import re

import pytest
import torch
from torch import Tensor

from srlib.models import EDSR, WDSR
from srlib.zoo.convert import EDSR_PYTORCH, ZooError, convert, warm_start


def edsr(scale: int = 2, seed: int = 0) -> EDSR:
    torch.manual_seed(seed)
    return EDSR(scale, blocks=2, features=8)


def answer(net: torch.nn.Module) -> Tensor:
    with torch.no_grad():
        return net(torch.rand(1, 3, 6, 7, generator=torch.Generator().manual_seed(1)))


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_prefixes_fall_away(prefix: str) -> None:
    theirs, mine = edsr(), edsr(seed=1)
    report = convert({prefix + k: v for k, v in theirs.state_dict().items()}, mine)
    assert torch.equal(answer(theirs), answer(mine))
    assert len(report.carried) == len(report.renamed) == len(theirs.state_dict())
    assert report.renamed[prefix + "head.weight"] == "head.weight"
    assert not report.fresh
    assert not report.left


def test_old_weight_norm_keys_become_new_ones() -> None:
    torch.manual_seed(0)
    theirs, mine = WDSR(2, blocks=2, features=8), WDSR(2, blocks=2, features=8)
    old = {
        re.sub(r"parametrizations\.weight\.original([01])", lambda m: f"weight_{'gv'[int(m[1])]}", k): v
        for k, v in theirs.state_dict().items()
    }
    assert any(k.endswith("weight_g") for k in old)
    torch.nn.init.normal_(mine.head.bias)  # type: ignore[arg-type]
    convert(old, mine)
    assert torch.equal(answer(theirs), answer(mine))


def as_edsr_pytorch(net: EDSR, levels: float) -> dict[str, Tensor]:
    """The state dict of the public EDSR-PyTorch for this network, trained on 0..levels: written out from its
    source's module tree (head.0, body.N.body.M, tail.0.0, tail.1, sub_mean, add_mean)."""
    state = {}
    for key, value in net.state_dict().items():
        theirs = re.sub(r"^head\.", "head.0.", key)
        theirs = re.sub(r"^upsample\.", "tail.0.", theirs)
        theirs = re.sub(r"^tail\.(?=weight|bias)", "tail.1.", theirs)
        state[theirs] = value * levels if key.endswith("bias") else value
    for name in ("sub_mean", "add_mean"):
        state[f"{name}.weight"], state[f"{name}.bias"] = torch.eye(3).view(3, 3, 1, 1), torch.zeros(3)
    return state


def test_the_public_edsrs_names_and_its_0_to_255_are_understood() -> None:
    theirs, mine = edsr(), edsr(seed=1)
    report = convert(as_edsr_pytorch(theirs, 255), mine, EDSR_PYTORCH, levels=255)
    torch.testing.assert_close(answer(mine), answer(theirs))
    assert set(report.left) == {"sub_mean.weight", "sub_mean.bias", "add_mean.weight", "add_mean.bias"}
    assert report.renamed["tail.0.0.weight"] == "upsample.0.weight"


def test_dividing_the_biases_carries_a_relu_net_from_0_to_255_over_to_0_to_1() -> None:
    torch.manual_seed(0)
    body = edsr().body.double()
    x = torch.rand(1, 8, 6, 6, dtype=torch.float64)
    with torch.no_grad():
        expected = body(255 * x) / 255
        for name, parameter in body.named_parameters():
            if name.endswith("bias"):
                parameter.div_(255)
        torch.testing.assert_close(body(x), expected)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s.pop("tail.bias"), "missing: tail.bias"),
        (lambda s: s.update(extra=torch.zeros(1)), "unused: extra"),
        (lambda s: s.update({"tail.bias": torch.zeros(4)}), r"another scale or width.*tail.bias is 4, not 3"),
        (lambda s: s.update({"module.head.bias": torch.zeros(8)}), "two keys become 'head.bias'"),
        (lambda s: s.update(optimizer={}), "is no tensor; give the state dict itself"),
    ],
)
def test_what_does_not_fit_is_an_error_and_the_model_stays_as_it_was(spoil: object, message: str) -> None:
    mine = edsr(seed=1)
    before = answer(mine)
    state = edsr().state_dict()
    spoil(state)  # type: ignore[operator]
    with pytest.raises(ZooError, match=message):
        convert(state, mine)
    assert torch.equal(answer(mine), before)


def test_weights_of_another_scale_are_an_error() -> None:
    with pytest.raises(
        ZooError, match=r"another scale or width\?\); other size: upsample.0.weight is 32x8x3x3"
    ):
        convert(edsr(2).state_dict(), edsr(3))


@pytest.mark.parametrize(
    ("scale", "fresh"),
    [(3, {"upsample.0.weight", "upsample.0.bias"}), (4, {"upsample.2.weight", "upsample.2.bias"})],
)
def test_x3_and_x4_start_from_x2_and_the_report_names_every_tensor(scale: int, fresh: set[str]) -> None:
    source, mine = edsr(2), edsr(scale, seed=1)
    before = {k: v.clone() for k, v in mine.state_dict().items()}
    report = warm_start(mine, source.state_dict())
    assert set(report.fresh) == fresh
    assert set(report.carried) | fresh == set(before)
    assert not report.left
    for key, value in mine.state_dict().items():
        expected = source.state_dict()[key] if key in report.carried else before[key]
        assert torch.equal(value, expected), key
    assert f"{len(before) - 2} of {len(before)} tensors carried over" in str(report)


def test_wdsr_carries_over_all_but_tail_and_skip() -> None:
    report = warm_start(WDSR(3, blocks=2), WDSR(2, blocks=2).state_dict())
    assert {key.split(".")[0] for key in report.fresh} == {"tail", "skip"}
    assert {key.split(".")[0] for key in report.carried} == {"head", "body"}


def test_a_start_from_another_network_is_an_error() -> None:
    with pytest.raises(ZooError, match="none of these weights fit"):
        warm_start(edsr(), {"a": torch.zeros(1)})
