"""What axe-core finds in everything that `srlib.show` and `srlib.check` put into a page."""

from functools import cache
from pathlib import Path

import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from browser import complaints
from playwright.sync_api import Browser
from torch import nn

from srlib import check, show
from srlib.models import EDSR, ESPCN
from srlib.show import explorers

pytestmark = pytest.mark.slow


@cache
def everything() -> str:
    """A page with each element once."""
    a, b, c = torch.rand(3, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    one, two = {"noise": a}, {"noise": b}
    options = {"yes": "Right.", "no": "Why not?"}
    line = [(0.0, 1.0), (1.0, 2.0)]
    elements = [
        show.compare(a, b, c, labels=["one", "two", "three"], reference=2, caption="Noise."),
        show.grid({"one": a, "two": b}, alt="two pictures of noise"),
        show.zoom({"one": a, "two": b}, [(2, 2, 20, 20)], alt="a box of noise"),
        show.error_map({"two": b}, a, alt="the errors of noise"),
        show.failures(one, {"two": two}, alt="the worst place of noise", count=1),
        show.filters(nn.Conv2d(1, 8, 5), alt="eight random filters"),
        show.curves(
            {"a": line, "b": [line, [(0.0, 1.5), (1.0, 3.0)]]}, y="PSNR (dB)", alt="two rising lines"
        ),
        show.frontier({"a": (1, 30.0), "b": (2, 31.0)}, x="cost", alt="two methods by cost"),
        show.spectrum({"one": a, "two": b}, alt="two flat spectra"),
        show.transfer(a, {"two": b}, scale=3, alt="one flat curve"),
        show.kernel("linear", "cubic", alt="two kernels and their responses"),
        show.architecture(ESPCN(3), scale=3),
        show.architecture(EDSR(2, features=8, blocks=2), scale=2),
        show.opinion({"noise": {"HR": a, "other": b, "third": c}}),
        show.studio(("espcn",)).still(),
        show.training(("espcn",), seconds=2).still(),  # what a Watch draws
        show.table(5),
        *(getattr(explorers, name)().still() for name in explorers.__all__),
        check.quiz("Is it so?", options, right="yes"),
        check.predict("Will it be so?", ["yes", "no"]),
        check.reveal("Will it be so?", ["yes", "no"], "yes", "It was."),
    ]
    return "<main><h1>Everything</h1>" + "".join(one.text for one in elements) + "</main>"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_nothing_that_is_serious(browser: Browser, tmp_path: Path, width: int, dark: bool) -> None:
    path = show.Html(everything()).save(tmp_path / "everything.html")
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", offline=True
    )
    page = context.new_page()
    said = complaints(page)
    page.goto(path.as_uri())
    page.wait_for_selector(".srlib-compare.ready")
    found = Axe().run(page).response["violations"]
    grave = [
        f"{one['id']}: {node['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
    wide = page.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert grave == []
    assert said == []
    assert wide <= width  # what is wider scrolls in a box of its own


def test_axe_would_find_a_picture_without_words(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content('<html lang="en"><title>x</title><main><h1>x</h1><img src="data:,"></main></html>')
    assert "image-alt" in {one["id"] for one in Axe().run(page).response["violations"]}
    page.close()
