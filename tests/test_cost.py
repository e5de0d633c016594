"""What a network costs and sees: against the papers' tables, formulas by hand, and gradients."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import models, zoo
from srlib.cost import BEFORE, kept_bytes, layers, multiply_adds, parameters
from srlib.field import Reach, effective_field, square_holding
from srlib.inference import receptive_radius, run

# Billions of multiply-adds for a 1280 x 720 output, as the papers and the comparisons after them print them.
PRINTED = [
    ("SRCNN 9-5-5", lambda s: models.SRCNN((9, 5, 5)), (52.7, 52.7, 52.7)),
    ("FSRCNN", models.FSRCNN, (2.9, 1.3, 0.7)),
    ("ESPCN", models.ESPCN, (4.9, 2.3, 1.4)),
    ("VDSR", lambda s: models.VDSR(), (612.6, 612.6, 612.6)),
    ("SRResNet", models.SRResNet, (332, None, 128)),
    ("EDSR-baseline", models.EDSR, (316, 160, 114)),
    ("EDSR", lambda s: models.EDSR(s, blocks=32, features=256), (9385, None, 2895)),  # x3: see below
    ("WDSR-A-16", models.WDSR, (273, 122, 69)),
    ("WDSR-B-32", lambda s: models.WDSR(s, kind="B", blocks=32), (135, 60.5, 34.5)),
]


@pytest.mark.parametrize(("make", "printed"), [row[1:] for row in PRINTED], ids=[row[0] for row in PRINTED])
def test_multiply_adds_are_the_published_ones(make: Any, printed: tuple[float | None, ...]) -> None:
    for scale, billions in zip((2, 3, 4), printed, strict=True):
        if billions is None:
            continue
        digits = len(str(billions).partition(".")[2]) if isinstance(billions, float) else 0
        assert round(multiply_adds(make(scale)) / 1e9, digits) == billions


def test_edsr_x3_is_printed_for_an_lr_picture_cut_to_whole_pixels() -> None:
    # 1280 / 3 is 426.67; the printed 4470 is for 426 LR pixels, a width of 1278, and ours of 1280 is 4477
    model = models.EDSR(3, blocks=32, features=256)
    assert round(multiply_adds(model, 720, 1278) / 1e9, -1) == 4470
    assert round(multiply_adds(model) / 1e9) == 4477


def test_a_transposed_convolution_can_be_counted_at_its_output_as_many_tables_do() -> None:
    counted = [multiply_adds(models.FSRCNN(s), transposed="output") / 1e9 for s in (2, 3, 4)]
    assert [round(billions, 1) for billions in counted] == [6.0, 5.0, 4.6]


@pytest.mark.parametrize(
    ("make", "published"),
    [
        (lambda: models.SRCNN((9, 5, 5)), 57281),
        (lambda: models.FSRCNN(3), 12809),
        (lambda: models.VDSR(), 665921),
        (lambda: models.SRResNet(4), 1549462),
        (lambda: models.EDSR(3), 1554499),
        (lambda: models.WDSR(4), 1203312),  # with weight normalisation's gains, which are no module's weight
        (lambda: models.Discriminator(), 23563649),
    ],
)
def test_every_parameter_is_found_at_the_layer_that_uses_it(make: Any, published: int) -> None:
    model = make()
    assert parameters(model) == published
    assert sum(layer.parameters for layer in layers(model)) == published


def test_mdsr_runs_the_modules_of_one_scale_only() -> None:
    model = models.MDSR()
    for scale in (2, 3, 4):
        idle = [p.numel() for s in (2, 3, 4) if s != scale for p in model.pre_process[str(s)].parameters()]
        idle += [p.numel() for s in (2, 3, 4) if s != scale for p in model.upsample[str(s)].parameters()]
        ran = sum(layer.parameters for layer in layers(model, scale))
        assert ran == parameters(model) - sum(idle)


def test_the_discriminator_is_counted_for_the_picture_that_it_takes() -> None:
    convolutions = [(3, 64, 48), (64, 64, 24), (64, 128, 24), (128, 128, 12), (128, 256, 12), (256, 256, 6)]
    convolutions += [(256, 512, 6), (512, 512, 3)]  # channels, and the output's side
    by_hand = sum(9 * i * o * side**2 for i, o, side in [(3, 64, 48), *convolutions[1:]])
    by_hand += 512 * 3 * 3 * 1024 + 1024
    assert multiply_adds(models.Discriminator(48)) == by_hand


def test_a_layer_says_where_it_stands_and_what_it_takes() -> None:
    named = {layer.name: layer for layer in layers(models.EDSR(4, blocks=2, features=8), height=40, width=40)}
    second = named["upsample.2"]
    assert (second.kind, second.kernel, second.before, second.after) == ("convolution", (3, 3), 8, 32)
    assert (second.resolution, second.parameters) == (Fraction(2), 9 * 8 * 32 + 32)
    assert second.multiply_adds == 9 * 8 * 32 * 20 * 20
    steps = layers(models.EDSR(4, blocks=2, features=8))
    # head, then the long skip's addition: it takes the body's last convolution and the head
    addition = next(step for step in steps if step.kind == "addition" and step.name == "")
    assert [steps[source].name for source in addition.sources] == ["head", "body.2"]


def test_vdsrs_skip_takes_the_input_itself() -> None:
    assert layers(models.VDSR(4, features=8))[-1].sources == (BEFORE, 6)
    without = layers(models.VDSR(4, features=8, residual=False))
    assert not any(step.kind == "addition" for step in without)


class Odd(nn.Module):
    """What students write: functions, a layer used twice, no padding here and reflection there, branches."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 5, padding=2, padding_mode="reflect")
        self.twice = nn.Conv2d(8, 8, 3, padding=2, dilation=2)
        self.down = nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=2)
        self.weight = nn.Parameter(torch.randn(12, 16, 1, 3) / 7)
        self.back = nn.ConvTranspose2d(8, 8, 4, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        features = F.relu(self.first(x), inplace=True)
        y = F.leaky_relu(self.twice(F.leaky_relu(self.twice(features))))
        y = self.back(self.down(y))
        y = F.conv2d(torch.cat([features, y], 1), self.weight, padding="same")
        return F.pixel_shuffle(y, 2) + F.interpolate(x, scale_factor=2, mode="bicubic")


def test_a_module_that_nobody_prepared_is_counted_too() -> None:
    model = Odd()
    by_hand = 75 * 8 + 2 * 9 * 64 + 9 * 4 * 8 / 4 + 16 * 64 / 4 + 3 * 16 * 12  # for each LR pixel
    assert multiply_adds(model, 100, 100) == by_hand * 50 * 50
    steps = layers(model)
    assert sum(step.parameters for step in steps) == parameters(model)
    assert [step.parameters for step in steps if step.name == "twice"] == [9 * 64 + 8, 0]


def seen_by_gradients(model: nn.Module, scale: int | None) -> int:
    """Side of the largest square of inputs that one output pixel has a gradient for, by experiment."""
    side = 2 * receptive_radius(model, scale) + 12
    channels: Any = getattr(model, "channels", 3)
    x = torch.rand(1, channels, side, side, dtype=torch.float64, requires_grad=True)
    y = run(model.double(), x, scale or 0)
    factor = y.shape[-1] // side
    largest = 0
    for phase in range(2 * factor):  # two input pixels: a stride of 2 sees unlike halves
        at = side // 2 * factor + phase
        (gradient,) = torch.autograd.grad(y[0, :, at, at].sum(), x, retain_graph=True)
        for axis in (0, 1):
            touched = gradient[0].abs().amax(0).amax(axis).nonzero().flatten()
            largest = max(largest, int(touched.max() - touched.min()) + 1)
    return largest


@pytest.mark.parametrize(
    ("make", "scale"),
    [
        (lambda: models.SRCNN((9, 3, 5), init="he"), None),
        (lambda: models.SRCNN(inside=3, init="he"), None),
        (lambda: models.FSRCNN(2), None),
        (lambda: models.FSRCNN(3), None),
        (lambda: models.FSRCNN(4, enlarge=4), None),
        (lambda: models.ESPCN(3), None),
        (lambda: models.VDSR(6, features=8), None),
        (lambda: models.VDSR(5, features=8, residual=False, transposed=3), None),
        (lambda: models.EDSR(4, blocks=2, features=8), None),
        (lambda: models.EDSR(3, blocks=1, features=8, upsampler="transposed"), None),
        (lambda: models.MDSR(blocks=1, features=8), 2),
        (lambda: models.WDSR(3, blocks=2, features=8), None),
        (lambda: models.SRResNet(4, blocks=1, features=8), None),
    ],
)
def test_the_theoretical_field_is_the_one_that_gradients_find(make: Any, scale: int | None) -> None:
    torch.manual_seed(0)
    model = make().eval()
    for parameter in model.parameters():  # no weight is zero, so that no path is closed
        torch.nn.init.normal_(parameter, std=0.3)
    assert layers(model, scale)[-1].field == seen_by_gradients(model, scale)


def test_vdsr_sees_41_pixels_as_its_paper_says_and_as_the_tiles_measure() -> None:
    model = models.VDSR(features=2)
    assert layers(model)[-1].field == 41 == 2 * receptive_radius(model) + 1


def test_the_field_of_an_odd_module_agrees_with_gradients() -> None:
    torch.manual_seed(0)
    model = Odd().eval()
    model.channels = 3  # type: ignore[assignment]  # what receptive_radius asks for
    assert layers(model)[-1].field == seen_by_gradients(model, None)


def test_a_layer_that_sees_the_whole_picture_has_no_field() -> None:
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)
            self.weigh = nn.Conv2d(3, 3, 1)

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x)
            return x + y * torch.sigmoid(self.weigh(F.adaptive_avg_pool2d(y, 1)))

    steps = layers(Attention())
    assert steps[0].field == 3
    assert steps[-1].field is None
    assert steps[-1].resolution == 1
    # the second convolution works on one pixel, however large the picture is
    assert multiply_adds(Attention(), 50, 60) == 81 * 50 * 60 + 9


