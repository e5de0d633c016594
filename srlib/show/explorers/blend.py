"""Between two networks: their weights blended, and what that does to fidelity and to texture (chapter 8)."""

import copy
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor, nn

from srlib import data, zoo
from srlib.degrade import bicubic
from srlib.images import from_uint8, middle, shave, to_uint8
from srlib.inference import check_scale, upscale
from srlib.metrics import psnr
from srlib.patches import sliced_wasserstein
from srlib.show._html import Html, data_uri, escape
from srlib.show._look import COLOURS, framed
from srlib.show.live import Explorer, slide

ALPHAS = tuple(i / 10 for i in range(11))
SIDE = 108
"""Rows and columns of HR that are shown and measured."""
AROUND = 24
"""More HR pixels on each side that the networks see, and that are cut off again."""


def blend(
    first: str | nn.Module = "srresnet",
    second: str | nn.Module = "srgan",
    photo: str | Tensor | None = None,
    scale: int = 4,
) -> Explorer:
    """Slide from one network to another: at alpha every weight is (1 - alpha) * first + alpha * second. See
    the picture beside the original, its PSNR (dB on luma) and how far its patches are from the original's.
    ``first`` and ``second``: names in the zoo or networks of your own, of one architecture; ``photo``: a name
    of ``data.photos()`` or a picture (3, H, W) in [0, 1]; its middle is taken. What the cards say of the
    training stands below. Chapter 8."""
    one, other = _network(first, scale), _network(second, scale)
    names = [
        which if isinstance(which, str) else f"{type(which).__name__} of your own"
        for which in (first, second)
    ]
    abouts = [_about(which, scale) for which in (first, second)]
    _same_architecture(one, other)
    hr = _middle(photo, scale)
    lr = from_uint8(to_uint8(bicubic(hr, scale)))  # the 8-bit file that papers feed
    seen = shave(hr, AROUND // scale * scale)

    @cache
    def answers() -> list[tuple[Tensor, float, float]]:
        """For every alpha the picture, rounded to 8 bits, its PSNR and its distance."""
        found = []
        for alpha in ALPHAS:
            sr = upscale(interpolated(one, other, alpha), lr, scale)
            sr = from_uint8(to_uint8(shave(sr, AROUND // scale * scale)))
            found.append((sr, float(psnr(sr, seen)), sliced_wasserstein(sr, seen)))
        return found

    def draw(alpha: float) -> Html:
        return _drawing(alpha, answers(), seen, names, abouts)

    title = f"From {names[0]} to {names[1]} by their weights"
    return Explorer(draw, {"alpha": slide("alpha", ALPHAS, 0.5)}, title)


# --- the numbers ----------------------------------------------------------------------------------


def interpolated(first: nn.Module, second: nn.Module, alpha: float) -> nn.Module:
    """A network between two of one architecture: every weight and every buffer (batch normalisation's means
    and variances) is (1 - alpha) * first + alpha * second; whole numbers, such as a count of batches, are
    those of the nearer one. ``alpha`` from 0, exactly the first, to 1, exactly the second. Both stay as they
    are. Chapter 8."""
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be between 0 and 1, not {alpha:g}")
    _same_architecture(first, second)
    other = second.state_dict()
    mixed = {}
    for name, a in first.state_dict().items():
        b = other[name].to(a.device)
        if alpha in (0, 1) or not a.is_floating_point():
            mixed[name] = a if alpha < 0.5 else b
        else:
            mixed[name] = (1 - alpha) * a + alpha * b
    between = copy.deepcopy(first)
    between.load_state_dict(mixed)
    return between


def _same_architecture(first: nn.Module, second: nn.Module) -> None:
    """A ValueError that names the first difference, if there is one."""
    kinds = [type(network).__name__ for network in (first, second)]
    if type(first) is not type(second):
        raise ValueError(
            f"first is a {kinds[0]} and second a {kinds[1]}; only one architecture can be blended"
        )
    one, other = first.state_dict(), second.state_dict()
    for name in [*one, *other]:
        if name not in one or name not in other:
            which = "first" if name in one else "second"
            raise ValueError(f"only the {which} {kinds[0]} has {name}; build both with the same arguments")
        if one[name].shape != other[name].shape:
            shapes = f"{tuple(one[name].shape)} in the first and {tuple(other[name].shape)} in the second"
            raise ValueError(f"{name} is {shapes} {kinds[0]}; build both with the same arguments")


# --- what is blended, and on what -----------------------------------------------------------------


def _network(which: str | nn.Module, scale: int) -> nn.Module:
    network = zoo.load(which, scale) if isinstance(which, str) else which
    wanted = ["channels", "scales" if hasattr(network, "scales") else "scale", "pre_upsample"]
    missing = [name for name in wanted if not hasattr(network, name)]
    if missing:
        raise ValueError(
            f"this {type(network).__name__} does not say its {', '.join(missing)}; set them as attributes, "
            "as the networks of srlib.models have them"
        )
    check_scale(network, scale)
    return network


def _about(which: str | nn.Module, scale: int) -> str:
    """What the card says of a network's training."""
    if not isinstance(which, str):
        return ""
    card = zoo.card(which, scale)
    time = f"{card.hours:.1f} hours" if card.hours >= 1 else f"{60 * card.hours:.0f} minutes"
    words = f"{card.title} was trained for {card.steps:,} steps ({time}) on {card.data}"
    words += f", from {card.started_from}" if card.started_from else ""
    return f"{words}. {card.note}".strip()


def _middle(photo: str | Tensor | None, scale: int) -> Tensor:
    """The middle of a photograph with what the networks see around it."""
    name = "chelsea" if photo is None else photo
    picture = data.photos(name)[name] if isinstance(name, str) else name
    side = SIDE + 2 * (AROUND // scale * scale)
    if picture.ndim != 3 or picture.shape[0] != 3 or min(picture.shape[-2:]) < side:
        raise ValueError(
            f"photo must be (3, H, W) with at least {side} x {side} pixels, not {tuple(picture.shape)}"
        )
    cut = middle(picture, side // scale * scale)
    return from_uint8(cut) if cut.dtype == torch.uint8 else cut.float()


# --- the drawing ----------------------------------------------------------------------------------

Answer = tuple[Tensor, float, float]


def _drawing(
    alpha: float, answers: Sequence[Answer], hr: Tensor, names: Sequence[str], abouts: Sequence[str]
) -> Html:
    here = ALPHAS.index(alpha)
    sr, fidelity, distance = answers[here]
    label = f"{1 - alpha:.1f} {names[0]} + {alpha:.1f} {names[1]}"
    psnrs, distances = [answer[1] for answer in answers], [answer[2] for answer in answers]
    plots = [
        (f"PSNR {fidelity:.2f} dB: higher is closer", _curve("PSNR in dB", psnrs, here)),
        (
            f"patch distance {distance:.2f} gray levels: lower is closer",
            _curve("patch distance", distances, here),
        ),
    ]
    tiles = [(label, _picture(sr, f"{label}: {fidelity:.2f} dB, patch distance {distance:.2f}"))]
    tiles += [("the original", _picture(hr, "the original photograph, the same part"))]
    shown = "".join(
        f'<div class="tile"><span class="label">{escape(label)}</span>{html}</div>'
        for label, html in [*tiles, *plots]
    )
    cards = "".join(f"<li>{escape(about)}</li>" for about in abouts if about)
    inner = (
        f'<div class="tiles">{shown}</div><p>{escape(_read(psnrs, distances))}</p>'
        f"{f'<ul>{cards}</ul>' if cards else ''}"
    )
    return framed(inner, "", f"{names[0]} and {names[1]} blended at alpha {alpha:g}")


def _read(psnrs: Sequence[float], distances: Sequence[float]) -> str:
    """Both curves in words."""
    best, nearest = ALPHAS[psnrs.index(max(psnrs))], ALPHAS[distances.index(min(distances))]
    words = (
        f"From alpha 0 to 1 the PSNR goes from {psnrs[0]:.2f} to {psnrs[-1]:.2f} dB and the patch distance "
        f"from {distances[0]:.2f} to {distances[-1]:.2f} gray levels. "
    )
    if best == nearest:
        return f"{words}Here both are best at {best:g}."
    return f"{words}PSNR is best at {best:g}, the patches at {nearest:g}: the two ask for different networks."


def _curve(what: str, values: Sequence[float], here: int) -> str:
    """One measure over alpha, the current value marked. Drawn by hand: a matplotlib drawing in each frame
    would outweigh the pictures."""
    left, right, top, bottom = 46, 318, 14, 120
    low, high = min(values), max(values)
    span = max(high - low, 1e-9)
    xs = [left + (right - left) * alpha for alpha in ALPHAS]
    ys = [bottom - (bottom - top) * (value - low) / span for value in values]
    points = " ".join(f"{x:.0f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
    levels = "".join(
        f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{value:.2f}</text>'
        for value, y in ((high, top), (low, bottom))
    )
    marks = "".join(
        f'<text x="{xs[i]:.0f}" y="{bottom + 24}" text-anchor="middle">{ALPHAS[i]:g}</text>'
        for i in (0, 5, 10)
    )
    words = f"{what} over alpha: {values[0]:.2f} at 0, {values[-1]:.2f} at 1; now {values[here]:.2f}"
    marks += f'<text x="{(left + right) / 2}" y="158" text-anchor="middle">alpha</text>'
    frame = f"M{left} {top}V{bottom + 6}H{right}"
    return (
        f'<svg role="img" aria-label="{escape(words)}" viewBox="0 0 336 160" width="324" fill="currentColor" '
        f'font-size="12.5">{levels}{marks}'
        f'<path d="{frame}" fill="none" stroke="currentColor" stroke-opacity=".5"/>'
        f'<polyline points="{points}" fill="none" stroke="{COLOURS[0]}" stroke-width="2"/>'
        f'<circle cx="{xs[here]:.0f}" cy="{ys[here]:.1f}" r="5"/></svg>'
    )


def _picture(x: Tensor, alt: str) -> str:
    return f'<img src="{data_uri(x)}" alt="{escape(alt)}" style="width: {3 * x.shape[-1]}px">'
