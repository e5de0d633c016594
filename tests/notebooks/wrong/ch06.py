"""Wrong answers to the exercises of chapter 6."""

_RECURSIVE = (
    "class Recursive(nn.Module):\n"
    "    def __init__(self, depth=20, features=64):\n"
    "        super().__init__()\n"
    "        self.depth = depth\n"
    "        self.first = nn.Conv2d(1, features, 3, padding=1)\n"
    "        self.middle = nn.Conv2d(features, features, 3, padding=1)\n"
    "        self.last = nn.Conv2d(features, 1, 3, padding=1)\n"
    "    def forward(self, x):\n"
    "        h = self.first(x).relu()\n"
    "        for _ in range(self.depth - 2):\n"
    "            h = self.middle(h).relu()\n"
    "        return x + self.last(h)\n"
)

WRONG: dict[str, list[str]] = {
    "6.1": [
        # counts the pixels of the enlarged picture as LR pixels
        "def depth_for(lr_pixels, scale):\n    return math.ceil((lr_pixels - 1) / 2)",
        # rounds down
        "def depth_for(lr_pixels, scale):\n    return (lr_pixels * scale - 1) // 2",
        # one pixel a layer
        "def depth_for(lr_pixels, scale):\n    return lr_pixels * scale - 1",
        # no whole number
        "def depth_for(lr_pixels, scale):\n    return (lr_pixels * scale - 1) / 2",
        # forgets the pixel in the middle
        "def depth_for(lr_pixels, scale):\n    return math.ceil(lr_pixels * scale / 2)",
    ],
    "6.2": [
        # everything zero: it can never learn
        "def start_at_bicubic(net):\n    for weight in net.parameters():\n        nn.init.zeros_(weight)",
        # the bias stays
        "def start_at_bicubic(net):\n    nn.init.zeros_(net.tail.weight)",
        # the bias only
        "def start_at_bicubic(net):\n    nn.init.zeros_(net.tail.bias)",
        # takes the addition away
        "def start_at_bicubic(net):\n    net.residual = False\n    nn.init.zeros_(net.tail.weight)",
        # the first layer instead of the last
        "def start_at_bicubic(net):\n    nn.init.zeros_(net.body[0].weight)\n"
        "    nn.init.zeros_(net.body[0].bias)",
        # small, not zero
        "def start_at_bicubic(net):\n    with torch.no_grad():\n        net.tail.weight *= 1e-6\n"
        "        net.tail.bias *= 0",
        # new weights in all layers first
        "def start_at_bicubic(net):\n    for weight in net.parameters():\n        nn.init.normal_(weight)\n"
        "    nn.init.zeros_(net.tail.weight)\n"
        "    nn.init.zeros_(net.tail.bias)",
        # frozen
        "def start_at_bicubic(net):\n    nn.init.zeros_(net.tail.weight)\n    nn.init.zeros_(net.tail.bias)\n"
        "    net.requires_grad_(False)",
    ],
    "6.3": [
        # forgets momentum
        "def farthest(theta, momentum, steps):\n    return theta * steps",
        # the last step instead of all
        "def farthest(theta, momentum, steps):\n    return theta * (1 - momentum**steps) / (1 - momentum)",
        # as if it were at full speed from the first step on
        "def farthest(theta, momentum, steps):\n    return steps * theta / (1 - momentum)",
    ],
    "6.4": [
        # the bug in other words
        "def enlarge(lr, scale):\n    ycbcr = imresize(rgb_to_ycbcr(lr), scale)\n    y = ycbcr[:1]\n"
        "    y = y + torch.relu(detail(y))\n"
        "    return ycbcr_to_rgb(torch.cat([y, ycbcr[1:]])).clamp(0, 1)",
        # only the dark half
        "def enlarge(lr, scale):\n    ycbcr = imresize(rgb_to_ycbcr(lr), scale)\n    y = ycbcr[:1]\n"
        "    y = y + detail(y).clamp(-1, 0)\n"
        "    return ycbcr_to_rgb(torch.cat([y, ycbcr[1:]])).clamp(0, 1)",
        # the detail is left out
        "def enlarge(lr, scale):\n    return imresize(lr, scale).clamp(0, 1)",
        # no clipping at the end
        "def enlarge(lr, scale):\n    ycbcr = imresize(rgb_to_ycbcr(lr), scale)\n    y = ycbcr[:1]\n"
        "    y = y + 9 * detail(y)\n    return ycbcr_to_rgb(torch.cat([y, ycbcr[1:]]))",
        # the wrong sign
        "def enlarge(lr, scale):\n    ycbcr = imresize(rgb_to_ycbcr(lr), scale)\n    y = ycbcr[:1]\n"
        "    y = y - detail(y)\n"
        "    return ycbcr_to_rgb(torch.cat([y, ycbcr[1:]])).clamp(0, 1)",
        # the addition is forgotten
        "def enlarge(lr, scale):\n    ycbcr = imresize(rgb_to_ycbcr(lr), scale)\n    y = ycbcr[:1]\n"
        "    y = detail(y)\n"
        "    return ycbcr_to_rgb(torch.cat([y, ycbcr[1:]])).clamp(0, 1)",
        # absolute value
        "def enlarge(lr, scale):\n    ycbcr = imresize(rgb_to_ycbcr(lr), scale)\n    y = ycbcr[:1]\n"
        "    y = y + detail(y).abs()\n"
        "    return ycbcr_to_rgb(torch.cat([y, ycbcr[1:]])).clamp(0, 1)",
    ],
    "6.5": [
        # layers of their own
        _RECURSIVE.replace(
            "self.middle = nn.Conv2d(features, features, 3, padding=1)",
            "self.middle = nn.Sequential(*[nn.Conv2d(features, features, 3, padding=1) for _ in "
            "range(depth - 2)])",
        ),
        # the input is not added
        _RECURSIVE.replace("return x + self.last(h)", "return self.last(h)"),
        # two layers too many
        _RECURSIVE.replace("range(self.depth - 2)", "range(self.depth)"),
        # no padding
        _RECURSIVE.replace(", padding=1", ""),
        # no ReLU between
        _RECURSIVE.replace("h = self.middle(h).relu()", "h = self.middle(h)"),
    ],
}
