"""tasks.py: its list, its errors, and that a second run installs nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tasks

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A project folder of its own and a record of every command that would have run."""
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(tasks, "ROOT", tmp_path)
    monkeypatch.setattr(tasks, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(tasks, "STAMP", tmp_path / ".venv" / "installed.json")
    commands: list[list[str]] = []

    def record(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        if command[1:3] == ["-m", "venv"]:
            tasks.venv_python().parent.mkdir(parents=True)
            tasks.venv_python().touch()
        return subprocess.CompletedProcess(command, 0, stdout="", stderr="")

    monkeypatch.setattr(tasks.subprocess, "run", record)
    return commands


def test_without_a_task_each_is_listed_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert tasks.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(tasks.TASKS)
    assert {"book", "test", "lab", "bench", "clean"} <= set(tasks.TASKS)
    assert all(len(line.split()) > 3 for line in lines)


@pytest.mark.skipif(os.name == "nt", reason="make is for Linux and macOS")
def test_make_alone_lists_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    tasks.main([])
    command = ["make", "--no-print-directory", f"PYTHON={sys.executable}"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert made.stdout == capsys.readouterr().out


def test_every_task_is_a_make_target() -> None:
    rule = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("help env"))
    assert rule.rstrip(":").split() == list(tasks.TASKS)


def test_an_unknown_task_is_named_and_the_others_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert tasks.main(["bok"]) == 2
    assert "no task 'bok'; the tasks are: help, env, book" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_asking_for_help_lists_the_tasks(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert tasks.main([flag]) == 0
    assert capsys.readouterr().out.startswith("help")


def test_arguments_that_a_task_does_not_take_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert tasks.main(["book", "--foo"]) == 1
    assert capsys.readouterr().err == "tasks.py book: takes no arguments, but was given --foo\n"


def test_the_lab_asks_the_network_for_nothing(sandbox: list[list[str]]) -> None:
    assert tasks.main(["lab"]) == 0
    written = json.loads((tasks.VENV / "share/jupyter/lab/settings/overrides.json").read_text())
    assert written["@jupyterlab/apputils-extension:notification"] == {
        "fetchNews": "false",
        "checkForUpdates": False,
    }


def test_slow_may_be_said_behind_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[list[str], str | None]] = []
    monkeypatch.setenv("SLOW", "0")

    def test(rest: list[str]) -> int:
        seen.append((rest, os.environ["SLOW"]))
        return 0

    monkeypatch.setitem(tasks.TASKS, "test", test)
    assert tasks.main(["test", "SLOW=1", "-x"]) == 0
    assert seen == [(["-x"], "1")]


@pytest.mark.parametrize(("slow", "both"), [("0", "not slow and "), ("1", "")])
def test_tests_that_need_the_machine_alone_run_after_all_others_and_either_fault_counts(
    monkeypatch: pytest.MonkeyPatch, slow: str, both: str
) -> None:
    monkeypatch.setenv("SLOW", slow)
    monkeypatch.setattr(tasks, "ensure", lambda *_: None)
    for codes, code in (([0, 0], 0), ([1, 0], 1), ([0, 1], 1)):
        said: list[tuple[str, ...]] = []
        left = iter(codes)

        def record(*command: str, said: Any = said, left: Any = left, **_: str) -> Any:
            said.append(command)
            return next(left)

        monkeypatch.setattr(tasks, "run", record)
        assert tasks.main(["test"]) == code
        assert [command[:4] for command in said] == [
            ("-m", "pytest", "-m", f"{both}not alone"),
            ("-m", "pytest", "-m", f"{both}alone"),
        ]
        assert ("-n" in said[0], "-n" in said[1]) == (True, False)
        assert ["--cov" in command for command in said] == 2 * [slow == "1"]


def test_what_is_asked_for_by_name_runs_once_and_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, ...]] = []
    monkeypatch.setenv("SLOW", "0")
    monkeypatch.setattr(tasks, "ensure", lambda *_: None)

    def record(*command: str) -> int:
        said.append(command)
        return 0

    monkeypatch.setattr(tasks, "run", record)
    assert tasks.main(["test", "tests/test_names.py", "-x"]) == 0
    assert said == [("-m", "pytest", "tests/test_names.py", "-x")]


