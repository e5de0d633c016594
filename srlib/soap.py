"""SOAP (Vyas et al. 2024): Adam in coordinates that fit the gradient. What brings the small networks of
chapters 4 and 5 to their papers' numbers on two CPU cores (chapter 5)."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

TOGETHER = 300
"""A convolution's in*k*k up to this length is one axis; longer, it is two. With 64 features of 3x3 turning
then costs a third, and in equal time EDSR-baseline comes further."""
LARGEST = 640
"""Longer axes keep their coordinates: turning them would cost more than the convolution itself."""


class SOAP(torch.optim.Optimizer):
    """Adam, but each weight tensor is first turned, axis by axis, to the directions in which its gradients
    have varied: the eigenvectors of G G^T, a running average, and the same for the other axes, renewed every
    ``renew`` steps. A narrow network's weights pull on each other; along those directions they do so less,
    and a step may be ten times as long. A convolution (out, in, k, k) has the axes out and in*k*k, or out,
    in and k*k where in*k*k is too long; biases and slopes get plain Adam. Chapter 5."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 3e-3,
        betas: tuple[float, float] = (0.95, 0.95),
        *,
        weight_decay: float = 0.0,
        renew: int = 10,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "betas": betas, "weight_decay": weight_decay, "renew": renew, "eps": eps}
        )

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step for all weights that have a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                gradient, state = p.grad.reshape(_axes_of(p)), self.state[p]
                if not state:  # the first gradient only says in which directions
                    state.update(_begin(gradient))
                    continue
                change = _change(gradient, state, group)
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * change.reshape(p.shape))


def _axes_of(p: Tensor) -> list[int]:
    """The shape in which a weight tensor is turned: axes 1, 2, 3 as one, or 2 and 3 as one."""
    if p.ndim < 3:
        return list(p.shape)
    if p[0].numel() <= TOGETHER:
        return [p.shape[0], p[0].numel()]
    return [p.shape[0], p.shape[1], p[0, 0].numel()]


def _begin(g: Tensor) -> dict[str, Any]:
    """The state of a weight tensor after its first gradient."""
    state: dict[str, Any] = {"steps": 0, "mean": torch.zeros_like(g), "square": torch.zeros_like(g)}
    for axis, length in enumerate(g.shape):
        if g.ndim > 1 and 1 < length <= LARGEST:
            state[f"gram {axis}"] = _gram(g, axis)
            state[f"directions {axis}"] = _directions(state[f"gram {axis}"])
    return state


def _directions(gram: Tensor) -> Tensor:
    """The directions of a gradient, the strongest first. In double precision and brought to size: in float32
    LAPACK answers NaN where rows are zero (features that a trained network leaves unused) and the rest is
    tiny."""
    exact = gram.cpu().double() / gram.max().item() if gram.any() else gram.cpu().double()
    return torch.linalg.eigh(exact).eigenvectors.flip(1).to(gram)


def _change(g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    """What to subtract from the weights, for a learning rate of 1."""
    beta1, beta2 = group["betas"]
    state["steps"] += 1
    state["mean"].lerp_(g, 1 - beta1)
    state["square"].lerp_(_turn(g, state).square(), 1 - beta2)
    mean = _turn(state["mean"], state) / (1 - beta1 ** state["steps"])
    square = state["square"] / (1 - beta2 ** state["steps"])
    change = _turn(mean / (square.sqrt() + group["eps"]), state, back=True)
    for axis in range(g.ndim):
        if f"gram {axis}" in state:
            state[f"gram {axis}"].lerp_(_gram(g, axis), 1 - beta2)
            if state["steps"] % group["renew"] == 0:
                _renew(state, axis)
    return change


def _gram(g: Tensor, axis: int) -> Tensor:
    """How the slices of ``g`` along ``axis`` vary together."""
    rows = g.movedim(axis, 0).flatten(1)
    return rows @ rows.T


def _turn(x: Tensor, state: dict[str, Any], *, back: bool = False) -> Tensor:
    """``x`` in the directions of the gradient, or back from them."""
    for axis in range(x.ndim):
        directions = state.get(f"directions {axis}")
        if directions is not None:
            x = torch.tensordot(x, directions, ([axis], [1 if back else 0])).movedim(-1, axis)
    return x


def _renew(state: dict[str, Any], axis: int) -> None:
    """One step of the power iteration from the old directions: QR keeps them at right angles. Those that
    changed places take their running squares with them."""
    gram, directions = state[f"gram {axis}"], state[f"directions {axis}"]
    order = (directions.T @ gram @ directions).diagonal().argsort(descending=True)
    state["square"] = state["square"].index_select(axis, order)
    state[f"directions {axis}"] = torch.linalg.qr(gram @ directions[:, order]).Q
