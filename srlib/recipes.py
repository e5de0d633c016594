"""What is trained, on what, and how: one plan per network, scale and profile.

``quick`` plans learn what a laptop can in the minute that a chapter has, on dead leaves; ``full`` plans are
the papers', with the papers' data. ``srlib train NAME`` follows a plan and may change parts of it.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from srlib import data
from srlib.data.pack import packed_sets, unpacked
from srlib.degrade import Degradation
from srlib.images import to_uint8
from srlib.names import there_are
from srlib.settings import Profile
from srlib.training import Recipe


@dataclass(frozen=True)
class Plan:
    """A network to be trained. ``model`` and ``arguments`` build it, ``scales`` it is for; ``data`` says
    what on ("leaves:150", "t91+bsds399", a folder, joined by +). ``start``: (name, scale) in the zoo whose
    weights it starts from. ``content``: None, or SRGAN's content loss, "pixels" or a layer of VGG-19, which
    counts ``content_factor`` times.
    ``troubles``: the settings of a ``Degradation`` that makes the small pictures, ``VERSIONS`` of each."""

    name: str
    scales: tuple[int, ...]
    model: str
    arguments: dict[str, Any]
    profile: Profile
    recipe: Recipe
    data: str
    channels: int = 3
    start: tuple[str, int] | None = None
    content: str | None = None
    content_factor: float = 1.0
    troubles: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Name, scales and profile as they appear in a folder's name: "edsr-baseline-x2-quick"."""
        return f"{self.name}-x{''.join(map(str, self.scales))}-{self.profile}"


@dataclass(frozen=True)
class _Network:
    """What the plans of one network share. A multi-scale network has ``together`` instead of a scale."""

    model: str
    arguments: dict[str, Any]
    quick: Recipe
    full: Recipe
    full_data: str
    scales: tuple[int, ...] = (2, 3, 4)
    together: bool = False
    scale_argument: str | None = "scale"
    channels: int = 3
    warm: bool = False  # x3 and x4 start from x2
    start: str | None = None
    content: str | None = None
    content_factor: float = 1.0
    troubles: Mapping[str, Any] = field(default_factory=dict)
    patches: Mapping[int, int] = field(default_factory=dict)  # LR patch of the full recipe, by scale


