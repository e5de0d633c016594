"""The exercises of chapter 13: real photos."""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import data, zoo
from srlib.check.crops import crops
from srlib.check.exercise import NotYet, Verdict, asked, attempt, close
from srlib.degrade import bicubic, gaussian_kernel
from srlib.images import from_uint8, luma, to_uint8
from srlib.inference import in_eval_mode, receptive_radius
from srlib.metrics import psnr
from srlib.resize import imresize

SCALE = 3
BUG_COST = 1.675
"""dB that the bug of exercise 13.3 costs at x3, mean over the middles of the comparison table's pictures,
three pixels cut off at each side as always."""


# --- 13.1: a camera from a blank cell -------------------------------------------------------------


def _blurred(x: Tensor, kernel: Tensor, mode: str = "replicate") -> Tensor:
    r = kernel.shape[0] // 2
    padded = F.pad(x, [r] * 4, mode=mode)
    return F.conv2d(padded.flatten(0, 1)[:, None], kernel[None, None])[:, 0].unflatten(0, x.shape[:2])


def _camera(x: Tensor, width: float, scale: int) -> Tensor:
    return _blurred(x, gaussian_kernel((width, width)))[..., scale // 2 :: scale, scale // 2 :: scale]


def check_worse(answer: Callable[[Tensor, float, int], Any]) -> Verdict:
    """``answer(x, width, scale)``: blurred by a Gaussian, the middle pixel of each square kept."""
    return attempt(
        "13.1",
        answer,
        _worse,
        "a phone's pictures are made about so, and then made small once more by every site they pass.",
    )


def _worse(answer: Callable[[Tensor, float, int], Any]) -> None:
    for width, scale in ((1.5, 3), (0.8, 3), (2.0, 5)):
        generator = torch.Generator().manual_seed(scale)
        x = torch.rand(2, 3, 30, 45, generator=generator)
        found, wanted = asked(answer, x.clone(), width, scale), _camera(x, width, scale)
        if not isinstance(found, Tensor) or found.shape != wanted.shape:
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise NotYet(
                f"{tuple(x.shape)} by {scale} should become {tuple(wanted.shape)}, yours is {shape}."
            )
        if close(found, wanted, 2e-3):  # where a bell is cut off matters little
            continue
        kernel = gaussian_kernel((width, width))
        every, middle = slice(None, None, scale), slice(scale // 2, None, scale)
        for slip, words in (
            (_blurred(x, kernel)[..., every, every], "You keep the corner pixel of each square."),
            (
                _blurred(x, kernel, "constant")[..., middle, middle],
                "Outside the picture is black with you; the edge pixel should be repeated.",
            ),
            (
                _blurred(x, kernel, "reflect")[..., middle, middle],
                "Outside, your picture is mirrored; the edge pixel should be repeated.",
            ),
            (x[..., middle, middle], "Nothing is blurred."),
            (_blurred(x[..., middle, middle], kernel), "You blur the small picture. The blur comes first."),
            (
                _camera(x, width**0.5, scale),
                "`width` is the standard deviation; you take it for its square.",
            ),
            (
                _camera(x, width / 2**0.5, scale),
                "In a Gaussian d squared is divided by *twice* the squared width.",
            ),
            (
                F.avg_pool2d(_blurred(x, kernel), scale),
                "You average each square; keep its middle pixel.",
            ),
            (bicubic(_blurred(x, kernel), scale), "You shrink by bicubic; keep the middle pixel."),
        ):
            if close(found, slip, 2e-3):
                raise NotYet(words)
        if not close(found.mean(), wanted.mean(), 0.02):
            raise NotYet("The picture gets brighter or darker: do the kernel's weights sum to 1?")
        raise NotYet(
            f"With width {width:g} and scale {scale} values differ by up to "
            f"{float((found - wanted).abs().max()):.2g}. Test it on a picture with one white pixel: a round "
            "spot, right in the middle?"
        )


# --- 13.2: find the kernel ------------------------------------------------------------------------


@cache
def _pairs() -> list[tuple[Tensor, Tensor, Tensor]]:
    """(hr, lr, kernel): leaves, shrunk with kernels that have no symmetry."""
    made = []
    for seed in range(2):
        generator = torch.Generator().manual_seed(seed)
        hr = luma(data.dead_leaves(96, seed))  # (1, 96, 96)
        kernel = gaussian_kernel((1.3, 0.8), 0.6)
        kernel = F.pad(kernel, [8] * 4)
        r = kernel.shape[0] // 2
        kernel = kernel[r - 3 - seed : r + 6 - seed, r - 5 : r + 4].clone()  # 9 x 9, off the middle
        kernel += 0.002 * torch.rand(9, 9, generator=generator)
        kernel /= kernel.sum()
        made.append((hr, _blurred(hr[None], kernel)[0, :, 1::3, 1::3], kernel))
    return made


def check_find_kernel(answer: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """``answer(hr, lr)``: the 9 x 9 kernel that made lr, by least squares."""
    return attempt(
        "13.2",
        answer,
        _find_kernel,
        "so nobody has to guess a blur who has one pair. Without a pair it has to be guessed from the small "
        "picture alone, which is *blind* super-resolution.",
    )


def _find_kernel(answer: Callable[[Tensor, Tensor], Any]) -> None:
    for hr, lr, kernel in _pairs():
        found = asked(answer, hr.clone(), lr.clone())
        if not isinstance(found, Tensor) or tuple(found.shape) != (9, 9):
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise NotYet(f"The kernel is (9, 9), yours is {shape}.")
        found = found.float()
        if close(found, kernel, 2e-3):
            continue
        for slip, words in (
            (kernel.flip(0, 1), "This is the kernel turned by half a turn: `F.conv2d` does not turn it."),
            (kernel.T, "Rows and columns are exchanged."),
        ):
            if close(found, slip, 2e-3):
                raise NotYet(words)
        again = _blurred(hr[None], found)[0, :, 1::3, 1::3]
        off = 255 * float((again - lr)[:, 2:-2, 2:-2].abs().mean())
        if off < 1:
            raise NotYet(
                f"Your kernel explains the small picture, to {off:.2g} gray levels, and is still not the "
                "kernel: smooth pictures leave its 81 numbers nearly undetermined. `A.T @ A` squares that "
                "trouble; take `torch.linalg.lstsq`, or `.double()`."
            )
        raise NotYet(
            f"Your kernel sums to {float(found.sum()):.2f} and, applied, misses the small picture by "
            f"{off:.1f} gray levels on average; the right one by none. Do the rows of both sides belong to "
            "the same pixels? The first window of nine rows stands around row 4 of the large picture, which "
            "is the middle of small row 1."
        )


# --- 13.3: bug hunt -------------------------------------------------------------------------------


@cache
def _net() -> nn.Module:
    return zoo.load("edsr-small", SCALE).eval()


def given_enlarge(net: nn.Module, x: Tensor, tile: int, around: int) -> Tensor:
    """The code that the reader is given, with its bug."""
    n, c, height, width = x.shape
    out = torch.zeros(n, c, 3 * height, 3 * width)
    padded = torch.nn.functional.pad(x, [around] * 4)
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            rows = slice(top, top + tile + 2 * around)
            columns = slice(left, left + tile + 2 * around)
            y = net(padded[..., rows, columns])
            y = y[..., 3 * around :, 3 * around :]
            place = out[..., 3 * top : 3 * top + 3 * tile, 3 * left : 3 * left + 3 * tile]
            place.copy_(y[..., : place.shape[2], : place.shape[3]])
    return out


class _Watched(nn.Module):
    """A network that remembers the largest side that it was given."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net, self.largest = net, 0

    def forward(self, x: Tensor) -> Tensor:
        self.largest = max(self.largest, *x.shape[-2:])
        y: Tensor = self.net(x)
        return y


def check_enlarge(answer: Callable[[nn.Module, Tensor, int, int], Any]) -> Verdict:
    """``answer(net, x, tile, around)``: the whole picture's answer, in tiles, the bug mended."""
    return attempt(
        "13.3",
        answer,
        _enlarge,
        f"the bug costs {BUG_COST:.2f} dB on pictures of 120 x 120, all of it along the border, "
        "although three pixels there are not even counted.",
        given=given_enlarge,
    )


def _enlarge(answer: Callable[[nn.Module, Tensor, int, int], Any]) -> None:
    lr = from_uint8(to_uint8(crops(SCALE)[0]))[:2, :, :, :34]  # (2, 3, 40, 34)
    net = _net()
    around = receptive_radius(net)
    for tile in (8, 11):
        with torch.no_grad(), in_eval_mode(net):
            right, wrong = net(lr), given_enlarge(net, lr, tile, around)
            watched = _Watched(net)
            found = asked(answer, watched, lr.clone(), tile, around)
            repeated = _repeated(net, lr, tile, around)
            seams = given_enlarge(net, lr, tile, 0)
        if not isinstance(found, Tensor) or found.shape != right.shape:
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise NotYet(f"The answer should be {tuple(right.shape)}, yours is {shape}.")
        if watched.largest > tile + 2 * around:
            raise NotYet(
                f"With tiles of {tile} and {around} around, the network was given {watched.largest} pixels a "
                f"side at once; it may get {tile + 2 * around}."
            )
        if close(found, right):
            continue
        for slip, words in (
            (wrong, "These are the given code's numbers."),
            (
                repeated,
                "A repeated edge is better than black, and still not what the network sees when it gets the "
                "whole picture. Add nothing at all.",
            ),
            (seams, "Now the tiles have no surroundings at all, and there are seams."),
            (right.clamp(0, 1), "Right but for a clipping that the network does not do."),
        ):
            if close(found, slip):
                raise NotYet(words)
        ring = 3 * around
        inner = (found - right)[..., ring:-ring, ring:-ring].abs()
        where = "at the border" if float(inner.max()) < 1e-4 else "inside, too"
        raise NotYet(
            f"With tiles of {tile} it differs from the whole picture's answer by up to "
            f"{255 * float((found - right).abs().max()):.2g} gray levels, {where}. How many pixels of the "
            "tile's answer belong to its surroundings above and to the left, if there are fewer than "
            "`around`?"
        )


def _repeated(net: nn.Module, x: Tensor, tile: int, around: int) -> Tensor:
    """As given, but with the edge pixel repeated instead of black."""
    padded = F.pad(x, [around] * 4, mode="replicate")
    out = torch.zeros(*x.shape[:2], 3 * x.shape[2], 3 * x.shape[3])
    for top in range(0, x.shape[2], tile):
        for left in range(0, x.shape[3], tile):
            part = padded[..., top : top + tile + 2 * around, left : left + tile + 2 * around]
            y = net(part)[..., 3 * around :, 3 * around :]
            place = out[..., 3 * top : 3 * top + 3 * tile, 3 * left : 3 * left + 3 * tile]
            place.copy_(y[..., : place.shape[2], : place.shape[3]])
    return out


def bug_cost() -> float:
    """dB that the given code loses against the network itself."""
    lr, hr = crops(SCALE)
    lr = from_uint8(to_uint8(lr))
    net = _net()
    with torch.no_grad(), in_eval_mode(net):
        right, wrong = net(lr), given_enlarge(net, lr, 16, receptive_radius(net))
    lost = [torch.as_tensor(psnr(y.clamp(0, 1), hr, crop=SCALE)).mean() for y in (right, wrong)]
    return float(lost[0] - lost[1])


# --- 13.4: reading without enlarging --------------------------------------------------------------


def check_read_small(answer: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """``answer(lr, drawings)``: the number of the drawing that the small picture shows."""
    return attempt(
        "13.4",
        answer,
        _read_small,
        "no network, no invention, and a distance for every candidate. Of a real camera you would also have "
        "to know the kernel and the noise.",
    )


def _read_small(answer: Callable[[Tensor, Tensor], Any]) -> None:
    generator = torch.Generator().manual_seed(0)
    drawings = torch.rand(8, 24, 24, generator=generator)
    drawings = torch.cat([drawings, drawings[:1] * 0.5 + 0.5])  # as the first, but paler
    small = bicubic(drawings, SCALE)
    for k in 4 * list(range(len(drawings))):  # anew each time: nobody is right by luck
        lr = small[k] + 0.01 * torch.randn(8, 8, generator=generator)
        found = asked(answer, lr.clone(), drawings.clone())
        if isinstance(found, Tensor) and found.numel() != 1:
            raise NotYet(f"One number is asked, yours has the shape {tuple(found.shape)}.")
        found = int(found)
        if found == k:
            continue
        distance = (small - lr).square().sum((1, 2))
        words = "Shrink the drawings by `bicubic(drawings, 3)` and compare on the small grid."
        if found in (0, 8) and k in (0, 8):
            words = (
                "Two of the drawings differ only in how dark they are. A correlation does not see that, the "
                "squared difference does."
            )
        elif found == int(distance.argmax()):
            words = "You take the farthest: `argmin`, not `argmax`."
        elif found == int((small.sum((1, 2)) - lr.sum()).square().argmin()):
            words = "Square the difference of each pixel first, and sum then."
        elif found == int((imresize(lr[None], SCALE) - drawings).square().sum((1, 2)).argmin()):
            words = "You enlarge `lr`. Shrink the drawings instead: that is what happened to the sign."
        raise NotYet(f"The sign is number {k}, you read {found}. {words}")


# --- 13.5: agree with another camera --------------------------------------------------------------


def check_agree(answer: Callable[..., Any]) -> Verdict:
    """``answer(sr, lr, shrink, steps)``: back-projection through any camera."""
    return attempt(
        "13.5",
        answer,
        _agree,
        "the same four lines serve for every camera that can be written down. What no camera has recorded "
        "stays as the network drew it.",
    )


def _agree(answer: Callable[..., Any]) -> None:
    hr = crops(SCALE)[1][2:4]  # (2, 3, 120, 120)

    def shrink(x: Tensor) -> Tensor:
        return _camera(x, 1.2, SCALE)

    lr = shrink(hr)
    start = imresize(lr, SCALE)
    for steps in (1, 4, 0):
        found = asked(answer, start.clone(), lr.clone(), shrink, steps)
        if not isinstance(found, Tensor) or found.shape != start.shape:
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise NotYet(f"The answer should be {tuple(start.shape)}, yours is {shape}.")
        if close(found, _through(shrink, start, lr, steps)):
            continue
        missing = imresize(lr - shrink(start), SCALE)
        for slip, words in (
            (start, "Nothing has changed. What is missing has to be added to `sr`."),
            (
                start + steps * missing,
                "You add the same each time. After a step something else is missing: compute it anew.",
            ),
            (_through(lambda x: bicubic(x, SCALE), start, lr, steps), "You shrink by bicubic, not `shrink`."),
            (_through(shrink, start, lr, steps, -1), "The wrong way round: what is missing is `lr` less."),
            (_through(shrink, start, lr, steps).clamp(0, 1), "Right, but clipped. Leave that to who saves."),
            (_through(shrink, start, lr, 1), "This is one step, whatever `steps` says."),
            (_through(shrink, start, lr, steps, kernel="nearest"), "Enlarge what is missing by bicubic."),
        ):
            if close(found, slip):
                raise NotYet(words)
        before, after = (255 * float((shrink(x) - lr).abs().mean()) for x in (start, found))
        raise NotYet(
            f"After {steps} step{'s' * (steps != 1)} the answer is off by {after:.2f} gray levels (before: "
            f"{before:.2f}). In each step: what is missing in `lr`, enlarged, added."
        )


def _through(
    shrink: Callable[[Tensor], Tensor],
    sr: Tensor,
    lr: Tensor,
    steps: int,
    sign: int = 1,
    kernel: str = "cubic",
) -> Tensor:
    for _ in range(steps):
        sr = sr + sign * imresize(lr - shrink(sr), SCALE, kernel=kernel)
    return sr
