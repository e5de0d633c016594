"""A trained network as a list of steps that a page can compute, read off the PyTorch module, and its weights
as text."""

import base64
import math
from collections.abc import Sequence
from copy import deepcopy
from operator import add, mul, sub
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from srlib import zoo
from srlib.inference import receptive_radius
from srlib.names import there_are

CUBIC_REACH = 2  # input pixels that bicubic enlarging looks at beyond an output pixel's own
TOLERANCE = 1e-4  # how far the steps may be from the network, for pixels in [0, 1]

Step = dict[str, Any]


class Unknown(ValueError):
    """A network that the page cannot compute; the message is one line that says why."""


def offered(names: Sequence[str], weights: Path | None = None) -> list[Step]:
    """These networks of the zoo (or of another folder), every scale there is, in the order of the names."""
    folder = weights or zoo.FOLDER
    known = zoo.names(folder)
    for name in names:
        if name not in known:
            raise Unknown(f"the zoo has no weights {name!r}; {there_are(name, known)}")
    found = [card for name in names for card in zoo.cards(folder) if card.name == name]
    return [converted(card.name, scale, folder) for card in found for scale in card.scales]


def converted(name: str, scale: int, folder: Path = zoo.FOLDER) -> Step:
    """All that the page must know of a network of the zoo."""
    model = zoo.load(name, scale, folder=folder)
    try:
        steps = steps_of(model)
    except Unknown as fault:
        raise Unknown(f"{name} x{scale} cannot run in the page: {fault}") from None
    radius = receptive_radius(model, scale)
    if model.pre_upsample:  # it counts pixels of the enlarged picture, which bicubic makes
        radius = math.ceil(radius / scale) + CUBIC_REACH
    return {
        "name": name,
        "scale": scale,
        "channels": model.channels,
        "enlarged": model.pre_upsample,
        "around": max(radius, CUBIC_REACH),
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": [packed(step) for step in steps],
    }


def packed(step: Step) -> Step:
    """With the numbers as text: float16 where nothing is lost by it, as with weights that the zoo rounded."""
    return {key: numbers(value) if isinstance(value, Tensor) else value for key, value in step.items()}


def numbers(values: Tensor) -> dict[str, str]:
    values = values.detach().float().contiguous()
    lossless = torch.equal(values.half().float(), values)
    array = (values.half() if lossless else values).numpy()
    raw = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return {"type": array.dtype.name, "base64": base64.b64encode(raw).decode()}


