"""Losses against formulas; and for each, that its gradient reaches the generator."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import absent
from torch import Tensor, nn

from srlib.losses import (
    VGGFeatures,
    charbonnier,
    content_loss,
    discriminator_loss,
    euclidean,
    generator_loss,
    total_variation,
)
from srlib.models import EDSR, Discriminator


def write_caffe(path: Path, blocks: int = 2) -> dict[str, np.ndarray]:
    """A random file in the layout of the truncated VGG-19."""
    random = np.random.default_rng(0)
    arrays, before = {}, 3
    for block, (width, count) in enumerate(((64, 2), (128, 2), (256, 4))[:blocks], 1):
        for i in range(1, count + 1):
            weight = random.normal(0, 0.05, (width, before, 3, 3)).astype(np.float32)
            arrays[f"block{block}_conv{i}/weight_oihw"] = weight
            arrays[f"block{block}_conv{i}/bias"] = random.normal(0, 0.1, width).astype(np.float32)
            before = width
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return arrays


def test_the_euclidean_loss_is_caffes_half_the_sum_over_a_patch_averaged_over_the_batch() -> None:
    sr, hr = torch.zeros(2, 1, 2, 2), torch.tensor([1.0, 2.0]).view(2, 1, 1, 1).expand(2, 1, 2, 2)
    assert euclidean(sr, hr).item() == (4 * 1 / 2 + 4 * 4 / 2) / 2


def test_charbonnier_is_its_formula_and_flat_at_zero() -> None:
    sr = torch.tensor([[[[0.3, 0.5]]]], requires_grad=True)
    hr = torch.tensor([[[[0.3, 0.1]]]])
    loss = charbonnier(sr, hr, eps=0.3)
    assert loss.item() == pytest.approx((0.3 + 0.5) / 2, abs=1e-6)
    loss.backward()
    assert sr.grad is not None
    assert sr.grad[0, 0, 0].tolist() == pytest.approx([0, 0.4 / 0.5 / 2], abs=1e-6)


def test_total_variation_counts_steps() -> None:
    x = torch.zeros(1, 1, 4, 5)
    assert total_variation(x) == 0
    x[..., 2:] = 1  # one step of 1 in each row, between columns 1 and 2
    assert total_variation(x).item() == pytest.approx(1 / 4)
    assert total_variation(x.mT).item() == pytest.approx(1 / 4)


def test_adversarial_losses_are_the_papers_logarithms() -> None:
    real, fake = torch.tensor([[1.0], [-2.0]]), torch.tensor([[0.5], [3.0]])
    d_real, d_fake = torch.sigmoid(real), torch.sigmoid(fake)
    assert generator_loss(fake).item() == pytest.approx(-d_fake.log().mean().item(), abs=1e-6)
    expected = -(d_real.log().mean() + (1 - d_fake).log().mean())
    assert discriminator_loss(real, fake).item() == pytest.approx(expected.item(), abs=1e-6)
    assert torch.isfinite(generator_loss(torch.tensor([[-1e4]])))  # where log(sigmoid) would be -inf


def generator_and_input() -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    return EDSR(2, blocks=1, features=4), torch.rand(2, 3, 16, 16), torch.rand(2, 3, 32, 32)


VGG = VGGFeatures("relu2_2", weights="random")
CRITIC = Discriminator(32)
TERMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "L1": nn.functional.l1_loss,
    "L2": nn.functional.mse_loss,
    "charbonnier": charbonnier,
    "total variation": lambda sr, hr: total_variation(sr),
    "content": lambda sr, hr: content_loss(VGG, sr, hr),
    "adversarial": lambda sr, hr: generator_loss(CRITIC(sr)),
}


@pytest.mark.parametrize("name", TERMS)
def test_every_terms_gradient_reaches_every_weight_of_the_generator(name: str) -> None:
    generator, lr, hr = generator_and_input()
    TERMS[name](generator(lr), hr).backward()
    for key, parameter in generator.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.abs().max() > 0 or "head.bias" in key, key
    assert all(p.grad is None for p in VGG.parameters())


def test_the_discriminators_loss_on_detached_pictures_leaves_the_generator_alone() -> None:
    generator, lr, hr = generator_and_input()
    critic = Discriminator(32)
    discriminator_loss(critic(hr), critic(generator(lr).detach())).backward()
    assert all(p.grad is None for p in generator.parameters())
    assert all(p.grad is not None for p in critic.parameters())


def test_vgg_is_frozen_and_content_loss_gives_the_truth_no_gradient() -> None:
    sr, hr = (torch.rand(1, 3, 16, 16, requires_grad=True) for _ in range(2))
    content_loss(VGG, sr, hr).backward()
    assert sr.grad is not None
    assert hr.grad is None
    assert not any(p.requires_grad for p in VGG.parameters())


def test_a_caffe_file_is_fed_bgr_levels_minus_the_mean_colour(tmp_path: Path) -> None:
    arrays = write_caffe(tmp_path / "vgg.npz")
    x = torch.rand(1, 3, 6, 6)
    bgr = x.flip(1) * 255 - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    weight, bias = (torch.from_numpy(arrays[f"block1_conv1/{k}"]) for k in ("weight_oihw", "bias"))
    expected = nn.functional.conv2d(bgr, weight, bias, padding=1)
    before = VGGFeatures("conv1_1", tmp_path / "vgg.npz")
    torch.testing.assert_close(before(x), expected, rtol=1e-4, atol=1e-3)
    after = VGGFeatures("relu1_1", tmp_path / "vgg.npz")
    torch.testing.assert_close(after(x), expected.relu(), rtol=1e-4, atol=1e-3)
    assert "Caffe" in after.training_of_vgg


def test_a_torchvision_file_is_fed_imagenets_normalisation_and_its_own_keys(tmp_path: Path) -> None:
    random = VGGFeatures("relu5_4", "random")
    convolutions = [m for m in random.body if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 16
    numbers = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]  # torchvision's features
    state: dict[str, Tensor] = {}
    for number, convolution in zip(numbers, convolutions, strict=True):
        state |= {f"features.{number}.{key}": value for key, value in convolution.state_dict().items()}
    torch.save(state, tmp_path / "vgg19.pth")
    loaded = VGGFeatures("relu5_4", tmp_path / "vgg19.pth")
    x = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(loaded(x), random(x))
    assert loaded(x).shape == (1, 512, 2, 2)
    grey = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    first = VGGFeatures("conv1_1", tmp_path / "vgg19.pth")
    assert convolutions[0].bias is not None
    torch.testing.assert_close(first(grey)[0, :, 0, 0], convolutions[0].bias, rtol=0, atol=1e-5)


def test_a_layer_that_the_file_does_not_hold_is_said(tmp_path: Path) -> None:
    write_caffe(tmp_path / "vgg.npz")
    with pytest.raises(ValueError, match=r"goes up to conv2_2, so relu5_4 is not in it"):
        VGGFeatures("relu5_4", tmp_path / "vgg.npz")
    for layer in ("relu6_1", "pool2", "conv1_3"):
        with pytest.raises(ValueError, match="there is no layer"):
            VGGFeatures(layer, "random")


def test_without_a_file_the_command_that_gets_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path))
    monkeypatch.delenv("SRLIB_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="srlib fetch vgg19"):
        VGGFeatures()


def test_the_real_vgg_tells_a_blurred_photograph_from_a_brighter_one(data_root: Path) -> None:
    if not (data_root / "vgg19").is_dir():
        absent("vgg19/")
    from srlib.data import photos
    from srlib.resize import imresize

    vgg = VGGFeatures("relu2_2")
    hr = photos(["chelsea"])["chelsea"][:, 60:220, 100:260]
    blurred = imresize(imresize(hr, 0.25), 4)
    # brightened until PSNR cannot tell the two apart
    brighter = hr + (blurred - hr).square().mean().sqrt()
    far, near = (content_loss(vgg, x[None], hr[None]) for x in (blurred, brighter))
    assert far > 2 * near
