"""What a network could look at, and what it does look at (chapter 6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import torch
from torch import Tensor, nn

from srlib import zoo
from srlib.cost import BEFORE, Layer, input_channels, layers
from srlib.data import photos
from srlib.degrade import bicubic
from srlib.field import effective_field, square_holding
from srlib.images import crop_to_multiple, luma
from srlib.resize import imresize
from srlib.show._html import Html, data_uri, escape
from srlib.show._look import framed
from srlib.show.live import Explorer, choose

SHIPPED = ("srcnn-955", "fsrcnn", "espcn", "vdsr", "edsr-small")
"""The zoo's networks that are shown unless others are given."""

PLACES = {
    "the cat's eye": ("chelsea", 0.42, 0.37),
    "a rocket against the sky": ("rocket", 0.45, 0.51),
    "the cup's rim": ("coffee", 0.30, 0.45),
}
"""Where the centre may stand: a photograph, and how far down and across its middle is."""

MEAN = "the mean of eight places"
DECADES = 3
"""The map shows gradients down to a thousandth of the strongest."""


def receptive_field(models: Mapping[str, nn.Module] | None = None, scale: int = 3) -> Explorer:
    """Choose a network and a place: the square of pixels that can matter to one output pixel, by theory, and
    the gradient of that pixel, which says how much each of them does matter there. ``models``: names and
    networks, the zoo's small ones when None; ``scale``: of the photographs, and of every network. A network
    that takes an enlarged picture looks at HR pixels, the others at LR pixels: all are shown in LR pixels,
    with its own beside. The enlarging itself, bicubic, is not counted: it makes each HR pixel of 4 x 4 LR
    pixels. Chapter 6."""
    if scale not in (2, 3, 4, 8):
        raise ValueError(f"scale must be 2, 3, 4 or 8, not {scale}")
    chosen = models if models is not None else {name: zoo.load(name, scale) for name in _shipped(scale)}
    if not chosen:
        raise ValueError('name at least one network: receptive_field({"mine": model})')
    kinds = {name: _kind(name, model, scale) for name, model in chosen.items()}
    field = cache(lambda name, place: _field(kinds[name], place, scale))

    def draw(network: str, place: str) -> Html:
        found = {name: field(name, place) for name in kinds}
        return _picture(kinds, found, network, place, scale)

    start = "vdsr" if "vdsr" in kinds else next(iter(kinds))
    controls = {
        "network": choose("Network", list(kinds), start),
        "place": choose("Gradient at", [MEAN, *PLACES]),
    }
    return Explorer(draw, controls, f"Receptive fields at x{scale}: what can matter, and what does")


@dataclass(frozen=True)
class _Kind:
    """A network with the side of its theoretical field in its own pixels, and how many of these lie along
    one LR pixel: ``scale`` for one that takes the enlarged picture, else 1; ``skip``: whether its input is
    added to the answer itself."""

    model: nn.Module
    channels: int
    field: int
    pixels: int
    skip: bool


def _kind(name: str, model: nn.Module, scale: int) -> _Kind:
    several = getattr(model, "scales", None)
    steps = layers(model, scale if several else None)
    if not steps:
        raise ValueError(f"{name} answers its input unchanged; leave it out")
    last = steps[-1]
    if last.field is None or last.resolution is None:
        raise ValueError(f"{name}: its field is the whole picture, or cannot be followed; leave it out")
    pixels = Fraction(scale) / last.resolution
    if pixels not in (1, scale):
        raise ValueError(f"{name} enlarges {last.resolution} times, so it does not go with scale={scale}")
    skip = last.field > 1 and _handed_over(steps)
    return _Kind(model, input_channels(model), last.field, int(pixels), skip)


def _handed_over(steps: Sequence[Layer]) -> bool:
    """Whether nothing but additions, constants and activations lies between the input and the answer on one
    of the ways: a skip around all that looks further than its own pixel."""
    ways = {len(steps) - 1}
    for i in reversed(range(len(steps))):
        if i in ways and steps[i].kind in ("addition", "constant", "activation"):
            ways |= set(steps[i].sources)
    return BEFORE in ways


