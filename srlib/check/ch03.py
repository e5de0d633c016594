"""The exercises of chapter 3: sparse coding and its relatives."""

import statistics
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from srlib import comparison, data
from srlib.check.exercise import NotYet, Verdict, asked, attempt, expect
from srlib.degrade import bicubic
from srlib.experiments.dictionaries import anchored
from srlib.images import luma
from srlib.metrics import psnr
from srlib.models import CoupledDictionaries
from srlib.models.sparse import derivatives, omp
from srlib.resize import imresize

SCALE = 3
BUG_COST = 0.4
"""dB that the bug of exercise 3.2 costs at x3, mean over the comparison table's pictures."""


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# --- 3.1: how many guesses? -----------------------------------------------------------------------


def check_guesses(answer: Callable[..., Any]) -> Verdict:
    """``answer(pixel, length, side, step)``: in how many patches of a row a pixel lies."""
    return attempt(
        "3.1",
        answer,
        _guesses,
        "away from the ends it is side / step on average, in two directions the square of that. At the ends "
        "it is fewer, and there the result is worse.",
    )


def _guesses(answer: Callable[..., Any]) -> None:
    for pixel, length, side, step, words in (
        (4, 12, 3, 1, "in the middle"),
        (1, 6, 3, 1, "near the beginning"),
        (5, 6, 3, 1, "at the end"),
        (4, 6, 3, 1, "near the end"),
        (13, 240, 9, 3, "of a real row"),
        (2, 240, 9, 3, "at the beginning of a real row"),
        (7, 20, 5, 3, "where side does not divide by step"),
        (5, 20, 5, 3, "where side does not divide by step"),
        (7, 8, 3, 2, "that no patch reaches"),
    ):
        found = int(asked(answer, pixel, length, side, step))
        wanted = sum(0 <= pixel - start < side for start in range(0, length - side + 1, step))
        if found != wanted:
            last = (length - side) // step * step
            raise NotYet(
                f"Pixel {pixel} of {length}, {words}: patches of {side} start at 0, {step}, ..., {last}, and "
                f"{wanted} of them cover it; you count {found}."
            )


# --- 3.2: bug hunt --------------------------------------------------------------------------------


def given_paste(detail: Tensor, height: int, width: int, side: int, step: int) -> Tensor:
    """The code that the reader is given, with its bug."""
    numbers = torch.arange(height * width).double().view(1, 1, height, width)
    where = F.unfold(numbers, side, stride=step)[0].T.long()
    total, count = torch.zeros(2, height * width)
    total[where] += detail
    count[where] += 1
    return (total / count).view(height, width)


def check_paste(answer: Callable[..., Any]) -> Verdict:
    """``answer(detail, height, width, side, step)``: patches put back as a mean, with the bug mended."""
    return attempt(
        "3.2",
        answer,
        _paste,
        f"the bug costs {BUG_COST:.2f} dB at x3. `x[index] += v` counts each place once, however often "
        "it stands in the index; `index_add_`, `scatter_add_` and `F.fold` add up.",
        given=given_paste,
    )


