"""A network as an ONNX file, for programs that know nothing of PyTorch; checked before it is kept."""

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from srlib.files import whole_or_nothing
from srlib.inference import check_scale, run
from srlib.models import WDSR

TOLERANCE = 1e-4


class ExportError(ValueError):
    """A network cannot be exported, or the file does not compute what the network does."""


class _OneScale(nn.Module):
    """The network as a function of one picture: of several scales, the one asked for."""

    def __init__(self, model: nn.Module, scale: int) -> None:
        super().__init__()
        self.model, self.scale = model, scale

    def forward(self, picture: Tensor) -> Tensor:
        return run(self.model, picture, self.scale)


def to_onnx(model: nn.Module, path: str | Path, scale: int) -> float:
    """Write ``model`` for ``scale`` as ONNX to ``path``: input ``picture`` (N, C, H, W) float32 in [0, 1] of
    any size, output ``enlarged``, unclipped. Luma networks take Y; pre-upsampled ones the enlarged picture;
    the file's description says so. Then onnxruntime computes pictures of three sizes; if any value differs
    by more than 1e-4 nothing is written. Returns the largest difference."""
    check_scale(model, scale)
    network = copy.deepcopy(model).cpu().float().eval()
    if isinstance(network, WDSR):
        network.merge()
    bound = _OneScale(network, scale)
    channels: Any = model.channels
    dimension = torch.export.Dim
    sizes = {0: dimension("count", min=1), 2: dimension("height", min=1), 3: dimension("width", min=1)}
    try:
        with _quiet():
            program = torch.onnx.export(
                bound,
                (torch.rand(2, channels, 12, 11),),
                input_names=["picture"],
                output_names=["enlarged"],
                dynamic_shapes={"picture": sizes},
                dynamo=True,
                verbose=False,
            )
        assert program is not None
        proto = program.model_proto
    except ImportError as fault:
        raise ExportError(
            f"ONNX needs more packages ({fault.name}); get them with: pip install srlib[onnx]"
        ) from None
    what = "luma" if channels == 1 else "RGB"
    before = f", already enlarged x{scale} by bicubic" if model.pre_upsample else ""
    proto.doc_string = (
        f"{type(model).__name__} x{scale}: takes {what} (N, {channels}, H, W) in [0, 1]{before}"
    )
    raw = proto.SerializeToString()
    worst = difference(raw, bound, channels)
    if not worst <= TOLERANCE:
        raise ExportError(f"{path}: onnxruntime's answer differs by {worst:.2g}; nothing was written")
    with whole_or_nothing(path) as file:
        file.write(raw)
    return worst


@torch.no_grad()
def difference(raw: bytes, network: nn.Module, channels: int) -> float:
    """The largest absolute difference between what onnxruntime computes from the file's bytes and what the
    network does, over pictures of three sizes and counts."""
    try:
        import onnxruntime
    except ImportError:
        raise ExportError("the check needs onnxruntime; get it with: pip install srlib[onnx]") from None
    session = onnxruntime.InferenceSession(raw, providers=["CPUExecutionProvider"])
    worst = 0.0
    generator = torch.Generator().manual_seed(0)
    for shape in ((1, channels, 17, 23), (3, channels, 8, 8), (1, channels, 40, 9)):
        x = torch.rand(shape, generator=generator)
        (answer,) = session.run(None, {"picture": x.numpy()})
        worst = max(worst, (torch.from_numpy(answer) - network(x)).abs().max().item())
    return worst


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter reports its progress and its own deprecations; neither is the user's concern."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
