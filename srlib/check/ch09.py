"""The exercises of chapter 9: EDSR."""

import copy
import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import zoo
from srlib.check.crops import crops
from srlib.check.exercise import NotYet, Verdict, asked, asked_network, attempt, close
from srlib.metrics import psnr
from srlib.models import EDSR

BUG_COST = 1.295
"""dB that the bug of exercise 9.3 costs at x3, on crops of the comparison table's pictures."""


# --- 9.1: how wide? -------------------------------------------------------------------------------


def check_widest(answer: Callable[[int, int], Any]) -> Verdict:
    """``answer(blocks, budget)``: the most features that so many blocks may have."""
    return attempt(
        "9.1",
        answer,
        _widest,
        "a quarter of the blocks may be about twice as wide. They keep half as much for the way back.",
    )


def _parameters(blocks: int, features: int) -> int:
    return blocks * 2 * (9 * features**2 + features)


def _most(blocks: int, budget: int, cost: Callable[[int, int], int] = _parameters) -> int:
    features = 0
    while cost(blocks, features + 1) <= budget:
        features += 1
    return features


def _widest(answer: Callable[[int, int], Any]) -> None:
    slips: dict[str, Callable[[int, int], int]] = {
        "You count weights only: each convolution has a bias for each feature, too.": lambda b, f: (
            b * 18 * f**2
        ),
        "You count one convolution for each block; it has two.": lambda b, f: b * (9 * f**2 + f),
        "You count one bias for each block: each of its two convolutions has its own.": lambda b, f: (
            b * (18 * f**2 + f)
        ),
        "You count one bias for each convolution: it has one for each feature.": lambda b, f: (
            b * (18 * f**2 + 2)
        ),
    }
    for blocks, budget in ((16, 1_181_696), (16, 1_181_695), (4, 1_181_696), (1, 20), (3, 1000), (5, 5000)):
        found, wanted = asked(answer, blocks, budget), _most(blocks, budget)
        if float(found) == wanted:
            continue
        said = (
            f"For {blocks} block{'s' * (blocks != 1)} and at most {budget:,} parameters you say {found}; it "
            f"is {wanted}, with {_parameters(blocks, wanted):,} parameters."
        )
        for words, cost in slips.items():
            if float(found) == _most(blocks, budget, cost):
                raise NotYet(f"{said} {words}")
        if float(found) == wanted + 1:
            raise NotYet(f"{said} With one more it is {_parameters(blocks, wanted + 1):,}: too many.")
        if float(found) != int(found):
            raise NotYet(f"{said} Half features do not exist: round down.")
        raise NotYet(f"{said} A block has 2 (9 F² + F).")


# --- 9.2: EDSR from a blank cell ------------------------------------------------------------------


def check_network(answer: Callable[[int, int, int], Any]) -> Verdict:
    """``answer(scale, blocks, features)``: EDSR."""
    return attempt(
        "9.2",
        answer,
        _network,
        "with 16 blocks of 64 features this is the baseline. Its parts may have any names: "
        "what counts is the order in which they run.",
    )


def _network(answer: Callable[[int, int, int], Any]) -> None:
    for scale, blocks, features in ((2, 2, 6), (3, 1, 5), (4, 3, 4)):
        torch.manual_seed(scale)
        theirs = EDSR(scale, blocks=blocks, features=features)
        mine = asked_network(answer, "Network", scale, blocks, features)
        if any(isinstance(one, nn.BatchNorm2d) for one in mine.modules()):
            raise NotYet("There is batch normalisation in your network; EDSR has none.")
        for layer in mine.modules():
            if (
                isinstance(layer, nn.Conv2d)
                and layer.kernel_size == (3, 3)
                and layer.padding not in ((1, 1), "same")
            ):
                raise NotYet("The convolutions have `padding=1`, so that the size stays.")
        x = torch.rand(2, 3, 7, 6)
        ours, found = _in_the_order_of_running(mine, x)
        _same_layers(ours, _in_the_order_of_running(theirs, x)[0], scale, blocks, features)
        wanted = (2, 3, 7 * scale, 6 * scale)
        if tuple(found.shape) != wanted:
            raise NotYet(f"At scale={scale} {tuple(x.shape)} became {tuple(found.shape)}, not {wanted}.")
        _same_answer(mine, ours, theirs, x)


