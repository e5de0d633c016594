"""Wrong answers to the exercises of chapter 4."""

_CUT = """def cut_pair(lr, hr, scale, patch):
    side = patch * scale
    {draw}
    return lr[:, {a} : {a} + patch, {b} : {b} + patch], hr[:, {t} : {t} + side, {l} : {l} + side]
"""
_HEAD = "class Mine(nn.Module):\n    def __init__(self, kernels, channels):\n        super().__init__()\n"
_LAYERS = """        a, b, c = kernels
        self.one = nn.Conv2d(channels, 64, a, padding=a // 2)
        self.two = nn.Conv2d(64, 32, b, padding=b // 2)
        self.three = nn.Conv2d(32, channels, c, padding=c // 2)
"""
_RELUS = "    def forward(self, x):\n        x = torch.relu(self.two(torch.relu(self.one(x))))\n"
_LOOP = """def train_on(net, batches, lr):
    optimiser = torch.optim.Adam(net.parameters(), lr=lr)
    losses = []
    for x, hr in batches:
        loss = F.mse_loss(net(x), hr)
"""

WRONG: dict[str, list[str]] = {
    "4.1": [
        # forgets the biases
        "def cost(k1, k2, k3):\n    n = 64 * k1**2 + 2048 * k2**2 + 32 * k3**2\n    return n, n",
        # multiplies with the biases too
        "def cost(k1, k2, k3):\n    n = 64 * k1**2 + 2048 * k2**2 + 32 * k3**2 + 97\n    return n, n",
        # a filter of the second layer sees one channel only
        "def cost(k1, k2, k3):\n    n = 64 * k1**2 + 32 * k2**2 + k3**2\n    return n + 97, n",
        # the wrong way round
        "def cost(k1, k2, k3):\n    n = 64 * k1**2 + 2048 * k2**2 + 32 * k3**2\n    return n, n + 97",
        # counts at the small picture
        "def cost(k1, k2, k3):\n    n = 64 * k1**2 + 2048 * k2**2 + 32 * k3**2\n    return n + 97, n / 9",
    ],
    "4.2": [
        # each patch in a way of its own
        "def turned(small, large, way):\n"
        "    return torch.rot90(small, way % 4, (1, 2)), torch.rot90(large, way // 2, (1, 2))",
        # two turns for two flips: some come twice
        "def turned(small, large, way):\n    if way & 1:\n"
        "        small, large = small.flip(1), large.flip(1)\n    if way & 2:\n"
        "        small, large = small.flip(2), large.flip(2)\n    if way & 4:\n"
        "        small, large = small.flip(1, 2), large.flip(1, 2)\n    return small, large",
        # forgets the mirror
        "def turned(small, large, way):\n"
        "    return torch.rot90(small, way, (1, 2)), torch.rot90(large, way, (1, 2))",
        # turns the channels into rows
        "def turned(small, large, way):\n    return torch.rot90(small, way), torch.rot90(large, way)",
    ],
    "4.3": [
        # the bug in other words: the corner of hr is not a multiple of the scale
        _CUT.format(
            draw="t, l = (int(torch.randint(n - side + 1, ())) for n in hr.shape[1:])",
            a="int(t / scale)",
            b="int(l / scale)",
            t="t",
            l="l",
        ),
        # to the nearest: less wrong, and still wrong
        _CUT.format(
            draw="t, l = (int(torch.randint(n - side - scale + 1, ())) for n in hr.shape[1:])",
            a="round(t / scale)",
            b="round(l / scale)",
            t="t",
            l="l",
        ),
        # one axis only
        _CUT.format(
            draw="t, l = (int(torch.randint(n - side + 1, ())) for n in hr.shape[1:])\n"
            "    t = t // scale * scale",
            a="t // scale",
            b="l // scale",
            t="t",
            l="l",
        ),
        # aligned, but the last row and column are never drawn
        _CUT.format(
            draw="a, b = (int(torch.randint(n - patch, ())) for n in lr.shape[1:])",
            a="a",
            b="b",
            t="a * scale",
            l="b * scale",
        ),
        # right, but always the same place
        _CUT.format(draw="", a="0", b="0", t="0", l="0"),
    ],
    "4.4": [
        # gradients are never set to zero
        _LOOP + "        loss.backward()\n        optimiser.step()\n"
        "        losses.append(loss.item())\n    return losses",
        # no step is taken
        _LOOP + "        optimiser.zero_grad()\n        loss.backward()\n"
        "        losses.append(loss.item())\n    return losses",
        # zeroed between backward and step
        _LOOP + "        loss.backward()\n        optimiser.zero_grad()\n        optimiser.step()\n"
        "        losses.append(loss.item())\n    return losses",
        # keeps the graphs
        _LOOP + "        optimiser.zero_grad()\n        loss.backward()\n        optimiser.step()\n"
        "        losses.append(loss)\n    return losses",
        # another loss
        (
            _LOOP + "        optimiser.zero_grad()\n        loss.backward()\n        optimiser.step()\n"
            "        losses.append(loss.item())\n    return losses"
        ).replace("mse", "l1"),
        # another optimiser
        (
            _LOOP + "        optimiser.zero_grad()\n        loss.backward()\n        optimiser.step()\n"
            "        losses.append(loss.item())\n    return losses"
        ).replace("Adam", "SGD"),
        # the loss after the step
        (
            _LOOP + "        optimiser.zero_grad()\n        loss.backward()\n        optimiser.step()\n"
            "        losses.append(F.mse_loss(net(x), hr).item())\n    return losses"
        ),
        # a new optimiser in each step
        "def train_on(net, batches, lr):\n    losses = []\n    for x, hr in batches:\n"
        "        optimiser = torch.optim.Adam(net.parameters(), lr=lr)\n"
        "        loss = F.mse_loss(net(x), hr)\n        optimiser.zero_grad()\n        loss.backward()\n"
        "        optimiser.step()\n        losses.append(loss.item())\n    return losses",
    ],
    "4.5": [
        # forgets to turn it round
        "def as_one(net):\n    x = torch.zeros(1, 1, 41, 41)\n    x[..., 20, 20] = 1\n"
        "    with torch.no_grad():\n        return net(x)",
        # a picture too small for filters of 11
        "def as_one(net):\n    x = torch.zeros(1, 1, 21, 21)\n    x[..., 10, 10] = 1\n"
        "    with torch.no_grad():\n        return net(x).flip(2, 3)",
        # the first layer alone
        "def as_one(net):\n    return net[0].weight.sum(0, keepdim=True)",
        # the sizes are added without taking one away
        "def as_one(net):\n    return torch.zeros(1, 1, 16, 16)",
    ],
    "4.6": [
        # a ReLU behind the last layer
        _HEAD + _LAYERS + _RELUS + "        return torch.relu(self.three(x))",
        # no ReLU at all
        _HEAD + _LAYERS + "    def forward(self, x):\n        return self.three(self.two(self.one(x)))",
        # no padding
        _HEAD + _LAYERS.replace(", padding=a // 2", "") + _RELUS + "        return self.three(x)",
        # adds the input, as VDSR does
        _HEAD + _LAYERS + _RELUS.replace("        x =", "        y =") + "        return x + self.three(y)",
        # always one channel
        _HEAD + _LAYERS.replace("channels", "1") + _RELUS + "        return self.three(x)",
        # no forward
        _HEAD + _LAYERS,
        # three sizes as in the chapter's own class, and no channels
        _HEAD.replace("kernels, channels", "k1=9, k2=1, k3=5")
        + _LAYERS.replace("a, b, c = kernels", "a, b, c, channels = k1, k2, k3, 1")
        + _RELUS
        + "        return self.three(x)",
        # three sizes and the channels, one by one: accepted, but for its ReLU too many
        _HEAD.replace("kernels", "k1, k2, k3")
        + _LAYERS.replace("= kernels", "= k1, k2, k3")
        + _RELUS
        + "        return torch.relu(self.three(x))",
        # the layers in another order
        _HEAD
        + "".join(reversed(_LAYERS.splitlines(True)[1:])).join([_LAYERS.splitlines(True)[0], ""])
        + _RELUS
        + "        return self.three(x)",
        # nn.Sequential, with a ReLU too few
        "class Mine(nn.Sequential):\n    def __init__(self, kernels, channels):\n        a, b, c = kernels\n"
        "        super().__init__(nn.Conv2d(channels, 64, a, padding=a // 2), nn.ReLU(), "
        "nn.Conv2d(64, 32, b, padding=b // 2), nn.Conv2d(32, channels, c, padding=c // 2))",
    ],
}
