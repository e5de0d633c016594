"""Wrong answers to the exercises of chapter 11."""

_BLOCK = (
    "class BlockB(nn.Module):\n"
    "    def __init__(self, features, expansion):\n"
    "        super().__init__()\n"
    "        wide, narrow = expansion * features, int(0.8 * features)\n"
    "        self.body = nn.Sequential(\n"
    "            nn.Conv2d(features, wide, 1),\n"
    "            nn.ReLU(),\n"
    "            nn.Conv2d(wide, narrow, 1),\n"
    "            nn.Conv2d(narrow, features, 3, padding=1),\n"
    "        )\n"
    "    def forward(self, x):\n"
    "        return x + self.body(x)\n"
)
_BILL = (
    "def bill(kind, blocks, scale):\n"
    "    def conv(before, after, k):\n"
    "        return k * k * before * after + after\n"
    "    out = 3 * scale**2\n"
    "    if kind == 'A':\n"
    "        block = conv(32, 128, 3) + conv(128, 32, 3)\n"
    "    else:\n"
    "        block = conv(32, 192, 1) + conv(192, 25, 1) + conv(25, 32, 3)\n"
    "    return conv(3, 32, 3) + blocks * block + conv(32, out, 3) + conv(3, out, 5)\n"
)
_ENLARGE = (
    "def enlarge(net, x):\n"
    "    x = x - net.mean\n"
    "    h = net.head(x)\n"
    "    for block in net.body:\n"
    "        h = h + block.body(h)\n"
    "    return net.tail(h) + net.skip(x) + net.mean\n"
)
_SLOPES = (
    "def slopes(slope, g, v):\n"
    "    norm = v.flatten(1).norm(dim=1).view(-1, 1, 1, 1)\n"
    "    u = v / norm\n"
    "    for_g = (slope * u).sum((1, 2, 3), keepdim=True)\n"
    "    for_v = g / norm * (slope - for_g * u)\n"
    "    return for_g, for_v\n"
)

