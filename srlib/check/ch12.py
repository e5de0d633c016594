"""The exercises of chapter 12: the scoreboard."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from srlib import zoo
from srlib.check.crops import crops
from srlib.check.exercise import NotYet, Verdict, asked, asked_network, attempt, close
from srlib.images import luma
from srlib.inference import in_eval_mode
from srlib.metrics import psnr
from srlib.resize import imresize

BUG_COST = 0.535
"""dB that the bug of exercise 12.5 costs SRCNN 9-1-5, mean over x2, x3 and x4 on the bug hunts' crops."""


# --- 12.1: reading a protocol ---------------------------------------------------------------------

PROTOCOL = ("set", "scale", "shrunk", "channel", "border")
"""What has to agree before two PSNRs may be compared."""

ROWS: dict[str, dict[str, Any]] = {
    "SRCNN": {"set": "Set5", "scale": 3, "shrunk": "bicubic", "channel": "Y", "border": 3, "psnr": 32.75},
    "ESPCN": {"set": "Set5", "scale": 3, "shrunk": "blurred, thinned", "channel": "Y", "border": 3}
    | {"psnr": 33.13},
    "EDSR, table 3": {"set": "DIV2K 0801-0900", "scale": 2, "shrunk": "bicubic", "channel": "RGB"}
    | {"border": 8, "psnr": 35.03},
    "VDSR": {"set": "Set5", "scale": 3, "shrunk": "bicubic", "channel": "Y", "border": 3, "psnr": 33.66},
    "EDSR baseline, table 2": {"set": "DIV2K 0801-0810", "scale": 2, "shrunk": "bicubic"}
    | {"channel": "RGB", "border": 8, "psnr": 34.55},
    "VDSR, again": {"set": "DIV2K 0801-0900", "scale": 2, "shrunk": "bicubic", "channel": "RGB"}
    | {"border": 8, "psnr": 33.66},
    "SRResNet": {"set": "Set5", "scale": 4, "shrunk": "bicubic", "channel": "Y", "border": 4, "psnr": 32.05},
}
"""Rows of papers with their protocols: E, C and N of the book's sources."""


def check_columns(answer: Callable[[Mapping[str, Mapping[str, Any]]], Any]) -> Verdict:
    """``answer(rows)``: which of the rows may stand in one column."""
    return attempt(
        "12.1",
        answer,
        _columns,
        "of seven rows two pairs may be compared. VDSR stands in two columns with the same 33.66, and it is "
        "another number each time: another set, scale and channel.",
    )


def _columns(answer: Callable[[Mapping[str, Mapping[str, Any]]], Any]) -> None:
    more = {f"{name}, too": {**row, "psnr": row["psnr"] + 1} for name, row in ROWS.items()}
    other = {"set": "Set14", "scale": 2, "shrunk": "by area", "channel": "RGB", "border": 0}
    more |= {f"other {key}": {**ROWS["SRCNN"], key: value} for key, value in other.items()}
    for rows in (ROWS, dict(reversed(ROWS.items())), {**ROWS, **more}):
        found = asked(answer, {name: dict(row) for name, row in rows.items()})
        try:
            mine = {frozenset(group) for group in found}
        except TypeError:
            raise NotYet("Wanted is a list of lists of names.") from None
        if any(name not in rows for group in mine for name in group):
            raise NotYet("Wanted are the rows' names, in lists; nothing else stands there.")
        wanted = _grouped(rows, PROTOCOL)
        if mine == wanted and sum(map(len, found)) == len(rows):
            continue
        if {name for group in mine for name in group} != set(rows):
            raise NotYet("Each row stands in some column, one that is alone in it, too.")
        for left_out in PROTOCOL:
            if mine == _grouped(rows, [key for key in PROTOCOL if key != left_out]):
                raise NotYet(f"Two rows that differ in {left_out!r} stand in one column.")
        if mine == _grouped(rows, [*PROTOCOL, "psnr"]):
            raise NotYet(
                "The number itself is no part of the protocol: rows are compared because they differ in it."
            )
        one, two = _pair(mine, wanted)
        told = "may" if frozenset((one, two)) <= _column(wanted, one) else "must not"
        raise NotYet(f"{one!r} and {two!r} {told} stand in one column. Do all five agree?")


def _grouped(rows: Mapping[str, Mapping[str, Any]], keys: Sequence[str]) -> set[frozenset[str]]:
    groups: dict[tuple[Any, ...], set[str]] = {}
    for name, row in rows.items():
        groups.setdefault(tuple(row[key] for key in keys), set()).add(name)
    return {frozenset(group) for group in groups.values()}


