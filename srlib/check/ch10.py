"""The exercises of chapter 10: MDSR."""

import copy
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import data, models, zoo
from srlib.check.crops import crops
from srlib.check.exercise import NotYet, Verdict, asked, asked_network, attempt, close, expect, untouched
from srlib.data import PatchBank
from srlib.metrics import psnr
from srlib.models.edsr import ResBlock, make_upsampler

BUG_COST = 1.145
"""dB that the bug of exercise 10.4 costs at x3, on the middles of the comparison table's pictures."""

PARTS = ("head", "pre_process", "body", "upsample", "tail")


# --- 10.1: MDSR from a blank cell -----------------------------------------------------------------


def check_shared(answer: Callable[[Sequence[int], int], Any]) -> Verdict:
    """``answer(scales, features)``: an MDSR of one block that leaves the mean alone."""
    return attempt(
        "10.1",
        answer,
        _shared,
        "fifteen more blocks and the mean of DIV2K, and this is MDSR's baseline. Only two of its five parts "
        "ask which scale it is.",
    )


def _shared(answer: Callable[[Sequence[int], int], Any]) -> None:
    for scales, features in (((2, 3, 4), 6), ((3, 2), 5)):
        torch.manual_seed(0)
        theirs = models.MDSR(scales, blocks=1, features=features)
        theirs.mean.zero_()
        mine = asked_network(answer, "Shared", scales, features)
        for name in PARTS:
            _part(mine, theirs, name, scales)
        for scale in scales:
            _same_answer(mine, theirs, scale)


def _part(mine: nn.Module, theirs: models.MDSR, name: str, scales: Sequence[int]) -> None:
    """Whether a part is there and of the right size; then it gets the weights of the library's."""
    part = getattr(mine, name, None)
    if part is None:
        raise NotYet(f"Your network has no part called `{name}`; the five are {', '.join(PARTS)}.")
    if isinstance(part, (dict, list, tuple)):
        raise NotYet(
            f"`{name}` is a plain {type(part).__name__}: PyTorch does not look into it, so these weights are "
            "no parameters and would never be trained. `nn.ModuleDict` is looked into."
        )
    if name in ("pre_process", "upsample"):
        if not isinstance(part, nn.ModuleDict):
            raise NotYet(f"`{name}` is an `nn.ModuleDict` with one entry for each scale.")
        keys = {str(scale) for scale in scales}
        if set(part) != keys:
            raise NotYet(
                f"For scales={tuple(scales)} `{name}` has the keys {sorted(part)}, it should have "
                f"{sorted(keys)}."
            )
        pairs = [(part[key], getattr(theirs, name)[key], f"{name}[{key!r}]") for key in map(str, scales)]
        if len({id(one) for one, _, _ in pairs}) < len(pairs):
            raise NotYet(f"All scales have the same `{name}`. Make a new one for each.")
    else:
        pairs = [(part, getattr(theirs, name), name)]
    for one, other, where in pairs:
        ours, others = list(one.parameters()), list(other.parameters())
        if [w.shape for w in ours] != [w.shape for w in others]:
            raise NotYet(
                f"`{where}` has weights of the shapes {[tuple(w.shape) for w in ours]}; "
                f"they should be {[tuple(w.shape) for w in others]}. {_MADE_OF[name]}"
            )
        with torch.no_grad():
            for w, theirs_w in zip(ours, others, strict=True):
                w.copy_(theirs_w)


_MADE_OF = {
    "head": "A convolution of 3 x 3 from 3 channels to the features, with a bias.",
    "pre_process": "Two residual blocks with `kernel=5`, for each scale.",
    "body": "One residual block, then one convolution of 3 x 3.",
    "upsample": "`make_upsampler(scale, features)`, for each scale.",
    "tail": "A convolution of 3 x 3 from the features to 3 channels, with a bias.",
}


