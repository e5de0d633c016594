"""Coupled dictionaries: the encoders against their definitions, the pipeline against itself written out."""

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from srlib import data
from srlib.evaluation import Bicubic, evaluate
from srlib.images import to_uint8
from srlib.models.sparse import CoupledDictionaries, derivatives, ista, omp

LEAVES = [data.dead_leaves(96, seed) for seed in range(3)]


def small(scale: int = 2, **settings: Any) -> CoupledDictionaries:
    return CoupledDictionaries(scale, **{"atoms": 24, "features": 20, **settings})


def learned(scale: int = 2, seed: int = 0, **settings: Any) -> CoupledDictionaries:
    model = small(scale, **settings)
    model.learn(LEAVES, patches=1500, rounds=3, seed=seed)
    return model


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """On a busy machine two threads that wait for each other at every small product take 30 times as long."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def model() -> CoupledDictionaries:
    return learned().double()


def unit_rows(rows: int, length: int, generator: torch.Generator) -> Tensor:
    return F.normalize(torch.randn(rows, length, dtype=torch.float64, generator=generator))


def orthonormal(length: int, generator: torch.Generator) -> Tensor:
    return torch.linalg.qr(torch.randn(length, length, dtype=torch.float64, generator=generator))[0]


# --- the encoders ---------------------------------------------------------------------------------


def greedy(dictionary: np.ndarray, signal: np.ndarray, sparsity: int) -> np.ndarray:
    """Orthogonal matching pursuit of one signal, from its definition."""
    chosen: list[int] = []
    residual, code = signal, np.zeros(len(dictionary))
    for _ in range(sparsity):
        chosen.append(int(np.argmax(np.abs(dictionary @ residual))))
        weights = np.linalg.lstsq(dictionary[chosen].T, signal, rcond=None)[0]
        residual = signal - weights @ dictionary[chosen]
    code[chosen] = weights
    return code


def test_omp_finds_a_planted_code_over_an_orthonormal_dictionary(generator: torch.Generator) -> None:
    dictionary = orthonormal(12, generator)
    codes = torch.zeros(50, 12, dtype=torch.float64)
    where = torch.rand(50, 12, generator=generator).argsort(1)[:, :3]
    codes.scatter_(1, where, torch.randn(50, 3, dtype=torch.float64, generator=generator))
    torch.testing.assert_close(omp(dictionary, codes @ dictionary, 3), codes, rtol=0, atol=1e-12)


@pytest.mark.parametrize("sparsity", [1, 2, 4])
def test_omp_is_its_definition_signal_by_signal(sparsity: int, generator: torch.Generator) -> None:
    dictionary = unit_rows(30, 10, generator)
    signals = torch.randn(40, 10, dtype=torch.float64, generator=generator)
    expected = np.stack([greedy(dictionary.numpy(), s, sparsity) for s in signals.numpy()])
    codes = omp(dictionary, signals, sparsity)
    np.testing.assert_allclose(codes.numpy(), expected, rtol=0, atol=1e-10)
    assert ((codes != 0).sum(1) == sparsity).all()


def test_omp_leaves_a_residual_orthogonal_to_the_atoms_it_took(generator: torch.Generator) -> None:
    dictionary = unit_rows(40, 16, generator)
    signals = torch.randn(100, 16, dtype=torch.float64, generator=generator)
    lengths = [signals.norm(dim=1)]
    for sparsity in (1, 2, 3, 4):
        codes = omp(dictionary, signals, sparsity)
        residual = signals - codes @ dictionary
        assert (residual @ dictionary.T)[codes != 0].abs().max() < 1e-12
        lengths.append(residual.norm(dim=1))
        assert (lengths[-1] < lengths[-2]).all()


def test_omp_bears_equal_atoms_zero_signals_and_more_atoms_than_a_signal_needs() -> None:
    dictionary = torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    signals = torch.tensor([[0.0, 0], [2, 0], [2, 3]])
    codes = omp(dictionary, signals, 3)
    assert codes[0].abs().max() == 0
    torch.testing.assert_close(codes @ dictionary, signals, rtol=0, atol=1e-4)
    assert codes.abs().max() < 3.01


def test_ista_over_an_orthonormal_dictionary_is_soft_thresholding(generator: torch.Generator) -> None:
    dictionary = orthonormal(9, generator)
    signals = torch.randn(20, 9, dtype=torch.float64, generator=generator)
    along = signals @ dictionary.T
    expected = along.sign() * (along.abs() - 0.4).clamp(min=0)
    for steps in (1, 30):
        torch.testing.assert_close(ista(dictionary, signals, 0.4, steps=steps), expected, rtol=0, atol=1e-12)


def test_ista_arrives_where_no_code_wants_to_move(generator: torch.Generator) -> None:
    dictionary = unit_rows(15, 8, generator)
    signals = torch.randn(10, 8, dtype=torch.float64, generator=generator)
    codes = ista(dictionary, signals, 0.3, steps=5000)
    pull = (signals - codes @ dictionary) @ dictionary.T
    assert pull.abs().max() <= 0.3 + 1e-6
    torch.testing.assert_close(pull[codes != 0], 0.3 * codes[codes != 0].sign(), rtol=0, atol=1e-6)
    assert 0 < (codes != 0).sum(1).double().mean() < 8


def test_each_step_of_ista_lowers_what_it_minimises(generator: torch.Generator) -> None:
    dictionary = unit_rows(15, 8, generator)
    signals = torch.randn(10, 8, dtype=torch.float64, generator=generator)
    costs = []
    for steps in range(1, 12):
        codes = ista(dictionary, signals, 0.3, steps=steps)
        costs.append(float((signals - codes @ dictionary).square().sum() / 2 + 0.3 * codes.abs().sum()))
    assert costs == sorted(costs, reverse=True)


# --- the pipeline ---------------------------------------------------------------------------------


def test_derivatives_of_a_ramp_and_a_parabola_are_known() -> None:
    y, x = torch.meshgrid(torch.arange(9.0), torch.arange(8.0), indexing="ij")
    slopes = derivatives((3 * x + 5 * y)[None, None])[0, :, 2:-2, 2:-2]
    curves = derivatives((x**2 + 2 * y**2)[None, None])[0, :, 2:-2, 2:-2]
    for plane, value in zip(slopes, (6, 10, 0, 0), strict=True):
        assert (plane == value).all()
    assert (curves[2] == 8).all()
    assert (curves[3] == 16).all()


@pytest.mark.parametrize(("scale", "patch", "stride"), [(2, 3, 1), (2, 3, 2), (3, 2, 1), (3, 2, 2)])
def test_the_pipeline_is_encode_decode_average_written_out(scale: int, patch: int, stride: int) -> None:
    net = learned(scale, patch=patch, stride=stride).double()
    side, step = patch * scale, stride * scale
    height, width = side + 3 * step, side + 2 * step  # whole patches: nothing to pad
    picture = torch.rand(1, 1, height, width, dtype=torch.float64)
    edges, total = derivatives(picture)[0].numpy(), np.zeros((height, width))
    count = np.zeros((height, width))
    low, high, projection = (b.numpy() for b in (net.low, net.high, net.projection))
    for y in range(0, height - side + 1, step):
        for x in range(0, width - side + 1, step):
            signal = projection @ edges[:, y : y + side, x : x + side].ravel()
            total[y : y + side, x : x + side] += (greedy(low, signal, 3) @ high).reshape(side, side)
            count[y : y + side, x : x + side] += 1
    expected = picture[0, 0].numpy() + total / count
    np.testing.assert_allclose(net(picture)[0, 0].numpy(), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (33, 20), (6, 6)])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_any_size_stays_as_large_as_it_is(size: tuple[int, int], stride: int) -> None:
    net = learned(stride=stride)
    x = torch.rand(2, 1, *size)
    y = net(x)
    assert y.shape == x.shape
    assert torch.isfinite(y).all()
    torch.testing.assert_close(y[1:], net(x[1:]), rtol=0, atol=1e-5)


def test_a_constant_picture_stays_as_it_is(model: CoupledDictionaries) -> None:
    x = torch.full((1, 1, 19, 14), 0.3, dtype=torch.float64)
    assert torch.equal(model(x), x)
    assert torch.equal(model(x.float()), x.float())


@pytest.mark.parametrize("chunk", [1, 100, 10**6])
def test_the_size_of_the_chunks_changes_nothing(model: CoupledDictionaries, chunk: int) -> None:
    x = torch.rand(2, 1, 41, 30, dtype=torch.float64)
    other = small(chunk=chunk).double()
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(other(x), model(x), rtol=0, atol=1e-12)


def test_learning_in_chunks_changes_nothing() -> None:
    few, many = small(chunk=50).double(), small(chunk=10**6).double()
    for net in (few, many):
        net.learn(LEAVES, patches=1500, rounds=3)
    torch.testing.assert_close(few.high, many.high, rtol=0, atol=1e-8)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_picture_decides_the_precision(dtype: torch.dtype) -> None:
    x = data.dead_leaves(48, 9)[None, :1]
    net = learned()
    y = net(x.to(dtype))
    assert y.dtype == dtype
    torch.testing.assert_close(y.float(), net(x), rtol=0, atol=0.05 if dtype == torch.bfloat16 else 1e-3)


def test_a_state_dict_carries_the_dictionaries(model: CoupledDictionaries) -> None:
    other = small().double()
    assert set(other.state_dict()) == {"projection", "low", "high"}
    other.load_state_dict(model.state_dict(), strict=True)
    x = torch.rand(1, 1, 20, 20, dtype=torch.float64)
    assert torch.equal(other(x), model(x))


# --- learning -------------------------------------------------------------------------------------


def test_atoms_have_length_one_and_the_projection_is_orthonormal(model: CoupledDictionaries) -> None:
    torch.testing.assert_close(model.low.norm(dim=1), torch.ones(24).double(), rtol=0, atol=1e-6)
    gram = model.projection @ model.projection.T
    torch.testing.assert_close(gram, torch.eye(20).double(), rtol=0, atol=1e-6)


def test_what_the_dictionary_leaves_over_shrinks_from_round_to_round() -> None:
    errors = small().learn(LEAVES, patches=1500, rounds=6)
    assert len(errors) == 6
    assert 1 > errors[0] > errors[1] > errors[-1] > 0


def test_more_atoms_leave_less_over() -> None:
    few, many = (small(atoms=n).learn(LEAVES, patches=1500, rounds=4)[-1] for n in (8, 64))
    assert many < few


def test_equal_pictures_and_seeds_learn_equal_dictionaries() -> None:
    first, again, other = learned(seed=0), learned(seed=0), learned(seed=1)
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    assert not torch.equal(first.low, other.low)


def test_a_mapping_of_bytes_teaches_as_a_list_of_floats_does() -> None:
    net = small()
    net.learn({str(i): to_uint8(p) for i, p in enumerate(LEAVES)}, patches=1500, rounds=3)
    assert torch.equal(net.high, learned().high)


def test_patches_without_edges_teach_nothing() -> None:
    noise = 0.5 + 0.004 * torch.randn(1, 64, 64, generator=torch.Generator().manual_seed(0))
    assert to_uint8(noise).unique().numel() > 5  # it is not constant, after rounding either
    with pytest.raises(ValueError, match="0 patches with edges"):
        small().learn([noise])


def test_equal_patches_still_give_atoms_of_length_one() -> None:
    stripes = torch.zeros(1, 64, 64)
    stripes[:, :, ::8] = 1
    stripes[:, :, 1::8] = 0.5
    net = small()
    net.learn([stripes], patches=500, rounds=4)
    assert torch.isfinite(net.high).all()
    torch.testing.assert_close(net.low.norm(dim=1), torch.ones(24), rtol=0, atol=1e-5)


def test_a_few_leaves_teach_more_than_bicubic_knows() -> None:
    net = CoupledDictionaries(2, atoms=64)
    net.learn([data.dead_leaves(256, seed) for seed in range(3)], patches=5000, rounds=5)
    unseen = {"leaf": data.dead_leaves(256, 99)}
    assert evaluate(net, unseen, 2).psnr > evaluate(Bicubic(1), unseen, 2).psnr + 0.4


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.parametrize(("scale", "gain"), [(2, 1.25), (3, 1.1)])
def test_dictionaries_learned_in_a_minute_beat_bicubic_on_the_photographs(scale: int, gain: float) -> None:
    leaves = [data.dead_leaves(512, seed) for seed in range(40)]
    net = CoupledDictionaries(scale)
    start = time.perf_counter()
    net.learn(leaves)
    assert time.perf_counter() - start < 60
    ours, bicubic = (evaluate(m, "photos", scale) for m in (net, Bicubic(1)))
    assert ours.psnr > bicubic.psnr + gain
    for mine, before in zip(ours.rows, bicubic.rows, strict=True):
        assert mine.psnr > before.psnr, mine.name


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: CoupledDictionaries(1), "scale must be a whole number from 2 up, not 1"),
        (lambda: CoupledDictionaries(2.5), "not 2.5"),  # type: ignore[arg-type]
        (lambda: CoupledDictionaries(2, atoms=0), "at least 1"),
        (lambda: CoupledDictionaries(2, stride=4), "stride must be from 1 to the patch's 3 LR pixels, not 4"),
        (lambda: CoupledDictionaries(2, atoms=2), "sparsity must be from 1 to the 2 atoms, not 3"),
        (lambda: CoupledDictionaries(2, patch=1), "16 derivatives, not 30 features"),
        (lambda: small()(torch.rand(1, 1, 8, 8)), "call learn"),
        (lambda: learned()(torch.rand(1, 3, 8, 8)), r"luma \(N, 1, H, W\)"),
        (lambda: small().learn([]), "no picture to learn from"),
        (lambda: small().learn([torch.rand(3, 5, 40)]), "no picture is 6 pixels high and wide"),
        (lambda: small().learn([torch.rand(1, 8, 8)]), "too few for 24 atoms"),
        (lambda: small().learn([torch.zeros(1, 64, 64)]), "0 patches with edges"),
        (lambda: small().learn(torch.rand(3, 64, 64)), r"must be \(1, H, W\) or \(3, H, W\)"),
        (lambda: small().learn([255 * torch.rand(1, 64, 64)]), "divide by 255"),
        (lambda: small().learn([torch.full((1, 64, 64), math.nan)]), "NaN"),
        (lambda: small().learn(LEAVES, rounds=0), "at least 1 patch and 1 round"),
        (lambda: omp(torch.eye(3), torch.rand(2, 3), 4), "from 1 to the 3 atoms"),
        (lambda: ista(torch.eye(3), torch.rand(2, 3), -1), "penalty from 0 up"),
    ],
)
def test_a_wrong_argument_is_named_in_one_line(make: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        make()
    assert "\n" not in str(caught.value)
