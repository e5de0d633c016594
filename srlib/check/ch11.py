"""The exercises of chapter 11: WDSR."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import comparison, models, zoo
from srlib.check.exercise import NotYet, Verdict, asked, asked_network, attempt, close
from srlib.degrade import bicubic
from srlib.images import from_uint8, to_uint8
from srlib.inference import in_eval_mode
from srlib.metrics import psnr

SCALE = 3
BUG_COST = 0.886
"""dB that the bug of exercise 11.4 costs at x3, mean over the comparison table's pictures."""


# --- 11.1: block B from a blank cell --------------------------------------------------------------


def check_block(answer: Callable[[int, int], Any]) -> Verdict:
    """``answer(features, expansion)``: block B of WDSR, bare convolutions."""
    return attempt(
        "11.1",
        answer,
        _block,
        "sixteen of these hold 294,288 numbers at 32 features; sixteen of block A hold 1,182,208.",
    )


def _block(answer: Callable[[int, int], Any]) -> None:
    for features, expansion in ((10, 6), (12, 3)):
        torch.manual_seed(features)
        mine = asked_network(answer, "BlockB", features, expansion)
        widen, shrink, back = _parts(mine, features, expansion)
        x = torch.randn(2, features, 7, 7)
        with torch.no_grad():
            for weight in mine.parameters():  # strong enough for every slip to show
                weight.copy_(0.4 * torch.randn_like(weight))
            found = asked(mine, x.clone())
            if tuple(found.shape) != tuple(x.shape):
                raise NotYet(
                    f"{tuple(x.shape)} became {tuple(found.shape)}: the 3 x 3 convolution needs `padding=1`, "
                    "the 1 x 1 ones none."
                )
            _same_block(found, x, widen, shrink, back)


def _parts(mine: nn.Module, features: int, expansion: int) -> tuple[nn.Conv2d, nn.Conv2d, nn.Conv2d]:
    """The three convolutions, each found by its size; what is wrong with them is said by name."""
    convs = [one for one in mine.modules() if isinstance(one, nn.Conv2d)]
    if len(convs) != 3:
        raise NotYet(f"Block B has three convolutions; yours has {len(convs)}.")
    if any(one.bias is None for one in convs):
        raise NotYet("These convolutions have biases.")
    if any(one.groups != 1 for one in convs):
        raise NotYet("These are full convolutions: one group.")
    wide, narrow = expansion * features, int(0.8 * features)
    sizes = [(one.in_channels, one.out_channels, one.kernel_size[0]) for one in convs]
    wanted = [(features, wide, 1), (wide, narrow, 1), (narrow, features, 3)]
    found = [next((c for c, size in zip(convs, sizes, strict=True) if size == one), None) for one in wanted]
    if all(one is not None for one in found):
        widen, shrink, back = (one for one in found if one is not None)
        right = zip((widen, shrink, back), ((0, 0), (0, 0), (1, 1)), strict=True)
        if any(one.padding not in (pad, "same") for one, pad in right):
            raise NotYet("For the size to stay the 3 x 3 convolution needs `padding=1`, the 1 x 1 ones none.")
        return widen, shrink, back
    counts = {size for one in sizes for size in one[:2]}
    words = "Go through the three: from where, to where, how large?"
    if round(0.8 * features) in counts and narrow not in counts:
        words = f"0.8 of {features} is rounded down, as `int(0.8 * features)` does: {narrow}."
    elif int(0.8 * wide) in counts:
        words = "The 0.8 is of the features, not of the wide layer."
    elif sorted(size[2] for size in sizes) != [1, 1, 3]:
        words = "Two of them are 1 x 1 and the last is 3 x 3."
    elif sizes[0][2] == 3:
        words = "The 3 x 3 comes last, where the channels are fewest."
    elif narrow not in counts:
        words = f"In between there are {narrow} channels, 0.8 of the {features}."
    shown = ", ".join(f"{k} x {k} from {a} to {b}" for a, b, k in sizes)
    raise NotYet(f"With features={features} and expansion={expansion} yours are {shown}. {words}")


