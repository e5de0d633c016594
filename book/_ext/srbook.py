"""What the book needs from Sphinx beyond its configuration; `_config.yml` loads this file.

Six things: where outputs of notebooks are cached (and when they are stale), what the notebooks' kernels
find in their environment, how long each took (`srlib.show.header` writes it down), cells that warn or show
nothing where they should, the buttons that need the repository's public address, and repairs of configuration
values that YAML cannot express.
"""

import ast
import datetime
import hashlib
import json
import os
import platform
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

import nbformat
from jupyter_cache import get_cache
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)

KEPT_CACHES = 3  # enough to go to and fro between two states of the library
PACKAGES = ("torch", "numpy", "pillow", "scikit-image", "safetensors", "matplotlib", "ipykernel")
SETTINGS = ("SRLIB_PROFILE", "SRLIB_DATA")
TIMES = '<div class="srlib-times"></div>'  # where a page wants them, in raw HTML
NOT_SOURCE = {"__pycache__", ".ipynb_checkpoints", ".DS_Store"}


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx: before 800 (Sphinx checks the values there) and before the notebooks are read."""
    app.connect("config-inited", configure, priority=400)
    app.connect("env-updated", watch_the_clock)
    app.connect("env-updated", keep_outputs)
    app.connect("html-page-context", fill_in)
    app.connect("html-page-context", lead_to_colab, priority=502)  # the theme adds its buttons at 501
    if "autodoc-process-signature" in app.events.events:
        app.connect("autodoc-process-signature", signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def configure(app: Sphinx, config: Config) -> None:
    """Set what depends on this machine and this state of the tree."""
    build = Path(app.outdir).parent
    config.nb_execution_cache_path = str(cache_folder(build / ".jupyter_cache", key(Path(app.srcdir))))
    config.nitpick_ignore = [tuple(pair) for pair in config.nitpick_ignore]
    config.nitpick_ignore_regex = [tuple(pair) for pair in config.nitpick_ignore_regex]
    config.html_theme_options |= buttons(config.html_theme_options)
    # Kernels inherit these. A reader's own IPython start-up files must not change the pages.
    os.environ["SRLIB_STATIC_BOOK"] = "1"
    os.environ["IPYTHONDIR"] = str(build / ".ipython")
    # Beside the cached outputs, so that what was measured stays with them.
    os.environ["SRLIB_BUILD_FACTS"] = str(Path(config.nb_execution_cache_path) / "facts")


def buttons(options: dict[str, Any]) -> dict[str, Any]:
    """The theme's options with the repository's address, from SRLIB_REPOSITORY or `_config.yml`: its buttons,
    Binder's and Colab's. Without an address there are no such buttons."""
    address = os.environ.get("SRLIB_REPOSITORY", "").strip() or options.get("repository_url", "").strip()
    known = bool(address)
    return {
        "repository_url": address.removesuffix("/"),
        "repository_branch": options.get("repository_branch") or "main",
        **{f"use_{name}_button": known for name in ("repository", "edit_page", "issues")},
        "launch_buttons": {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org" if known else "",
            "colab_url": "https://colab.research.google.com" if known else "",
        },
    }


def signature(
    app: Sphinx, what: str, name: str, thing: object, options: object, given: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """A dataclass's signature is made of values, not of what stands in its source: no paths of this machine,
    and types by their last name."""
    if given:
        given = re.sub(r"(?:Posix|Windows)Path\('[^']*'\)", "...", given)
        given = re.sub(r"~(?:\w+\.)+", "", given)
    return given, returned


def lead_to_colab(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: object) -> None:
    """Let a page's Colab button lead to the copy that installs the library."""
    to_colab(context.get("header_buttons", []))


def to_colab(entries: list[dict[str, Any]]) -> None:
    """Colab opens single notebooks: on the branch "colab" they install the library first (see
    book/editions/colab.py)."""
    for entry in entries:
        to_colab(entry.get("buttons", []))
        if entry.get("text") == "Colab":
            entry["url"] = re.sub(r"/blob/[^/]+/", "/blob/colab/", entry["url"])


