"""The exercises of chapter 7: SRResNet."""

import copy
import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import data, models, zoo
from srlib.check.crops import crops
from srlib.check.exercise import NotYet, Verdict, asked, asked_network, attempt, close
from srlib.degrade import bicubic
from srlib.metrics import psnr
from srlib.models.srresnet import ResidualBlock

BUG_COST = 1.364
"""dB that the bug of exercise 7.4 costs at x3, on crops of the comparison table's pictures."""


# --- 7.1: a residual block from a blank cell ------------------------------------------------------


def check_block(answer: Callable[[int], Any]) -> Verdict:
    """``answer(features)``: SRResNet's residual block."""
    return attempt(
        "7.1",
        answer,
        _block,
        "sixteen of these, and what stands around them, are SRResNet. Without the two normalisations, and "
        "with a ReLU, it would be EDSR's block.",
    )


def _block(answer: Callable[[int], Any]) -> None:
    for features in (4, 6):
        torch.manual_seed(0)
        theirs = ResidualBlock(features)
        with torch.no_grad():
            for weight in theirs.parameters():  # as if trained: no bias is 0, no factor 1
                weight.add_(0.3 * torch.randn_like(weight))
        mine = asked_network(answer, "Block", features)
        _parts(mine, features)
        for training in (True, False):
            _same_block(mine, theirs, features, training)


def _parts(mine: nn.Module, features: int) -> None:
    """Whether all parts are there, each said by name."""

    def count(kind: type[nn.Module]) -> int:
        return sum(isinstance(one, kind) for one in mine.modules())

    if (found := count(nn.Conv2d)) != 2:
        raise NotYet(f"A block has two convolutions; yours has {found}.")
    for one in _all(mine, nn.Conv2d):
        sizes = (one.in_channels, one.out_channels, *one.kernel_size)
        if sizes != (features, features, 3, 3):
            raise NotYet(
                f"With features={features} both convolutions are 3 x 3 from {features} to {features} "
                f"channels. One of yours is {sizes[2]} x {sizes[3]} from {sizes[0]} to {sizes[1]}."
            )
        if one.bias is None:
            raise NotYet("These convolutions have biases, as the library's do (they are not much use here).")
    if (found := count(nn.BatchNorm2d)) != 2:
        raise NotYet(f"After each of the two convolutions stands a `BatchNorm2d`; yours has {found}.")
    if (found := count(nn.PReLU)) != 1:
        more = " Nothing stands after the addition." if found == 2 else ""
        raise NotYet(f"There is one `PReLU`, between the two halves; yours has {found}.{more}")
    if (found := next(_all(mine, nn.PReLU)).num_parameters) != 1:
        raise NotYet(f"One slope for all channels: `nn.PReLU()`; yours has {found}.")


def _all(net: nn.Module, kind: type[nn.Module]) -> Any:
    return (one for one in net.modules() if isinstance(one, kind))


def _same_block(mine: nn.Module, theirs: ResidualBlock, features: int, training: bool) -> None:
    """The answer beside what the same parts should answer, and beside what usual slips would. The parts may
    have been defined in any order."""
    x = torch.randn(3, features, 7, 7, generator=torch.Generator().manual_seed(1))
    found: Tensor | None = None
    for convs, norms in itertools.product((0, 1), repeat=2):
        _take_over(mine, theirs, convs, norms)
        mine.train(training)
        given = x.clone()
        with torch.no_grad():
            found = asked(mine, given)
        if not torch.equal(given, x):
            raise NotYet(
                "Your block changes the tensor that it is given (`+=`?); its caller may still need it."
            )
        if tuple(found.shape) != tuple(x.shape):
            raise NotYet(
                f"{tuple(x.shape)} became {tuple(found.shape)}: with `padding=1` the size stays, and only "
                "then can x be added."
            )
        body = _body(theirs, x, training)
        if close(found, x + body):
            return
        for slip, words in (
            (body, "What the layers answer is right; x is not added to it."),
            (2 * body, "The layers' answer is added to itself: x was overwritten on the way. Keep it."),
            (x - body, "x less the layers' answer: the block adds."),
            (F.prelu(x + body, theirs.body[2].weight), "Your PReLU stands after the addition."),  # type: ignore[arg-type]
        ):
            if close(found, slip.detach()):
                raise NotYet(words)
    raise NotYet(
        "All parts are there, but with the same weights the answer is another one. The order is: "
        "convolution, normalisation, PReLU, convolution, normalisation; then x is added."
    )


