"""The metric lab: toggle the slips people make when they measure, and watch the "PSNR" move (chapters 1
and 2)."""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from srlib import data
from srlib.images import check_range, load, middle, to_uint8
from srlib.show._html import Html, escape
from srlib.show._look import COLOURS, framed
from srlib.show.live import Explorer, choose
from srlib.slips import PROTOCOL, SRCNN_GAIN, Pair, Score, Slips, judged, pairs

RESAMPLING: dict[str, dict[str, Any]] = {
    "MATLAB, both ways": {},
    "OpenCV or torch, both ways": {"down": "opencv", "up": "opencv"},
    "MATLAB down, OpenCV up": {"up": "opencv"},
    "area down, OpenCV up": {"down": "area", "up": "opencv"},
    "Pillow, both ways": {"down": "pillow", "up": "pillow"},
    "area down, MATLAB up": {"down": "area"},
    "OpenCV down, MATLAB up": {"down": "opencv"},
}
COMPARED: dict[str, dict[str, Any]] = {
    "luma Y": {},
    "red, green and blue": {"channel": "rgb"},
    "full-range Y (OpenCV)": {"channel": "full"},
    "Y with 64.738 typed for 65.738": {"channel": "typo"},
    "Y, gray copied to RGB first": {"gray_as_rgb": True},
}
COUNTING: dict[str, dict[str, Any]] = {
    "as the papers": {},
    "Y not rounded (the other lineage)": {"round_y": False},
    "border kept": {"crop": False},
    "one PSNR of the mean error": {"pooled": True},
    "nothing rounded": {"round_sr": False, "round_y": False},
    "Y not rounded, border kept": {"round_y": False, "crop": False},
    "Y not rounded, mean error": {"round_y": False, "pooled": True},
    "border kept, mean error": {"crop": False, "pooled": True},
    "all three": {"round_y": False, "crop": False, "pooled": True},
}
SSIMS: dict[str, dict[str, Any]] = {
    "Gaussian 11 x 11 on Y (the protocol)": {},
    "uniform 7 x 7 on Y (scikit-image's default)": {"window": "uniform"},
    "Gaussian, mean over R, G and B": {"channel": "rgb"},
    "MATLAB's ssim() on the RGB array": {"channel": "rgb", "window": "volume"},
}
SIDE = 144
"""Pixels a side of the crops that the lab measures by default: enough to see every slip, and quick."""


SMALLEST = 20
"""Pixels a side that leave SSIM its 11 x 11 window at scale 4: five times four, less four on both sides."""
NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")


