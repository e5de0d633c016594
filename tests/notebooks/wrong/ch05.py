"""Wrong answers to the exercises of chapter 5."""

_CALL = (
    "    before = (stored.shape[0] - 1) // 2\n"
    "    after = scale - stored.shape[0] + 2 * before\n"
    "    return F.conv_transpose2d(features, weight, bias, scale, before, output_padding=after)"
)
_HEAD = "def enlarge(features, stored, bias, scale):\n"

_PAINT = """
def transposed(x, weight, stride, padding):
    k = weight.shape[-1]
    rows, columns = ((n - 1) * stride + k for n in x.shape[1:])
    out = torch.zeros(weight.shape[1], rows, columns)
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            brush = {brush}
            stroke = (x[: len(brush), i, j, None, None, None] * brush).sum(0)
            top, left = i * stride, j * stride
            out[:, top : top + k, left : left + k] {how} stroke
    return {cut}
"""
_CUT = "out[:, padding : rows - padding, padding : columns - padding]"

WRONG: dict[str, list[str]] = {
    "5.1": [
        # cuts nothing
        _PAINT.format(how="+=", brush="weight", cut="out"),
        # cuts on two sides
        _PAINT.format(how="+=", brush="weight", cut="out[:, padding:, padding:]"),
        # cuts by -0
        _PAINT.format(how="+=", brush="weight", cut="out[:, padding:-padding, padding:-padding]"),
        # strokes hide each other
        _PAINT.format(how="=", brush="weight", cut=_CUT),
        # the brush turned about
        _PAINT.format(how="+=", brush="weight.flip(2, 3)", cut=_CUT),
        # rows and columns of the brush exchanged
        _PAINT.format(how="+=", brush="weight.transpose(2, 3)", cut=_CUT),
        # the first channel only
        _PAINT.format(how="+=", brush="weight[:1]", cut=_CUT),
        # the output as large as stride * H
        _PAINT.format(how="+=", brush="weight", cut=_CUT).replace("(n - 1) * stride + k", "n * stride"),
        # PyTorch's own
        "def transposed(x, weight, stride, padding):\n"
        "    return F.conv_transpose2d(x[None], weight, stride=stride, padding=padding)[0]",
    ],
    "5.2": [
        # forgets to expand
        "def bill(d, s, m):\n    return 25 * d + d * s + 9 * m * s * s + 81 * d",
        # all parameters
        "def bill(d, s, m):\n    return 25 * d + 2 * d * s + 9 * m * s * s + 81 * d "
        "+ 2 * (d + s + m * s + d) + 1",
        # the biases, too
        "def bill(d, s, m):\n    return 26 * d + 2 * d * s + s + 9 * m * s * s + m * s + d + 81 * d + 1",
        # the last layer on the large grid
        "def bill(d, s, m):\n    return 25 * d + 2 * d * s + 9 * m * s * s + 9 * 81 * d",
        # maps the wide features
        "def bill(d, s, m):\n    return 25 * d + 2 * d * s + 9 * m * d * d + 81 * d",
    ],
    "5.3": [
        # the shuffle itself
        "def unshuffle(x, scale):\n    return F.pixel_shuffle(x, scale)",
        # columns of the square before its rows
        "def unshuffle(x, scale):\n    n, c, h, w = x.shape\n"
        "    x = x.view(n, c, h // scale, scale, w // scale, scale).permute(0, 1, 5, 3, 2, 4)\n"
        "    return x.reshape(n, c * scale**2, h // scale, w // scale)",
        # splits rows into (scale, H)
        "def unshuffle(x, scale):\n    n, c, h, w = x.shape\n"
        "    x = x.view(n, c, scale, h // scale, scale, w // scale).permute(0, 1, 2, 4, 3, 5)\n"
        "    return x.reshape(n, c * scale**2, h // scale, w // scale)",
        # PyTorch's own
        "def unshuffle(x, scale):\n    return F.pixel_unshuffle(x, scale)",
        # no permute at all
        "def unshuffle(x, scale):\n    n, c, h, w = x.shape\n"
        "    return x.reshape(n, c * scale**2, h // scale, w // scale)",
    ],
    "5.4": [
        # the bug in other words
        _HEAD + "    weight = stored.permute(2, 3, 0, 1).transpose(0, 1).transpose(2, 3)\n" + _CALL,
        # a mirror where an exchange of axes was needed
        _HEAD + "    weight = stored.permute(3, 2, 1, 0).flip(2, 3)\n" + _CALL,
        # rows and columns right, and turned about
        _HEAD + "    weight = stored.permute(3, 2, 0, 1).flip(2, 3)\n" + _CALL,
        # channels exchanged
        _HEAD + "    weight = stored.permute(2, 3, 0, 1)\n" + _CALL,
    ],
    "5.5": [
        # one slope for all channels
        "def small_fsrcnn(scale):\n    return nn.Sequential(\n"
        "        nn.Conv2d(1, 32, 5, padding=2), nn.PReLU(), nn.Conv2d(32, 5, 1), nn.PReLU(),\n"
        "        nn.Conv2d(5, 5, 3, padding=1), nn.PReLU(), nn.Conv2d(5, 32, 1), nn.PReLU(),\n"
        "        nn.ConvTranspose2d(32, 1, 9, stride=scale, padding=4, output_padding=scale - 1))",
        # the brush hangs over
        "def small_fsrcnn(scale):\n    return nn.Sequential(\n"
        "        nn.Conv2d(1, 32, 5, padding=2), nn.PReLU(32), nn.Conv2d(32, 5, 1), nn.PReLU(5),\n"
        "        nn.Conv2d(5, 5, 3, padding=1), nn.PReLU(5), nn.Conv2d(5, 32, 1), nn.PReLU(32),\n"
        "        nn.ConvTranspose2d(32, 1, 9, stride=scale, padding=4))",
        # the centred brush: right but for one pixel
        "def small_fsrcnn(scale):\n    cut = -(-(9 - scale) // 2)\n    return nn.Sequential(\n"
        "        nn.Conv2d(1, 32, 5, padding=2), nn.PReLU(32), nn.Conv2d(32, 5, 1), nn.PReLU(5),\n"
        "        nn.Conv2d(5, 5, 3, padding=1), nn.PReLU(5), nn.Conv2d(5, 32, 1), nn.PReLU(32),\n"
        "        nn.ConvTranspose2d(32, 1, 9, scale, cut, output_padding=scale - 9 + 2 * cut))",
        # the library's own
        "from srlib.models import FSRCNN\ndef small_fsrcnn(scale):\n    return FSRCNN(scale, d=32, s=5, m=1)",
        # a brush of 7
        "def small_fsrcnn(scale):\n    return nn.Sequential(\n"
        "        nn.Conv2d(1, 32, 5, padding=2), nn.PReLU(32), nn.Conv2d(32, 5, 1), nn.PReLU(5),\n"
        "        nn.Conv2d(5, 5, 3, padding=1), nn.PReLU(5), nn.Conv2d(5, 32, 1), nn.PReLU(32),\n"
        "        nn.ConvTranspose2d(32, 1, 7, stride=scale, padding=3, output_padding=scale - 1))",
        # works for x3 only
        "def small_fsrcnn(scale):\n    return nn.Sequential(\n"
        "        nn.Conv2d(1, 32, 5, padding=2), nn.PReLU(32), nn.Conv2d(32, 5, 1), nn.PReLU(5),\n"
        "        nn.Conv2d(5, 5, 3, padding=1), nn.PReLU(5), nn.Conv2d(5, 32, 1), nn.PReLU(32),\n"
        "        nn.ConvTranspose2d(32, 1, 9, stride=3, padding=4, output_padding=2))",
        # shifted by a pixel
        "def small_fsrcnn(scale):\n    return nn.Sequential(\n"
        "        nn.Conv2d(1, 32, 5, padding=2), nn.PReLU(32), nn.Conv2d(32, 5, 1), nn.PReLU(5),\n"
        "        nn.Conv2d(5, 5, 3, padding=1), nn.PReLU(5), nn.Conv2d(5, 32, 1), nn.PReLU(32),\n"
        "        nn.ConvTranspose2d(32, 1, 9, stride=scale, padding=4), nn.ZeroPad2d((scale - 1, 0) * 2))",
    ],
    "5.6": [
        # zeros on all sides
        "def any_brush(weight, scale):\n    c, _, k, _ = weight.shape\n    t = -(-k // scale)\n"
        "    a = t * scale - k\n    w = F.pad(weight, (a, 0, a, 0))\n"
        "    w = w.reshape(c, t, scale, t, scale).permute(2, 4, 0, 1, 3)\n"
        "    return w.reshape(scale**2, c, t, t).flip(2, 3)",
        # forgets to turn the filters about
        "def any_brush(weight, scale):\n    c, _, k, _ = weight.shape\n    t = -(-k // scale)\n"
        "    a = t * scale - k\n    w = F.pad(weight, (0, a, 0, a))\n"
        "    w = w.reshape(c, t, scale, t, scale).permute(2, 4, 0, 1, 3)\n"
        "    return w.reshape(scale**2, c, t, t)",
        # cuts the brush where it does not divide
        "def any_brush(weight, scale):\n    c, _, k, _ = weight.shape\n    t = k // scale\n"
        "    w = weight[..., : t * scale, : t * scale]\n"
        "    w = w.reshape(c, t, scale, t, scale).permute(2, 4, 0, 1, 3)\n"
        "    return w.reshape(scale**2, c, t, t).flip(2, 3)",
        # phase and step exchanged
        "def any_brush(weight, scale):\n    c, _, k, _ = weight.shape\n    t = -(-k // scale)\n"
        "    a = t * scale - k\n    w = F.pad(weight, (0, a, 0, a))\n"
        "    w = w.reshape(c, scale, t, scale, t).permute(1, 3, 0, 2, 4)\n"
        "    return w.reshape(scale**2, c, t, t).flip(2, 3)",
    ],
}
