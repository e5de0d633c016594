"""A chapter's first line."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from srlib.show import header
from srlib.show.header import SECONDS, pace


def test_in_a_notebook_it_says_what_to_expect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRLIB_STATIC_BOOK", raising=False)
    monkeypatch.delenv("SRLIB_PROFILE", raising=False)
    assert "less than 140 seconds" in header("03_sparse_coding").text


def test_in_the_book_each_cell_updates_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hooks: list[Any] = []
    shell = SimpleNamespace(events=SimpleNamespace(register=lambda event, hook: hooks.append((event, hook))))
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    monkeypatch.setenv("SRLIB_STATIC_BOOK", "1")
    monkeypatch.setenv("SRLIB_BUILD_FACTS", str(tmp_path / "facts"))
    monkeypatch.setattr(sys.modules["srlib.show.header"], "pace", lambda: 50.0)
    clock = iter([100.0, 130.0, 145.54])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    header("01_measuring")
    [(event, hook)] = hooks
    assert event == "post_run_cell"
    for seconds in (30, 45.5):
        hook()
        facts = json.loads((tmp_path / "facts" / "01_measuring.json").read_text())
        assert facts["seconds"] == seconds
    assert facts["may_take"] == 60
    assert (facts["pace"], facts["slower"]) == (50.0, 2.0)  # the limits are made for 25 ms
    assert 0.05 < facts["gigabytes"] < 100


def test_the_pace_is_a_time_and_leaves_random_numbers_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    assert 0.1 < pace() < 60_000
    assert torch.equal(torch.get_rng_state(), before)


def test_every_notebook_has_its_time_and_an_unknown_one_is_said() -> None:
    notebooks = Path(__file__).parents[2] / "notebooks"
    assert {path.stem for path in notebooks.glob("*.ipynb")} <= set(SECONDS)
    with pytest.raises(ValueError, match="no chapter '99_more'"):
        header("99_more")