WRONG: dict[str, list[str]] = {
    "11.1": [
        # no skip
        _BLOCK.replace("x + self.body(x)", "self.body(x)"),
        # x is overwritten
        _BLOCK.replace("return x + self.body(x)", "x = self.body(x)\n        return x + x"),
        # the wrong sign
        _BLOCK.replace("x + self.body(x)", "x - self.body(x)"),
        # a second ReLU where it is narrow
        _BLOCK.replace("nn.Conv2d(wide, narrow, 1),", "nn.Conv2d(wide, narrow, 1),\n            nn.ReLU(),"),
        # the only ReLU there
        _BLOCK.replace("            nn.ReLU(),\n", "").replace(
            "nn.Conv2d(wide, narrow, 1),", "nn.Conv2d(wide, narrow, 1),\n            nn.ReLU(),"
        ),
        # no ReLU
        _BLOCK.replace("            nn.ReLU(),\n", ""),
        # before the widening
        _BLOCK.replace("            nn.ReLU(),\n", "").replace(
            "            nn.Conv2d(features, wide, 1),",
            "            nn.ReLU(),\n            nn.Conv2d(features, wide, 1),",
        ),
        # after the addition
        _BLOCK.replace("return x + self.body(x)", "return torch.relu(x + self.body(x))"),
        # 0.8 rounded
        _BLOCK.replace("int(0.8 * features)", "round(0.8 * features)"),
        # 0.8 of the wide
        _BLOCK.replace("int(0.8 * features)", "int(0.8 * expansion * features)"),
        # not narrow at all
        _BLOCK.replace("int(0.8 * features)", "features"),
        # no padding
        _BLOCK.replace(", padding=1", ""),
        # 3 x 3 first
        _BLOCK.replace("nn.Conv2d(features, wide, 1)", "nn.Conv2d(features, wide, 3, padding=1)").replace(
            "nn.Conv2d(narrow, features, 3, padding=1)", "nn.Conv2d(narrow, features, 1)"
        ),
        # block A
        _BLOCK.replace("nn.Conv2d(features, wide, 1)", "nn.Conv2d(features, wide, 3, padding=1)")
        .replace("            nn.Conv2d(wide, narrow, 1),\n", "")
        .replace("nn.Conv2d(narrow,", "nn.Conv2d(wide,"),
        # no biases
        _BLOCK.replace("wide, 1)", "wide, 1, bias=False)"),
    ],
    "11.2": [
        # no biases
        _BILL.replace("before * after + after", "before * after"),
        # gains, too
        _BILL.replace("before * after + after", "before * after + 2 * after"),
        # no skip
        _BILL.replace(" + conv(3, out, 5)", ""),
        # a skip of 3 x 3
        _BILL.replace("conv(3, out, 5)", "conv(3, out, 3)"),
        # three colours before the shuffle
        _BILL.replace("3 * scale**2", "3"),
        # 26 channels
        _BILL.replace("192, 25", "192, 26").replace("(25,", "(26,"),
        # B without its narrow layer
        _BILL.replace("192, 25", "192, 32").replace("(25,", "(32,"),
        # B four times as wide, A six times
        _BILL.replace("192", "128"),
        _BILL.replace("128", "192"),
        # no head
        _BILL.replace("conv(3, 32, 3) + blocks", "blocks"),
        # the example only
        "def bill(kind, blocks, scale):\n    return 92_304",
    ],
    "11.3": [
        # a per cent of decibels
        "def less_error(before, after):\n    return 100 * (after / before - 1)",
        # what is left
        "def less_error(before, after):\n    return 100 * 10 ** ((before - after) / 10)",
        # a share
        "def less_error(before, after):\n    return 1 - 10 ** ((before - after) / 10)",
        # the root
        "def less_error(before, after):\n    return 100 * (1 - 10 ** ((before - after) / 20))",
        # of the new error
        "def less_error(before, after):\n    return 100 * (10 ** ((after - before) / 10) - 1)",
        # the sign
        "def less_error(before, after):\n    return 100 * (10 ** ((before - after) / 10) - 1)",
        # e for 10
        "import math\ndef less_error(before, after):\n    return 100 * (1 - math.exp((before - after) / 10))",
    ],
    "11.4": [
        # the network itself, which the text forbids
        "def enlarge(net, x):\n    return net(x)",
        # the bug in other words
        "def enlarge(net, x):\n    y = x - net.mean\n    h = net.head(y)\n    for block in net.body:\n"
        "        h = h + block.body(h) / len(net.body) ** 0.5\n"
        "    return net.tail(h) + net.skip(y) + net.mean",
        # EDSR's tenth
        _ENLARGE.replace("h + block.body(h)", "h + 0.1 * block.body(h)"),
        # without the root
        _ENLARGE.replace("block.body(h)", "block.body(h) / len(net.body)"),
        # no skip
        _ENLARGE.replace(" + net.skip(x)", ""),
        # the mean is not given back
        _ENLARGE.replace(" + net.mean", ""),
        # the block's own skip twice
        _ENLARGE.replace("h + block.body(h)", "h + block(h)"),
        # clipped
        _ENLARGE.replace("net.skip(x) + net.mean", "net.skip(x) + net.mean").replace(
            "return net.tail(h) + net.skip(x) + net.mean",
            "return (net.tail(h) + net.skip(x) + net.mean).clamp(0, 1)",
        ),
        # the mean stays
        "def enlarge(net, x):\n    return net.tail(net.body(net.head(x))) + net.skip(x)",
        # the skip gets the mean
        _ENLARGE.replace("    x = x - net.mean\n    h = net.head(x)", "    h = net.head(x - net.mean)"),
        # mends the weights instead
        "def enlarge(net, x):\n    with torch.no_grad():\n        for p in net.body.parameters():\n"
        "            p.mul_(2)\n    return net(x)",
    ],
    "11.5": [
        # g's not divided by the length
        _SLOPES.replace("(slope * u).sum", "(slope * v).sum"),
        # nothing taken away
        _SLOPES.replace("slope - for_g * u", "slope"),
        # v in place of u
        _SLOPES.replace("for_g * u)", "for_g * v)"),
        # no factor
        _SLOPES.replace("g / norm * (slope", "(slope"),
        # no g
        _SLOPES.replace("g / norm", "1 / norm"),
        # no length
        _SLOPES.replace("g / norm", "g"),
        # added
        _SLOPES.replace("slope - for_g", "slope + for_g"),
        # one length for all filters
        _SLOPES.replace("v.flatten(1).norm(dim=1).view(-1, 1, 1, 1)", "v.norm()"),
        # another shape
        _SLOPES.replace(", keepdim=True", ""),
        # one of the two
        _SLOPES.replace("return for_g, for_v", "return for_v"),
    ],
}