def _same_answer(mine: nn.Module, theirs: models.MDSR, scale: int) -> None:
    """The answer beside the right one, and beside what usual slips would give."""
    x = torch.rand(2, 3, 7, 7, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found = asked(mine, x.clone(), scale)
        right = theirs(x, scale)
        if not isinstance(found, Tensor) or found.shape != right.shape:
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise NotYet(
                f"At x{scale} {tuple(x.shape)} became {shape}, it should be {tuple(right.shape)}. Do you "
                "take the upsampler of the scale that `forward` is asked for?"
            )
        if close(found, right, 1e-5):
            return
        slips = _slips(theirs, x, scale)
    for words, slip in slips:
        if close(found, slip, 1e-5):
            raise NotYet(f"At x{scale}: {words}")
    raise NotYet(
        f"All parts are there, but at x{scale} the answer is another one with the same weights. Head, "
        "pre-processing of this scale, then what comes out of that plus what the body makes of it, upsampler "
        "of this scale, tail; no mean, no ReLU."
    )


def _slips(net: models.MDSR, x: Tensor, scale: int) -> Iterator[tuple[str, Tensor]]:
    head = net.head(x)
    h = net.pre_process[str(scale)](head)

    def end(features: Tensor) -> Tensor:
        made: Tensor = net.tail(net.upsample[str(scale)](features))
        return made

    yield "the global skip is missing: what goes into the body is added to what comes out.", end(net.body(h))
    yield (
        "the global skip goes around the pre-processing, too. It goes around the body only.",
        end(head + net.body(h)),
    )
    yield "the pre-processing is not used.", end(head + net.body(head))
    for other in net.scales:
        if other != scale:
            wrong = net.pre_process[str(other)](head)
            yield (
                f"you take the pre-processing of x{other}. The shape is right all the same: nothing warns.",
                end(wrong + net.body(wrong)),
            )


# --- 10.2: idle weights that move -----------------------------------------------------------------


def check_idle_move(answer: Callable[[list[float], int, float], Any]) -> Verdict:
    """``answer(gradients, idle, lr)``: how far Adam moves a weight in ``idle`` steps of gradient 0."""
    return attempt(
        "10.2",
        answer,
        _idle_move,
        "a zero is a gradient: Adam goes on by its memory. `None` is none: it leaves the weight, its m, its "
        "v and its t alone. Until PyTorch 2.0 `zero_grad()` made zeros unless one asked for `None`.",
    )


def _idle_move(answer: Callable[[list[float], int, float], Any]) -> None:
    for gradients, idle, lr in (
        ([1.0], 1, 0.1),
        ([0.5, 0.5, 0.5], 2, 0.01),
        ([0.3, -0.2, 0.4, 0.1], 20, 1e-3),
        ([-2.0, -1.0], 5, 1e-4),
        ([0.7, 0.1], 0, 1e-2),
    ):
        found = float(asked(answer, list(gradients), idle, lr))
        before, after = by_adam(gradients, 0, lr), by_adam(gradients, idle, lr)
        wanted = after - before
        tolerance = 1e-5 * lr
        if abs(found - wanted) <= tolerance:
            continue
        case = f"After the gradients {gradients}, with {idle} idle step{'s' * (idle != 1)} at lr={lr:g}:"
        slips = {
            "That is the way of all steps; only that of the idle ones is asked.": after,
            "The sign: a positive gradient moves the weight down.": -wanted,
            "With `None` it would be 0. With zeros m is not 0 yet.": 0.0,
            "The corrections are missing: m and v are divided by 1 - 0.9 ** t and 1 - 0.999 ** t.": (
                by_adam(gradients, idle, lr, correct=False) - by_adam(gradients, 0, lr, correct=False)
            ),
            "The count t goes on in the idle steps, too.": by_adam(gradients, idle, lr, counting=False)
            - before,
            "The root is missing: m is divided by the root of v.": by_adam(gradients, idle, lr, root=False)
            - by_adam(gradients, 0, lr, root=False),
            "m and v go on in the idle steps, too: m becomes 0.9 m, v becomes 0.999 v.": by_adam(
                gradients, idle, lr, fading=False
            )
            - before,
        }
        for words, slip in slips.items():
            if abs(found - slip) <= tolerance and abs(slip - wanted) > tolerance:
                raise NotYet(f"{case} {words}")
        raise NotYet(
            f"{case} you say {found:.6g}, it is {wanted:.6g}. Go through the formulas with g = 0, step by "
            "step; the first steps have their gradients."
        )


def by_adam(
    gradients: Sequence[float],
    idle: int,
    lr: float,
    *,
    correct: bool = True,
    counting: bool = True,
    root: bool = True,
    fading: bool = True,
) -> float:
    """Where a weight ends that began at 0, after these gradients and ``idle`` zeros; False makes a slip."""
    weight = m = v = 0.0
    t = 0
    for i, g in enumerate([*gradients, *[0.0] * idle]):
        if i < len(gradients) or fading:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        if i < len(gradients) or counting:
            t += 1
        m_now, v_now = (m / (1 - 0.9**t), v / (1 - 0.999**t)) if correct else (m, v)
        weight -= lr * m_now / ((v_now**0.5 if root else v_now) + 1e-8)
    return weight


# --- 10.3: one scale more -------------------------------------------------------------------------


def check_add_scale(answer: Callable[[nn.Module, int], Any]) -> Verdict:
    """``answer(net, scale)`` gives an MDSR a further scale."""
    return attempt(
        "10.3",
        answer,
        _add_scale,
        "the old scales answer as before, to the last bit: they never pass by the new parts. Until these are "
        "trained the new scale answers noise, of the right size.",
    )


def _add_scale(answer: Callable[[nn.Module, int], Any]) -> None:
    for scales, features, new in (((2, 3), 6, 4), ((2,), 4, 8)):
        torch.manual_seed(0)
        net = models.MDSR(scales, blocks=1, features=features)
        x = torch.rand(1, 3, 6, 6)
        with torch.no_grad():
            before = {scale: net(x, scale) for scale in scales}
        old = {id(weight) for weight in net.parameters()}
        made = answer(net, new)
        if isinstance(made, nn.Module) and made is not net:
            raise NotYet("Change the network that you are given; a new one has not learned anything.")
        if made is None and tuple(net.scales) == tuple(scales) and len(list(net.parameters())) == len(old):
            if untouched(answer):
                raise NotImplementedError
            raise NotYet("The network is as it was: it has no part for the new scale.")
        _new_parts(net, scales, new, features, old)
        with torch.no_grad():
            try:
                size = tuple(net(x, new).shape)
            except ValueError as fault:
                raise NotYet(f"Asked for x{new} the network says: {fault}") from None
            if size != (1, 3, 6 * new, 6 * new):
                raise NotYet(f"Asked for x{new} it makes {size} of {tuple(x.shape)}.")
            for scale in scales:
                if not torch.equal(net(x, scale), before[scale]):
                    raise NotYet(f"At x{scale} the network answers something else than before.")


def _new_parts(net: models.MDSR, scales: Sequence[int], new: int, features: int, old: set[int]) -> None:
    for name in ("pre_process", "upsample"):
        parts = getattr(net, name)
        if not isinstance(parts, nn.ModuleDict):
            raise NotYet(f"`net.{name}` was an `nn.ModuleDict`; leave it one.")
        if str(new) not in parts:
            raise NotYet(f"`net.{name}` has no entry {str(new)!r}; it has {list(parts)}. Keys are strings.")
        if any(id(weight) in old for weight in parts[str(new)].parameters()):
            raise NotYet(
                f"`net.{name}[{str(new)!r}]` has the weights of another scale: the two would learn as one."
            )
        wanted = _fresh(name, new, features)
        found = [tuple(weight.shape) for weight in parts[str(new)].parameters()]
        if found != wanted:
            raise NotYet(
                f"`net.{name}[{str(new)!r}]` has weights of the shapes {found}; those of the other scales' "
                f"kind are {wanted}."
            )
    if tuple(net.scales) != (*scales, new):
        raise NotYet(f"`net.scales` is {net.scales}; it should be {(*scales, new)}.")


def _fresh(name: str, scale: int, features: int) -> list[tuple[int, ...]]:
    """The shapes of a new scale's part."""
    part = (
        nn.Sequential(*[ResBlock(features, kernel=5) for _ in range(2)])
        if name == "pre_process"
        else make_upsampler(scale, features)
    )
    return [tuple(weight.shape) for weight in part.parameters()]


# --- 10.4: bug hunt -------------------------------------------------------------------------------

STEPS, RATE = 12, 1e-4


@cache
def _learned() -> nn.Module:
    """A small MDSR that knows x3, from the zoo's edsr-small; its parts for x2 are new."""
    known: Any = zoo.load("edsr-small", 3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = models.MDSR((2, 3), blocks=4, features=24)
    for mine, theirs in (
        (net.head, known.head),
        (net.body, known.body),
        (net.tail, known.tail),
        (net.upsample["3"], known.upsample),
    ):
        mine.load_state_dict(theirs.state_dict())
    with torch.no_grad():
        for block in net.pre_process["3"].children():  # F(x) = 0: EDSR has none
            block.body[2].weight.zero_()  # type: ignore[union-attr, index]
            block.body[2].bias.zero_()  # type: ignore[union-attr, index]
    return net


@cache
def _batches() -> list[tuple[Tensor, Tensor]]:
    bank = PatchBank([data.dead_leaves(128, seed) for seed in range(4)], 2)
    return [bank.sample(8, 10) for _ in range(STEPS)]


@torch.no_grad()
def _at_x3(net: nn.Module) -> float:
    lr, hr = crops(3)
    found = psnr(net(lr, 3).clamp(0, 1), hr, crop=3)
    assert isinstance(found, Tensor)
    return float(found.mean())


def given_teach(net: nn.Module, batches: Any, lr: float) -> None:
    """The code that the reader is given, with its bug."""
    for part in (net.head, net.body, net.tail):
        part.requires_grad = False
    adam = torch.optim.Adam(net.parameters(), lr=lr)
    for small, large in batches:
        adam.zero_grad()
        F.l1_loss(net(small, 2), large).backward()
        adam.step()


def mended_teach(net: nn.Module, batches: Any, lr: float) -> None:
    """The same with the bug mended."""
    for part in (net.head, net.body, net.tail):
        part.requires_grad_(False)
    given_teach(net, batches, lr)


def check_teach(answer: Callable[[nn.Module, Any, float], Any]) -> Verdict:
    """``answer(net, batches, lr)`` teaches an MDSR x2 and leaves x3 as it is."""
    return attempt(
        "10.4",
        answer,
        _teach,
        f"the bug costs {BUG_COST:.2f} dB at x3 after {STEPS} steps, and more with every further one. An "
        "underscore: `requires_grad_()` is a method, `requires_grad` a new attribute that nobody reads.",
        given=given_teach,
    )


def _teach(answer: Callable[[nn.Module, Any, float], Any]) -> None:
    net = copy.deepcopy(_learned())
    right = copy.deepcopy(net)
    mended_teach(right, _batches(), RATE)
    try:
        answer(net, _batches(), RATE)
    except RuntimeError as fault:
        if "does not require grad" in str(fault):
            raise NotYet(
                "Now nothing can learn: the new scale's own parts are held, too, or no gradient is computed."
            ) from None
        raise
    before, wanted, now = (dict(one.named_parameters()) for one in (_learned(), right, net))
    if list(now) != list(before):
        raise NotYet("The network has other parts than before; teach it, do not rebuild it.")
    moved = [name for name in before if not torch.equal(before[name], now[name])]
    common = sorted({name.split(".")[0] for name in moved} & {"head", "body", "tail"})
    if common:
        lost = _at_x3(_learned()) - _at_x3(net)
        raise NotYet(
            f"What all scales share has changed ({', '.join(common)}): at x3 the network has lost "
            f"{lost:.2f} dB. Before the first step all of `[w.requires_grad for w in "
            f"net.{common[0]}.parameters()]` must be False."
        )
    if any(".3." in name for name in moved):
        raise NotYet("The parts of x3 have changed, and no batch of x3 was there.")
    for name in ("pre_process.2", "upsample.2"):
        if not any(one.startswith(name) for one in moved):
            raise NotYet(f"x3 is as it was. But `{name}` has not learned anything: it is to be trained.")
    worst = max(float((now[name] - wanted[name]).detach().abs().max()) for name in wanted)
    if worst > 1e-5:
        raise NotYet(
            "x3 is as it was, and the parts of x2 have learned, but something else than they should: weights "
            f"differ by up to {worst:.2g}. The shared parts must be held from the first step on; otherwise "
            "leave optimiser, loss and rate as given."
        )


def bug_cost() -> float:
    """What the bug costs in dB at x3, measured now."""
    net = copy.deepcopy(_learned())
    given_teach(net, _batches(), RATE)
    return _at_x3(_learned()) - _at_x3(net)


# --- 10.5: one scale alone ------------------------------------------------------------------------


def check_only(answer: Callable[[nn.Module, int], Any]) -> Verdict:
    """``answer(net, scale)``: a network for one scale, taken out of an MDSR."""
    return attempt(
        "10.5",
        answer,
        _only,
        "for x2 that is a little more than half of MDSR's baseline, and still more than an EDSR baseline for "
        "x2. Sharing pays when the scales are kept together.",
    )


def _only(answer: Callable[[nn.Module, int], Any]) -> None:
    torch.manual_seed(0)
    net = models.MDSR((2, 3, 4), blocks=1, features=6)
    state = copy.deepcopy(net.state_dict())
    x = torch.rand(1, 3, 6, 6)
    for scale in (3, 2):
        found = asked(answer, net, scale)
        if not isinstance(found, nn.Module):
            raise NotYet(f"A network is wanted, not {type(found).__name__}.")
        if found is net:
            raise NotYet("That is `net` itself: make a copy, so that `net` keeps its scales.")
        if tuple(net.scales) != (2, 3, 4) or list(net.state_dict()) != list(state):
            raise NotYet("`net` has changed: it must keep all its scales. Work on a copy.")
        if getattr(found, "scales", ()) == scale:
            raise NotYet(f"Its `scales` is {scale}; it should be ({scale},). A tuple of one needs its comma.")
        with torch.no_grad():
            if not close(asked(found, x, scale), net(x, scale), 1e-5):
                raise NotYet(f"At x{scale} it does not answer as `net` does.")
        mine = {id(w) for w in found.parameters()}
        if mine & {id(w) for w in net.parameters()}:
            raise NotYet(
                "It shares weights with `net`: training one would change the other. `copy.deepcopy`."
            )
        parts = (net.head, net.pre_process[str(scale)], net.body, net.upsample[str(scale)], net.tail)
        wanted = sum(w.numel() for part in parts for w in part.parameters())
        count = sum(w.numel() for w in found.parameters())
        if count != wanted:
            kept = "weights of other scales are still in it" if count > wanted else "something is missing"
            raise NotYet(f"For x{scale} it has {count:,} parameters, it should have {wanted:,}: {kept}.")
        scales = getattr(found, "scales", (scale,))
        if tuple(scales) != (scale,):
            raise NotYet(f"It says that its scales are {tuple(scales)}; it has only x{scale}: set `scales`.")
    expect(len(net.state_dict()), len(state), "`net` has changed.")
