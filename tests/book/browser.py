"""A browser for the tests: the Chromium that is installed, without the network, at a chosen pixel ratio."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, sync_playwright

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--force-color-profile=srgb",
]


def give_up(reason: str) -> NoReturn:
    """Skip, or fail where the checks are wanted in earnest."""
    if os.environ.get("SRLIB_REQUIRE_BROWSER", "") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def chromium(pixel_ratio: float = 1) -> Iterator[Browser]:
    """A running Chromium. The ratio is set at its start: the one that a context emulates is not exact."""
    names = [os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome", "chrome"]
    programs = [path for name in names if name and (path := shutil.which(name))]
    if not programs:
        give_up("found no Chromium on the path; install one, or name it in CHROMIUM")
    with sync_playwright() as playwright:
        flags = [*FLAGS, f"--force-device-scale-factor={pixel_ratio}"]
        running = playwright.chromium.launch(executable_path=programs[0], args=flags)
        yield running
        running.close()
