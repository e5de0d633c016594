"""SOAP (Vyas et al. 2024): Adam in coordinates that fit the gradient. What brings the small networks of
chapters 4 and 5 to their papers' numbers on two CPU cores (chapter 5)."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

LARGEST = 640
"""A side of a weight matrix longer than this keeps its own coordinates: turning it would cost too much."""


class SOAP(torch.optim.Optimizer):
    """Adam, but each weight matrix is first turned to the axes along which its gradients have varied: the
    eigenvectors of G G^T (left) and G^T G (right), both running averages, renewed every ``renew`` steps. A
    narrow network's weights pull on each other; along those axes they do so less, and a step may be ten
    times as long. A convolution counts as a matrix (first axis, all others); biases and slopes get plain
    Adam. For matrices of up to a few hundred rows and columns. Chapter 5."""

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
                if p.grad is not None:
                    matrix = p.grad.reshape(len(p), -1) if p.ndim > 1 else p.grad.reshape(1, -1)
                    state = self.state[p]
                    if not state:
                        state.update(_begin(matrix, turned=p.ndim > 1))
                        continue  # the first gradient only says along which axes
                    change = _change(matrix, state, group)
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.sub_(group["lr"] * change.reshape(p.shape))


def _begin(g: Tensor, *, turned: bool) -> dict[str, Any]:
    """The state of a weight matrix after its first gradient."""
    left = g @ g.T if turned and 1 < g.shape[0] <= LARGEST else None
    right = g.T @ g if turned and 1 < g.shape[1] <= LARGEST else None
    state: dict[str, Any] = {"steps": 0, "mean": torch.zeros_like(g), "square": torch.zeros_like(g)}
    for side, gram in (("left", left), ("right", right)):
        if gram is not None:
            state[side] = gram
            state[f"{side} axes"] = torch.linalg.eigh(gram).eigenvectors.flip(1)  # the strongest first
    return state


def _change(g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    """What to subtract from the weights, for a learning rate of 1."""
    beta1, beta2 = group["betas"]
    state["steps"] += 1
    state["mean"].lerp_(g, 1 - beta1)
    state["square"].lerp_(_turn(g, state).square(), 1 - beta2)
    mean = _turn(state["mean"], state) / (1 - beta1 ** state["steps"])
    square = state["square"] / (1 - beta2 ** state["steps"])
    change = mean / (square.sqrt() + group["eps"])
    if "left" in state:
        change = state["left axes"] @ change
        state["left"].lerp_(g @ g.T, 1 - beta2)
    if "right" in state:
        change = change @ state["right axes"].T
        state["right"].lerp_(g.T @ g, 1 - beta2)
    if state["steps"] % group["renew"] == 0:
        for axis, side in enumerate(("left", "right")):
            if side in state:
                _renew(state, side, axis)
    return change


def _turn(x: Tensor, state: dict[str, Any]) -> Tensor:
    """``x`` in the axes of the gradient."""
    if "left" in state:
        x = state["left axes"].T @ x
    return x @ state["right axes"] if "right" in state else x


def _renew(state: dict[str, Any], side: str, axis: int) -> None:
    """One step of the power iteration from the old axes: QR keeps them at right angles. Axes that changed
    places take their running squares with them."""
    axes = state[f"{side} axes"]
    order = (axes.T @ state[side] @ axes).diagonal().argsort(descending=True)
    state["square"] = state["square"].index_select(axis, order)
    state[f"{side} axes"] = torch.linalg.qr(state[side] @ axes[:, order]).Q
