"""Wrong answers to the exercises of chapter 9."""

_WIDEST = (
    "def widest(blocks, budget):\n"
    "    features = 0\n"
    "    while blocks * 2 * (9 * (features + 1) ** 2 + features + 1) <= budget:\n"
    "        features += 1\n"
    "    return features\n"
)
_NETWORK = (
    "def filters(before, after):\n"
    "    return nn.Conv2d(before, after, 3, padding=1)\n"
    "class Block(nn.Module):\n"
    "    def __init__(self, features):\n"
    "        super().__init__()\n"
    "        self.first = filters(features, features)\n"
    "        self.second = filters(features, features)\n"
    "    def forward(self, x):\n"
    "        return x + self.second(torch.relu(self.first(x)))\n"
    "class Network(nn.Module):\n"
    "    def __init__(self, scale, blocks, features):\n"
    "        super().__init__()\n"
    "        self.mean = torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1)\n"
    "        self.head = filters(3, features)\n"
    "        inner = [Block(features) for _ in range(blocks)]\n"
    "        self.body = nn.Sequential(*inner, filters(features, features))\n"
    "        larger = []\n"
    "        for r in [scale] if scale < 4 else [2, 2]:\n"
    "            larger += [filters(features, r * r * features), nn.PixelShuffle(r)]\n"
    "        self.larger = nn.Sequential(*larger)\n"
    "        self.tail = filters(features, 3)\n"
    "    def forward(self, x):\n"
    "        h = self.head(x - self.mean)\n"
    "        h = h + self.body(h)\n"
    "        return self.tail(self.larger(h)) + self.mean\n"
)
_FOLDED = (
    "def folded(net):\n"
    "    net = copy.deepcopy(net)\n"
    "    for block in net.body[:-1]:\n"
    "        block.body[2].weight.data *= block.res_scale\n"
    "        block.body[2].bias.data *= block.res_scale\n"
    "        block.res_scale = 1.0\n"
    "    return net\n"
)
_BIAS = "        block.body[2].bias.data *= block.res_scale\n"
_CAREFUL = (
    "def careful(net, lr):\n"
    "    ways = [(), (2,), (3,), (2, 3)]\n"
    "    return torch.stack([net(lr.flip(way)).flip(way) for way in ways]).mean(0)\n"
)
_TURNS = (
    "def careful(net, lr):\n"
    "    views = [(k, m) for k in range(4) for m in MIRRORS]\n"
    "    some = []\n"
    "    for k, m in views:\n"
    "        x = torch.rot90(lr, k, (2, 3))\n"
    "        y = net(x.flip(3) if m else x)\n"
    "        some.append(torch.rot90(y.flip(3) if m else y, -k, (2, 3)))\n"
    "    return torch.stack(some).mean(0)\n"
)
_MEAN = (
    "def without_mean(net):\n"
    "    other = copy.deepcopy(net)\n"
    "    with torch.no_grad():\n"
    "        other.head.bias -= (other.head.weight * other.mean).sum((1, 2, 3))\n"
    "        other.tail.bias += other.mean.flatten()\n"
    "        other.mean.zero_()\n"
    "    return other\n"
)
_HEAD = "(other.head.weight * other.mean).sum((1, 2, 3))"