def test_the_versions_of_constraints_are_the_ones_installed(sandbox: list[list[str]]) -> None:
    tasks.ensure("book")
    install = next(command for command in sandbox if ".[book]" in command)
    assert install[install.index("-c") + 1] == "constraints.txt"


def test_another_projects_environment_is_left_alone(sandbox: list[list[str]], tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    tasks.VENV.symlink_to(tmp_path / "theirs")
    with pytest.raises(tasks.TaskError, match="a link to another project's environment"):
        tasks.ensure("book")
    assert sandbox == []
    assert tasks.main(["clean"]) == 0
    assert (tmp_path / "theirs").is_dir()
    assert not tasks.VENV.is_symlink()


def test_a_failing_command_fails_its_task(sandbox: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "ensure", lambda *_: None)
    for codes, expected in (((0, 0, 0), 0), ((0, 3, 0), 3)):
        answers = iter(codes)
        monkeypatch.setattr(tasks, "run", lambda *_, answers=answers: next(answers))
        assert tasks.main(["lint"]) == expected
    monkeypatch.setattr(tasks, "run", lambda *_, **__: 5)
    assert [tasks.main([name]) for name in ("book", "test", "types", "bench")] == [5] * 4


def test_a_second_run_installs_nothing(sandbox: list[list[str]]) -> None:
    tasks.ensure("book", "dev")
    assert any("install" in command for command in sandbox)
    sandbox.clear()
    tasks.ensure("book", "dev")
    tasks.ensure("book")
    assert sandbox == []


def test_changed_constraints_or_more_extras_install_again(sandbox: list[list[str]]) -> None:
    tasks.ensure("book")
    sandbox.clear()
    tasks.ensure("dev")
    assert any(".[book,dev]" in command for command in sandbox)
    sandbox.clear()
    with (tasks.ROOT / "constraints.txt").open("a") as file:
        file.write("another==1\n")
    tasks.ensure("book")
    assert any(".[book,dev]" in command for command in sandbox)


def test_an_install_that_was_cut_off_is_done_again(
    sandbox: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise tasks.TaskError("pip could not install")

    tasks.ensure("dev")  # a whole install first, so that there is a stamp to lose
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "pip", fail)
        with pytest.raises(tasks.TaskError):
            tasks.ensure("book")
    assert not tasks.STAMP.exists()
    sandbox.clear()
    tasks.ensure("book")
    assert json.loads(tasks.STAMP.read_text())["extras"] == ["book"]


def test_a_half_written_stamp_counts_as_none(sandbox: list[list[str]]) -> None:
    tasks.ensure("book")
    tasks.STAMP.write_text('{"fingerprint": "12')
    sandbox.clear()
    tasks.ensure("book")
    assert any(".[book]" in command for command in sandbox)


def test_linux_without_nvidia_asks_for_the_cpu_build_and_others_do_not(
    sandbox: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.sys, "platform", "linux")
    monkeypatch.setattr(tasks, "has_nvidia", lambda: True)
    tasks.install_torch()
    assert sandbox == []
    monkeypatch.setattr(tasks, "has_nvidia", lambda: False)
    tasks.install_torch()
    installs = [command for command in sandbox if "install" in command]
    assert "--no-index" in installs[0]  # a local wheel first
    assert installs[0][-1] == "torch==2.13.0"

    def no_wheel(*arguments: str, **_: object) -> int:
        sandbox.append(list(arguments))
        return 1

    sandbox.clear()
    monkeypatch.setattr(tasks, "pip", no_wheel)
    tasks.install_torch()
    assert tasks.TORCH_CPU_INDEX in sandbox[-1]  # then PyTorch's own index, and then the ordinary install
    sandbox.clear()
    monkeypatch.setattr(tasks.sys, "platform", "darwin")
    tasks.install_torch()
    assert sandbox == []


def test_an_unsupported_python_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.sys, "version_info", (3, 9, 0))
    monkeypatch.setattr(tasks.shutil, "which", lambda _: None)
    with pytest.raises(tasks.TaskError, match=r"needs Python 3\.11 to 3\.13, this is 3\.9"):
        tasks.pick_python()