def _in_the_order_of_running(net: nn.Module, x: Tensor) -> tuple[list[nn.Conv2d], Tensor]:
    """The convolutions in the order in which they run, and the answer."""
    ran: list[nn.Conv2d] = []

    def note(layer: nn.Module, _: object) -> None:
        assert isinstance(layer, nn.Conv2d)
        if layer not in ran:
            ran.append(layer)

    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    try:
        with torch.no_grad():
            found = asked(net, x.clone())
    finally:
        for hook in hooks:
            hook.remove()
    if not isinstance(found, Tensor):
        raise NotYet(f"Your network answers a {type(found).__name__}; a tensor (N, 3, r H, r W) is wanted.")
    return ran, found


def _names(scale: int, blocks: int) -> list[str]:
    inside = [f"convolution {i} of block {b}" for b in range(1, blocks + 1) for i in (1, 2)]
    steps = ["the one before the shuffle"] if scale < 4 else ["before the first shuffle", "before the second"]
    return ["the head", *inside, "the one after the blocks", *steps, "the tail"]


def _same_layers(
    ours: list[nn.Conv2d], others: list[nn.Conv2d], scale: int, blocks: int, features: int
) -> None:
    """Whether as many convolutions run, each of the right kind."""
    names = _names(scale, blocks)
    at = f"With scale={scale}, blocks={blocks}, features={features}"
    if len(ours) != len(others):
        steps = "one before the shuffle" if scale < 4 else "one before each of the two shuffles"
        raise NotYet(
            f"{at}, it should be {len(others)} convolutions: the head, two in each block, one after the "
            f"blocks, {steps}, the tail. In yours {len(ours)} run (a layer that runs twice counts once)."
        )
    for name, one, other in zip(names, ours, others, strict=True):
        mine = (*one.kernel_size, one.in_channels, one.out_channels)
        wanted = (*other.kernel_size, other.in_channels, other.out_channels)
        if mine != wanted:
            raise NotYet(
                f"{at} {name} is {wanted[0]} x {wanted[1]} from {wanted[2]} to {wanted[3]} channels; yours "
                f"is {mine[0]} x {mine[1]} from {mine[2]} to {mine[3]}."
            )
        if one.bias is None:
            raise NotYet(f"{at} {name} has a bias; all of them have.")


def _same_answer(mine: nn.Module, ours: list[nn.Conv2d], theirs: EDSR, x: Tensor) -> None:
    """The answer beside the right one, and beside what usual slips would give."""
    others, _ = _in_the_order_of_running(theirs, x)
    for one, other in zip(ours, others, strict=True):
        one.load_state_dict(other.state_dict())
    with torch.no_grad():
        found: Tensor = mine.eval()(x.clone())
        if close(found, theirs(x)):
            return
        for words, slip in {
            "The global skip is missing: the head's features are added before the shuffle.": {"long": False},
            "The skips of the blocks are missing.": {"short": False},
            "No skip at all: neither in the blocks nor around them.": {"long": False, "short": False},
            "The mean is not subtracted.": {"before": False},
            "The mean is subtracted, and not added again at the end.": {"after": False},
            "The mean is neither subtracted nor added.": {"before": False, "after": False},
            "A ReLU stands after the addition, or after a block: nothing bends there.": {"bent": "blocks"},
            "A ReLU stands after the head: nothing bends outside the blocks.": {"bent": "head"},
            "A ReLU stands after the shuffle: nothing bends outside the blocks.": {"bent": "shuffle"},
            "There is no ReLU in your blocks.": {"bent": "nowhere"},
            "The answer is clipped; the network's own is not.": {"bent": "clipped"},
        }.items():
            if close(found, _slipped(theirs, x, **slip)):  # type: ignore[arg-type]
                raise NotYet(words)
    raise NotYet(
        "All convolutions are there, but with the same weights the answer is another one. The order: less "
        "the mean, head; the blocks (convolution, ReLU, convolution, plus what came in), one more "
        "convolution; plus the head's features; convolution and shuffle, at x4 twice; tail; plus the mean."
    )


