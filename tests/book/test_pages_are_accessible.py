"""What axe-core finds in the built pages, the theme's own parts included: nothing serious, in light and dark,
on a desk and on a phone. The listings of srlib are all of one template, and so are its pages in book/api: one
of each stands for them."""

from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser
from test_built_pages import DESKTOP, PAGES, PHONE, SITE

LISTING = "_modules/srlib/images"
ONE_OF = "book/api/pictures"
NAMES = [name for name in PAGES if not name.startswith("book/api/") or name in ("book/api/index", ONE_OF)]
NAMES += ["search", "genindex", LISTING]
COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules whose verdict another colour scheme can change."""
WIDTH = ["scrollable-region-focusable", "target-size", "aria-hidden-focus", "button-name", "link-name"]
"""Those whose verdict a phone's width can change: what is hidden, what scrolls, what lies on what. (Colours
are the same at every width, and take most of the time.)"""
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("site")]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing_serious_in_light_or_dark(browser: Browser, name: str, size: Any) -> None:
    page = browser.new_context(viewport=size, color_scheme="light", offline=True).new_page()
    page.goto((SITE / f"{name}.html").as_uri())
    page.wait_for_load_state("load")
    found = []
    schemes: list[tuple[Literal["light", "dark"], list[str] | None]] = [("light", None), ("dark", COLOURS)]
    if size is PHONE:
        schemes = [("light", WIDTH), ("dark", WIDTH)]
    for scheme, rules in schemes:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("(theme) => document.documentElement.dataset.theme === theme", arg=scheme)
        # colours fade from one scheme to the other
        page.evaluate("() => Promise.all(document.getAnimations().map((one) => one.finished))")
        options = {"runOnly": {"type": "rule", "values": rules}} if rules else None
        for one in Axe().run(page, options=options).response["violations"]:
            if one["impact"] in ("serious", "critical"):
                found += [f"{scheme}, {one['id']}: {node['html'][:200]}" for node in one["nodes"]]
    page.context.close()
    assert found == []
