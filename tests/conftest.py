"""What several tests share: where the public image sets are, and what to do where they are not."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as srlib does, where it is imported before torch

import pytest
import torch

from srlib import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def absent(what: str) -> NoReturn:
    """Skip with a reason; on a machine that promises the data (``SRLIB_REQUIRE_DATA=1``) fail instead."""
    message = f"{what} is not here; set SRLIB_DATA to a folder that has it"
    if os.environ.get("SRLIB_REQUIRE_DATA") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
def data_root() -> Path:
    root = settings.data_root()
    if root is None or not root.is_dir():
        absent("SRLIB_DATA")
    return root


@pytest.fixture
def matlab(data_root: Path) -> Path:
    """The folder of MATLAB's own results."""
    folder = data_root / "matlab"
    if not folder.is_dir():
        absent("matlab/")
    return folder


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A running Chromium for all tests of a module."""
    from browser import chromium

    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built book; skips, or fails where browsers are required, without one."""
    from browser import give_up

    folder = Path(__file__).parents[1] / "_build" / "html"
    if not (folder / "index.html").is_file():
        give_up("there is no built book; build it with: make book")
    return folder


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