def _slipped(
    net: EDSR,
    x: Tensor,
    *,
    before: bool = True,
    after: bool = True,
    long: bool = True,
    short: bool = True,
    bent: str = "",
) -> Tensor:
    """What the network would answer with one thing wrong."""
    h = net.head(x - net.mean if before else x)
    h = F.relu(h) if bent == "head" else h
    start: Tensor = h
    *blocks, last = net.body.children()
    for block in blocks:
        first, relu, second = block.body.children()  # type: ignore[union-attr]
        inside = second(first(h) if bent == "nowhere" else relu(first(h)))
        h = h + inside if short else inside
        h = F.relu(h) if bent == "blocks" else h
    h = start + last(h) if long else last(h)
    for part in net.upsample:
        h = part(h)
        h = F.relu(h) if bent == "shuffle" and isinstance(part, nn.PixelShuffle) else h
    y: Tensor = net.tail(h)
    y = y + net.mean if after else y
    return y.clamp(0, 1) if bent == "clipped" else y


# --- 9.3: bug hunt --------------------------------------------------------------------------------

_FACTOR = 0.3


@cache
def _scaled() -> EDSR:
    """A small trained EDSR whose blocks scale by 0.3, answering as it did without."""
    net = zoo.load("edsr-small", 3).eval()
    assert isinstance(net, EDSR)
    with torch.no_grad():
        for block in _blocks(net):
            block.body[2].weight /= _FACTOR
            block.body[2].bias /= _FACTOR
            block.res_scale = _FACTOR
    return net


def _blocks(net: nn.Module) -> Any:
    return list(net.body.children())[:-1]  # type: ignore[union-attr]


def given_folded(net: Any) -> Any:
    """The code that the reader is given, with its bug."""
    net = copy.deepcopy(net)
    for block in net.body[:-1]:
        block.body[2].weight.data *= block.res_scale
        block.res_scale = 1.0
    return net


def check_folded(answer: Callable[[nn.Module], Any]) -> Verdict:
    """``answer(net)``: a copy with the residual scaling folded, the bug mended."""
    return attempt(
        "9.3",
        answer,
        _folded,
        f"the bug costs {BUG_COST:.2f} dB here. Whoever compares the answers before and after, as above, "
        "sees it at once.",
        given=given_folded,
    )


def _folded(answer: Callable[[nn.Module], Any]) -> None:
    net, (lr, hr) = copy.deepcopy(_scaled()), crops(3)
    kept = copy.deepcopy(net.state_dict())
    found = asked(answer, net)
    if not isinstance(found, nn.Module):
        raise NotYet(f"A network is wanted, not {type(found).__name__}. Does the function return it?")
    factors = [block.res_scale for block in _blocks(net)]
    same = all(torch.equal(value, kept[key]) for key, value in net.state_dict().items())
    if found is net or not same or factors != [_FACTOR] * len(factors):
        raise NotYet("The network that was given has changed: fold a copy of it.")
    left = [block.res_scale for block in _blocks(found)]
    with torch.no_grad():
        wanted, mine = net(lr), found(lr)
    gap = float(psnr(wanted.clamp(0, 1), hr, crop=3).mean() - psnr(mine.clamp(0, 1), hr, crop=3).mean())  # type: ignore[union-attr]
    if close(mine, wanted):
        if left != [1.0] * len(left):
            raise NotYet("It answers as before, but `res_scale` still works in a block: nothing is saved.")
        return
    lost = f"It answers another picture, worse by {gap:.2f} dB." if gap > 0.005 else "It answers otherwise."
    if left == factors:
        raise NotYet(f"{lost} `res_scale` is still {_FACTOR}: now the residual is scaled twice.")
    pairs = list(zip(_blocks(found), _blocks(net), strict=True))
    firsts = [close(a.body[0].weight, b.body[0].weight) for a, b in pairs]
    if not all(firsts):
        raise NotYet(
            f"{lost} The first convolution of a block has changed. The factor stands behind the second."
        )
    if not close(found.body[-1].weight, net.body[-1].weight):  # type: ignore[index,union-attr,arg-type]
        raise NotYet(f"{lost} The convolution after the blocks is in none of them: nothing scales it.")
    if all(close(a.body[2].weight, b.body[2].weight) for a, b in pairs):
        raise NotYet(f"{lost} The factor is gone, and the weights are as they were.")
    if all(close(a.body[2].bias, b.body[2].bias) for a, b in pairs):
        raise NotYet(f"{lost} The weights are right now. Is that all that a convolution adds up?")
    raise NotYet(f"{lost} res_scale (w * h + b): what becomes of w, what of b?")


