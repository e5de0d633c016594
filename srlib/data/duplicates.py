"""Is a test picture among the training pictures? A hunt by content: names, sizes, crops and files may differ
(chapter 1).

``duplicates.json`` beside this file records the hunt for Set5, Set14 and B100 among the pictures that the zoo
was trained on.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from srlib.images import from_uint8, luma
from srlib.resize import imresize

BLOCK = 16
"""Side of the squares that are sought, in the coarse pictures."""
SHORT = 32
"""Shorter side of a coarse picture: five squares of half its side are cut out of it."""
LADDER = tuple(round(SHORT * 2 ** (step / 4)) for step in range(-4, 7))
"""Shorter sides that the searched pictures are tried at: 16 to 91, so a square is found in a picture that
shows half to three times as much, at any size in pixels."""
FINE = 64
"""Side of a square when a find is looked at closely."""
CONVINCING = 0.6
"""From this correlation of its square on, all of a find is compared."""
_PLACES = ((0, 0), (0, 1), (1, 0), (1, 1), (0.5, 0.5))


@dataclass(frozen=True)
class Find:
    """``score``: correlation in [-1, 1] of the fine detail of all that the two pictures have in common when
    they are laid over each other where a square of the one fits the other best; 0 if none fits."""

    score: float
    one: str
    other: str


def near_duplicates(
    ones: Mapping[str, Tensor], others: Mapping[str, Tensor], *, keep: int = 5, above: float = 0.5
) -> list[Find]:
    """Pairs of pictures, one of each collection, that seem to show the same. Squares of each picture are
    sought in all pictures of the other collection, coarsely at all places and a ladder of sizes, as they are
    and mirrored; the ``keep`` best finds of each picture are looked at closely. Pictures: (C, H, W), uint8 or
    [0, 1]. Best first."""
    grays = [
        {name: luma(from_uint8(x) if x.dtype == torch.uint8 else x).float() for name, x in some.items()}
        for some in (ones, others)
    ]
    best: dict[tuple[str, str], float] = {}
    for swapped in (False, True):
        sought, searched = grays[::-1] if swapped else grays
        for name, place, score in _searched(sought, searched, keep):
            pair = (place, name) if swapped else (name, place)
            best[pair] = max(score, best.get(pair, -1.0))
    finds = [Find(round(score, 3), *pair) for pair, score in best.items() if score >= above]
    return sorted(finds, key=lambda find: -find.score)


def _searched(
    sought: dict[str, Tensor], searched: dict[str, Tensor], keep: int
) -> list[tuple[str, str, float]]:
    """(name, name of the picture it is found in, score) for the best finds of each picture sought."""
    names, squares = list(sought), []
    for x in sought.values():
        squares += _squares(x)
    templates = torch.stack([_unit(square) for square in squares])  # 10 a picture: 5 squares, and mirrored
    per = len(squares) // len(names)
    places = list(searched)
    coarse = torch.full((len(places), len(templates)), -1.0)
    at = torch.zeros(len(places), len(templates), 3)  # where: row and column of the square's corner, size
    for i, x in enumerate(searched.values()):
        for short in LADDER:
            field = _detail(_shrunk(x, short))
            if min(field.shape[1:]) < BLOCK:
                continue
            scores = _correlation(field, templates)  # (T, H', W')
            value, where = scores.flatten(1).max(1)
            better = value > coarse[i]
            corner = torch.stack([where // scores.shape[2], where % scores.shape[2]], 1)
            here = torch.cat([corner, torch.full((len(value), 1), short)], 1).float()
            coarse[i] = torch.where(better, value, coarse[i])
            at[i] = torch.where(better[:, None], here, at[i])
    finds = []
    for k, name in enumerate(names):
        mine = coarse[:, k * per : (k + 1) * per]
        top, square = mine.max(1)
        for i in top.argsort(descending=True)[:keep].tolist():
            j = int(square[i])
            row, column, short = at[i, k * per + j].tolist()
            score = _closely(sought[name], j, searched[places[i]], row, column, short)
            finds.append((name, places[i], score))
    return finds


def _closely(one: Tensor, square: int, other: Tensor, row: float, column: float, short: float) -> float:
    """First square number ``square`` of ``one`` is fitted to its place in ``other`` at fine detail, over
    small shifts and sizes. If that is convincing, all that the two then have in common is compared: a
    straight edge is like many a straight edge, but no further."""
    mine = _shrunk(one if square < len(_PLACES) else one.flip(2), SHORT * FINE / BLOCK)
    y, x = _corners(mine, FINE)[square % len(_PLACES)]
    template = _unit(_detail(mine)[:, y : y + FINE, x : x + FINE])[None]
    scale = min(other.shape[1:]) / short  # from coarse pixels to the other picture's own
    edges = (row - BLOCK / 3, column - BLOCK / 3, row + BLOCK * 4 / 3, column + BLOCK * 4 / 3)
    top, left, bottom, right = (max(0, round(edge * scale)) for edge in edges)
    window = other[:, top:bottom, left:right]
    best, fit = -1.0, (0.0, 0, 0)
    for factor in (0.92, 0.95, 0.98, 1.0, 1.02, 1.05, 1.08):
        zoom = FINE / BLOCK / scale * factor
        scores = _fine_correlation(window, zoom, template)
        if scores is not None and float(scores.max()) > best:
            best = float(scores.max())
            v, u = divmod(int(scores.argmax()), scores.shape[1])
            fit = zoom, round(top * zoom) + v - y, round(left * zoom) + u - x
    if best < CONVINCING:
        return 0.0
    zoom, down, across = fit  # a pixel (y, x) of ``mine`` lies at (y + down, x + across) of ``other``, zoomed
    theirs = _zoomed(other, zoom)
    slack = 4
    y0, y1 = max(slack, slack - down), min(mine.shape[1], theirs.shape[1] - down) - slack
    x0, x1 = max(slack, slack - across), min(mine.shape[2], theirs.shape[2] - across) - slack
    common = _unit(_detail(mine)[:, y0:y1, x0:x1])
    around = _detail(theirs)[
        :, y0 + down - slack : y1 + down + slack, x0 + across - slack : x1 + across + slack
    ]
    num = F.conv2d(around[None], common[None])[0]
    return float((num / _norms(around, common.shape[1], common.shape[2])).max())


def _fine_correlation(window: Tensor, zoom: float, template: Tensor) -> Tensor | None:
    field = _detail(_zoomed(window, zoom))
    return _correlation(field, template)[0] if min(field.shape[1:]) >= template.shape[-1] else None


def _zoomed(x: Tensor, zoom: float) -> Tensor:
    return imresize(x, size=(max(1, round(x.shape[1] * zoom)), max(1, round(x.shape[2] * zoom))))


def _shrunk(x: Tensor, short: float) -> Tensor:
    """A gray picture with its shorter side at ``short`` pixels."""
    return _zoomed(x, short / min(x.shape[-2:]))


def _detail(x: Tensor) -> Tensor:
    """What is left when slow changes are taken away: chance likenesses of sky and ground go with them."""
    smooth = F.avg_pool2d(F.pad(x[None], (3, 3, 3, 3), mode="replicate"), 7, 1)[0]
    return x - smooth


def _corners(x: Tensor, side: int) -> list[tuple[int, int]]:
    """Where the five squares of a picture begin."""
    h, w = x.shape[-2:]
    return [(round(v * (h - side)), round(u * (w - side))) for v, u in _PLACES]


def _squares(x: Tensor) -> list[Tensor]:
    """Five squares of a picture's detail, corners and middle, then those of its mirror image."""
    both = [_detail(_shrunk(way, SHORT)) for way in (x, x.flip(2))]
    return [field[:, r : r + BLOCK, c : c + BLOCK] for field in both for r, c in _corners(field, BLOCK)]


def _unit(square: Tensor) -> Tensor:
    centred = square - square.mean()
    return centred / centred.norm().clamp(min=1e-6)


def _correlation(field: Tensor, templates: Tensor) -> Tensor:
    """Normalised correlation of each (1, B, B) template, mean 0 and norm 1, with every square of the field:
    (T, H - B + 1, W - B + 1)."""
    side = templates.shape[-1]
    return F.conv2d(field[None], templates)[0] / _norms(field, side, side)


def _norms(field: Tensor, height: int, width: int) -> Tensor:
    """The norm about its mean of every rectangle of the field."""
    mean = F.avg_pool2d(field[None], (height, width), 1)[0]
    power = F.avg_pool2d(field[None].square(), (height, width), 1)[0] - mean.square()
    return (height * width * power.clamp(min=1e-6)).sqrt()  # a flat rectangle is like nothing
