"""Each network: the published number of parameters, the right sizes, and its equalities."""

import copy
import itertools
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from srlib import data
from srlib.images import luma
from srlib.models import EDSR, ESPCN, FSRCNN, MDSR, SRCNN, VDSR, WDSR, Discriminator, SRResNet
from srlib.models.edsr import ResBlock
from srlib.models.wdsr import conv, conv3x3

# As published by the papers, their authors' code, or the course slides that re-ran WDSR.
COUNTS: list[tuple[str, Any, int]] = [
    ("SRCNN 9-1-5", lambda: SRCNN((9, 1, 5)), 8_129),
    ("SRCNN 9-3-5", lambda: SRCNN((9, 3, 5)), 24_513),
    ("SRCNN 9-5-5", lambda: SRCNN((9, 5, 5)), 57_281),
    ("FSRCNN 56-12-4", lambda: FSRCNN(3), 12_809),
    ("ESPCN x2", lambda: ESPCN(2), 21_284),
    ("ESPCN x3", lambda: ESPCN(3), 22_729),
    ("ESPCN x4", lambda: ESPCN(4), 24_752),
    ("VDSR", lambda: VDSR(), 665_921),
    ("SRResNet x4", lambda: SRResNet(), 1_549_462),
    ("Discriminator 96", lambda: Discriminator(), 23_563_649),
    ("EDSR-baseline x2", lambda: EDSR(2), 1_369_859),
    ("EDSR-baseline x3", lambda: EDSR(3), 1_554_499),
    ("EDSR-baseline x4", lambda: EDSR(4), 1_517_571),
    ("EDSR x2", lambda: EDSR(2, blocks=32, features=256, res_scale=0.1), 40_729_603),
    ("EDSR x3", lambda: EDSR(3, blocks=32, features=256, res_scale=0.1), 43_680_003),
    ("EDSR x4", lambda: EDSR(4, blocks=32, features=256, res_scale=0.1), 43_089_923),
    ("MDSR-baseline", lambda: MDSR(), 3_227_203),
    ("MDSR", lambda: MDSR(blocks=80), 7_953_987),
    ("WDSR-A-16 x2", lambda: WDSR(2), 1_190_100),
    ("WDSR-A-16 x3", lambda: WDSR(3), 1_195_605),
    ("WDSR-A-16 x4", lambda: WDSR(4), 1_203_312),
    ("WDSR-B-16 x2", lambda: WDSR(2, kind="B"), 303_604),
    ("WDSR-B-32 x2", lambda: WDSR(2, kind="B", blocks=32), 601_876),
    ("WDSR-B-32 x3", lambda: WDSR(3, kind="B", blocks=32), 607_381),
    ("WDSR-B-32 x4", lambda: WDSR(4, kind="B", blocks=32), 615_088),
    *[(f"EDSR x4, {b} blocks", lambda b=b: EDSR(4, blocks=b), n)
      for b, n in ((1, 409_731), (3, 557_443), (5, 705_155), (8, 926_723))],
    *[(f"WDSR-A x4, {b} blocks, bare", lambda b=b: WDSR(4, blocks=b, norm=None), n)
      for b, n in ((1, 92_304), (3, 240_080), (5, 387_856), (8, 609_520))],
    *[(f"WDSR-B x4, {b} blocks, bare", lambda b=b: WDSR(4, blocks=b, kind="B", norm=None), n)
      for b, n in ((1, 36_809), (3, 73_595), (5, 110_381), (8, 165_560))],
]  # fmt: skip

SMALL: dict[str, tuple[Any, int]] = {  # small versions of every kind, and the factor from input to output
    "srcnn": (lambda: SRCNN(), 1),
    "srcnn rgb inside": (lambda: SRCNN(channels=3, inside=2), 2),
    "fsrcnn": (lambda: FSRCNN(3), 3),
    "espcn": (lambda: ESPCN(4), 4),
    "vdsr": (lambda: VDSR(5), 1),
    "vdsr transposed": (lambda: VDSR(5, residual=False, transposed=2), 2),
    "vdsr transposed x3": (lambda: VDSR(5, residual=False, transposed=3), 3),
    "srresnet": (lambda: SRResNet(4, blocks=2, features=8), 4),
    "edsr": (lambda: EDSR(2, blocks=2, features=8), 2),
    "edsr x3": (lambda: EDSR(3, blocks=2, features=8), 3),
    "edsr lightweight": (lambda: EDSR(4, blocks=2, features=8, upsampler="transposed", output="sigmoid"), 4),
    "wdsr a": (lambda: WDSR(3, blocks=2, features=8), 3),
    "wdsr b": (lambda: WDSR(4, blocks=2, features=8, kind="B", norm=None), 4),
    "srresnet without skips": (lambda: SRResNet(2, blocks=2, features=8, skips=False), 2),
    "wdsr grouped": (lambda: WDSR(2, blocks=2, features=8, convolution="grouped"), 2),
    "wdsr separable": (lambda: WDSR(2, blocks=2, features=8, convolution="separable"), 2),
    "wdsr flattened": (lambda: WDSR(2, blocks=2, features=8, convolution="flattened"), 2),
    "wdsr batch": (lambda: WDSR(2, blocks=2, features=8, norm="batch"), 2),
}


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