def metric_lab(
    pictures: Mapping[str, Tensor] | None = None, scale: int = 3, *, resampling: bool = True
) -> Explorer:
    """The "PSNR" and "SSIM" of the same pictures, enlarged by bicubic interpolation, by whatever recipe is
    chosen: how they were made small and large, what is compared, and how it is counted (``srlib.slips`` says
    each in words). The pictures: {name: (3, H, W) or (1, H, W), float in [0, 1] or uint8}, at least 20 x 20
    and not of one colour, else the middle of the book's photographs and of a gray one, and Set5 where it is
    at hand. ``resampling=False``: always MATLAB's, without a control for it. The saved page has every slip
    alone, and pairs. Chapters 1, 2."""
    if scale not in (2, 3, 4):
        raise ValueError(f"the lab measures at scale 2, 3 or 4, not {scale!r}")
    if pictures is not None and not pictures:
        raise ValueError("there is no picture to measure on; give {name: picture}")
    for name, picture in (pictures or {}).items():
        _check(name, picture)
    sets = {"yours": dict(pictures)} if pictures is not None else _sets()
    follows = "The number line follows all choices; the table follows the resampling."
    if not resampling:
        follows = "The number line follows the choices; the table is of the protocol's enlargements."

    @lru_cache(maxsize=32)
    def enlarged(name: str, factor: int, slips: Slips) -> dict[str, Pair]:
        return pairs(sets[name], factor, slips)

    @lru_cache(maxsize=1024)
    def measured(name: str, factor: int, slips: Slips) -> Score:
        # what is compared and how it is counted changes no pixel: enlarged once for all of them
        pixels = replace(PROTOCOL, down=slips.down, up=slips.up, round_sr=slips.round_sr)
        return judged(enlarged(name, factor, replace(pixels, gray_as_rgb=slips.gray_as_rgb)), factor, slips)

    def draw(
        compared: dict[str, Any],
        counting: dict[str, Any],
        pictures: str,
        scale: int,
        resampling: Mapping[str, Any] = MappingProxyType({}),
    ) -> Html:
        found = measured(pictures, scale, Slips(**resampling, **compared, **counting))
        right = measured(pictures, scale, PROTOCOL)
        if not (math.isfinite(found.psnr) and math.isfinite(right.psnr)):
            raise ValueError("one of these pictures is enlarged without an error; leave it out to compare")
        ssims = {what: measured(pictures, scale, Slips(**resampling, **slip)) for what, slip in SSIMS.items()}
        grays = [name for name, x in sets[pictures].items() if x.shape[0] == 1]
        note = _gray_note(grays) if "gray_as_rgb" in compared else ""
        line = _number_line(right.psnr, found.psnr)
        table = _table({what: one.ssim for what, one in ssims.items()}, right.ssim)
        sizes = {tuple(x.shape[-2:]) for x in sets[pictures].values()}
        size = f" of {' x '.join(map(str, sizes.pop()))} pixels" if len(sizes) == 1 else ""
        count = len(sets[pictures])
        many = f"{NUMBERS[count] if count < len(NUMBERS) else count} picture{'s' if count > 1 else ''}"
        caption = (
            f"{many}{size}, made x{scale} smaller as 8-bit colour files and enlarged again "
            f"by bicubic interpolation. {follows}"
        )
        words = escape(_sentence(right.psnr, found.psnr) + note)
        return framed(
            f'<p style="margin: 0.4rem 0; max-width: 46rem">{words}</p>{line}{table}',
            caption,
            group="the PSNR and the SSIM by the chosen recipe",
        )

    ways = {"resampling": choose("resampling", RESAMPLING, still=list(RESAMPLING)[:5])} if resampling else {}
    counts = list(COUNTING)[:4] if resampling else list(COUNTING)
    return Explorer(
        draw,
        {
            **ways,
            "compared": choose("compared", COMPARED),
            "counting": choose("counted", COUNTING, still=counts),
            "pictures": choose("pictures", list(sets), still=[next(iter(sets))]),
            "scale": choose("scale", {f"x{s}": s for s in (2, 3, 4)}, f"x{scale}", still=[f"x{scale}"]),
        },
        "metric lab: the same pictures, many PSNRs",
    )


def _check(name: str, x: Tensor) -> None:
    """One of the reader's pictures: can it be measured by every recipe, at every scale?"""
    if x.ndim != 3 or x.shape[0] not in (1, 3) or min(x.shape[-2:]) < SMALLEST:
        raise ValueError(
            f"{name} must be (3, H, W) or (1, H, W) with {SMALLEST} x {SMALLEST} pixels or more, "
            f"not {tuple(x.shape)}"
        )
    if x.dtype != torch.uint8 and not x.is_floating_point():
        raise ValueError(f"{name} must be float in [0, 1] or uint8, not {x.dtype}")
    check_range(x, name)
    levels = to_uint8(x)
    if torch.equal(levels, levels[:, :1, :1].expand_as(levels)):
        raise ValueError(f"{name} is of one colour, which has no error to measure; leave it out")


def _sets() -> dict[str, dict[str, Tensor]]:
    """The book's photographs with scikit-image's gray one, cropped; Set5 whole, where it is at hand."""
    import skimage

    gray = load(Path(skimage.__file__).parent / "data" / "camera.png")
    sets = {"photographs": {name: middle(x, SIDE) for name, x in (data.photos() | {"camera": gray}).items()}}
    try:
        folder = data.find("set5")
    except data.DataError:  # a folder that lacks some of its files
        folder = None
    return sets if folder is None else sets | {"Set5": data.load_folder(folder)}


def _gray_note(grays: list[str]) -> str:
    if not grays:
        return " No picture here is gray, so copying gray to RGB changes nothing."
    return f" Only the gray picture changes by the copying: {', '.join(grays)}."