def _same_block(found: Tensor, x: Tensor, widen: nn.Conv2d, shrink: nn.Conv2d, back: nn.Conv2d) -> None:
    """The answer beside the right one, and beside what usual slips give."""
    back_padded = lambda y: F.conv2d(y, back.weight, back.bias, padding=1)  # noqa: E731
    wide = widen(x)
    body = back_padded(shrink(F.relu(wide)))
    if close(found, x + body):
        return
    for slip, words in (
        (body, "What the layers answer is right; x is not added to it."),
        (2 * body, "The layers' answer is added to itself: x was overwritten on the way. Keep it."),
        (x - body, "x less the layers' answer: the block adds."),
        (x + back_padded(shrink(wide)), "There is no ReLU in what it computes."),
        (
            x + back_padded(F.relu(shrink(F.relu(wide)))),
            "A second ReLU stands after the narrow layer. That one is to stay linear: where so "
            "few are left nothing may be cut off.",
        ),
        (
            x + back_padded(F.relu(shrink(wide))),
            "The ReLU stands where it is narrow. It belongs where it is wide.",
        ),
        (F.relu(x + body), "A ReLU stands after the addition. Nothing stands there."),
        (
            x + back_padded(shrink(widen(F.relu(x)))),
            "The ReLU stands before the widening, on the narrow path.",
        ),
    ):
        if close(found, slip):
            raise NotYet(words)
    raise NotYet(
        "All three convolutions are there, but the answer is another one. The order is: 1 x 1 wide, ReLU, "
        "1 x 1 narrow, 3 x 3; then x is added."
    )


# --- 11.2: WDSR's bill ----------------------------------------------------------------------------


def check_bill(answer: Callable[[str, int, int], Any]) -> Verdict:
    """``answer(kind, blocks, scale)``: the parameters of a bare WDSR of 32 features."""
    return attempt(
        "11.2",
        answer,
        _bill,
        "these are the numbers on slides of a course that trained WDSR again, to the last digit. Weight "
        "normalisation adds one gain for each filter.",
    )


def _bill(answer: Callable[[str, int, int], Any]) -> None:
    for kind, blocks, scale in (("A", 1, 4), ("A", 8, 4), ("B", 1, 4), ("B", 3, 3), ("A", 2, 2), ("B", 0, 2)):
        found = int(asked(answer, kind, blocks, scale))
        net = models.WDSR(scale, blocks=blocks, kind=kind, norm=None)  # type: ignore[arg-type]
        wanted = sum(weight.numel() for weight in net.parameters())
        if found != wanted:
            raise NotYet(
                f"For {blocks} block{'s' * (blocks != 1)} of kind {kind} at x{scale} you say {found:,}; it "
                f"is {wanted:,}. {_slip(found - wanted, kind, blocks, scale)}"
            )


def _slip(gap: int, kind: str, blocks: int, scale: int) -> str:
    """What a usual slip would be off by, in words."""
    out = 3 * scale**2
    wide, narrow = {"A": (128, 0), "B": (192, 25)}[kind]
    skip, tail = 75 * out + out, 288 * out + out
    biases = 32 + 2 * out + blocks * (wide + narrow + 32)
    gains = biases  # one for each filter, as the biases
    slips = {
        -biases: "That is the biases: one for each filter of every convolution.",
        gains: "That is a gain for each filter: here without weight normalisation.",
        -skip: "The skip of 5 x 5 is missing.",
        -48 * out: "The skip has 5 x 5 weights for each pair of channels, not 3 x 3.",
        -tail: "The convolution before the shuffle is missing.",
        -(skip + tail) + 75 * 3 + 3 + 288 * 3 + 3: "A shuffle by s needs 3 · s · s channels, not 3.",
        -896: "The head is missing: 3 x 3 from 3 to 32 channels.",
    }
    if kind == "B":
        slips |= {
            blocks * (192 + 1 + 288): "0.8 of 32 is 25.6, and `int` makes 25 of it.",
            blocks * 7 * (192 + 1 + 288): "The narrow layer has int(0.8 · 32) = 25 channels.",
            -blocks * 64 * (32 + 1 + 25): "Kind B widens six times, to 192.",
        }
    else:
        slips |= {
            blocks * 64 * (288 + 1 + 288): "Kind A widens four times, to 128.",
        }
    return slips.get(
        gap,
        "Go through head, blocks, the convolution before the shuffle, and the 5 x 5 skip, biases included.",
    )


