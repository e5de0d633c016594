"""A claim about a recorded experiment falls when the record says something else.

For each such claim the statements it rests on are cut out of the chapter (imports, the record, what is
computed from it) and run: as they are, and with the record spoilt. No chapter is trained for this; a claim
that needs a training of the chapter as well as a record has to be made in two claims.
"""

import copy
from collections.abc import Callable
from typing import Any

import nbformat
import pytest
from chapter import Chapter, chapters

from srlib import experiments
from srlib.check import BrokenClaim, calibration
from srlib.check.calibration import Calibration
from srlib.experiments import Recorded

Runs = list[dict[str, Any]]


def alike(runs: Runs) -> Runs:
    """All runs have the results of the first one."""
    return [run | {"results": copy.deepcopy(runs[0]["results"])} for run in runs]


def swapped(runs: Runs) -> Runs:
    """The first variant has the results of the last one, the second of the last but one."""
    labels = list(dict.fromkeys(run["label"] for run in runs))
    other = dict(zip(labels, reversed(labels), strict=True))
    return [run | {"label": other[run["label"]]} for run in runs]


def nothing(runs: Runs) -> Runs:
    """All results are 0."""
    return [run | {"results": dict.fromkeys(run["results"], 0.0)} for run in runs]


SPOILINGS: list[Callable[[Runs], Runs]] = [alike, swapped, nothing]


def spoiling(spoil: Callable[[Runs], Runs]) -> Callable[..., Recorded]:
    """``recorded`` with its record spoilt."""
    true = experiments.recorded

    def spoilt(name: str, *further: Any) -> Recorded:
        record = true(name, *further)
        return Recorded(record.name, record.question, record.command, spoil(record.runs))

    return spoilt


def falls(code: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a claim that holds as it is falls by one of the ways to spoil its record."""
    exec(code, {})
    for spoil in SPOILINGS:
        with monkeypatch.context() as patch:
            patch.setattr(experiments, "recorded", spoiling(spoil))
            try:
                exec(code, {})
            except BrokenClaim:
                return True
    return False


def on_records(chapter: Chapter) -> list[str]:
    """The code of each claim that rests on a record."""
    return [code for code in chapter.behind("claim") if "recorded(" in code]


CLAIMS = [
    pytest.param(code, id=f"{chapter.path.stem}-{i}")
    for chapter in chapters()
    for i, code in enumerate(on_records(chapter))
]


@pytest.mark.parametrize("code", CLAIMS)
def test_a_claim_about_an_experiment_falls_with_its_record(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert falls(code, monkeypatch), code


CALIBRATED = [
    pytest.param(code, id=f"{chapter.path.stem}-{i}")
    for chapter in chapters()
    for i, code in enumerate(chapter.behind("claim"))
    if ".psnr[" in "".join(code.splitlines()[-4:])
]


@pytest.mark.slow
@pytest.mark.parametrize("code", CALIBRATED)
def test_a_claim_about_bicubic_on_set5_falls_with_its_record(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = calibration.calibration()
    wrong = Calibration({"y": true.psnr["rgb"], "rgb": true.psnr["y"]}, true.slips, live=False)
    monkeypatch.setattr(calibration, "calibration", lambda: wrong)
    with pytest.raises(BrokenClaim):
        exec(code, {})


# --- the cutting and the spoiling do what they are there for --------------------------------------

SMALL = """
from srlib import check
from srlib.experiments import recorded
heavy = 1 / 0  # nothing rests on it: never run
record = recorded("srcnn-filters")
gains = []
for label in record.labels[1:]:
    gains.append(record.mean(label, "set5 x3") - record.mean(record.labels[0], "set5 x3"))
best = max(gains)
"""


def small(claim: str) -> list[str]:
    chapter = Chapter.__new__(Chapter)
    chapter.cells = [("code", SMALL), ("code", claim), ("markdown", str(nbformat.current_nbformat))]
    return on_records(chapter)


def test_only_the_statements_a_claim_rests_on_are_run() -> None:
    (code,) = small('check.claim("larger filters help", min(gains) > 0.2)')
    assert "gains.append" in code
    assert "heavy" not in code
    assert "best" not in code


@pytest.mark.parametrize(("truth", "honest"), [("min(gains) > 0.2", True), ("len(gains) == 3", False)])
def test_a_claim_that_no_record_can_break_is_found(
    truth: str, honest: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = small(f'check.claim("larger filters help", {truth})')
    assert falls(code, monkeypatch) == honest
