"""Wrong answers to the exercises of chapter 13."""

_WORSE = (
    "def worse(x, width, scale):\n"
    "    r = math.ceil(3.5 * width)\n"
    "    bell = torch.exp(-(torch.arange(-r, r + 1) / width).square() / 2)\n"
    "    kernel = torch.outer(bell, bell)\n"
    "    kernel = kernel / kernel.sum()\n"
    "    padded = F.pad(x, [r] * 4, mode='replicate')\n"
    "    n, c, h, w = padded.shape\n"
    "    y = F.conv2d(padded.reshape(n * c, 1, h, w), kernel[None, None])\n"
    "    y = y.reshape(n, c, *y.shape[2:])\n"
    "    middle = scale // 2\n"
    "    return y[..., middle::scale, middle::scale]\n"
)
_FIND = (
    "def find_kernel(hr, lr):\n"
    "    seen = F.unfold(hr[None], 9, stride=3)[0].T.double()\n"
    "    wanted = lr[:, 1:-1, 1:-1].reshape(-1, 1).double()\n"
    "    return torch.linalg.lstsq(seen, wanted).solution.reshape(9, 9).float()\n"
)
_ENLARGE = (
    "def enlarge(net, x, tile, around):\n"
    "    n, c, height, width = x.shape\n"
    "    out = torch.zeros(n, c, 3 * height, 3 * width)\n"
    "    for top in range(0, height, tile):\n"
    "        for left in range(0, width, tile):\n"
    "            a, b = max(top - around, 0), max(left - around, 0)\n"
    "            y = net(x[..., a : top + tile + around, b : left + tile + around])\n"
    "            y = y[..., 3 * (top - a) :, 3 * (left - b) :]\n"
    "            place = out[..., 3 * top : 3 * top + 3 * tile, 3 * left : 3 * left + 3 * tile]\n"
    "            place.copy_(y[..., : place.shape[2], : place.shape[3]])\n"
    "    return out\n"
)
_PADDED = (
    "def enlarge(net, x, tile, around):\n"
    "    n, c, height, width = x.shape\n"
    "    out = torch.zeros(n, c, 3 * height, 3 * width)\n"
    "    padded = torch.zeros(n, c, height + 2 * around, width + 2 * around)\n"
    "    padded[..., around : around + height, around : around + width] = x\n"
    "    for top in range(0, height, tile):\n"
    "        for left in range(0, width, tile):\n"
    "            part = padded[..., top : top + tile + 2 * around, left : left + tile + 2 * around]\n"
    "            y = net(part)[..., 3 * around :, 3 * around :]\n"
    "            place = out[..., 3 * top : 3 * top + 3 * tile, 3 * left : 3 * left + 3 * tile]\n"
    "            place.copy_(y[..., : place.shape[2], : place.shape[3]])\n"
    "    return out\n"
)
_AGREE = (
    "def agree(sr, lr, shrink, steps):\n"
    "    for _ in range(steps):\n"
    "        sr = sr + imresize(lr - shrink(sr), 3)\n"
    "    return sr\n"
)

