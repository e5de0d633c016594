"""Wrong answers to the exercises of chapter 12."""

_COLUMNS = (
    "def columns(rows):\n"
    "    found = {}\n"
    "    for name, row in rows.items():\n"
    "        key = (row['set'], row['scale'], row['shrunk'], row['channel'], row['border'])\n"
    "        found.setdefault(key, []).append(name)\n"
    "    return list(found.values())\n"
)
_ATTENTION = (
    "class ChannelAttention(nn.Module):\n"
    "    def __init__(self, features, reduction):\n"
    "        super().__init__()\n"
    "        few = features // reduction\n"
    "        self.down, self.up = nn.Conv2d(features, few, 1), nn.Conv2d(few, features, 1)\n"
    "    def forward(self, x):\n"
    "        mean = x.mean((2, 3), keepdim=True)\n"
    "        return x * torch.sigmoid(self.up(torch.relu(self.down(mean))))\n"
)
_PROGRESSIVE = (
    "def progressive(net, lr, times):\n"
    "    found = []\n"
    "    for _ in range(times):\n"
    "        lr = net(lr).clamp(0, 1)\n"
    "        found.append(lr)\n"
    "    return found\n"
)
_CHAIN = (
    "def chain(scale, have):\n"
    "    if scale == 1:\n"
    "        return []\n"
    "    found = []\n"
    "    for one in have:\n"
    "        if scale % one == 0 and (rest := chain(scale // one, have)) is not None:\n"
    "            found.append([one, *rest])\n"
    "    return min(found, key=len, default=None)\n"
)
_ROWS = (
    "def rows(names, scales, load, score):\n"
    "    found = {}\n"
    "    for scale in scales:\n"
    "        for name in names:\n"
    "            found[name, scale] = score(load(name, scale), scale)\n"
    "    return found\n"
)

WRONG: dict[str, list[str]] = {
    "12.1": [
        # one column each left out
        *(_COLUMNS.replace(f"row['{key}'], ", "") for key in ("set", "scale", "shrunk", "channel")),
        _COLUMNS.replace(", row['border'])", ")"),
        # the number as well
        _COLUMNS.replace("row['border'])", "row['border'], row['psnr'])"),
        # every row alone
        "def columns(rows):\n    return [[name] for name in rows]",
        # all in one
        "def columns(rows):\n    return [list(rows)]",
        # only those that have company
        _COLUMNS.replace("list(found.values())", "[one for one in found.values() if len(one) > 1]"),
        # the protocols
        _COLUMNS.replace("list(found.values())", "list(found)"),
        # a name in two columns
        _COLUMNS.replace("list(found.values())", "[*found.values(), *found.values()]"),
        # no lists
        "def columns(rows):\n    return len(rows)",
    ],
    "12.2": [
        # a skip
        _ATTENTION.replace("x * torch", "x + x * torch"),
        # added
        _ATTENTION.replace("x * torch", "x + torch"),
        # the factors alone
        _ATTENTION.replace("x * torch.sigmoid", "torch.sigmoid"),
        # no ReLU
        _ATTENTION.replace("torch.relu(self.down(mean))", "self.down(mean)"),
        # no sigmoid
        _ATTENTION.replace("torch.sigmoid(self", "(self"),
        # ReLU for sigmoid
        _ATTENTION.replace("torch.sigmoid", "torch.relu"),
        # softmax
        _ATTENTION.replace(
            "torch.sigmoid(self.up(torch.relu(self.down(mean))))",
            "torch.softmax(self.up(torch.relu(self.down(mean))), 1)",
        ),
        # the largest
        _ATTENTION.replace("x.mean(", "x.amax("),
        # the sum
        _ATTENTION.replace("x.mean(", "x.sum("),
        # over the batch
        _ATTENTION.replace("(2, 3)", "(0, 2, 3)"),
        # over the channels
        _ATTENTION.replace("x.mean((2, 3), keepdim=True)", "x"),
        # 3 x 3
        _ATTENTION.replace("(features, few, 1)", "(features, few, 3, padding=1)"),
        # not reduced
        _ATTENTION.replace("features // reduction", "features"),
        # reduced to that many
        _ATTENTION.replace("features // reduction", "reduction"),
        # no biases
        _ATTENTION.replace("few, 1)", "few, 1, bias=False)"),
    ],
    "12.3": [
        # never clipped
        _PROGRESSIVE.replace(".clamp(0, 1)", ""),
        # clipped too late
        _PROGRESSIVE.replace("lr = net(lr).clamp(0, 1)", "lr = net(lr)").replace(
            "append(lr)", "append(lr.clamp(0, 1))"
        ),
        # the last only
        _PROGRESSIVE.replace("return found", "return lr"),
        # always from the start
        _PROGRESSIVE.replace("lr = net(lr).clamp(0, 1)", "out = net(lr).clamp(0, 1)").replace(
            "append(lr)", "append(out)"
        ),
        # rounded between
        _PROGRESSIVE.replace("net(lr).clamp(0, 1)", "(255 * net(lr).clamp(0, 1)).round() / 255"),
        # with the small one
        _PROGRESSIVE.replace("found = []", "found = [lr]"),
        # once too often
        _PROGRESSIVE.replace("range(times)", "range(times + 1)"),
        # the largest first
        _PROGRESSIVE.replace("return found", "return found[::-1]"),
        # twice, whatever is asked
        _PROGRESSIVE.replace("range(times)", "range(2)"),
    ],
    "12.4": [
        # the largest first
        "def chain(scale, have):\n    found = []\n    for one in sorted(have, reverse=True):\n"
        "        while scale % one == 0:\n            found.append(one)\n            scale //= one\n"
        "    return found if scale == 1 else None",
        # the smallest first
        _CHAIN.replace("min(found", "max(found"),
        # sums
        _CHAIN.replace("scale == 1", "scale == 0")
        .replace("scale % one == 0", "scale >= one")
        .replace("scale // one", "scale - one"),
        # the number of steps
        "def chain(scale, have):\n    return 2",
        # not only what there is
        "def chain(scale, have):\n    return [scale]",
        # an empty list where nothing leads
        _CHAIN.replace("default=None", "default=[]"),
        # the example
        "def chain(scale, have):\n    return [4, 2]",
    ],
    "12.5": [
        # the bug in other words
        "def rows(names, scales, load, score):\n    nets = {}\n    found = {}\n    for scale in scales:\n"
        "        for name in names:\n            net = nets.setdefault(name, load(name, scale))\n"
        "            found[(name, scale)] = score(net, scale)\n    return found",
        # the last one stays
        "def rows(names, scales, load, score):\n"
        "    nets = {name: load(name, scale) for scale in scales for name in names}\n"
        "    return {(name, s): score(nets[name], s) for s in scales for name in names}",
        # the key is the scale
        "def rows(names, scales, load, score):\n    nets, found = {}, {}\n    for scale in scales:\n"
        "        for name in names:\n            if scale not in nets:\n"
        "                nets[scale] = load(name, scale)\n"
        "            found[name, scale] = score(nets[scale], scale)\n    return found",
        # measured at another scale
        _ROWS.replace("score(load(name, scale), scale)", "score(load(name, scale), scales[0])"),
        # a row a name
        _ROWS.replace("found[name, scale]", "found[name]"),
        # loaded twice
        _ROWS.replace(
            "score(load(name, scale), scale)", "score((load(name, scale), load(name, scale))[0], scale)"
        ),
        # the name is measured
        _ROWS.replace("load(name, scale), scale)", "name, scale)"),
    ],
}
