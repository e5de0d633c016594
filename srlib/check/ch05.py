"""The exercises of chapter 5: FSRCNN and ESPCN."""

import statistics
import types
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import comparison, zoo
from srlib.check.exercise import NotYet, Verdict, asked, attempt, expect
from srlib.degrade import bicubic
from srlib.images import luma
from srlib.metrics import psnr
from srlib.models import FSRCNN

SCALE = 3
BUG_COST = 1.593
"""dB that the bug of exercise 5.4 costs at x3, mean over the comparison table's pictures."""


def _names(answer: Any) -> set[str]:
    """The names that the reader's function looks up, in the functions inside it, too."""
    found: set[str] = set()
    codes = [answer.__code__] if isinstance(answer, types.FunctionType) else []
    while codes:
        code = codes.pop()
        found.update(code.co_names)
        codes += [one for one in code.co_consts if isinstance(one, types.CodeType)]
    return found


# --- 5.1: paint from a blank cell -----------------------------------------------------------------


def check_transposed(answer: Callable[[Tensor, Tensor, int, int], Any]) -> Verdict:
    """``answer(x, weight, stride, padding)``: a transposed convolution of (C, H, W) by (C, D, k, k)."""
    return attempt(
        "5.1",
        answer,
        _transposed,
        "it is PyTorch's layer, gaps included. A convolution gathers, so its loop goes over the output; this "
        "one hands out, so its loop goes over the input.",
    )


def _transposed(answer: Callable[[Tensor, Tensor, int, int], Any]) -> None:
    if {"conv_transpose2d", "ConvTranspose2d", "paint_2d"} & _names(answer):
        raise NotYet(
            "That one is painted already. Paint yourself: a stroke for each input pixel; they add up."
        )
    random = torch.Generator().manual_seed(0)
    for c, d, height, width, k, stride, padding in (
        (1, 1, 1, 1, 3, 2, 0),
        (1, 1, 4, 5, 4, 3, 0),
        (2, 1, 3, 4, 9, 3, 3),
        (3, 2, 4, 3, 5, 2, 1),
        (2, 2, 3, 5, 2, 3, 0),
    ):
        x = torch.rand(c, height, width, generator=random)
        brush = torch.randn(c, d, k, k, generator=random)
        wanted = F.conv_transpose2d(x[None], brush, stride=stride, padding=padding)[0]
        found = asked(answer, x.clone(), brush.clone(), stride, padding)
        where = f"An input of {c} x {height} x {width}, k = {k}, stride {stride}, padding {padding}"
        size, right = (tuple(picture.shape) for picture in (found, wanted))
        if size != right:
            whole = (d, (height - 1) * stride + k, (width - 1) * stride + k)
            raise NotYet(f"{where} should give {right}, not {size}. {_of_size(size, right, whole)}")
        if not found.allclose(wanted, atol=1e-4):
            hint = _of_strokes(x, brush, stride, padding, found)
            raise NotYet(f"{where}: the size is right, the picture is not. {hint}")


