"""The exercises of chapter 8: SRGAN."""

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import comparison, data, models, zoo
from srlib.check.exercise import NotYet, Verdict, asked, attempt, expect
from srlib.data import PatchBank
from srlib.data.edges import edges
from srlib.evaluation import evaluate
from srlib.losses import discriminator_loss, generator_loss
from srlib.show.explorers.blend import interpolated

SCALE = 4
BUG_COST = 0.513
"""dB that the bug of exercise 8.4 costs in forty steps at x4, mean over the comparison table's pictures."""


# --- 8.1: what L1 asks for ------------------------------------------------------------------------


def check_best(answer: Callable[[Tensor, str], Any]) -> Verdict:
    """``answer(answers, loss)``: the one picture with the least mean loss over equally likely answers."""
    return attempt(
        "8.1",
        answer,
        _best,
        "the median of many toothed edges is a clean edge without teeth, sharper than the mean and just as "
        "invented. L1 asks for another blend; for an answer that could be true it is not enough.",
    )


def _best(answer: Callable[[Tensor, str], Any]) -> None:
    row = torch.tensor([[0.1, 0.9], [0.2, 0.1], [0.9, 0.8]]).view(3, 1, 1, 2)
    for answers in (row, edges(9, seed=3)):
        for loss, wanted, word in (
            ("mse", answers.mean(dim=0), "mean"),
            ("l1", answers.median(dim=0).values, "median"),
        ):
            given = asked(answer, answers.clone(), loss)
            if isinstance(given, tuple):
                raise NotYet(
                    f'For "{loss}" you return a pair. `median(dim=0)` gives the medians and the places where '
                    "they stood; take its `.values`."
                )
            found = torch.as_tensor(given, dtype=torch.float32)
            if found.shape == (1, *wanted.shape):
                raise NotYet(f"One picture, {tuple(wanted.shape)}: leave the first axis, the answers', out.")
            if found.shape != wanted.shape:
                raise NotYet(
                    f"The shape is {tuple(found.shape)}, it should be {tuple(wanted.shape)}: one picture, "
                    "each of its pixels found from the same pixel of all answers, dim=0."
                )
            other = answers.median(dim=0).values if loss == "mse" else answers.mean(dim=0)
            if torch.allclose(found, other, atol=1e-6):
                raise NotYet(
                    f'For "{loss}" that is the other one\'s answer. Take one pixel that is 0.1, 0.2 or 0.9, '
                    f"try a few numbers for it, and add up the three {loss} errors of each."
                )
            expect(found, wanted, f'For "{loss}" take the {word} of the answers, pixel by pixel.')


# --- 8.2: a critic that compares ------------------------------------------------------------------