@pytest.mark.parametrize(("make", "count"), [c[1:] for c in COUNTS], ids=[c[0] for c in COUNTS])
def test_the_parameter_count_is_the_published_one(make: Any, count: int) -> None:
    with torch.device("meta"):
        net = make()
    assert parameters(net) == count


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("size", [(1, 1), (5, 8)])
def test_any_size_is_enlarged_by_the_scale(name: str, size: tuple[int, int]) -> None:
    make, factor = SMALL[name]
    net = make().eval()
    assert factor == (net.scale or 1)
    assert net.pre_upsample == (net.scale is None)
    y = net(torch.rand(2, net.channels, *size))
    assert y.shape == (2, net.channels, factor * size[0], factor * size[1])
    assert torch.isfinite(y).all()


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_gets_a_gradient(name: str) -> None:
    net = SMALL[name][0]()
    net(torch.rand(2, net.channels, 8, 8)).square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())


@pytest.mark.parametrize("name", SMALL)
def test_a_state_dict_holds_weights_only_and_loads_strictly(name: str) -> None:
    net, other = SMALL[name][0]().eval(), SMALL[name][0]().eval()
    assert not any("mean" in key and "running" not in key for key in net.state_dict())
    other.load_state_dict(net.state_dict(), strict=True)
    x = torch.rand(1, net.channels, 6, 6)
    assert torch.equal(net(x), other(x))


def test_srcnn_is_three_convolutions_written_out() -> None:
    net = SRCNN((9, 5, 5), init="he")
    w = dict(net.named_parameters())
    x = torch.rand(1, 1, 20, 20)
    y = F.relu(F.conv2d(x, w["extract.weight"], w["extract.bias"], padding=4))
    y = F.relu(F.conv2d(y, w["map.weight"], w["map.bias"], padding=2))
    y = F.conv2d(y, w["reconstruct.weight"], w["reconstruct.bias"], padding=2)
    torch.testing.assert_close(net(x), y)


def test_a_centred_srcnn_begins_by_returning_its_input_with_filters_that_tell_places_apart() -> None:
    picture = luma(data.photos(["coffee"])["coffee"])[None]

    def telling(net: SRCNN) -> int:
        """First filters that are above 0 somewhere, but not everywhere: in 10 to 90 % of the pixels."""
        share = (net.extract(picture) > 0).float().mean((0, 2, 3))
        return int(((share > 0.1) & (share < 0.9)).sum())

    for seed in range(3):
        torch.manual_seed(seed)
        plain, centred = SRCNN((9, 5, 5), init="he"), SRCNN((9, 5, 5), init="centred")
        assert telling(plain) < 20
        assert telling(centred) == 63  # all but the one that hands the picture on
        assert (centred(picture) - picture).abs().mean() < 0.1
        assert (plain(picture) - picture).abs().mean() > 0.2


@pytest.mark.parametrize("inside", [None, 2])
def test_a_centred_srcnn_hands_every_channel_on(inside: int | None) -> None:
    torch.manual_seed(0)
    net = SRCNN((9, 1, 5), channels=3, inside=inside, init="centred")
    with torch.no_grad():
        net.reconstruct.weight[:, 3:] = 0  # without the detail that the other filters add
    x = torch.rand(1, 3, 12, 10)
    same = x if inside is None else F.interpolate(x, scale_factor=2, mode="nearest")
    assert torch.allclose(net(x), same, atol=1e-6)


def test_srcnns_first_weights_are_as_small_as_in_the_paper() -> None:
    net = SRCNN((9, 5, 5))
    for layer in (net.extract, net.map, net.reconstruct):
        assert layer.weight.detach().std() == pytest.approx(0.001, rel=0.1)
        assert layer.bias is not None
        assert layer.bias.abs().max() == 0
    assert net(torch.rand(1, 1, 12, 12)).abs().max() < 1e-3


