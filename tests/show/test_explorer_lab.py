"""The metric lab: what it shows against the metrics applied by hand, and what the saved page promises."""

import html
import math
import re

import pytest
import torch
from torch import Tensor

from srlib.evaluation import Bicubic, evaluate
from srlib.show.explorers.lab import COMPARED, COUNTING, RESAMPLING, SMALLEST, metric_lab
from srlib.slips import SRCNN_GAIN


def pictures() -> dict[str, Tensor]:
    noise = torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    a, b = torch.nn.functional.interpolate(noise, size=(48, 48), mode="bicubic").clamp(0, 1)
    return {"colour": a, "gray": b[:1]}


def value(page: str) -> float:
    found = re.search(r"measured so: ([\d.]+) dB", page)
    assert found
    return float(found[1])


def test_the_lab_starts_at_the_protocols_value() -> None:
    expected = evaluate(Bicubic(channels=3), {"colour": pictures()["colour"]}, 3).psnr
    page = metric_lab({"colour": pictures()["colour"]}).text()
    assert value(page) == pytest.approx(expected, abs=0.006)
    assert "The protocol gives" in page


def test_what_is_chosen_is_what_is_measured() -> None:
    page = metric_lab({"colour": pictures()["colour"]}, scale=2).text(
        compared="red, green and blue", counting="border kept", scale="x4"
    )
    one = {"colour": pictures()["colour"]}
    expected = evaluate(Bicubic(channels=3), one, 4, channel="rgb", border=0).psnr
    assert value(page) == pytest.approx(expected, abs=0.006)


def test_a_difference_is_held_against_srcnns_lead_in_words() -> None:
    lab = metric_lab(pictures())
    for counting in COUNTING:
        page = html.unescape(lab.text(counting=counting))
        apart = re.search(r"place of [\d.]+ dB: ([+−][\d.]+) dB", page)
        if not apart:
            assert "The protocol gives" in page or "by less than 0.01 dB" in page
            continue
        size = abs(float(apart[1].replace("−", "-")))
        if size > SRCNN_GAIN[1] + 0.01:
            times = re.search(r"([\d.]+) to ([\d.]+) times SRCNN's lead over A", page)
            assert times
            assert float(times[1]) == pytest.approx(size / 0.20, abs=0.0501)
            assert float(times[2]) == pytest.approx(size / 0.12, abs=0.0501)
        elif size < SRCNN_GAIN[0] - 0.01:
            assert "less than SRCNN's lead over A+" in page


def test_copying_gray_to_rgb_is_said_to_matter_only_where_a_picture_is_gray() -> None:
    chosen = {"compared": "Y, gray copied to RGB first"}
    assert "Only the gray picture changes by the copying: gray." in metric_lab(pictures()).text(**chosen)
    colour = metric_lab({"colour": pictures()["colour"]}).text(**chosen)
    assert "No picture here is gray" in colour
    assert value(colour) == value(metric_lab({"colour": pictures()["colour"]}).text())


def test_copying_gray_to_rgb_squeezes_its_errors_into_the_studio_range() -> None:
    gray = metric_lab({"gray": pictures()["gray"]})
    moved = value(gray.text(compared="Y, gray copied to RGB first")) - value(gray.text())
    assert moved == pytest.approx(20 * math.log10(255 / 219), abs=0.1)  # the rounding adds a little error


def test_the_bar_on_the_number_line_is_as_long_as_the_difference_is_to_srcnns_lead() -> None:
    page = metric_lab(pictures()).text(counting="one PSNR of the mean error", compared="red, green and blue")
    right, found = (re.search(rf"{word} ([\d.]+) dB", page) for word in ("protocol", "measured so:"))
    assert right
    assert found
    widths = [float(w) for w in re.findall(r'width="([\d.]+)%" height="1[04]"', page)]
    least, rest, bar = widths  # the lead's lower and upper part, and the difference
    apart = abs(float(found[1]) - float(right[1]))
    assert bar / (least + rest) == pytest.approx(apart / 0.20, rel=0.02)
    assert least / (least + rest) == pytest.approx(0.12 / 0.20, rel=0.02)


def test_the_saved_page_has_each_slip_alone_and_pairs_and_stays_light() -> None:
    page = metric_lab(pictures()).still()
    assert page.text.count('class="frame"') == 5 * len(COMPARED) * 4
    for name in [*list(RESAMPLING)[:5], *COMPARED, *list(COUNTING)[:4]]:
        assert f">{html.escape(name)}</option>" in page.text
    assert len(page) < 600_000


def test_ssim_by_four_recipes_is_in_the_table() -> None:
    page = metric_lab({"colour": pictures()["colour"]}).text()
    rows = [float(v) for v in re.findall(r'<td class="number">([\d.]+)</td>', page)]
    protocol = evaluate(Bicubic(channels=3), {"colour": pictures()["colour"]}, 3)
    colours = evaluate(Bicubic(channels=3), {"colour": pictures()["colour"]}, 3, channel="rgb")
    assert rows[0] == pytest.approx(protocol.ssim, abs=6e-5)
    assert rows[2] == pytest.approx(colours.ssim, abs=6e-5)
    assert len(rows) == 4


