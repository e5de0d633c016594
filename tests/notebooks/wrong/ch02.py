"""Wrong answers to the exercises of chapter 2."""

_RESIZE = """def resize(x, scale):
    for _ in range(2):
        n, wide = len(x), min(scale, 1)
        out, reach = math.ceil(n * scale), math.ceil(2 / wide)
        u = (torch.arange(out).double() + 0.5) / scale - 0.5
        j = torch.arange(-reach, n + reach)
        d = ((u[:, None] - j) * wide).abs()
        w = torch.where(d < 2, -0.5 * (d - 1) * (d - 2) ** 2, 0.0)
        w = torch.where(d <= 1, 1.5 * d**3 - 2.5 * d**2 + 1, w)
        w = w / w.sum(dim=1, keepdim=True)
        j = j % (2 * n)
        j = torch.minimum(j, 2 * n - 1 - j)
        m = torch.zeros(out, n, dtype=torch.float64).index_add(1, j, w)
        x = (m @ x).T  # rows first, then columns, and back again
    return x
"""
"""Right; each wrong answer to 2.6 spoils one thing in it."""

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
        # mirrors, which is not asked for
        "def neighbours(i, scale):\n    n = math.floor((i + 0.5) / scale - 0.5)\n"
        "    return [max(0, j) for j in (n - 1, n, n + 1, n + 2)]",
        # the two nearest only
        "def neighbours(i, scale):\n    n = math.floor((i + 0.5) / scale - 0.5)\n    return [n, n + 1]",
    ],
    "2.2": [
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
        # clips the places at the border instead of leaving that to the mirror
        "def enlarge(x, scale):\n    for axis in (0, 1):\n        n = x.shape[axis]\n"
        "        places = (torch.arange(n * scale).double() + 0.5) / scale - 0.5\n"
        "        x = sample(x, places.clamp(0, n - 1), axis)\n    return x",
        # one axis only
        "def enlarge(x, scale):\n    n = x.shape[0]\n"
        "    return sample(x, (torch.arange(n * scale).double() + 0.5) / scale - 0.5, 0)",
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
        # the wrong sign
        "def agree(sr, lr, shrink, enlarge, noise):\n    for _ in range(20):\n"
        "        missing = shrink(sr) - lr\n"
        "        if missing.square().mean().sqrt() <= noise:\n            break\n"
        "        sr = sr + enlarge(missing)\n    return sr",
        # steps first and looks afterwards
        "def agree(sr, lr, shrink, enlarge, noise):\n    for _ in range(20):\n"
        "        missing = lr - shrink(sr)\n        sr = sr + enlarge(missing)\n"
        "        if missing.square().mean().sqrt() <= noise:\n            break\n    return sr",
        # forgets the root
        "def agree(sr, lr, shrink, enlarge, noise):\n    for _ in range(20):\n"
        "        missing = lr - shrink(sr)\n"
        "        if missing.square().mean() <= noise:\n            break\n"
        "        sr = sr + enlarge(missing)\n    return sr",
        # the largest error, not the root mean square
        "def agree(sr, lr, shrink, enlarge, noise):\n    for _ in range(20):\n"
        "        missing = lr - shrink(sr)\n"
        "        if missing.abs().max() <= noise:\n            break\n"
        "        sr = sr + enlarge(missing)\n    return sr",
        # the error is computed once
        "def agree(sr, lr, shrink, enlarge, noise):\n    missing = lr - shrink(sr)\n"
        "    for _ in range(20):\n"
        "        if missing.square().mean().sqrt() <= noise:\n            break\n"
        "        sr = sr + enlarge(missing)\n    return sr",
        # changes the picture that it was given
        "def agree(sr, lr, shrink, enlarge, noise):\n    for _ in range(20):\n"
        "        missing = lr - shrink(sr)\n"
        "        if missing.square().mean().sqrt() <= noise:\n            break\n"
        "        sr += enlarge(missing)\n    return sr",
        # clips in every step
        "def agree(sr, lr, shrink, enlarge, noise):\n    for _ in range(20):\n"
        "        missing = lr - shrink(sr)\n"
        "        if missing.square().mean().sqrt() <= noise:\n            break\n"
        "        sr = (sr + enlarge(missing)).clamp(0, 1)\n    return sr",
        # clips at the end
        "def agree(sr, lr, shrink, enlarge, noise):\n    for _ in range(20):\n"
        "        missing = lr - shrink(sr)\n"
        "        if missing.square().mean().sqrt() <= noise:\n            break\n"
        "        sr = sr + enlarge(missing)\n    return sr.clamp(0, 1)",
        # the library's, which knows one camera only
        "from srlib.models import back_project\n"
        "def agree(sr, lr, shrink, enlarge, noise):\n"
        "    return back_project(sr[None], lr[None], 3, steps=20)[0]",
        # enlarges lr anew and forgets sr
        "def agree(sr, lr, shrink, enlarge, noise):\n    return enlarge(lr)",
        # a single step
        "def agree(sr, lr, shrink, enlarge, noise):\n    missing = lr - shrink(sr)\n"
        "    if missing.square().mean().sqrt() <= noise:\n        return sr\n"
        "    return sr + enlarge(missing)",
    ],
    "2.5": [
        # takes the value for a itself
        "def find_a(enlarge):\n    row = torch.zeros(16)\n    row[8] = 1\n"
        "    return float(enlarge(row).min())",
        # the weight at 1.75 divided by what belongs to 1.25
        "def find_a(enlarge):\n    row = torch.zeros(16)\n    row[8] = 1\n"
        "    return float(enlarge(row)[13]) / 0.140625",
        # forgets to divide
        "def find_a(enlarge):\n    row = torch.zeros(16)\n    row[8] = 1\n    return float(enlarge(row)[19])",
        # too short a row
        "def find_a(enlarge):\n    return float(enlarge(torch.tensor([0.0, 1.0, 0.0]))[0])",
        # knows only MATLAB
        "def find_a(enlarge):\n    return -0.5",
    ],
    "2.6": [
        # never stretches
        _RESIZE.replace("min(scale, 1)", "1"),
        # OpenCV's a
        _RESIZE.replace("-0.5 * (d - 1)", "-0.75 * (d - 1)").replace(
            "1.5 * d**3 - 2.5", "1.25 * d**3 - 2.25"
        ),
        # pixels have no width
        _RESIZE.replace(
            "(torch.arange(out).double() + 0.5) / scale - 0.5", "torch.arange(out).double() / scale"
        ),
        # repeats the last pixel at the border
        _RESIZE.replace("j = j % (2 * n)", "j = j.clamp(0, n - 1)"),
        # nothing beyond the border
        _RESIZE.replace("j = j % (2 * n)", "w = w * ((j >= 0) & (j < n))\n        j = j % (2 * n)"),
        # forgets to divide
        _RESIZE.replace("        w = w / w.sum(dim=1, keepdim=True)\n", ""),
        # one axis only
        _RESIZE.replace("for _ in range(2)", "for _ in range(1)"),
        # single precision
        _RESIZE.replace("return x", "return x.float()"),
        # somebody else's
        "def resize(x, scale):\n    return imresize(x, scale)",
        "def resize(x, scale):\n    return F.interpolate(x[None, None], scale_factor=scale,"
        " mode='bicubic', antialias=scale < 1)[0, 0]",
    ],
}
