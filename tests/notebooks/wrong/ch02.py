"""Wrong answers to the exercises of chapter 2."""

WRONG: dict[str, list[str]] = {
    "2.1": [
        # forgets that pixels are squares
        "def neighbours(i, scale):\n    f = i // scale\n    return [f - 1, f, f + 1, f + 2]",
        # rounds instead of taking the floor
        "def neighbours(i, scale):\n    n = round((i + 0.5) / scale - 0.5)\n"
        "    return [n - 1, n, n + 1, n + 2]",
        # int() cuts towards zero
        "def neighbours(i, scale):\n    n = int((i + 0.5) / scale - 0.5)\n"
        "    return [n - 1, n, n + 1, n + 2]",
        # the two nearest only
        "def neighbours(i, scale):\n    n = math.floor((i + 0.5) / scale - 0.5)\n    return [n, n + 1]",
    ],
    "2.2": [
        # takes the value for a itself
        "def find_a(enlarge):\n    row = torch.zeros(16)\n    row[8] = 1\n"
        "    return float(enlarge(row).min())",
        # the weight at 1.75 divided by what belongs to 1.25
        "def find_a(enlarge):\n    row = torch.zeros(16)\n    row[8] = 1\n"
        "    return float(enlarge(row)[13]) / 0.140625",
        # too short a row
        "def find_a(enlarge):\n    return float(enlarge(torch.tensor([0.0, 1.0, 0.0]))[0])",
        # knows only MATLAB
        "def find_a(enlarge):\n    return -0.5",
    ],
    "2.3": [
        # does not fold
        "def alias(frequency, every):\n    return frequency * every",
        # folds at one, forgets the mirror
        "def alias(frequency, every):\n    return (frequency * every) % 1",
        # clips: what cannot be held is said to lie at the limit
        "def alias(frequency, every):\n    return min(frequency * every, 0.5)",
    ],
    "2.4": [
        # the bug in other words: first and last pixels on top of each other
        "def enlarge(x, scale):\n    for axis in (0, 1):\n        n = x.shape[axis]\n"
        "        places = torch.arange(n * scale).double() * (n - 1) / (n * scale - 1)\n"
        "        x = sample(x, places, axis)\n    return x",
        # the right step, the wrong start
        "def enlarge(x, scale):\n    for axis in (0, 1):\n        n = x.shape[axis]\n"
        "        places = torch.arange(n * scale).double() / scale\n"
        "        x = sample(x, places, axis)\n    return x",
        # only half of the shift
        "def enlarge(x, scale):\n    for axis in (0, 1):\n        n = x.shape[axis]\n"
        "        places = (torch.arange(n * scale).double() + 0.5) / scale\n"
        "        x = sample(x, places, axis)\n    return x",
        # one axis only
        "def enlarge(x, scale):\n    n = x.shape[0]\n"
        "    return sample(x, (torch.arange(n * scale).double() + 0.5) / scale - 0.5, 0)",
    ],
    "2.5": [
        # the wrong sign
        "def agree(sr, lr, shrink, enlarge, steps):\n    for _ in range(steps):\n"
        "        sr = sr + enlarge(shrink(sr) - lr)\n    return sr",
        # the error is computed once
        "def agree(sr, lr, shrink, enlarge, steps):\n    missing = lr - shrink(sr)\n"
        "    for _ in range(steps):\n        sr = sr + enlarge(missing) / steps\n    return sr",
        # enlarges lr anew and forgets sr
        "def agree(sr, lr, shrink, enlarge, steps):\n    return enlarge(lr)",
        # changes the picture that it was given
        "def agree(sr, lr, shrink, enlarge, steps):\n    for _ in range(steps):\n"
        "        sr += enlarge(lr - shrink(sr))\n    return sr",
    ],
    "2.6": [
        # no stretching
        "def shrink(x, scale):\n    return F.interpolate(x, scale_factor=1 / scale, mode='bicubic')",
        # means
        "def shrink(x, scale):\n    return F.avg_pool2d(x, scale)",
        # stretched, but a triangle
        "def shrink(x, scale):\n"
        "    return F.interpolate(x, scale_factor=1 / scale, mode='bilinear', antialias=True)",
    ],
}
