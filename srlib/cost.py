"""What a network costs, counted from the network itself: its layers as they run, their parameters, their
multiply-adds and how far each one sees (chapters 4 to 11).

The network answers one small picture while every operation on it is watched, so nothing has to be declared:
a layer that ``forward`` never calls does not appear, and a skip is an addition of two things that both came
from the input.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode

from srlib.field import Reach
from srlib.inference import in_eval_mode, run

ACTIVATIONS = {
    "relu": "ReLU",
    "prelu": "PReLU",
    "leaky_relu": "LeakyReLU",
    "relu6": "ReLU6",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "mish": "Mish",
    "softplus": "softplus",
    "hardtanh": "hardtanh",
    "hardsigmoid": "hardsigmoid",
    "hardswish": "hardswish",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "clamp": "clamp",
    "abs": "abs",
    "neg": "minus",
    "pow": "power",
    "square": "square",
    "exp": "exp",
    "sqrt": "sqrt",
    "rsqrt": "1 / sqrt",
    "reciprocal": "reciprocal",
    "rpow": "power",
}
ARITHMETIC = {"add": "+", "sub": "−", "rsub": "subtract from", "mul": "×", "div": "/", "rdiv": "/ it"}
"""Pointwise operations by their names in torch, and what the page calls them."""

SAME = {"iadd": "add", "radd": "add", "isub": "sub", "imul": "mul", "rmul": "mul"}
SAME |= {"truediv": "div", "idiv": "div", "itruediv": "div", "rtruediv": "rdiv"}
"""Other names of the same: x += 1 is "iadd", 1 + x "radd"."""

UNCHANGED = ("contiguous", "clone", "to", "float", "detach", "dropout", "dropout2d", "identity", "type_as")
"""Operations that leave a picture as it is (dropout: in eval mode)."""

Kind = Literal[
    "convolution",
    "transposed convolution",
    "linear",
    "normalisation",
    "activation",
    "shuffle",
    "interpolation",
    "pooling",
    "addition",
    "concatenation",
    "product",
    "constant",
    "other",
    "nothing",
]
"""What a layer can be; "nothing" is kept to ourselves: it leaves no layer."""

BEFORE = -1
"""In ``Layer.sources``: the network's input."""


@dataclass(frozen=True)
class Layer:
    """One step of a network, in the order they run. ``name``: where it is in the module ("body.0.body.2", or
    "" for a line of ``forward`` itself); ``kind``: what it is; ``label``: in words; ``kernel``: (rows,
    columns) of a convolution or pooling; ``before``, ``after``: channels; ``parameters``: its own, counted
    where they are used first; ``multiply_adds``: for the whole output; ``resolution``: its output's side
    relative to the network's input (None: no longer a picture); ``field``: side in pixels of the square of
    the network's input that one of its values depends on (None: all of it, or not known); ``sources``:
    indexes of the layers whose output it takes, ``BEFORE`` for the input."""

    name: str
    kind: Kind
    label: str
    kernel: tuple[int, int] | None
    before: int
    after: int
    parameters: int
    multiply_adds: int
    resolution: Fraction | None
    field: int | None
    sources: tuple[int, ...]