def _of_size(size: tuple[int, ...], right: tuple[int, ...], whole: tuple[int, ...]) -> str:
    """What may be wrong where the painted picture has another size."""
    if 0 in size:
        return "Did you cut by `padding:-padding`? Where padding is 0 that leaves nothing."
    if size == whole:
        return "`padding` rows and columns go on each of the four sides."
    if size[1:] == tuple((a + b) // 2 for a, b in zip(right[1:], whole[1:], strict=True)):
        return "You cut on two sides only; `padding` rows and columns go on all four."
    return "The last of H inputs begins at row (H - 1) * stride, and its stroke has k rows."


def _of_strokes(x: Tensor, brush: Tensor, stride: int, padding: int, found: Tensor) -> str:
    """What may be wrong where the painted picture has the right size."""
    last = F.conv_transpose2d(x[None], brush, stride=stride)[0]  # a later stroke hides an earlier one
    k = brush.shape[-1]
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            stroke = torch.einsum("c,cdij->dij", x[:, i, j], brush)
            last[:, i * stride : i * stride + k, j * stride : j * stride + k] = stroke
    if found.allclose(
        last[:, padding : last.shape[1] - padding, padding : last.shape[2] - padding], atol=1e-4
    ):
        return "Your later strokes hide the earlier ones; where they overlap they have to add up."
    for changed, words in (
        (brush.flip(2, 3), "Your brush is turned about: its first row is the stroke's first row."),
        (brush.transpose(2, 3), "Rows and columns of your brush are exchanged."),
    ):
        if found.allclose(F.conv_transpose2d(x[None], changed, stride=stride, padding=padding)[0], atol=1e-4):
            return words
    return "Input (i, j) presses its brush at row i * stride, column j * stride, summed over the channels."


# --- 5.2: FSRCNN's bill ---------------------------------------------------------------------------


def check_bill(answer: Callable[[int, int, int], Any]) -> Verdict:
    """``answer(d, s, m)``: FSRCNN's multiplications for one pixel of the small picture."""
    return attempt(
        "5.2",
        answer,
        _bill,
        "more than a third of FSRCNN's bill is the last layer, and mapping all 56 features would have cost "
        "more than twenty times what mapping 12 does.",
    )


def _bill(answer: Callable[[int, int, int], Any]) -> None:
    for d, s, m in ((56, 12, 4), (32, 5, 1), (10, 3, 2), (10, 3, 0)):
        with torch.random.fork_rng(devices=[]):
            net = FSRCNN(SCALE, d=d, s=s, m=m)
        parts = {name: _weights(part) for name, part in net.named_children()}
        wanted = sum(parts.values())
        found = float(asked(answer, d, s, m))
        if found == wanted:
            continue
        gap = wanted - found
        where = f"For d = {d}, s = {s}, m = {m} you count {found:,.0f}"
        missing = [name for name, work in parts.items() if work and work == gap]
        if missing:
            raise NotYet(f"{where}; what is missing is just the part called {' or '.join(missing)}.")
        if found == sum(p.numel() for p in net.parameters()):
            raise NotYet(f"{where}: that is all parameters. Biases and slopes multiply nothing here.")
        if gap == -sum(p.numel() for name, p in net.named_parameters() if name.endswith("bias")):
            raise NotYet(f"{where}: you count the {-gap:.0f} biases, too. A bias is added, not multiplied.")
        if found == wanted + (SCALE**2 - 1) * parts["deconv"]:
            raise NotYet(f"{where}: the last layer's 81 taps press once for each *small* pixel, no oftener.")
        raise NotYet(
            f"{where}, it should be {wanted:,}. From a to b channels with k x k taps there are a * b * k * k "
            "weights; the parts are 5x5, 1x1, m times 3x3, 1x1 and 9x9."
        )


def _weights(part: nn.Module) -> int:
    return sum(p.numel() for p in part.parameters() if p.ndim == 4)


# --- 5.3: space to depth --------------------------------------------------------------------------


def check_unshuffle(answer: Callable[[Tensor, int], Any]) -> Verdict:
    """``answer(x, scale)``: what undoes the pixel shuffle."""
    return attempt(
        "5.3",
        answer,
        _unshuffle,
        "nothing was computed and nothing was lost: with scale 2 a picture of one channel is four small "
        "pictures, each shifted by one pixel.",
    )


def _unshuffle(answer: Callable[[Tensor, int], Any]) -> None:
    if {"pixel_unshuffle", "PixelUnshuffle"} & _names(answer):
        raise NotYet("That is PyTorch's own. Build it from `view`, `permute` and `reshape`.")
    random = torch.Generator().manual_seed(0)
    for shape, scale in (((1, 1, 4, 6), 2), ((2, 3, 6, 9), 3), ((1, 2, 8, 4), 4)):
        x = torch.rand(shape, generator=random)
        wanted = F.pixel_unshuffle(x, scale)
        found = asked(answer, x, scale)
        if tuple(found.shape) != tuple(wanted.shape):
            raise NotYet(
                f"{shape} at scale {scale} should become {tuple(wanted.shape)}, not {tuple(found.shape)}."
            )
        if torch.equal(found, wanted):
            continue
        n, c, h, w = shape
        turned = wanted.view(n, c, scale, scale, h // scale, w // scale).transpose(2, 3).reshape(wanted.shape)
        if torch.equal(found, turned):
            raise NotYet(
                "Rows and columns of the square are exchanged: the channels count along its first row first."
            )
        raise NotYet(
            f"The shape is right, the numbers are in another order (seen at {shape}, scale {scale}). Split "
            "first: rows into (H, scale) and columns into (W, scale), in this order. Then move the two axes "
            "called scale in front of H and W."
        )


# --- 5.4: bug hunt --------------------------------------------------------------------------------


def given_enlarge(features: Tensor, stored: Tensor, bias: Tensor, scale: int) -> Tensor:
    """The code that the reader is given, with its bug."""
    weight = stored.permute(3, 2, 1, 0)
    before = (stored.shape[0] - 1) // 2
    after = scale - stored.shape[0] + 2 * before
    return F.conv_transpose2d(features, weight, bias, scale, before, output_padding=after)


def check_enlarge(answer: Callable[..., Any]) -> Verdict:
    """``answer(features, stored, bias, scale)``: a transposed convolution whose weights (k, k, D, C) come
    from another library, with the bug mended."""
    return attempt(
        "5.4",
        answer,
        _enlarge,
        f"the bug costs {BUG_COST:.2f} dB at x3. TensorFlow stores its transposed convolutions in this very "
        "order, and a `.T` on the way to PyTorch is quickly written.",
        given=given_enlarge,
    )


def _enlarge(answer: Callable[..., Any]) -> None:
    dot = torch.zeros(1, 1, 5, 5)
    dot[..., 2, 2] = 1
    lying = torch.zeros(9, 9, 1, 1)
    lying[4] = 1  # one row of the brush
    out = asked(answer, dot, lying, torch.zeros(1), 3)
    if tuple(out.shape) != (1, 1, 15, 15):
        raise NotYet(f"5 x 5 pixels at x3 should be (1, 1, 15, 15), not {tuple(out.shape)}.")
    rows, columns = (int((out[0, 0].sum(dim=dim) > 0.5).sum()) for dim in (1, 0))
    if (rows, columns) == (9, 1):
        raise NotYet(
            "A brush that is a bar along a row (`stored[4] = 1`), pressed once, leaves a bar that stands "
            "upright. The two axes of the brush are still exchanged."
        )
    random = torch.Generator().manual_seed(0)
    for channels, k, scale in ((1, 9, 3), (4, 9, 2), (3, 5, 4)):
        x = torch.rand(2, channels, 6, 5, generator=random)
        stored = torch.randn(k, k, 2, channels, generator=random)
        bias = torch.randn(2, generator=random)
        before = (k - 1) // 2
        wanted = F.conv_transpose2d(
            x, stored.permute(3, 2, 0, 1), bias, scale, before, output_padding=scale - k + 2 * before
        )
        found = asked(answer, x, stored, bias, scale)
        about = stored.permute(3, 2, 0, 1).flip(2, 3)
        turned = F.conv_transpose2d(x, about, bias, scale, before, output_padding=scale - k + 2 * before)
        if found.shape == turned.shape and found.allclose(turned, atol=1e-4):
            raise NotYet(
                "Now every brush is turned about, its last row first. An order of axes flips nothing."
            )
        expect(
            found,
            wanted,
            f"That was a random brush of {k} x {k}, channels in: {channels}, out: 2, at x{scale}. PyTorch "
            "wants (channels in, channels out, row, column).",
        )


def bug_cost() -> float:
    """What the bug costs in dB at x3 on the comparison table's pictures, measured now."""
    net: Any = zoo.load("fsrcnn", SCALE)
    weight, bias = net.deconv.weight, net.deconv.bias
    stored = weight.permute(2, 3, 1, 0)
    losses = []
    for picture in comparison.pictures().values():
        hr = luma(picture)
        with torch.no_grad():
            x = bicubic(hr, SCALE)[None]
            x = net.expand(net.map(net.shrink(net.extract(x))))
            right = F.conv_transpose2d(x, weight, bias, SCALE, 4, output_padding=SCALE - 1)
            wrong = given_enlarge(x, stored, bias, SCALE)
        scores = [float(psnr(sr[0].clamp(0, 1), hr, crop=SCALE)) for sr in (right, wrong)]
        losses.append(scores[0] - scores[1])
    return statistics.fmean(losses)


# --- 5.5: from a blank cell -----------------------------------------------------------------------


def check_small_fsrcnn(answer: Callable[[int], Any]) -> Verdict:
    """``answer(scale)``: FSRCNN with d = 32, s = 5, m = 1, from memory."""
    return attempt(
        "5.5",
        answer,
        _small_fsrcnn,
        "with the same weights your network gives the library's answer, at x2, x3 and x4.",
    )


def _small_fsrcnn(answer: Callable[[int], Any]) -> None:
    if {"MyFSRCNN", "FSRCNN"} & _names(answer):
        raise NotYet("That class is written already. Build the network from nn's layers.")
    for scale in (2, 3, 4):
        mine = asked(answer, scale)
        if not isinstance(mine, nn.Module):
            raise NotYet(f"Return a network, an nn.Module, not {type(mine).__name__}.")
        theirs = FSRCNN(scale, d=32, s=5, m=1)
        slopes, wanted = (
            [p.numel() for m in net.modules() if isinstance(m, nn.PReLU) for p in m.parameters()]
            for net in (mine, theirs)
        )
        if slopes != wanted:
            raise NotYet(
                f"The PReLUs have {slopes} slopes, they should have {wanted}: one for each channel, after "
                "each layer but the last."
            )
        x = torch.rand(1, 1, 7, 9, generator=torch.Generator().manual_seed(0))
        size = tuple(mine(x).shape)
        if size != (1, 1, 7 * scale, 9 * scale):
            raise NotYet(
                f"At x{scale} a picture of 7 x 9 pixels should become {7 * scale} x {9 * scale}, yours is "
                f"{' x '.join(map(str, size[2:]))}. Which padding keeps a convolution's size, and what does "
                "the brush need?"
            )
        _same(mine, theirs, x, scale)


def _same(mine: nn.Module, theirs: nn.Module, x: Tensor, scale: int) -> None:
    """Raise unless the reader's network, with the library's weights, gives the library's answer."""
    ours, others = (list(net.parameters()) for net in (mine, theirs))
    shapes, wanted = ([tuple(p.shape) for p in some] for some in (ours, others))
    if shapes != wanted:
        counts = [sum(p.numel() for p in some) for some in (ours, others)]
        missing = [shape for shape in wanted if shape not in shapes]
        first = f"; none has the shape {missing[0]}" if missing else ""
        raise NotYet(f"Yours has {counts[0]:,} parameters, FSRCNN-s {counts[1]:,}{first}.")
    with torch.no_grad():
        for a, b in zip(ours, others, strict=True):
            a.copy_(b)
        found, right = mine(x), theirs(x)
    if found.allclose(right, atol=1e-5):
        return
    if found[..., 1:, 1:].allclose(right[..., :-1, :-1], atol=1e-5):
        raise NotYet(
            f"At x{scale} your strokes lie one pixel too far down and to the right. FSRCNN cuts "
            "`padding=4` at every scale, and `output_padding` adds at the end."
        )
    apart = float((found - right).abs().max())
    raise NotYet(
        f"At x{scale}, with the same weights, the answers differ by up to {apart:.2g}. Compare "
        "stride, padding and output_padding of the last layer, and the order of the others."
    )


# --- 5.6: any brush as a shuffle ------------------------------------------------------------------


def check_any_brush(answer: Callable[[Tensor, int], Any]) -> Verdict:
    """``answer(weight, scale)``: (C, 1, k, k) as the weights of a convolution before a pixel shuffle."""
    return attempt(
        "5.6",
        answer,
        _any_brush,
        "every transposed convolution is a convolution and a shuffle; where the scale does not divide k some "
        "of its taps are zeros, and those are the missing strokes.",
    )


def _any_brush(answer: Callable[[Tensor, int], Any]) -> None:
    random = torch.Generator().manual_seed(0)
    for channels, k, scale in ((2, 6, 3), (1, 4, 3), (3, 9, 2), (2, 9, 4), (2, 2, 3)):
        weight = torch.randn(channels, 1, k, k, generator=random)
        x = torch.randn(1, channels, 5, 6, generator=random)
        t = -(-k // scale)
        found = asked(answer, weight, scale)
        if tuple(found.shape) != (scale**2, channels, t, t):
            raise NotYet(
                f"k = {k} at scale {scale} from {channels} channels should give "
                f"{(scale**2, channels, t, t)}, not {tuple(found.shape)}."
            )
        wanted = F.conv_transpose2d(x, weight, stride=scale)
        painted = F.pixel_shuffle(F.conv2d(x, found, padding=t - 1), scale)
        if painted[..., : wanted.shape[-2], : wanted.shape[-1]].allclose(wanted, atol=1e-4):
            continue
        mirrored = F.pixel_shuffle(F.conv2d(x, found.flip(2, 3), padding=t - 1), scale)
        if t > 1 and mirrored[..., : wanted.shape[-2], : wanted.shape[-1]].allclose(wanted, atol=1e-4):
            raise NotYet("Each small filter is the wrong way round: turn its rows and columns about.")
        shown = "the scale divides k here" if k % scale == 0 else "here zeros have to be added"
        raise NotYet(
            f"k = {k} at scale {scale} paints another picture ({shown}). Row `scale * step + phase` of the "
            "brush is tap `step` of that phase; zeros at the right and below move no stroke."
        )
