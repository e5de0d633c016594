"""SOAP against torch's Adam, in coordinates turned by hand."""

import pytest
import torch
from torch import Tensor, nn

from srlib.soap import LARGEST, SOAP

BETAS = (0.9, 0.95)


def gradients(*shape: int, count: int = 12) -> list[Tensor]:
    generator = torch.Generator().manual_seed(3)
    mix = torch.randn(shape[0], shape[0], generator=generator)
    return [
        (mix @ torch.randn(shape[0], max(1, torch.Size(shape[1:]).numel()), generator=generator)).reshape(
            shape
        )
        for _ in range(count)
    ]


def walk(optimizer: torch.optim.Optimizer, p: Tensor, grads: list[Tensor]) -> Tensor:
    for grad in grads:
        p.grad = grad.clone()
        optimizer.step()
    return p.detach()


def test_with_axes_that_stay_it_is_adam_in_turned_coordinates() -> None:
    grads = gradients(18, 2, 3, 3)  # 18 x 18: no direction is left to chance
    start = torch.randn(18, 2, 3, 3, generator=torch.Generator().manual_seed(1))
    mine = start.clone().requires_grad_()
    walk(SOAP([mine], lr=0.1, betas=BETAS, renew=10**9), mine, grads)

    first = grads[0].reshape(18, 18)
    left = torch.linalg.eigh(first @ first.T).eigenvectors
    right = torch.linalg.eigh(first.T @ first).eigenvectors
    turned = (left.T @ start.reshape(18, 18) @ right).requires_grad_()
    adam = torch.optim.Adam([turned], lr=0.1, betas=BETAS)
    walk(adam, turned, [left.T @ g.reshape(18, 18) @ right for g in grads[1:]])
    assert torch.allclose(mine, (left @ turned @ right.T).reshape(mine.shape), atol=1e-4)


def test_biases_and_slopes_get_plain_adam() -> None:
    grads = gradients(7)
    mine, theirs = torch.ones(7, requires_grad=True), torch.ones(7, requires_grad=True)
    walk(SOAP([mine], lr=0.1, betas=BETAS), mine, grads)
    walk(torch.optim.Adam([theirs], lr=0.1, betas=BETAS), theirs, grads[1:])
    assert torch.allclose(mine, theirs, atol=1e-6)


def test_a_large_kernel_is_turned_along_three_axes() -> None:
    p = torch.zeros(4, 30, 5, 5, requires_grad=True)  # 30 * 25 is above LARGEST
    optimizer = SOAP([p], lr=0.1, betas=BETAS, renew=10**9)
    grads = gradients(4, 30, 5, 5)
    walk(optimizer, p, grads)
    first = grads[0].reshape(4, 30, 25)
    u, v, w = (
        torch.linalg.eigh(torch.einsum(how, first, first)).eigenvectors
        for how in ("aij,bij->ab", "iaj,ibj->ab", "ija,ijb->ab")
    )
    turned = torch.zeros(4, 30, 25, requires_grad=True)
    steps = [torch.einsum("abc,ai,bj,ck->ijk", g.reshape(4, 30, 25), u, v, w) for g in grads[1:]]
    walk(torch.optim.Adam([turned], lr=0.1, betas=BETAS), turned, steps)
    assert torch.allclose(p, torch.einsum("ijk,ai,bj,ck->abc", turned, u, v, w).reshape(p.shape), atol=1e-4)


def test_a_side_that_is_too_long_keeps_its_coordinates() -> None:
    p = torch.zeros(4, LARGEST + 1, requires_grad=True)
    optimizer = SOAP([p])
    walk(optimizer, p, gradients(4, LARGEST + 1, count=2))
    assert "directions 0" in optimizer.state[p]
    assert "directions 1" not in optimizer.state[p]


def test_the_axes_stay_at_right_angles_and_turn_to_the_gradients_directions() -> None:
    p = torch.zeros(6, 5, requires_grad=True)
    optimizer = SOAP([p], betas=BETAS, renew=1)
    generator = torch.Generator().manual_seed(5)
    direction = nn.functional.normalize(torch.randn(6, generator=generator), dim=0)
    walk(optimizer, p, [torch.randn(6, 5, generator=generator)])  # a beginning that points elsewhere
    for _ in range(60):
        strong = 5 * direction[:, None] * torch.randn(1, 5, generator=generator)
        walk(optimizer, p, [strong + 0.1 * torch.randn(6, 5, generator=generator)])
    axes = optimizer.state[p]["directions 0"]
    assert torch.allclose(axes.T @ axes, torch.eye(6), atol=1e-5)
    assert abs(axes[:, 0] @ direction) == pytest.approx(1, abs=0.01)


def test_weights_that_pull_on_each_other_are_found_where_adam_still_looks() -> None:
    generator = torch.Generator().manual_seed(2)
    a = torch.linalg.qr(torch.randn(12, 12, generator=generator)).Q
    stretch = a @ torch.diag(torch.logspace(0, -2, 12)) @ a.T  # condition 100, turned away from the axes
    goal = torch.randn(12, 8, generator=generator)

    def error(kind: type[torch.optim.Optimizer]) -> float:
        w = torch.zeros(12, 8, requires_grad=True)
        optimizer = kind([w], lr=0.03, betas=(0.95, 0.95))  # type: ignore[call-arg]
        for _ in range(300):
            optimizer.zero_grad()
            (stretch @ (w - goal)).square().sum().backward()
            optimizer.step()
        return float((stretch @ (w - goal)).square().sum().detach())

    assert error(SOAP) < 0.2 * error(torch.optim.Adam)


def test_its_state_survives_saving_bit_for_bit() -> None:
    grads = gradients(6, 3, count=30)
    whole, parts = (torch.zeros(6, 3, requires_grad=True) for _ in range(2))
    walk(SOAP([whole]), whole, grads)
    first = SOAP([parts])
    walk(first, parts, grads[:13])
    second = SOAP([parts])
    second.load_state_dict(first.state_dict())
    walk(second, parts, grads[13:])
    assert torch.equal(whole, parts)


def test_features_that_lie_idle_and_tiny_gradients_leave_the_weights_finite() -> None:
    """A warm start from a trained network: most rows of the gradient are zero, the others tiny. In float32
    LAPACK's eigenvectors of one such matrix in four are NaN."""
    for seed in range(30):
        torch.manual_seed(seed)
        p = nn.Parameter(torch.zeros(64, 64, 3, 3))
        optimizer = SOAP([p], lr=1e-3)
        idle = torch.randperm(64)[:50]
        for _ in range(2):
            p.grad = torch.randn(64, 64, 3, 3) * 1e-5
            p.grad[idle] = 0
            optimizer.step()
        assert torch.isfinite(p).all()
        assert p[idle].abs().max() < 1e-12
        assert p.any()
        directions = optimizer.state[p]["directions 0"]
        torch.testing.assert_close(directions.T @ directions, torch.eye(64), atol=1e-5, rtol=0)


def test_a_first_gradient_of_nothing_harms_nothing() -> None:
    p = nn.Parameter(torch.ones(4, 6))
    optimizer = SOAP([p], lr=0.1)
    for gradient in (torch.zeros(4, 6), torch.ones(4, 6)):
        p.grad = gradient
        optimizer.step()
    assert torch.isfinite(p).all()
