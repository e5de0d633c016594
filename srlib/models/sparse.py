"""Sparse coding with coupled dictionaries (Yang et al. 2010, Zeyde et al. 2010): before networks (chapter 3).

Every patch of the enlarged picture is written as a sum of a few atoms of one dictionary; the same sum over
a second dictionary is the detail that enlarging lost.
"""

import math
from collections.abc import Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib.degrade import bicubic
from srlib.images import check_range, crop_to_multiple, from_uint8, luma, to_uint8
from srlib.resize import imresize

FLAT = 0.02
"""Training leaves out patches whose derivatives are below this (root mean square; 1 is black to white)."""


def omp(dictionary: Tensor, signals: Tensor, sparsity: int) -> Tensor:
    """Orthogonal matching pursuit: codes (N, atoms), at most ``sparsity`` of them nonzero in a row, so that
    ``codes @ dictionary`` comes close to ``signals`` (N, length). ``dictionary`` (atoms, length) has rows of
    length 1. Each turn takes the atom most like what is left of the signal, then fits all the atoms taken so
    far anew: what is left is orthogonal to them. Chapter 3."""
    if not 1 <= sparsity <= len(dictionary):
        raise ValueError(f"sparsity must be from 1 to the {len(dictionary)} atoms there are, not {sparsity}")
    chosen = torch.empty(len(signals), 0, dtype=torch.int64, device=signals.device)
    tiny = 10 * torch.finfo(signals.dtype).eps  # two equal atoms share their weight instead of dividing by 0
    residual = signals
    for _ in range(sparsity):
        likeness = (residual @ dictionary.T).abs().scatter_(1, chosen, -1)  # (N, atoms); none is taken twice
        chosen = torch.cat([chosen, likeness.argmax(1, keepdim=True)], dim=1)
        atoms = dictionary[chosen]  # (N, taken, length)
        gram = atoms @ atoms.mT + tiny * torch.eye(chosen.shape[1]).to(atoms)
        weights, _ = torch.linalg.solve_ex(gram, atoms @ signals[:, :, None])  # (N, taken, 1)
        residual = signals - (atoms.mT @ weights)[:, :, 0]
    return signals.new_zeros(len(signals), len(dictionary)).scatter_(1, chosen, weights[:, :, 0])


def ista(dictionary: Tensor, signals: Tensor, penalty: float, *, steps: int = 100) -> Tensor:
    """Iterative soft thresholding: codes (N, atoms) that minimise, for each signal (N, length), half the
    squared error of ``codes @ dictionary`` plus ``penalty`` times the sum of the codes' absolute values.
    Each step goes down the error's gradient and then moves every code towards 0. Chapter 3."""
    if penalty < 0 or steps < 1:
        raise ValueError(f"ista takes a penalty from 0 up and at least 1 step, not {penalty} and {steps}")
    step = float(1 / torch.linalg.matrix_norm(dictionary, 2).square())  # longer ones may overshoot
    codes = signals.new_zeros(len(signals), len(dictionary))
    for _ in range(steps):
        codes = codes + step * (signals - codes @ dictionary) @ dictionary.T
        codes = F.softshrink(codes, step * penalty)
    return codes


def derivatives(x: Tensor) -> Tensor:
    """First and second derivatives of (N, 1, H, W) along both axes, (N, 4, H, W), by Yang's filters
    [-1, 0, 1] and [1, 0, -2, 0, 1]. They keep edges and drop brightness. Chapter 3."""
    padded = F.pad(x, (2, 2, 2, 2), mode="replicate")
    across, down = padded[:, :, 2:-2], padded[:, :, :, 2:-2]  # two pixels longer along one axis only
    first = [across[..., 3:-1] - across[..., 1:-3], down[:, :, 3:-1] - down[:, :, 1:-3]]
    second = [across[..., 4:] + across[..., :-4] - 2 * x, down[:, :, 4:] + down[:, :, :-4] - 2 * x]
    return torch.cat([*first, *second], dim=1)


