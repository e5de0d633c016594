"""Interpolation as a model, and back-projection."""

import pytest
import torch
from torch import Tensor

from srlib.inference import upscale
from srlib.models import BackProjected, Interpolation, back_project
from srlib.resize import cubic, imresize


def picture(height: int = 12, width: int = 15) -> Tensor:
    return torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("kernel", ["nearest", "linear", "cubic", "lanczos3", cubic(-0.75)])
def test_it_is_imresize(kernel: str) -> None:
    x = picture()[0]
    assert torch.equal(upscale(Interpolation(3, kernel), x, 3), imresize(x, 3, kernel=kernel).clamp(0, 1))
    with pytest.raises(ValueError, match="enlarges by x3, not x2"):
        upscale(Interpolation(3, kernel), x, 2)


def test_back_projection_ends_where_shrinking_gives_the_small_picture() -> None:
    lr = picture()
    sr = back_project(imresize(lr, 2), lr, 2, steps=200)
    assert float((imresize(sr, 0.5) - lr).abs().max()) < 1e-8


def test_one_step_is_the_formula_with_matrices() -> None:
    lr = picture(5, 5)
    sr = picture(10, 10)

    def matrix(size: int, out: int) -> Tensor:  # column i: what becomes of a one at place i
        return imresize(torch.eye(size, dtype=torch.float64)[None], size=(out, size))[0]

    down, up = matrix(10, 5), matrix(5, 10)
    wanted = sr[0, 0] + up @ (lr[0, 0] - down @ sr[0, 0] @ down.T) @ up.T
    assert torch.allclose(back_project(sr, lr, 2, steps=1)[0, 0], wanted, atol=1e-12)


def test_it_keeps_what_agrees_already_and_refuses_other_sizes() -> None:
    flat = torch.full((1, 1, 6, 6), 0.5)
    assert torch.allclose(
        back_project(imresize(flat, 2), flat, 2), torch.full((1, 1, 12, 12), 0.5), atol=1e-6
    )
    with pytest.raises(ValueError, match="is not x2 of"):
        back_project(picture(7, 7), picture(3, 3), 2)
    with pytest.raises(ValueError, match="0 steps or more"):
        back_project(picture(6, 6), picture(3, 3), 2, steps=-1)


def test_as_a_model_it_follows_another_model() -> None:
    lr = picture()
    made = BackProjected(Interpolation(2), steps=3)
    assert torch.equal(made(lr), back_project(imresize(lr, 2), lr, 2, steps=3))
    assert (made.scale, made.channels) == (2, 1)
