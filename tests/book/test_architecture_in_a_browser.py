"""The diagrams of networks in a real browser: nothing is printed over anything else, on a phone neither."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from torch import Tensor, nn

from srlib import models
from srlib.show import architecture

pytestmark = pytest.mark.slow


class Dense(nn.Module):
    """Every layer's answer goes into all later ones, so that many arcs run beside each other."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(4, 4, 3, padding=1) for _ in range(5))

    def forward(self, x: Tensor) -> Tensor:
        seen = [x]
        for conv in self.convs:
            seen.append(conv(sum(seen[1:], seen[0])).relu())
        return seen[-1]


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "FSRCNN": lambda: models.FSRCNN(3),
    "ESPCN": lambda: models.ESPCN(3),
    "EDSR": lambda: models.EDSR(4),
    "WDSR-A": lambda: models.WDSR(4),
    "WDSR-B": lambda: models.WDSR(4, kind="B"),
    "SRResNet": lambda: models.SRResNet(4),
    "MDSR": models.MDSR,
    "VDSR": models.VDSR,
    "Discriminator": models.Discriminator,
    "Dense": Dense,
}

MEET = """() => {
  const rectangles = (pick) => [...document.querySelectorAll(pick)].map((one) => {
    const range = document.createRange(); range.selectNodeContents(one);
    const inner = range.getBoundingClientRect(), outer = one.getBoundingClientRect();
    return {text: one.textContent, inner, outer};
  }).filter((one) => one.inner.width > 0);
  const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
  const numbers = rectangles('.srlib-network .cell, .srlib-network .head');
  const boxes = rectangles('.srlib-network .box, .srlib-network .chip');
  const faults = [];
  for (const number of numbers) {
    for (const box of boxes) {
      for (const part of [box.outer, box.inner]) {
        if (!apart(number.inner, part)) faults.push(`${number.text} over ${box.text}`);
      }
    }
    for (const other of numbers) {
      if (other === number || apart(number.inner, other.inner)) continue;
      faults.push(`${number.text} over ${other.text}`);
    }
  }
  for (const box of boxes) {
    if (box.inner.right > box.outer.right + 0.5) faults.push(`${box.text} leaves its box`);
  }
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) faults.push(`the page is ${root.scrollWidth} px wide`);
  const around = document.querySelector('.srlib-network').closest('.scroll');
  return {faults, numbers: numbers.length, boxes: boxes.length, cut: around.scrollWidth - around.clientWidth};
}"""


@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize("name", NETWORKS)
def test_no_number_is_printed_over_a_box(browser: Browser, tmp_path: Path, name: str, width: int) -> None:
    made = architecture(NETWORKS[name](), scale=2 if name == "MDSR" else None)
    path = made.save(tmp_path / "network.html")
    page = browser.new_context(viewport={"width": width, "height": 900}, offline=True).new_page()
    page.goto(path.as_uri())
    found: dict[str, Any] = page.evaluate(MEET)
    page.context.close()
    assert found["numbers"] > 6
    assert found["boxes"] > 3
    assert found["faults"] == []
    assert found["cut"] == 0 or name == "Dense"  # all is seen at once; what is wider scrolls in its own box
