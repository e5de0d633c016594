"""Where each public image set is fetched from, who made it and on what terms. The checksums of its files are
in ``registry/<name>.txt``; the repositories in these addresses serve the images but do not own them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

REGISTRY = Path(__file__).parent / "registry"

GITHUB = "https://raw.githubusercontent.com/"
DENOISING = GITHUB + "majedelhelou/denoising_datasets/58234876fef6f1b56306705c78dfd40cdb837b86/"
BSDS = GITHUB + "BIDS/BSDS500/a04b7c6c3a9f0ace74bf205c72a43d32e1c72722/BSDS500/data/images/"
DIV2K = "http://data.vision.ee.ethz.ch/cvl/DIV2K/"


@dataclass(frozen=True)
class Source:
    """One set: what it is called, where its files are, what it costs and whom to thank. ``archive`` names
    the images (without extension) inside the one zip file of a set that comes as such."""

    name: str  # what `fetch` calls it
    folders: tuple[str, ...]  # what SRLIB_DATA's folders may call it (in any capitals), the usual first
    home: str  # the address that its files lie below
    bytes: int  # to download; 0 where it is not known
    licence: str
    citation: str
    note: str = ""
    aliases: tuple[str, ...] = ()
    archive: tuple[str, ...] = ()
    unpacked_limit: int = 0  # bytes that an archive may hold at most
    stand_in: str = ""  # a file like this, in a folder of SRLIB_DATA, serves as well

    @property
    def title(self) -> str:
        """The set's name as papers write it."""
        return self.folders[0].split("/")[-1]