def check_relative(answer: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """``answer(real, fake)``: the two losses of ESRGAN's relative game, from logits."""
    return attempt(
        "8.2",
        answer,
        _relative,
        "the generator's loss now looks at real pictures too: it falls when they seem less real, and that is "
        "a gradient, too. A number added to all logits changes neither loss.",
    )


def _relative(answer: Callable[[Tensor, Tensor], Any]) -> None:
    drawn = torch.Generator().manual_seed(0)
    for count, spread in ((3, 1.0), (8, 4.0), (4, 90.0)):
        real = (spread * torch.randn(count, 1, generator=drawn) + 1).requires_grad_(True)
        fake = (spread * torch.randn(count, 1, generator=drawn)).requires_grad_(True)
        found = asked(answer, real, fake)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise NotYet("Return two numbers: the critic's loss, then the generator's.")
        mine = [one if isinstance(one, Tensor) else torch.tensor(float(one)) for one in found]
        if any(one.ndim for one in mine):
            raise NotYet("Each loss is one number: take the mean over the batch.")
        if not all(bool(one.isfinite()) for one in mine):
            of_critic, of_generator = (float(one.detach()) for one in mine)
            raise NotYet(
                f"With logits of about {spread:.0f} you get {of_critic:.3g} and {of_generator:.3g}: "
                "the sigmoid has become 0, and its logarithm is infinite. `F.softplus` of the logit does not "
                "overflow."
            )
        more, less = real - fake.mean(), fake - real.mean()
        wanted = [discriminator_loss(more, less), generator_loss(less) + F.softplus(more).mean()]
        plain = [discriminator_loss(real, fake), generator_loss(fake)]

        def same(a: list[Tensor], b: list[Tensor]) -> bool:
            return all(
                abs(float((x - y).detach())) <= 1e-4 * (1 + abs(float(y.detach())))
                for x, y in zip(a, b, strict=True)
            )

        if same(mine, wanted):
            for what, one, other in zip(("critic", "generator"), mine, wanted, strict=True):
                if not one.requires_grad:
                    raise NotYet(f"The {what}'s loss has the right value, but no gradient; detach nothing.")
                for side, logits in (("real", real), ("made", fake)):
                    (ways,) = torch.autograd.grad(one, logits, retain_graph=True, materialize_grads=True)
                    (due,) = torch.autograd.grad(other, logits, retain_graph=True, materialize_grads=True)
                    if not torch.allclose(ways, due, atol=1e-5):
                        raise NotYet(
                            f"Both values are right, but the {what}'s loss sends another gradient to the "
                            f"{side} logits than its formula: the means learn, too. Detach nothing here."
                        )
            continue
        if same(mine, plain):
            raise NotYet(
                "These are SRGAN's own losses. Here each real logit is taken less the mean of the fake ones, "
                "and every fake one less the mean of the real ones."
            )
        if same(mine, wanted[::-1]):
            raise NotYet("Both are right, in the other order: the critic's loss comes first.")
        if same(mine[:1], wanted[:1]) and same(mine[1:], [generator_loss(less)]):
            raise NotYet(
                "The critic's loss is right. The generator's has a second term: it also wants real pictures "
                "to seem *less* real than its own."
            )
        if same(mine[:1], wanted[:1]):
            raise NotYet(
                f"The critic's loss is right, the generator's is {float(mine[1].detach()):.4f} and should "
                f"be {float(wanted[1].detach()):.4f}: the same two differences, each with the opposite sign."
            )
        by_pair = [discriminator_loss(real - fake, fake - real), 2 * generator_loss(fake - real)]
        if same(mine[:1], by_pair[:1]):
            raise NotYet(
                "You compare picture with picture; compare each with the *mean* of the other side's logits."
            )
        raise NotYet(
            f"The critic's loss is {float(mine[0].detach()):.4f} and should be "
            f"{float(wanted[0].detach()):.4f}. First the two differences, real less the mean of fake, fake "
            "less the mean of real; then for the critic the first should be large and the second small."
        )


# --- 8.3: the critic's step -----------------------------------------------------------------------


def check_critic_step(answer: Callable[..., Any]) -> Verdict:
    """``answer(generator, critic, optimiser, small, large)``: one step of the critic alone."""
    return attempt(
        "8.3",
        answer,
        _critic_step,
        "SRGAN's players take turns, one step each. What the critic learns from is a picture like any other: "
        "it must not matter to it who made it.",
    )


def _small_critic() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, bias=False),
        nn.BatchNorm2d(4),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(4 * 7 * 7, 1),
    )


def _critic_step(answer: Callable[..., Any]) -> None:
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.PixelShuffle(4))
    critic = _small_critic()
    small, large = torch.rand(5, 1, 4, 4), torch.rand(5, 1, 16, 16)
    before = copy.deepcopy(generator.state_dict())
    start = copy.deepcopy(critic)

    def stepped(loss: Callable[[nn.Module, Tensor], Tensor], leftover: float = 0.0) -> list[Tensor]:
        """The critic's weights after a step down this loss."""
        net = copy.deepcopy(start)
        if leftover:
            for weight in net.parameters():
                weight.grad = torch.full_like(weight, leftover)
        optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
        if not leftover:
            optimiser.zero_grad()
        loss(net, generator(small).detach()).backward()
        optimiser.step()
        return [w.detach() for w in net.parameters()]

    for weight in critic.parameters():  # as the generator's step leaves it
        weight.grad = torch.full_like(weight, 0.3)
    optimiser = torch.optim.SGD(critic.parameters(), lr=0.1)
    result = asked(answer, generator, critic, optimiser, small, large)
    now = [w.detach() for w in critic.parameters()]

    def like(there: list[Tensor]) -> bool:
        return all(torch.allclose(a, b, atol=1e-5) for a, b in zip(now, there, strict=True))

    def right(net: nn.Module, fake: Tensor) -> Tensor:
        return discriminator_loss(net(large), net(fake))

    if not all(torch.equal(generator.state_dict()[k], before[k]) for k in before):
        raise NotYet("The generator's weights have changed. This step is the critic's alone.")
    if like([w.detach() for w in start.parameters()]):
        raise NotYet("The critic's weights have not moved: backward, then `optimiser.step()`.")
    if like(stepped(right, leftover=0.3)):
        raise NotYet(
            "The critic still carried gradients from the generator's step, and yours were added to them. "
            "Clear them with `optimiser.zero_grad()` before `backward`."
        )
    if like(stepped(lambda net, fake: discriminator_loss(net(fake), net(large)))):
        raise NotYet("Real and fake are exchanged: this critic learns to call the made pictures real.")
    if like(stepped(lambda net, fake: generator_loss(net(fake)))):
        raise NotYet("That is the generator's loss: the critic learns to be pleased.")
    if like(stepped(lambda net, _: F.softplus(-net(large)).mean())):
        raise NotYet("The critic has seen real pictures only; it also has to call the made ones made.")
    if like(stepped(lambda net, fake: discriminator_loss(*net(torch.cat([large, fake])).split(len(large))))):
        raise NotYet(
            "Real and made pictures went through the critic as one batch, and its batch normalisation took "
            "one mean of both. Let them go through one after the other."
        )
    if not like(stepped(right)):
        raise NotYet(
            "The critic has moved, but not by one step down -log D(real) - log(1 - D(fake)), with means over "
            "the batch; `critic_loss` of the chapter is that."
        )
    if any(w.grad is not None and bool(w.grad.any()) for w in generator.parameters()):
        raise NotYet(
            "The critic is right, but the generator got a gradient from the critic's loss: it would learn "
            "to help its opponent. `.detach()` the made picture before the critic looks at it."
        )
    expect(
        torch.as_tensor(result).detach(),
        float(right(start, generator(small)).detach()),
        "Return the critic's loss, as it was before the step.",
    )