def _take_over(mine: nn.Module, theirs: nn.Module, convs: int, norms: int) -> None:
    """Give ``mine`` the weights of ``theirs``; 1 swaps which of two parts is taken for the first."""
    for kind, swap in ((nn.Conv2d, convs), (nn.BatchNorm2d, norms), (nn.PReLU, 0)):
        ours = list(_all(mine, kind))
        for one, other in zip(ours[::-1] if swap else ours, _all(theirs, kind), strict=True):
            one.load_state_dict(other.state_dict(), strict=False)


def _body(theirs: ResidualBlock, x: Tensor, training: bool) -> Tensor:
    body = copy.deepcopy(theirs.body).train(training)
    with torch.no_grad():
        found: Tensor = body(x)
    return found


# --- 7.2: SRResNet's bill -------------------------------------------------------------------------


def check_bill(answer: Callable[[int, int], Any]) -> Verdict:
    """``answer(blocks, features)``: the parameters of SRResNet x4."""
    return attempt(
        "7.2",
        answer,
        _bill,
        "twice the blocks are nearly twice the parameters; twice the features are four times as many.",
    )


def _bill(answer: Callable[[int, int], Any]) -> None:
    for blocks, features in ((16, 64), (1, 8), (3, 8), (5, 24), (0, 10)):
        found = int(asked(answer, blocks, features))
        net = models.SRResNet(blocks=blocks, features=features)
        wanted = sum(weight.numel() for weight in net.parameters())
        if found != wanted:
            raise NotYet(
                f"For {blocks} block{'s' * (blocks != 1)} of {features} features you say {found:,}; it is "
                f"{wanted:,}. {_slip(found - wanted, blocks, features)}"
            )


def _slip(gap: int, blocks: int, f: int) -> str:
    """What a usual slip would be off by, in words."""
    convs, norms, slopes = 2 * blocks + 1, 2 * blocks + 1, blocks + 3
    biases = (convs + 1 + 8) * f + 3
    pair = 9 * f * f + 3 * f
    # those with a minus first: of two slips that cost the same the likelier one
    slips = {
        -biases: "That is the biases of the convolutions: they count, too.",
        -2 * f * norms: "That is the normalisations: two numbers for each channel, in each of them.",
        -f * norms: "Each normalisation has two numbers for each channel, gamma and beta.",
        2 * f * norms: "The running averages are not learned, so they are no parameters.",
        -slopes: "That is the slopes: one for each PReLU, also for those outside the blocks.",
        -3: "That is the three PReLUs outside the blocks, or the tail's three biases.",
        -2: "Each of the two enlarging steps ends with a PReLU.",
        -1: "The head ends with a PReLU.",
        -216 * f: "Head and tail both have filters of 9 x 9: 81 weights for each pair of channels.",
        -432 * f: "Head and tail have filters of 9 x 9: 81 weights for each pair of channels.",
        slopes * (f - 1): "Each PReLU has one slope, not one for each channel.",
        -pair: "After the blocks comes one more convolution with its normalisation.",
        -(pair - 2 * f): "After the blocks comes one more convolution.",
        -2 * f: "The convolution after the blocks has a normalisation, too.",
        -(36 * f * f + 4 * f): "There are two enlarging steps: by two and by two again.",
        -(36 * f * f + 4 * f + 1): "There are two enlarging steps: by two and by two again.",
        -2 * 27 * f * f - 6 * f: "Before a shuffle by two stand four times as many filters.",
    }
    return slips.get(gap, "Go through head, blocks, what follows them, two enlarging steps, and tail.")


# --- 7.3: gradients, layer by layer ---------------------------------------------------------------


def check_gradients(answer: Callable[[nn.Module, Tensor, Tensor], Any]) -> Verdict:
    """``answer(net, lr, hr)``: the norm of each convolution's gradient."""
    return attempt(
        "7.3",
        answer,
        _gradients,
        "this is the curve of *depth, with skips and without*. By plain gradient descent a layer whose norm "
        "is a millionth of the others' stands still; Adam evens that out, down to its `eps`.",
    )


