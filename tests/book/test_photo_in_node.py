"""The JavaScript of one's own photo in Node, against what srlib computes: pixels, layers, strips, files."""

import base64
import importlib
import io
import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from srlib import zoo
from srlib.images import from_uint8, rgb_to_ycbcr, to_uint8
from srlib.inference import upscale
from srlib.resize import imresize

BOOK = Path(__file__).parents[2] / "book"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="found no Node on the path; install nodejs")

START = """
const given = JSON.parse(require("fs").readFileSync(0, "utf8"), (_, value) => value?.kind
  ? picture(...value.shape, globalThis[value.kind].from(value.data)) : value);
const written = (x) => ({ shape: [x.channels, x.height, x.width], kind: x.data.constructor.name,
  base64: Buffer.from(x.data.buffer, x.data.byteOffset, x.data.byteLength).toString("base64") });
const say = (value) => console.log(JSON.stringify(value));
"""


def node(script: str, before: str = "", **given: Any) -> Any:
    """What a script says that has the folder's functions and ``given`` (tensors become pictures). ``before``:
    a line that comes first of all."""
    parts = [
        (BOOK / "photo" / f"{name}.js").read_text("utf-8") for name in ("pixels", "fast", "network", "worker")
    ]
    text = "\n".join([before, *parts, START, f"(async () => {{ {script} }})()"])
    done = subprocess.run(
        [str(NODE), "-e", text], input=json.dumps(given, default=as_picture), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def as_picture(x: Tensor) -> dict[str, Any]:
    kind = "Uint8Array" if x.dtype == torch.uint8 else "Float32Array"
    return {"kind": kind, "shape": list(x.shape), "data": x.flatten().tolist()}


def as_tensor(said: dict[str, str]) -> Tensor:
    kind = np.uint8 if said["kind"] == "Uint8Array" else np.float32
    values = np.frombuffer(base64.b64decode(said["base64"]), kind).copy()
    return torch.from_numpy(values).view(*said["shape"])


def levels(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BOOK / "_ext"))
    return importlib.import_module("photo_networks")


# --- pixels ---------------------------------------------------------------------------------------

SIZES = [(1, 1), (1, 7), (5, 1), (2, 3), (13, 20), (31, 17)]


def test_bicubic_of_bytes_is_imresize_bit_for_bit() -> None:
    pictures, scales = [levels(3, *size, seed=sum(size)) for size in SIZES], [2, 3, 4, 1 / 2, 1 / 3, 1 / 4]
    script = "say(given.scales.map((scale) => given.pictures.map((x) => written(imresize(x, scale)))))"
    for scale, said in zip(scales, node(script, pictures=pictures, scales=scales), strict=True):
        for x, mine in zip(pictures, said, strict=True):
            assert torch.equal(as_tensor(mine), imresize(x, scale)), (scale, tuple(x.shape))


def test_bicubic_of_floats_is_imresize_and_may_leave_the_range() -> None:
    x = (levels(2, 9, 14) > 127).float()
    said = node("say([2, 3, 4].map((scale) => written(imresize(given.x, scale))))", x=x)
    for scale, mine in zip((2, 3, 4), map(as_tensor, said), strict=True):
        assert mine.max() > 1.05
        torch.testing.assert_close(mine, imresize(x, scale), atol=1e-6, rtol=0)


def test_nearest_neighbour_repeats_each_pixel() -> None:
    x = levels(3, 4, 5)
    mine = as_tensor(node("say(written(nearest(given.x, 3)))", x=x))
    assert torch.equal(mine, x.repeat_interleave(3, 1).repeat_interleave(3, 2))


def test_colours_become_luma_and_chroma_and_come_back() -> None:
    x = from_uint8(levels(3, 6, 7))
    there, back = map(as_tensor, node("const y = toYcbcr(given.x); say([y, toRgb(y)].map(written))", x=x))
    torch.testing.assert_close(there, rgb_to_ycbcr(x), atol=1e-6, rtol=0)
    torch.testing.assert_close(back, x, atol=1e-6, rtol=0)


