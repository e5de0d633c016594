"""The exercises of chapter 6: VDSR."""

import copy
import statistics
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from srlib import comparison, models, zoo
from srlib.check.exercise import NotYet, Verdict, asked, attempt, expect
from srlib.degrade import bicubic
from srlib.images import rgb_to_ycbcr, ycbcr_to_rgb
from srlib.metrics import psnr
from srlib.resize import imresize

SCALE = 3
BUG_COST = 0.636
"""dB that the bug of exercise 6.4 costs at x3, mean over the comparison table's pictures."""


# --- 6.1: how deep? -------------------------------------------------------------------------------


def check_depth(answer: Callable[[int, int], Any]) -> Verdict:
    """``answer(lr_pixels, scale)``: the fewest 3x3 layers that see so many LR pixels across."""
    return attempt(
        "6.1",
        answer,
        _depth,
        "the same view costs a network on the enlarged picture s times as many layers, on s * s times as "
        "many pixels. Working on the small picture is cheaper twice.",
    )


def _depth(answer: Callable[[int, int], Any]) -> None:
    for lr_pixels, scale in ((10, 4), (7, 3), (13, 3), (6, 2), (9, 4), (7, 2), (1, 3)):
        wanted = next(d for d in range(1, 99) if 2 * d + 1 >= lr_pixels * scale)
        found = asked(answer, lr_pixels, scale)
        if float(found) != int(found):
            raise NotYet(f"{found} layers: take the next whole number of layers.")
        seen = 2 * int(found) + 1
        need = lr_pixels * scale
        if seen < need:
            raise NotYet(
                f"{lr_pixels} LR pixels at x{scale} are {need} pixels of the enlarged picture. {int(found)} "
                f"layers see {seen}: too few. Each layer adds one pixel on both sides of the one in the "
                "middle; round up."
            )
        if int(found) != wanted:
            raise NotYet(
                f"{lr_pixels} LR pixels at x{scale} are {need} pixels of the enlarged picture. {int(found)} "
                f"layers see {seen} of them; {wanted} layers see {2 * wanted + 1}, and that is enough."
            )


# --- 6.2: start at bicubic ------------------------------------------------------------------------


def check_start(answer: Callable[[nn.Module], Any]) -> Verdict:
    """``answer(net)`` changes a VDSR so that it answers its input, and can still learn."""
    return attempt(
        "6.2",
        answer,
        _start,
        "in the first step only the last layer learns, for behind a layer of zeros the others get no "
        "gradient; from the second step on all of them do.",
    )