def _quick(steps: int, *, lr: float = 1e-3, batch: int = 16, patch: int = 16, **more: Any) -> Recipe:
    """The fast recipe of the book: Adam, a cosine to a hundredth, a short warm-up, averaged weights. The
    steps are what two busy CPU cores did in about 40 seconds. Large networks take batches of 8: in the same
    minute that was worth .4 dB over batches of 16 (EDSR of 4 blocks x 24, x3)."""
    settings: dict[str, Any] = {
        "schedule": "cosine",
        "warmup": min(50, steps // 20),
        "ema": 0.99,
    }
    return Recipe(steps=steps, lr=lr, batch=batch, patch=patch, **{**settings, **more})


def _small(steps: int, *, lr: float, batch: int = 16, patch: int = 20) -> Recipe:
    """The fast recipe of the small luma networks: SOAP reaches in a minute what Adam does in half an hour.
    They must pass the whole picture on, so the end of the run is exact."""
    return _quick(steps, lr=lr, batch=batch, patch=patch, optimizer="soap", betas=(0.95, 0.95), exact=0.4)


# SRCNN, FSRCNN and VDSR were trained with Caffe, whose Euclidean loss is a sum over the patch: the learning
# rates of their papers mean nothing without it. 8e8 backpropagations of SRCNN in batches of 128:
_SRCNN = Recipe(steps=6_250_000, batch=128, patch=11, loss="euclidean", optimizer="sgd", lr=1e-4, tail_lr=0.1)
# FSRCNN at its own learning rate flies apart within sixty steps here, with half and a fifth of it too; the
# paper names no bound. With the gradient's norm bounded it learns.
_FSRCNN = Recipe(
    steps=5_000_000,
    batch=64,
    patch=10,
    loss="euclidean",
    optimizer="sgd",
    lr=1e-3,
    tail_lr=0.1,
    clip="norm",
    clip_at=10.0,
)
_ESPCN = Recipe(steps=1_000_000, batch=16, patch=17, loss="l2", lr=1e-2, schedule="cosine")
# 291 images, 8 ways: 80 epochs of about 10,000 batches of 64; divided by 10 every 20 epochs. The paper gives
# no number for theta, the bound of the clipped gradient times the learning rate; with 1e-2 and 1e-3 twenty
# layers fly apart within eighty steps, with 1e-4 they hold (chapter 6).
_VDSR = Recipe(
    steps=800_000,
    batch=64,
    patch=24,
    loss="euclidean",
    optimizer="sgd",
    lr=0.1,
    weight_decay=1e-4,
    schedule="multistep",
    milestones=(200_000, 400_000, 600_000),
    gamma=0.1,
    clip="value/lr",
    clip_at=1e-4,
)
_SRRESNET = Recipe(steps=1_000_000, batch=16, patch=24, loss="l2", lr=1e-4)
_SRGAN = Recipe(
    steps=200_000, batch=16, patch=24, lr=1e-4, schedule="multistep", milestones=(100_000,), gamma=0.1
)
_EDSR = Recipe(
    steps=300_000, batch=16, patch=48, lr=1e-4, schedule="multistep", milestones=(200_000,), gamma=0.5
)
_WDSR = replace(_EDSR, lr=1e-3)
# The students' re-implementation: 200 epochs of 800 pictures in batches of 4, halved every 40 epochs.
_REPORT = replace(_EDSR, steps=40_000, batch=4, milestones=(8_000, 16_000, 24_000, 32_000), lr=1e-4)

# Chapter 13: a camera's blur, noise and JPEG, each of them in three pictures out of five.
TROUBLES: dict[str, Any] = {"blur": (0.3, 3.0), "noise": (0.0, 0.06), "jpeg": (30.0, 95.0), "chance": 0.6}
VERSIONS = 6

_BEFORE: dict[str, Any] = {"scale_argument": None, "channels": 1, "full_data": "t91"}
_SMALL_PATCHES = {2: 16, 3: 11, 4: 8}
_VDSR_DATA = "t91+bsds399"
_SRGAN_NETWORK = _Network(
    "SRResNet",
    {},
    _quick(70, patch=24, batch=4, lr=1e-4),
    _SRGAN,
    "div2k-train",
    scales=(4,),
    start="srresnet",
    content="relu2_2",
    # The VGG-19 at hand takes 0..255; at the start its content loss pulls 16,000 times as hard as the
    # critic's thousandth (chapter 8). So both pull about alike.
    content_factor=1e-4,
)

_EDSR_SMALL = _Network(
    "EDSR",
    {"blocks": 4, "features": 24},
    _quick(2500, lr=6e-3, batch=8, optimizer="soap", betas=(0.95, 0.95)),
    _EDSR,
    "div2k-train",
    warm=True,
)

NETWORKS: dict[str, _Network] = {
    "srcnn-915": _Network(
        "SRCNN",
        {"kernels": (9, 1, 5)},
        _small(1500, lr=1e-3, batch=8, patch=12),
        _SRCNN,
        **_BEFORE,
        patches=_SMALL_PATCHES,
    ),
    "srcnn-955": _Network(
        "SRCNN",
        {"kernels": (9, 5, 5)},
        _small(1000, lr=1e-3, batch=8, patch=12),
        _SRCNN,
        **_BEFORE,
        patches=_SMALL_PATCHES,
    ),
    "srcnn-inside": _Network(
        "SRCNN",
        {"kernels": (9, 1, 5), "channels": 3},
        _small(1500, lr=1e-3, batch=8, patch=24),
        _SRCNN,
        full_data="t91",
        scales=(2,),
        scale_argument="inside",
    ),
    "fsrcnn": _Network("FSRCNN", {}, _small(2500, lr=1e-2), _FSRCNN, "t91+general100", channels=1),
    "fsrcnn-s": _Network(
        "FSRCNN", {"d": 32, "s": 5, "m": 1}, _small(3500, lr=1e-2), _FSRCNN, "t91+general100", channels=1
    ),
    # What no photographer has a right in: dead leaves only, in both profiles.
    "fsrcnn-leaves": _Network(
        "FSRCNN", {}, _small(2500, lr=1e-2), _FSRCNN, "leaves:300", scales=(3,), channels=1
    ),
    "espcn": _Network("ESPCN", {}, _small(3000, lr=3e-3), _ESPCN, "t91", channels=1),
    "vdsr": _Network(
        "VDSR",
        {},
        _quick(900, patch=12, batch=8, clip="norm", clip_at=1.0),
        _VDSR,
        _VDSR_DATA,
        together=True,
        scale_argument=None,
        channels=1,
    ),
    "vdsr-transposed": _Network(
        "VDSR",
        {"residual": False},
        _quick(700),
        _VDSR,
        _VDSR_DATA,
        scales=(2,),
        scale_argument="transposed",
        channels=1,
    ),
    "srresnet": _Network(
        "SRResNet", {}, _quick(500, patch=12, batch=8, loss="l2"), _SRRESNET, "div2k-train", scales=(4,)
    ),
    "srgan": _SRGAN_NETWORK,
    # The paper's pixels lie in [-1, 1]: four times the squared error.
    "srgan-mse": replace(_SRGAN_NETWORK, content="pixels", content_factor=4.0),
    "edsr-small": _EDSR_SMALL,
    "edsr-robust": replace(_EDSR_SMALL, scales=(3,), warm=False, start="edsr-small", troubles=TROUBLES),
    "edsr-baseline": _Network("EDSR", {}, _quick(500, batch=8), _EDSR, "div2k-train", warm=True),
    "edsr": _Network(
        "EDSR",
        {"blocks": 32, "features": 256, "res_scale": 0.1},
        _quick(40, lr=1e-4),
        _EDSR,
        "div2k-train",
        warm=True,
    ),
    "edsr-report": _Network(
        "EDSR",
        {"features": 32, "upsampler": "transposed", "output": "sigmoid"},
        _quick(700, batch=8),
        _REPORT,
        "div2k-train",
        scales=(2,),
    ),
    "mdsr-baseline": _Network(
        "MDSR", {}, _quick(600, batch=8), _EDSR, "div2k-train", together=True, scale_argument=None
    ),
    "mdsr": _Network(
        "MDSR", {"blocks": 80}, _quick(100), _EDSR, "div2k-train", together=True, scale_argument=None
    ),
    "wdsr-small": _Network(
        "WDSR",
        {"blocks": 4, "kind": "B"},
        _quick(2500, lr=1e-2, batch=8, optimizer="soap", betas=(0.95, 0.95)),
        _WDSR,
        "div2k-train",
        warm=True,
    ),
    "wdsr-a-16": _Network("WDSR", {}, _quick(600, batch=8), _WDSR, "div2k-train", warm=True),
    "wdsr-b-16": _Network("WDSR", {"kind": "B"}, _quick(1000, batch=8), _WDSR, "div2k-train", warm=True),
}


def plan(name: str, scale: int | None = None, profile: Profile = "quick") -> Plan:
    """How ``name`` is trained for ``scale`` (left out for networks of several or of one). Chapters 4-11."""
    if name not in NETWORKS:
        raise ValueError(f"there is no plan for {name!r}; {there_are(name, NETWORKS)}")
    it = NETWORKS[name]
    if it.together:
        if scale is not None and scale not in it.scales:
            raise ValueError(f"{name} is one network for x{', x'.join(map(str, it.scales))}, not x{scale}")
        scales = it.scales
    else:
        if scale is None and len(it.scales) > 1:
            raise ValueError(f"say for which scale {name} is to be trained: {', '.join(map(str, it.scales))}")
        if scale is not None and scale not in it.scales:
            raise ValueError(f"{name} is trained for x{', x'.join(map(str, it.scales))}, not x{scale}")
        scales = (scale or it.scales[0],)
    arguments = dict(it.arguments)
    if it.scale_argument is not None:
        arguments[it.scale_argument] = scales[0]
    if it.model == "SRCNN" and profile == "quick":
        arguments["init"] = "centred"  # from the paper's, hundreds of steps go by first
    recipe = it.quick
    if profile == "full":
        recipe = replace(it.full, patch=it.patches.get(scales[0], it.full.patch))
    start = (it.start, scales[0]) if it.start else None
    if it.warm and scales[0] > 2:
        start = (name, 2)
    where = "leaves:150" if profile == "quick" else it.full_data
    return Plan(
        name, scales, it.model, arguments, profile, recipe, where,
        channels=it.channels, start=start, content=it.content,
        content_factor=it.content_factor, troubles=it.troubles,
    )  # fmt: skip


def changed(recipe: Recipe, changes: Mapping[str, str]) -> Recipe:
    """``recipe`` with fields set from text, as a command line gives them: {"lr": "2e-3"}."""
    kinds = {f.name: type(getattr(Recipe(steps=1), f.name)) for f in dataclasses.fields(Recipe)}
    values: dict[str, Any] = {}
    for name, text in changes.items():
        if name not in kinds:
            raise ValueError(f"a recipe has no {name!r}; it has {', '.join(kinds)}")
        try:
            if name in ("milestones", "betas"):
                number = int if name == "milestones" else float
                values[name] = tuple(number(part) for part in text.split(",") if part)
            elif name == "clip":
                values[name] = None if text == "none" else text
            else:
                values[name] = int(float(text)) if kinds[name] is int else kinds[name](text)
        except ValueError:
            raise ValueError(f"{name}={text}: not a {kinds[name].__name__}") from None
    return replace(recipe, **values)


def bank(
    pictures: Mapping[str, Tensor], plan: Plan, device: torch.device, *, seed: int = 0
) -> tuple[data.PatchBank, str]:
    """The plan's patches of these pictures, and what the card says of troubles. Chapter 13."""
    settings: dict[str, Any] = {"channels": plan.channels, "seed": seed}
    if not plan.troubles:
        return data.PatchBank(pictures, plan.scales, device, **settings), ""
    settings |= {"degrade": Degradation(**plan.troubles, seed=seed), "versions": VERSIONS}
    said = ", ".join(f"{key} {value}" for key, value in plan.troubles.items())
    return data.PatchBank(pictures, plan.scales, device, **settings), f", {VERSIONS} versions of each: {said}"


def pictures(what: str, pack: Path | None = None) -> tuple[dict[str, Tensor], str]:
    """The training pictures that ``what`` names, uint8, and a description for the card. Parts are joined by
    +: "leaves:150" makes 150 pictures of dead leaves, a set's name takes that set ("t91"), anything else is
    a folder. Sets that the ``pack`` file holds are taken from there, so that a run goes on with the same
    pictures on a machine that has nothing else; other sets are fetched."""
    found: dict[str, Tensor] = {}
    words = []
    for part in what.split("+"):
        part = part.strip()
        name, _, count = part.partition(":")
        if name == "leaves":
            if not count.isdigit() or int(count) < 1:
                raise ValueError(f"{part}: say how many pictures of dead leaves, as in leaves:150")
            some: Mapping[str, Tensor] = {
                f"leaves {i}": to_uint8(data.dead_leaves(512, i)) for i in range(int(count))
            }
            words.append(f"dead leaves ({count} pictures of 512 x 512, seeds from 0)")
        else:
            some = _set(part, pack)
            words.append(f"{part} ({len(some)} pictures)")
        found |= {f"{part}/{key}": to_uint8(x) for key, x in some.items()}
    return found, " + ".join(words)


def _set(part: str, pack: Path | None) -> Mapping[str, Tensor]:
    if part.lower() not in data.names():
        return data.load_folder(part)
    if pack is not None and part.lower() in packed_sets(pack):
        return unpacked(pack, part.lower())
    return data.load_folder(data.fetch(part))
