"""What every element of the page is made of: a piece of HTML that brings along all it needs."""

import base64
import html
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from PIL import Image, features
from torch import Tensor

from srlib.files import write_text
from srlib.images import to_uint8

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<body style="background: Canvas; color: CanvasText; font-family: system-ui, sans-serif; margin: 1rem">
{body}
</body>
</html>
"""


_WAKE = (
    "for (const old of this.parentNode.querySelectorAll('script')) {"
    " const script = document.createElement('script'); script.textContent = old.textContent;"
    " old.replaceWith(script); } this.remove();"
)


@dataclass(frozen=True)
class Html:
    """A piece of HTML that a notebook shows when it is a cell's last value. It needs no network and no
    kernel; ``save`` writes it as a page of its own."""

    text: str

    def _repr_html_(self) -> str:
        return self.text

    def woken(self) -> str:
        """The text for an ipywidget, whose page never runs a ``<script>`` that it is handed: an image without
        an address fails to load at once and has the scripts before it run. Where that is forbidden, what
        works without scripts stays."""
        return f'<div>{self.text}<img alt="" hidden src="data:," onerror="{_WAKE}"></div>'

    def __len__(self) -> int:
        """Its size in bytes."""
        return len(self.text.encode())

    def save(self, path: str | Path, title: str = "srlib") -> Path:
        """Write a page with only this on it, whole or not at all; returns the path."""
        return write_text(path, PAGE.format(title=escape(title), body=self.text))


def escape(text: str) -> str:
    """Text as it may stand in HTML, in quotes too."""
    return html.escape(str(text), quote=True)


def asset(package: str, name: str) -> str:
    """The text of a style sheet or script that lies in a package; a style sheet, which every figure has,
    without its comments."""
    text = (files(package) / name).read_text(encoding="utf-8")
    return re.sub(r"/\*.*?\*/\s*", "", text, flags=re.DOTALL) if name.endswith(".css") else text


def packed(value: Mapping[str, Any]) -> str:
    """JSON that is not readable at a glance: every byte turned, then base64."""
    raw = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return base64.b64encode(bytes(byte ^ 90 for byte in raw)).decode()


def pil(x: Tensor) -> Image.Image:
    """A picture (3, H, W) or (1, H, W), float in [0, 1] (clipped) or uint8, for Pillow: RGB, 8 bits."""
    if x.is_floating_point() and not bool(torch.isfinite(x).all()):
        raise ValueError("the picture has values that are no numbers (NaN or infinite)")
    levels = to_uint8(x.detach().cpu())
    if levels.ndim != 3 or levels.shape[0] not in (1, 3):
        raise ValueError(f"a picture must be (3, H, W) or (1, H, W), not {tuple(x.shape)}")
    return Image.fromarray(levels.expand(3, -1, -1).movedim(0, -1).contiguous().numpy())


def data_uri(x: Tensor) -> str:
    """A picture as an address that contains it, every pixel as it is: lossless WebP where Pillow can write
    it (a quarter smaller), else PNG."""
    memory = io.BytesIO()
    if features.check("webp") and max(x.shape) < 2**14:  # WebP ends at 16383 pixels a side
        pil(x).save(memory, "WEBP", lossless=True, quality=50, method=3)
        kind = "webp"
    else:
        pil(x).save(memory, "PNG", optimize=True)
        kind = "png"
    return f"data:image/{kind};base64,{base64.b64encode(memory.getvalue()).decode()}"
