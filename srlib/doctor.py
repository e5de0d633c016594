"""Is this machine ready? ``srlib doctor`` prints what is here and the command that mends what is not."""

import importlib.metadata
import os
import platform
import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import torch

from srlib import __version__, data, settings
from srlib.data.folder import PHOTOS

LIBRARIES = ("torch", "numpy", "pillow", "scikit-image", "safetensors", "pooch", "tqdm")
BOOK = ("jupyter-book", "jupyterlab", "ipywidgets", "matplotlib")
PYTHONS = ((3, 11), (3, 13))
DISK_GB = 1.0


def doctor() -> list[str]:
    """Print the report, one fact a line, and return the commands that would mend what is missing."""
    mend = []
    for name, fact, command in facts():
        lines = textwrap.wrap(fact, 64, break_on_hyphens=False) if ", " in fact else [fact]
        print(f"{name:14}" + f"\n{'':14}".join(lines))
        if command:
            print(f"{'':14}-> {command}")
            mend.append(command)
    print("\nall is well" if not mend else f"\n{len(mend)} thing(s) to mend, each marked with ->")
    return mend


def facts() -> Iterator[tuple[str, str, str]]:
    """Name, finding and, where something needed is missing, the command that mends it."""
    yield "srlib", __version__, ""
    version = platform.python_version()
    fits = PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]
    yield (
        "python",
        f"{version} on {platform.system()} {platform.machine()}",
        "" if fits else "install Python 3.11, 3.12 or 3.13",
    )
    install = "pip install -c constraints.txt -e "
    for group, command in ((LIBRARIES, install + "."), (BOOK, install + "'.[book]'")):
        for package in group:
            found = torch.__version__ if package == "torch" else _version(package)  # says cpu or cuda too
            yield package, found or "missing", "" if found else command
    device = settings.device()
    name = torch.cuda.get_device_name() if device.type == "cuda" else ""
    yield "device", f"{device.type} {name}".strip(), ""
    yield "threads", f"{torch.get_num_threads()} of {os.cpu_count()} processors", ""
    try:
        yield "profile", f"{settings.profile()} (SRLIB_PROFILE)", ""
    except ValueError as fault:
        yield "profile", str(fault), "unset SRLIB_PROFILE"
    yield from _data_facts()


def _data_facts() -> Iterator[tuple[str, str, str]]:
    root = settings.data_root()
    there = root is not None and root.is_dir()
    fact = f"{_short(root)} (SRLIB_DATA)" if root else "not set; image sets are looked for in the cache"
    missing = root is not None and not there
    yield (
        "data",
        fact + (": there is no such folder" if missing else ""),
        "unset SRLIB_DATA" if missing else "",
    )
    try:
        cache = settings.cache_root()
    except ImportError:  # pooch is missing, which was said above
        return
    above = next(folder for folder in (cache, *cache.absolute().parents) if folder.exists())
    free = shutil.disk_usage(above).free / 1e9
    full = free < DISK_GB
    yield (
        "cache",
        f"{_short(cache)} ({free:.0f} GB free)",
        f"free {DISK_GB:.0f} GB there, or set SRLIB_CACHE" if full else "",
    )
    here: list[str] = []
    absent: list[str] = []
    for name in [] if missing else data.names():
        try:
            (here if data.find(name) else absent).append(name)
        except OSError as fault:
            yield name, str(fault), "complete that folder, or move it out of SRLIB_DATA"
    yield "photographs", f"{len(PHOTOS)} in the box, no download needed", ""
    yield "sets here", ", ".join(here) or "none", ""
    # Not a fault: the chapters do without. So the way to get them is said, but not as something to mend.
    yield "to be had", f"with srlib fetch NAME: {', '.join(absent)}" if absent else "nothing more", ""


def _short(path: Path) -> str:
    """The path as a reader would type it; on a published page nobody needs to see where it was built."""
    if settings.building_book():
        return "(not shown in the book)"
    home = str(Path.home())
    return "~" + str(path)[len(home) :] if str(path).startswith(home + os.sep) else str(path)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
