"""Recorded experiments: the runs made once, the record whole, the numbers read back."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from srlib import cli, data, experiments, zoo
from srlib.experiments import (
    Experiment,
    ExperimentError,
    Variant,
    colours,
    dictionaries,
    ensembles,
    features,
    mixtures,
    perform,
    recorded,
    scoreboard,
)
from srlib.experiments.chapters import EXPERIMENTS, checkerboard, checkerboard_share
from srlib.models import FSRCNN
from srlib.training import Recipe

RECIPE = Recipe(steps=4, batch=2, patch=8, validate_every=2)


@pytest.fixture(autouse=True)
def small_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    real = data.photos
    monkeypatch.setattr(
        data, "photos", lambda names=None: {"chelsea": real("chelsea")["chelsea"][:, :60, :60]}
    )


def two(recipe: Recipe = RECIPE) -> Experiment:
    variants = tuple(
        Variant(label, "ESPCN", {"scale": 2, "features": f}, recipe, scales=(2,), data="leaves:2")
        for label, f in (("narrow", (4, 4)), ("wide", (8, 4)))
    )
    return Experiment("widths", 5, "Does width help?", variants, measured_on=("photos",))


def test_every_variant_is_run_with_every_seed_and_read_back(tmp_path: Path) -> None:
    made = perform(two(), seeds=(0, 1), folder=tmp_path)
    record = recorded("widths", tmp_path)
    assert record == made
    assert record.labels == ["narrow", "wide"]
    assert record.seeds == [0, 1]
    values = record.values("wide", "photos x2")
    assert record.mean("wide", "photos x2") == pytest.approx(sum(values) / 2)
    assert record.spread("wide", "photos x2") == pytest.approx(abs(values[0] - values[1]))
    assert values[0] != values[1]
    run = record.runs[0]
    assert (run["steps"], len(run["validation"])) == (4, 2)
    assert run["parameters"] == (25 * 4 + 4) + (4 * 4 * 9 + 4) + (4 * 4 * 9 + 4)
    assert {"device", "date", "torch", "seconds", "skipped", "variant"} <= run.keys()
    assert record.command == "srlib experiment widths"


def test_a_seed_decides_a_run_whatever_was_run_before(tmp_path: Path) -> None:
    both = perform(two(), seeds=(0, 1), folder=tmp_path / "a")
    alone = perform(two(), seeds=(1,), folder=tmp_path / "b")
    assert alone.values("wide", "photos x2") == [both.values("wide", "photos x2")[1]]


def test_an_interrupted_experiment_goes_on_and_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = iter([False, False, False, True])
    perform(two(), seeds=(0, 1), folder=tmp_path, stop=lambda: next(asked))
    before = recorded("widths", tmp_path)
    assert len(before.runs) == 3
    made: list[tuple[str, int]] = []
    real = experiments._run

    def watched(variant: Variant, seed: int, *rest: Any) -> dict[str, Any] | None:
        made.append((variant.label, seed))
        return real(variant, seed, *rest)

    monkeypatch.setattr(experiments, "_run", watched)
    after = perform(two(), seeds=(0, 1), folder=tmp_path)
    assert made == [("wide", 1)]
    assert after.runs[:3] == before.runs


def test_what_is_looked_at_is_recorded_on_the_way_and_at_the_end(tmp_path: Path) -> None:
    def bias(net: nn.Module) -> float:
        return float(net.subpixel.bias.detach().abs().sum())  # type: ignore[union-attr, operator]

    recipe = Recipe(steps=25, batch=2, patch=8, lr=1e-2)
    variant = replace(two(recipe).variants[0], looks={"bias": bias})
    experiment = replace(two(), variants=(variant,))
    run = perform(experiment, seeds=(0,), folder=tmp_path).runs[0]
    assert [step for step, _ in run["course"]["bias"]] == [0, 20, 25]
    assert len({value for _, value in run["course"]["bias"]}) == 3
    assert run["results"]["bias"] == pytest.approx(run["course"]["bias"][-1][1], rel=1e-3)
    other = replace(experiment, variants=(replace(variant, looks={}),))  # another look: another record
    assert "bias" not in perform(other, seeds=(0,), folder=tmp_path).runs[0]["results"]


def test_a_variant_may_start_from_the_zoo_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[dict[str, torch.Tensor]] = []
    real = experiments.fit

    def watched(model: nn.Module, *rest: Any, **more: Any) -> Any:
        begun.append({key: value.clone() for key, value in model.state_dict().items()})
        return real(model, *rest, **more)

    monkeypatch.setattr(experiments, "fit", watched)
    plain = Variant("x", "ESPCN", {"scale": 2}, RECIPE, scales=(2,), data="leaves:2")
    warm = replace(plain, start=("espcn", 3))
    assert "start" not in plain.described()
    assert warm.described()["start"] == ["espcn", 3]
    told = []
    for variant in (plain, warm):
        experiment = replace(two(), variants=(variant,))
        (run,) = perform(experiment, seeds=(0,), folder=tmp_path / str(variant.start)).runs
        told.append(run.get("started_from"))
    card = zoo.card("espcn", 3)
    assert told == [None, {"card": "espcn x3", "sha256": card.sha256[:8], "steps": card.steps}]
    trained = zoo.load("espcn", 3).state_dict()
    same = [
        [torch.equal(one[key], trained[key]) for key in one if one[key].shape == trained[key].shape]
        for one in begun
    ]
    assert not any(same[0])
    assert all(same[1])
    assert len(same[1]) >= 4
    assert any(one.shape != trained[key].shape for key, one in begun[1].items())


def test_a_run_that_was_stopped_is_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = experiments.fit

    def stop(run: Any) -> None:
        run.stop = True

    def stopped(model: Any, bank: Any, recipe: Any, callbacks: Any, **more: Any) -> Any:
        return real(model, bank, recipe, [*callbacks, stop], every=2, **more)

    perform(two(), seeds=(0,), folder=tmp_path)
    monkeypatch.setattr(experiments, "fit", stopped)
    record = perform(two(), seeds=(0, 1), folder=tmp_path)
    assert record.seeds == [0]
    assert "goes on with the runs that are missing" in capsys.readouterr().out


def test_stopped_before_the_first_run_nothing_is_written_and_nothing_lost(tmp_path: Path) -> None:
    record = perform(two(), seeds=(0,), folder=tmp_path, stop=lambda: True)
    assert not list(tmp_path.iterdir())
    assert record.seeds == []
    assert str(record).startswith("Does width help?")
    perform(two(), seeds=(0,), folder=tmp_path)
    before = (tmp_path / "widths.json").read_bytes()
    perform(two(replace(RECIPE, lr=1e-3)), seeds=(0,), folder=tmp_path, stop=lambda: True)
    assert (tmp_path / "widths.json").read_bytes() == before


def test_a_variant_that_changed_is_run_anew(tmp_path: Path) -> None:
    perform(two(), seeds=(0,), folder=tmp_path)
    changed = two(replace(RECIPE, lr=1e-3))
    record = perform(changed, seeds=(0,), folder=tmp_path)
    assert len(record.runs) == 2
    assert all(run["variant"]["recipe"]["lr"] == 1e-3 for run in record.runs)


def test_pictures_are_drawn_by_the_seed() -> None:
    variant = replace(two().variants[0], data="leaves:6", pictures=2)
    banks: dict[str, Any] = {}
    names = [experiments._bank(variant, seed, banks).names for seed in (0, 1, 2, 0)]
    assert all(len(some) == 2 for some in names)
    assert names[0] == names[3]
    assert len({tuple(some) for some in names}) > 1


def test_a_missing_or_damaged_record_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "srcnn-loss.json").write_text("{")
    with pytest.raises(ExperimentError, match="did you mean 'srcnn-loss'"):
        recorded("srcnn-los", tmp_path)
    with pytest.raises(ExperimentError, match="not the record of an experiment"):
        recorded("srcnn-loss", tmp_path)
    record = perform(two(), seeds=(0,), folder=tmp_path)
    with pytest.raises(ExperimentError, match="no variant 'thin'; there are 'narrow', 'wide'"):
        record.mean("thin", "photos x2")
    with pytest.raises(
        ExperimentError, match="nothing called 'set6 x2' was recorded; there is seconds, photos"
    ):
        record.mean("wide", "set6 x2")


def test_the_command_lists_and_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["experiment"]) == 0
    assert all(name in capsys.readouterr().out for name in ["srcnn-filters"])
    assert cli.main(["experiment", "srcnn-filter"]) == 1
    assert "did you mean 'srcnn-filters'" in capsys.readouterr().err


def test_every_experiment_of_the_book_is_recorded() -> None:
    by_own_command = {dictionaries.NAME, colours.NAME, features.NAME, ensembles.NAME, mixtures.NAME}
    by_own_command |= {scoreboard.NAME, scoreboard.PLAYED}
    assert {path.stem for path in experiments.FOLDER.glob("*.json")} == set(EXPERIMENTS) | by_own_command


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_what_the_book_shows_is_what_its_command_makes_with_three_seeds_or_more(name: str) -> None:
    it = EXPERIMENTS[name]
    record = recorded(name)
    assert record.command == it.command == f"srlib experiment {name}"
    wanted = {variant.label: variant.described() for variant in it.variants}
    assert {run["label"]: run["variant"] for run in record.runs} == wanted
    assert len(record.seeds) >= 3
    assert all(len(record.of(label)) == len(record.seeds) for label in record.labels)
    for run in record.runs:
        assert run["steps"] == run["variant"]["recipe"]["steps"]
    assert (experiments.FOLDER / f"{name}.json").stat().st_size < 100_000


# --- the checkerboard's measure, against one drawn by hand ---


class Pattern(nn.Module):
    """Nearest-neighbour enlargement times a pattern that repeats every 3 pixels, or of period 3 in gray."""

    def __init__(self, depth: float) -> None:
        super().__init__()
        self.depth = depth

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        big = x.repeat_interleave(3, dim=2).repeat_interleave(3, dim=3)
        sign = torch.tensor([1.0, -1.0]).repeat(big.shape[-1])[: big.shape[-1]]
        return big + self.depth * sign


def test_the_checkerboard_is_measured_in_gray_levels() -> None:
    assert checkerboard(Pattern(2 / 255)) == pytest.approx(2, rel=1e-4)  # +2, -2, +2 ...: 2 root mean square
    assert checkerboard(Pattern(0)) == pytest.approx(0, abs=1e-4)
    grays = [i / 10 for i in range(1, 10)]
    share = sum(0.01 / (g * g + 1e-4) ** 0.5 for g in grays) / 9
    assert checkerboard_share(Pattern(0.01)) == pytest.approx(share, rel=1e-4)


def test_a_kernel_that_overlaps_unevenly_leaves_a_checkerboard_and_an_even_one_does_not() -> None:
    def with_ones(k: int) -> FSRCNN:
        net = FSRCNN(3, enlarge=k)
        nn.init.ones_(net.deconv.weight)  # type: ignore[arg-type]
        return net

    torch.manual_seed(0)
    assert checkerboard_share(with_ones(3)) == pytest.approx(0, abs=1e-3)
    assert checkerboard_share(with_ones(9)) == pytest.approx(0, abs=1e-3)
    assert checkerboard_share(with_ones(4)) > 0.3  # pixels get 1, 1, 2 in each direction


def test_spikes_are_steps_far_above_the_twenty_before_them() -> None:
    assert experiments.spikes([1.0] * 40) == 0
    assert experiments.spikes([1.0] * 30 + [2.5, 1.0, 1.9, float("nan")]) == 2
    assert experiments.spikes([1.0] * 19 + [50.0]) == 0  # nothing to compare with yet
    falling = [2.0 ** (-i / 10) for i in range(100)]
    assert experiments.spikes(falling) == 0
    assert experiments.spikes([*falling[:50], 4 * falling[40], *falling[50:]]) == 1