def test_floats_become_bytes_as_in_srlib() -> None:
    x = torch.linspace(-0.1, 1.1, 5000).view(1, 50, 100)
    mine = node("say(Array.from(given.x.data, toByte))", x=x)
    assert torch.equal(torch.tensor(mine, dtype=torch.uint8).view_as(x), to_uint8(x))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_file_of_strips_holds_every_pixel(channels: int) -> None:
    x = levels(5, 7, channels, seed=channels).numpy()
    strips = [x[:2].ravel().tolist(), x[2:].ravel().tolist()]
    script = """const strips = given.strips.map((one) => Uint8Array.from(one));
    say(Buffer.from(await (await png(strips, 7, given.channels)).arrayBuffer()).toString("base64"))"""
    raw = base64.b64decode(node(script, strips=strips, channels=channels))
    with Image.open(io.BytesIO(raw)) as image:
        assert image.mode == ["L", "LA", "RGB", "RGBA"][channels - 1]
        assert np.array_equal(np.asarray(image).reshape(x.shape), x)


# --- layers ---------------------------------------------------------------------------------------


def test_half_precision_numbers_are_read_exactly(networks: Any) -> None:
    every = torch.from_numpy(np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32))
    every = every[every.isfinite()]
    text = networks.numbers(every)
    assert text["type"] == "float16"
    assert torch.equal(torch.tensor(node("say([...numbers(given.text)])", text=text)), every)


def test_numbers_that_half_precision_would_change_stay_whole(networks: Any) -> None:
    values = torch.tensor([0.1, -1e-7, 3.0])
    text = networks.numbers(values)
    assert text["type"] == "float32"
    assert torch.equal(torch.tensor(node("say([...numbers(given.text)])", text=text)), values)


def test_node_has_the_registers_that_most_browsers_have() -> None:
    assert node("say(fast !== null)") is True


def test_without_webassembly_everything_is_computed_plainly(networks: Any) -> None:
    script = "const net = unpacked(given.net); say([fast === null, net.steps.some((step) => step.fast)])"
    assert node(script, before="delete globalThis.WebAssembly", net=converted("fsrcnn", 3)) == [True, False]


@pytest.mark.parametrize("kind", ["plain", "fast"])
def test_a_convolution_is_pytorchs(kind: str) -> None:
    torch.manual_seed(0)
    pictures, steps, wanted = [torch.randn(3, *size) for size in (*SIZES, (2, 8), (3, 16))], [], []
    for outputs in (1, 3, 4, 9):
        for kernel, before in ((1, 0), (3, 1), (5, 2), (4, 1), (4, 2)):
            weight, bias, after = (
                torch.randn(outputs, 3, kernel, kernel),
                torch.randn(outputs),
                kernel - 1 - before,
            )
            sizes = {"inputs": 3, "outputs": outputs, "kernel": kernel, "before": before}
            numbers = {"weights": weight.flatten().tolist(), "values": bias.tolist()}
            steps.append(sizes | numbers | {"fast": kind == "fast"})
            for x in pictures:
                wanted.append(F.conv2d(F.pad(x[None], (before, after, before, after)), weight, bias)[0])
    script = "say(given.steps.flatMap((step) => given.pictures.map((x) => written(OPS.conv(x, step)))))"
    for mine, its in zip(node(script, steps=steps, pictures=pictures), wanted, strict=True):
        torch.testing.assert_close(as_tensor(mine), its, atol=1e-5, rtol=1e-5)


def test_the_other_layers_are_pytorchs() -> None:
    x, slopes = torch.randn(8, 3, 5), torch.rand(8)
    script = """const x = given.x, values = given.slopes; say([OPS.shuffle(x, { factor: 2 }),
    OPS.prelu(copied(x), { values }), OPS.prelu(copied(x), { values: [0.3] }), OPS.relu(copied(x)),
    OPS.tanh(copied(x)), OPS.shift(copied(x), { values }), OPS.times(copied(x), { factor: 3 }),
    OPS.add(copied(x), {}, x)].map(written))"""
    wanted = [F.pixel_shuffle(x, 2), F.prelu(x[None], slopes)[0], F.leaky_relu(x, 0.3), x.relu(), x.tanh()]
    wanted += [x + slopes.view(-1, 1, 1), 3 * x, 2 * x]
    for mine, its in zip(node(script, x=x, slopes=slopes.tolist()), wanted, strict=True):
        torch.testing.assert_close(as_tensor(mine), its, atol=1e-6, rtol=0)


