"""Pictures side by side, every pixel as it is: grids, enlarged crops, error maps, failures, filters."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from srlib.images import luma
from srlib.metrics import psnr
from srlib.show._html import Html, data_uri, escape
from srlib.show._look import framed

Box = tuple[int, int, int, int]
"""A part of a picture: its first row, its first column, its rows, its columns."""


def grid(
    pictures: Mapping[str, Tensor], *, alt: str, columns: int | None = None, times: int = 1, caption: str = ""
) -> Html:
    """Pictures with their names, as many beside each other as the page has room for, or ``columns`` of them.
    ``times``: each pixel becomes a square of so many. Pictures: (3, H, W) or (1, H, W), float in [0, 1] or
    uint8. Chapter 0."""
    if not pictures:
        raise ValueError("a grid needs at least one picture")
    if times < 1 or (columns is not None and columns < 1):
        raise ValueError(f"times and columns are whole numbers from 1 up, not {times} and {columns}")
    across = f' style="display: grid; grid-template-columns: repeat({columns}, auto)"' if columns else ""
    return framed(f'<div class="tiles"{across}>{_tiles(pictures, times)}</div>', caption, alt)


def zoom(
    pictures: Mapping[str, Tensor], boxes: Sequence[Box], *, alt: str, times: int = 4, caption: str = ""
) -> Html:
    """The first picture with numbered boxes on it, and below it a row for each box: the same place in every
    picture, each pixel a square of ``times``. All pictures are of one size. Chapter 1."""
    sizes = {tuple(x.shape[-2:]) for x in pictures.values()}
    if len(sizes) != 1:
        raise ValueError(f"zoom needs pictures of one size, not {sorted(sizes)}")
    height, width = sizes.pop()
    for top, left, rows, columns in boxes:
        inside = 0 <= top <= top + rows <= height and 0 <= left <= left + columns <= width
        if not inside or rows < 1 or columns < 1:
            box = (top, left, rows, columns)
            raise ValueError(f"the box {box} is not inside {height} x {width} pixels")
    first = next(iter(pictures))
    whole = f'<div class="stack">{_image(first, pictures[first], 1)}{_boxes(boxes, height, width)}</div>'
    enlarged = "".join(
        _row(str(number), {name: _cut(x, box) for name, x in pictures.items()}, times)
        for number, box in enumerate(boxes, 1)
    )
    return framed(whole + enlarged, caption, alt)


def error_map(
    pictures: Mapping[str, Tensor],
    hr: Tensor,
    *,
    alt: str,
    limit: float | None = None,
    crop: int = 0,
    times: int = 1,
    caption: str = "",
) -> Html:
    """Where each picture differs from ``hr``: the absolute luma error in gray levels, 0 dark to ``limit``
    bright (None: the level that one pixel in a hundred of the worst picture passes), with the PSNR, in which
    ``crop`` pixels at the border do not count. One scale for all. Chapter 1."""
    if not pictures:
        raise ValueError("an error map needs at least one picture")
    _alike(pictures, hr)
    errors = {name: 255 * (_luma(x) - _luma(hr)).abs() for name, x in pictures.items()}
    if limit is None:
        limit = max(1.0, *(_almost_largest(error) for error in errors.values()))
    shown = {
        f"{name}: {_psnr(pictures[name], hr, crop):.2f} dB": heat(error / limit)
        for name, error in errors.items()
    }
    ramp = heat(torch.linspace(0, 1, 128).expand(1, 8, -1))
    scale = (
        f'<p class="label">0 <img src="{data_uri(ramp)}" alt="dark to bright" width="128" height="8" '
        f'style="display: inline-block"> {limit:.0f} gray levels or more</p>'
    )
    return framed(f'<div class="tiles">{_tiles(shown, times)}</div>{scale}', caption, alt)


def worst(errors: Tensor, count: int, size: int) -> list[tuple[int, int]]:
    """The corners (row, column) of the ``count`` squares of ``size`` pixels with the largest mean of
    ``errors`` (H, W), worst first; no two share a pixel. Chapter 4."""
    height, width = errors.shape
    if height < size or width < size:
        raise ValueError(f"a picture of {height} x {width} has no square of {size}")
    # float64 sums, so that equal squares are equal and the first of them is taken
    sums = nn.functional.avg_pool2d(errors.double()[None, None], size, stride=1)[0, 0]
    found: list[tuple[int, int]] = []
    while len(found) < count and float(sums.max()) >= 0:
        row, column = divmod(int(sums.argmax()), sums.shape[1])
        found.append((row, column))
        sums[max(0, row - size + 1) : row + size, max(0, column - size + 1) : column + size] = -1
    return found


def failures(
    hr: Mapping[str, Tensor],
    methods: Mapping[str, Mapping[str, Tensor]],
    *,
    alt: str,
    by: str | None = None,
    count: int = 3,
    size: int = 32,
    times: int = 4,
    caption: str = "",
) -> Html:
    """The places where method ``by`` (None: the first) errs most, over all photographs, and what every method
    makes of the same places, beside the original; each with its PSNR. At most one place a photograph, chosen
    by mean squared luma error. ``hr`` and each of ``methods``: {photograph: picture}. Chapter 4."""
    if not hr or not methods:
        raise ValueError("failures needs at least one photograph and one method")
    chief = by if by is not None else next(iter(methods))
    if chief not in methods:
        raise ValueError(f"by={chief!r} is none of the methods: {', '.join(methods)}")
    for method, made in methods.items():
        if missing := [name for name in hr if name not in made]:
            raise ValueError(f"{method} has no picture of {missing[0]}")
        for name, x in hr.items():
            _alike({f"{method}, {name}": made[name]}, x)
    judge = methods[chief]
    places = []
    for name, x in hr.items():
        error = (_luma(judge[name]) - _luma(x)).square()[0]
        [(row, column)] = worst(error, 1, size)
        places.append((-float(error[row : row + size, column : column + size].mean()), name, row, column))
    rows = ""
    for _, name, row, column in sorted(places)[:count]:
        box = (row, column, size, size)
        crops = {"original": _cut(hr[name], box)}
        for method, made in methods.items():
            crop = _cut(made[name], box)
            crops[f"{method}: {_psnr(crop, crops['original']):.1f} dB"] = crop
        rows += _row(f"{name}, row {row}, column {column}", crops, times)
    return framed(rows, caption, alt)


def filters(
    layer: Tensor | nn.Conv2d, *, alt: str, columns: int = 8, times: int = 6, caption: str = ""
) -> Html:
    """The filters of a layer that sees a picture, strongest first: gray is zero, bright positive, dark
    negative, all on one scale that one weight in a hundred exceeds; those of three channels in colour.
    Weights: (filters, 1 or 3, rows, columns). Chapter 4."""
    weights = (layer.weight if isinstance(layer, nn.Conv2d) else layer).detach().float().cpu()
    if columns < 1 or times < 1:
        raise ValueError(f"times and columns are whole numbers from 1 up, not {times} and {columns}")
    if weights.ndim != 4 or weights.shape[1] not in (1, 3) or len(weights) == 0:
        raise ValueError(
            f"filters that see 1 or 3 channels can be shown, not weights of shape {tuple(weights.shape)}"
        )
    if not bool(torch.isfinite(weights).all()):
        raise ValueError("the filters have values that are no numbers (NaN or infinite)")
    weights = weights[weights.square().sum((1, 2, 3)).argsort(descending=True, stable=True)]
    levels = 0.5 + 0.5 * weights / max(_almost_largest(weights.abs()), 1e-12)
    count, channels, rows, across = levels.shape
    columns = min(columns, count)
    down = math.ceil(count / columns)
    # a dark line of one weight's width between the filters: mid gray would be a zero
    sheet = torch.full((channels, down * (rows + 1) - 1, columns * (across + 1) - 1), 0.15)
    for number, one in enumerate(levels):
        top, left = (number // columns) * (rows + 1), (number % columns) * (across + 1)
        sheet[:, top : top + rows, left : left + across] = one.clamp(0, 1)
    return framed(_image(alt, sheet, times), caption, alt)


def heat(x: Tensor) -> Tensor:
    """A map (1, H, W) in [0, 1], clipped, as colours (3, H, W) from dark blue to yellow, even in lightness
    and the same for colour-blind eyes (matplotlib's cividis)."""
    from matplotlib import colormaps

    table = torch.tensor(colormaps["cividis"](torch.linspace(0, 1, 256).numpy())[:, :3], dtype=torch.float32)
    return table[(x.clamp(0, 1) * 255).round().long()[0]].movedim(-1, 0)


def _psnr(x: Tensor, hr: Tensor, crop: int = 0) -> float:
    return float(psnr(x.detach().cpu(), hr.detach().cpu(), crop=crop))


def _alike(pictures: Mapping[str, Tensor], hr: Tensor) -> None:
    """A ValueError unless every picture has the original's size."""
    for name, x in pictures.items():
        if x.shape[-2:] != hr.shape[-2:]:
            raise ValueError(f"{name} has {tuple(x.shape[-2:])} pixels, the original {tuple(hr.shape[-2:])}")


def _luma(x: Tensor) -> Tensor:
    """(1, H, W) in [0, 1]; a picture of one channel is used as it is."""
    levels = x.detach().cpu().float() / (255 if x.dtype == torch.uint8 else 1)
    return luma(levels.clamp(0, 1)) if levels.shape[0] == 3 else levels


def _almost_largest(error: Tensor) -> float:
    """The level that one value in a hundred passes (``quantile`` takes 16 million values at most)."""
    return float(error.flatten().kthvalue(max(1, math.ceil(0.99 * error.numel()))).values)


def _cut(x: Tensor, box: Box) -> Tensor:
    top, left, rows, columns = box
    return x[..., top : top + rows, left : left + columns]


def _row(label: str, crops: Mapping[str, Tensor], times: int) -> str:
    """Crops in one row, smaller where the page is narrow; on a phone more than three break the line."""
    count = len(crops)
    width = max(x.shape[-1] for x in crops.values()) * times
    one = f"clamp({min(96, width)}px, calc((100% - {(count - 1) / 2}rem) / {count}), {width}px)"
    return (
        f'<p class="label"><strong>{escape(label)}</strong></p>'
        # at the end: a label of two lines must not push its picture below its neighbours
        f'<div class="tiles" style="align-items: end; display: grid; '
        f'grid-template-columns: repeat(auto-fill, {one})">'
        f"{_tiles(crops, times)}</div>"
    )


def _tiles(pictures: Mapping[str, Tensor], times: int) -> str:
    return "".join(
        f'<div class="tile"><span class="label">{escape(name)}</span>{_image(name, x, times)}</div>'
        for name, x in pictures.items()
    )


def _image(alt: str, x: Tensor, times: int) -> str:
    height, width = x.shape[-2:]
    return (
        f'<img src="{data_uri(x)}" alt="{escape(alt)}" width="{width * times}" '
        f'height="{height * times}" style="height: auto; aspect-ratio: {width} / {height}">'
    )


def _boxes(boxes: Sequence[Box], height: int, width: int) -> str:
    """Boxes with numbers, white in black, so that they are seen on any picture."""
    shapes = ""
    unit = max(height, width) / 200
    for number, (top, left, rows, columns) in enumerate(boxes, 1):
        at = f'x="{left}" y="{top}" width="{columns}" height="{rows}" fill="none"'
        for colour, thick in (("#000", 3), ("#fff", 1)):
            shapes += f'<rect {at} stroke="{colour}" stroke-width="{thick * unit}"/>'
        up = top + rows + 8 * unit if top < 10 * unit else top - 3 * unit
        shapes += (
            f'<text x="{left + 1.5 * unit}" y="{up}" font-size="{8 * unit}" fill="#fff" stroke="#000" '
            f'stroke-width="{1.2 * unit}" paint-order="stroke">{number}</text>'
        )
    return f'<svg viewBox="0 0 {width} {height}" aria-hidden="true">{shapes}</svg>'
