"""The local Sphinx extension: when cached outputs are stale, and what kernels find in their environment."""

import importlib
import json
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
import torch

EXTENSIONS = Path(__file__).parents[2] / "book" / "_ext"


@pytest.fixture
def srbook(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(EXTENSIONS))
    for name in ("SRLIB_DATA", "SRLIB_PROFILE", "SRLIB_STATIC_BOOK", "SRLIB_BUILD_FACTS", "IPYTHONDIR"):
        monkeypatch.setenv(name, "")  # so that what the extension sets is undone after the test
    return importlib.import_module("srbook")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a library of one module and one file of weights."""
    (tmp_path / "srlib" / "zoo").mkdir(parents=True)
    (tmp_path / "srlib" / "resize.py").write_text("a = 1\n")
    (tmp_path / "srlib" / "zoo" / "net.safetensors").write_bytes(b"weights")
    return tmp_path


def test_the_key_stays_while_nothing_changes(srbook: Any, root: Path) -> None:
    before = srbook.key(root)
    (root / "srlib" / "__pycache__").mkdir()
    (root / "srlib" / "__pycache__" / "resize.pyc").write_bytes(b"compiled")
    os.utime(root / "srlib" / "resize.py", (1, 1))
    (root / "README.md").write_text("not the library")
    assert srbook.key(root) == before


@pytest.mark.parametrize("name", ["resize.py", "zoo/net.safetensors"])
def test_a_changed_library_or_weight_changes_the_key(srbook: Any, root: Path, name: str) -> None:
    before = srbook.key(root)
    path = root / "srlib" / name
    path.write_bytes(path.read_bytes()[::-1])  # same length, other content
    assert srbook.key(root) != before


def test_a_new_module_changes_the_key(srbook: Any, root: Path) -> None:
    before = srbook.key(root)
    (root / "srlib" / "empty.py").touch()
    assert srbook.key(root) != before


def test_the_profile_changes_the_key(srbook: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = srbook.key(root)
    monkeypatch.setenv("SRLIB_PROFILE", "full")
    assert srbook.key(root) != before


def test_another_torch_changes_the_key(srbook: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = srbook.key(root)
    known = srbook.installed
    monkeypatch.setattr(srbook, "installed", lambda name: "0.1" if name == "torch" else known(name))
    assert srbook.key(root) != before


def test_a_new_picture_in_the_data_changes_the_key(
    srbook: Any, root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path_factory.mktemp("data")
    monkeypatch.setenv("SRLIB_DATA", str(data))
    before = srbook.key(root)
    (data / "butterfly.png").write_bytes(b"picture")
    with_picture = srbook.key(root)
    (data / "butterfly.png").write_bytes(b"other picture")
    assert len({before, with_picture, srbook.key(root)}) == 3


def test_of_the_caches_only_the_newest_few_stay(srbook: Any, tmp_path: Path) -> None:
    for age, name in enumerate(("newest", "middle", "old", "oldest")):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    used = srbook.cache_folder(tmp_path, "oldest")  # going back to it makes it the newest
    assert used.is_dir()
    assert {path.name for path in tmp_path.iterdir()} == {"oldest", "newest", "middle"}


def test_kernels_learn_that_the_page_is_static_and_write_beside_the_build(
    srbook: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SimpleNamespace(
        nitpick_ignore=[["py:class", "torch.Tensor"]],
        nitpick_ignore_regex=[["py:.*", "np.*"]],
        nb_execution_cache_path="",
        html_theme_options={},
    )
    srbook.configure(SimpleNamespace(outdir=str(root / "_build" / "html"), srcdir=str(root)), config)
    assert os.environ["SRLIB_STATIC_BOOK"] == "1"
    assert Path(os.environ["IPYTHONDIR"]).parent == root / "_build"
    assert config.nitpick_ignore == [("py:class", "torch.Tensor")]
    assert config.nitpick_ignore_regex == [("py:.*", "np.*")]
    assert Path(config.nb_execution_cache_path) == root / "_build" / ".jupyter_cache" / srbook.key(root)


def test_a_fetched_set_changes_the_key(
    srbook: Any, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path / "cache"))
    before = srbook.key(root)
    (tmp_path / "cache" / "set5").mkdir(parents=True)
    assert srbook.key(root) == before  # half a download is not yet a set
    (tmp_path / "cache" / "set5" / ".complete").write_text("digest")
    assert srbook.key(root) != before


def test_a_renamed_module_and_a_touched_picture_change_the_key(
    srbook: Any, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.png").write_bytes(b"picture")
    monkeypatch.setenv("SRLIB_DATA", str(data))
    first = srbook.key(root)
    os.utime(data / "a.png", (1, 1))  # same length, another date
    second = srbook.key(root)
    (root / "srlib" / "resize.py").rename(root / "srlib" / "scale.py")
    assert len({first, second, srbook.key(root)}) == 3


# --- the clock ------------------------------------------------------------------------------------


@pytest.fixture
def measured(srbook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A chapter that took 75 seconds of its 60."""
    monkeypatch.setenv("SRLIB_BUILD_FACTS", str(tmp_path))
    path = tmp_path / "01_measuring.json"
    path.write_text('{"seconds": 75.2, "may_take": 60, "slower": 1.0, "gigabytes": 1.23, "profile": "quick"}')
    return path