class Answering(nn.Module):
    """Two convolutions and a ``forward`` of one's own."""

    channels = 1
    scale = 1

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.a = nn.Conv2d(1, 4, 3, padding=1)
        self.b = nn.Conv2d(4, 1, 3, padding=1)
        self.answer = answer

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.answer(self, x)
        return y


def test_steps_that_the_answer_does_not_depend_on_are_left_out() -> None:
    def with_a_head(self: Any, x: Tensor) -> Tensor:
        features = self.a(x)
        self.early = F.conv2d(features, self.b.weight).mean()  # uses the second layer's filter first
        y = self.b(features) + x
        self.aux = F.avg_pool2d(F.avg_pool2d(y, 4), 2)
        return y

    steps = layers(Answering(with_a_head), height=10, width=10)
    assert [step.kind for step in steps] == ["convolution", "convolution", "addition"]
    assert [step.sources for step in steps] == [(BEFORE,), (0,), (1, BEFORE)]
    assert steps[-1].field == 5
    # each parameter at the step that works on the answer: 4 * 9 + 4, and 4 * 9 + 1
    assert [step.parameters for step in steps] == [40, 37, 0]
    assert multiply_adds(Answering(with_a_head), 10, 10) == 2 * 36 * 100


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        (lambda net, x: 1 / net.a(x), "1 / it"),
        (lambda net, x: torch.ones(4, 1, 1) / net.a(x), "constant / it"),
        (lambda net, x: 2 - net.a(x), "subtract from 2"),
        (lambda net, x: torch.ones(4, 1, 1) - net.a(x), "subtract from constant"),
        (lambda net, x: net.a(x) / 2, "/ 2"),
        (lambda net, x: net.a(x).reciprocal(), "reciprocal"),
        (lambda net, x: 2 ** net.a(x), "power"),
    ],
)
def test_arithmetic_from_either_side_keeps_the_field(answer: Any, label: str) -> None:
    step = layers(Answering(answer))[-1]
    assert (step.label, step.field) == (label, 3)


