"""srlib doctor: what is here, and for what is missing the command that mends it."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from srlib import doctor, settings


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SRLIB_DATA", raising=False)
    monkeypatch.delenv("SRLIB_PROFILE", raising=False)


def report(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    doctor.doctor()
    lines = [line for line in capsys.readouterr().out.splitlines() if line and not line.startswith(" ")]
    return {line[:14].strip(): line[14:] for line in lines}


def test_it_names_versions_device_threads_profile_and_places(capsys: pytest.CaptureFixture[str]) -> None:
    facts = report(capsys)
    assert facts["torch"] == torch.__version__
    assert facts["device"].startswith(settings.device().type)
    assert facts["threads"].startswith(str(torch.get_num_threads()))
    assert facts["profile"].startswith("quick")
    assert "not set" in facts["data"]
    assert str(settings.cache_root()) in facts["cache"]
    assert "set5" in facts["to be had"]


def test_sets_in_the_data_folder_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "benchmarks" / "Set5"
    folder.mkdir(parents=True)
    for name in ("baby", "bird", "butterfly", "head", "woman"):
        (folder / f"{name}.png").write_bytes(b"a picture")
    monkeypatch.setenv("SRLIB_DATA", str(tmp_path))
    facts = report(capsys)
    assert facts["sets here"] == "set5"
    assert "set5" not in facts["to be had"]


def test_a_missing_data_folder_a_wrong_profile_and_a_full_disk_come_with_commands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Usage(NamedTuple):
        free: float = 1e6

    monkeypatch.setenv("SRLIB_DATA", "/no/such/folder")
    monkeypatch.setenv("SRLIB_PROFILE", "fast")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage())
    commands = doctor.doctor()
    assert commands == ["unset SRLIB_PROFILE", "unset SRLIB_DATA", "free 1 GB there, or set SRLIB_CACHE"]


def test_a_missing_package_comes_with_its_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "BOOK", ("no-such-package",))
    assert ("no-such-package", "missing", "pip install -c constraints.txt -e '.[book]'") in list(
        doctor.facts()
    )