def _gradients(answer: Callable[[nn.Module, Tensor, Tensor], Any]) -> None:
    for blocks in (2, 1):
        torch.manual_seed(blocks)
        net = models.SRResNet(blocks=blocks, features=6)
        lr, hr = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 32, 32)
        mean = _norms(net, lr, hr, fresh=True)
        total = _norms(net, lr, hr, fresh=True, loss=lambda a, b: (a - b).square().sum())
        absolute = _norms(net, lr, hr, fresh=True, loss=F.l1_loss)
        earlier = torch.rand(2, 3, 32, 32)
        net.zero_grad()
        F.mse_loss(net(lr), earlier).backward()  # what an earlier batch has left
        kept = {
            name: weight.grad.clone() for name, weight in net.named_parameters() if weight.grad is not None
        }
        stale = _norms(net, lr, hr, fresh=False)
        for name, weight in net.named_parameters():
            weight.grad = kept[name].clone()
        before = copy.deepcopy(dict(net.named_parameters()))
        still = _norms(copy.deepcopy(net).eval(), lr, hr, fresh=True)
        found = asked(answer, net, lr.clone(), hr.clone())
        if not isinstance(found, (list, tuple)):
            raise NotYet(f"A list of numbers is wanted, not {type(found).__name__}.")
        mine = [float(norm) for norm in found]
        if len(mine) != len(mean):
            every = sum(1 for _ in net.parameters())
            more = " Only the convolutions' `weight` counts." if len(mine) == every else ""
            raise NotYet(f"There are {len(mean)} convolutions; your list has {len(mine)} numbers.{more}")
        if not all(torch.equal(weight, before[name]) for name, weight in net.named_parameters()):
            raise NotYet("The weights have changed: measure only, make no step.")
        _compare_norms(mine, mean, {"stale": stale, "sum": total, "l1": absolute, "eval": still})


def _norms(
    net: nn.Module,
    lr: Tensor,
    hr: Tensor,
    *,
    fresh: bool,
    loss: Callable[[Tensor, Tensor], Tensor] = F.mse_loss,
) -> list[float]:
    if fresh:
        net.zero_grad()
    loss(net(lr), hr).backward()
    return [float(one.weight.grad.norm()) for one in _all(net, nn.Conv2d)]


def _compare_norms(mine: list[float], wanted: list[float], slips: dict[str, list[float]]) -> None:
    def same(a: list[float], b: list[float]) -> bool:
        return all(abs(x - y) <= 1e-4 * abs(y) for x, y in zip(a, b, strict=True))

    if same(mine, wanted):
        return
    if same(mine, slips["stale"]):
        raise NotYet(
            "The gradient of an earlier batch was still there, and yours was added to it. Clear it first: "
            "`net.zero_grad()`."
        )
    if same(mine, slips["sum"]):
        raise NotYet("That is the sum of the squared errors; the loss is their mean.")
    if same(mine, slips["l1"]):
        raise NotYet("That is the mean absolute error's gradient; the loss is the mean squared one.")
    if same(mine, slips["eval"]):
        raise NotYet(
            "Those are the gradients in eval mode. The network came in train mode, in which it learns: leave "
            "it there."
        )
    if same(mine, [norm**2 for norm in wanted]):
        raise NotYet("These are the squares of the norms: take the root.")
    if same(mine[::-1], wanted):
        raise NotYet("The order is turned round: first the head, last the tail.")
    raise NotYet(
        f"For the first convolution you get {mine[0]:.4g}, it should be {wanted[0]:.4g}. The norm is the "
        "root of the sum of the squares of all numbers in `layer.weight.grad`."
    )


# --- 7.4: bug hunt --------------------------------------------------------------------------------


@cache
def _normed() -> nn.Module:
    """A small trained EDSR, with batch norms put into its blocks so that in eval mode it answers as before.
    (The zoo's SRResNet would do; then the bug's cost would change with its weights.)"""
    net = zoo.load("edsr-small", 3).eval()
    norms = []
    for block in list(net.body.children())[:-1]:  # type: ignore[union-attr]
        first, bend, second = block.body.children()
        pair = [nn.BatchNorm2d(one.out_channels) for one in (first, second)]
        block.body = nn.Sequential(first, pair[0], bend, second, pair[1])
        norms += pair

    @torch.no_grad()
    def undone(norm: nn.BatchNorm2d, inputs: tuple[Tensor], _: Tensor) -> Tensor:
        """Its averages are those of this batch, and what it learned takes back what they do."""
        (x,) = inputs
        norm.running_mean = x.mean((0, 2, 3))
        norm.running_var = x.var((0, 2, 3))
        norm.weight.copy_((norm.running_var + norm.eps).sqrt())
        norm.bias.copy_(norm.running_mean)
        return x

    hooks = [norm.eval().register_forward_hook(undone) for norm in norms]
    leaves = torch.stack([data.dead_leaves(120, seed) for seed in range(16)])
    with torch.no_grad():
        net(bicubic(leaves, 3))
    for hook in hooks:
        hook.remove()
    return net


