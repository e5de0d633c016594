"""The srlib command as a user types it."""

import subprocess
import sys
from pathlib import Path

import pytest

from srlib import __version__, cli, data


def test_a_wrong_call_says_usage_and_ends_with_2() -> None:
    for arguments in ([], ["nonsense"]):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        assert caught.value.code == 2


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"srlib {__version__}\n"


def test_doctor_ends_with_0_when_well_and_1_when_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path))
    monkeypatch.delenv("SRLIB_DATA", raising=False)
    monkeypatch.delenv("SRLIB_PROFILE", raising=False)
    assert cli.main(["doctor"]) == 0
    assert "all is well" in capsys.readouterr().out
    monkeypatch.setenv("SRLIB_PROFILE", "fast")
    assert cli.main(["doctor"]) == 1
    assert "-> unset SRLIB_PROFILE" in capsys.readouterr().out


def test_an_unknown_set_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fetch", "set55"]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("srlib fetch: ")
    assert captured.err.count("\n") == 1
    assert "set5" in captured.err
    assert captured.out == ""


def test_fetch_without_a_name_lists_the_sets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path))
    monkeypatch.delenv("SRLIB_DATA", raising=False)
    assert cli.main(["fetch"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == data.names()


def test_the_list_goes_on_past_an_incomplete_set(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "Set5").mkdir()
    (tmp_path / "Set5" / "baby.png").write_bytes(b"one of five")
    monkeypatch.setenv("SRLIB_DATA", str(tmp_path))
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path / "cache"))
    assert cli.main(["fetch"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(data.names())
    assert "lacks 4 of the 5 files" in lines[0]
    assert cli.main(["doctor"]) == 1
    assert "-> complete that folder, or move it out of SRLIB_DATA" in capsys.readouterr().out


def test_a_stopped_command_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(data, "fetch", stop)
    assert cli.main(["fetch", "set5"]) == 130
    assert capsys.readouterr().err == "srlib fetch: stopped\n"


def test_a_pipe_that_closes_early_leaves_no_traceback() -> None:
    command = f"{sys.executable} -m srlib.cli doctor | head -1"
    out = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert out.stdout.startswith("srlib")
    assert "Traceback" not in out.stderr
