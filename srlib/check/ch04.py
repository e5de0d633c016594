"""The exercises of chapter 4: SRCNN."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import comparison, data
from srlib.check.exercise import NotYet, Verdict, asked, attempt, expect
from srlib.cost import multiply_adds, parameters
from srlib.degrade import bicubic
from srlib.evaluation import evaluate
from srlib.images import luma, middle
from srlib.models import SRCNN
from srlib.resize import imresize

SCALE = 3
BUG_COST = 1.623
"""dB that the bug of exercise 4.3 costs at x3 after 60 steps, mean over the middles, 96 pixels wide, of the
comparison table's pictures."""


# --- 4.1: what a network costs --------------------------------------------------------------------


def check_cost(answer: Callable[[int, int, int], Any]) -> Verdict:
    """``answer(k1, k2, k3)``: learned numbers, and multiplications for one pixel of the large picture."""
    return attempt(
        "4.1",
        answer,
        _cost,
        "the two differ by the biases only: at every pixel every weight is used once. Such a network has "
        "millions of uses for each of its weights.",
    )


def _cost(answer: Callable[[int, int, int], Any]) -> None:
    for kernels in ((9, 1, 5), (9, 5, 5), (11, 5, 7), (3, 3, 3)):
        net = SRCNN(kernels)
        found = asked(answer, *kernels)
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise NotYet("Return two numbers: how many are learned, and the multiplications for one pixel.")
        learned, work = (round(float(one)) for one in found)
        right, each = parameters(net), multiply_adds(net, 1, 1)
        name = "-".join(map(str, kernels))
        if learned == each and work == right:
            raise NotYet("You return the multiplications first; the learned numbers come first.")
        if learned == each:
            raise NotYet(f"{name}: you count {learned:,} learned numbers. Each filter has a bias, too.")
        if learned != right:
            raise NotYet(
                f"{name}: you count {learned:,} learned numbers, there are {right:,}. A filter of the second "
                "layer looks at all 64 channels, one of the third at all 32; and each filter has a bias."
            )
        if work == right:
            raise NotYet(f"{name}: a bias is added, not multiplied; {work:,} multiplications are too many.")
        if work != each:
            raise NotYet(
                f"{name}: you count {work:,} multiplications a pixel, there are {each:,}. All three layers "
                "work on the large picture, so at one pixel each weight is used once."
            )


# --- 4.2: turned alike ----------------------------------------------------------------------------


def check_turned(answer: Callable[[Tensor, Tensor, int], Any]) -> Verdict:
    """``answer(small, large, way)``: both patches in the same one of eight positions."""
    return attempt(
        "4.2",
        answer,
        _turned,
        "eight times as many patches from the same pictures, and none of them is wrong: shrinking by bicubic "
        "treats left and right, rows and columns alike.",
    )


def _turned(answer: Callable[[Tensor, Tensor, int], Any]) -> None:
    small = torch.arange(1.0, 26).view(1, 5, 5)
    large = small.repeat_interleave(3, dim=1).repeat_interleave(3, dim=2)
    kept, seen = (small.clone(), large.clone()), []
    for way in range(8):
        pair = asked(answer, small, large, way)
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise NotYet("Return the two patches, the small one first.")
        one, other = pair
        if one.shape != small.shape or other.shape != large.shape:
            raise NotYet(
                f"The patches of 1 x 5 x 5 and 1 x 15 x 15 come back as {tuple(one.shape)} and "
                f"{tuple(other.shape)}. Turn the last two axes and leave the first."
            )
        if not torch.equal(small, kept[0]) or not torch.equal(large, kept[1]):
            raise NotYet("The patches that you were given have changed; return new ones.")
        if not torch.equal(one.flatten().sort().values, small.flatten()):
            raise NotYet(f"Way {way} loses pixels of the small patch: only turn and mirror it.")
        big = one.repeat_interleave(3, dim=1).repeat_interleave(3, dim=2)
        if not torch.equal(big, other):
            raise NotYet(
                f"Way {way} moves the two patches in different ways: a pixel and the nine that it stands for "
                "no longer lie at the same place. Do the same to both."
            )
        seen.append(one)
    if not torch.equal(seen[0], small):
        raise NotYet("Way 0 leaves both patches as they are.")
    different = len({tuple(one.flatten().tolist()) for one in seen})
    if different != 8:
        raise NotYet(
            f"The ways 0 to 7 give {different} different patches, not 8. Four quarter turns, each with and "
            "without a mirror, are eight; some of your turns and mirrors come to the same."
        )