def given_validate(net: nn.Module, lr: Tensor, hr: Tensor) -> float:
    """The code that the reader is given, with its bug."""
    with torch.no_grad():
        sr = net(lr).clamp(0, 1)
    return float(psnr(sr, hr, crop=3).mean())  # type: ignore[union-attr]


def check_validate(answer: Callable[[nn.Module, Tensor, Tensor], Any]) -> Verdict:
    """``answer(net, lr, hr)``: the mean PSNR, the bug mended."""
    return attempt(
        "7.4",
        answer,
        _validate,
        f"the bug costs {BUG_COST:.2f} dB here, and moves the running averages with every look. Without "
        "batch norm the two modes would be one.",
        given=given_validate,
    )


def _validate(answer: Callable[[nn.Module, Tensor, Tensor], Any]) -> None:
    lr, hr = crops(3)
    for training in (True, False):
        net = copy.deepcopy(_normed())
        right = given_validate(net.eval(), lr, hr)
        wrong = given_validate(copy.deepcopy(net).train(), lr, hr)
        net.train(training)
        before = {name: kept.clone() for name, kept in net.state_dict().items()}
        found = float(asked(answer, net, lr.clone(), hr.clone()))
        moved = any(not torch.equal(kept, before[name]) for name, kept in net.state_dict().items())
        if abs(found - wrong) < 0.02 and training:
            raise NotYet(
                f"{found:.2f} dB: that is what the network answers in train mode, where each normalisation "
                "uses the batch's own mean and variance. `no_grad` switches off gradients, not that."
            )
        for border in (0, 2, 4):
            if abs(found - _at_border(net, border)) < 0.002 < abs(found - right) and not moved:
                raise NotYet(
                    f"{found:.2f} dB is with a border of {border} pixels not counted. Leave `crop=3` as it "
                    "was."
                )
        if abs(found - right) > 0.005 and moved:
            raise NotYet(
                f"You find {found:.2f} dB; in eval mode the network had {right:.2f}. Something went through "
                "it in train mode before you measured, or while you did: its running averages have moved."
            )
        if abs(found - right) > 0.005:
            raise NotYet(
                f"The network came in {'train' if training else 'eval'} mode, and you find {found:.2f} dB; "
                f"in eval mode it has {right:.2f}. Measure all eight at once, as given, clipped to [0, 1]."
            )
        if moved:
            raise NotYet(
                f"{found:.2f} dB is right, but the network is another one now: its running averages, or "
                "weights, have changed. Nothing may go through it in train mode."
            )
        if net.training != training or any(part.training != training for part in net.modules()):
            came, left = ("train", "eval") if training else ("eval", "train")
            worse = (
                "The rest of the training would go on with averages that no longer follow."
                if training
                else "Whoever uses it next would get train mode's answers."
            )
            raise NotYet(
                f"{found:.2f} dB is right. But the net came in {came} mode, and you leave it in {left} mode. "
                f"{worse}"
            )


def _at_border(net: nn.Module, border: int) -> float:
    """The mean PSNR in eval mode with another border left out."""
    lr, hr = crops(3)
    with torch.no_grad():
        sr = copy.deepcopy(net).eval()(lr).clamp(0, 1)
    return float(psnr(sr, hr, crop=border).mean())  # type: ignore[union-attr]


def bug_cost() -> float:
    """What the bug costs in dB at x3, measured now."""
    lr, hr = crops(3)
    net = copy.deepcopy(_normed())
    return given_validate(net.eval(), lr, hr) - given_validate(net.train(), lr, hr)


# --- 7.5: fold it away ----------------------------------------------------------------------------


