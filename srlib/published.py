"""What the papers report, to stand beside our own results (chapter 12).

PSNR in dB on luma, ``scale`` pixels cut off each side, mean over the pictures; x2, x3, x4 as printed, None
where nothing was.

Sources: the EDSR paper's table 3 (arXiv:1707.02921) for bicubic, A+, SRCNN, VDSR, SRResNet, EDSR, MDSR; the
CARN paper's table (arXiv:1803.08664) for FSRCNN; the SRCNN paper (arXiv:1501.00092) for SRCNN 9-1-5, quoted
second-hand; the ESPCN paper (arXiv:1609.05158), whose small pictures were blurred first, so its rows compare
only roughly; the SRGAN paper (arXiv:1609.04802); the
IMDN paper (arXiv:1909.11856) and measurements of the official weights for the EDSR baseline; the README of a
WDSR re-implementation (ychfan/wdsr) for WDSR. VDSR, SRResNet and the later networks were trained on more or
larger pictures than ours; each card says what ours saw.
"""

_Row = tuple[float | None, float | None, float | None]

PSNR: dict[str, dict[str, _Row]] = {
    "bicubic": {"set5": (33.66, 30.39, 28.42), "set14": (30.24, 27.55, 26.00), "b100": (29.56, 27.21, 25.96)},
    "a+": {"set5": (36.54, 32.58, 30.28), "set14": (32.28, 29.13, 27.32), "b100": (31.21, 28.29, 26.82)},
    "srcnn-915": {"set5": (None, 32.39, None)},
    "srcnn-955": {
        "set5": (36.66, 32.75, 30.48),
        "set14": (32.42, 29.28, 27.49),
        "b100": (31.36, 28.41, 26.90),
    },
    "fsrcnn": {"set5": (37.00, 33.16, 30.71), "set14": (32.63, 29.43, 27.59), "b100": (31.53, 28.53, 26.98)},
    "espcn": {"set5": (None, 33.13, 30.90), "set14": (None, 29.49, 27.73)},
    "vdsr": {"set5": (37.53, 33.66, 31.35), "set14": (33.03, 29.77, 28.01), "b100": (31.90, 28.82, 27.29)},
    "srresnet": {"set5": (None, None, 32.05), "set14": (None, None, 28.53), "b100": (None, None, 27.57)},
    "srgan": {"set5": (None, None, 29.40), "set14": (None, None, 26.02), "b100": (None, None, 25.16)},
    "edsr-baseline": {
        "set5": (37.99, 34.37, 32.09),
        "set14": (33.57, 30.28, 28.58),
        "b100": (32.16, 29.08, 27.57),
    },
    "edsr": {"set5": (38.11, 34.65, 32.46), "set14": (33.92, 30.52, 28.80), "b100": (32.32, 29.25, 27.71)},
    "mdsr": {"set5": (38.11, 34.66, 32.50), "set14": (33.85, 30.44, 28.72), "b100": (32.29, 29.25, 27.72)},
    "wdsr-a-16": {"set5": (38.08, 34.45, 32.22), "b100": (32.23, 29.14, 27.61)},
}
SCALES = (2, 3, 4)

BUTTERFLY = {"bicubic": 24.04, "sparse coding": 25.58}
"""PSNR in dB of Set5's butterfly at x3, as printed below a figure of the SRCNN paper (arXiv:1501.00092);
sparse coding is that of Yang et al. 2010."""

MOS: dict[str, dict[str, float]] = {
    "Set5": {"nearest": 1.28, "bicubic": 1.97, "SRCNN": 2.57, "SelfExSR": 2.65, "DRCN": 3.26, "ESPCN": 2.89}
    | {"SRResNet": 3.37, "SRGAN": 3.58, "HR": 4.32},
    "Set14": {"nearest": 1.20, "bicubic": 1.80, "SRCNN": 2.26, "SelfExSR": 2.34, "DRCN": 2.84, "ESPCN": 2.52}
    | {"SRResNet": 2.98, "SRGAN": 3.72, "HR": 4.32},
    "BSD100": {"nearest": 1.11, "bicubic": 1.47, "SRCNN": 1.87, "SelfExSR": 1.89, "DRCN": 2.12, "ESPCN": 2.01}
    | {"SRResNet": 2.29, "SRGAN": 3.56, "HR": 4.46},
}
"""Mean opinion scores at x4 of the SRGAN paper (arXiv:1609.04802, table 2): 26 raters, 1 bad, 5 excellent."""

RATED: dict[str, dict[str, float]] = {
    "Set5": {"nearest": 26.26, "bicubic": 28.43, "SRCNN": 30.07, "SelfExSR": 30.33, "DRCN": 31.52}
    | {"ESPCN": 30.76, "SRResNet": 32.05, "SRGAN": 29.40},
    "Set14": {"nearest": 24.64, "bicubic": 25.99, "SRCNN": 27.18, "SelfExSR": 27.45, "DRCN": 28.02}
    | {"ESPCN": 27.66, "SRResNet": 28.49, "SRGAN": 26.02},
    "BSD100": {"nearest": 25.02, "bicubic": 25.94, "SRCNN": 26.68, "SelfExSR": 26.83, "DRCN": 27.21}
    | {"ESPCN": 27.02, "SRResNet": 27.58, "SRGAN": 25.16},
}
"""PSNR in dB, from the same table, of the very pictures that got those opinions; for other trainings of the
same networks see ``PSNR``."""


WDSR_BLOCKS: dict[str, dict[int, float]] = {
    "EDSR": {1: 33.210, 3: 34.043, 5: 34.284, 8: 34.457},
    "WDSR-A": {1: 33.323, 3: 34.163, 5: 34.388, 8: 34.541},
    "WDSR-B": {1: 33.434, 3: 34.205, 5: 34.409, 8: 34.536},
}
"""PSNR in dB (RGB) at x2 on DIV2K's validation pictures by the number of blocks, from the WDSR report
(arXiv:1808.08718)."""

WDSR_SLIDES: dict[str, dict[int, tuple[float, int]]] = {
    "EDSR": {1: (27.5, 409_731), 3: (27.8, 557_443), 5: (27.9, 705_155), 8: (27.9, 926_723)},
    "WDSR-A": {1: (27.8, 92_304), 3: (28.1, 240_080), 5: (28.2, 387_856), 8: (28.2, 609_520)},
    "WDSR-B": {1: (27.7, 36_809), 3: (28.0, 73_595), 5: (28.1, 110_381), 8: (28.2, 165_560)},
}
"""(PSNR in dB, parameters) at x4 on DIV2K's validation pictures, from the slides of a course that trained the
same networks again."""

MONARCH: dict[str, tuple[float, str]] = {
    "EDSR": (27.80, "nothing: trained on bicubic shrinking"),
    "ZSSR": (30.45, "told; trained on this one picture"),
    "IRCNN": (34.63, "told"),
    "SRMD": (37.71, "told; trained on many blurs"),
}
"""(PSNR in dB, what the method knows of the blur) on Set14's monarch at x2, blurred by a Gaussian before it
was shrunk: a published comparison, quoted second-hand. The methods: arXiv:1707.02921, 1712.06087, 1704.03264,
1712.06116; that each but EDSR is told the blur is how its own paper describes it."""


def published(name: str, dataset: str, scale: int) -> float | None:
    """The PSNR that the paper reports for network ``name`` on "set5", "set14" or "b100"; None if it reports
    none."""
    row = PSNR.get(name, {}).get(dataset)
    return row[SCALES.index(scale)] if row and scale in SCALES else None
