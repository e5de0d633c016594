"""upscale, Tiled and SelfEnsemble on models whose answers are known."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib.images import luma, rgb_to_ycbcr
from srlib.inference import SelfEnsemble, Tiled, in_eval_mode, receptive_radius, upscale
from srlib.models import EDSR, ESPCN, FSRCNN, MDSR, SRCNN, VDSR, WDSR, SRResNet
from srlib.resize import imresize


class Nearest(nn.Module):
    """Repeats pixels: an upscaler whose answer is obvious."""

    def __init__(self, channels: int = 3, scale: int | None = 2, factor: int = 2) -> None:
        super().__init__()
        self.channels, self.scale, self.pre_upsample = channels, scale, scale is None
        self.factor = 1 if scale is None else factor
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return x.repeat_interleave(self.factor, 2).repeat_interleave(self.factor, 3)


MODELS: dict[str, Any] = {
    "srcnn": (lambda: SRCNN((9, 5, 5), init="he"), 2),
    "fsrcnn": (lambda: FSRCNN(3, d=8, s=4, m=2), 3),
    "espcn": (lambda: ESPCN(2), 2),
    "vdsr": (lambda: VDSR(6, features=8), 3),
    "srresnet": (lambda: SRResNet(4, blocks=1, features=8), 4),
    "edsr": (lambda: EDSR(2, blocks=2, features=8), 2),
    "edsr transposed": (lambda: EDSR(4, blocks=1, features=8, upsampler="transposed"), 4),
    "mdsr": (lambda: MDSR(blocks=1, features=4), 3),
    "wdsr": (lambda: WDSR(3, blocks=2, features=8), 3),
}


# --- upscale --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shape", [(3, 7, 9), (1, 7, 9), (2, 3, 5, 4), (2, 1, 5, 4), (3, 1, 1)])
def test_every_model_takes_every_picture_and_keeps_its_layout(name: str, shape: tuple[int, ...]) -> None:
    make, scale = MODELS[name]
    y = upscale(make(), torch.rand(shape), scale)
    assert y.shape == (*shape[:-2], shape[-2] * scale, shape[-1] * scale)
    assert y.dtype == torch.float32
    assert y.min() >= 0
    assert y.max() <= 1


def test_a_luma_model_enlarges_y_and_leaves_chroma_to_bicubic() -> None:
    x = torch.rand(3, 6, 7, dtype=torch.float64) * 0.4 + 0.3
    y = upscale(Nearest(channels=1).double(), x, 2)
    torch.testing.assert_close(luma(y), Nearest()(luma(x)[None])[0])
    torch.testing.assert_close(rgb_to_ycbcr(y)[1:], imresize(rgb_to_ycbcr(x)[1:], 2))


def test_a_pre_upsampled_model_gets_the_bicubic_picture() -> None:
    x = torch.rand(1, 6, 7) * 0.5 + 0.25
    y = upscale(Nearest(channels=1, scale=None), x, 3)
    torch.testing.assert_close(y, imresize(x, 3).clamp(0, 1))


def test_gray_through_a_colour_model_stays_gray_and_answers_are_clipped() -> None:
    class Bright(Nearest):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * torch.tensor([0.0, 1.0, 8.0]).view(1, 3, 1, 1)

    assert upscale(Bright(), torch.full((3, 2, 2), 0.5), 2)[:, 0, 0].tolist() == [0, 0.5, 1]
    assert upscale(Nearest(), torch.full((1, 2, 2), 0.5), 2).shape == (1, 4, 4)


def test_the_models_mode_is_left_as_it_was_and_no_graph_is_kept() -> None:
    net = EDSR(2, blocks=1, features=4).train()
    y = upscale(net, torch.rand(3, 4, 4, requires_grad=True), 2)
    assert net.training
    assert not y.requires_grad


@pytest.mark.parametrize("asked", [lambda net: upscale(net, torch.rand(3, 9, 9), 4), receptive_radius])
def test_a_frozen_layer_of_a_training_network_stays_frozen(asked: Any) -> None:
    net = SRResNet(4, blocks=1, features=4).train()
    net.body[0].eval()
    modes = [module.training for module in net.modules()]
    assert len(set(modes)) == 2
    asked(net)
    assert [module.training for module in net.modules()] == modes


def test_in_eval_mode_gives_each_module_its_own_mode_back_even_after_a_fault() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 3), nn.BatchNorm2d(1)).train()
    net[1].eval()
    with in_eval_mode(net):
        assert not any(module.training for module in net.modules())
    with pytest.raises(ZeroDivisionError), in_eval_mode(net):
        _ = 1 / 0
    assert [module.training for module in net.modules()] == [True, True, False]


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        ((EDSR(2, blocks=1, features=4), torch.rand(3, 4, 4), 3), ValueError, "enlarges by x2, not x3; load"),
        ((MDSR(blocks=1, features=4), torch.rand(3, 4, 4), 5), ValueError, "x2 or x3 or x4, not x5"),
        ((SRCNN(), torch.rand(1, 4, 4), 0), ValueError, "whole number"),
        ((SRCNN(), torch.rand(1, 4, 4), 1.5), ValueError, "whole number"),
        ((SRCNN(), torch.rand(2, 4, 4), 2), ValueError, "1 or 3 channels"),
        ((SRCNN(), torch.rand(4, 4), 2), ValueError, "1 or 3 channels"),
        ((SRCNN(), torch.rand(1, 0, 4), 2), ValueError, "1 or 3 channels"),
        ((SRCNN(), torch.ones(1, 4, 4, dtype=torch.uint8), 2), TypeError, "from_uint8"),
    ],
)
def test_a_wrong_call_is_named(call: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        upscale(*call)


# --- tiles ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (SRCNN((9, 1, 5)), 4 + 0 + 2),
        (SRCNN((9, 5, 5)), 4 + 2 + 2),
        (VDSR(20, features=4), 20),  # 41 x 41, as the paper says
        (EDSR(2, blocks=3, features=4), 1 + 6 + 1 + 1 + 1),  # the tail's one pixel is half a pixel of LR
        (WDSR(2, blocks=3, features=4), 1 + 6 + 1),
        (ESPCN(3), 2 + 1 + 1),
    ],
)
def test_the_receptive_radius_is_the_sum_over_the_layers(model: nn.Module, expected: int) -> None:
    assert receptive_radius(model) == expected


def test_a_model_that_looks_at_everything_cannot_be_tiled() -> None:
    class Global(Nearest):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x - x.mean())

    with pytest.raises(ValueError, match="whole picture"):
        receptive_radius(Global(), largest=128)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("tile", [5, 16, 100])
def test_tiles_equal_the_whole_picture(name: str, tile: int) -> None:
    torch.manual_seed(0)
    make, scale = MODELS[name]
    net = make().double().eval()
    x = torch.rand(2, 3, 23, 37, dtype=torch.float64)
    torch.testing.assert_close(
        upscale(Tiled(net, tile), x, scale), upscale(net, x, scale), rtol=0, atol=1e-10
    )
    net.float()
    whole = upscale(net, x.float(), scale)
    torch.testing.assert_close(upscale(Tiled(net, tile), x.float(), scale), whole, rtol=0, atol=1e-5)


def test_out_of_memory_halves_the_tile_and_every_pixel_is_answered_once() -> None:
    class Poor(Nearest):
        sizes: list[tuple[int, int]] = []  # noqa: RUF012

        def forward(self, x: Tensor) -> Tensor:
            self.sizes.append((x.shape[2], x.shape[3]))
            if x.shape[2] * x.shape[3] > 40 and x.shape[2] != 64:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().forward(x)

    x = torch.rand(1, 3, 30, 21)
    net = Poor()
    torch.testing.assert_close(Tiled(net, 16)(x), Nearest()(x))
    answered = [h * w for h, w in Poor.sizes if h * w <= 40]
    assert sum(answered) == 30 * 21


def test_without_any_memory_and_on_other_faults_it_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Nearest()
    tiled = Tiled(net, 4)
    tiled._radius[None] = 0
    for fault, caught, says in (
        (
            RuntimeError("DefaultCPUAllocator: not enough memory: you tried"),
            MemoryError,
            "even for tiles of one",
        ),
        (RuntimeError("shapes do not match"), RuntimeError, "shapes do not match"),
    ):

        def forward(_: Tensor, fault: Exception = fault) -> Tensor:
            raise fault

        monkeypatch.setattr(net, "forward", forward)
        with pytest.raises(caught, match=says):
            tiled(torch.rand(1, 3, 8, 8))
    with pytest.raises(ValueError, match="at least 1 pixel"):
        Tiled(net, 0)


# --- self-ensemble --------------------------------------------------------------------------------


def test_self_ensemble_of_a_symmetric_model_changes_nothing() -> None:
    x = torch.rand(2, 3, 5, 8, dtype=torch.float64)
    torch.testing.assert_close(SelfEnsemble(Nearest().double())(x), Nearest()(x), rtol=0, atol=1e-15)


def test_self_ensemble_averages_a_one_sided_filter_over_the_eight_directions() -> None:
    class Left(Nearest):
        """Each pixel takes its left neighbour's value."""

        def forward(self, x: Tensor) -> Tensor:
            return F.pad(x, (1, 0, 0, 0))[..., :-1]

    impulse = torch.zeros(1, 3, 5, 5)
    impulse[..., 2, 2] = 1
    cross = torch.zeros(5, 5)
    cross[[1, 3, 2, 2], [2, 2, 1, 3]] = 1 / 4  # 8 views, two for each direction
    torch.testing.assert_close(SelfEnsemble(Left(scale=None))(impulse)[0, 0], cross)


def test_self_ensemble_makes_any_model_indifferent_to_turning() -> None:
    torch.manual_seed(0)
    net = SelfEnsemble(EDSR(2, blocks=1, features=4).double())
    x = torch.rand(1, 3, 6, 9, dtype=torch.float64)
    torch.testing.assert_close(net(x.rot90(1, (2, 3))), net(x).rot90(1, (2, 3)), rtol=0, atol=1e-12)


def test_wrappers_wrap_each_other_and_several_scales() -> None:
    torch.manual_seed(0)
    net = MDSR(blocks=1, features=4).double()
    x = torch.rand(3, 12, 9, dtype=torch.float64)
    torch.testing.assert_close(
        upscale(Tiled(SelfEnsemble(net), 6), x, 3), upscale(SelfEnsemble(net), x, 3), rtol=0, atol=1e-10
    )
