"""The files that say what is installed agree with one another."""

import ast
import hashlib
import io
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from srlib import zoo

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIREMENTS = [
    Requirement(line)
    for group in (PYPROJECT["dependencies"], *PYPROJECT["optional-dependencies"].values())
    for line in group
]


def pins() -> dict[str, str]:
    lines = [line.split("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    return dict(line.split("==") for line in lines if line)  # a line without an exact version fails here


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_torch_is_pinned_to_the_version_that_was_measured() -> None:
    assert pins()["torch"] == "2.13.0"


def test_every_dependency_is_pinned_and_its_pin_lies_in_its_range() -> None:
    pinned = {canonical(name): version for name, version in pins().items()}
    assert len(REQUIREMENTS) > 15
    for requirement in REQUIREMENTS:
        assert requirement.specifier.contains(pinned[canonical(requirement.name)]), requirement


def test_every_dependency_states_an_honest_range_not_a_pin() -> None:
    for requirement in REQUIREMENTS:
        if requirement.name != "types-PyYAML":  # stubs have dates for versions
            assert any(spec.operator == ">=" for spec in requirement.specifier), requirement
            assert not any(spec.operator == "==" for spec in requirement.specifier), requirement
    book = next(r for r in REQUIREMENTS if r.name == "jupyter-book")
    assert not book.specifier.contains("2.0.0")


def test_the_conda_environment_passes_on_the_same_truth() -> None:
    environment: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text())
    python = next(str(d) for d in environment["dependencies"] if str(d).startswith("python="))
    assert SpecifierSet(PYPROJECT["requires-python"]).contains(python.removeprefix("python=") + ".0")
    pip = next(d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    assert "--constraint constraints.txt" in pip
    assert "--editable .[book]" in pip
    named = [d for d in environment["dependencies"] if isinstance(d, str)]
    assert {re.split("[=<>]", d)[0] for d in named} == {"python", "pip"}  # nothing with a version of its own


def test_tasks_supports_the_pythons_that_the_package_does() -> None:
    import tasks
    from srlib import doctor

    allowed = SpecifierSet(PYPROJECT["requires-python"])
    assert [minor for minor in range(8, 20) if allowed.contains(f"3.{minor}.0")] == list(
        range(tasks.OLDEST[1], tasks.NEWEST[1] + 1)
    )
    assert doctor.PYTHONS == (tasks.OLDEST, tasks.NEWEST)


def test_pre_commit_runs_the_pinned_versions() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    asked = [d for repo in config["repos"] for hook in repo["hooks"] for d in hook["additional_dependencies"]]
    assert {d.split("==")[0] for d in asked} == {"ruff", "nbstripout"}
    assert all(pins()[name] == version for name, version in (d.split("==") for d in asked))


def test_version_is_said_once() -> None:
    import srlib

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert srlib.__version__ == PYPROJECT["version"] == citation["version"]


def test_the_readme_opens_with_a_picture_and_the_two_commands() -> None:
    opening = (ROOT / "README.md").read_text()[:2500]
    assert re.search(r"!\[[^\]]{20,}\]\((?!http)[^)]+\)", opening)
    assert opening.index("make book") < opening.index("make test")
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", opening)
    assert all((ROOT / picture).is_file() for picture in pictures)


def test_numeric_floors_import_only_what_any_gpu_machine_has() -> None:
    anywhere = {"torch", "numpy", "PIL", "safetensors", "srlib", *sys.stdlib_module_names}
    inside_functions = {"skimage", "pooch", "tqdm", "requests", "filelock", "onnxruntime"}
    inside_functions |= {"IPython", "matplotlib", "ipywidgets"}  # what is shown; never on a borrowed GPU
    for path in sorted((ROOT / "srlib").rglob("*.py")):
        tree = ast.parse(path.read_text())
        optional = {
            id(node) for block in ast.walk(tree) if _is_type_checking(block) for node in ast.walk(block)
        }
        for node in ast.walk(tree):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for package in {module.split(".")[0] for module in modules} - anywhere:
                assert package in inside_functions, f"{path.name} imports {package}"
                at_top = node in tree.body and id(node) not in optional
                assert not at_top, f"{path.name}: {package} belongs inside the function that uses it"


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def test_floors_import_only_from_below() -> None:
    order = [
        "settings",
        "published",
        "later",
        "names",
        "files",
        "png",
        "images",
        "resize",
        "metrics",
        "degrade",
        "data",
        "models",
        "losses",
        "patches",
        "spectrum",
        "inference",
        "field",
        "cost",
        "export",
        "evaluation",
        "slips",
        "parallel",
        "speed",
        "soap",
        "checkpoint",
        "training",
        "recipes",
        "zoo",
        "experiments",
        "comparison",
        "scoreboard",
        "show",
        "check",
        "challenge",
        "stream",
        "doctor",
        "cli",
    ]
    same_floor = {("metrics", "degrade"), ("resize", "images")}
    for path in sorted((ROOT / "srlib").rglob("*.py")):
        module = path.relative_to(ROOT / "srlib").parts[0].removesuffix(".py")
        if module == "__init__":
            continue
        for name in re.findall(r"^\s*from srlib\.(\w+)", path.read_text(), flags=re.MULTILINE):
            if name != module:
                assert order.index(name) < order.index(module), f"{path.name} imports srlib.{name}"
                assert (module, name) not in same_floor


def test_a_frozen_release_holds_all_that_a_term_needs(tmp_path: Path) -> None:
    """``git archive``, as the page for lecturers says: weights that their cards know, pins, every page."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is no clone: nothing to freeze")
    archive = ["git", "archive", "--format=zip", "HEAD"]
    packed = subprocess.run(archive, cwd=ROOT, capture_output=True, check=True).stdout
    with zipfile.ZipFile(io.BytesIO(packed)) as files:
        files.extractall(tmp_path)
    cards = zoo.cards(tmp_path / "srlib" / "zoo" / "weights")
    assert len(cards) > 30
    for card in cards:
        weights = (card.folder / card.file).read_bytes()
        assert hashlib.sha256(weights).hexdigest() == card.sha256, card.title
    for name in ("tasks.py", "Makefile", "constraints.txt", "pyproject.toml", "_config.yml"):
        assert (tmp_path / name).is_file()
    contents = (tmp_path / "book" / "_toc.yml").read_text(encoding="utf-8")
    for page in re.findall(r"(?:file|root): (\S+)", contents):
        assert list(tmp_path.glob(f"{page}.*")), page
    done = subprocess.run([sys.executable, "tasks.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.startswith("help "), done.stderr


OWN_PLUMBING = {"cli", "files", "names", "png"}
"""Modules that a reader of the book never calls: no page describes them."""


def test_every_module_stands_on_a_page_of_the_reference() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "book" / "api").glob("*.md"))
    described = re.findall(r"automodule:: srlib\.(\w+)$", text, re.MULTILINE)
    there = {path.stem for path in (ROOT / "srlib").iterdir() if (path / "__init__.py").is_file()}
    there |= {path.stem for path in (ROOT / "srlib").glob("*.py")} - {"__init__"}
    assert sorted(described) == sorted(there - OWN_PLUMBING)


def test_every_public_function_class_and_module_is_documented() -> None:
    seen = 0
    for path in sorted((ROOT / "srlib").rglob("*.py")):
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), f"{path.name} says nothing about itself"
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                seen += 1
                assert ast.get_docstring(node), f"{path.name}: {node.name} has no docstring"
                methods = node.body if isinstance(node, ast.ClassDef) else []
                for method in methods:
                    if isinstance(method, ast.FunctionDef) and not method.name.startswith(("_", "forward")):
                        assert ast.get_docstring(method), f"{path.name}: {node.name}.{method.name}"
    assert seen > 40