def parameters(model: nn.Module) -> int:
    """How many numbers training can change, those for other scales included."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def kept_bytes(net: nn.Module, x: Tensor) -> int:
    """Bytes that a training step keeps for the way back when ``net`` answers ``x``: what its layers saw, each
    tensor once, without weights and buffers. Chapter 7 builds it."""
    own = {tensor.data_ptr() for tensor in [*net.parameters(), *net.buffers()]}
    found: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in own:
            found[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        net(x)
    return sum(found.values())


def multiply_adds(
    model: nn.Module,
    height: int = 720,
    width: int = 1280,
    scale: int | None = None,
    *,
    transposed: Literal["input", "output"] = "input",
) -> int:
    """Multiplications, each with its addition, for an output of ``height`` x ``width``, as the papers count:
    convolutions and linear layers at the resolution they run at, borders ignored, biases, activations,
    normalisation and additions not counted. ``transposed="output"`` counts a transposed convolution at its
    output, stride^2 times as much, as many tables do: it multiplies with the zeros between the pixels.
    ``scale`` for networks of several. A network that answers in numbers, as the discriminator, is counted
    for one input of its ``size``, or of ``height`` x ``width``. Chapters 5, 9, 12."""
    steps = layers(model, scale, height=height, width=width, transposed=transposed)
    return sum(layer.multiply_adds for layer in steps)


def layers(
    model: nn.Module,
    scale: int | None = None,
    *,
    height: int = 720,
    width: int = 1280,
    transposed: Literal["input", "output"] = "input",
) -> list[Layer]:
    """Every step of the network that its answer depends on, in the order they run; ``multiply_adds`` explains
    the arguments. The network is run once in eval mode on a picture of 16 x 16 or what it needs (its
    ``size``), and left as it was."""
    if height < 1 or width < 1:
        raise ValueError(f"an output has at least 1 x 1 pixels, not {height} x {width}")
    if transposed not in ("input", "output"):
        raise ValueError(f"transposed must be 'input' or 'output', not {transposed!r}")
    _check_scale(model, scale)
    watch, answer = _watched(model, scale)
    end = watch.seen.get(id(answer))
    if end is None:
        raise ValueError("this model's answer does not come from its input; return what forward computed")
    size = getattr(model, "size", None)
    if end.resolution is not None:
        pixels = Fraction(height * width) / end.resolution**2  # of the network's input
    else:
        pixels = Fraction(size * size if isinstance(size, int) else height * width)
    counted = []
    unused = {id(p): p.numel() for p in model.parameters() if p.requires_grad}
    kept = _needed_for(end.layer, watch.layers)
    places = {BEFORE: BEFORE} | {index: place for place, index in enumerate(kept)}
    for index in kept:
        layer, step = watch.layers[index], watch.steps[index]
        work = step.each if step.counted is None else step.each * step.counted**2 * pixels
        work *= step.stride**2 if transposed == "output" else 1
        counted.append(
            replace(
                layer,
                parameters=sum(unused.pop(one, 0) for one in watch.weights[index]),
                multiply_adds=round(work),
                sources=tuple(places[source] for source in layer.sources),
            )
        )
    return counted


def _needed_for(last: int, steps: list[Layer]) -> list[int]:
    """The steps that one of them depends on, itself included, in order: a head beside the answer is none."""
    found, waiting = {BEFORE}, [last]
    while waiting:
        index = waiting.pop()
        if index not in found:
            found.add(index)
            waiting += steps[index].sources
    return sorted(found - {BEFORE})


def input_channels(model: nn.Module) -> int:
    """Channels of the picture that a network takes: what it says itself, or its first convolution's."""
    stated = getattr(model, "channels", None)
    if isinstance(stated, int):
        return stated
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            return module.in_channels
    raise ValueError("this model has no convolution to count; give it an attribute channels (1 or 3)")


@dataclass(frozen=True)
class _Seen:
    """What is known of a tensor that came from the input: the last layer on its way, its resolution, and what
    it depends on along rows and columns (None: everything, or not known)."""

    layer: int
    resolution: Fraction | None
    reach: tuple[Reach, Reach] | None


@dataclass(frozen=True)
class _Step:
    """What one operation does. ``each``: multiply-adds at each position of a picture ``counted`` times
    as large as the network's input (None: once); ``stride``: of a transposed convolution."""

    kind: Kind
    label: str
    resolution: Fraction | None
    reach: tuple[Reach, Reach] | None
    kernel: tuple[int, int] | None = None
    each: Fraction = Fraction(0)
    counted: Fraction | None = None
    stride: int = 1