class CoupledDictionaries(nn.Module):
    """Encode over an LR dictionary, decode by the HR one: the detail that enlarging by ``scale`` lost. Takes
    the enlarged luma (N, 1, H, W) in [0, 1] and returns it sharpened, the same size, unclipped; ``learn``
    comes first. ``patch`` and ``stride`` count LR pixels: patches start where LR pixels do, from the top left
    corner on, so a picture may only be cut into tiles there. ``features``: values left of a patch's
    derivatives after the projection; ``sparsity``: atoms a patch may use; ``chunk``: about how many patches
    are encoded at a time, so that memory lasts. Chapter 3.

    What was learned is in buffers: ``projection`` (features, 4 * side * side), ``low`` (atoms, features) with
    rows of length 1, ``high`` (atoms, side * side), where ``side`` = patch * scale. ``low @ projection`` are
    the LR atoms as derivatives, to look at."""

    channels = 1
    pre_upsample = True

    def __init__(
        self,
        scale: int,
        *,
        atoms: int = 512,
        patch: int = 3,
        stride: int = 1,
        features: int = 30,
        sparsity: int = 3,
        chunk: int = 4096,
    ) -> None:
        super().__init__()
        if scale != int(scale) or scale < 2:
            raise ValueError(f"scale must be a whole number from 2 up, not {scale!r}")
        if min(atoms, patch, features, chunk) < 1:
            raise ValueError("atoms, patch, features and chunk must be at least 1")
        if not 1 <= stride <= patch:
            raise ValueError(f"stride must be from 1 to the patch's {patch} LR pixels, not {stride}")
        if not 1 <= sparsity <= atoms:
            raise ValueError(f"sparsity must be from 1 to the {atoms} atoms, not {sparsity}")
        self.scale = int(scale)
        self.side, self.step = patch * self.scale, stride * self.scale
        if features > 4 * self.side**2:
            raise ValueError(f"a patch has {4 * self.side**2} derivatives, not {features} features")
        self.sparsity, self.chunk = sparsity, chunk
        self.projection: Tensor
        self.low: Tensor
        self.high: Tensor
        self.register_buffer("projection", torch.zeros(features, 4 * self.side**2))
        self.register_buffer("low", torch.zeros(atoms, features))
        self.register_buffer("high", torch.zeros(atoms, self.side**2))

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[1] != 1:
            raise ValueError(f"CoupledDictionaries takes luma (N, 1, H, W), not {tuple(x.shape)}")
        if not self.low.any():
            raise ValueError("the dictionaries are empty; call learn(pictures) or load_state_dict first")
        height, width = x.shape[-2:]
        below, right = (max(self.side - n, (self.side - n) % self.step) for n in (height, width))
        work = x.to(torch.promote_types(x.dtype, torch.float32))
        padded = F.pad(work, (0, right, 0, below), mode="replicate")  # whole patches cover it
        edges = derivatives(padded)
        total, count = torch.zeros_like(padded), torch.zeros_like(padded)
        columns = 1 + (padded.shape[3] - self.side) // self.step
        band = self.step * max(1, self.chunk // (len(x) * columns))  # some rows of patches at a time
        for top in range(0, padded.shape[2] - self.side + 1, band):
            strip = edges[:, :, top : top + band - self.step + self.side]
            size, place = strip.shape[2:], slice(top, top + strip.shape[2])
            detail = self.decode(self.features(strip))  # (N, side * side, patches)
            total[:, :, place] += F.fold(detail, size, self.side, stride=self.step)
            count[:, :, place] += F.fold(torch.ones_like(detail), size, self.side, stride=self.step)
        return x + (total / count)[:, :, :height, :width].to(x.dtype)

    def features(self, edges: Tensor) -> Tensor:
        """What is encoded, from derivatives (N, 4, H, W): (N, features, patches), patches row by row. Cutting
        patches out and projecting them is one convolution."""
        filters = self.projection.view(-1, 4, self.side, self.side).to(edges)
        return F.conv2d(edges, filters, stride=self.step).flatten(2)

    def decode(self, signals: Tensor) -> Tensor:
        """Encode (N, features, patches) by OMP over ``low``. The same codes over ``high`` are the detail,
        (N, side * side, patches)."""
        low, high = self.low.to(signals), self.high.to(signals)
        codes = omp(low, signals.mT.flatten(0, 1), self.sparsity)  # (N * patches, atoms)
        return (codes @ high).unflatten(0, (len(signals), -1)).mT

    @torch.no_grad()
    def learn(
        self,
        pictures: Mapping[str, Tensor] | Iterable[Tensor],
        *,
        patches: int = 50_000,
        rounds: int = 15,
        seed: int = 0,
    ) -> list[float]:
        """Learn both dictionaries from (C, H, W) pictures, uint8 or float in [0, 1], whose luma counts.
        First the LR one, by ``rounds`` of the method of optimal directions: encode by OMP, then find the
        best dictionary for these codes by least squares. Then, for the last codes, the HR one by ridge
        regression. ``patches`` is about how many examples are drawn, equally many from each picture. Returns
        what the LR dictionary left over in every round, as a part of the signals (both root mean squares, so
        1 is all of it). Equal pictures and ``seed`` give equal dictionaries. Chapter 3."""
        if patches < 1 or rounds < 1:
            raise ValueError(f"learn takes at least 1 patch and 1 round, not {patches} and {rounds}")
        generator = torch.Generator().manual_seed(seed)
        edges, detail = self._examples(pictures, patches, generator)
        atoms, features = self.low.shape
        if len(edges) < atoms:
            raise ValueError(f"{len(edges)} patches with edges are too few for {atoms} atoms; add pictures")
        # Principal components, not centred: where nothing changes, signals must be 0.
        components = torch.linalg.eigh(edges.double().T @ edges.double())[1].flip(1)  # columns, largest first
        self.projection = components[:, :features].T.to(self.projection).contiguous()
        signals = edges @ self.projection.T  # (patches, features)
        some = torch.randperm(len(signals), generator=generator)[:atoms]
        self.low = F.normalize(signals[some])
        errors = []
        for _ in range(rounds):
            gram, cross, left = self._encode_all(signals, signals)
            errors.append(float((left.sum() / signals.square().sum()).sqrt()))
            low = _least_squares(gram, cross, ridge=1e-6)
            unused = (gram.diagonal() == 0).nonzero()[:, 0]
            low[unused] = signals[left.topk(len(unused)).indices]  # the patches that most need an atom
            self.low = F.normalize(low)
        gram, cross, _ = self._encode_all(signals, detail)
        self.high = _least_squares(gram, cross, ridge=1e-3)
        return errors

    def _examples(
        self, pictures: Mapping[str, Tensor] | Iterable[Tensor], patches: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Aligned examples: derivatives (n, 4 * side * side) of the enlarged pictures, and the detail
        (n, side * side) that they lack."""
        given = list(pictures.values() if isinstance(pictures, Mapping) else pictures)
        if not given:
            raise ValueError("there is no picture to learn from")
        for picture in given:
            check_range(picture, "a picture", slack=0.2)  # bicubic may have overshot
            if picture.ndim != 3 or picture.shape[0] not in (1, 3):
                raise ValueError(f"a picture must be (1, H, W) or (3, H, W), not {tuple(picture.shape)}")
        large = [picture for picture in given if min(picture.shape[1:]) >= self.side]
        if not large:
            raise ValueError(f"no picture is {self.side} pixels high and wide, as a patch is")
        edges, detail = [], []
        for picture in large:
            hr = from_uint8(luma(to_uint8(crop_to_multiple(picture, self.scale))), torch.float64)[None]
            enlarged = imresize(bicubic(hr, self.scale), self.scale)  # as in evaluation, LR is not rounded
            slopes, lost = derivatives(enlarged).to(self.low), (hr - enlarged).to(self.low)
            strength = F.avg_pool2d(slopes.square().mean(1), self.side, self.scale)[0]
            strong = (strength > FLAT**2).nonzero()
            order = torch.randperm(len(strong), generator=generator)[: math.ceil(patches / len(large))]
            edges.append(_cut(slopes[0], strong[order], self.side, self.scale))
            detail.append(_cut(lost[0], strong[order], self.side, self.scale))
        return torch.cat(edges), torch.cat(detail)

    def _encode_all(self, signals: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """codes.T @ codes and codes.T @ targets, summed over chunks, and the squared error of each signal."""
        gram = signals.new_zeros(len(self.low), len(self.low))
        cross = signals.new_zeros(len(self.low), targets.shape[1])
        left = []
        for part, target in zip(signals.split(self.chunk), targets.split(self.chunk), strict=True):
            codes = omp(self.low, part, self.sparsity)
            gram += codes.T @ codes
            cross += codes.T @ target
            left.append((part - codes @ self.low).square().sum(1))
        return gram, cross, torch.cat(left)


def _cut(x: Tensor, places: Tensor, side: int, step: int) -> Tensor:
    """Squares of (C, H, W) at ``places`` (n, 2), counted in steps: (n, C * side * side)."""
    grid = x.unfold(1, side, step).unfold(2, side, step)  # (C, rows, columns, side, side), nothing copied
    return grid[:, places[:, 0], places[:, 1]].transpose(0, 1).flatten(1)


def _least_squares(gram: Tensor, cross: Tensor, ridge: float) -> Tensor:
    """The dictionary that fits best, from codes.T @ codes and codes.T @ targets; ``ridge`` keeps atoms that
    few patches use from growing without bound."""
    wide = gram.double()
    wide = wide + ridge * wide.diagonal().mean() * torch.eye(len(wide)).to(wide)
    return torch.linalg.solve(wide, cross.double()).to(cross)