def test_vdsr_without_detail_returns_its_input() -> None:
    net = VDSR(5)
    nn.init.zeros_(net.tail.weight)  # type: ignore[arg-type]
    x = torch.rand(1, 1, 9, 9)
    assert torch.equal(net(x), x)


def test_espcn_places_each_channel_on_its_subpixel() -> None:
    net = ESPCN(2)
    nn.init.zeros_(net.subpixel.weight)
    with torch.no_grad():
        net.subpixel.bias.copy_(torch.tensor([0.1, 0.2, 0.3, 0.4]))  # type: ignore[union-attr]
    expected = torch.tensor([[0.1, 0.2], [0.3, 0.4]]).repeat(3, 3)
    torch.testing.assert_close(net(torch.rand(1, 1, 3, 3))[0, 0], expected)


def test_edsr_without_weights_returns_the_mean_colour() -> None:
    net = EDSR(2, blocks=1, features=4)
    for p in net.parameters():
        nn.init.zeros_(p)
    y = net(torch.rand(1, 3, 4, 4))
    torch.testing.assert_close(y[0, :, 0, 0], torch.tensor([0.4488, 0.4371, 0.4040]))


def test_a_sigmoid_output_stays_in_range() -> None:
    net = EDSR(2, blocks=1, features=4, output="sigmoid")
    with torch.no_grad():
        net.tail.weight.mul_(1e4)
    y = net(torch.rand(1, 3, 6, 6))
    assert y.min() >= 0
    assert y.max() <= 1
    assert y.std() > 0.1


