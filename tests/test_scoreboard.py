"""The last chapter's measures: memory by hand on small networks, latencies in turns, the gaps, the choice."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from srlib import comparison, scoreboard, zoo
from srlib.experiments import recorded
from srlib.experiments import scoreboard as record
from srlib.models import ESPCN, VDSR, Interpolation
from srlib.published import published
from srlib.scoreboard import Beside, Choice, beside, choose, latency, memory


class Straight(nn.Module):
    """(N, 1, H, W): to 8 channels, to 4, back to 1; with ``skip`` the 8 are needed until the end."""

    channels, pre_upsample, scale = 1, False, 1

    def __init__(self, skip: bool) -> None:
        super().__init__()
        self.skip = skip
        self.a, self.b, self.c = (nn.Conv2d(i, o, 1) for i, o in ((1, 8), (8, 4), (4, 8)))
        self.end = nn.Conv2d(8, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        first = self.a(x)
        h = self.c(self.b(first))
        found: Tensor = self.end(h + first if self.skip else h)
        return found


@pytest.mark.parametrize(("skip", "channels"), [(False, 8 + 4), (True, 8 + 8 + 8)])
def test_memory_is_what_is_made_and_what_is_still_needed(skip: bool, channels: int) -> None:
    assert memory(Straight(skip), height=10, width=6) == 4 * channels * 60


def test_memory_counts_each_step_at_its_own_size() -> None:
    # ESPCN x3: 64 and 32 channels on the small picture; VDSR: twice 64 and its input on the large one
    small = 720 * 1280 / 9
    assert memory(ESPCN(3)) == round(4 * (64 + 64) * small)
    assert memory(VDSR()) == 4 * (64 + 64 + 1) * 720 * 1280


def test_latencies_are_medians_of_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    now, seen = [0.0], []
    costs = {"a": iter([9.0, 1.0, 5.0, 2.0]), "b": iter([9.0, 4.0, 4.0, 40.0])}
    nets = {"a": Interpolation(2), "b": Interpolation(2, "linear")}
    names = {id(net): name for name, net in nets.items()}

    def slow(model: nn.Module, x: Tensor, scale: int) -> None:
        seen.append((names[id(model)], tuple(x.shape), scale))
        now[0] += next(costs[names[id(model)]])

    monkeypatch.setattr(scoreboard, "upscale", slow)
    monkeypatch.setattr(scoreboard.time, "perf_counter", lambda: now[0])
    assert latency(nets, 2, side=12, rounds=3) == {"a": 2.0, "b": 4.0}  # the first turn does not count
    assert seen == [("a", (3, 6, 6), 2), ("b", (3, 6, 6), 2)] * 4
    costs |= {"a": iter([0.0, 0.0625] + [0.0078125] * 3), "b": iter([1.0, 1.0])}
    assert latency(nets, 2, side=12, rounds=1) == {"a": 0.0078125, "b": 1.0}  # three times in one turn
    with pytest.raises(ValueError, match="side must divide by the scale"):
        latency(nets, 2, side=13)


def test_every_network_with_a_paper_stands_beside_it() -> None:
    rows = {(row.name, row.scale): row for row in beside()}
    for (name, scale), row in rows.items():
        card = zoo.card(name, scale)
        assert row.paper == published(name, "set5", scale)
        assert row.ours == card.results[f"set5 x{scale}"]["psnr"]
        if name == "espcn":  # its paper blurred the small pictures first
            assert row.gap is None
            assert "blurred" in row.reasons[0]
        else:
            assert row.gap == pytest.approx(row.paper - row.ours)
        shrunk = 2 / scale if name == "vdsr" else 1.0  # VDSR's patches are of enlarged pixels
        trainings = [(one["steps"], one["recipe"]) for one in card.before] + [(card.steps, card.recipe)]
        assert row.seen == pytest.approx(
            sum(n * how["batch"] * (how["patch"] * shrunk) ** 2 for n, how in trainings)
        )
    assert ("fsrcnn", 3) in rows
    assert ("espcn", 2) not in rows  # the paper has none
    fsrcnn = rows["fsrcnn", 3]
    assert fsrcnn.data == fsrcnn.paper_data == "T91 + General-100"
    assert fsrcnn.paper_seen is None  # its paper does not say
    assert rows["srresnet", 4].paper_seen == 1_000_000 * 16 * 24**2  # 96 x 96 large pixels
    assert rows["srgan", 4].reasons[0] == "content measured by VGG22, not VGG54"
    times = [(rows["vdsr", s].paper_seen or 0) / rows["vdsr", s].seen for s in (2, 3, 4)]
    assert times == pytest.approx(3 * [9_960 * 64 * 41**2 / (8 * (20_000 * 24**2 + 12_000 * 48**2))])
    # VDSR's paper: 9,960 batches of 64 patches of 41 x 41 enlarged pixels; ours first had smaller patches
    assert rows["vdsr", 2].paper_seen == pytest.approx(9_960 * 64 * 41**2 / 4)
    assert rows["vdsr", 4].paper_seen == pytest.approx(9_960 * 64 * 41**2 / 16)


def row(**changed: Any) -> Beside:
    plain = {"name": "x", "scale": 2, "paper": 38.0, "ours": 37.5, "data": "T91", "paper_data": "T91"}
    plain |= {"seen": 100, "paper_seen": 150, "patch": 10, "paper_patch": 12, "path": "y", "note": ""}
    return Beside(**(plain | changed))  # type: ignore[arg-type]


def test_reasons_are_what_sets_the_trainings_apart() -> None:
    assert row().reasons == []
    assert row(seen=10).reasons == ["15 times fewer pixels seen"]
    assert row(seen=10, paper_seen=None).reasons == []
    other = row(seen=1, patch=6, paper_data="DIV2K").reasons
    assert other == [
        "150 times fewer pixels seen", "patches of 6, not 12", "trained on T91, not DIV2K",
    ]  # fmt: skip


KNOWN = [
    Choice("fast", 2, 2, 10, 33.0, 1.5),
    Choice("good", 2, 50, 100, 34.0, 1.4),
    Choice("sharp", 2, 50, 100, 31.0, 0.5),
    Choice("other", 3, 1, 1, 40.0, 0.1),
]


@pytest.mark.parametrize(
    ("wanted", "seconds", "bytes_", "name"),
    [
        ("fidelity", 100, 1000, "good"),
        ("looks", 100, 1000, "sharp"),
        ("fidelity", 49, 1000, "fast"),
        ("looks", 100, 99, "fast"),
        ("fidelity", 50, 100, "good"),  # the limits themselves are allowed
        ("fidelity", 1, 1000, None),
    ],
)
def test_the_best_of_those_that_fit_is_chosen(
    wanted: str, seconds: float, bytes_: float, name: str | None
) -> None:
    found = choose(KNOWN, scale=2, wanted=wanted, seconds=seconds, bytes_=bytes_)
    assert (found.method if found else None) == name


def test_what_is_neither_is_refused() -> None:
    with pytest.raises(ValueError, match="wanted must be 'fidelity' or 'looks'"):
        choose(KNOWN, scale=2, wanted="speed", seconds=1, bytes_=1)


# --- the record -----------------------------------------------------------------------------------


def test_every_row_has_been_recorded_and_agrees_with_the_table_that_grows() -> None:
    board = recorded(record.NAME)
    assert set(board.labels) == {row.label for row in record.rows()}
    results = {run["label"]: run["results"] for run in board.runs}
    now = record.current(board)
    for scale in (2, 3, 4):
        for entry in comparison.recorded(scale):
            label = f"{entry.method} x{scale}"
            if label in now:
                assert results[label]["psnr"] == pytest.approx(entry.psnr, abs=0.02)


@pytest.mark.slow
def test_every_row_was_measured_with_the_weights_of_today() -> None:
    board = recorded(record.NAME)
    assert record.current(board) == board.labels, f"run {board.command}"


def test_only_rows_with_other_weights_are_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"one": "a", "two": "b"}
    monkeypatch.setattr(record, "rows", lambda: [record.Row(m, "", 2, file) for m, file in files.items()])
    made: list[str] = []

    def measured(row: record.Row) -> dict[str, Any]:
        made.append(row.method)
        results = {"psnr": float(len(made))}
        return {"label": row.label, "seed": 0, "results": results, "file": row.file}

    monkeypatch.setattr(record, "_measured", measured)
    record.record(tmp_path)
    assert made == ["one", "two"]
    files["two"] = "c"
    again = record.record(tmp_path)
    assert made == ["one", "two", "two"]
    assert [run["results"]["psnr"] for run in again.runs] == [1.0, 3.0]
    assert recorded(record.NAME, tmp_path) == again


def test_a_measured_row_is_bicubics(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = comparison.pictures()
    few = {name: pictures[name][:, :60, :60] for name in ("chelsea", "coffee")}
    monkeypatch.setattr(comparison, "pictures", lambda: few)
    evaluated = record.evaluate
    monkeypatch.setattr(record, "evaluate", lambda model, what, s: evaluated(model, few, s))
    found = record._measured(record.Row("bicubic", "", 2, ""))["results"]
    assert found["psnr"] == pytest.approx(evaluated(Interpolation(2), few, 2).psnr, abs=1e-3)
    assert found["set5"] == found["psnr"]
    assert found["distance"] > 0


def test_what_the_challenge_says_is_written_down_and_not_asked_again(tmp_path: Path) -> None:
    asked: list[int] = []

    class Found:
        name, numbers, multiply_adds, bicubic = "mine", 10, 20, (32.0, 28.0)
        seconds, leaves = [1.0], [29.0]

        def __init__(self, seed: int) -> None:
            self.photographs = [30.0 + seed]

    def judge(entry: Path, seeds: list[int], seconds: float) -> Found:
        asked.extend(seeds)
        return Found(seeds[0])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record.challenge, "judge", judge)
        record.play([Path("mine.py")], tmp_path, seeds=(4,), seconds=3)
        made = record.play([Path("mine.py")], tmp_path, seeds=(4, 7), seconds=3)
    assert asked == [4, 7]
    assert made.values("mine", "photographs") == [34.0, 37.0]
    assert recorded(record.PLAYED, tmp_path) == made
    assert torch.__version__ == made.runs[0]["torch"]