def test_the_way_back_needs_what_each_convolution_saw_and_nothing_twice() -> None:
    x = torch.rand(2, 4, 5, 7)
    once = 2 * 4 * 5 * 7 * 4  # bytes of x in float32
    first, second = (nn.Conv2d(4, 4, 3, padding=1) for _ in range(2))
    assert kept_bytes(first, x) == once
    # the ReLU's answer is kept once, though the ReLU and the convolution after it both need it
    assert kept_bytes(nn.Sequential(first, nn.ReLU(), second), x) == 2 * once
    with torch.no_grad():
        assert kept_bytes(first, x) == 0


def test_counting_leaves_the_model_as_it_was() -> None:
    model = models.SRResNet(4, blocks=1, features=4).train()
    model.body[0].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    layers(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert (model.training, model.body[0].training, model.tail.training) == (True, False, True)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: multiply_adds(models.MDSR(blocks=1, features=4)), r"say scale= one of 2, 3, 4"),
        (lambda: multiply_adds(models.ESPCN(3), scale=2), "enlarges by x3, not x2"),
        (lambda: multiply_adds(models.ESPCN(3), 0), "at least 1 x 1 pixels, not 0 x 1280"),
        (lambda: multiply_adds(models.ESPCN(3), transposed="zeros"), "transposed must be"),  # type: ignore[arg-type]
        (lambda: layers(nn.Linear(3, 3)), "no convolution to count; give it an attribute channels"),
        (
            lambda: layers(nn.Sequential(nn.Conv2d(3, 1, 3), nn.Flatten(), nn.Linear(7, 1))),
            "channels and size",
        ),
    ],
)
def test_what_cannot_be_counted_is_said(call: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()


def test_a_reach_goes_through_strides_and_back() -> None:
    # by hand: 3 taps at stride 2 give pixels 2o - 1 to 2o + 1; doubling then hands pairs the same three
    there = Reach().convolved(3, 2, 1)
    assert [there.at(o) for o in (0, 1, 5)] == [(-1, 1), (1, 3), (9, 11)]
    back = there.interpolated(2, 1, 0)
    assert [back.at(o) for o in (0, 1, 2, 3)] == [(-1, 1), (-1, 1), (1, 3), (1, 3)]
    assert (back.side, back.radius) == (3, 2)
    # three times as large, every second of three lies on a pixel, where the cubic kernel is 0 at all others
    assert [Reach().interpolated(3, 1, 2).at(o) for o in (0, 1, 2)] == [(-2, 1), (0, 0), (-1, 2)]


def test_one_convolutions_effective_field_is_its_absolute_kernel() -> None:
    conv = nn.Conv2d(1, 1, 5, padding=2)
    field = effective_field(conv, torch.rand(3, 1, 11, 11))
    assert torch.allclose(field[3:8, 3:8], conv.weight[0, 0].abs())
    assert field.sum() == pytest.approx(conv.weight.abs().sum().item(), rel=1e-5)


def test_stacked_box_filters_look_at_a_gaussian() -> None:
    layer = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    nn.init.constant_(layer.weight, 1 / 9)
    field = effective_field(nn.Sequential(*[layer] * 20), torch.rand(1, 1, 61, 61)).double().numpy()
    line = np.ones(1)
    for _ in range(20):
        line = np.convolve(line, np.full(3, 1 / 3))
    np.testing.assert_allclose(field[10:51, 10:51], np.outer(line, line), atol=1e-7)
    # each box adds a variance of 2/3, so 20 make a Gaussian with sigma = sqrt(40/3) = 3.65
    gauss = np.exp(-(np.arange(-30, 31) ** 2) / (2 * 40 / 3))
    gauss = np.outer(gauss, gauss) / gauss.sum() ** 2
    assert np.abs(field - gauss).max() < 0.02 * gauss.max()
    # and half of it lies within |x|, |y| < 1.05 sigma (erf(1.05 / sqrt 2)^2 = 0.5): 9 of the 41 pixels
    assert square_holding(torch.from_numpy(field), 0.5) == 9


def test_an_enlarging_networks_field_is_the_mean_over_the_pixels_that_the_centre_becomes() -> None:
    model = models.ESPCN(2)
    x = torch.rand(1, 1, 15, 15)
    field = effective_field(model, x)
    jacobian: Any = torch.autograd.functional.jacobian(lambda x: model(x)[0, 0, 14:16, 14:16], x)
    assert torch.allclose(field, jacobian[:, :, 0, 0].abs().mean((0, 1)), atol=1e-7)


def test_the_effective_field_is_the_same_in_double_and_for_stored_bytes() -> None:
    torch.manual_seed(0)
    net = models.ESPCN(2)
    levels = torch.randint(0, 256, (2, 1, 15, 15), dtype=torch.uint8)
    field = effective_field(net, levels / 255)
    torch.testing.assert_close(effective_field(net, levels), field)
    found = effective_field(net.double(), levels)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, field)