def facts(page: str) -> dict[str, Any]:
    """What was measured when a chapter ran, or nothing."""
    path = Path(os.environ["SRLIB_BUILD_FACTS"]) / f"{page.rpartition('/')[2]}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def watch_the_clock(app: Sphinx, env: BuildEnvironment) -> None:
    """A chapter over its time: a warning, which fails the build, in CI; elsewhere, where machines are as
    they are, a line. Where the machine was slower at the chapter's start than the one that the limits are
    made for, the limit is as many times larger."""
    for page in sorted(env.found_docs):
        measured = facts(page)
        if measured.get("may_take"):
            limit = measured["may_take"] * measured["slower"]
            if measured["seconds"] > limit:
                say = LOGGER.warning if os.environ.get("CI") else LOGGER.info
                say("[srbook] %s took %.0f s, more than its %.0f s", page, measured["seconds"], limit)


def keep_outputs(app: Sphinx, env: BuildEnvironment) -> None:
    """Leave every notebook with its outputs in `jupyter_execute`, where the slides are made from: myst-nb
    writes it without them when they come from the cache. A cell that ends in a value and shows none, or an
    empty one, and a cell that writes to the standard error are warnings, which fail the build."""
    cache = get_cache(app.config.nb_execution_cache_path)
    for page in sorted(env.found_docs):
        path = Path(env.doc2path(page))
        if path.suffix != ".ipynb":
            continue
        try:
            _, notebook = cache.merge_match_into_notebook(nbformat.read(path, as_version=4))
        except KeyError:  # it is not among those that are run
            continue
        kept = Path(app.outdir).parent / "jupyter_execute" / f"{page}.ipynb"
        kept.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, kept)
        for source in empty_cells(notebook):
            LOGGER.warning("[srbook] %s: this cell shows nothing: %s", page, source.splitlines()[-1])
        for source, said in warning_cells(notebook):
            LOGGER.warning("[srbook] %s: this cell warns (%s): %s", page, said, source.splitlines()[-1])


def empty_cells(notebook: Mapping[str, Any]) -> Iterator[str]:
    """The sources of those cells that end in an expression and have no output, or an empty one."""
    for cell in notebook["cells"]:
        source = cell["source"].rstrip()
        if cell["cell_type"] != "code" or source.endswith(";") or not ends_in_a_value(source):
            continue
        shown = [one for output in cell["outputs"] for one in output.get("data", {}).values()]
        printed = "".join(output.get("text", "") for output in cell["outputs"])  # it comes in pieces
        blank = any(str(one).strip() in ("", "None") for one in shown)
        if blank or not (shown or printed.strip()):
            yield source


