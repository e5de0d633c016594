"""What axe-core finds in the built pages, the theme's own parts included: nothing serious, in light and dark,
on a desk and on a phone, with all that is folded away unfolded. The listings of srlib are all of one
template: one stands for them."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from test_built_pages import DESKTOP, PAGES, PHONE, SITE

LISTING = "_modules/srlib/images"
NAMES = [*PAGES, "search", "genindex", LISTING]
COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules whose verdict another colour scheme can change: in the dark only they are asked again. They take
most of the time, and colours are the same at every width, so a phone is not asked for them."""
ALL: dict[str, Any] = {}
ONLY_COLOURS = {"runOnly": {"type": "rule", "values": COLOURS}}
NO_COLOURS = {"rules": {name: {"enabled": False} for name in COLOURS}}
ASKED = {"desk": (DESKTOP, {"light": ALL, "dark": ONLY_COLOURS}), "phone": (PHONE, {"light": NO_COLOURS})}
ONE_WORD_OF_CODE = """() => {
    const seen = new Set();
    document.querySelectorAll('.highlight span').forEach((word) => {
        const path = [];
        for (let at = word; at.tagName !== 'BODY'; at = at.parentElement) {
            path.push(at.className, at.getAttribute('style'));
        }
        const key = path.join('/');
        if (seen.has(key)) { word.replaceWith(...word.childNodes); }
        seen.add(key);
    });
}"""
"""A chapter has thousands of coloured words of code, and axe takes most of its time on them. Words with the
same classes in boxes of the same classes get the same colours: one of each kind stays, the rest is plain."""
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("site")]


def serious(page: Page, options: dict[str, Any]) -> list[str]:
    """What axe finds serious or critical, with all that is folded away unfolded."""
    page.evaluate("document.querySelectorAll('article details').forEach((one) => { one.open = true; })")
    page.evaluate(ONE_WORD_OF_CODE)
    # colours fade from one scheme to the other
    page.evaluate("() => Promise.all(document.getAnimations().map((one) => one.finished))")
    found = Axe().run(page, options=options or None).response["violations"]
    grave = [one for one in found if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {node['html'][:200]}" for one in grave for node in one["nodes"]]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ASKED)
def test_axe_finds_nothing_serious_in_light_or_dark(browser: Browser, name: str, place: str) -> None:
    size, schemes = ASKED[place]
    page = browser.new_context(viewport=size, color_scheme="light", offline=True).new_page()
    page.goto((SITE / f"{name}.html").as_uri())
    page.wait_for_load_state("load")
    found = {}
    for scheme, options in schemes.items():
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.wait_for_function("(theme) => document.documentElement.dataset.theme === theme", arg=scheme)
        found[scheme] = serious(page, options)
    page.context.close()
    assert not any(found.values()), found


def test_pale_words_in_a_folded_part_and_a_nameless_button_would_be_found(browser: Browser) -> None:
    page = browser.new_context(viewport=DESKTOP, color_scheme="light", offline=True).new_page()
    page.goto((SITE / "notebooks/00_start_here.html").as_uri())
    page.evaluate(
        "document.querySelector('article').insertAdjacentHTML('beforeend', '<details><summary>More</summary>"
        '<p style="color: #ccc; background: #fff">pale</p><button></button></details>\')'
    )
    page.evaluate(  # the last word of code alone, all others of its kind stay as they are
        "[...document.querySelectorAll('.highlight span.n')].at(-1).style.color = '#ddd'"
    )
    found = "\n".join(serious(page, ALL))
    page.context.close()
    assert 'color-contrast: <p style="color: #ccc' in found
    assert 'color-contrast: <span class="n" style="color' in found
    assert "button-name" in found
