"""Wrong answers to the exercises of chapter 8."""

_STEP = (
    "def critic_step(generator, critic, optimiser, small, large):\n"
    "    fake = generator(small).detach()\n"
    "    real_logits, fake_logits = critic(large), critic(fake)\n"
    "    loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()\n"
    "    optimiser.zero_grad()\n"
    "    loss.backward()\n"
    "    optimiser.step()\n"
    "    return loss.detach()\n"
)

_BETWEEN = (
    "import copy\n"
    "def between(first, second, alpha):\n"
    "    net = copy.deepcopy(first)\n"
    "    one, other = first.state_dict(), second.state_dict()\n"
    "    mixed = {\n"
    "        k: (1 - alpha) * v + alpha * other[k] if v.is_floating_point() else v\n"
    "        for k, v in one.items()\n"
    "    }\n"
    "    net.load_state_dict(mixed)\n"
    "    return net\n"
)

_ASKED = (
    "def asked_of_generator(sr, hr, vgg, critic):\n"
    "    content = F.mse_loss(vgg(sr), vgg(hr))\n"
    "    adversarial = F.softplus(-critic(sr)).mean()\n"
    "    return content + 2e-3 * adversarial\n"
)

WRONG: dict[str, list[str]] = {
    "8.1": [
        # the mean for both
        "def best(answers, loss):\n    return answers.mean(dim=0)",
        # the median for both
        "def best(answers, loss):\n    return answers.median(dim=0).values",
        # exchanged
        "def best(answers, loss):\n"
        "    return answers.mean(dim=0) if loss == 'l1' else answers.median(dim=0).values",
        # one number instead of a picture
        "def best(answers, loss):\n    return answers.mean() if loss == 'mse' else answers.median()",
        # keeps the first axis
        "def best(answers, loss):\n    return answers.mean(dim=0, keepdim=True)",
        # the pair that median returns
        "def best(answers, loss):\n    return answers.mean(0) if loss == 'mse' else answers.median(0)",
        # one of the answers
        "def best(answers, loss):\n    return answers[0]",
    ],
    "8.2": [
        # SRGAN's own losses
        "def relative(real, fake):\n"
        "    return F.softplus(-real).mean() + F.softplus(fake).mean(), F.softplus(-fake).mean()",
        # the generator's other term is missing
        "def relative(real, fake):\n    more, less = real - fake.mean(), fake - real.mean()\n"
        "    return F.softplus(-more).mean() + F.softplus(less).mean(), F.softplus(-less).mean()",
        # the generator's loss first
        "def relative(real, fake):\n    more, less = real - fake.mean(), fake - real.mean()\n"
        "    return (F.softplus(-less).mean() + F.softplus(more).mean(),\n"
        "            F.softplus(-more).mean() + F.softplus(less).mean())",
        # picture against picture
        "def relative(real, fake):\n    more, less = real - fake, fake - real\n"
        "    return (F.softplus(-more).mean() + F.softplus(less).mean(),\n"
        "            F.softplus(-less).mean() + F.softplus(more).mean())",
        # overflows
        "def relative(real, fake):\n    more = torch.sigmoid(real - fake.mean())\n"
        "    less = torch.sigmoid(fake - real.mean())\n"
        "    return (-more.log().mean() - (1 - less).log().mean(),\n"
        "            -less.log().mean() - (1 - more).log().mean())",
        # the means are detached: the values are right, the gradients are not
        "def relative(real, fake):\n"
        "    more, less = real - fake.mean().detach(), fake - real.mean().detach()\n"
        "    return (F.softplus(-more).mean() + F.softplus(less).mean(),\n"
        "            F.softplus(-less).mean() + F.softplus(more).mean())",
        # numbers without a gradient
        "def relative(real, fake):\n    more, less = real - fake.mean(), fake - real.mean()\n"
        "    return ((F.softplus(-more).mean() + F.softplus(less).mean()).item(),\n"
        "            (F.softplus(-less).mean() + F.softplus(more).mean()).item())",
        # no mean over the batch
        "def relative(real, fake):\n    more, less = real - fake.mean(), fake - real.mean()\n"
        "    return F.softplus(-more) + F.softplus(less), F.softplus(-less) + F.softplus(more)",
    ],
    "8.3": [
        # not detached
        _STEP.replace(".detach()\n    real", "\n    real"),
        # gradients of the generator's step are left in
        _STEP.replace("    optimiser.zero_grad()\n", ""),
        # cleared after backward
        _STEP.replace(
            "    optimiser.zero_grad()\n    loss.backward()\n",
            "    loss.backward()\n    optimiser.zero_grad()\n",
        ),
        # real and fake exchanged
        _STEP.replace("critic(large), critic(fake)", "critic(fake), critic(large)"),
        # pleased instead of judging
        _STEP.replace(
            "F.softplus(-real_logits).mean() + F.softplus(fake_logits)", "F.softplus(-fake_logits)"
        ),
        # real pictures only
        _STEP.replace(" + F.softplus(fake_logits).mean()", ""),
        # real and made as one batch
        _STEP.replace("critic(large), critic(fake)", "critic(torch.cat([large, fake])).split(len(large))"),
        # no step
        _STEP.replace("    optimiser.step()\n", ""),
        # the sum over the batch
        _STEP.replace(".mean()", ".sum()"),
    ],
    "8.4": [
        # the bug in other words
        _ASKED.replace("vgg(sr), vgg(hr)", "vgg(sr).detach(), vgg(hr).detach()"),
        # the number alone
        _ASKED.replace("vgg(sr), vgg(hr))", "vgg(sr), vgg(hr)).item()"),
        # all of it without a gradient
        _ASKED.replace("    content", "    sr = sr.detach()\n    content", 1),
        # the critic's gradient is gone instead
        _ASKED.replace("critic(sr)", "critic(sr.detach())"),
        # another weight
        _ASKED.replace("2e-3", "1e-3"),
        # pixels instead of features
        _ASKED.replace("vgg(sr), vgg(hr)", "sr, hr"),
    ],
    "8.5": [
        # parameters only
        "import copy\ndef between(first, second, alpha):\n"
        "    net = copy.deepcopy(first)\n    with torch.no_grad():\n"
        "        for w, other in zip(net.parameters(), second.parameters()):\n"
        "            w.lerp_(other, alpha)\n    return net",
        # exchanged
        _BETWEEN.replace("(1 - alpha) * v + alpha * other[k]", "alpha * v + (1 - alpha) * other[k]"),
        # changes the first network
        _BETWEEN.replace("copy.deepcopy(first)", "first"),
        # returns the numbers
        _BETWEEN.replace("    net.load_state_dict(mixed)\n    return net\n", "    return mixed\n"),
        # blends whole numbers, too
        _BETWEEN.replace(" if v.is_floating_point() else v", ""),
        # always half
        _BETWEEN.replace("(1 - alpha) * v + alpha * other[k]", "0.5 * v + 0.5 * other[k]"),
        # blends the pictures
        "def between(first, second, alpha):\n    class Both(nn.Module):\n"
        "        def forward(self, x):\n            return (1 - alpha) * first(x) + alpha * second(x)\n"
        "    return Both()",
    ],
}
