"""Wrong answers to the exercises of chapter 7."""

_BLOCK = (
    "class Block(nn.Module):\n"
    "    def __init__(self, features):\n"
    "        super().__init__()\n"
    "        self.body = nn.Sequential(\n"
    "            nn.Conv2d(features, features, 3, padding=1),\n"
    "            nn.BatchNorm2d(features),\n"
    "            nn.PReLU(),\n"
    "            nn.Conv2d(features, features, 3, padding=1),\n"
    "            nn.BatchNorm2d(features),\n"
    "        )\n"
    "    def forward(self, x):\n"
    "        return x + self.body(x)\n"
)
_BILL = (
    "def bill(blocks, features):\n"
    "    def conv(before, after, k):\n"
    "        return k * k * before * after + after\n"
    "    f = features\n"
    "    head = conv(3, f, 9) + 1\n"
    "    pair = conv(f, f, 3) + 2 * f\n"
    "    twice = conv(f, 4 * f, 3) + 1\n"
    "    return head + blocks * (2 * pair + 1) + pair + 2 * twice + conv(f, 3, 9)\n"
)
_GRADIENTS = (
    "def gradient_norms(net, lr, hr):\n"
    "    net.zero_grad()\n"
    "    F.mse_loss(net(lr), hr).backward()\n"
    "    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d)]\n"
    "    return [float(layer.weight.grad.norm()) for layer in layers]\n"
)
_VALIDATE = (
    "def validate(net, lr, hr):\n"
    "    before = net.training\n"
    "    net.eval()\n"
    "    with torch.no_grad():\n"
    "        sr = net(lr).clamp(0, 1)\n"
    "    net.train(before)\n"
    "    return float(psnr(sr, hr, crop=3).mean())\n"
)
_FOLD = (
    "def fold(conv, norm):\n"
    "    factor = norm.weight / (norm.running_var + norm.eps).sqrt()\n"
    "    folded = copy.deepcopy(conv)\n"
    "    with torch.no_grad():\n"
    "        folded.weight *= factor[:, None, None, None]\n"
    "        folded.bias.copy_((conv.bias - norm.running_mean) * factor + norm.bias)\n"
    "    return folded\n"
)
_BIAS = "(conv.bias - norm.running_mean) * factor + norm.bias"