# --- 11.3: what a gain in decibels is worth -------------------------------------------------------


def check_less_error(answer: Callable[[float, float], Any]) -> Verdict:
    """``answer(before, after)``: by how many per cent the mean squared error is smaller."""
    return attempt(
        "11.3",
        answer,
        _less_error,
        "a tenth of a decibel is about two per cent of the squared error, wherever it is won. A per cent "
        "of the decibels is worth something else at 20 and at 40.",
    )


def _less_error(answer: Callable[[float, float], Any]) -> None:
    for before, after in ((30.0, 33.0103), (30.14, 30.26), (38.0, 38.1), (33.0, 32.0), (25.0, 25.0)):
        found = float(asked(answer, before, after))
        ratio = 10 ** ((before - after) / 10)
        wanted = 100 * (1 - ratio)
        if abs(found - wanted) < 0.01:
            continue
        words = "PSNR = -10 log10(MSE) + a constant; solve for the MSE, and take the ratio of the two."
        for slip, said in (
            (1 - ratio, "That is the share; times 100 it is per cent."),
            (100 * ratio, "So much of the error is left; asked is by how much it is smaller."),
            (ratio, "That is the ratio of the two errors; asked is by how many per cent it is smaller."),
            (100 * (after / before - 1), "That is a per cent of the decibels, which means nothing."),
            (100 * (after - before) / after, "That is a per cent of the decibels, which means nothing."),
            (
                100 * (1 - math.sqrt(ratio)),
                "That is for the *root* of the mean squared error, which goes by 20; the mean goes by 10.",
            ),
            (
                100 * (1 / ratio - 1),
                "That is by how much the error *before* is larger. Divide by that before.",
            ),
            (-wanted, "The sign is turned round: less error is a positive number here."),
            (100 * (ratio - 1), "The sign is turned round: less error is a positive number here."),
            (100 * (1 - math.exp((before - after) / 10)), "A decibel counts by powers of ten, not of e."),
        ):
            if abs(found - slip) < 1e-3 * (1 + abs(slip)) and abs(slip - wanted) > 0.01:
                words = said
                break
        raise NotYet(f"From {before:g} to {after:g} dB you find {found:.4g}; it is {wanted:.4g}. {words}")


# --- 11.4: bug hunt -------------------------------------------------------------------------------


@cache
def _small() -> models.WDSR:
    net = zoo.load("wdsr-small", SCALE).eval()
    assert isinstance(net, models.WDSR)
    return net


@cache
def _pictures() -> tuple[Tensor, Tensor]:
    """(8, 3, 80, 80) and (8, 3, 240, 240): the comparison table's pictures."""
    hr = torch.stack(list(comparison.pictures().values()))
    return from_uint8(to_uint8(bicubic(hr, SCALE))), hr


def given_enlarge(net: nn.Module, x: Tensor) -> Tensor:
    """The code that the reader is given, with its bug."""
    share = len(net.body) ** -0.5  # type: ignore[arg-type]
    x = x - net.mean  # type: ignore[operator]
    h = net.head(x)  # type: ignore[operator]
    for block in net.body:  # type: ignore[union-attr]
        h = h + share * block.body(h)
    return net.tail(h) + net.skip(x) + net.mean  # type: ignore[operator]


