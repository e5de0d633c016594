"""The book's configuration as Jupyter Book resolves it: it ignores unknown keys without a word, so what
stands in `_config.yml` proves nothing."""

import copy
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jupyter_book.config import get_final_config
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The values that Sphinx gets."""
    monkeypatch.setattr(sys, "path", list(sys.path))  # Jupyter Book adds the local extensions to it
    final, _ = get_final_config(
        user_yaml=ROOT / "_config.yml",
        cli_config={"latex_individualpages": False},
        sourcedir=ROOT,
        raise_on_invalid=True,
    )
    return copy.deepcopy(final)


def suffixes(page: str) -> set[str]:
    """The suffixes of the files that could be this page."""
    return {path.suffix for path in (ROOT / page).parent.glob(f"{Path(page).name}.*")}


@pytest.fixture
def pages() -> list[str]:
    """The page names that the table of contents lists, without suffix."""
    return sorted(parse_toc_yaml(BOOK / "_toc.yml").keys())


def test_a_failing_or_endless_cell_cannot_pass_the_build(config: dict[str, Any]) -> None:
    assert config["nb_execution_raise_on_error"] is True
    assert config["nb_execution_allow_errors"] is False
    assert 60 <= config["nb_execution_timeout"] <= 300


def test_notebooks_run_once_and_where_they_lie(config: dict[str, Any]) -> None:
    assert config["nb_execution_mode"] == "cache"
    assert config["nb_execution_in_temp"] is False
    assert config["nb_merge_streams"] is True


def test_extensions_are_jupyter_books_own_without_those_that_need_the_network(config: dict[str, Any]) -> None:
    extensions = config["extensions"]
    assert not {"sphinx_thebe", "sphinx.ext.intersphinx"} & set(extensions)
    assert {"myst_nb", "jupyter_book", "sphinx_external_toc", "sphinx_book_theme", "srbook"} <= set(
        extensions
    )
    assert len(extensions) == len(set(extensions))


def test_formulas_and_style_come_from_the_books_own_folder(config: dict[str, Any]) -> None:
    assert config["html_static_path"] == ["book/_static"]
    static = ROOT / config["html_static_path"][0]
    assert (static / config["mathjax_path"]).is_file()
    assert (static / "mathjax" / "LICENSE").is_file()
    assert [(static / name).is_file() for name in config["html_css_files"]] == [True]


def test_no_setting_asks_for_a_file_from_another_machine(config: dict[str, Any]) -> None:
    scripts = [config["mathjax_path"], *config["html_css_files"], *config["nb_ipywidgets_js"]]
    assert not [name for name in scripts if "//" in name]


def test_only_pages_of_the_contents_are_built(config: dict[str, Any]) -> None:
    assert config["external_toc_exclude_missing"] is True
    excluded = {"_build", ".venv", "node_modules", "tests", "benchmarks", "srlib", "README.md"}
    assert excluded <= set(config["exclude_patterns"])


def test_the_theme_shows_one_search_and_no_button_that_leads_nowhere(config: dict[str, Any]) -> None:
    theme = config["html_theme_options"]
    assert [theme[f"navbar_{part}"] for part in ("start", "center", "end", "persistent")] == [[], [], [], []]
    assert not theme["repository_url"]
    assert not any(theme.get(f"use_{button}_button") for button in ("repository", "edit_page", "issues"))
    launch = theme["launch_buttons"]
    assert not [name for name, value in launch.items() if name.endswith("_url") and value]
    assert not launch["thebe"]
    assert config["html_context"]["default_mode"] == "auto"


def test_options_of_the_theme_set_in_two_places_survive_each_other(config: dict[str, Any]) -> None:
    theme = config["html_theme_options"]
    assert "CC BY 4.0" in theme["extra_footer"]  # from html:
    assert theme["search_bar_text"] == "Search this book"  # from sphinx: config:


def test_every_page_of_the_contents_exists(pages: list[str]) -> None:
    assert pages
    assert [name for name in pages if not {".md", ".ipynb"} & suffixes(name)] == []


def test_every_page_and_notebook_is_in_the_contents(pages: list[str]) -> None:
    written = [*BOOK.glob("*.md"), *BOOK.glob("[!_e]*/*.md"), *(ROOT / "notebooks").glob("*.ipynb")]
    assert sorted(path.relative_to(ROOT).with_suffix("").as_posix() for path in written) == pages


def test_the_root_page_is_the_welcome_page() -> None:
    assert yaml.safe_load((BOOK / "_toc.yml").read_text(encoding="utf-8"))["root"] == "book/welcome"
