"""Wrong answers to the exercises of chapter 10."""

_SHARED = (
    "class Shared(nn.Module):\n"
    "    def __init__(self, scales, features):\n"
    "        super().__init__()\n"
    "        f = features\n"
    "        self.head = nn.Conv2d(3, f, 3, padding=1)\n"
    "        self.pre_process = nn.ModuleDict(\n"
    "            {str(s): nn.Sequential(ResBlock(f, kernel=5), ResBlock(f, kernel=5)) for s in scales}\n"
    "        )\n"
    "        self.body = nn.Sequential(ResBlock(f), nn.Conv2d(f, f, 3, padding=1))\n"
    "        self.upsample = nn.ModuleDict({str(s): make_upsampler(s, f) for s in scales})\n"
    "        self.tail = nn.Conv2d(f, 3, 3, padding=1)\n"
    "    def forward(self, x, scale):\n"
    "        h = self.pre_process[str(scale)](self.head(x))\n"
    "        h = h + self.body(h)\n"
    "        return self.tail(self.upsample[str(scale)](h))\n"
)
_IDLE = (
    "def idle_move(gradients, idle, lr):\n"
    "    w = m = v = since = 0.0\n"
    "    for t, g in enumerate([*gradients, *[0.0] * idle], start=1):\n"
    "        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2\n"
    "        w -= lr * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8)\n"
    "        if t == len(gradients):\n"
    "            since = w\n"
    "    return w - since\n"
)
_ADD = (
    "def add_scale(net, scale):\n"
    "    f = net.head.out_channels\n"
    "    net.pre_process[str(scale)] = nn.Sequential(ResBlock(f, kernel=5), ResBlock(f, kernel=5))\n"
    "    net.upsample[str(scale)] = make_upsampler(scale, f)\n"
    "    net.scales = (*net.scales, scale)\n"
)
_TEACH = (
    "def teach(net, batches, lr):\n"
    "    for part in (net.head, net.body, net.tail):\n"
    "        part.requires_grad_(False)\n"
    "    adam = torch.optim.Adam(net.parameters(), lr=lr)\n"
    "    for small, large in batches:\n"
    "        adam.zero_grad()\n"
    "        F.l1_loss(net(small, 2), large).backward()\n"
    "        adam.step()\n"
)
_HOLD = "        part.requires_grad_(False)\n"
_ONLY = (
    "import copy\n"
    "def only(net, scale):\n"
    "    one = copy.deepcopy(net)\n"
    "    for parts in (one.pre_process, one.upsample):\n"
    "        for key in list(parts):\n"
    "            if key != str(scale):\n"
    "                del parts[key]\n"
    "    one.scales = (scale,)\n"
    "    return one\n"
)