def _sentence(right: float, found: float) -> str:
    """The difference in words, beside what a paper's method was ahead."""
    low, high = SRCNN_GAIN
    apart = _apart(found, right)
    gain = f"SRCNN's lead over A+ ({low:.2f} to {high:.2f} dB on Set5, as printed)"
    if found == right:
        return f"The protocol gives {right:.2f} dB. Choose a slip, and see where the number goes."
    if apart == 0:
        return f"{found:.2f} dB, as the protocol has it: this choice moves it by less than 0.01 dB."
    if abs(apart) < low:
        worth = f"less than {gain}"
    elif abs(apart) <= high:
        worth = f"as much as {gain}"
    else:
        worth = f"{abs(apart) / high:.1f} to {abs(apart) / low:.1f} times {gain}"
    return (
        f"{found:.2f} dB in place of {right:.2f} dB: {_signed(apart, 2)} dB for the same pictures, {worth}."
    )


def _apart(found: float, right: float, digits: int = 2) -> float:
    """The difference of two numbers as they are printed, so that it agrees with them."""
    return round(round(found, digits) - round(right, digits), digits)


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def _number_line(right: float, found: float) -> str:
    """PSNR from left to right: the protocol's value, SRCNN's lead drawn to scale, and the value found.
    Places are in percent, so that the words keep their size on a phone."""
    low, high = min(right - 2.1, found - 0.4), max(right + 1.1, found + 0.4)

    def at(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    def text(value: float, y: int, words: str, bold: bool = False) -> str:
        place = at(value)
        anchor = "start" if place < 35 else "end" if place > 65 else "middle"
        weight = ' font-weight="600"' if bold else ""
        return f'<text x="{place}%" y="{y}" text-anchor="{anchor}"{weight}>{escape(words)}</text>'

    def bar(a: float, b: float, y: int, height: int, fill: str, opacity: float = 1) -> str:
        left, width = at(min(a, b)), abs(at(a) - at(b))
        return (
            f'<rect x="{left}%" y="{y}" width="{width:.2f}%" height="{height}" fill="{fill}" '
            f'fill-opacity="{opacity:g}"/>'
        )

    ticks = "".join(
        f'<rect x="{at(tick)}%" y="76" width="1" height="5" fill="currentColor"/>'
        f'<text x="{at(tick)}%" y="94" text-anchor="middle" opacity="0.8">{tick}</text>'
        for tick in range(int(low) + 1, int(high) + 1)
        if 3 < at(tick) < 97
    )
    least, most = SRCNN_GAIN
    # the words beside the bar, on the side where a phone has more room for them
    place, aside, anchor = (at(right + most), 5, "start") if at(right) < 50 else (at(right), -5, "end")
    gain = "".join(
        f'<text x="{place}%" y="{y}" dx="{aside}" text-anchor="{anchor}">{words}</text>'
        for y, words in ((31, "SRCNN's lead over A+,"), (47, f"as printed: {least:.2f} to {most:.2f} dB"))
    )
    alt = (
        f"A number line of PSNR: the protocol's value {right:.2f} dB, and {found:.2f} dB measured by the "
        f"chosen recipe, {_apart(found, right):+.2f} dB away. Beside it, to scale: SRCNN's lead over A+, "
        f"{least:.2f} to {most:.2f} dB as printed."
    )
    so = f"measured so: {found:.2f} dB ({_signed(_apart(found, right), 2)})"
    return (
        f'<div role="img" aria-label="{escape(alt)}" style="max-width: 46rem">'
        '<svg aria-hidden="true" style="width: 100%; height: 122px" font-size="13" fill="currentColor">'
        f"{text(right, 13, f'protocol {right:.2f} dB')}"
        f'<rect x="{at(right)}%" y="20" width="1.5" height="56" fill="currentColor"/>'
        f"{bar(right, right + least, 30, 10, COLOURS[1])}"
        f"{bar(right + least, right + most, 30, 10, COLOURS[1], 0.45)}"
        f"{gain}{bar(right, found, 56, 14, COLOURS[0])}"
        '<rect x="0" y="75.5" width="100%" height="1" fill="currentColor" fill-opacity="0.5"/>'
        f"{ticks}{text(found, 116, so, bold=True)}"
        "</svg></div>"
    )


def _table(ssims: dict[str, float], right: float) -> str:
    rows = "".join(
        f'<tr><td>{escape(what)}</td><td class="number">{value:.4f}</td>'
        f'<td class="number">{_signed(_apart(value, right, 4), 4)}</td></tr>'
        for what, value in ssims.items()
    )
    head = "<tr><th>SSIM of the same pictures</th><th>value</th><th>against the protocol</th></tr>"
    table = f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"
    return f'<div class="scroll" style="margin-top: 0.5rem">{table}</div>'