# --- 8.4: bug hunt --------------------------------------------------------------------------------


@cache
def features() -> nn.Module:
    """A frozen network that stands for VGG: (N, 1, H, W) to its 16 features. It is all right."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3))
    for layer in (net[0], net[2]):
        assert isinstance(layer, nn.Conv2d)
        nn.init.orthogonal_(layer.weight.view(layer.out_channels, -1))
    return net.requires_grad_(False)


@cache
def judge() -> nn.Module:
    """A frozen critic, (N, 1, H, W) to logits. It is all right."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(16, 32, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(32, 1, 3),
    )
    return net.requires_grad_(False)


def given_asked_of_generator(sr: Tensor, hr: Tensor, vgg: nn.Module, critic: nn.Module) -> Tensor:
    """The code that the reader is given, with its bug."""
    with torch.no_grad():  # VGG does not learn
        seen, wanted = vgg(sr), vgg(hr)
    content = F.mse_loss(seen, wanted)
    adversarial = F.softplus(-critic(sr)).mean()
    return content + 2e-3 * adversarial


def _right(sr: Tensor, hr: Tensor, vgg: nn.Module, critic: nn.Module) -> Tensor:
    return F.mse_loss(vgg(sr), vgg(hr)) + 2e-3 * F.softplus(-critic(sr)).mean()


def check_asked_of_generator(answer: Callable[..., Any]) -> Verdict:
    """``answer(sr, hr, vgg, critic)``: the generator's loss, the bug mended."""
    return attempt(
        "8.4",
        answer,
        _asked_of_generator,
        f"in forty steps the bug costs {BUG_COST:.1f} dB. The number was right all along; only its gradient "
        "was not there. Ask each term for its gradient before you train.",
        given=given_asked_of_generator,
    )


def _asked_of_generator(answer: Callable[..., Any]) -> None:
    torch.manual_seed(1)
    hr = torch.rand(2, 1, 24, 24)
    sr = (hr + 0.1 * torch.randn(2, 1, 24, 24)).requires_grad_(True)
    vgg, critic = copy.deepcopy(features()), copy.deepcopy(judge())
    target = hr.clone().requires_grad_(True)
    found = asked(answer, sr, target, vgg, critic)
    if not isinstance(found, Tensor) or not found.requires_grad:
        raise NotYet("This is a number without a gradient: nothing can be learned from it.")
    if found.ndim:
        raise NotYet("The loss is one number; take the mean.")
    expect(
        found.detach(),
        _right(sr, hr, vgg, critic).detach(),
        "The value was right as given: content + 0.002 * adversarial. Only its gradient is wrong.",
        tolerance=1e-5,
    )
    (mine,) = torch.autograd.grad(found, sr, retain_graph=True, materialize_grads=True)
    if not mine.any():
        raise NotYet("The value is right, but no gradient arrives at `sr`: the generator learns nothing.")
    (wanted,) = torch.autograd.grad(_right(sr, hr, vgg, critic), sr)
    content = F.mse_loss(vgg(sr), vgg(hr))
    (by_content,) = torch.autograd.grad(content, sr)
    (by_critic,) = torch.autograd.grad(2e-3 * F.softplus(-critic(sr)).mean(), sr)

    def same(a: Tensor, b: Tensor) -> bool:
        return float((a - b).norm()) <= 1e-3 * float(b.norm())

    if same(mine, by_critic):
        raise NotYet(
            "The loss has the right value, but its gradient is the critic's alone. Ask the content term: "
            "`content.requires_grad`. From which of the two pictures has a way to lead through VGG?"
        )
    if same(mine, by_content):
        raise NotYet("Now the content term has a gradient, but the critic's has none: nobody is pleased.")
    if not same(mine, wanted):
        raise NotYet("The value is right, the gradient is not yet that of content + 0.002 * adversarial.")


