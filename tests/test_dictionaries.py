"""Four ways from features to detail: each is what it says, and the record is what its command makes."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from srlib import comparison, data, show
from srlib.evaluation import Bicubic, evaluate
from srlib.experiments import dictionaries, recorded
from srlib.experiments.dictionaries import TEACHERS, WAYS, AnchoredRegression, anchored
from srlib.models import CoupledDictionaries

LEAVES = [data.dead_leaves(96, seed) for seed in range(3)]
FEW = {"patches": 1500, "rounds": 2}


def small(**settings: int) -> AnchoredRegression:
    net = AnchoredRegression(
        2, **{"atoms": 12, "features": 10, "neighbours": 200, "examples": 1500, **settings}
    )
    net.learn(LEAVES, **FEW)
    return net


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> object:
    """As in test_sparse: on a busy machine two threads wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_anchored_regression_is_the_ridge_regression_of_its_neighbours(generator: torch.Generator) -> None:
    signals = F.normalize(torch.randn(80, 6, generator=generator, dtype=torch.float64))
    detail = torch.randn(80, 9, generator=generator, dtype=torch.float64)
    found = anchored(signals[3], signals, detail, 20, 0.2)
    near = sorted(range(80), key=lambda i: -abs(float(signals[i] @ signals[3])))[:20]
    # ridge regression is least squares with sqrt(ridge) times the unit matrix, and zeros, below
    s = torch.cat([signals[near], 0.2**0.5 * torch.eye(6, dtype=torch.float64)])
    d = torch.cat([detail[near], torch.zeros(6, 9, dtype=torch.float64)])
    torch.testing.assert_close(found, torch.linalg.lstsq(s, d).solution, rtol=0, atol=1e-10)


def test_a_patch_is_turned_into_detail_by_the_matrix_of_its_atom(generator: torch.Generator) -> None:
    net = small()
    signals = torch.randn(2, 10, 30, generator=generator)
    detail = net.decode(signals)
    assert detail.shape == (2, 36, 30)
    for picture in range(2):
        for patch in range(30):
            signal = signals[picture, :, patch]
            atom = int((net.low @ signal).abs().argmax())
            expected = signal @ net.matrices[atom]
            torch.testing.assert_close(detail[picture, :, patch], expected, rtol=0, atol=1e-5)


def test_with_one_atom_and_all_neighbours_it_is_one_linear_map() -> None:
    net = small(atoms=1, sparsity=1, neighbours=10**9)
    a, b = torch.rand(2, 1, 1, 24, 20, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(net(a + 2 * b), net(a) + 2 * net(b), rtol=0, atol=1e-4)


def test_it_learns_more_than_bicubic_knows() -> None:
    unseen = {"leaf": data.dead_leaves(96, 99)}
    assert evaluate(small(), unseen, 2).psnr > evaluate(Bicubic(1), unseen, 2).psnr + 0.3


def test_a_run_says_all_that_a_record_needs() -> None:
    judged = {"leaf": {"butterfly": LEAVES[0]}}
    way = "one linear map"
    run = dictionaries.run(way, "dead leaves", LEAVES, judged, 1, scales=(2,), **FEW)
    assert (run["label"], run["seed"]) == ("one linear map, dead leaves", 1)
    assert set(run["results"]) == {"leaf x2", "butterfly x2"}
    assert {"seconds", "device", "date", "torch"} <= set(run)
    json.dumps(run)


def test_the_record_has_all_ways_teachers_and_three_seeds() -> None:
    record = recorded(dictionaries.NAME)
    assert record.command == dictionaries.COMMAND
    assert set(record.labels) == {f"{way}, {teacher}" for way in WAYS for teacher in TEACHERS}
    assert record.seeds == [0, 1, 2]
    for label in record.labels:
        assert len(record.values(label, "set5 x3")) == 3
    assert str(record).startswith(dictionaries.QUESTION)


def test_without_the_pictures_recording_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SRLIB_DATA", raising=False)
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="srlib fetch set5"):
        dictionaries.record(tmp_path)
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_tables_costs_are_those_of_the_librarys_dictionaries(scale: int) -> None:
    row = next(one for one in comparison.recorded(scale) if one.method == "coupled dictionaries")
    made = CoupledDictionaries(scale)
    assert row.parameters == sum(x.numel() for x in made.state_dict().values())
    # the same by hand: 30 numbers a patch, three turns, fits of one, two and three atoms, three atoms drawn
    side = 3 * scale
    patch = 30 * 4 * side**2 + 3 * 512 * 30 + (3 + 8 + 15) * 30 + 1 + 8 + 27 + 3 * side**2
    assert row.multiply_adds == patch * 1280 * 720 // scale**2


def test_a_table_without_a_network_says_so_and_shows_what_was_learned() -> None:
    page = show.table(3).text
    assert "66,552" in page
    assert "5.8" in page
    assert "PSNR and SSIM from exact luma" in page
    assert "colour networks" in show.table(4).text


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_what_is_recorded_for_the_photographs_middles_is_measured_now(way: str) -> None:
    make, arguments = WAYS[way]
    net: CoupledDictionaries = make(3, **arguments)
    net.learn([data.dead_leaves(256, seed) for seed in range(40)], patches=20_000, rounds=8)
    now = evaluate(net, comparison.pictures(), 3).psnr
    assert now == pytest.approx(
        recorded(dictionaries.NAME).values(f"{way}, dead leaves", "middles x3")[0], abs=0.02
    )
