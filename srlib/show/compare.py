"""The before/after slider, as one piece of HTML (chapter 0 on)."""

import warnings
from collections.abc import Sequence

from torch import Tensor

from srlib.show._html import Html, asset, data_uri, escape

HEAVY = 4 * 2**20
"""Bytes of a slider above which ``compare`` warns: a page of them would be slow on a phone."""


def compare(
    before: Tensor,
    after: Tensor,
    *more: Tensor,
    labels: Sequence[str] | None = None,
    reference: int | None = None,
    crop: int = 0,
    caption: str = "",
) -> Html:
    """A slider between pictures of one size: drag, click, touch or arrow keys move the divider; wheel, pinch,
    buttons or + and - zoom in, both sides together, and every pixel stays a square; "large" fills the column.
    Below it the PSNR (dB on luma) of what is visible: between the two sides, or of each against picture
    number ``reference``; ``crop`` pixels at the pictures' border do not count, as in ``psnr``. The error map
    shows luma errors times 4. With more than two pictures the reader chooses. Works in the saved page without
    a kernel or a network. Pictures: (3, H, W) or (1, H, W), float in [0, 1] or uint8. Chapter 0."""
    pictures = [before, after, *more]
    names = (
        list(labels)
        if labels is not None
        else ["before", "after", *(f"picture {i + 3}" for i in range(len(more)))]
    )
    if len(names) != len(pictures):
        raise ValueError(f"{len(pictures)} pictures need {len(pictures)} labels, not {len(names)}")
    sizes = {tuple(x.shape[-2:]) for x in pictures}
    if len(sizes) > 1:
        which = ", ".join(
            f"{name} {x.shape[-2]} x {x.shape[-1]}" for name, x in zip(names, pictures, strict=True)
        )
        raise ValueError(f"a slider needs pictures of one size: {which} (rows x columns)")
    if reference is not None and not 0 <= reference < len(pictures):
        raise ValueError(
            f"reference must be the number of a picture, 0 to {len(pictures) - 1}, not {reference}"
        )
    if not 0 <= 2 * crop < min(before.shape[-2:]):
        raise ValueError(f"crop {crop} leaves nothing of {before.shape[-2]} x {before.shape[-1]} pixels")
    shown = "".join(
        f'<figure><img src="{data_uri(x)}" alt="{escape(name)}" data-label="{escape(name)}">'
        f"<figcaption>{escape(name)}</figcaption></figure>"
        for name, x in zip(names, pictures, strict=True)
    )
    element = Html(
        f'<div class="srlib-compare" role="group" aria-label="{escape("comparison: " + ", ".join(names))}" '
        f'data-reference="{"" if reference is None else reference}" data-crop="{crop}">'
        f"<style>{asset('srlib.show', 'compare.css')}</style>"
        f'<div class="pictures">{shown}</div>'
        f'{f"""<p class="caption">{escape(caption)}</p>""" if caption else ""}'
        f"<script>{asset('srlib.show', 'compare.js')}</script></div>"
    )
    if len(element) > HEAVY:
        warnings.warn(
            f"this slider is {len(element) / 2**20:.1f} MB in the page; crop to 512 x 512 or less",
            stacklevel=2,
        )
    return element