class _Watch(TorchFunctionMode):
    """Notes every torch operation on what came from ``x``."""

    def __init__(self, model: nn.Module, x: Tensor) -> None:
        super().__init__()
        self.layers: list[Layer] = []
        self.steps: list[_Step] = []
        self.weights: list[set[int]] = []  # the parameters that each of them takes
        self.where: list[str] = []  # the modules that are running, outermost first
        self.seen = {id(x): _Seen(BEFORE, Fraction(1), (Reach(), Reach()))}
        named = [*model.named_buffers(), *model.named_parameters()]
        self._names = {id(tensor): name.rpartition(".")[2] for name, tensor in named}
        self._made_of = {id(p): frozenset((id(p),)) for p in model.parameters()}
        self._kept: list[Tensor] = [x]  # an id is a tensor's own only as long as the tensor lives

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = list(_tensors([args, kwargs]))
        sources = [self.seen[id(t)] for t in given if id(t) in self.seen]
        shapes = [t.shape for t in given if id(t) in self.seen]
        out = func(*args, **kwargs)
        results = list(_tensors(out))
        if not results:
            return out
        self._kept += [*given, *results]
        weights = {one for t in given for one in self._made_of.get(id(t), ())}
        if not sources:  # as weight normalisation makes a filter of a direction and a length
            for result in results:
                self._made_of.setdefault(id(result), frozenset(weights))
            return out
        name = getattr(func, "__name__", "other").strip("_")
        step = self._step(name, args, kwargs, sources, shapes, results[0])
        layer = sources[0].layer
        if step.kind != "nothing":
            self.layers.append(
                Layer(
                    name=self.where[-1] if self.where else "",
                    kind=step.kind,
                    label=step.label,
                    kernel=step.kernel,
                    before=_channels(shapes[0]),
                    after=_channels(results[0].shape),
                    parameters=0,  # both known when the answer is
                    multiply_adds=0,
                    resolution=step.resolution,
                    field=None if step.reach is None else max(one.side for one in step.reach),
                    sources=tuple(source.layer for source in sources),
                )
            )
            self.steps.append(step)
            self.weights.append(weights)
            layer = len(self.layers) - 1
        for result in results:
            self.seen[id(result)] = _Seen(layer, step.resolution, step.reach)
        return out

    def _step(
        self,
        name: str,
        args: Any,
        kwargs: Any,
        sources: list[_Seen],
        shapes: list[torch.Size],
        y: Tensor,
    ) -> _Step:
        x = sources[0]
        name = name.removesuffix("_")
        name = SAME.get(name, name)
        if name in ("sub", "div") and args and id(args[0]) not in self.seen:
            name = f"r{name}"  # a constant tensor minus, or through, what came from the input
        if name in SIGNATURES:
            call = dict(zip(SIGNATURES[name].split(), args, strict=False)) | kwargs
            step = _placed(name, call, x, y)
            if step is not None:
                return step
        if name in UNCHANGED:
            return _Step("nothing", "", x.resolution, x.reach)
        if name in ACTIVATIONS:
            return _Step("activation", ACTIVATIONS[name], x.resolution, x.reach)
        if name == "batch_norm":
            return _Step("normalisation", "batch norm", x.resolution, x.reach)
        if name in ("instance_norm", "group_norm"):  # their mean is the whole picture's
            return _Step("normalisation", name.replace("_", " "), x.resolution, None)
        if name in ARITHMETIC and len(sources) == 1:
            other = [value for value in args if not (isinstance(value, Tensor) and id(value) in self.seen)]
            value = other[0] if other else kwargs.get("other")
            if isinstance(value, int | float) and (name, value) in (("mul", 1), ("div", 1), ("add", 0)):
                return _Step("nothing", "", x.resolution, x.reach)
            what = f"{value:g}" if isinstance(value, int | float) else self._names.get(id(value), "constant")
            words = (what, ARITHMETIC[name]) if name == "rdiv" else (ARITHMETIC[name], what)
            return _Step("constant", " ".join(words), x.resolution, x.reach)
        same = all(len(shape) == y.ndim and shape[-2:] == y.shape[-2:] for shape in shapes)
        if name in ARITHMETIC or name in ("cat", "concat", "maximum", "minimum"):
            kind: Kind = "addition" if name == "add" else "concatenation" if "cat" in name else "product"
            label = {"addition": "+", "concatenation": "concatenate"}.get(kind, ARITHMETIC.get(name, name))
            reach = _joined(sources) if same else None
            largest = max((s.resolution for s in sources if s.resolution is not None), default=None)
            return _Step(kind, label, largest, reach)
        if name in ("chunk", "split", "getitem", "unsqueeze", "squeeze") and same:  # a choice of channels
            return _Step("nothing", "", x.resolution, x.reach)
        if name == "linear":
            work = Fraction(shapes[0].numel() * y.shape[-1])
            if y.ndim == 2:  # a vector for the whole picture
                return _Step("linear", "linear", None, None, each=work)
            # tokens: as many for each input pixel as there were here
            per_pixel = work / self._kept[0].shape[-2:].numel()
            return _Step("linear", "linear", None, None, each=per_pixel, counted=Fraction(1))
        resolution = None
        pooled = name.startswith("adaptive") or y.shape[-2:].numel() == 1  # the same size for any picture
        if x.resolution is not None and y.ndim == 4 and len(shapes[0]) == 4 and not pooled:
            resolution = x.resolution * Fraction(y.shape[-1], shapes[0][-1])
        return _Step("other", name.replace("_", " "), resolution, None)