def _paste(answer: Callable[..., Any]) -> None:
    for height, width, side, step in ((6, 6, 3, 1), (15, 12, 6, 3), (12, 21, 9, 3)):
        places = (1 + (height - side) // step) * (1 + (width - side) // step)
        ones = asked(answer, torch.ones(places, side * side), height, width, side, step)
        if tuple(ones.shape) != (height, width):
            raise NotYet(f"The picture has the shape {tuple(ones.shape)}, it should be {(height, width)}.")
        expect(ones, torch.ones(height, width), "Patches full of ones must give a picture full of ones.")
        detail = _random(places, side * side)
        total, count = (
            F.fold(x.T[None], (height, width), side, stride=step)[0, 0]
            for x in (detail, torch.ones_like(detail))
        )
        found = asked(answer, detail, height, width, side, step)
        if torch.allclose(found * float(count.max()), total, atol=1e-3):
            raise NotYet("Near the border fewer patches overlap: divide each pixel by its own count.")
        expect(
            found,
            total / count,
            f"Patches of {side} at every {step} pixels: where {int(count.max())} of them overlap, is each "
            "of their values in the sum, and is each counted?",
        )


def bug_cost() -> float:
    """What the bug costs in dB at x3 on the comparison table's pictures, measured now. One core: with several
    it is not defined which patch is written last."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model = CoupledDictionaries(SCALE, atoms=64)
        model.learn([data.dead_leaves(192, seed) for seed in range(6)], patches=4_000, rounds=2)
        losses = []
        for picture in comparison.pictures().values():
            hr = luma(picture)[None]
            soft = imresize(bicubic(hr, SCALE), SCALE)
            detail = model.decode(model.features(derivatives(soft)))  # (1, side * side, patches)
            size = (soft.shape[2], soft.shape[3])
            total, count = (
                F.fold(x, size, model.side, stride=model.step) for x in (detail, torch.ones_like(detail))
            )
            bad = given_paste(detail[0].T, *size, model.side, model.step)
            good, worse = (
                float(psnr((soft + x)[0].clamp(0, 1), hr[0], crop=SCALE)) for x in (total / count, bad)
            )
            losses.append(good - worse)
        return statistics.fmean(losses)
    finally:
        torch.set_num_threads(threads)


# --- 3.3: neighbour embedding ---------------------------------------------------------------------


def check_embed(answer: Callable[..., Any]) -> Verdict:
    """``answer(signal, signals, detail, count)``: the neighbours' detail, with the weights that rebuild the
    signal."""
    return attempt(
        "3.3",
        answer,
        _embed,
        "as long as the signal lies among its neighbours, detail is carried over as a mixture of theirs. The "
        "code is sparse here, too: all examples are the dictionary.",
    )


def _embed(answer: Callable[..., Any]) -> None:
    signals, detail = _random(60, 8), _random(60, 81, seed=1)
    alone = asked(answer, signals[7] + 1e-3, signals, detail, 1)
    if tuple(alone.shape) != (81,):
        raise NotYet(f"The answer is one patch of 81 numbers; yours has the shape {tuple(alone.shape)}.")
    alone = torch.as_tensor(alone)
    weight = float(alone @ detail[7] / detail[7].square().sum())
    if abs(weight - 1) > 1e-2 and torch.allclose(alone, weight * detail[7], atol=1e-3 * abs(weight)):
        raise NotYet(
            "The right neighbour, but its weight is not 1, and with one neighbour it must be. Divide the "
            "weights by their sum."
        )
    expect(
        alone,
        detail[7],
        "With one neighbour its weight is 1, and its detail is the answer.",
        tolerance=1e-3,
    )
    for count, seed in ((3, 2), (5, 3), (12, 4)):
        signal = 0.5 * _random(8, seed=seed)
        distance = (signals - signal).norm(dim=1)
        near = distance.topk(count, largest=False).indices
        apart = signals[near] - signal
        gram = apart @ apart.T
        weights = torch.linalg.solve(gram + 1e-3 * gram.trace() * torch.eye(count), torch.ones(count))
        found = asked(answer, signal, signals, detail, count)
        if torch.allclose(found, detail[near].mean(0), atol=1e-3):
            raise NotYet("That is the plain mean of the neighbours. Which weights rebuild the signal?")
        if torch.allclose(found, weights @ detail[near], atol=1e-3):
            raise NotYet("The weights do not sum to 1 yet: divide them by their sum.")
        expect(
            found,
            weights / weights.sum() @ detail[near],
            f"With {count} neighbours: are they the nearest ones, is Z neighbours less the signal, and was a "
            "thousandth of the trace of G added to its diagonal?",
            tolerance=2e-3,
        )


# --- 3.4: self-similarity -------------------------------------------------------------------------


def check_parent(answer: Callable[..., Any]) -> Verdict:
    """``answer(x, row, column, side, scale)``: the corner of the larger square of x that, made smaller, is
    most like the given one."""
    return attempt(
        "3.4",
        answer,
        _parent,
        "the parent less the given square, enlarged by bicubic, is an example of lost detail that no other "
        "picture had to provide. It is as good as the picture's repetitions are.",
    )


def _parent(answer: Callable[..., Any]) -> None:
    for scale, side, seed, light in ((3, 5, 0, 0.0), (3, 5, 1, 0.3), (2, 7, 2, -0.2), (3, 4, 3, 0.25)):
        height, width = 24 * scale, 32 * scale
        x = 0.5 + 0.2 * _random(height, width, seed=seed)
        small = bicubic(x, scale)
        top, left = 13, 17 + seed  # far enough from what is planted in the corner
        row, column = 3, 2
        x[row : row + side, column : column + side] = small[top : top + side, left : left + side] + light
        hint = f" Here the twin is {light:+} brighter: subtract each square's mean." if light else ""
        _corner(answer, x, row, column, side, scale, (scale * top, scale * left), hint)
    # no twin: what has nearly the same shape is too weak, and something else is nearer
    x = 0.5 + 0.2 * _random(72, 96, seed=4)
    wanted = _best(x[9:13, 6:10], bicubic(x, 3), shape=False)
    weaker = _best(x[9:13, 6:10], bicubic(x, 3), shape=True)
    _corner(
        answer, x, 9, 6, 4, 3, (3 * wanted[0], 3 * wanted[1]), "", {(3 * weaker[0], 3 * weaker[1]): SHAPE}
    )


SHAPE = (
    "That square is most alike in shape, its strength left out of account. The task asks for the smallest "
    "squared difference: subtract the means, and divide by nothing."
)


def _best(square: Tensor, small: Tensor, *, shape: bool) -> tuple[int, int]:
    """The corner, in the small picture, of the square most like the given one: by squared difference after
    the means are gone, or by ``shape``, with the strengths gone, too."""
    side = len(square)
    every = F.unfold(small[None, None], side)[0].T
    every = every - every.mean(1, keepdim=True)
    one = (square - square.mean()).flatten()
    if shape:
        every, one = F.normalize(every), F.normalize(one, dim=0)
    return divmod(int((every - one).square().sum(1).argmin()), small.shape[1] - side + 1)


def _corner(
    answer: Callable[..., Any],
    x: Tensor,
    row: int,
    column: int,
    side: int,
    scale: int,
    wanted: tuple[int, int],
    hint: str,
    known: dict[tuple[int, int], str] | None = None,
) -> None:
    """Ask for one parent, and say what an answer may have mistaken."""
    found = tuple(int(one) for one in asked(answer, x.clone(), row, column, side, scale))
    if found == wanted:
        return
    top, left = wanted[0] // scale, wanted[1] // scale
    square, small = x[row : row + side, column : column + side], bicubic(x, scale)
    columns = small.shape[1] - side + 1
    by_pixels = divmod(top * columns + left, small.shape[1])  # rows as long as the picture is wide
    skipped = _best(square, x[::scale, ::scale].contiguous(), shape=False)
    slips = {
        (
            scale * by_pixels[0],
            scale * by_pixels[1],
        ): "A row of squares has `width - side + 1` of them, fewer than the small picture has columns.",
        (scale * skipped[0], scale * skipped[1]): "The smaller picture is `bicubic(x, scale)`: every third "
        "pixel alone is another one.".replace("third", {2: "second", 3: "third"}[scale]),
        wanted[::-1]: "The right place, with row and column exchanged.",
        (scale * row, scale * column): "You have found the given square itself: search in the smaller "
        "picture.",
        (top, left): "That is the corner in the small picture. Where did this square come from in x?",
    }
    slips |= known or {}
    if found in slips:
        raise NotYet(slips[found])
    raise NotYet(
        f"In {x.shape[0]} x {x.shape[1]} pixels, x{scale}, squares of {side}: the parent starts at {wanted}, "
        f"you have {found}.{hint}"
    )


# --- 3.5: anchored regression ---------------------------------------------------------------------


def check_anchored(answer: Callable[..., Any]) -> Verdict:
    """``answer(atom, signals, detail, count, ridge)``: the matrix from features to detail around an atom."""
    return attempt(
        "3.5",
        answer,
        _anchored,
        "with 512 such matrices you have the last row of the experiment. Each is linear, as bicubic is; "
        "choosing among them is what is not.",
    )


def _anchored(answer: Callable[..., Any]) -> None:
    signals = F.normalize(_random(400, 10))
    signals[:200] *= -1
    bend = _random(10, 81, seed=1)
    detail = signals @ bend + 0.3 * signals.square() @ _random(10, 81, seed=2)
    for k, count, ridge in ((0, 400, 0.0), (3, 100, 0.1), (5, 50, 1.0)):
        atom = F.normalize(_random(10, seed=10 + k), dim=0)
        wanted = anchored(atom, signals, detail, count, ridge)
        found = asked(answer, atom, signals, detail, count, ridge)
        if tuple(found.shape) == (81, 10):
            raise NotYet("The matrix is turned round: it should be (features, 81), so that S R is detail.")
        if tuple(found.shape) == tuple(wanted.shape):
            everyone = anchored(atom, signals, detail, len(signals), ridge)
            if count < len(signals) and torch.allclose(found, everyone, atol=1e-3):
                raise NotYet(f"That is the regression over all examples, not over the {count} most alike.")
            signed = (signals @ atom).topk(count).indices
            if count < len(signals) and torch.allclose(
                found, anchored(atom, signals[signed], detail[signed], count, ridge), atol=1e-3
            ):
                raise NotYet(
                    "An example that is the atom with its sign turned counts as much, since its detail turns "
                    "along. Take the largest absolute values."
                )
        expect(
            found,
            wanted,
            f"With {count} of 400 examples and a ridge of {ridge}: add it to the diagonal of SᵀS only, and "
            "take the same rows of S and D.",
            tolerance=2e-3,
        )


# --- 3.6: from a blank cell -----------------------------------------------------------------------


def check_rebuild(answer: Callable[..., Any]) -> Verdict:
    """``answer(x, project, low, high)``: the chapter's pipeline for x3."""
    return attempt(
        "3.6",
        answer,
        _rebuild,
        "you have written a method that once led the tables. Everything that is learned comes in by three "
        "matrices; the rest is cutting, choosing and averaging.",
    )


def _rebuild(answer: Callable[..., Any]) -> None:
    side, step, count = 9, 3, 40
    project = torch.linalg.qr(_random(4 * side**2, 30))[0].T.contiguous()
    low = F.normalize(_random(count, 30, seed=1))
    high = 0.1 * _random(count, side**2, seed=2)
    model = CoupledDictionaries(SCALE, atoms=count)
    model.load_state_dict({"projection": project, "low": low, "high": high})
    for height, width, seed in ((27, 36, 3), (45, 30, 4)):
        x = _random(1, 1, height, width, seed=seed).sigmoid()
        wanted = model(x)
        found = torch.as_tensor(asked(answer, x.clone(), project, low, high))
        if found.shape == wanted.shape:
            _name_slips(found, x, wanted - x, project, low, high, side, step)
        expect(
            found,
            wanted,
            "Slopes, patches, 30 numbers, three atoms, detail, sum, count: print the shape behind each line.",
        )


def _name_slips(
    found: Tensor, x: Tensor, detail: Tensor, project: Tensor, low: Tensor, high: Tensor, side: int, step: int
) -> None:
    """Raise ``NotYet`` for what is often forgotten."""
    size = x.shape[2:]
    cut = F.unfold(derivatives(x), side, stride=step)
    count = F.fold(torch.ones(1, side**2, cut.shape[2]), size, side, stride=step)
    every = F.unfold(derivatives(x), side)[0]
    dense = (omp(low, (project @ every).T, 3) @ high).T[None]
    at_all = F.fold(dense, size, side) / F.fold(torch.ones_like(dense), size, side)
    straight = ((project @ cut[0]).T @ low.T @ high).T[None]
    slips = {
        "That is the detail alone: it is added to the soft picture.": detail,
        "Each pixel has the sum of its guesses: divide by how many there are.": x + detail * count,
        "Near the border fewer patches overlap: divide each pixel by its own count.": x
        + detail * count / count.max(),
        "You have a patch at every pixel: one starts at every third.": x + at_all,
        "Every atom is taken, as much as it is like the patch. Three are to be chosen, by `omp`.": x
        + F.fold(straight, size, side, stride=step) / count,
    }
    for words, slip in slips.items():
        if torch.allclose(found, slip, atol=1e-3):
            raise NotYet(words)