def _start(answer: Callable[[nn.Module], Any]) -> None:
    torch.manual_seed(0)
    net: Any = models.VDSR(5, features=8)
    with torch.no_grad():
        for weight in net.parameters():  # as if it had been trained: no bias is zero any more
            weight.add_(0.05 * torch.randn_like(weight))
    before = copy.deepcopy(net)
    found = answer(net)
    if isinstance(found, nn.Module) and found is not net:
        raise NotYet("Change the network that you are given; a new one would have other weights.")
    if not net.residual:
        raise NotYet("`residual` must stay True: it is the addition that hands the bicubic picture on.")
    x = torch.rand(2, 1, 12, 12, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        gap = float((net(x) - x).abs().max())
    if 0 < gap < 1e-5:
        raise NotYet(
            f"Nearly: the answer still differs from the input by up to {gap:.1g}. Small is not zero; it "
            "should be exactly the input."
        )
    if gap > 0:
        rest = "" if net.tail.weight.any() else " A bias alone is enough to spoil it."
        raise NotYet(
            f"The answer still differs from the input by up to {gap:.2g}. What has to be 0 is what the last "
            f"layer answers, for any picture.{rest}"
        )
    pairs = zip(net.body.parameters(), before.body.parameters(), strict=True)
    if not all(torch.equal(mine, old) for mine, old in pairs):
        if any(weight.any() for weight in net.body.parameters()):
            raise NotYet(
                "It starts at bicubic, but you changed layers before the last one too. What "
                "they have learned need not be thrown away: the last layer is enough."
            )
        raise NotYet(
            "It starts at bicubic, but all weights are 0: no gradient gets through, and the network stays at "
            "bicubic for ever, but for its last bias. The last layer is enough."
        )
    if not all(weight.requires_grad for weight in net.parameters()):
        raise NotYet("Some weights no longer ask for a gradient, so they could never learn.")
    (net(x) - x - 0.1).square().mean().backward()
    gradient = net.tail.weight.grad
    if gradient is None or float(gradient.abs().max()) == 0:
        raise NotYet("The last layer gets no gradient, so the network could never learn.")


# --- 6.3: how far may a weight move? --------------------------------------------------------------


def check_farthest(answer: Callable[[float, float, int], Any]) -> Verdict:
    """``answer(theta, momentum, steps)``: how far SGD with clipped gradients can carry a weight."""
    return attempt(
        "6.3",
        answer,
        _farthest,
        "with momentum 0.9 a single step soon reaches ten times theta. The clip bounds each gradient; the "
        "optimiser may still add up many that point the same way.",
    )


def _farthest(answer: Callable[[float, float, int], Any]) -> None:
    for theta, momentum, steps in (
        (0.1, 0.0, 5),
        (0.1, 0.9, 1),
        (0.1, 0.9, 2),
        (1e-2, 0.9, 40),
        (0.3, 0.5, 7),
    ):
        for rate in (0.1, 0.01):
            weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
            sgd = torch.optim.SGD([weight], lr=rate, momentum=momentum)
            for _ in range(steps):  # the worst case: every gradient is at the bound and points one way
                weight.grad = torch.full_like(weight, -theta / rate)
                sgd.step()
        expect(
            asked(answer, theta, momentum, steps),
            float(weight.detach()),
            f"That was theta {theta}, momentum {momentum}, {steps} step{'s' * (steps > 1)}. Let all "
            "gradients be theta / rate. The first step moves the weight by theta, the second by theta + "
            "momentum * theta; go on, and add up all the steps.",
            tolerance=1e-6,
        )


# --- 6.4: bug hunt --------------------------------------------------------------------------------


@cache
def _network() -> nn.Module:
    return zoo.load("srcnn-955", SCALE)


@torch.no_grad()
def detail(y: Tensor) -> Tensor:
    """What bicubic lost, as a trained network sees it: (1, H, W) to (1, H, W). It is right; the bug is
    elsewhere. (SRCNN's answer less its input, so that the bug's cost does not depend on VDSR's weights.)"""
    found: Tensor = _network()(y[None].float())[0] - y
    return found


def given_enlarge(lr: Tensor, scale: int) -> Tensor:
    """The code that the reader is given, with its bug."""
    ycbcr = imresize(rgb_to_ycbcr(lr), scale)
    y = ycbcr[:1]
    y = y + detail(y).clamp(0, 1)
    return ycbcr_to_rgb(torch.cat([y, ycbcr[1:]])).clamp(0, 1)


def _right(lr: Tensor, scale: int) -> Tensor:
    ycbcr = imresize(rgb_to_ycbcr(lr), scale)
    y = ycbcr[:1] + detail(ycbcr[:1])
    return ycbcr_to_rgb(torch.cat([y, ycbcr[1:]])).clamp(0, 1)


def check_enlarge(answer: Callable[[Tensor, int], Any]) -> Verdict:
    """``answer(lr, scale)``: (3, h, w) enlarged with ``detail``, the bug mended."""
    return attempt(
        "6.4",
        answer,
        _enlarge,
        f"the bug costs {BUG_COST:.2f} dB at x3. A picture lies between 0 and 1; a residual does not, and no "
        "error message says so.",
        given=given_enlarge,
    )


def _enlarge(answer: Callable[[Tensor, int], Any]) -> None:
    for name in ("astronaut", "coffee"):
        lr = bicubic(comparison.pictures()[name][:, 60:180, 60:180], SCALE)
        found = asked(answer, lr.clone(), SCALE)
        if tuple(found.shape) != (3, 120, 120):
            raise NotYet(f"The answer's shape is {tuple(found.shape)}, it should be (3, 120, 120).")
        if float(found.min()) < 0 or float(found.max()) > 1:
            raise NotYet("The answer leaves the range from 0 to 1: a picture has to be clipped, at the end.")
        ycbcr = imresize(rgb_to_ycbcr(lr), SCALE)
        moved = rgb_to_ycbcr(found)[:1] - ycbcr[:1]
        wanted = detail(ycbcr[:1])
        up, down = (float(part.abs().mean()) for part in (moved.clamp(min=0), moved.clamp(max=0)))
        if max(up, down) < 1e-4:
            raise NotYet("This is plain bicubic: what `detail` says is not added.")
        alone = ycbcr_to_rgb(torch.cat([wanted, ycbcr[1:]])).clamp(0, 1)
        if psnr(found, alone) > 50:
            raise NotYet("The enlarged luma is gone: the answer is `detail(y)` alone, added to nothing.")
        if down < 0.2 * up:
            raise NotYet(
                "Your picture is nowhere darker than bicubic. Beside an edge the original is brighter on one "
                "side and darker on the other. What does `detail` say on the dark side, and what becomes "
                "of it?"
            )
        if up < 0.2 * down:
            raise NotYet("Your picture is nowhere brighter than bicubic: now the other half is lost.")
        if float((moved * wanted).mean()) < 0:
            raise NotYet(
                "The detail goes the wrong way: where it is positive, the picture must get brighter."
            )
        if psnr(found, _right(lr, SCALE)) < 55:
            raise NotYet(
                "Nearly. Enlarge as given, add all of `detail(y)` to `y`, as it is, and clip only the "
                "colours at the end."
            )


def bug_cost() -> float:
    """What the bug costs in dB at x3 on the comparison table's pictures, measured now."""
    losses = []
    for hr in comparison.pictures().values():
        lr = bicubic(hr, SCALE)
        right, wrong = (psnr(way(lr, SCALE), hr, crop=SCALE) for way in (_right, given_enlarge))
        losses.append(float(right) - float(wrong))
    return statistics.fmean(losses)


# --- 6.5: one layer, again and again --------------------------------------------------------------


def check_recursive(answer: Callable[..., Any]) -> Verdict:
    """``answer(depth, features)``: a VDSR whose middle layers are one and the same."""
    return attempt(
        "6.5",
        answer,
        _recursive,
        "twenty layers deep with the parameters of three. The multiply-adds are as many as before: what "
        "memory saves, the clock does not.",
    )


def _recursive(answer: Callable[..., Any]) -> None:
    x = torch.rand(2, 1, 14, 14, generator=torch.Generator().manual_seed(0))
    for depth, features in ((3, 4), (6, 8), (20, 8)):
        torch.manual_seed(0)
        net = asked(answer, depth=depth, features=features)
        if not isinstance(net, nn.Module):
            raise NotYet("`Recursive` is a class that inherits from `nn.Module`.")
        layers = [one for one in net.modules() if isinstance(one, nn.Conv2d)]
        for one in layers:  # weights that hand the signal on: else all depths answer alike
            nn.init.kaiming_normal_(one.weight, nonlinearity="relu")
        with torch.no_grad():
            found = asked(net, x)
        if tuple(found.shape) != tuple(x.shape):
            raise NotYet(
                f"{tuple(x.shape)} became {tuple(found.shape)}. The answer is as large as the input: "
                "`padding=1` keeps the size, and the last layer leads back to one channel."
            )
        count = sum(weight.numel() for weight in net.parameters())
        wanted = 9 * features + features + 9 * features**2 + features + 9 * features + 1
        if len(layers) != 3 or count != wanted:
            raise NotYet(
                f"With depth={depth} and features={features} there are {len(layers)} convolutions with "
                f"{count:,} parameters; it should be 3 with {wanted:,}, whatever the depth. Make the middle "
                "layer once in `__init__` and call it several times in `forward`."
            )
        by_shape = {(one.in_channels, one.out_channels): one for one in layers}
        if set(by_shape) != {(1, features), (features, features), (features, 1)}:
            shapes = ", ".join(f"{one.in_channels} to {one.out_channels}" for one in layers)
            raise NotYet(
                f"Your layers lead from {shapes} channels; they should lead from 1 to {features}, from "
                f"{features} to {features} and from {features} to 1."
            )
        _compare(by_shape, depth, features, x, found)


def _compare(
    by_shape: dict[tuple[int, int], nn.Conv2d], depth: int, features: int, x: Tensor, found: Tensor
) -> None:
    """The answer beside what the same layers should answer, and beside what usual slips would."""

    @torch.no_grad()
    def deep(times: int) -> Tensor:
        h = by_shape[1, features](x).relu()
        for _ in range(times - 2):
            h = by_shape[features, features](h).relu()
        out: Tensor = by_shape[features, 1](h)
        return out

    def same(a: Tensor, b: Tensor) -> bool:
        return float((a - b).abs().max()) <= 1e-4 * (1 + float(b.abs().max()))

    if same(found, x + deep(depth)):
        return
    if same(found, deep(depth)):
        raise NotYet("What your layers answer is right; the input is not added to it.")
    for other in range(2, 2 * depth + 2):
        if same(found, x + deep(other)):
            raise NotYet(
                f"With depth={depth} your network is {other} layers deep. The first and the last layer "
                f"count, so the middle one is called {depth - 2} time{'s' * (depth > 3)}."
            )
    raise NotYet(
        f"With depth={depth} it is not yet what the same layers give in a VDSR. A ReLU follows every layer "
        "but the last, and the input is added at the very end."
    )
