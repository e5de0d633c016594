"""Sentences that a run must bear out, and the proof that a chapter's network is the library's."""

from typing import Any

import torch
from torch import Tensor, nn

from srlib.inference import in_eval_mode
from srlib.show.say import say


class BrokenClaim(AssertionError):
    """A sentence of the book is no longer true. It fails the build."""


def claim(text: str, truth: object) -> None:
    """Print the sentence with a tick if ``truth`` holds; raise if it does not, so that no page can say what
    its own run denies. ``truth``: a bool, or a tensor or array of one element, computed by the run."""
    if isinstance(truth, str) or truth is None:
        raise TypeError(f"a claim's truth is a comparison, not {truth!r}")
    if not bool(truth):
        raise BrokenClaim(f"no longer true: {text}")
    say(f"✓ {text}")


def same_network(mine: nn.Module, theirs: nn.Module, *inputs: Any, tolerance: float = 1e-5) -> None:
    """Show that two networks are one: as many parameters, and with the same weights the same output for
    ``inputs`` (a random picture of 16 x 16 unless given). Weights go over in the order in which they were
    defined, whatever their names. Raises with the first difference; changes neither network."""
    ours, others = _weights(mine), _weights(theirs)
    count, wanted = (sum(w.numel() for w in some.values()) for some in (ours, others))
    if count != wanted:
        gap = _first_gap(ours, others)
        raise BrokenClaim(f"{count:,} parameters here, {wanted:,} in the library's network; {gap}")
    pairs = list(zip(ours.items(), others.items(), strict=False))
    if len(ours) != len(others) or any(a.shape != b.shape for (_, a), (_, b) in pairs):
        raise BrokenClaim(_first_gap(ours, others))
    if not inputs:
        channels: Any = theirs.channels
        inputs = (torch.rand(1, channels, 16, 16, generator=torch.Generator().manual_seed(0)),)
    one, other = _with_the_same_weights(mine, theirs, inputs)
    if one.shape != other.shape:
        here, there = tuple(one.shape), tuple(other.shape)
        raise BrokenClaim(f"the output is {here} here, {there} in the library's network")
    worst = float((one - other).abs().max())
    if not worst <= tolerance:
        raise BrokenClaim(
            f"with the same weights the outputs differ by up to {worst:.2g}; compare the layers one by one"
        )
    say(
        f"✓ {count:,} parameters in both, and with the same weights the same output "
        f"(largest difference {worst:.1g})."
    )


def _with_the_same_weights(
    mine: nn.Module, theirs: nn.Module, inputs: tuple[Any, ...]
) -> tuple[Tensor, Tensor]:
    """What both answer while ``mine`` has the weights of ``theirs``, in eval mode; then all is as it was."""
    ours = _weights(mine)
    kept = [weight.clone() for weight in ours.values()]
    try:
        with torch.no_grad(), in_eval_mode(mine), in_eval_mode(theirs):
            for a, b in zip(ours.values(), _weights(theirs).values(), strict=True):
                a.copy_(b)
            return mine(*inputs), theirs(*inputs)
    finally:
        with torch.no_grad():
            for weight, before in zip(ours.values(), kept, strict=True):
                weight.copy_(before)


def _weights(net: nn.Module) -> dict[str, Tensor]:
    """What is learned, and batch normalisation's statistics; fixed means are no part of the idea."""
    running = {k: v for k, v in net.named_buffers() if "running" in k}
    return {k: v.detach() for k, v in {**dict(net.named_parameters()), **running}.items()}


def _first_gap(ours: dict[str, Tensor], others: dict[str, Tensor]) -> str:
    """Where the two lists of weights part, in words."""
    for (a, x), (b, y) in zip(ours.items(), others.items(), strict=False):
        if x.shape != y.shape:
            return f"they part at {a} {tuple(x.shape)} here, {b} {tuple(y.shape)} there"
    longer, where = (ours, "here") if len(ours) > len(others) else (others, "there")
    extra = list(longer.items())[min(len(ours), len(others)) :]
    return f"only {where}: " + ", ".join(f"{k} {tuple(v.shape)}" for k, v in extra[:3])