WRONG: dict[str, list[str]] = {
    "9.1": [
        # weights only
        _WIDEST.replace(" + features + 1) <=", ") <="),
        # one convolution a block
        _WIDEST.replace("blocks * 2 *", "blocks *"),
        # one too many
        _WIDEST.replace("return features", "return features + 1"),
        # a bias for each block
        _WIDEST.replace(
            "2 * (9 * (features + 1) ** 2 + features + 1)", "(18 * (features + 1) ** 2 + features + 1)"
        ),
        # not rounded
        "def widest(blocks, budget):\n    return (budget / (18 * blocks)) ** 0.5",
        # the example only
        "def widest(blocks, budget):\n    return 64 if budget == 1_181_696 else 63",
    ],
    "9.2": [
        # no global skip
        _NETWORK.replace("h = h + self.body(h)", "h = self.body(h)"),
        # no skips in the blocks
        _NETWORK.replace("return x + self.second", "return self.second"),
        # no mean, or only half of it
        _NETWORK.replace("x - self.mean", "x").replace(" + self.mean", ""),
        _NETWORK.replace("x - self.mean", "x"),
        _NETWORK.replace(" + self.mean", ""),
        # a ReLU after the addition
        _NETWORK.replace(
            "return x + self.second(torch.relu(self.first(x)))",
            "return torch.relu(x + self.second(torch.relu(self.first(x))))",
        ),
        # none at all
        _NETWORK.replace("torch.relu(self.first(x))", "self.first(x)"),
        # a ReLU after the head, or after the shuffle
        _NETWORK.replace("self.head(x - self.mean)", "torch.relu(self.head(x - self.mean))"),
        _NETWORK.replace("nn.PixelShuffle(r)]", "nn.PixelShuffle(r), nn.ReLU()]"),
        # batch norm
        _NETWORK.replace("self.second = ", "self.norm = nn.BatchNorm2d(features)\n        self.second = "),
        # nothing after the blocks
        _NETWORK.replace("(*inner, filters(features, features))", "(*inner)"),
        # one shuffle by 4
        _NETWORK.replace("[scale] if scale < 4 else [2, 2]", "[scale]"),
        # a head of 9 x 9
        _NETWORK.replace(
            "self.head = filters(3, features)", "self.head = nn.Conv2d(3, features, 9, padding=4)"
        ),
        # no padding
        _NETWORK.replace(", padding=1", ""),
        # clipped
        _NETWORK.replace("+ self.mean\n", "+ self.mean\n").replace(
            "return self.tail(self.larger(h)) + self.mean",
            "return (self.tail(self.larger(h)) + self.mean).clamp(0, 1)",
        ),
        # no biases
        _NETWORK.replace("padding=1", "padding=1, bias=False"),
    ],
    "9.3": [
        # the bug in other words
        _FOLDED.replace(_BIAS, "").replace(".data *= block.res_scale", ".data.mul_(block.res_scale)"),
        # scaled twice
        _FOLDED.replace("        block.res_scale = 1.0\n", ""),
        # the first convolution
        _FOLDED.replace("body[2]", "body[0]"),
        # both
        _FOLDED.replace(_BIAS, _BIAS + _BIAS.replace("[2].bias", "[0].weight")),
        # changes what it was given
        _FOLDED.replace("    net = copy.deepcopy(net)\n", ""),
        # the bias only
        _FOLDED.replace("        block.body[2].weight.data *= block.res_scale\n", ""),
        # the last convolution, too
        _FOLDED.replace("    return net", "    net.body[-1].weight.data *= 0.3\n    return net"),
        # nothing folded
        "def folded(net):\n    other = copy.deepcopy(net)\n    return other",
        # the factor thrown away
        "def folded(net):\n    other = copy.deepcopy(net)\n    for block in other.body[:-1]:\n"
        "        block.res_scale = 1.0\n    return other",
    ],
    "9.4": [
        # all eight
        _TURNS.replace("MIRRORS", "(0, 1)"),
        # the four turns
        _TURNS.replace("MIRRORS", "(0,)"),
        # left and right only
        _CAREFUL.replace("[(), (2,), (3,), (2, 3)]", "[(), (3,)]"),
        # without the half turn
        _CAREFUL.replace(", (2, 3)]", "]"),
        # one view
        "def careful(net, lr):\n    return net(lr)",
        # not undone
        _CAREFUL.replace(".flip(way)).flip(way)", ".flip(way))"),
        # the sum
        _CAREFUL.replace(".mean(0)", ".sum(0)"),
        # over the colours
        _CAREFUL.replace("(2,), (3,), (2, 3)", "(1,), (2,), (3,)"),
    ],
    "9.5": [
        # the sign
        _MEAN.replace("head.bias -=", "head.bias +="),
        # the head as it was
        _MEAN.replace(f"        other.head.bias -= {_HEAD}\n", ""),
        # the tail as it was
        _MEAN.replace("        other.tail.bias += other.mean.flatten()\n", ""),
        _MEAN.replace("tail.bias +=", "tail.bias -="),
        # one weight of nine, their mean
        _MEAN.replace(_HEAD, "(other.head.weight[:, :, 1, 1] * other.mean.flatten()).sum(1)"),
        _MEAN.replace(_HEAD, "(other.head.weight * other.mean).sum(1).mean((1, 2))"),
        # the mean is still there
        _MEAN.replace("        other.mean.zero_()\n", ""),
        # changes what it was given
        _MEAN.replace("copy.deepcopy(net)", "net"),
        # only the mean taken away
        "def without_mean(net):\n    other = copy.deepcopy(net)\n    other.mean = torch.zeros(1, 3, 1, 1)\n"
        "    return other",
    ],
}
