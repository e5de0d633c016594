"""What runs on GitHub, read without running it there: the commands are the project's tasks, on the systems
and Pythons that the project names."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = [path for path in sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")) if path.stem != "config"]


def read(path: Path) -> dict[Any, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def tasks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tasks_for_workflows", ROOT / "tasks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_linux_macos_and_windows_are_tested_with_every_supported_python() -> None:
    matrix = read(GITHUB / "workflows" / "test.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert {system.partition("-")[0] for system in matrix["system"]} == {"ubuntu", "macos", "windows"}
    (_, oldest), (_, newest) = tasks().OLDEST, tasks().NEWEST
    assert matrix["python"] == [f"3.{minor}" for minor in range(oldest, newest + 1)]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_tasks_that_exist_and_no_action_of_no_version(path: Path) -> None:
    workflow = read(path)
    known = tasks().TASKS
    ran = [step["run"] for step in steps(workflow) if "run" in step]
    named = [match for text in ran for match in re.findall(r"python tasks\.py (\w+)", text)]
    assert named
    assert set(named) <= set(known)
    for step in steps(workflow):
        assert "run" in step or re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"]), step
    assert workflow["permissions"] == {"contents": "read"}  # a job that needs more says so itself


def test_ci_builds_the_book_with_its_own_packages_alone_before_it_installs_more() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    ran = [match[1] for line in lines if (match := re.match(r"(?:offline )?make (\w+)", line))]
    assert set(ran) <= set(tasks().TASKS)
    assert ran.index("book") < ran.index("lint") < ran.index("test")
    assert "env" not in ran
    assert {"student", "exam", "slides", "types"} <= set(ran)
    clock = next(at for at, line in enumerate(lines) if line.startswith("export CI="))
    assert clock < lines.index("offline make book")


def test_the_book_is_built_and_tested_before_its_pages_are_published() -> None:
    jobs = read(GITHUB / "workflows" / "book.yml")["jobs"]
    ran = [step.get("run", step.get("uses")) for step in jobs["build"]["steps"]]
    order = [ran.index(one) for one in ("python tasks.py book", "python tasks.py test SLOW=1")]
    uploads = next(i for i, one in enumerate(ran) if one.startswith("actions/upload-pages-artifact"))
    assert order == sorted(order)
    assert order[-1] < uploads
    assert ROOT / jobs["build"]["steps"][uploads]["with"]["path"] == tasks().HTML
    for job in ("publish", "colab"):
        assert jobs[job]["needs"] == "build"
        assert "refs/heads/main" in jobs[job]["if"]
    kept = next(step for step in jobs["build"]["steps"] if step.get("uses", "").startswith("actions/cache@"))
    assert kept["with"]["path"] == "_build/.jupyter_cache"  # never pages: an old one would hide a fault


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_asks_for_what_is_needed_to_help(path: Path) -> None:
    form = read(path)
    assert {"name", "description", "body"} <= set(form)
    ids = [field["id"] for field in form["body"]]
    assert len(ids) == len(set(ids))
    assert any(field.get("validations", {}).get("required") for field in form["body"])