def bug_cost() -> float:
    """What the given code costs, measured anew."""
    (lr, hr), net = crops(3), _scaled()
    with torch.no_grad():
        right, wrong = (psnr(one(lr).clamp(0, 1), hr, crop=3) for one in (net, given_folded(net)))
    return float(right.mean() - wrong.mean())  # type: ignore[union-attr]


# --- 9.4: only the views that are valid -----------------------------------------------------------


def check_flips(answer: Callable[[nn.Module, Tensor], Any]) -> Verdict:
    """``answer(net, lr)``: the mean over the views that leave a blur along the rows as it is."""
    return attempt(
        "9.4",
        answer,
        _flips,
        "four views, at half of the eight views' price. Where the small pixel sits on the first of its "
        "square, not even these are valid.",
    )


class _Lopsided(nn.Module):
    """A network that treats no two directions alike, and keeps the sizes of what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 12, 3, padding=1)
        self.seen: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(tuple(x.shape))
        return F.pixel_shuffle(torch.relu(self.layer(x)), 2)


_UP_DOWN, _LEFT_RIGHT = (2,), (3,)
_VALID: tuple[tuple[int, ...], ...] = ((), _UP_DOWN, _LEFT_RIGHT, (2, 3))


def _mean_over(net: nn.Module, x: Tensor, ways: tuple[tuple[int, ...], ...], undo: bool = True) -> Tensor:
    parts = [net(x.flip(way)) for way in ways]
    parts = [y.flip(way) for y, way in zip(parts, ways, strict=True)] if undo else parts
    return torch.stack(parts).mean(0)


def _over_turns(net: nn.Module, x: Tensor, mirrors: tuple[bool, ...]) -> Tensor:
    parts = []
    for turns in range(4):
        for mirrored in mirrors:
            view = torch.rot90(x, turns, (2, 3))
            y = net(view.flip(3) if mirrored else view)
            parts.append(torch.rot90(y.flip(3) if mirrored else y, -turns, (2, 3)))
    return torch.stack(parts).mean(0)


@torch.no_grad()
def _flips(answer: Callable[[nn.Module, Tensor], Any]) -> None:
    for seed, shape in ((0, (2, 3, 8, 5)), (1, (1, 3, 6, 6))):
        torch.manual_seed(seed)
        net, x = _Lopsided(), torch.rand(shape)
        found = asked(answer, net, x.clone())
        seen = list(net.seen)
        if not isinstance(found, Tensor):
            raise NotYet(f"A picture is wanted, a tensor, not {type(found).__name__}.")
        wanted = _mean_over(net, x, _VALID)
        if close(found, wanted):
            continue
        if tuple(found.shape) != tuple(wanted.shape):
            raise NotYet(f"{tuple(x.shape)} became {tuple(found.shape)}, it should be {tuple(wanted.shape)}.")
        if any(size[-2:] != tuple(shape[-2:]) for size in seen):
            raise NotYet("A quarter turn is among your views: it makes a blur along the columns.")
        slips: dict[str, Tensor] = {
            "These are all eight views. Which of them turn rows into columns?": _over_turns(
                net, x, (False, True)
            ),
            "These are the four turns. A quarter turn makes a blur along the columns.": _over_turns(
                net, x, (False,)
            ),
            "The views are right, but what was done to them is not undone.": _mean_over(
                net, x, _VALID, undo=False
            ),
            "That is the sum of the four; the mean is wanted.": 4 * wanted,
            "You average one view, the picture as it is; four are valid.": net(x),
        }
        for ways in (more for n in (1, 2) for more in itertools.combinations(_VALID[1:], n)):
            slips[
                f"You average {1 + len(ways)} views; four are valid. A blur along the rows looks the same "
                f"from left and right, and from above and below.{' ' * len(slips)}"
            ] = _mean_over(net, x, ((), *ways))
        for words, slip in slips.items():
            if close(found, slip):
                raise NotYet(words.strip())
        raise NotYet(
            "The mean is not that of the four valid views: as it is, left and right exchanged, above and "
            "below exchanged, and both. Each answer has to be turned back before it is averaged."
        )


# --- 9.5: the mean, folded ------------------------------------------------------------------------


def check_without_mean(answer: Callable[[EDSR], Any]) -> Verdict:
    """``answer(net)``: a copy that subtracts and adds no mean, and answers the same away from the border."""
    return attempt(
        "9.5",
        answer,
        _without_mean,
        "along the border the two differ. The zeros beyond it were the mean colour before; now they are "
        "black.",
    )


def _without_mean(answer: Callable[[EDSR], Any]) -> None:
    for scale, blocks, features in ((2, 1, 4), (3, 2, 5)):
        torch.manual_seed(scale)
        net = EDSR(scale, blocks=blocks, features=features)
        kept, mean = copy.deepcopy(net.state_dict()), net.mean.clone()
        found = asked(answer, net)
        if not isinstance(found, EDSR):
            raise NotYet(f"A network is wanted, a copy of the given one, not {type(found).__name__}.")
        same = all(torch.equal(value, kept[key]) for key, value in net.state_dict().items())
        if found is net or not same or not torch.equal(net.mean, mean):
            raise NotYet("The network that was given has changed: work on a copy, `copy.deepcopy(net)`.")
        if float(found.mean.abs().max()) != 0:
            raise NotYet("The copy still has a mean: `mean` has to be zero.")
        x = torch.rand(2, 3, 20, 20)
        edge = scale * (
            2 * blocks + 5
        )  # what a layer does along the border reaches one pixel further in each
        with torch.no_grad():
            wanted, mine = (one(x)[..., edge : -edge or None, edge : -edge or None] for one in (net, found))
        if close(mine, wanted, 1e-5):
            continue
        _which_bias(found, net, mean)


def _which_bias(found: EDSR, net: EDSR, mean: Tensor) -> None:
    """What is wrong with the two biases, or with anything else."""
    own = dict(net.named_parameters())
    for name, value in found.named_parameters():
        if name not in ("head.bias", "tail.bias") and not close(value, own[name]):
            raise NotYet(
                f"`{name}` has changed. Two biases are enough, that of the head and that of the tail."
            )
    assert net.head.bias is not None
    assert found.head.bias is not None
    assert net.tail.bias is not None
    assert found.tail.bias is not None
    weight, m = net.head.weight.detach(), mean.flatten()
    done = (found.head.bias - net.head.bias).detach()
    right = -(weight * mean).sum((1, 2, 3))
    if not close(done, right, 1e-5):
        slips = {
            "The head's bias is as it was.": torch.zeros_like(right),
            "In the head the sign is wrong: the mean was subtracted.": -right,
            "In the head you use one weight of each filter; all nine meet the mean.": -(
                weight[:, :, 1, 1] * m
            ).sum(1),
            "In the head you use the mean of the nine weights; their sum is wanted.": right / 9,
            "In the head you add the filters up without the mean's colours.": -weight.sum((1, 2, 3)),
        }
        for words, slip in slips.items():
            if close(done, slip, 1e-5):
                raise NotYet(words)
        raise NotYet(
            "The head's bias is not right yet. What does `net.head`, without its bias, answer for a picture "
            "that is the mean everywhere? That is missing now."
        )
    added = (found.tail.bias - net.tail.bias).detach()
    if close(added, torch.zeros_like(m), 1e-6):
        raise NotYet("The head is right. At the end the mean was added; now nobody adds it.")
    if close(added, -m, 1e-5):
        raise NotYet("The head is right. At the tail the sign is wrong: there the mean was added.")
    raise NotYet("The head is right. The tail's bias has to take over what was added after it: the mean.")
