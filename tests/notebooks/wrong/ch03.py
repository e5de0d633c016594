"""Wrong answers to the exercises of chapter 3."""

_PASTE = (
    "def paste(detail, height, width, side, step):\n"
    "    numbers = torch.arange(height * width).double().view(1, 1, height, width)\n"
    "    where = F.unfold(numbers, side, stride=step)[0].T.long().flatten()\n"
    "    total, count = torch.zeros(2, height * width)\n"
)
_NEAR = (
    "def embed(signal, signals, detail, count):\n"
    "    near = (signals - signal).square().sum(dim=1).topk(count, largest=False).indices\n"
    "    apart = signals[near] - signal\n    gram = apart @ apart.T\n"
)
_SEARCH = (
    "    squares = F.unfold(small[None, None], side)[0].T\n"
    "    squares = squares - squares.mean(dim=1, keepdim=True)\n"
    "    best = int((squares - (wanted - wanted.mean())).square().sum(dim=1).argmin())\n"
    "    columns = small.shape[1] - side + 1\n"
)
_CUT = "    cut = F.unfold(derivatives(x), 9, stride=3)[0]\n"
_DETAIL = "    detail = (omp(low, (project @ cut).T, 3) @ high).T[None]\n"
_TOTAL = "    total = F.fold(detail, x.shape[2:], 9, stride=3)\n"
_COUNT = "    count = F.fold(torch.ones_like(detail), x.shape[2:], 9, stride=3)\n"
_REBUILD = "def rebuild(x, project, low, high):\n"
_PARENT = (
    "def parent(x, row, column, side, scale):\n"
    "    wanted = x[row : row + side, column : column + side].flatten()\n"
    "    small = bicubic(x, scale)\n"
)

