"""The opinion-score lab: the reader rates pictures blind and is held against the metrics (chapter 1)."""

import hashlib
import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from srlib.images import to_uint8
from srlib.metrics import gmsd, ms_ssim, psnr, ssim
from srlib.show._html import Html, asset, data_uri, packed

METRICS: dict[str, tuple[Callable[[Tensor, Tensor], float | Tensor], int, str, int]] = {
    "PSNR": (psnr, 2, " dB", 1),
    "SSIM": (ssim, 4, "", 1),
    "MS-SSIM": (ms_ssim, 4, "", 1),
    "GMSD": (gmsd, 4, "", -1),
}
"""What a picture is measured by: function, digits shown, unit, and whether more (1) or less (-1) is good."""


def opinion(
    versions: Mapping[str, Mapping[str, Tensor]],
    *,
    original: str = "HR",
    published: Mapping[str, Mapping[str, float]] | None = None,
    source: str = "SRGAN paper, 26 raters, x4",
    about: Mapping[str, str] | None = None,
    enlarge: int = 2,
) -> Html:
    """A test of opinion that runs in the page. ``versions[photo][method]`` are the pictures, (3, H, W) or
    (1, H, W), float in [0, 1] or uint8, all of one size; each photo has the same methods, ``original`` among
    them. The reader sees them one at a time in random order, without names, and rates each from 1 (bad) to 5
    (excellent). Then: each method's mean opinion score with its 95 % interval (Student's t), beside the
    ``published`` ones ({data set: {method: score}}, from ``source``), and Spearman's rank correlation of the
    reader's scores with PSNR, SSIM, GMSD and, from 176 x 176 pixels, MS-SSIM, on luma, of the 8-bit pictures
    that are shown. ``about``: {method: what the reader should know of it}, said with the result; for a
    network of the zoo its card's note. ``enlarge``: CSS pixels to a picture's pixel, nearest. Ratings stay in
    the reader's browser. Chapter 1."""
    _check(versions, original, enlarge, published or {})
    unknown = [name for name in about or {} if name not in next(iter(versions.values()))]
    if unknown:
        raise ValueError(f"about speaks of {', '.join(unknown)}, which is no method here; use the same names")
    methods = list(next(iter(versions.values())))
    height, width = versions[next(iter(versions))][original].shape[-2:]
    used = [name for name in METRICS if name != "MS-SSIM" or min(height, width) >= 176]
    pictures, shown = [], []
    for photo, group in versions.items():
        levels = {name: to_uint8(x.detach().cpu()) for name, x in group.items()}
        for name, x in levels.items():
            values = [float(METRICS[metric][0](x, levels[original])) for metric in used]
            pictures.append(
                {
                    "photo": photo,
                    "method": methods.index(name),
                    "same": torch.equal(x, levels[original]),
                    "values": [value if math.isfinite(value) else None for value in values],
                }
            )
            label = _entities(f"{photo}: {name}")
            shown.append(
                f'<figure><img src="{data_uri(x)}" alt="{label}"><figcaption>{label}</figcaption></figure>'
            )
    lab = {
        "methods": methods,
        "metrics": [
            dict(zip(("name", "digits", "unit", "sign"), (name, *METRICS[name][1:]), strict=True))
            for name in used
        ],
        "pictures": pictures,
        "published": {name: dict(scores) for name, scores in (published or {}).items()},
        "source": source,
        "about": dict(about or {}),
    }
    hidden = packed(lab)
    key = hashlib.sha256("".join([hidden, *shown]).encode()).hexdigest()[:10]
    return Html(
        f'<div class="srlib-opinion" role="group" aria-label="opinion-score lab" data-key="{key}" '
        f'data-lab="{hidden}" style="--side: {width}px; --enlarge: {enlarge}">'
        f"<style>{asset('srlib.show', 'opinion.css')}</style>"
        f"<p>{len(pictures)} pictures to rate blind, from 1 (bad) to 5 (excellent): {len(versions)} "
        f"photographs in {len(methods)} versions each, one of them the original. As in the SRGAN paper they "
        "come one at a time, in random order, without the original to compare with.</p>"
        '<div class="plain"><p>Rating needs scripts, and none run here: these are the pictures with their '
        f'names.</p><div class="grid">{"".join(shown)}</div></div>'
        f"<script>{asset('srlib.show', 'opinion.js')}</script></div>"
    )


def _check(
    versions: Mapping[str, Mapping[str, Tensor]],
    original: str,
    enlarge: int,
    published: Mapping[str, Mapping[str, float]],
) -> None:
    if not versions:
        raise ValueError("opinion needs at least one photo: {photo: {method: picture}}")
    methods = set(next(iter(versions.values())))
    if len(methods) < 2:
        raise ValueError("opinion needs the original and at least one more version of each photo")
    sizes: dict[tuple[int, ...], str] = {}
    for photo, group in versions.items():
        if original not in group:
            raise ValueError(f"{photo} has no version {original!r}; add it, or name the one with original=")
        if set(group) != methods:
            odd = ", ".join(sorted(methods ^ set(group)))
            raise ValueError(f"every photo needs the same methods; {photo} differs in {odd}")
        for name, x in group.items():
            sizes.setdefault(tuple(x.shape), f"{photo}, {name}")
            if x.is_floating_point() and not bool(x.isfinite().all()):
                raise ValueError(f"{photo}, {name} holds NaN or infinite values; find where they came from")
    if len(sizes) > 1:
        which = "; ".join(f"{who}: {size}" for size, who in sizes.items())
        raise ValueError(f"the pictures must be of one size, or it tells them apart: {which}")
    if enlarge < 1 or enlarge != int(enlarge):
        raise ValueError(f"enlarge must be a whole number from 1 up (no pixel is smoothed), not {enlarge}")

    for name, scores in published.items():
        wrong = [f"{method} {score}" for method, score in scores.items() if not 1 <= score <= 5]
        if wrong:
            raise ValueError(f"published scores go from 1 to 5; {name} has {', '.join(wrong)}")


def _entities(text: str) -> str:
    """Text as HTML in which every character is a number: a browser shows it, the source does not tell."""
    return "".join(f"&#{ord(character)};" for character in text)