def test_folding_the_residual_scale_keeps_the_output() -> None:
    torch.manual_seed(0)
    net = EDSR(2, blocks=4, features=16, res_scale=0.1).double()
    x = torch.rand(1, 3, 10, 10, dtype=torch.float64)
    before = net(x)
    blocks = [m for m in net.modules() if isinstance(m, ResBlock)]
    assert len(blocks) == 4
    for block in blocks:
        block.fold()
        assert block.res_scale == 1.0
    torch.testing.assert_close(net(x), before, rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", ["A", "B"])
def test_merging_weight_normalisation_keeps_the_output_and_drops_the_gains(kind: Any) -> None:
    torch.manual_seed(0)
    net = WDSR(2, blocks=3, features=8, kind=kind).double()
    bare = WDSR(2, blocks=3, features=8, kind=kind, norm=None).double()
    x = torch.rand(1, 3, 10, 10, dtype=torch.float64)
    before = net(x)
    net.merge()
    torch.testing.assert_close(net(x), before, rtol=0, atol=1e-13)
    assert parameters(net) == parameters(bare)
    bare.load_state_dict(net.state_dict(), strict=True)
    torch.testing.assert_close(bare(x), before, rtol=0, atol=1e-13)


def test_the_last_convolution_of_a_wide_block_begins_with_gain_one_over_root_blocks() -> None:
    net = WDSR(2, blocks=9, features=8)
    for block in net.body:
        norms = block.body[2].weight.flatten(1).norm(dim=1)  # type: ignore[union-attr, index]
        torch.testing.assert_close(norms, torch.full_like(norms, 1 / 3))


def test_mdsr_updates_only_the_modules_of_the_scale_at_hand() -> None:
    net = MDSR(blocks=1, features=4)
    net(torch.rand(1, 3, 5, 5), 3).mean().backward()
    for name, p in net.named_parameters():
        module, scale = name.split(".")[:2]
        idle = module in ("pre_process", "upsample") and scale != "3"
        assert (p.grad is None) == idle, name


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_mdsr_enlarges_by_each_of_its_scales(scale: int) -> None:
    assert MDSR(blocks=1, features=4)(torch.rand(1, 3, 5, 6), scale).shape == (1, 3, 5 * scale, 6 * scale)


def test_the_discriminator_gives_one_logit_a_picture_and_no_bias_before_batch_norm() -> None:
    net = Discriminator(32)
    assert net(torch.rand(3, 3, 32, 32)).shape == (3, 1)
    layers = list(net.body)
    for first, second in itertools.pairwise(layers):
        if isinstance(second, nn.BatchNorm2d):
            assert isinstance(first, nn.Conv2d)
            assert first.bias is None
    with pytest.raises(ValueError, match="takes 32 x 32, not"):
        net(torch.rand(1, 3, 48, 48))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: SRCNN((9, 2, 5)), "three odd kernel sizes"),
        (lambda: SRCNN((9, 5)), "three odd kernel sizes"),
        (lambda: VDSR(2), "at least 3 layers"),
        (lambda: VDSR(5, transposed=2), "residual=False"),
        (lambda: SRResNet(3), "2, 4 or 8"),
        (lambda: Discriminator(100), "multiple of 16"),
        (lambda: EDSR(5), "enlarges by 2, 3, 4 or 8, not 5"),
        (lambda: EDSR(2, upsampler="bilinear"), "'shuffle' or 'transposed'"),  # type: ignore[arg-type]
        (lambda: EDSR(2, output="tanh"), "'linear' or 'sigmoid'"),  # type: ignore[arg-type]
        (lambda: WDSR(2, kind="C"), "'A' or 'B'"),  # type: ignore[arg-type]
        (lambda: WDSR(2, norm="layer"), "'weight', 'batch' or None"),  # type: ignore[arg-type]
        (lambda: WDSR(2, convolution="dilated"), "'separable' or 'flattened', not 'dilated'"),  # type: ignore[arg-type]
        (lambda: WDSR(2, kind="B", convolution="grouped"), "only kind A"),
        (lambda: MDSR()(torch.rand(1, 3, 4, 4), 5), "has scales"),
    ],
)
def test_a_wrong_argument_is_named(make: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def test_each_norm_is_what_it_says() -> None:
    assert isinstance(conv(3, 4, 3, None), nn.Conv2d)
    batch = conv(3, 4, 3, "batch")
    assert isinstance(batch, nn.Sequential)
    assert isinstance(batch[1], nn.BatchNorm2d)
    normed = conv(3, 4, 3, "weight", gain=0.5)
    torch.testing.assert_close(normed.weight.flatten(1).norm(dim=1), torch.full((4,), 0.5))  # type: ignore[operator]


@pytest.mark.parametrize(("skips", "inner", "outer"), [("global", 0, 1), ("blocks", 1, 0), (True, 1, 1)])
def test_each_kind_of_skip_adds_what_its_name_says(skips: Any, inner: int, outer: int) -> None:
    torch.manual_seed(0)
    net = SRResNet(2, blocks=2, features=8, skips=skips).eval()
    x = torch.rand(1, 3, 6, 5)
    h = head = net.head(x)
    for block in list(net.body)[:2]:
        h = inner * h + block.body(h)  # type: ignore[operator]
    for layer in list(net.body)[2:]:
        h = layer(h)
    torch.testing.assert_close(net(x), net.tail(net.upsample(outer * head + h)))


def test_srresnet_names_the_skips_it_knows() -> None:
    with pytest.raises(ValueError, match="skips must be True, False, 'global' or 'blocks', not 'some'"):
        SRResNet(skips="some")  # type: ignore[arg-type]


def test_without_skips_srresnet_is_its_layers_one_after_the_other() -> None:
    torch.manual_seed(0)
    net = SRResNet(2, blocks=2, features=8, skips=False).eval()
    x = torch.rand(1, 3, 6, 5)
    plain = [layer for block in list(net.body)[:2] for layer in block.body]  # type: ignore[union-attr]
    expected = nn.Sequential(net.head, *plain, *list(net.body)[2:], net.upsample, net.tail)(x)
    torch.testing.assert_close(net(x), expected)


@pytest.mark.parametrize(
    ("convolution", "weights"),
    [
        ("full", 9 * 8 * 32),
        ("grouped", 9 * 8 * 32 // 4),
        ("separable", 9 * 8 + 8 * 32),
        ("flattened", 8 * 32 + 3 * 32 + 3 * 32),
    ],
)
def test_a_cheaper_convolution_has_the_weights_that_its_formula_says_and_sees_3x3(
    convolution: Any, weights: int
) -> None:
    torch.manual_seed(0)
    layer = conv3x3(8, 32, None, convolution)
    assert sum(p.numel() for p in layer.parameters() if p.ndim == 4) == weights
    x = torch.zeros(1, 8, 7, 7, requires_grad=True)
    layer(x)[..., 3, 3].sum().backward()
    assert x.grad is not None
    seen = x.grad.abs().sum((0, 1)) > 0
    assert seen[2:5, 2:5].all()
    assert int(seen.sum()) == 9


def test_merging_a_copy_leaves_the_original_as_it_was() -> None:
    torch.manual_seed(0)
    original = WDSR(2, blocks=1, features=8)
    merged = copy.deepcopy(original)
    x = torch.rand(1, 3, 5, 5)
    expected = original(x)
    merged.merge()
    assert torch.equal(original(x), expected)
    torch.testing.assert_close(merged(x), expected)
    assert sum(p.numel() for p in merged.parameters()) < sum(p.numel() for p in original.parameters())