def said(srbook: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for level in ("info", "warning"):
        monkeypatch.setattr(
            srbook.LOGGER, level, lambda text, *words, level=level: found.append((level, text % words))
        )
    env = SimpleNamespace(found_docs={"notebooks/01_measuring", "book/welcome"})
    srbook.watch_the_clock(None, env)
    return found


def test_a_chapter_over_its_time_is_a_warning_in_ci_and_a_line_elsewhere(
    srbook: Any, measured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "[srbook] notebooks/01_measuring took 75 s, more than its 60 s"
    monkeypatch.setenv("CI", "true")
    assert said(srbook, monkeypatch) == [("warning", line)]
    monkeypatch.delenv("CI")
    assert said(srbook, monkeypatch) == [("info", line)]


def test_on_a_slower_machine_a_chapter_may_take_as_many_times_longer(
    srbook: Any, measured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    text = measured.read_text()
    measured.write_text(text.replace('"slower": 1.0', '"slower": 1.26'))
    assert said(srbook, monkeypatch) == []
    measured.write_text(text.replace('"slower": 1.0', '"slower": 1.25'))
    assert said(srbook, monkeypatch) == [
        ("warning", "[srbook] notebooks/01_measuring took 75 s, more than its 75 s")
    ]


def test_a_chapter_within_its_time_is_not_mentioned(
    srbook: Any, measured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    measured.write_text(measured.read_text().replace("75.2", "59.9"))
    assert said(srbook, monkeypatch) == []
    measured.write_text(measured.read_text().replace('"may_take": 60', '"may_take": null'))  # full profile
    assert said(srbook, monkeypatch) == []


def test_the_pages_say_what_was_measured(srbook: Any, measured: Path) -> None:
    from srlib.show.header import header

    os.environ["SRLIB_STATIC_BOOK"] = "1"  # the fixture undoes it
    context = {"body": header("01_measuring").text}
    srbook.fill_in(None, "notebooks/01_measuring", "", context, None)
    assert ">75 seconds</span>" in context["body"]
    assert ">1.2 GB of memory</span>" in context["body"]
    measured.write_text(measured.read_text().replace("75.2", "0.96"))
    srbook.fill_in(None, "notebooks/01_measuring", "", context, None)
    assert ">1.0 seconds</span>" in context["body"]
    untouched = {"body": header("02_interpolation").text}
    srbook.fill_in(None, "notebooks/02_interpolation", "", untouched, None)
    assert "a time not measured" in untouched["body"]


# --- the buttons of a public repository -----------------------------------------------------------


def test_without_an_address_no_page_has_a_button_that_leads_nowhere(
    srbook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SRLIB_REPOSITORY", raising=False)
    made = srbook.buttons({"repository_url": ""})
    assert not any(value for key, value in made.items() if key.startswith("use_"))
    assert not made["launch_buttons"]["binderhub_url"]
    assert not made["launch_buttons"]["colab_url"]


def test_one_address_gives_every_button_and_the_environment_goes_first(
    srbook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SRLIB_REPOSITORY", raising=False)
    options = {"repository_url": "https://github.com/someone/course/"}
    made = srbook.buttons(options)
    assert made["repository_url"] == "https://github.com/someone/course"
    assert all(made[f"use_{name}_button"] for name in ("repository", "edit_page", "issues"))
    assert made["launch_buttons"]["colab_url"].startswith("https://colab.")
    assert made["launch_buttons"]["binderhub_url"].startswith("https://mybinder.")
    monkeypatch.setenv("SRLIB_REPOSITORY", "https://github.com/a-fork/course")
    assert srbook.buttons(options)["repository_url"] == "https://github.com/a-fork/course"


def test_colabs_button_leads_to_the_notebooks_that_bring_the_library(srbook: Any) -> None:
    theirs = "https://colab.research.google.com/github/someone/course/blob/main/notebooks/04_srcnn.ipynb"
    edit = "https://github.com/someone/course/edit/main/notebooks/04_srcnn.ipynb"
    entries: list[dict[str, Any]] = [
        {"type": "group", "buttons": [{"text": "Colab", "url": theirs}, {"text": "Binder", "url": "b"}]},
        {"text": "Suggest edit", "url": edit},
    ]
    srbook.to_colab(entries)
    assert entries[0]["buttons"][0]["url"] == theirs.replace("/main/", "/colab/")
    assert entries[0]["buttons"][1]["url"] == "b"
    assert entries[1]["url"] == edit


def test_the_bibliography_is_not_called_a_list_that_it_is_not(srbook: Any) -> None:
    context = {"body": '<div role="list" class="citation-list">\n<a id="x"></a><div>...</div></div>'}
    srbook.fill_in(SimpleNamespace(), "book/bibliography", "", context, None)
    assert 'role="list"' not in context["body"]
    assert '<div class="citation-list">' in context["body"]


def test_signatures_show_no_machines_path_and_short_types(srbook: Any) -> None:
    given = (
        "(a: ~collections.abc.Mapping[str, ~typing.Any], folder: ~pathlib.Path = PosixPath('/home/me/zoo'))"
    )
    made, returned = srbook.signature(None, "class", "srlib.zoo.Card", object, None, given, "Tensor")
    assert made == "(a: Mapping[str, Any], folder: Path = ...)"
    assert returned == "Tensor"
    assert srbook.signature(None, "module", "srlib.zoo", object, None, None, None) == (None, None)


# --- what the build measured ----------------------------------------------------------------------


def test_the_page_of_times_has_a_row_for_each_notebook_that_ran(
    srbook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRLIB_BUILD_FACTS", str(tmp_path))
    record = {"seconds": 90.4, "may_take": 110, "gigabytes": 1.26, "profile": "quick", "pace": 31.4}
    (tmp_path / "04_srcnn.json").write_text(json.dumps(record))
    (tmp_path / "05_more.json").write_text(json.dumps(record | {"seconds": 29.6, "gigabytes": None}))
    titles = {
        f"notebooks/{name}": SimpleNamespace(astext=lambda words=words: words)
        for name, words in (("04_srcnn", "4. SRCNN"), ("05_more", "5. More <b>"), ("06_not_run", "6"))
    }
    made = srbook.times([*titles, "book/welcome"], titles)
    rows = re.findall(r"<tr>(.*?)</tr>", made)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    assert [c[1:] for c in cells[1:4]] == [
        ["90 s", "110 s", "31 ms", "1.3 GB"],
        ["30 s", "110 s", "31 ms", "not measured"],
        ["2.0 minutes", "", "", ""],
    ]
    assert "5. More &lt;b&gt;" in made
    assert "06_not_run" not in made
    assert f"<td>{torch.__version__.split('+')[0]}" in made
    assert "<td>quick</td>" in made


def test_what_is_printed_may_come_in_pieces_of_which_some_are_blank(srbook: Any) -> None:
    def notebook(*outputs: Any) -> Any:
        cell = nbformat.v4.new_code_cell("print(1)", outputs=list(outputs))
        return nbformat.v4.new_notebook(cells=[cell])

    def piece(text: str) -> Any:
        return nbformat.v4.new_output("stream", name="stdout", text=text)

    def value(**data: str) -> Any:
        return nbformat.v4.new_output("execute_result", {f"text/{k}": v for k, v in data.items()})

    assert list(srbook.empty_cells(notebook(piece("\n"), piece("1\n"), piece("")))) == []
    assert list(srbook.empty_cells(notebook(value(html="<p>1</p>", plain="<Html>")))) == []
    for empty in (
        [],
        [piece("\n"), piece(" ")],
        [value(html="", plain="<Html>")],
        [value(plain="None")],
        [piece("1"), value(html="")],
    ):
        assert list(srbook.empty_cells(notebook(*empty))) == ["print(1)"]