def _shipped(scale: int) -> list[str]:
    fitting = {card.name for card in zoo.cards() if scale in card.scales}
    return [name for name in SHIPPED if name in fitting]


@cache
def _small(scale: int, photo: str) -> Tensor:
    """A photograph's LR picture (3, h, w)."""
    return bicubic(crop_to_multiple(photos(photo)[photo], scale), scale)


def _middle(scale: int, place: str) -> tuple[str, int, int]:
    photo, down, across = PLACES[place]
    x = _small(scale, photo)
    return photo, int(down * x.shape[1]), int(across * x.shape[2])


def _centres(scale: int, place: str) -> list[tuple[str, int, int]]:
    """Photograph, row and column of the LR pixels whose answers are looked at."""
    if place in PLACES:
        return [_middle(scale, place)]
    generator = torch.Generator().manual_seed(0)
    found = []
    for photo in ("astronaut", "chelsea", "coffee", "rocket"):
        x = _small(scale, photo)
        for _ in range(2):
            down, across = torch.rand(2, generator=generator).mul(0.6).add(0.2).tolist()
            found.append((photo, int(down * x.shape[1]), int(across * x.shape[2])))
    return found


def _field(kind: _Kind, place: str, scale: int) -> Tensor:
    """The effective field in the network's own pixels, an odd side, the theoretical square and no more."""
    reach = kind.field // 2 + 1
    crops = []
    for photo, row, column in _centres(scale, place):
        x = _small(scale, photo)
        x = luma(x) if kind.channels == 1 else x
        if kind.pixels > 1:  # around the middle of the pixels that this LR pixel becomes
            x = imresize(x, scale)
            row, column = row * scale + scale // 2, column * scale + scale // 2
        crops.append(_around(x, row, column, reach))
    several = getattr(kind.model, "scales", None)
    return effective_field(kind.model, torch.stack(crops), scale if several else None)


def _around(x: Tensor, row: int, column: int, reach: int) -> Tensor:
    """(C, 2 * reach + 1, 2 * reach + 1) around a pixel; beyond the picture's edge its last pixels go on."""
    rows = torch.arange(row - reach, row + reach + 1).clamp(0, x.shape[1] - 1)
    columns = torch.arange(column - reach, column + reach + 1).clamp(0, x.shape[2] - 1)
    return x[:, rows][:, :, columns]