WRONG: dict[str, list[str]] = {
    "13.1": [
        # the corner pixel
        _WORSE.replace("middle = scale // 2", "middle = 0"),
        # black outside
        _WORSE.replace(", mode='replicate'", ""),
        # mirrored outside
        _WORSE.replace("replicate", "reflect"),
        # not normalised
        _WORSE.replace("    kernel = kernel / kernel.sum()\n", ""),
        # no 2 in the exponent
        _WORSE.replace(".square() / 2)", ".square())"),
        # the width is taken for the variance
        _WORSE.replace("/ width).square() / 2", ").square() / (2 * width)"),
        # cut off too near
        _WORSE.replace("math.ceil(3.5 * width)", "1"),
        # averages
        "def worse(x, width, scale):\n    return F.avg_pool2d(x, scale)",
        # no blur
        "def worse(x, width, scale):\n    return x[..., scale // 2 :: scale, scale // 2 :: scale]",
        # one row short
        _WORSE.replace("[..., middle::scale,", "[..., middle + scale :: scale,"),
    ],
    "13.2": [
        # turned
        _FIND.replace("reshape(9, 9)", "reshape(9, 9).flip(0, 1)"),
        # transposed
        _FIND.replace("reshape(9, 9)", "reshape(9, 9).T"),
        # another ring
        _FIND.replace("lr[:, 1:-1, 1:-1]", "lr[:, :-2, :-2]"),
        # the wrong windows
        "def find_kernel(hr, lr):\n"
        "    seen = F.unfold(hr[None, :, 1:, 1:], 9, stride=3)[0].T.double()\n"
        "    wanted = lr[:, 1:-2, 1:-2].reshape(-1, 1).double()\n"
        "    seen = seen[: len(wanted)]\n"
        "    return torch.linalg.lstsq(seen[: len(wanted)], wanted[: len(seen)]).solution.reshape(9, 9)",
        # a Gaussian, guessed
        "def find_kernel(hr, lr):\n"
        "    d = torch.arange(-4, 5)\n"
        "    k = torch.exp(-(d[:, None] ** 2 + d[None] ** 2) / 2.88)\n"
        "    return k / k.sum()",
        # not a square
        _FIND.replace(".reshape(9, 9)", ""),
    ],
    "13.3": [
        # the bug in other words
        _PADDED,
        # the edge repeated
        _PADDED.replace(
            "    padded = torch.zeros(n, c, height + 2 * around, width + 2 * around)\n"
            "    padded[..., around : around + height, around : around + width] = x\n",
            "    padded = F.pad(x, [around] * 4, mode='replicate')\n",
        ),
        # no surroundings
        _ENLARGE.replace("around), 0)", "0), 0)")
        .replace("top - around", "top")
        .replace("left - around", "left")
        .replace("tile + around", "tile"),
        # all at once
        "def enlarge(net, x, tile, around):\n    return net(x)",
        # the surroundings are cut off as if always there
        _ENLARGE.replace("3 * (top - a) :, 3 * (left - b) :", "3 * around :, 3 * around :"),
        # small pixels for large ones
        _ENLARGE.replace("3 * (top - a) :, 3 * (left - b) :", "top - a :, left - b :"),
        # clipped
        _ENLARGE.replace("return out", "return out.clamp(0, 1)"),
    ],
    "13.4": [
        # the farthest
        "def read_small(lr, drawings):\n"
        "    return int((bicubic(drawings, 3) - lr).square().sum((1, 2)).argmax())",
        # enlarges
        "def read_small(lr, drawings):\n"
        "    return int((bicubic(drawings, 3).mean((1, 2)) - lr.mean()).abs().argmin())",
        # the difference is not squared
        "def read_small(lr, drawings):\n    return int((bicubic(drawings, 3) - lr).sum((1, 2)).argmin())",
        # keeps one pixel of nine
        "def read_small(lr, drawings):\n"
        "    return int((drawings[:, ::3, ::3] - lr).square().sum((1, 2)).argmin())",
        # all distances
        "def read_small(lr, drawings):\n    return (bicubic(drawings, 3) - lr).square().sum((1, 2))",
        # brightness taken out
        "def read_small(lr, drawings):\n"
        "    a = bicubic(drawings, 3).flatten(1)\n"
        "    a = a - a.mean(1, keepdim=True)\n"
        "    b = (lr - lr.mean()).flatten()\n"
        "    return int((a @ b / a.norm(dim=1)).argmax())",
    ],
    "13.5": [
        # the same each time
        "def agree(sr, lr, shrink, steps):\n    return sr + steps * imresize(lr - shrink(sr), 3)",
        # the wrong way round
        _AGREE.replace("lr - shrink(sr)", "shrink(sr) - lr"),
        # bicubic
        _AGREE.replace("shrink(sr)", "bicubic(sr, 3)"),
        # clipped
        _AGREE.replace("return sr", "return sr.clamp(0, 1)"),
        # one step
        _AGREE.replace("range(steps)", "range(1)"),
        # nearest
        _AGREE.replace(", 3)", ", 3, kernel='nearest')"),
        # nothing
        "def agree(sr, lr, shrink, steps):\n    return sr * 1",
    ],
}