# --- 4.3: bug hunt --------------------------------------------------------------------------------


def given_cut(lr: Tensor, hr: Tensor, scale: int, patch: int) -> tuple[Tensor, Tensor]:
    """The code that the reader is given, with its bug."""
    side = patch * scale
    top = int(torch.randint(hr.shape[1] - side + 1, ()))
    left = int(torch.randint(hr.shape[2] - side + 1, ()))
    large = hr[:, top : top + side, left : left + side]
    top, left = top // scale, left // scale
    return lr[:, top : top + patch, left : left + patch], large


def mended_cut(lr: Tensor, hr: Tensor, scale: int, patch: int) -> tuple[Tensor, Tensor]:
    """The same without the bug."""
    top = int(torch.randint(lr.shape[1] - patch + 1, ()))
    left = int(torch.randint(lr.shape[2] - patch + 1, ()))
    large = hr[:, scale * top : scale * (top + patch), scale * left : scale * (left + patch)]
    return lr[:, top : top + patch, left : left + patch], large


def check_cut(answer: Callable[..., Any]) -> Verdict:
    """``answer(lr, hr, scale, patch)``: aligned patches, with the bug mended."""
    return attempt(
        "4.3",
        answer,
        _cut,
        f"after 60 steps the bug costs {BUG_COST:.2f} dB, and the loss fell all the same: the network "
        "learns to shift by the mean of what it was shown, and to blur over the rest.",
        given=given_cut,
    )