def check_enlarge(answer: Callable[[nn.Module, Tensor], Any]) -> Verdict:
    """``answer(net, x)``: what the shipped small WDSR answers, the bug mended."""
    return attempt(
        "11.4",
        answer,
        _enlarge,
        f"the bug costs {BUG_COST:.2f} dB at x3. 1/sqrt(blocks) was where the gains *began*; training has "
        "moved them since, and they are in the weights. EDSR's tenth is another matter: it stands in the "
        "network's formula, before and after training.",
        given=given_enlarge,
    )


def _not_itself(*_: object) -> Tensor:
    raise NotYet("That calls `net(x)` itself; write down its parts.")


def _enlarge(answer: Callable[[nn.Module, Tensor], Any]) -> None:
    lr, hr = _pictures()
    x = lr[:2, :, 20:50, 20:56].clone()  # (2, 3, 30, 36)
    net = _small()
    before = {name: kept.clone() for name, kept in net.state_dict().items()}
    with torch.no_grad(), in_eval_mode(net):
        right, wrong = net(x), given_enlarge(net, x)
        net.forward = _not_itself  # type: ignore[method-assign, assignment]
        try:
            found = asked(answer, net, x.clone())
        finally:
            del net.forward
            changed = any(not torch.equal(kept, before[name]) for name, kept in net.state_dict().items())
            net.load_state_dict(before)
        if not isinstance(found, Tensor) or tuple(found.shape) != tuple(right.shape):
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise NotYet(f"The answer should be {tuple(right.shape)}, yours is {shape}.")
        if changed:
            raise NotYet("The network's weights have changed. They are right; the formula is not.")
        if _near(found, right):
            return
        detail = right - net.skip(x - net.mean) - net.mean
        for slip, words in (
            (wrong, "These are the given code's numbers."),
            (right - net.mean, "The mean that was taken away is not given back."),
            (detail + net.mean, "The 5 x 5 skip is missing. It is part of the network."),
            (detail + net.skip(x) + net.mean, "The skip gets x less the mean, as the head does."),
            (
                right.clamp(0, 1),
                "Right but for a clipping that the network does not do: leave it to who saves.",
            ),
            (_halved(net, x, 0.1), "A tenth is EDSR's residual scaling; WDSR's formula has none."),
            (
                _halved(net, x, 1 / len(net.body)),
                "Now it is one over the blocks, without the root: no better.",
            ),
            (_halved(net, x, 0.0), "The blocks' answers are left out."),
            (_twice(net, x), "`block(h)` has added h already; `block.body(h)` are the layers alone."),
            (
                _mean_left(net, x),
                "The mean has to go before the head, as in training, and to come back last.",
            ),
        ):
            if _near(found, slip):
                raise NotYet(words)
        cost = _cost(answer, net, lr, hr)
    raise NotYet(
        f"On the eight pictures this gives {cost:.2f} dB less than the network itself. Hold each line "
        "against `MyWDSR.forward` and `MyBlockB.forward`: what is not there?"
    )


def _near(a: Tensor, b: Tensor) -> bool:
    return float((a - b).abs().max()) <= 1e-4


def _halved(net: models.WDSR, x: Tensor, share: float) -> Tensor:
    """The answer with the blocks' own answers multiplied by ``share``."""
    x = x - net.mean
    h = net.head(x)
    for block in net.body:
        h = h + share * block.body(h)  # type: ignore[operator]
    found: Tensor = net.tail(h) + net.skip(x) + net.mean
    return found


def _twice(net: models.WDSR, x: Tensor) -> Tensor:
    """The answer with each block's skip taken twice."""
    x = x - net.mean
    h = net.head(x)
    for block in net.body:
        h = h + block(h)
    found: Tensor = net.tail(h) + net.skip(x) + net.mean
    return found


def _mean_left(net: models.WDSR, x: Tensor) -> Tensor:
    """The answer without anything being done about the mean."""
    found: Tensor = net.tail(net.body(net.head(x))) + net.skip(x)
    return found