def check_fold(answer: Callable[[nn.Conv2d, nn.BatchNorm2d], Any]) -> Verdict:
    """``answer(conv, norm)``: one convolution for both."""
    return attempt(
        "7.5",
        answer,
        _fold,
        "33 normalisations less, not a single answer changed. Every program that runs networks in earnest "
        "does this before it starts.",
    )


def _fold(answer: Callable[[nn.Conv2d, nn.BatchNorm2d], Any]) -> None:
    for before, after, k in ((3, 5, 3), (4, 4, 3), (6, 2, 1)):
        torch.manual_seed(before)
        conv = nn.Conv2d(before, after, k, padding=k // 2)
        norm = nn.BatchNorm2d(after, eps=0.1)  # large enough to be missed
        with torch.no_grad():
            for kept in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                assert kept is not None
                kept.copy_(0.3 + torch.rand(after))
        norm.eval()
        states = [copy.deepcopy(part.state_dict()) for part in (conv, norm)]
        found = asked(answer, conv, norm)
        if not isinstance(found, nn.Conv2d):
            raise NotYet(f"A new `nn.Conv2d` is wanted, not {type(found).__name__}.")
        for part, state in zip((conv, norm), states, strict=True):
            if not all(torch.equal(kept, state[name]) for name, kept in part.state_dict().items()):
                raise NotYet(
                    f"You have changed the `{'conv' if part is conv else 'norm'}` that you were given."
                )
        sizes = (found.in_channels, found.out_channels, found.kernel_size, found.padding)
        wanted = (conv.in_channels, conv.out_channels, conv.kernel_size, conv.padding)
        if sizes != wanted:
            raise NotYet(
                f"Yours has (in, out, kernel, padding) {sizes}; the convolution that you were given {wanted}."
            )
        if found.bias is None:
            raise NotYet("What is added to each channel needs a place: the new convolution has a bias.")
        _compare_folded(found, conv, norm)


def _compare_folded(found: nn.Conv2d, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Weight and bias beside the right ones, and beside what usual slips would give."""
    assert found.bias is not None
    assert conv.bias is not None
    assert norm.running_mean is not None
    assert norm.running_var is not None
    with torch.no_grad():
        mean, beta, bias = norm.running_mean, norm.bias, conv.bias
        factor = norm.weight / (norm.running_var + norm.eps).sqrt()
        factors = {
            "": factor,
            "`eps` is missing: it is added to the variance, below the root.": norm.weight
            / norm.running_var.sqrt(),
            "The root is missing: divide by the deviation, not by the variance.": norm.weight
            / (norm.running_var + norm.eps),
            "`norm.weight`, the gamma, is missing.": 1 / (norm.running_var + norm.eps).sqrt(),
        }
        shape = (-1, 1, 1, 1)
        for words, one in factors.items():
            if close(found.weight, conv.weight * one.view(shape)):
                if words:
                    raise NotYet(f"The filters are not right yet. {words}")
                break
        else:
            if close(found.weight, conv.weight):
                raise NotYet("The filters are still the old ones: each has to be multiplied by its factor.")
            square = conv.in_channels == conv.out_channels
            if square and close(found.weight, conv.weight * factor.view(1, -1, 1, 1)):
                raise NotYet(
                    "You multiply along the channels that come in. The normalisation stands *after* the "
                    "convolution: its factors belong to the channels that come out."
                )
            raise NotYet(
                "The filters are not right yet: each filter is multiplied by norm.weight / "
                "sqrt(running_var + eps) of its own channel."
            )
        right = (bias - mean) * factor + beta
        if close(found.bias, right):
            return
        for words, slip in {
            "The filters are right. The convolution's own bias has to be multiplied by the factor, too.": (
                bias - mean * factor + beta
            ),
            "The filters are right. In the bias the convolution's own is missing.": beta - mean * factor,
            "The filters are right. In the bias the running mean is missing.": bias * factor + beta,
            "The filters are right. In the bias norm.bias, the beta, is missing.": (bias - mean) * factor,
            "The filters are right. The running mean has to be multiplied by the factor, too.": (
                bias * factor - mean + beta
            ),
            "The filters are right; the bias is still the old one.": bias,
        }.items():
            if close(found.bias, slip):
                raise NotYet(words)
    raise NotYet(
        "The filters are right, the bias is not. A value v of the convolution, its bias included, becomes "
        "(v - running_mean) * factor + norm.bias; what of this does not depend on the picture?"
    )