def _picture(
    kinds: Mapping[str, _Kind],
    found: Mapping[str, Tensor],
    network: str,
    place: str,
    scale: int,
) -> Html:
    kind, field = kinds[network], found[network]
    window = 2 * int(kind.field / kind.pixels / 2) + 5  # LR pixels: the theoretical square and a margin
    sides = [kind.field, square_holding(field, 0.9), square_holding(field, 0.5)]
    squares = "".join(
        _square(side / kind.pixels, window, dash)
        for side, dash in zip(sides, ("none", "7 4", "2 3"), strict=True)
    )
    overlay = f'<svg viewBox="0 0 {window} {window}" aria-hidden="true">{squares}</svg>'
    photo, row, column = _centres(scale, place)[0]
    crop = imresize(_around(_small(scale, photo), row, column, window // 2), scale)
    where = f"one of the places, in {photo!r}" if place == MEAN else f"{place}, in {photo!r}"
    size, what = window * scale, _words(network, kind, sides)
    tiles = [
        (
            f"{window} x {window} LR pixels: {where}",
            data_uri(crop),
            f"Photograph: {where}, with three squares.",
        ),
        ("How much each pixel matters", data_uri(_map(field, window * kind.pixels)), what),
    ]
    drawn = "".join(
        f'<div class="tile" style="width: min(100%, 17rem)"><span class="label">{escape(label)}</span>'
        f'<div class="stack" style="width: 100%"><img src="{uri}" alt="{escape(alt)}" width="{size}" '
        f'height="{size}" style="height: auto; width: 100%">{overlay}</div></div>'
        for label, uri, alt in tiles
    )
    legend = (
        "Solid: what can matter. Dashed: the square that holds nine tenths of the gradient. Dotted: half. "
        f"Colour: mean absolute gradient, from a thousandth of the strongest {_bar()} to the strongest."
    )
    return framed(
        '<div style="align-items: end; display: flex; flex-wrap: wrap; gap: 0.5rem">'
        f'{drawn}</div><p style="max-width: 46rem">{legend}</p>'
        f'<p style="max-width: 46rem"><b>{escape(what)}</b></p>{_table(kinds, found, network)}',
        group=f"The receptive field of {network} at x{scale}, {place}",
    )


def _square(side: float, window: int, dash: str) -> str:
    """A square around the middle: white, on black so that it shows on any picture."""
    corner = (window - side) / 2
    return "".join(
        f'<rect x="{corner:.3f}" y="{corner:.3f}" width="{side:.3f}" height="{side:.3f}" fill="none" '
        f'stroke="{ink}" stroke-width="{width}" stroke-dasharray="{dash}" '
        'vector-effect="non-scaling-stroke"/>'
        for ink, width in (("#000", 4), ("#fff", 2))
    )


def _bar() -> str:
    """The map's colours in a row, dark to light."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    colours = ", ".join(to_hex(colormaps["cividis"](i / 4)) for i in range(5))
    look = (
        f"background: linear-gradient(to right, {colours}); display: inline-block; height: 0.7em; width: 5em"
    )
    return f'<span style="{look}"></span>'


def _words(network: str, kind: _Kind, sides: list[int]) -> str:
    """One network's numbers in a sentence; ``sides``, in its own pixels: can matter, nine tenths, half."""
    own = [f"{side} x {side}" for side in sides]
    lr = [f" ({side / kind.pixels:.1f} LR pixels wide)" if kind.pixels > 1 else "" for side in sides]
    takes = "the enlarged picture" if kind.pixels > 1 else "the LR picture"
    skip = " Its skip hands the central pixel straight to the answer." if kind.skip else ""
    return (
        f"{network} takes {takes}: {own[0]} of its pixels can matter{lr[0]}. Half of the gradient lies "
        f"within {own[2]}{lr[2]}, nine tenths within {own[1]}{lr[1]}.{skip}"
    )


def _map(field: Tensor, side: int) -> Tensor:
    """An effective field as colours (3, side, side), dark to light over ``DECADES`` powers of ten."""
    from matplotlib import colormaps

    level = (field / field.max()).clamp_min(10.0**-DECADES).log10() / DECADES + 1  # 0 to 1
    colours = torch.from_numpy(colormaps["cividis"](level.numpy())[..., :3]).float().movedim(-1, 0)
    whole = torch.tensor(colormaps["cividis"](0.0)[:3]).float()[:, None, None].repeat(1, side, side)
    margin = (side - field.shape[0]) // 2
    whole[:, margin : margin + field.shape[0], margin : margin + field.shape[1]] = colours
    return whole


def _table(kinds: Mapping[str, _Kind], found: Mapping[str, Tensor], network: str) -> str:
    rows = []
    for name, kind in kinds.items():
        sides = [kind.field, square_holding(found[name], 0.9), square_holding(found[name], 0.5)]
        own = [f"{s / kind.pixels:.1f}" if kind.pixels > 1 else f"{s}" for s in sides]
        own[0] += f" ({kind.field} HR)" if kind.pixels > 1 else ""
        cells = "".join(f'<td class="number" style="white-space: nowrap">{one}</td>' for one in own)
        weight = "600" if name == network else "400"
        head = f'<th scope="row" style="font-weight: inherit; white-space: nowrap">{escape(name)}</th>'
        rows.append(f'<tr style="font-weight: {weight}">{head}{cells}</tr>')
    heads = ("network", "can matter", "nine tenths", "half")
    top = "".join(f'<th scope="col">{head}</th>' for head in heads)
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="All networks">'
        '<table><caption style="text-align: left">Sides, in LR pixels, of the square of what can matter and '
        "of those that hold nine tenths and half of the gradient</caption>"
        f"<thead><tr>{top}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
