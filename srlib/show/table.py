"""The comparison table, one or more rows longer in every chapter (chapters 2 to 12)."""

from collections.abc import Mapping

from torch import nn

from srlib import comparison
from srlib.show._html import Html, escape
from srlib.show._look import framed

TOLERANCE = 0.02
"""dB by which a row measured now may differ from the recorded one."""


def table(chapter: int, mine: Mapping[str, nn.Module] | None = None, *, scale: int = 3) -> Html:
    """The methods up to ``chapter`` on the middles of the book's photographs: PSNR (dB on luma) and SSIM,
    which a phone shows without scrolling, parameters, and multiply-adds for 1280 x 720 pixels. The rows of
    ``mine`` ({method: model}) are measured now, which is said, and must agree with the recorded ones; the
    others were measured by ``srlib comparison``."""
    rows = {entry.method: entry for entry in comparison.recorded(scale) if entry.chapter <= chapter}
    for method, model in (mine or {}).items():
        if method not in comparison.METHODS:
            raise ValueError(f"the table has no method {method!r}; it has {', '.join(comparison.METHODS)}")
        now = comparison.measure(method, scale, model)
        before = rows.get(method)
        if before is not None and abs(now.psnr - before.psnr) > TOLERANCE:
            raise ValueError(
                f"{method} gives {now.psnr:.2f} dB now and {before.psnr:.2f} dB in the record; if the new "
                "number is right, run `srlib comparison`"
            )
        rows[method] = now
    body = "".join(
        f"<tr><th scope='row'>{escape(name)}{' *' if mine and name in mine else ''}</th>"
        f"<td class='number'>{row.psnr:.2f}</td><td class='number'>{row.ssim:.4f}</td>"
        f"<td class='number'>{f'{row.parameters:,}' if row.parameters else '-'}</td>"
        f"<td class='number'>{f'{row.multiply_adds / 1e9:.1f}' if row.multiply_adds else '-'}</td>"
        f"<td class='number'>{row.chapter}</td></tr>"
        for name, row in rows.items()
    )
    heads = ("method", "PSNR, dB", "SSIM", "parameters", "multiply-adds, billions", "chapter")
    head = "".join(f"<th scope='col'>{word}</th>" for word in heads)
    how = "luma networks from exact luma, colour networks from 8-bit files"
    if max(row.chapter for row in rows.values()) < 4:  # there is no network yet
        how = "PSNR and SSIM from exact luma"
    said = (
        f"x{scale}, the middles ({comparison.SIDE} x {comparison.SIDE}) of the book's photographs; {how}."
        f"{' * measured just now; the others were recorded.' if mine else ''}"
    )
    inner = (
        '<div class="scroll" tabindex="0" role="region" aria-label="comparison of methods">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
    return framed(inner, said)
