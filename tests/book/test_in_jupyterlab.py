"""A notebook in a live JupyterLab: opened, run, its slider and its explorer moved."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from urllib.error import URLError

import nbformat
import pytest
from browser import chromium
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow

CELLS = [
    "import torch\n\nfrom srlib import show\nfrom srlib.show.live import Explorer, slide, tick\n\n"
    "x = torch.rand(3, 90, 120, generator=torch.Generator().manual_seed(0))\n"
    "show.compare(x, 1 - x, labels=['noise', 'its opposite'])",
    "Explorer(\n"
    '    lambda n, loud: show.Html(f\'<p class="found">{n} times{"!" if loud else ""}</p>\'),\n'
    "    {'n': slide('how often', [1, 2, 3], 1), 'loud': tick('loud')},\n    'an explorer',\n)",
    "show.studio(('espcn',))",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a notebook in a running JupyterLab."""
    folder = tmp_path_factory.mktemp("lab")
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=spec), folder / "try.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [f"--ServerApp.port={port}", "--IdentityProvider.token=t", f"--ServerApp.root_dir={folder}"]
    # the reader's own settings and workspaces stay out of it
    own = [f"--LabApp.{name}_dir={folder / name}" for name in ("user_settings", "workspaces")]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", *options, *own]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(f"http://127.0.0.1:{port}/api?token=t", server)
            yield f"http://127.0.0.1:{port}/lab/tree/try.ipynb?token=t"
        finally:
            server.terminate()
            server.wait(20)


def _wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(240):
        assert server.poll() is None, "JupyterLab ended at once"
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.25)
    pytest.fail("JupyterLab did not answer within a minute")


@pytest.fixture(scope="module")
def page(lab: str) -> Iterator[Page]:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 1500})
        page.goto(lab)
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=90_000)
        # a run before the kernel is there would open a dialog that asks for one
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=90_000)
        page.get_by_text("Run", exact=True).first.click()
        page.get_by_text("Run All Cells", exact=True).click()
        yield page


def test_the_slider_moves_by_mouse_and_by_keys_and_jupyter_keeps_its_hands_off(page: Page) -> None:
    root = page.locator(".srlib-compare.ready")
    root.wait_for(timeout=90_000)
    handle = root.locator("input[type=range]")
    box = root.locator("canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    assert abs(int(handle.input_value()) - 250) < 20
    cells = page.locator(".jp-CodeCell").count()
    handle.focus()
    before = int(handle.input_value())
    page.keyboard.press("ArrowRight")
    assert int(handle.input_value()) > before
    page.keyboard.press("End")
    assert handle.input_value() == "1000"
    page.keyboard.press("b")  # would insert a cell below, if JupyterLab heard it
    assert page.locator(".jp-CodeCell").count() == cells
    assert root.locator("canvas").bounding_box() == box  # nothing scrolled away under the reader's hands


def test_an_explorers_widgets_redraw_it(page: Page) -> None:
    found = page.locator("p.found")
    expect(found).to_have_text("1 times", timeout=60_000)
    page.get_by_label("loud").check()
    expect(found).to_have_text("1 times!")
    page.locator(".widget-slider .noUi-handle, .widget-slider [role=slider]").first.focus()
    page.keyboard.press("ArrowRight")
    expect(found).to_have_text("2 times!")


def test_the_studio_upscales_and_its_slider_is_alive(page: Page) -> None:
    page.get_by_role("button", name="upscale", exact=True).click()
    expect(page.get_by_text("150 x 100 pixels became 450 x 300")).to_be_visible(timeout=60_000)
    alive = page.locator(".widget-html .srlib-compare.ready")
    alive.wait_for(timeout=20_000)
    handle = alive.locator("input[type=range]")
    handle.focus()
    page.keyboard.press("Home")
    assert handle.input_value() == "0"
