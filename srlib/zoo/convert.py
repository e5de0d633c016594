"""Weights from elsewhere, and weights from another scale: what fits, what does not, and not one key in
silence (chapters 9 and 13)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

PREFIXES = re.compile(r"^(?:module\.|_orig_mod\.|model\.|generator\.|netG\.)+")
WEIGHT_NORM = {
    "weight_g": "parametrizations.weight.original0",
    "weight_v": "parametrizations.weight.original1",
}
"""Key names of weight normalisation before torch 2.0, and now."""

EDSR_PYTORCH = {
    r"^head\.0\.": "head.",
    r"^tail\.0\.": "upsample.",
    r"^tail\.1\.": "tail.",
    r"^(sub|add)_mean\..*": "",
}
"""How the public EDSR-PyTorch names the parts of EDSR; the means are constants there and here."""


class ZooError(ValueError):
    """Weights cannot be used; the message says why and what there is."""


@dataclass(frozen=True)
class Report:
    """What became of each key. ``carried``: taken over; ``renamed``: {their key: ours}, of those carried;
    ``fresh``: the model's own that kept their initial values, with the reason; ``left``: theirs that are
    not used, with the reason."""

    carried: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    fresh: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        total = len(self.carried) + len(self.fresh)
        lines = [f"{len(self.carried)} of {total} tensors carried over, {len(self.renamed)} of them renamed"]
        lines += [f"  fresh: {key} ({why})" for key, why in self.fresh.items()]
        return "\n".join([*lines, *(f"  left: {key} ({why})" for key, why in self.left.items())])


def convert(
    state: Mapping[str, Tensor],
    model: nn.Module,
    renames: Mapping[str, str] | None = None,
    levels: float = 1.0,
) -> Report:
    """Load a state dict with other key names into ``model``: prefixes such as ``module.`` fall away, old
    weight-norm keys become new ones, ``renames`` are (pattern, replacement) pairs of regular expressions
    (replaced by nothing at all: the key is dropped). ``levels=255`` is for networks of convolutions and ReLU
    trained on pictures in 0..255: their biases are divided by it. Every tensor of the model must be found
    with its shape, and every key used or dropped by name; else a ZooError, and the model is as it was."""
    found, report = _renamed(state, model, renames or {})
    own = model.state_dict()
    missing = [key for key in own if key not in found]
    wrong = [
        f"{k} is {_shape(found[k])}, not {_shape(own[k])}"
        for k in own
        if k in found and found[k].shape != own[k].shape
    ]
    unused = [key for key in found if key not in own]
    if missing or wrong or unused:
        parts = [
            f"{name}: {_few(some)}"
            for name, some in (("missing", missing), ("other size", wrong), ("unused", unused))
            if some
        ]
        advice = " (another scale or width?)" if wrong else ""
        raise ZooError(f"these weights do not fit {type(model).__name__}{advice}; {'; '.join(parts)}")
    if levels != 1:
        found = {k: v / levels if k.endswith("bias") else v for k, v in found.items()}
    model.load_state_dict({k: v.to(own[k].dtype) for k, v in found.items()})
    report.carried.extend(own)
    return report


def warm_start(model: nn.Module, state: Mapping[str, Tensor]) -> Report:
    """Start ``model`` from the weights of a sibling, as EDSR x3 and x4 start from x2: every tensor with the
    same name and shape is taken over, all others keep their initial values; the report names each. A
    ZooError if nothing fits. Chapter 9."""
    own = model.state_dict()
    report = Report()
    for key, value in own.items():
        if key not in state:
            report.fresh[key] = "not in the other network"
        elif state[key].shape != value.shape:
            report.fresh[key] = f"{_shape(value)} here, {_shape(state[key])} there"
        else:
            report.carried.append(key)
    report.left.update({key: "not in this network" for key in state if key not in own})
    if not report.carried:
        raise ZooError(f"none of these weights fit {type(model).__name__}; is it another network?")
    model.load_state_dict({**own, **{key: state[key] for key in report.carried}})
    return report


def _renamed(
    state: Mapping[str, Tensor], model: nn.Module, renames: Mapping[str, str]
) -> tuple[dict[str, Tensor], Report]:
    """``state`` under our key names, and the report so far."""
    report = Report()
    found: dict[str, Tensor] = {}
    own = model.state_dict()
    for theirs, value in state.items():
        if not isinstance(value, torch.Tensor):
            raise ZooError(f"{theirs} is no tensor; give the state dict itself (often under 'state_dict')")
        key = theirs if theirs in own else PREFIXES.sub("", theirs)
        for pattern, replacement in renames.items():
            if key not in own:
                key = re.sub(pattern, replacement, key)
        stem, _, last = key.rpartition(".")
        if key not in own and last in WEIGHT_NORM:
            key = f"{stem}.{WEIGHT_NORM[last]}"
        if not key:
            report.left[theirs] = "dropped by name"
            continue
        if key in found:
            raise ZooError(f"two keys become {key!r}; one of them is {theirs!r}")
        if key != theirs:
            report.renamed[theirs] = key
        found[key] = value
    return found, report


def _shape(x: Tensor) -> str:
    return "x".join(map(str, x.shape)) or "one number"


def _few(some: list[str]) -> str:
    return ", ".join(some[:3]) + (f" and {len(some) - 3} more" if len(some) > 3 else "")