class Remote(NamedTuple):
    """One file to download: its checksum as ``algorithm:digits`` and its address."""

    checksum: str
    url: str

    @property
    def full_checksum(self) -> str | None:
        """The checksum, or None where only its beginning is known."""
        algorithm, _, digits = self.checksum.partition(":")
        return self.checksum if len(digits) == 2 * hashlib.new(algorithm).digest_size else None

    def is_file(self, path: Path) -> bool:
        """True if the checksum of the file at ``path`` is, or begins with, the known one."""
        algorithm, _, digits = self.checksum.partition(":")
        with path.open("rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest().startswith(digits)


def remote_files(source: Source, mirror: str = "") -> dict[str, Remote]:
    """The files to download for a set, by the name they get here, from the set's own home or from
    ``<mirror>/<set>/<name>``."""
    files = {}
    for line in (REGISTRY / f"{source.name}.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, checksum, *address = line.split()
            at_home = source.home + (address[0] if address else name)
            files[name] = Remote(checksum, f"{mirror}/{source.name}/{name}" if mirror else at_home)
    return files


def registry_digest(source: Source) -> str:
    """The sha256 of a set's registry file: it tells whether a finished download is the current one."""
    return hashlib.sha256((REGISTRY / f"{source.name}.txt").read_bytes()).hexdigest()


def stems(source: Source) -> list[str]:
    """The pictures of a set as paths below its folder, without extension: ``"baby"``, ``"train/100075"``.
    The same picture may be a PNG in one copy of a set and a JPEG in another."""
    return list(source.archive) or [name.rpartition(".")[0] for name in remote_files(source)]


_NONE_STATED = "none stated by its authors"
_BSDS_LICENCE = "non-commercial research and education only"
_BSDS_CITATION = (
    "Martin, Fowlkes, Tal, Malik: A Database of Human Segmented Natural Images, ICCV 2001; "
    "Arbelaez, Maire, Fowlkes, Malik: Contour Detection and Hierarchical Image Segmentation, TPAMI 2011"
)


def _div2k(part: str, first: int, last: int, scale: int, size: int, limit_gb: int) -> Source:
    """One of the DIV2K archives; ``scale`` is 1 for the HR pictures."""
    folder = f"DIV2K_{part}_HR" if scale == 1 else f"DIV2K_{part}_LR_bicubic/X{scale}"
    name = f"div2k-{part}" if scale == 1 else f"div2k-{part}-x{scale}"
    return Source(
        name=name,
        folders=(name, folder, f"DIV2K/{folder}"),
        home=DIV2K,
        bytes=size,
        licence="academic research only",
        citation="Agustsson, Timofte: NTIRE 2017 Challenge on Single Image Super-Resolution: "
        "Dataset and Study, CVPRW 2017",
        note="high resolution" if scale == 1 else f"MATLAB's bicubic LR pictures, 1/{scale} of the size",
        archive=tuple(f"{i:04d}" + ("" if scale == 1 else f"x{scale}") for i in range(first, last + 1)),
        unpacked_limit=limit_gb * 10**9,
    )


_ALL = [
    Source(
        name="set5",
        folders=("Set5",),
        home=GITHUB + "JingyunLiang/SwinIR/6545850fbf8df298df73d81f3e8cba638787c8bd/testsets/Set5/HR/",
        bytes=851_881,
        licence=_NONE_STATED,
        citation="Bevilacqua, Roumy, Guillemot, Alberi-Morel: Low-Complexity Single-Image "
        "Super-Resolution based on Nonnegative Neighbor Embedding, BMVC 2012",
    ),
    Source(
        name="set14",
        folders=("Set14",),
        home=DENOISING + "CSet14/",
        bytes=4_983_382,
        licence=_NONE_STATED,
        citation="Zeyde, Elad, Protter: On Single Image Scale-Up Using Sparse-Representations, "
        "Curves and Surfaces 2010",
        note="`bridge` has one channel",
    ),
    Source(
        name="b100",
        aliases=("bsd100", "bsds100"),
        folders=("B100", "BSD100", "BSDS100"),
        home=BSDS + "val/",
        bytes=7_696_027,
        licence=_BSDS_LICENCE,
        citation=_BSDS_CITATION,
        note="the val part of BSDS500, as JPEG files; other copies hold them decoded, as PNG files",
    ),
    Source(
        name="urban100",
        folders=("Urban100",),
        home=DENOISING + "CUrban100/",
        bytes=135_627_074,
        licence="photographs from Flickr, under their photographers' terms",
        citation="Huang, Singh, Ahuja: Single Image Super-Resolution from Transformed Self-Exemplars, "
        "CVPR 2015",
        note="the full-size HR pictures (copies named SRF_2 are half as large)",
    ),
    Source(
        name="t91",
        folders=("T91",),
        home=GITHUB + "tegg89/SRCNN-Tensorflow/78be1a24697935fc39a3a8cf59a6632264afade7/Train/",
        bytes=16_102_570,
        licence=_NONE_STATED,
        citation="Yang, Wright, Huang, Ma: Image Super-Resolution via Sparse Representation, TIP 2010",
        note="t36 and t65 are the same picture",
    ),
    Source(
        name="bsds500",
        folders=("BSDS500", "BSDS500/data/images", "BSR/BSDS500/data/images"),
        home=BSDS,
        bytes=36_991_351,
        licence=_BSDS_LICENCE,
        citation=_BSDS_CITATION,
        note="in folders train, val (which is B100) and test; train/302003 is Set5's `woman`",
    ),
    Source(
        name="bsds399",
        folders=("BSDS399",),
        home=BSDS,
        bytes=29_235_713,
        licence=_BSDS_LICENCE,
        citation=_BSDS_CITATION,
        note="for training: BSDS500 train and test without 302003, which is Set5's `woman`",
    ),
    Source(
        name="general100",
        folders=("General100",),
        home=GITHUB + "Nhat-Thanh/FSRCNN-Pytorch/9d7e83739a5cfdea67da084091bc78c3bcbddce1/dataset/train/",
        bytes=28_957_955,
        licence=_NONE_STATED,
        citation="Dong, Loy, Tang: Accelerating the Super-Resolution Convolutional Neural Network, ECCV 2016",
    ),
    _div2k("train", 1, 800, 1, size=3_530_603_713, limit_gb=5),
    _div2k("train", 1, 800, 2, size=925_390_592, limit_gb=2),
    _div2k("train", 1, 800, 3, size=0, limit_gb=2),
    _div2k("train", 1, 800, 4, size=0, limit_gb=2),
    _div2k("valid", 801, 900, 1, size=448_993_893, limit_gb=1),
    _div2k("valid", 801, 900, 2, size=117_763_600, limit_gb=1),
    _div2k("valid", 801, 900, 3, size=0, limit_gb=1),
    _div2k("valid", 801, 900, 4, size=0, limit_gb=1),
    Source(
        name="vgg19",
        folders=("VGG19",),
        home="https://download.pytorch.org/models/",
        bytes=574_673_361,
        licence="none stated for the weights; trained on ImageNet (non-commercial research and education)",
        citation="Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, "
        "ICLR 2015",
        note="torchvision's ImageNet weights; only the first eight hex digits of the checksum are known",
        stand_in="*.npz",
    ),
]

SOURCES = {source.name: source for source in _ALL}
