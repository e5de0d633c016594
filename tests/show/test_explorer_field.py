"""The explorer of receptive fields: its numbers against networks whose field is known."""

import base64
import io
import re
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from srlib import models
from srlib.show.explorers.field import MEAN, PLACES, receptive_field


class Box(nn.Module):
    """``layers`` box filters of 3 x 3, one after another, on the enlarged picture."""

    channels = 1
    pre_upsample = True
    scale = None

    def __init__(self, layers: int) -> None:
        super().__init__()
        boxes = [nn.Conv2d(1, 1, 3, padding=1, bias=False) for _ in range(layers)]
        for box in boxes:
            nn.init.constant_(box.weight, 1 / 9)
        self.body = nn.Sequential(*boxes)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def test_its_words_are_those_of_a_known_field() -> None:
    page = receptive_field({"box": Box(1)}, scale=3).text()
    # nine equal gradients: half of them, and nine tenths, need all 3 x 3; 3 HR pixels are one LR pixel
    assert "box takes the enlarged picture: 3 x 3 of its pixels can matter (1.0 LR pixels wide)." in page
    assert "Half of the gradient lies within 3 x 3 (1.0 LR pixels wide), nine tenths within 3 x 3" in page


def test_the_map_is_bright_where_the_gradient_is_and_dark_elsewhere() -> None:
    page = receptive_field({"box": Box(2)}, scale=3).text()
    uri = re.findall(r'<img src="data:image/[^,]*,([^"]*)"', page)[1]
    picture = torch.from_numpy(np.array(Image.open(io.BytesIO(base64.b64decode(uri))).convert("L")))
    side = len(picture)
    middle = side // 2
    bright = picture > picture[0, 0]
    assert bright.nonzero().min(0).values.tolist() == [middle - 2, middle - 2]
    assert bright.nonzero().max(0).values.tolist() == [middle + 2, middle + 2]
    # 3 x 3 boxes twice: weights 1, 2, 3, 2, 1 along each side, so the centre is strongest
    assert picture[middle, middle] == picture.max()


def test_all_networks_are_compared_in_lr_pixels() -> None:
    page = receptive_field({"hr": Box(4), "lr": models.ESPCN(3)}, scale=3).text(network="lr")
    rows = re.findall(r"<th scope=\"row\"[^>]*>(.*?)</th><td[^>]*>(.*?)</td>", page)
    assert rows == [("hr", "3.0 (9 HR)"), ("lr", "9")]
    assert "lr takes the LR picture: 9 x 9 of its pixels can matter. Half" in page


def test_the_squares_have_the_sides_that_the_words_name() -> None:
    page = receptive_field({"box": Box(1)}, scale=3).text()
    sides = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', page)
    window = float(re.findall(r'viewBox="0 0 (\d+)', page)[0])
    assert {width for _, width in sides} == {"1.000"}
    assert {float(x) for x, _ in sides} == {(window - 1) / 2}


def test_a_network_with_a_skip_from_its_input_is_named_so() -> None:
    torch.manual_seed(0)  # of four features all may be dead from the start
    both = {"with": models.VDSR(4, features=4), "without": models.VDSR(4, features=4, residual=False)}
    explorer = receptive_field(both)
    assert "Its skip hands the central pixel straight" in explorer.text(network="with")
    assert "Its skip" not in explorer.text(network="without")


class Early(Box):
    """A skip from the input in the middle of the network, or at its end."""

    def __init__(self, end: bool) -> None:
        super().__init__(2)
        self.end = end

    def forward(self, x: Tensor) -> Tensor:
        y = self.body[0](x)
        answer: Tensor = (
            (self.body[1](y) + x).clamp(0, 1) * 2 if self.end else self.body[1](torch.relu(y + x))
        )
        return answer


def test_only_a_skip_that_reaches_the_answer_itself_is_said_to_hand_the_pixel_over() -> None:
    explorer = receptive_field({"end": Early(True), "middle": Early(False)})
    assert "Its skip hands the central pixel straight" in explorer.text(network="end")
    assert "Its skip" not in explorer.text(network="middle")


def test_a_network_in_double_precision_is_shown_too() -> None:
    assert "3 x 3 of its pixels can matter" in receptive_field({"box": Box(1).double()}).text()


def test_a_network_of_several_scales_and_colour_ones_are_asked_for_the_scale_at_hand() -> None:
    explorer = receptive_field({"mdsr": models.MDSR(blocks=1, features=4)}, scale=2)
    assert "mdsr takes the LR picture" in explorer.text()


def test_the_shipped_networks_fill_a_small_page_with_every_frame() -> None:
    explorer = receptive_field()
    page = explorer.still()
    assert page.text.count('class="frame"') == 5 * (len(PLACES) + 1)
    assert len(page) < 600_000
    # the papers' fields: 9 + 5 + 5 - 2 and 20 layers of 3 x 3
    assert "17 x 17 of its pixels can matter" in explorer.text(network="srcnn-955")
    assert "41 x 41 of its pixels can matter (13.7 LR pixels wide)" in explorer.text(network="vdsr")
    assert all(
        len(alt.split()) > 4 for alt in re.findall(r'<img [^>]*alt="([^"]*)"', explorer.text(place=MEAN))
    )


def test_the_gradient_depends_on_the_place_where_a_network_is_not_linear() -> None:
    torch.manual_seed(0)
    # He's weights, so that ReLUs open and close with the picture; a box filter is the same everywhere
    explorer = receptive_field({"vdsr": models.VDSR(6, features=8), "box": Box(3)})

    def maps(network: str) -> set[str]:
        texts = [explorer.text(network=network, place=place) for place in PLACES]
        return {re.findall(r'<img src="([^"]*)"', text)[1] for text in texts}

    assert len(maps("vdsr")) == len(PLACES)
    assert len(maps("box")) == 1


def test_its_widget_follows_its_controls() -> None:
    pytest.importorskip("ipywidgets")
    explorer = receptive_field({"box": Box(1), "boxes": Box(2)})
    widget: Any = explorer.widget()
    bar, shown = widget.children
    assert "box takes" in shown.value
    bar.children[0].value = "boxes"
    assert "boxes takes the enlarged picture: 5 x 5" in shown.value


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: receptive_field({}), "name at least one network"),
        (lambda: receptive_field(scale=5), "scale must be 2, 3, 4 or 8, not 5"),
        (lambda: receptive_field({"a": models.ESPCN(2)}, scale=3), "a enlarges 2 times"),
        (lambda: receptive_field({"same": Box(0)}), "same answers its input unchanged; leave it out"),
        (lambda: receptive_field({"d": models.Discriminator(16)}), "d: its field is the whole picture"),
    ],
)
def test_what_cannot_be_shown_is_said(call: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()