def test_serving_a_book_that_is_not_built_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tasks, "HTML", tmp_path)
    assert tasks.main(["serve"]) == 1
    assert capsys.readouterr().err == "tasks.py serve: there is no book yet; build it with: make book\n"


def test_tasks_needs_the_standard_library_only() -> None:
    code = (
        "import sys; sys.path.insert(0, '.'); import tasks\n"
        "files = [getattr(m, '__file__', '') or '' for m in sys.modules.values()]\n"
        "print(any('site-packages' in file for file in files))"
    )
    out = subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert out.stdout == "False\n", out.stderr


def test_slow_is_handed_to_the_tests(sandbox: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLOW", raising=False)
    tasks.task_test([])
    assert "--cov" not in sandbox[-1]
    monkeypatch.setenv("SLOW", "1")
    tasks.task_test([])
    assert {"--cov", "-m"} <= set(sandbox[-1])


def test_a_network_is_trained_anew_by_its_name_and_scale(
    sandbox: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAME", "fsrcnn")
    monkeypatch.setenv("SCALE", "3")
    assert tasks.main(["zoo"]) == 0
    assert sandbox[-1][1:] == ["-m", "srlib.cli", "zoo", "retrain", "fsrcnn", "--scale", "3"]
    monkeypatch.delenv("SCALE")
    assert tasks.main(["zoo"]) == 0
    assert sandbox[-1][1:] == ["-m", "srlib.cli", "zoo", "retrain", "fsrcnn"]


def test_training_anew_without_a_name_shows_the_zoo_and_says_what_to_type(
    sandbox: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NAME", raising=False)
    assert tasks.main(["zoo"]) == 1
    assert sandbox[-1][1:] == ["-m", "srlib.cli", "zoo", "list"]
    assert capsys.readouterr().err == "tasks.py zoo: say which: make zoo NAME=fsrcnn SCALE=3\n"


def test_the_student_edition_keeps_solutions_and_makes_sheets_only_if_asked(
    sandbox: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("SOLUTIONS", "NBGRADER"):
        monkeypatch.setenv(name, "")
    asked = {
        (): [],
        ("SOLUTIONS=no",): [],
        ("SOLUTIONS=yes",): ["--solutions"],
        ("SOLUTIONS=no", "NBGRADER=yes"): ["--nbgrader"],
    }
    for settings, options in asked.items():
        assert tasks.main(["student", *settings]) == 0
        assert sandbox[-1][1:] == ["-m", "book.editions.student", *options]
    sandbox.clear()
    assert tasks.main(["student", "SOLUTIONS=maybe"]) == 1
    assert capsys.readouterr().err == (
        "tasks.py student: SOLUTIONS is 'maybe'; say SOLUTIONS=yes or SOLUTIONS=no\n"
    )
    assert sandbox == []


def test_an_exam_wants_a_whole_number_and_says_so_in_one_line(
    sandbox: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEED", "")
    says = {
        (): "tasks.py exam: say any whole number: make exam SEED=7\n",
        ("SEED=seven",): "tasks.py exam: SEED is 'seven'; say any whole number: make exam SEED=7\n",
        ("SEED=7.5",): "tasks.py exam: SEED is '7.5'; say any whole number: make exam SEED=7\n",
    }
    for settings, said in says.items():
        assert tasks.main(["exam", *settings]) == 1
        assert capsys.readouterr().err == said
    assert sandbox == []
    for number in ("7", "-3", "20261121"):
        assert tasks.main(["exam", f"SEED={number}"]) == 0
        assert sandbox[-1][1:] == ["-m", "book.editions.exam", f"--seed={number}"]


@pytest.mark.parametrize(("task", "extras"), [("slides", {"book"}), ("pdf", {"book", "dev"})])
def test_slides_and_the_pdf_are_written_by_their_edition_with_what_it_needs(
    sandbox: list[list[str]], monkeypatch: pytest.MonkeyPatch, task: str, extras: set[str]
) -> None:
    asked: set[str] = set()
    monkeypatch.setattr(tasks, "ensure", lambda *names: asked.update(names))
    assert tasks.main([task]) == 0
    assert sandbox[-1][1:] == ["-m", f"book.editions.{task}"]
    assert asked == extras