WRONG: dict[str, list[str]] = {
    "3.1": [
        # as if there were no ends
        "def guesses(pixel, length, side, step):\n    return side // step",
        # forgets the end
        "def guesses(pixel, length, side, step):\n    return min(pixel // step + 1, side // step)",
        # leaves out the last patch
        "def guesses(pixel, length, side, step):\n"
        "    return sum(s <= pixel < s + side for s in range(0, length - side, step))",
        # patches hang over the end
        "def guesses(pixel, length, side, step):\n"
        "    return sum(s <= pixel < s + side for s in range(0, length, step))",
    ],
    "3.2": [
        # the bug in other words: the last patch wins
        _PASTE + "    total[where] = detail.flatten()\n    count[where] = 1.0\n"
        "    return (total / count).view(height, width)",
        # only the sum is mended
        _PASTE + "    total.index_add_(0, where, detail.flatten())\n    count[where] += 1\n"
        "    return (total / count).view(height, width)",
        # divides by the largest count everywhere
        _PASTE + "    total.index_add_(0, where, detail.flatten())\n"
        "    count.index_add_(0, where, torch.ones(len(where)))\n"
        "    return (total / count.max()).view(height, width)",
        # side and step in place of the count
        _PASTE + "    total.index_add_(0, where, detail.flatten())\n"
        "    return (total / (side / step) ** 2).view(height, width)",
    ],
    "3.3": [
        # the plain mean
        "def embed(signal, signals, detail, count):\n"
        "    near = (signals - signal).square().sum(dim=1).topk(count, largest=False).indices\n"
        "    return detail[near].mean(dim=0)",
        # weights not divided by their sum
        _NEAR + "    gram = gram + 1e-3 * gram.trace() * torch.eye(count)\n"
        "    return torch.linalg.solve(gram, torch.ones(count)) @ detail[near]",
        # the farthest
        _NEAR.replace(", largest=False", "") + "    gram = gram + 1e-3 * gram.trace() * torch.eye(count)\n"
        "    w = torch.linalg.solve(gram, torch.ones(count))\n    return w / w.sum() @ detail[near]",
        # G of the neighbours themselves
        _NEAR.replace(" - signal\n", "\n") + "    gram = gram + 1e-3 * gram.trace() * torch.eye(count)\n"
        "    w = torch.linalg.solve(gram, torch.ones(count))\n    return w / w.sum() @ detail[near]",
        # the most alike in direction
        _NEAR.replace(
            "(signals - signal).square().sum(dim=1).topk(count, largest=False)",
            "(signals @ signal).topk(count)",
        )
        + "    gram = gram + 1e-3 * gram.trace() * torch.eye(count)\n"
        "    w = torch.linalg.solve(gram, torch.ones(count))\n    return w / w.sum() @ detail[near]",
        # a thousandth, whatever the trace
        _NEAR + "    gram = gram + 1e-3 * torch.eye(count)\n"
        "    w = torch.linalg.solve(gram, torch.ones(count))\n    return w / w.sum() @ detail[near]",
        # one neighbour only
        "def embed(signal, signals, detail, count):\n"
        "    return detail[(signals - signal).square().sum(dim=1).argmin()]",
    ],
    "3.4": [
        # the corner in the small picture
        _PARENT + _SEARCH + "    return best // columns, best % columns",
        # searches in the picture itself
        _PARENT.replace("bicubic(x, scale)", "x")
        + _SEARCH
        + "    return scale * (best // columns), scale * (best % columns)",
        # keeps the means
        _PARENT + "    squares = F.unfold(small[None, None], side)[0].T\n"
        "    best = int((squares - wanted).square().sum(dim=1).argmin())\n"
        "    columns = small.shape[1] - side + 1\n"
        "    return scale * (best // columns), scale * (best % columns)",
        # counts as many squares in a row as pixels
        _PARENT
        + _SEARCH.replace("small.shape[1] - side + 1", "small.shape[1]")
        + "    return scale * (best // columns), scale * (best % columns)",
        # leaves pixels out, without averaging
        _PARENT.replace("bicubic(x, scale)", "x[::scale, ::scale].contiguous()")
        + _SEARCH
        + "    return scale * (best // columns), scale * (best % columns)",
        # by shape, as if strength did not count
        _PARENT
        + _SEARCH.replace("(squares - (wanted - wanted.mean()))", "(F.normalize(squares) - wanted)").replace(
            "    best", "    wanted = F.normalize(wanted - wanted.mean(), dim=0)\n    best"
        )
        + "    return scale * (best // columns), scale * (best % columns)",
    ],
    "3.5": [
        # over all examples
        "def anchored(atom, signals, detail, count, ridge):\n"
        "    square = signals.T @ signals + ridge * torch.eye(signals.shape[1])\n"
        "    return torch.linalg.solve(square, signals.T @ detail)",
        # the sign matters
        "def anchored(atom, signals, detail, count, ridge):\n"
        "    near = (signals @ atom).topk(count).indices\n    s, d = signals[near], detail[near]\n"
        "    return torch.linalg.solve(s.T @ s + ridge * torch.eye(s.shape[1]), s.T @ d)",
        # no ridge
        "def anchored(atom, signals, detail, count, ridge):\n"
        "    near = (signals @ atom).abs().topk(count).indices\n    s, d = signals[near], detail[near]\n"
        "    return torch.linalg.lstsq(s, d).solution",
        # turned round
        "def anchored(atom, signals, detail, count, ridge):\n"
        "    near = (signals @ atom).abs().topk(count).indices\n    s, d = signals[near], detail[near]\n"
        "    return torch.linalg.solve(s.T @ s + ridge * torch.eye(s.shape[1]), s.T @ d).T",
        # the ridge on every entry
        "def anchored(atom, signals, detail, count, ridge):\n"
        "    near = (signals @ atom).abs().topk(count).indices\n    s, d = signals[near], detail[near]\n"
        "    return torch.linalg.solve(s.T @ s + ridge, s.T @ d)",
    ],
    "3.6": [
        # the detail alone
        _REBUILD + _CUT + _DETAIL + _TOTAL + _COUNT + "    return total / count",
        # the sum of the guesses
        _REBUILD + _CUT + _DETAIL + _TOTAL + "    return x + total",
        # nine guesses everywhere
        _REBUILD + _CUT + _DETAIL + _TOTAL + "    return x + total / 9",
        # a patch at every pixel
        _REBUILD
        + (_CUT + _DETAIL + _TOTAL + _COUNT).replace(", stride=3", "")
        + "    return x + total / count",
        # compares, and chooses nothing
        _REBUILD
        + _CUT
        + _DETAIL.replace("omp(low, (project @ cut).T, 3)", "(project @ cut).T @ low.T")
        + _TOTAL
        + _COUNT
        + "    return x + total / count",
        # the shape, without its strength
        _REBUILD
        + _CUT
        + "    signals = F.normalize((project @ cut).T)\n    detail = (omp(low, signals, 3) @ high).T[None]\n"
        + _TOTAL
        + _COUNT
        + "    return x + total / count",
        # patches of the picture, not of its slopes
        _REBUILD
        + _CUT.replace("derivatives(x)", "x")
        + _DETAIL
        + _TOTAL
        + _COUNT
        + "    return x + total / count",
    ],
}