def steps_of(model: nn.Module) -> list[Step]:
    """The steps of a network's forward, read off its own graph, weight normalisation merged. Each is {op,
    from: [names], to: name, ...}, with ``size``: values that it makes for each pixel that goes in. Checked
    against the network on a picture of noise."""
    model = deepcopy(model).eval()
    getattr(model, "merge", lambda: None)()
    try:
        graph = fx.symbolic_trace(model).graph
    except Exception as fault:  # whatever a network does that cannot be traced
        raise Unknown(f"its forward cannot be read ({str(fault).splitlines()[0]})") from None
    steps: list[Step] = []
    names: dict[fx.Node, str] = {}
    for node in graph.nodes:
        if node.op == "placeholder":
            names[node] = "x"
        elif node.op not in ("get_attr", "output"):
            before, made = read(node, model)
            sources = [names[source] for source in before]
            for number, step in enumerate(made):
                name = f"{node.name}.{number}"
                steps.append({"op": "", "from": sources, "to": name} | step)
                sources = [name]
            names[node] = sources[0]
    x = torch.rand(1, model.channels, 24, 20, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        gap = float((run(steps, x) - model(x)).abs().max())
    if not gap < TOLERANCE:
        raise Unknown(f"its steps do not give its own answer (largest difference {gap:.1e})")
    return steps


def read(node: fx.Node, model: nn.Module) -> tuple[list[fx.Node], list[Step]]:
    """What a node of the graph takes, and the steps that compute it; none where it changes nothing."""
    sources = [one for one in node.args if isinstance(one, fx.Node) and one.op != "get_attr"]
    if node.op == "call_module":
        return sources, module_steps(model.get_submodule(str(node.target)))
    if node.target in (torch.tanh, torch.relu):
        return sources, [{"op": node.target.__name__}]  # type: ignore[union-attr]
    constants = [constant(one, model) for one in node.args if one not in sources]
    if node.target is add and len(sources) == 2:
        return sources, [{"op": "add"}]
    if len(sources) == 1 and len(constants) == 1 and node.args[0] is sources[0]:
        (value,) = constants
        if node.target is mul and value.numel() == 1:
            return sources, [] if value == 1 else [{"op": "times", "factor": float(value)}]
        if node.target in (add, sub):
            return sources, [{"op": "shift", "values": value if node.target is add else -value}]
    raise Unknown(f"no step for {node.format_node()}")


def constant(value: Any, model: nn.Module) -> Tensor:
    if isinstance(value, fx.Node):
        value = getattr(model, str(value.target))
    return torch.as_tensor(value).detach().float().flatten()


def module_steps(module: nn.Module) -> list[Step]:
    """The steps of one layer."""
    if isinstance(module, nn.ReLU):
        return [{"op": "relu"}]
    if isinstance(module, nn.PReLU):
        return [{"op": "prelu", "values": module.weight}]
    if isinstance(module, nn.PixelShuffle):
        return [{"op": "shuffle", "factor": module.upscale_factor}]
    if isinstance(module, nn.Conv2d):
        kernel = module.kernel_size[0]
        if conv_settings(module) == (kernel, 1, kernel // 2, 1, 1, "zeros") and kernel % 2:
            return [conv_step(module.weight, module.bias, kernel // 2)]
    if isinstance(module, nn.ConvTranspose2d):
        return brush_steps(module)
    raise Unknown(f"no step for the layer {module}")


def conv_settings(module: Any) -> tuple[Any, ...]:
    """Kernel, stride, padding and dilation (of both axes alike, else None), groups, kind of padding."""
    pairs = [module.kernel_size, module.stride, module.padding, module.dilation]
    return (*(a if (a, b) == (a, a) else None for a, b in pairs), module.groups, module.padding_mode)


def conv_step(weight: Tensor, bias: Tensor | None, before: int) -> Step:
    outputs, inputs, kernel, _ = weight.shape
    values = torch.zeros(outputs) if bias is None else bias
    sizes = {"inputs": inputs, "outputs": outputs, "kernel": kernel, "before": before}
    return {"op": "conv", **sizes, "weights": weight, "values": values}


def brush_steps(module: nn.ConvTranspose2d) -> list[Step]:
    """A transposed convolution, which paints its kernel around every pixel, as a convolution and a pixel
    shuffle: each of the stride x stride places sees fixed weights of the brush (chapter 5). Where a place
    sees fewer pixels than another, the rest are zeros."""
    kernel, stride, padding, *rest = conv_settings(module)
    out = module.output_padding[0]
    if None in (kernel, stride, padding) or rest != [1, 1, "zeros"] or kernel - 2 * padding + out != stride:
        raise Unknown(f"no step for the layer {module}")
    last = (kernel - 1 - padding) // stride  # how many pixels up and left of its own a place still sees
    size = last + (stride - 1 + padding) // stride + 1
    inputs, outputs = module.weight.shape[:2]
    weight = torch.zeros(outputs, stride, stride, inputs, size, size)
    for i, j, down, right in torch.cartesian_prod(*map(torch.arange, (stride, stride, size, size))).tolist():
        y, x = (stride * (last - seen) + place + padding for seen, place in ((down, i), (right, j)))
        if 0 <= y < kernel and 0 <= x < kernel:
            weight[:, i, j, :, down, right] = module.weight[:, :, y, x].detach().T
    bias = None if module.bias is None else module.bias.repeat_interleave(stride**2)
    return [conv_step(weight.flatten(0, 2), bias, last), {"op": "shuffle", "factor": stride}]


def run(steps: list[Step], x: Tensor) -> Tensor:
    """The steps in PyTorch: what network.js does. Notes in each how large its result is."""
    values, y, pixels = {"x": x}, x, x.shape[-2] * x.shape[-1]
    for step in steps:
        y, *others = (values[name] for name in step["from"])
        if step["op"] == "conv":
            before, after = step["before"], step["kernel"] - 1 - step["before"]
            y = F.conv2d(F.pad(y, (before, after, before, after)), step["weights"], step["values"])
        elif step["op"] == "shuffle":
            y = F.pixel_shuffle(y, step["factor"])
        elif step["op"] == "prelu":
            y = F.prelu(y, step["values"])
        elif step["op"] == "shift":
            y = y + step["values"].view(1, -1, 1, 1)
        elif step["op"] == "times":
            y = y * step["factor"]
        else:
            y = {"relu": torch.relu, "tanh": torch.tanh, "add": add}[step["op"]](y, *others)  # type: ignore[operator]
        values[step["to"]] = y
        step["size"] = y.numel() / pixels
    return y