WRONG: dict[str, list[str]] = {
    "7.1": [
        # no skip
        _BLOCK.replace("return x + self.body(x)", "return self.body(x)"),
        # x is overwritten before it is added
        _BLOCK.replace("return x + self.body(x)", "x = self.body(x)\n        return x + x"),
        # its caller's tensor is overwritten
        _BLOCK.replace("return x + self.body(x)", "x += self.body(x)\n        return x"),
        # a PReLU after the addition, as in the first ResNet, and one too many
        _BLOCK.replace("self.body =", "self.last = nn.PReLU()\n        self.body =").replace(
            "return x + self.body(x)", "return self.last(x + self.body(x))"
        ),
        # no normalisation
        _BLOCK.replace("            nn.BatchNorm2d(features),\n", ""),
        # one normalisation
        _BLOCK.replace("nn.BatchNorm2d(features),\n            nn.PReLU()", "nn.PReLU()"),
        # ReLU
        _BLOCK.replace("nn.PReLU()", "nn.ReLU()"),
        # a slope for each channel
        _BLOCK.replace("nn.PReLU()", "nn.PReLU(features)"),
        # no padding
        _BLOCK.replace(", padding=1", ""),
        # the normalisation after the PReLU
        _BLOCK.replace(
            "nn.BatchNorm2d(features),\n            nn.PReLU()",
            "nn.PReLU(),\n            nn.BatchNorm2d(features)",
        ),
        # no biases
        _BLOCK.replace("padding=1", "padding=1, bias=False"),
        # the wrong sign
        _BLOCK.replace("x + self.body(x)", "x - self.body(x)"),
    ],
    "7.2": [
        # no biases
        _BILL.replace("k * k * before * after + after", "k * k * before * after"),
        # no normalisations
        _BILL.replace("+ 2 * f\n", "\n"),
        # the running averages, too
        _BILL.replace("+ 2 * f\n", "+ 4 * f\n"),
        # nothing between blocks and shuffles
        _BILL.replace("+ 1) + pair +", "+ 1) +"),
        # one enlarging step
        _BILL.replace("2 * twice", "twice"),
        # a slope for each channel
        _BILL.replace("9) + 1", "9) + f").replace("pair + 1", "pair + f").replace("3) + 1", "3) + f"),
        # no slopes
        _BILL.replace("9) + 1", "9)").replace("pair + 1", "pair").replace("3) + 1", "3)"),
        # a tail, or head and tail, of 3 x 3
        _BILL.replace("conv(f, 3, 9)", "conv(f, 3, 3)"),
        _BILL.replace(", 9)", ", 3)"),
        # the example only
        "def bill(blocks, features):\n    return 1_549_462",
    ],
    "7.3": [
        # adds to what an earlier batch has left
        _GRADIENTS.replace("    net.zero_grad()\n", ""),
        # the sum of the squared errors
        _GRADIENTS.replace("F.mse_loss(net(lr), hr)", "(net(lr) - hr).square().sum()"),
        # the mean absolute error
        _GRADIENTS.replace("mse_loss", "l1_loss"),
        # all parameters
        _GRADIENTS.replace(
            "    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d)]\n", ""
        ).replace(
            "layer.weight.grad.norm()) for layer in layers", "w.grad.norm()) for w in net.parameters()"
        ),
        # the largest number instead of the norm
        _GRADIENTS.replace(".norm()", ".abs().max()"),
        # the weights' norms
        _GRADIENTS.replace(".grad.norm()", ".norm()"),
        # makes a step
        _GRADIENTS.replace(
            "    layers =", "    torch.optim.SGD(net.parameters(), lr=0.1).step()\n    layers ="
        ),
        # in eval mode
        _GRADIENTS.replace("    net.zero_grad()\n", "    net.zero_grad()\n    net.eval()\n"),
        # squares
        _GRADIENTS.replace(".norm()", ".square().sum()"),
    ],
    "7.4": [
        # the bug in other words
        "def validate(net, lr, hr):\n    torch.set_grad_enabled(False)\n    sr = net(lr).clamp(0, 1)\n"
        "    torch.set_grad_enabled(True)\n    return float(psnr(sr, hr, crop=3).mean())",
        # stays in eval mode
        _VALIDATE.replace("    net.train(before)\n", ""),
        # another border
        _VALIDATE.replace("crop=3", "crop=4"),
        # always train mode afterwards
        _VALIDATE.replace("net.train(before)", "net.train()"),
        # eval mode comes too late
        _VALIDATE.replace("    net.eval()\n", "").replace(
            "    with torch.no_grad():\n", "    with torch.no_grad():\n        net(lr)\n        net.eval()\n"
        ),
        # a copy, but in train mode
        "def validate(net, lr, hr):\n    with torch.no_grad():\n"
        "        sr = copy.deepcopy(net)(lr).clamp(0, 1)\n"
        "    return float(psnr(sr, hr, crop=3).mean())",
        # one by one, in train mode
        "def validate(net, lr, hr):\n    with torch.no_grad():\n"
        "        sr = torch.cat([net(x) for x in lr.split(1)]).clamp(0, 1)\n"
        "    return float(psnr(sr, hr, crop=3).mean())",
    ],
    "7.5": [
        # no eps
        _FOLD.replace(" + norm.eps", ""),
        # no root
        _FOLD.replace(".sqrt()", ""),
        # the convolution's bias is not multiplied
        _FOLD.replace(_BIAS, "conv.bias - norm.running_mean * factor + norm.bias"),
        # nor there at all
        _FOLD.replace(_BIAS, "norm.bias - norm.running_mean * factor"),
        # no mean
        _FOLD.replace(_BIAS, "conv.bias * factor + norm.bias"),
        # no gamma
        _FOLD.replace("norm.weight /", "1 /"),
        # no beta
        _FOLD.replace(" + norm.bias", ""),
        # along the wrong axis: another error where the channels differ
        _FOLD.replace("factor[:, None, None, None]", "factor[:, None, None]"),
        # changes the given one
        _FOLD.replace("copy.deepcopy(conv)", "conv"),
        # two layers in one
        "def fold(conv, norm):\n    return nn.Sequential(conv, norm)",
        # no padding
        _FOLD.replace("    return folded", "    folded.padding = (0, 0)\n    return folded"),
    ],
}