def test_the_effective_field_is_computed_where_the_model_is() -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    net, x = models.ESPCN(2), torch.rand(1, 1, 15, 15)
    field = effective_field(net, x)
    torch.testing.assert_close(effective_field(net.cuda(), x), field, rtol=1e-3, atol=1e-5)


def test_the_square_that_holds_a_share_is_counted_from_the_centre() -> None:
    field = torch.zeros(7, 7)
    field[3, 3], field[2, 4], field[0, 0] = 4, 5, 1
    assert [square_holding(field, share) for share in (0.4, 0.41, 0.9, 0.91)] == [1, 3, 3, 7]


def test_trained_networks_look_at_less_than_they_could() -> None:
    x = torch.rand(1, 1, 45, 45)
    field = effective_field(zoo.load("vdsr", 3), x)
    beyond = F.pad(torch.zeros(41, 41), (2, 2, 2, 2), value=1)  # more than 20 pixels away
    assert (field * beyond).sum() == 0
    assert square_holding(field, 0.9) < 41 // 2


@pytest.mark.parametrize(
    ("pictures", "says"),
    [
        ((3, 8, 8), r"must be \(N, C, H, W\), not \(3, 8, 8\)"),
        ((1, 3, 8, 8), "takes 1 channels, the pictures have 3"),
    ],
)
def test_pictures_that_do_not_fit_are_said(pictures: tuple[int, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        effective_field(models.ESPCN(2), torch.rand(pictures))
    with pytest.raises(ValueError, match=r"must be float in \[0, 1\] or uint8, not torch.int64"):
        effective_field(models.ESPCN(2), torch.zeros(1, 1, 8, 8, dtype=torch.int64))


def test_a_field_of_nothing_holds_nothing() -> None:
    with pytest.raises(ValueError, match="zero everywhere"):
        square_holding(torch.zeros(5, 5), 0.5)
    with pytest.raises(ValueError, match="between 0 and 1, not 1"):
        square_holding(torch.ones(5, 5), 1)