def _cost(answer: Callable[[nn.Module, Tensor], Any], net: nn.Module, lr: Tensor, hr: Tensor) -> float:
    """dB that an answer loses against the network itself."""
    with torch.no_grad(), in_eval_mode(net):
        pair = [make(net, lr).clamp(0, 1) for make in (lambda net, x: net(x), answer)]
    right, found = (float(psnr(sr, hr, crop=SCALE).mean()) for sr in pair)  # type: ignore[union-attr]
    return right - found


def bug_cost() -> float:
    """What the bug costs in dB at x3, measured now."""
    return _cost(given_enlarge, _small(), *_pictures())


# --- 11.5: the gradients of weight normalisation --------------------------------------------------


def check_slopes(answer: Callable[[Tensor, Tensor, Tensor], Any]) -> Verdict:
    """``answer(slope, g, v)``: the gradients of g and v, from that of the weight."""
    return attempt(
        "11.5",
        answer,
        _slopes,
        "v's gradient is at a right angle to v, so every plain step makes v longer, and the longer it is the "
        "less it turns: a brake that puts itself on.",
    )


def _slopes(answer: Callable[[Tensor, Tensor, Tensor], Any]) -> None:
    for shape in ((4, 3, 3, 3), (2, 5, 1, 1)):
        generator = torch.Generator().manual_seed(shape[0])
        v, slope = (torch.randn(shape, generator=generator) for _ in range(2))
        g = 0.5 + torch.rand(shape[0], 1, 1, 1, generator=generator)
        length = v.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        along = (slope * v).sum((1, 2, 3), keepdim=True)
        right_g = along / length
        right_v = g / length * (slope - right_g * v / length)
        kept = [one.clone() for one in (slope, g, v)]
        found = asked(answer, slope, g, v)
        if not all(torch.equal(a, b) for a, b in zip(kept, (slope, g, v), strict=True)):
            raise NotYet("You have changed a tensor that you were given.")
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise NotYet("Two tensors are wanted: the gradient of g and that of v.")
        mine_g, mine_v = (torch.as_tensor(one).detach() for one in found)
        for name, mine, wanted in (("g", mine_g, right_g), ("v", mine_v, right_v)):
            if mine.shape != wanted.shape:
                raise NotYet(
                    f"The gradient of {name} has the shape of {name}, {tuple(wanted.shape)}; yours has "
                    f"{tuple(mine.shape)}. (g comes first, then v; `keepdim=True` keeps the places.)"
                )
        _compare(
            "g",
            mine_g,
            right_g,
            {
                "Divide by the length of v: w is g times v / ||v||, and that has length 1.": along,
                "It is divided by the length squared; once is enough.": along / length**2,
                "The length of v is that of each filter, not of all together.": along / v.norm(),
                "g itself is no part of it: how much does w change when g does?": along / length * g,
            },
        )
        _compare(
            "v",
            mine_v,
            right_v,
            {
                "The part along v is still in it. A longer v is the same w, so that part has to go.": (
                    g / length * slope
                ),
                "The factor g / ||v|| is missing.": slope - right_g * v / length,
                "The factor g is missing.": (slope - right_g * v / length) / length,
                "The division by ||v|| is missing.": g * (slope - right_g * v / length),
                "What is taken away has to be along v / ||v||, of length 1, not along v.": (
                    g / length * (slope - right_g * v)
                ),
                "The part along v is added; it has to be taken away.": g
                / length
                * (slope + right_g * v / length),
            },
        )


def _compare(name: str, mine: Tensor, right: Tensor, slips: dict[str, Tensor]) -> None:
    """One of the two beside the right one, and beside what usual slips give."""
    if close(mine, right):
        return
    before = "" if name == "g" else "The gradient of g is right. "
    for words, slip in slips.items():
        if close(mine, slip):
            raise NotYet(f"{before}The gradient of {name} is not yet. {words}")
    raise NotYet(
        f"{before}The gradient of {name} differs by up to {float((mine - right).abs().max()):.3g}. Filter by "
        "filter: sums and lengths go over the last three places."
    )
