"""A browser for the tests: the Chromium that is installed, without the network, at a chosen pixel ratio."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from book.editions.chromium import ABSENT, FLAGS, installed


def give_up(reason: str) -> NoReturn:
    """Skip, or fail where the checks are wanted in earnest."""
    if os.environ.get("SRLIB_REQUIRE_BROWSER", "") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def chromium(pixel_ratio: float = 1) -> Iterator[Browser]:
    """A running Chromium. The ratio is set at its start: the one that a context emulates is not exact."""
    program = installed()
    if program is None:
        give_up(ABSENT)
    with sync_playwright() as playwright:
        flags = [*FLAGS, "--headless", f"--force-device-scale-factor={pixel_ratio}"]
        running = playwright.chromium.launch(executable_path=program, args=flags)
        yield running
        running.close()


def complaints(page: Page, own: tuple[str, ...] = ("file:", "data:")) -> list[str]:
    """What the page prints, throws or asks another machine for, from now on; ``own`` addresses are not."""
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(own) else faults.append(asked.url))
    return faults
