"""What a network is asked to make small (chapters 4, 8 and 9). All take pictures (N, C, H, W) in [0, 1] and
return one number that gradients flow through; L1 and L2 are torch's own ``l1_loss`` and ``mse_loss``."""

import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import data


def charbonnier(sr: Tensor, hr: Tensor, eps: float = 1e-3) -> Tensor:
    """Mean of sqrt(d^2 + eps^2): L1 with a round bottom, so its gradient does not jump at 0. Chapter 9."""
    return ((sr - hr).square() + eps**2).sqrt().mean()


def euclidean(sr: Tensor, hr: Tensor) -> Tensor:
    """Caffe's Euclidean loss: half the squared error summed over each patch, mean over the batch. The
    learning rates of SRCNN, FSRCNN and VDSR were chosen for it. Chapter 4."""
    return (sr - hr).square().sum() / (2 * len(sr))


def total_variation(x: Tensor) -> Tensor:
    """Mean absolute difference of neighbours, down plus across: 0 for a flat picture. Chapter 8."""
    down = (x[..., 1:, :] - x[..., :-1, :]).abs().mean()
    across = (x[..., :, 1:] - x[..., :, :-1]).abs().mean()
    return down + across


def generator_loss(fake_logits: Tensor) -> Tensor:
    """-log D(G(x)), averaged, from the discriminator's logits on generated pictures. Chapter 8."""
    return F.softplus(-fake_logits).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-log D(hr) - log(1 - D(G(x))), averaged, from logits. Detach the generated pictures first,
    or the generator learns from it too. Chapter 8."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


# --- VGG-19 ---------------------------------------------------------------------------------------

_WIDTHS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # channels and convolutions of each block
_NAMES = [f"{block}_{i}" for block, (_, count) in enumerate(_WIDTHS, 1) for i in range(1, count + 1)]


class VGGFeatures(nn.Module):
    """Features of VGG-19, frozen. ``layer``: "relu2_2" is after the activation (SRGAN's phi 2,2), "conv5_4"
    before it (as ESRGAN). ``weights``: torchvision's ``vgg19-*.pth`` or the Caffe training as .npz, each with
    its own normalisation of the input; None takes what ``fetch("vgg19")`` would find here, without the
    network; "random" makes untrained ones. ``training_of_vgg`` says which was used. Chapter 8."""

    def __init__(self, layer: str = "relu2_2", weights: str | Path | None = None) -> None:
        super().__init__()
        found = re.fullmatch(r"(conv|relu)(\d_\d)", layer)
        if found is None or found[2] not in _NAMES:
            raise ValueError(
                f"there is no layer {layer!r}; name one as conv5_4 or relu2_2 ({_NAMES[0]}..{_NAMES[-1]})"
            )
        self.layer = layer
        depth = _NAMES.index(found[2]) + 1
        layers: list[nn.Module] = []
        convolutions: list[nn.Conv2d] = []
        before = 3
        for name in _NAMES[:depth]:
            width = _WIDTHS[int(name[0]) - 1][0]
            if name[2] == "1" and name[0] != "1":
                layers.append(nn.MaxPool2d(2))
            convolutions.append(nn.Conv2d(before, width, 3, padding=1))
            layers += [convolutions[-1], nn.ReLU()]
            before = width
        self.body = nn.Sequential(*(layers if found[1] == "relu" else layers[:-1]))
        # The input's normalisation: x in [0, 1], RGB, becomes (x[channels] - shift) * factor.
        self.flip = False
        shift, factor = [0.485, 0.456, 0.406], [1 / 0.229, 1 / 0.224, 1 / 0.225]
        if weights == "random":
            self.training_of_vgg = "untrained, random weights"
        else:
            path = _vgg_file() if weights is None else Path(weights)
            self.training_of_vgg = _read(path, convolutions, layer)
            if path.suffix == ".npz":  # Caffe: BGR, 0..255 minus the mean colour
                self.flip = True
                shift, factor = [m / 255 for m in (103.939, 116.779, 123.68)], [255.0] * 3
        self.shift: Tensor
        self.factor: Tensor
        self.register_buffer("shift", torch.tensor(shift).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("factor", torch.tensor(factor).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor) -> Tensor:
        x = x.flip(1) if self.flip else x
        return self.body((x - self.shift) * self.factor)


def content_loss(features: VGGFeatures, sr: Tensor, hr: Tensor) -> Tensor:
    """Mean squared difference of VGG features, scaled by 1/12.75 as in SRGAN; ``hr`` gets no gradient.
    Chapter 8."""
    with torch.no_grad():
        target = features(hr)
    return F.mse_loss(features(sr) / 12.75, target / 12.75)


def _vgg_file() -> Path:
    folder = data.find("vgg19")
    files = [] if folder is None else sorted([*folder.glob("*.pth"), *folder.glob("*.npz")])
    if not files:
        raise FileNotFoundError(
            "VGG-19 is not here; get it with: srlib fetch vgg19 (575 MB), or set SRLIB_DATA"
        )
    return files[0]


def _read(path: Path, convolutions: list[nn.Conv2d], layer: str) -> str:
    """Copy the file's weights into the convolutions; returns which training of VGG-19 it is."""
    tensors: dict[str, Tensor]
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            tensors = {key: torch.from_numpy(file[key]) for key in file.files}
        keys = [(f"block{n[0]}_conv{n[2]}/weight_oihw", f"block{n[0]}_conv{n[2]}/bias") for n in _NAMES]
        kind = "the Caffe/Keras training on ImageNet"
    else:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
        numbers, at = [], 0
        for _, count in _WIDTHS:
            numbers += [at + 2 * i for i in range(count)]
            at += 2 * count + 1
        keys = [(f"features.{n}.weight", f"features.{n}.bias") for n in numbers]
        kind = "torchvision's training on ImageNet"
    for number, (convolution, pair) in enumerate(zip(convolutions, keys, strict=False)):
        for key, parameter in zip(pair, (convolution.weight, convolution.bias), strict=True):
            assert parameter is not None
            if key not in tensors:
                last = _NAMES[number - 1] if number else "nothing"
                raise ValueError(
                    f"{path} goes up to conv{last}, so {layer} is not in it; take a layer up to there"
                )
            if tensors[key].shape != parameter.shape:
                raise ValueError(
                    f"{path}: {key} is {tuple(tensors[key].shape)}, not {tuple(parameter.shape)}"
                )
            parameter.data.copy_(tensors[key])
    return kind