def _learned(loss: Callable[[Tensor, Tensor, nn.Module, nn.Module], Tensor], steps: int = 40) -> float:
    """dB of a small trained generator after some more steps down ``loss``."""
    leaves = [data.dead_leaves(128, seed) for seed in range(8)]
    bank = PatchBank(leaves, SCALE, channels=1, seed=0)
    net = zoo.load("espcn", SCALE).train()
    sgd = torch.optim.SGD(net.parameters(), lr=0.05)
    for _ in range(steps):
        small, large = bank.sample(8, 12)
        sgd.zero_grad()
        loss(net(small), large, features(), judge()).backward()
        sgd.step()
    return evaluate(net.eval(), comparison.pictures(), SCALE).psnr


def bug_cost() -> float:
    """What the bug costs in dB at x4 on the comparison table's pictures, measured now."""
    return _learned(_right) - _learned(given_asked_of_generator)


# --- 8.5: between two networks --------------------------------------------------------------------


def check_between(answer: Callable[[nn.Module, nn.Module, float], Any]) -> Verdict:
    """``answer(first, second, alpha)``: a network whose weights lie between those of two others."""
    return attempt(
        "8.5",
        answer,
        _between,
        "batch normalisation's means and variances are no parameters, and yet a network without them is "
        "another one. `state_dict()` has both.",
    )


def _trained(seed: int) -> nn.Module:
    """A small SRResNet with weights and running statistics of its own."""
    torch.manual_seed(seed)
    net = models.SRResNet(4, blocks=1, features=8)
    for _ in range(1 + seed):
        net(torch.rand(4, 3, 8, 8) * (1 + seed))
    return net.eval()


@torch.no_grad()
def _between(answer: Callable[[nn.Module, nn.Module, float], Any]) -> None:
    first, second = _trained(0), _trained(1)
    kept = [copy.deepcopy(net.state_dict()) for net in (first, second)]
    x = torch.rand(1, 3, 8, 8)
    for alpha in (0.25, 0.6, 0.0, 1.0):
        found = asked(answer, first, second, alpha)
        for which, net, state in zip(("first", "second"), (first, second), kept, strict=True):
            if not all(torch.equal(net.state_dict()[k], v) for k, v in state.items()):
                raise NotYet(f"The {which} network has been changed. Work on a `copy.deepcopy` of it.")
        if isinstance(found, dict):
            raise NotYet("Return a network: `load_state_dict` puts the mixed numbers into a copy.")
        if not isinstance(found, nn.Module):
            raise NotYet("Return a network, an nn.Module that can be called with a picture.")
        if found is first or found is second:
            raise NotYet("Return a new network, also for alpha 0 and 1: work on a `copy.deepcopy`.")
        found.eval()
        mine, wanted = found(x), interpolated(first, second, alpha)(x)
        if torch.allclose(mine, wanted, atol=1e-5):
            counts = {k: v for k, v in found.state_dict().items() if not v.is_floating_point()}
            if any(not torch.equal(v, kept[0][k]) for k, v in counts.items()):
                raise NotYet(
                    f"At alpha {alpha:g} the pictures are right, but the count of batches is not the first "
                    "network's: whole numbers are not blended."
                )
            continue
        if torch.allclose(mine, interpolated(first, second, 1 - alpha)(x), atol=1e-5):
            raise NotYet("alpha 0 should give the first network, alpha 1 the second: yours are exchanged.")
        if torch.allclose(mine, (1 - alpha) * first(x) + alpha * second(x), atol=1e-5):
            raise NotYet(
                "You blend the two pictures. That is worth a look, too; here the *weights* are blended, and "
                "then one network is run."
            )
        only = copy.deepcopy(first)
        for w, other in zip(only.parameters(), second.parameters(), strict=True):
            w.lerp_(other, alpha)
        if torch.allclose(mine, only(x), atol=1e-5):
            raise NotYet(
                "All parameters are blended, but batch normalisation's running means and variances are still "
                "the first network's. `net.state_dict()` has them, `net.parameters()` has not."
            )
        raise NotYet(
            f"At alpha {alpha:g} the answer differs by up to {float((mine - wanted).abs().max()):.2g}. Every "
            "number that is no whole number is (1 - alpha) * first + alpha * second."
        )