def test_names_cannot_become_markup() -> None:
    page = metric_lab({"<b>x": pictures()["gray"]}).text(compared="Y, gray copied to RGB first")
    assert "<b>x" not in page
    assert "&lt;b&gt;x" in page


def test_the_default_pictures_are_the_photographs_and_a_gray_one() -> None:
    lab = metric_lab()
    assert "camera" in lab.text(compared="Y, gray copied to RGB first")
    assert "Nine pictures of 144 x 144 pixels" in lab.text()


def test_differences_are_those_of_the_numbers_as_printed() -> None:
    lab = metric_lab(pictures())
    pages = [html.unescape(lab.text(counting=c, compared=k)) for c in COUNTING for k in COMPARED]
    for page in pages:
        right, found, apart = (
            re.search(pattern, page)
            for pattern in (r"protocol ([\d.]+) dB", r"measured so: ([\d.]+) dB", r"dB \(([+−][\d.]+)\)")
        )
        assert right
        assert found
        assert apart
        assert f"{float(found[1]) - float(right[1]):+.2f}".replace("-", "−") == apart[1].replace(
            "−0.00", "+0.00"
        )
        ssims = re.findall(r'"number">([\d.]+)</td><td class="number">([+−][\d.]+)<', page)
        for value, said in ssims:
            assert float(value) - float(ssims[0][0]) == pytest.approx(float(said.replace("−", "-")), abs=1e-9)


def test_srcnns_lead_stands_in_the_label_before_any_slip() -> None:
    assert "SRCNN's lead over A+,</text>" in metric_lab(pictures()).text()
    assert ">as printed: 0.12 to 0.20 dB</text>" in metric_lab(pictures()).text()


def test_without_a_control_for_the_resampling_it_is_the_protocols_and_every_count_is_in_the_page() -> None:
    lab = metric_lab(pictures(), resampling=False)
    assert list(lab.controls) == ["compared", "counting", "pictures", "scale"]
    assert value(lab.text()) == value(metric_lab(pictures()).text())
    page = lab.still().text
    assert page.count('class="frame"') == len(COMPARED) * len(COUNTING)
    assert "follows the resampling" not in page


def test_the_smallest_pictures_are_measured_by_every_recipe() -> None:
    small = torch.rand(3, SMALLEST, SMALLEST, generator=torch.Generator().manual_seed(0))
    lab = metric_lab({"float": small, "levels": (small * 255).byte()})
    for scale in ("x2", "x3", "x4"):
        assert value(lab.text(scale=scale, counting="border kept")) > 0
        assert value(lab.text(scale=scale)) > 0


def test_pictures_enlarged_without_an_error_are_refused_in_words() -> None:
    uneven = torch.full((3, 49, 48), 0.5)  # of one colour but for the row that no scale divides
    uneven[:, 48] = 1
    with pytest.raises(ValueError, match="enlarged without an error; leave it out"):
        metric_lab({"uneven": uneven}).text(scale="x4")


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        (torch.rand(3, 19, 40), r"p must be .* with 20 x 20 pixels or more, not \(3, 19, 40\)"),
        (torch.rand(4, 40, 40), r"p must be \(3, H, W\) or \(1, H, W\)"),
        (torch.rand(40, 40), r"not \(40, 40\)"),
        (torch.full((3, 40, 40), 0.3), "p is of one colour"),
        (torch.zeros(1, 40, 40, dtype=torch.uint8), "p is of one colour"),
        (torch.full((3, 40, 40), torch.nan), "p reaches from nan"),
        (torch.rand(3, 40, 40) * 255, "p reaches from .*divide by 255"),
        (torch.ones(3, 40, 40, dtype=torch.int32), "float in .* or uint8, not torch.int32"),
    ],
)
def test_pictures_that_cannot_be_measured_are_refused_at_the_call(picture: Tensor, says: str) -> None:
    with pytest.raises(ValueError, match=says) as raised:
        metric_lab({"fine": pictures()["colour"], "p": picture})
    assert "\n" not in str(raised.value)


def test_nothing_rounded_through_pillow_is_refused_and_not_on_the_saved_page() -> None:
    lab = metric_lab(pictures())
    with pytest.raises(ValueError, match="Pillow rounds what it enlarges"):
        lab.text(resampling="Pillow, both ways", counting="nothing rounded")
    lab.still()


def test_wrong_calls_are_named() -> None:
    with pytest.raises(ValueError, match="scale 2, 3 or 4, not 5"):
        metric_lab(pictures(), scale=5)
    with pytest.raises(ValueError, match="no picture to measure on"):
        metric_lab({})