def warning_cells(notebook: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The sources of those cells that wrote to the standard error, as Python's warnings do, and the first
    line of it. What matplotlib says once, on a machine where it is new, is no fault of a chapter."""
    for cell in notebook["cells"]:
        said = "".join(o["text"] for o in cell.get("outputs", []) if o.get("name") == "stderr")
        lines = [one for one in said.splitlines() if one.strip() and "building the font cache" not in one]
        if lines:
            yield cell["source"].rstrip(), lines[0].strip()


def ends_in_a_value(source: str) -> bool:
    """Whether a cell's last statement is an expression, whose value Jupyter shows. (`%magic` is not.)"""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return False
    return bool(body) and isinstance(body[-1], ast.Expr)


def fill_in(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: object) -> None:
    """Write time and memory of the run into the page that it made."""
    if "body" not in context:  # a page that Sphinx makes itself
        return
    # docutils calls the bibliography a list, but anchors stand between its entries, which no list may have
    context["body"] = context["body"].replace(
        '<div role="list" class="citation-list">', '<div class="citation-list">'
    )
    if TIMES in context["body"]:
        context["body"] = context["body"].replace(TIMES, times(app.env.found_docs, app.env.titles))
    measured = facts(page)
    if not measured:
        return
    seconds, memory = measured["seconds"], measured["gigabytes"]
    words = {
        "time": f"{seconds:.{seconds < 10:d}f} seconds",  # 1.2, not "1 seconds"
        "memory": f"{memory:.1f} GB of memory" if memory else "memory not measured",
    }
    for fact, said in words.items():
        context["body"] = re.sub(
            rf'(<span data-srlib-fact="{fact}">)[^<]*(</span>)', rf"\g<1>{said}\g<2>", context["body"]
        )


def times(pages: Iterable[str], titles: Mapping[str, Any]) -> str:
    """What each chapter took, and with what, as two tables."""
    rows, total, profiles = [], 0.0, set()
    for page in sorted(page for page in pages if facts(page)):
        measured = facts(page)
        total += measured["seconds"]
        profiles.add(measured["profile"])
        name = page.rpartition("/")[2]
        link = f'<a href="../notebooks/{name}.html">{escape(titles[page].astext())}</a>'
        cells = [
            f"{measured['seconds']:.0f} s",
            f"{measured['may_take']} s" if measured["may_take"] else "no limit",
            f"{measured['pace']:.0f} ms",
            f"{measured['gigabytes']:.1f} GB" if measured["gigabytes"] else "not measured",
        ]
        rows.append((link, cells))
    rows.append(("all of them", [f"{total / 60:.1f} minutes", "", "", ""]))
    ran = table("What each notebook took", ["notebook", "took", "may take", "pace", "most memory"], rows)
    made = {
        "day": datetime.date.today().isoformat(),
        "profile": ", ".join(sorted(profiles)) or "none",
        "system": f"{platform.system()} on {platform.machine()}",
        "processor cores": str(os.cpu_count()),
        "public image sets": "at hand" if os.environ.get("SRLIB_DATA", "").strip() else "not at hand",
        "Python": python_version(),
        **{package: installed(package) for package in (*PACKAGES, "jupyter-book", "sphinx")},
    }
    return ran + table("With what", ["", ""], [(what, [value]) for what, value in made.items()])


def table(caption: str, heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """An HTML table: the first of each row is HTML and its head, the others are text."""
    top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads) if any(heads) else ""
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'
        for first, cells in rows
    )
    head = f"<thead><tr>{top}</tr></thead>" if top else ""
    return (
        '<div class="pst-scrollable-table-container"><table class="table">'
        f"<caption>{escape(caption)}</caption>{head}<tbody>{body}</tbody></table></div>"
    )


def key(root: Path) -> str:
    """A hash of all that a page's outputs depend on beside its own cells, which jupyter-cache looks at
    itself: the library with its weights, the data sets, the versions and the settings."""
    digest = hashlib.sha256()
    for line in ingredients(root):
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()[:16]


def ingredients(root: Path) -> Iterator[str]:
    """The lines that `key` hashes."""
    yield f"python {python_version()}"
    yield from (f"{package} {installed(package)}" for package in PACKAGES)
    yield from (f"{name} {os.environ.get(name, '')}" for name in SETTINGS)
    for path in files(root / "srlib"):
        yield f"{path.relative_to(root).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    yield from fetched()
    data = os.environ.get("SRLIB_DATA", "").strip()
    if data:  # gigabytes: names, sizes and dates have to do
        for path in files(Path(data).expanduser()):
            facts = path.stat()
            yield f"{path} {facts.st_size} {facts.st_mtime_ns}"


def fetched() -> Iterator[str]:
    """The sets that `srlib fetch` brought: the name and the state of each."""
    import pooch

    cache = Path(os.environ.get("SRLIB_CACHE", "").strip() or pooch.os_cache("srlib")).expanduser()
    for mark in sorted(cache.glob("*/.complete")):
        yield f"fetched {mark.parent.name} {mark.read_text()}"


def files(folder: Path) -> list[Path]:
    """All files below a folder in a fixed order, without what Python and Jupyter leave there."""
    found = (path for path in folder.rglob("*") if path.is_file() and not NOT_SOURCE & set(path.parts))
    return sorted(found)


def installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def cache_folder(caches: Path, name: str) -> Path:
    """The cache of that name, made newest; of the others only the newest few stay."""
    folder = caches / name
    state = "known" if folder.is_dir() else "new: every notebook runs"
    folder.mkdir(parents=True, exist_ok=True)
    now = time.time()
    os.utime(folder, (now, now))
    LOGGER.info("[srbook] execution cache %s (%s)", name, state)
    others = [path for path in caches.iterdir() if path.is_dir() and path != folder]
    for old in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT_CACHES - 1 :]:
        shutil.rmtree(old, ignore_errors=True)
    return folder