WRONG: dict[str, list[str]] = {
    "10.1": [
        # plain dictionaries
        _SHARED.replace("nn.ModuleDict(\n", "dict(\n"),
        _SHARED.replace("nn.ModuleDict({str(s): make", "({str(s): make"),
        # no global skip
        _SHARED.replace("h = h + self.body(h)", "h = self.body(h)"),
        # the global skip goes around the pre-processing, too
        _SHARED.replace("h = self.pre_process[str(scale)](self.head(x))", "g = self.head(x)").replace(
            "h = h + self.body(h)", "h = g + self.body(self.pre_process[str(scale)](g))"
        ),
        # pre-processing forgotten
        _SHARED.replace("self.pre_process[str(scale)](self.head(x))", "self.head(x)"),
        # always the first scale's pre-processing
        _SHARED.replace("self.pre_process[str(scale)]", "next(iter(self.pre_process.values()))"),
        # always the first scale's upsampler
        _SHARED.replace("self.upsample[str(scale)]", "next(iter(self.upsample.values()))"),
        # one pre-processing for all
        _SHARED.replace(
            "        self.pre_process",
            "        p = nn.Sequential(ResBlock(f, kernel=5), ResBlock(f, kernel=5))\n"
            "        self.pre_process",
            1,
        ).replace("nn.Sequential(ResBlock(f, kernel=5), ResBlock(f, kernel=5)) for s", "p for s"),
        # filters of 3 x 3 before, one block before
        _SHARED.replace("kernel=5", "kernel=3"),
        _SHARED.replace("ResBlock(f, kernel=5), ResBlock(f, kernel=5)", "ResBlock(f, kernel=5)"),
        # no convolution after the block
        _SHARED.replace(
            "nn.Sequential(ResBlock(f), nn.Conv2d(f, f, 3, padding=1))", "nn.Sequential(ResBlock(f))"
        ),
        # no tail; another name
        _SHARED.replace("self.tail", "self.last"),
        # for scales 2 and 3 only
        _SHARED.replace("for s in scales", "for s in (2, 3)"),
    ],
    "10.2": [
        # all steps
        _IDLE.replace("return w - since", "return w"),
        # the sign
        _IDLE.replace("w -= lr", "w += lr"),
        # None
        "def idle_move(gradients, idle, lr):\n    return 0.0",
        # no corrections
        _IDLE.replace("(m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)) ** 0.5", "m / (v ** 0.5"),
        # no root
        _IDLE.replace(" ** 0.5", ""),
        # memory stands still
        _IDLE.replace("        m, v =", "        if t <= len(gradients):\n            m, v ="),
        # the count stands still
        _IDLE.replace("        m, v", "        t = min(t, len(gradients))\n        m, v").replace(
            "        if t == len(gradients):\n            since = w\n",
            "        if g:\n            since = w\n",
        ),
        # one step of lr
        "def idle_move(gradients, idle, lr):\n    return -lr * idle",
    ],
    "10.3": [
        # scales forgotten; a key that is no string; no upsampler; no pre-processing
        _ADD.replace("    net.scales = (*net.scales, scale)\n", ""),
        _ADD.replace("net.upsample[str(scale)]", "net.upsample[scale]"),
        _ADD.replace("    net.upsample[str(scale)] = make_upsampler(scale, f)\n", ""),
        _ADD.replace("    net.pre_process[str(scale)] = nn.Seq", "    nn.Seq"),
        # shares another scale's parts
        _ADD.replace(
            "nn.Sequential(ResBlock(f, kernel=5), ResBlock(f, kernel=5))",
            "net.pre_process[str(net.scales[0])]",
        ),
        # filters of 3 x 3
        _ADD.replace("kernel=5", "kernel=3"),
        # the upsampler of another scale
        _ADD.replace("make_upsampler(scale, f)", "make_upsampler(3, f)"),
        # replaces the old ones
        _ADD.replace("(*net.scales, scale)", "(scale,)"),
        # a new network
        "from srlib import models\n"
        "def add_scale(net, scale):\n"
        "    return models.MDSR((*net.scales, scale), blocks=1, features=net.head.out_channels)",
        # touches an old one
        _ADD + "    nn.init.zeros_(net.tail.bias)\n",
        # does nothing
        "def add_scale(net, scale):\n    scale = str(scale)",
    ],
    "10.4": [
        # the bug in other words
        _TEACH.replace(_HOLD, '        setattr(part, "requires_grad", False)\n'),
        # too late
        _TEACH.replace("    for part in (net.head, net.body, net.tail):\n" + _HOLD, "")
        + "    for part in (net.head, net.body, net.tail):\n"
        + _HOLD,
        # the body only
        _TEACH.replace("(net.head, net.body, net.tail)", "(net.body,)"),
        # everything
        _TEACH.replace(_HOLD, _HOLD + "    net.requires_grad_(False)\n"),
        # eval mode holds nothing
        _TEACH.replace(_HOLD, "        part.eval()\n"),
        # the upsampler alone learns
        _TEACH.replace("net.parameters()", "net.upsample.parameters()"),
        # put back afterwards: the new parts have learned beside another body
        "import copy\n"
        + _TEACH.replace(
            "    for part in (net.head, net.body, net.tail):\n" + _HOLD,
            "    parts = (net.head, net.body, net.tail)\n"
            "    kept = [copy.deepcopy(part.state_dict()) for part in parts]\n",
        )
        + "    for part, state in zip(parts, kept):\n        part.load_state_dict(state)\n",
        # another rate
        _TEACH.replace("lr=lr", "lr=10 * lr"),
    ],
    "10.5": [
        # the network itself, cut down
        _ONLY.replace("copy.deepcopy(net)", "net"),
        # a shallow copy
        _ONLY.replace("copy.deepcopy(net)", "copy.copy(net)"),
        # only the upsamplers are taken out
        _ONLY.replace("(one.pre_process, one.upsample)", "(one.upsample,)"),
        # nothing is taken out
        "import copy\ndef only(net, scale):\n    return copy.deepcopy(net)",
        # scales not said
        _ONLY.replace("    one.scales = (scale,)\n", ""),
        # a number in brackets is no tuple
        _ONLY.replace("(scale,)", "(scale)"),
        # a fresh EDSR-like network
        "from srlib import models\n"
        "def only(net, scale):\n    return models.MDSR((scale,), blocks=1, features=net.head.out_channels)",
        # weights are shared
        "from srlib import models\n"
        "def only(net, scale):\n"
        "    one = models.MDSR((scale,), blocks=1, features=net.head.out_channels)\n"
        "    one.head, one.body, one.tail = net.head, net.body, net.tail\n"
        "    one.pre_process[str(scale)] = net.pre_process[str(scale)]\n"
        "    one.upsample[str(scale)] = net.upsample[str(scale)]\n"
        "    return one\n",
    ],
}
