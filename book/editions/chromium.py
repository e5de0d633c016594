"""The Chromium that is installed: ``make pdf`` prints with it, and the tests look at pages in it."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--force-color-profile=srgb",
)
ABSENT = "found no Chromium on the path; install one, or name it in CHROMIUM"


def installed() -> str | None:
    """The path of the program; ``CHROMIUM`` names it before all others."""
    found = (shutil.which(name) for name in (os.environ.get("CHROMIUM", ""), *NAMES) if name)
    return next((path for path in found if path), None)