def test_a_skip_brings_the_values_of_before() -> None:
    x = torch.randn(1, 4, 4)
    steps = [
        {"op": "relu", "from": ["x"], "to": "a", "size": 1},
        {"op": "times", "from": ["a"], "to": "b", "size": 1, "factor": 2},
        {"op": "add", "from": ["b", "a"], "to": "c", "size": 1},
        {"op": "add", "from": ["c", "x"], "to": "d", "size": 1},
    ]
    script = "const y = run(unpacked(given), given.x); say([y, given.x].map(written))"
    mine, untouched = map(as_tensor, node(script, x=x, steps=steps))
    torch.testing.assert_close(mine, 3 * x.relu() + x)
    assert torch.equal(untouched, x)


# --- networks -------------------------------------------------------------------------------------

OFFERED = ["srcnn-915", "fsrcnn", "espcn", "wdsr-small", "edsr-small"]
ALL = [(card.name, scale) for card in zoo.cards() if card.name in OFFERED for scale in card.scales]


@cache
def converted(name: str, scale: int) -> Any:
    return importlib.import_module("photo_networks").converted(name, scale)


@pytest.mark.parametrize("kind", ["plain", "fast"])
@pytest.mark.parametrize(("name", "scale"), ALL)
def test_a_network_answers_as_in_pytorch(networks: Any, name: str, scale: int, kind: str) -> None:
    sizes = [(1, 1, 1), (1, 20, 15), (3, 1, 1), (3, 9, 16), (3, 20, 15)]
    pictures = [from_uint8(levels(*size)) for size in sizes]
    script = """const net = unpacked(given.net, given.plain);
    say(given.pictures.map((x) => written(upscale(net, x))))"""
    given = {"net": converted(name, scale), "pictures": pictures, "plain": kind == "plain"}
    model = zoo.load(name, scale)
    for x, mine in zip(pictures, node(script, **given), strict=True):
        torch.testing.assert_close(as_tensor(mine).clamp(0, 1), upscale(model, x, scale), atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", ["plain", "fast"])
@pytest.mark.parametrize("name", OFFERED)
def test_the_answer_does_not_depend_on_the_strips(networks: Any, name: str, kind: str) -> None:
    x = levels(4, 40, 11)
    net = converted(name, 3)
    script = """const { x: strip, net: network, plain } = given;
    const all = { strip, colours: 3, top: 0, bottom: 40, network, plain };
    const whole = enlarge(all, () => {});
    const { around } = given.net;
    const differ = [];
    for (const [top, bottom] of [[0, 7], [7, 8], [8, 31], [31, 40]]) {
      const [from, to] = [Math.max(0, top - around), Math.min(40, bottom + around)];
      const rows = to - from;
      const strip = picture(4, rows, 11, new Uint8Array(4 * rows * 11));
      for (let c = 0; c < 4; c++) {
        strip.data.set(given.x.data.subarray((c * 40 + from) * 11, (c * 40 + to) * 11), c * rows * 11);
      }
      const part = enlarge({ ...all, strip, top: top - from, bottom: bottom - from }, () => {});
      for (const key of ["network", "bicubic", "nearest"]) {
        const wanted = whole[key].subarray(top * 3 * 33 * 4, bottom * 3 * 33 * 4);
        if (Buffer.compare(part[key], wanted)) differ.push([key, top, bottom]);
      }
    }
    say(differ)"""
    assert node(script, x=x, net=net, plain=kind == "plain") == []


def test_a_strip_with_too_little_around_would_be_noticed(networks: Any) -> None:
    net = converted("fsrcnn", 3)
    script = """const all = { colours: 1, network: given.net };
    const whole = enlarge({ ...all, strip: given.x, top: 0, bottom: 40 }, () => {}).network;
    const strip = picture(1, 30, 11, given.x.data.subarray(10 * 11));
    const part = enlarge({ ...all, strip, top: given.around, bottom: 30 }, () => {}).network;
    say(Buffer.compare(part, whole.subarray((10 + given.around) * 3 * 33)) !== 0)"""
    x = levels(1, 40, 11)
    assert node(script, x=x, net=net, around=net["around"]) is False
    assert node(script, x=x, net=net, around=net["around"] - 2) is True