SIGNATURES = {
    "conv2d": "input weight bias stride padding dilation groups",
    "conv_transpose2d": "input weight bias stride padding output_padding groups dilation",
    "pixel_shuffle": "input factor",
    "pixel_unshuffle": "input factor",
    "interpolate": "input size scale_factor mode align_corners recompute_scale_factor antialias",
    "max_pool2d": "input kernel_size stride padding dilation",
    "avg_pool2d": "input kernel_size stride padding",
    "pad": "input pad mode value",
}
"""Operations that look around or change the size, with their arguments in order."""


def _placed(name: str, call: dict[str, Any], x: _Seen, y: Tensor) -> _Step | None:
    """The step for an operation of ``SIGNATURES``; None where it is not one that we can follow."""
    if x.resolution is None and name == "conv2d":  # on what was pooled to a fixed size: once a picture
        once = Fraction(call["weight"].numel() * y.shape[-2:].numel())
        return _Step("convolution", "convolution", None, None, _pair(call["weight"].shape[2:]), once)
    if x.resolution is None or call["input"].ndim != 4:
        return None
    resolution = x.resolution

    def follow(*moves: Callable[[Reach], Reach]) -> tuple[Reach, Reach] | None:
        down, across = moves if len(moves) == 2 else moves * 2
        return None if x.reach is None else (down(x.reach[0]), across(x.reach[1]))

    if name in ("conv2d", "conv_transpose2d"):
        weight = call["weight"]
        kernel, hole = _pair(weight.shape[2:]), _pair(call.get("dilation", 1))
        stride, around = _one(call.get("stride", 1)), call.get("padding", 0)
        if isinstance(around, str):
            around = [(k - 1) * d // 2 if around == "same" else 0 for k, d in zip(kernel, hole, strict=True)]
        sides = list(zip(kernel, _pair(around), hole, strict=True))
        work = Fraction(weight.numel())  # each weight once for each place where the filter stands
        if name == "conv2d":
            seen = follow(*[lambda r, k=k, p=p, d=d: r.convolved(k, stride, p, d) for k, p, d in sides])
            small = resolution / stride
            return _Step("convolution", "convolution", small, seen, kernel, work, small)
        seen = follow(*[lambda r, k=k, p=p, d=d: r.transposed(k, stride, p, d) for k, p, d in sides])
        what: Kind = "transposed convolution"
        return _Step(what, what, resolution * stride, seen, kernel, work, resolution, stride)
    if name == "pixel_shuffle":
        f = call.get("factor") or call["upscale_factor"]
        seen = follow(lambda r: r.interpolated(f, 1, 0))
        return _Step("shuffle", f"shuffle ×{f}", resolution * f, seen)
    if name == "pixel_unshuffle":
        f = call.get("factor") or call["downscale_factor"]
        seen = follow(lambda r: r.convolved(f, f))
        return _Step("shuffle", f"unshuffle /{f}", resolution / f, seen)
    if name in ("max_pool2d", "avg_pool2d"):
        kernel = _pair(call["kernel_size"])
        step = _one(call.get("stride") or kernel)
        around = _pair(call.get("padding", 0))
        seen = follow(
            *[lambda r, k=k, p=p: r.convolved(k, step, p) for k, p in zip(kernel, around, strict=True)]
        )
        return _Step("pooling", name.replace("_pool2d", " pooling"), resolution / step, seen, kernel)
    if name == "pad":
        across, down = ([*call["pad"], 0, 0, 0][i] for i in (0, 2))  # left, right, top, bottom
        seen = follow(lambda r: r.convolved(1, 1, down), lambda r: r.convolved(1, 1, across))
        return _Step("nothing", "", resolution, seen)
    mode = call.get("mode", "nearest")
    factor = _enlarged(call)
    reach = {"nearest": 0, "bilinear": 1, "bicubic": 2}.get(mode)
    if call.get("align_corners") or call.get("antialias"):
        reach = None
    seen = None
    if reach is not None:
        seen = follow(lambda r: r.interpolated(factor.numerator, factor.denominator, reach))
    return _Step("interpolation", f"{mode} ×{float(factor):g}", resolution * factor, seen)


def _enlarged(call: dict[str, Any]) -> Fraction:
    """How many times an interpolation enlarges."""
    factor = call.get("scale_factor")
    if factor is not None:
        return Fraction(_one(factor)).limit_denominator(1000)
    size = call["size"]
    return Fraction(size if isinstance(size, int) else size[-1], call["input"].shape[-1])


def _joined(sources: list[_Seen]) -> tuple[Reach, Reach] | None:
    """What depends on all of the sources depends on."""
    reach = sources[0].reach
    for other in sources[1:]:
        if reach is None or other.reach is None or other.resolution != sources[0].resolution:
            return None
        reach = reach[0].joined(other.reach[0]), reach[1].joined(other.reach[1])
    return reach


def _watched(model: nn.Module, scale: int | None) -> tuple[_Watch, Tensor]:
    """Run the model once, watched; the smallest picture that it takes."""
    weight = next(model.parameters(), torch.empty(0))
    size = getattr(model, "size", None)
    sides = [size] if isinstance(size, int) else [16, 32, 64, 128, 256]  # no padding takes a larger one
    with in_eval_mode(model), torch.no_grad():
        for side in sides:
            x = torch.zeros(1, input_channels(model), side, side, dtype=weight.dtype, device=weight.device)
            watch = _Watch(model, x)
            hooks = []
            for name, module in model.named_modules():
                hooks.append(module.register_forward_pre_hook(_entering(watch.where, name)))
                hooks.append(module.register_forward_hook(_leaving(watch.where)))
            try:
                with watch:
                    return watch, run(model, x, scale or 0)
            except (RuntimeError, ValueError) as fault:
                if side == sides[-1]:
                    what = " ".join(str(fault).split())
                    raise ValueError(
                        f"this model takes no {side} x {side} picture of {x.shape[1]} channels ({what}); "
                        "give it attributes channels and size that say what it takes"
                    ) from None
            finally:
                for hook in hooks:
                    hook.remove()
    raise AssertionError("unreachable: the last side answers or raises")


def _entering(where: list[str], name: str) -> Callable[[nn.Module, Any], None]:
    return lambda module, given: where.append(name)


def _leaving(where: list[str]) -> Callable[[nn.Module, Any, Any], None]:
    def leave(module: nn.Module, given: Any, answer: Any) -> None:
        where.pop()

    return leave


def _check_scale(model: nn.Module, scale: int | None) -> None:
    scales = getattr(model, "scales", None)
    own = getattr(model, "scale", None)
    have = tuple(scales) if scales else (own,) if isinstance(own, int) else ()
    if scale is None and scales:
        raise ValueError(f"this model has several scales: say scale= one of {', '.join(map(str, scales))}")
    if scale is not None and have and scale not in have:
        raise ValueError(f"this model enlarges by {' or '.join(f'x{s}' for s in have)}, not x{scale}")


def _tensors(values: Any) -> Iterator[Tensor]:
    """All tensors in nested lists, tuples and dictionaries."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, Mapping):
        yield from _tensors(list(values.values()))
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _tensors(value)


def _channels(shape: torch.Size) -> int:
    return shape[1] if len(shape) > 1 else 1


def _pair(value: Any) -> tuple[int, int]:
    """What torch takes as one number or one for rows and one for columns."""
    if isinstance(value, int):
        return value, value
    numbers = [int(one) for one in value]
    return (numbers[0], numbers[-1])


def _one(value: Any) -> Any:
    """A number that must be the same for rows and columns, as a stride."""
    numbers = {value} if isinstance(value, int | float) else set(value)
    if len(numbers) != 1:
        raise ValueError(f"strides must be the same along rows and columns, not {tuple(value)}")
    return numbers.pop()
