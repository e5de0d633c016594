"""Twenty later networks for super-resolution and how they are built: what came beside and after this book's
(chapter 12). The columns are those by which a survey sorts such networks (Wang, Chen and Hoi,
arXiv:1902.06068); the words are ours, from the papers that ``link`` leads to."""

from dataclasses import dataclass

SURVEY = "https://arxiv.org/abs/1902.06068"


@dataclass(frozen=True)
class Later:
    """A network: name, year of the first public version, where it enlarges (``framework``: "before", "after",
    "in steps", "up and down"), by what (``upsampling``), whether layers are used again (``recursive``), skips
    are added (``residual``), all earlier features are handed on (``dense``), features are weighted by what is
    in them (``attention``), its ``loss``, the ``idea`` in a few words, and a ``link`` to the paper."""

    name: str
    year: int
    framework: str
    upsampling: str
    recursive: bool
    residual: bool
    dense: bool
    attention: bool
    loss: str
    idea: str
    link: str


def _arxiv(number: str) -> str:
    return f"https://arxiv.org/abs/{number}"


def _doi(number: str) -> str:
    return f"https://doi.org/{number}"


_, X = False, True
LATER = (
    Later("DRCN", 2015, "before", "bicubic", X, X, _, _, "L2",
          "one layer used sixteen times, an answer after each", _arxiv("1511.04491")),
    Later("EnhanceNet", 2016, "after", "resize-convolution", _, X, _, _, "features, critic, texture",
          "a loss that compares textures", _arxiv("1612.07919")),
    Later("LapSRN", 2017, "in steps", "transposed convolution", _, X, _, _, "Charbonnier",
          "a pyramid: x2, then x2, each with its own loss", _arxiv("1704.03915")),
    Later("DRRN", 2017, "before", "bicubic", X, X, _, _, "L2",
          "residual blocks that share their weights", _doi("10.1109/CVPR.2017.298")),
    Later("MemNet", 2017, "before", "bicubic", X, X, X, _, "L2",
          "blocks that choose what to remember", _arxiv("1708.02209")),
    Later("SRDenseNet", 2017, "after", "transposed convolution", _, _, X, _, "L2",
          "each layer sees all earlier ones", _doi("10.1109/ICCV.2017.514")),
    Later("RDN", 2018, "after", "shuffle", _, X, X, _, "L1",
          "dense blocks with a skip around each", _arxiv("1802.08797")),
    Later("DBPN", 2018, "up and down", "transposed convolution", _, X, X, _, "L2",
          "back-projection (chapter 2), learned and repeated", _arxiv("1803.02735")),
    Later("CARN", 2018, "after", "shuffle", _, X, X, _, "L1",
          "cascades of blocks; the one for phones reuses them", _arxiv("1803.08664")),
    Later("DSRN", 2018, "up and down", "transposed convolution", X, X, _, _, "L2",
          "two states, small and large, that talk", _arxiv("1805.02704")),
    Later("RCAN", 2018, "after", "shuffle", _, X, _, X, "L1",
          "channel attention; 400 layers", _arxiv("1807.02758")),
    Later("ESRGAN", 2018, "after", "resize-convolution", _, X, X, _, "L1, features, critic",
          "SRGAN without batch norm, a critic that compares", _arxiv("1809.00219")),
    Later("MSRN", 2018, "after", "shuffle", _, X, _, _, "L1",
          "filters of 3 and 5 side by side", _doi("10.1007/978-3-030-01237-3_32")),
    Later("Meta-SR", 2019, "after", "filters made for the scale", _, X, X, _, "L1",
          "one network for every scale, 2.37 included", _arxiv("1903.00875")),
    Later("SRFBN", 2019, "up and down", "transposed convolution", X, X, X, _, "L1",
          "its answer is fed back as a question", _arxiv("1903.09814")),
    Later("RNAN", 2019, "after", "shuffle", _, X, _, X, "L2 (code: L1)",
          "attention to far-away places", _arxiv("1903.10082")),
    Later("SAN", 2019, "after", "shuffle", _, X, _, X, "L1",
          "attention by how channels vary together", _doi("10.1109/CVPR.2019.01132")),
    Later("IMDN", 2019, "after", "shuffle", _, X, _, X, "L1",
          "part of the features is kept, part goes on", _arxiv("1909.11856")),
    Later("SR3", 2021, "before", "bicubic", X, X, _, X, "noise to be guessed",
          "diffusion: noise becomes a picture in many steps", _arxiv("2104.07636")),
    Later("SwinIR", 2021, "after", "shuffle", _, X, _, X, "L1",
          "a transformer: attention in shifting windows", _arxiv("2108.10257")),
)  # fmt: skip
"""In the order of the years."""

OURS = (
    ("SRCNN", 2014), ("VDSR", 2015), ("FSRCNN", 2016), ("ESPCN", 2016), ("SRGAN", 2016), ("EDSR, MDSR", 2017),
    ("WDSR", 2018),
)  # fmt: skip
"""This book's networks by the year of their first public version; SRResNet is SRGAN's."""
