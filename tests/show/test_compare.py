"""The before/after slider: what the call promises. For the browser's part see tests/book."""

import base64
import io
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from srlib import data
from srlib.show import Html, compare
from srlib.show._html import data_uri


def decoded(uri: str) -> Tensor:
    raw = base64.b64decode(uri.partition("base64,")[2])
    return torch.from_numpy(np.asarray(Image.open(io.BytesIO(raw)).convert("RGB")).copy()).movedim(-1, 0)


def test_the_pictures_in_the_page_are_the_pictures_bit_for_bit() -> None:
    generator = torch.Generator().manual_seed(0)
    levels = torch.randint(0, 256, (2, 3, 33, 47), generator=generator, dtype=torch.uint8)
    page = compare(*levels).text
    found = re.findall(r'src="(data:image/[^"]+)"', page)
    assert [torch.equal(decoded(uri), x) for uri, x in zip(found, levels, strict=True)] == [True, True]


def test_without_webp_they_are_png(monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import features

    monkeypatch.setattr(features, "check", lambda name: False)
    x = torch.rand(1, 9, 8)
    uri = data_uri(x)
    assert uri.startswith("data:image/png;")
    assert torch.equal(decoded(uri)[0], (x[0] * 255).round().to(torch.uint8))


def test_two_photographs_of_512_pixels_stay_below_one_and_a_half_megabytes() -> None:
    photo = data.photos(["astronaut", "tissue"])
    assert len(compare(*photo.values())) < 1.5e6


def test_heavy_pictures_are_said_and_light_ones_are_not() -> None:
    noise = torch.rand(3, 800, 900)
    with pytest.warns(UserWarning, match=r"this slider is \d\.\d MB in the page; crop to 512"):
        compare(noise, noise)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compare(noise[:, :300, :300], noise[:, :300, :300])


def test_labels_and_captions_cannot_become_markup() -> None:
    evil = "<img src=x onerror=alert(1)> \"'&"
    page = compare(torch.rand(3, 8, 8), torch.rand(3, 8, 8), labels=[evil, "b"], caption=evil).text
    assert "<img src=x" not in page
    assert 'onerror=alert(1)> "' not in page
    assert "&lt;img src=x onerror=alert(1)&gt; &quot;&#x27;&amp;" in page


def test_it_needs_nothing_from_elsewhere() -> None:
    page = compare(torch.rand(3, 8, 8), torch.rand(3, 8, 8)).text
    assert not re.search(r"https?://|@import|url\(|import\(", page)


@pytest.mark.parametrize(
    ("pictures", "more", "message"),
    [
        ([(3, 8, 8), (3, 8, 9)], {}, "of one size: before 8 x 8, after 8 x 9"),
        ([(3, 8, 8), (3, 8, 8)], {"labels": ["one"]}, "2 pictures need 2 labels, not 1"),
        ([(3, 8, 8), (3, 8, 8)], {"reference": 2}, "0 to 1, not 2"),
        ([(3, 8, 8), (3, 8, 8)], {"crop": 4}, "crop 4 leaves nothing of 8 x 8"),
        ([(3, 8, 8), (2, 8, 8)], {}, r"must be \(3, H, W\) or \(1, H, W\), not \(2, 8, 8\)"),
        ([(1, 3, 8, 8), (1, 3, 8, 8)], {}, r"not \(1, 3, 8, 8\)"),
    ],
)
def test_what_cannot_be_compared_is_said(
    pictures: list[tuple[int, ...]], more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        compare(*(torch.rand(shape) for shape in pictures), **more)


def test_an_element_can_be_saved_as_a_page(tmp_path: Path) -> None:
    page = Html("<p>here</p>").save(tmp_path / "a.html", title="a & b").read_text(encoding="utf-8")
    assert "<p>here</p>" in page
    assert "<title>a &amp; b</title>" in page