def _cut(answer: Callable[..., Any]) -> None:
    places = set()
    for scale, patch, rows, columns in ((3, 4, 9, 12), (2, 5, 9, 7), (4, 3, 5, 6), (3, 6, 7, 7)):
        number = torch.arange(1.0, rows * columns + 1).view(1, rows, columns)
        big = number.repeat_interleave(scale, dim=1).repeat_interleave(scale, dim=2)
        for _ in range(60):
            small, large = asked(answer, number, big, scale, patch)
            if tuple(small.shape) != (1, patch, patch) or tuple(large.shape) != (1, *[patch * scale] * 2):
                raise NotYet(
                    f"At x{scale} with patch={patch} the patches are {tuple(small.shape)} and "
                    f"{tuple(large.shape)}; they should be (1, {patch}, {patch}) and (1, {patch * scale}, "
                    f"{patch * scale})."
                )
            corner = int(small[0, 0, 0]) - 1
            wanted = number[:, corner // columns :, corner % columns :][:, :patch, :patch]
            if not torch.equal(small, wanted):
                raise NotYet("The small patch is no square cut out of `lr`.")
            if not torch.equal(small.repeat_interleave(scale, dim=1).repeat_interleave(scale, dim=2), large):
                raise NotYet(
                    f"At x{scale} the small patch starts at row {corner // columns}, column "
                    f"{corner % columns} of `lr`, so the large one must start at row "
                    f"{scale * (corner // columns)}, column {scale * (corner % columns)} of `hr`. "
                    "It does not always."
                )
            places.add((patch, corner // columns, corner % columns))
    many = sum(patch == 4 for patch, _, _ in places)
    if many < 20:
        raise NotYet(
            f"In 60 draws your patches start at only {many} of the 54 possible places. Draw every "
            "place where a patch fits."
        )
    if sum(patch == 6 for patch, _, _ in places) < 4:
        raise NotYet(
            "The squares are aligned, but they never reach the last row or column of `lr`: in 7 x 7 pixels a "
            "patch of 6 fits at four places. `torch.randint(n, ())` draws from 0 to n - 1."
        )


def bug_cost() -> float:
    """What the bug costs in dB at x3 after a short training, now (a second)."""
    scores = [_learned(cut) for cut in (mended_cut, given_cut)]
    return scores[0] - scores[1]


def _learned(cut: Callable[..., tuple[Tensor, Tensor]], steps: int = 60) -> float:
    hr = [luma(data.dead_leaves(120, seed)) for seed in range(4)]
    pairs = [(bicubic(one, SCALE), one) for one in hr]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = SRCNN(init="centred")
        optimizer = torch.optim.Adam(net.parameters())
        for step in range(steps):
            some = [cut(*pairs[i], SCALE, 8) for i in torch.randint(len(pairs), (4,)).tolist()]
            x = imresize(torch.stack([small for small, _ in some]), SCALE)
            loss = F.l1_loss(net(x), torch.stack([large for _, large in some]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.param_groups[0]["lr"] = 5e-4 * (1 - step / steps)
            optimizer.step()
    return evaluate(net, {name: middle(x, 96) for name, x in comparison.pictures().items()}, SCALE).psnr


# --- 4.4: the loop from a blank cell --------------------------------------------------------------


def check_train(answer: Callable[..., Any]) -> Verdict:
    """``answer(net, batches, lr)``: trains the net by Adam on the squared error; the losses."""
    return attempt(
        "4.4",
        answer,
        _train,
        "these few lines train every network of this book, but for chapter 8, which needs two of them.",
    )


def _train(answer: Callable[..., Any]) -> None:
    random = torch.Generator().manual_seed(0)
    batches = [(torch.rand(2, 1, 9, 9, generator=random),) * 2 for _ in range(6)]
    batches = [(x, 0.8 * y + 0.1) for x, y in batches]

    def fresh() -> nn.Module:
        torch.manual_seed(1)
        return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1))

    net, other = fresh(), fresh()
    before = [p.detach().clone() for p in net.parameters()]
    found = asked(answer, net, iter(batches), 1e-2)
    wanted = _losses(other, batches)
    if not isinstance(found, list | tuple) or len(found) != len(wanted):
        raise NotYet(f"There are {len(wanted)} batches; return a list of as many losses, one for each.")
    if any(isinstance(one, Tensor) and one.requires_grad for one in found):
        raise NotYet(
            "The losses are tensors that still hold the whole computation behind them, and with it all the "
            "memory. Keep `loss.item()`."
        )
    if all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True)):
        raise NotYet("The network is as it was: backward() finds the gradients, and who takes the step?")
    absolute = _losses(fresh(), batches, loss_of=F.l1_loss)
    if abs(float(found[0]) - absolute[0]) < 1e-6:
        raise NotYet("That is the mean absolute error; the task asks for the mean squared one.")
    later = _losses(fresh(), batches, late=True)
    if abs(float(found[0]) - later[0]) < 1e-7 < abs(wanted[0] - later[0]):
        raise NotYet("You measure the loss after the step. It is the one that backward() starts from.")
    expect(
        float(found[0]),
        wanted[0],
        "That is the first loss: F.mse_loss of the output and hr, before the step.",
    )
    heaped = _losses(fresh(), batches, zero=False)
    if abs(float(found[-1]) - heaped[-1]) < 1e-7 < abs(wanted[-1] - heaped[-1]):
        raise NotYet("From the second step on the gradients of all earlier steps are added: zero them.")
    expect(
        torch.tensor([float(one) for one in found]),
        torch.tensor(wanted),
        "The first loss is right, later ones are not. One optimiser for the whole run, made before the loop: "
        "`torch.optim.Adam(net.parameters(), lr=lr)`; in each step zero the gradients, backward, step.",
        tolerance=1e-6,
    )


def _losses(
    net: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    *,
    loss_of: Callable[[Tensor, Tensor], Tensor] = F.mse_loss,
    zero: bool = True,
    late: bool = False,
) -> list[float]:
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    losses = []
    for x, hr in batches:
        loss = loss_of(net(x), hr)
        if zero:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append((loss_of(net(x), hr) if late else loss).item())
    return losses


# --- 4.5: without ReLU ----------------------------------------------------------------------------


def check_as_one(answer: Callable[[nn.Module], Any]) -> Verdict:
    """``answer(net)``: the one kernel that does what three convolutions without ReLU do."""
    return attempt(
        "4.5",
        answer,
        _as_one,
        "without its ReLUs all of SRCNN is one fixed kernel, as bicubic is. The ReLU is what makes it look "
        "at the picture before it decides.",
    )


def _as_one(answer: Callable[[nn.Module], Any]) -> None:
    for kernels in ((9, 1, 5), (3, 3, 5), (5, 1, 1), (11, 11, 11)):
        side = sum(kernels) - 2
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(sum(kernels))
            net = _linear(kernels)
        found = asked(answer, net)
        name = "-".join(map(str, kernels))
        if not isinstance(found, Tensor) or found.shape[-2:].numel() != found.numel():
            raise NotYet("Return one kernel, a tensor (1, 1, K, K).")
        if found.shape[-1] < side or found.shape[-2] != found.shape[-1] or found.shape[-1] % 2 == 0:
            raise NotYet(
                f"{name}: your kernel is {' x '.join(map(str, found.shape[-2:]))}; it takes an odd size, "
                f"{side} x {side} or more: each layer adds its size less one to what an output pixel sees."
            )
        kernel = found.detach().reshape(1, 1, *found.shape[-2:])
        x = torch.rand(1, 1, 48, 48, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            wanted = net(x)
        inside = (..., slice(16, -16), slice(16, -16))
        out = F.conv2d(x, kernel, padding=kernel.shape[-1] // 2)
        turned = F.conv2d(x, kernel.flip(2, 3), padding=kernel.shape[-1] // 2)
        if torch.allclose(turned[inside], wanted[inside], atol=1e-4) and not torch.allclose(
            out[inside], wanted[inside], atol=1e-4
        ):
            raise NotYet(
                f"{name}: yours is the right kernel upside down. `F.conv2d` does not flip its kernel, so the "
                "answer to a bright pixel shows it turned by 180 degrees."
            )
        expect(
            out[inside],
            wanted[inside],
            f"{name}, away from the border. What does the network answer to one bright pixel?",
            tolerance=1e-4,
        )


def _linear(kernels: tuple[int, int, int]) -> nn.Module:
    """Three convolutions without bias and with nothing between them."""
    k1, k2, k3 = kernels
    return nn.Sequential(
        nn.Conv2d(1, 64, k1, padding=k1 // 2, bias=False),
        nn.Conv2d(64, 32, k2, padding=k2 // 2, bias=False),
        nn.Conv2d(32, 1, k3, padding=k3 // 2, bias=False),
    )


# --- 4.6: SRCNN from a blank cell -----------------------------------------------------------------


def check_network(answer: Any) -> Verdict:
    """``answer(kernels, channels)``: the reader's own SRCNN."""
    return attempt(
        "4.6",
        answer,
        _network,
        "that is the whole of SRCNN; bicubic comes before it.",
    )


def _network(answer: Any) -> None:
    if not (inspect.isclass(answer) and issubclass(answer, nn.Module)):
        raise NotYet("Write a class that inherits from nn.Module.")
    own_forward = answer.forward is not nn.Module.forward  # its own, or that of nn.Sequential
    if not own_forward and "__init__" not in vars(answer):
        raise NotImplementedError  # the stub
    if not own_forward:
        raise NotYet("Your class has no `forward` yet.")
    for kernels, channels in (((9, 1, 5), 1), ((9, 5, 5), 1), ((11, 5, 7), 3)):
        mine, theirs = _made(answer, kernels, channels), SRCNN(kernels, channels=channels, init="he")
        name = f"{'-'.join(map(str, kernels))} with {channels} channel{'s' * (channels > 1)}"
        shapes, wanted = ([tuple(p.shape) for p in net.parameters()] for net in (mine, theirs))
        if shapes != wanted:
            count = sum(p.numel() for p in mine.parameters())
            raise NotYet(
                f"{name}: you have {count:,} parameters of the shapes {shapes}; there should be "
                f"{parameters(theirs):,}, of the shapes {wanted}, in this order."
            )
        mine.load_state_dict(
            dict(zip(mine.state_dict(), [p.detach() for p in theirs.parameters()], strict=True))
        )
        x = torch.rand(2, channels, 24, 20, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            found, right = asked(mine, x), theirs(x)
            rectified = torch.relu(right)
        if found.shape != right.shape:
            raise NotYet(
                f"{name}: {tuple(x.shape)} becomes {tuple(found.shape)}; the output should be of the input's "
                "size. Which padding keeps it?"
            )
        if torch.allclose(found, rectified, atol=1e-5) and not torch.allclose(found, right, atol=1e-5):
            raise NotYet(f"{name}: there is a ReLU behind the last layer; the picture comes out as it is.")
        if torch.allclose(found, x + right, atol=1e-5):
            raise NotYet(f"{name}: you add the input at the end. That idea is from 2016, and chapter 6.")
        expect(
            found,
            right,
            f"{name}, with the library's weights in yours: is there a ReLU behind layers 1 and 2?",
        )


def _made(answer: Any, kernels: tuple[int, int, int], channels: int) -> nn.Module:
    """The reader's network. Three sizes one by one, as in the chapter's own class, do as well as a tuple."""
    takes = [
        one
        for one in inspect.signature(answer).parameters.values()
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    names = [one.name for one in takes]
    due = sum(one.default is one.empty for one in takes)
    made: nn.Module
    if due == 4 or names[3:4] == ["channels"]:
        made = answer(*kernels, channels)
    elif len(takes) == 3 and not {"kernels", "channels"} & set(names):
        raise NotYet(
            f"Your class takes {', '.join(names)} and no channels. `Mine((9, 1, 5), 3)` gives it the three "
            "sizes as one tuple (`k1, k2, k3 = kernels`), and how many channels the pictures have."
        )
    else:
        made = answer(kernels, channels)
    return made