def _column(groups: set[frozenset[str]], name: str) -> frozenset[str]:
    return next(group for group in groups if name in group)


def _pair(mine: set[frozenset[str]], wanted: set[frozenset[str]]) -> tuple[str, str]:
    """Two rows that are together in the one and apart in the other."""
    names = sorted(name for group in wanted for name in group)
    for one, other in itertools.combinations(names, 2):
        if any({one, other} <= group for group in mine) != any({one, other} <= group for group in wanted):
            return one, other
    return names[0], names[1]  # the same columns, a name twice


# --- 12.2: channel attention ----------------------------------------------------------------------


def check_attention(answer: Callable[[int, int], Any]) -> Verdict:
    """``answer(features, reduction)``: RCAN's channel attention."""
    return attempt(
        "12.2",
        answer,
        _attention,
        "with RCAN's 64 channels and reduction 16 four numbers stand in the middle. The factors depend on "
        "the whole picture: cut into tiles, it is enlarged a little differently.",
    )


def _attention(answer: Callable[[int, int], Any]) -> None:
    for features, reduction in ((12, 4), (16, 2)):
        torch.manual_seed(features)
        mine = asked_network(answer, "ChannelAttention", features, reduction)
        down, up = _two_layers(mine, features, features // reduction)
        x = torch.randn(3, features, 6, 9) + torch.linspace(-1, 1, features).view(1, -1, 1, 1)
        with torch.no_grad():
            for weight in mine.parameters():
                weight.copy_(0.5 * torch.randn_like(weight))
            found = asked(mine, x.clone())
            if not isinstance(found, Tensor) or found.shape != x.shape:
                shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
                raise NotYet(
                    f"{tuple(x.shape)} became {shape}: each channel keeps its size and gets one factor. "
                    "(`keepdim=True` keeps the places of a mean.)"
                )
            _same_attention(found, x, down, up)


def _two_layers(mine: nn.Module, features: int, few: int) -> tuple[nn.Module, nn.Module]:
    layers = [one for one in mine.modules() if isinstance(one, (nn.Conv2d, nn.Linear))]
    sizes = [(one.weight.shape[1], one.weight.shape[0]) for one in layers]
    if sorted(sizes) != sorted([(features, few), (few, features)]):
        shown = ", ".join(f"{a} to {b}" for a, b in sizes) or "none"
        raise NotYet(
            f"With features={features} and reduction={features // few} two layers are wanted, {features} to "
            f"{few} and {few} to {features}; yours: {shown}."
        )
    if any(isinstance(one, nn.Conv2d) and one.kernel_size != (1, 1) for one in layers):
        raise NotYet("What the layers get is one number a channel: 1 x 1 convolutions.")
    if any(one.bias is None for one in layers):
        raise NotYet("These layers have biases.")
    down, up = layers if sizes[0][1] == few else layers[::-1]
    return down, up


def _same_attention(found: Tensor, x: Tensor, down: nn.Module, up: nn.Module) -> None:
    """The answer beside the right one, and beside what usual slips give."""

    def layer(one: nn.Module, y: Tensor) -> Tensor:  # (N, C) to (N, D), whichever kind it is
        weight, bias = one.weight, one.bias
        assert isinstance(weight, Tensor)
        assert isinstance(bias, Tensor)
        return y @ weight.flatten(1).T + bias

    def weighted(
        mean: Tensor,
        middle: Callable[[Tensor], Tensor] = torch.relu,
        last: Callable[[Tensor], Tensor] = torch.sigmoid,
    ) -> Tensor:
        return last(layer(up, middle(layer(down, mean))))[:, :, None, None]

    mean = x.mean((2, 3))
    right = weighted(mean)
    if close(found, x * right):
        return
    same: Callable[[Tensor], Tensor] = lambda y: y  # noqa: E731
    for slip, words in (
        (x + x * right, "x is added: that is a residual block's business. Here x is multiplied only."),
        (x + right, "The factors are added to x; each is to multiply its channel."),
        (right.expand_as(x), "These are the factors alone; multiply x by them."),
        (x * weighted(mean, same), "The ReLU between the two layers is missing."),
        (x * weighted(mean, torch.relu, same), "The sigmoid is missing: a factor lies between 0 and 1."),
        (x * weighted(mean, torch.relu, torch.relu), "The last step is a sigmoid, not a ReLU."),
        (x * weighted(mean, torch.sigmoid), "In the middle stands a ReLU; the sigmoid comes last."),
        (
            x * weighted(mean, torch.relu, lambda y: torch.softmax(y, 1)),
            "A softmax makes channels compete for a sum of 1; a sigmoid judges each by itself.",
        ),
        (x * weighted(x.amax((2, 3))), "That is the maximum of each channel; wanted is its mean."),
        (x * weighted(x.sum((2, 3))), "That is the sum over the places; wanted is the mean."),
        (
            x * weighted(mean.mean(0, keepdim=True)),
            "The mean goes over the pictures of the batch as well: one picture's answer must not depend on "
            "the others.",
        ),
    ):
        if close(found, slip):
            raise NotYet(words)
    raise NotYet(
        "Both layers are there, but the answer is another one. The order: mean over the places, to few, "
        "ReLU, back to all, sigmoid; then x times that."
    )


# --- 12.3: progressive ----------------------------------------------------------------------------


def check_progressive(answer: Callable[[nn.Module, Tensor, int], Any]) -> Verdict:
    """``answer(net, lr, times)``: the pictures after each stage."""
    return attempt(
        "12.3",
        answer,
        _progressive,
        "LapSRN trains its stages together, each with a loss of its own. Here one network, trained for x2 "
        "only, sees its own answers as small pictures: softer ones than any it has learned from.",
    )


class _Harsh(nn.Module):
    """x2 by copying pixels, sharpened beyond white and black; counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        x = x.repeat_interleave(2, -1).repeat_interleave(2, -2)
        return x + 1.5 * (x - x.roll(1, -1))


def _progressive(answer: Callable[[nn.Module, Tensor, int], Any]) -> None:
    for times in (2, 1, 3):
        x = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(times))
        net = _Harsh()
        found = asked(answer, net, x.clone(), times)
        if isinstance(found, Tensor):
            raise NotYet("Wanted is a list: the picture after each stage, the smallest first.")
        made = list(found)
        if net.calls < times:
            raise NotYet(f"For times={times} the network has to be asked {times} times, not {net.calls}.")
        right, loose = [x], [x]
        for _ in range(times):
            right.append(_Harsh()(right[-1]).clamp(0, 1))
            loose.append(_Harsh()(loose[-1]))
        if len(made) == times + 1 and made[0].shape == x.shape:
            raise NotYet("The small picture itself is no stage; leave it out.")
        if len(made) != times:
            raise NotYet(f"For times={times} you return {len(made)} pictures.")
        sizes = [tuple(one.shape[-2:]) for one in made]
        wanted = [tuple(one.shape[-2:]) for one in right[1:]]
        if sizes != wanted:
            raise NotYet(f"The sizes are {sizes}, they should be {wanted}: each stage enlarges the last.")
        if all(close(a, b) for a, b in zip(made, right[1:], strict=True)):
            continue
        if all(close(a, b) for a, b in zip(made, loose[1:], strict=True)):
            raise NotYet("Nothing is clipped to [0, 1]: what is no picture cannot be the next small one.")
        if all(close(a, b.clamp(0, 1)) for a, b in zip(made, loose[1:], strict=True)):
            raise NotYet("You clip what you return, and hand on what is not clipped.")
        if all(close(a, (255 * b).round() / 255, 2e-3) for a, b in zip(made, right[1:], strict=True)):
            raise NotYet("You round to 8 bits between the stages. Nobody asked for a file there.")
        raise NotYet("The sizes are right, the pixels are not. Each stage: the network, then a clip.")


# --- 12.4: x8 as a cascade ------------------------------------------------------------------------


def check_chain(answer: Callable[[int, Sequence[int]], Any]) -> Verdict:
    """``answer(scale, have)``: the fewest scales of ``have`` whose product is ``scale``."""
    return attempt(
        "12.4",
        answer,
        _chain,
        "two steps for x8 with the zoo's scales. Of the orders, take that of which the networks are better: "
        "measure it.",
    )


def _chain(answer: Callable[[int, Sequence[int]], Any]) -> None:
    tried = [(8, (2, 3, 4)), (4, (2, 3, 4)), (12, (2, 3, 4)), (7, (2, 3, 4)), (27, (2, 3, 4)), (1, (2, 3))]
    tried += [(16, (2, 4)), (36, (2, 6, 9)), (36, (9, 6, 2)), (10, (2, 3, 4)), (64, (2, 4, 8))]
    for scale, have in tried:
        fewest = _fewest(scale, have)
        if fewest is None:
            _no_chain(answer, scale, have)
            continue
        try:
            found = asked(answer, scale, have)
        except NotYet:
            steps = "1 step" if fewest == 1 else f"{fewest} steps"
            raise NotYet(
                f"chain({scale}, {have}) has None; {steps} would do: a scale may be used several times."
            ) from None
        try:
            mine = [int(one) for one in found]
        except TypeError:
            raise NotYet(f"For chain({scale}, {have}) a list of scales is wanted.") from None
        if any(one not in have for one in mine):
            raise NotYet(f"chain({scale}, {have}) has {mine}: not all of these are there.")
        if math.prod(mine) != scale:
            words = " They add up to it, but scales multiply." if sum(mine) == scale else ""
            raise NotYet(f"chain({scale}, {have}) has {mine}, which enlarges {math.prod(mine)} times.{words}")
        if len(mine) > fewest:
            raise NotYet(
                f"chain({scale}, {have}) has {mine}, {len(mine)} steps; {fewest} would do. (The largest "
                "first is not always the shortest way.)"
            )


def _no_chain(answer: Callable[[int, Sequence[int]], Any], scale: int, have: Sequence[int]) -> None:
    found = answer(scale, have)
    if found is not None:
        raise NotYet(f"chain({scale}, {have}) is {found!r}; nothing leads there, so None.")


def _fewest(scale: int, have: Sequence[int]) -> int | None:
    for steps in range(8):
        if any(math.prod(some) == scale for some in itertools.combinations_with_replacement(have, steps)):
            return steps
    return None


# --- 12.5: bug hunt -------------------------------------------------------------------------------

Load = Callable[[str, int], Any]
Score = Callable[[Any, int], float]


def given_rows(names: Sequence[str], scales: Sequence[int], load: Load, score: Score) -> Any:
    """The code that the reader is given, with its bug."""
    nets, found = {}, {}
    for scale in scales:
        for name in names:
            if name not in nets:  # load each only once
                nets[name] = load(name, scale)
            found[name, scale] = score(nets[name], scale)
    return found


def check_rows(answer: Callable[[Sequence[str], Sequence[int], Load, Score], Any]) -> Verdict:
    """``answer(names, scales, load, score)``: every network measured at every scale, the bug mended."""
    return attempt(
        "12.5",
        answer,
        _rows,
        f"the bug costs SRCNN {BUG_COST:.2f} dB on average over the scales, and more at x3 and x4, for x2 "
        "is right. Nothing complains: SRCNN takes whatever bicubic has enlarged. ESPCN would have, by the "
        "size of its answer.",
        given=given_rows,
    )


def _rows(answer: Callable[[Sequence[str], Sequence[int], Load, Score], Any]) -> None:
    for names, scales in ((("one", "two"), (2, 3, 4)), (("one",), (4, 2)), (("two", "one"), (3,))):
        loaded: list[tuple[str, int]] = []

        def load(name: str, scale: int, seen: list[tuple[str, int]] = loaded) -> tuple[str, int]:
            seen.append((name, scale))
            return name, scale

        def score(net: Any, scale: int) -> float:
            if not isinstance(net, tuple):
                raise NotYet("`score` wants what `load` has returned, and the scale.")
            return {"one": 30.0, "two": 20.0}[net[0]] - abs(net[1] - scale) - scale / 10

        found = asked(answer, names, scales, load, score)
        if not isinstance(found, Mapping) or set(found) != set(itertools.product(names, scales)):
            raise NotYet("Wanted is a dictionary with (name, scale) for every name and scale.")
        for (name, scale), mine in found.items():
            wanted = score((name, scale), scale)
            if abs(mine - wanted) > 1e-9:
                other = next((s for s in (2, 3, 4) if abs(mine - score((name, s), scale)) < 1e-9), None)
                words = f"The network for x{other} was measured there." if other else "Which one was that?"
                raise NotYet(f"The row of {name!r} at x{scale} is not that of its own network. {words}")
        if len(loaded) > len(set(loaded)):
            raise NotYet("The rows are right; but a network is loaded more than once for one scale.")


@cache
def _srcnn(scale: int) -> nn.Module:
    return zoo.load("srcnn-915", scale)


def _score(net: nn.Module, scale: int) -> float:
    """PSNR on luma, mean over the crops."""
    hr = luma(crops(scale)[1])
    lr = luma(crops(scale)[0])
    with torch.no_grad(), in_eval_mode(net):
        sr = net(imresize(lr, scale)).clamp(0, 1)
    return float(psnr(sr, hr, crop=scale).mean())  # type: ignore[union-attr]


def bug_cost() -> float:
    """What the bug costs in dB, measured now."""
    scales = (2, 3, 4)
    wrong = given_rows(["srcnn-915"], scales, lambda name, scale: _srcnn(scale), _score)
    right = [_score(_srcnn(scale), scale) for scale in scales]
    return (sum(right) - sum(wrong.values())) / len(scales)
