"""The book's networks, each in a file that reads from top to bottom.

Every model takes low-resolution pictures (N, C, H, W) in [0, 1] and returns super-resolved ones, unclipped.
It states ``channels`` (1: luma, 3: RGB), ``scale`` (or ``scales``) and ``pre_upsample`` (True: its input is
the picture already enlarged, and ``scale`` is None).
"""

from srlib.models.edsr import EDSR, MDSR
from srlib.models.espcn import ESPCN
from srlib.models.fsrcnn import FSRCNN
from srlib.models.interpolation import BackProjected, Interpolation, back_project
from srlib.models.sparse import CoupledDictionaries
from srlib.models.srcnn import SRCNN
from srlib.models.srresnet import Discriminator, SRResNet
from srlib.models.vdsr import VDSR
from srlib.models.wdsr import WDSR

__all__ = [
    "EDSR",
    "ESPCN",
    "FSRCNN",
    "MDSR",
    "SRCNN",
    "VDSR",
    "WDSR",
    "BackProjected",
    "CoupledDictionaries",
    "Discriminator",
    "Interpolation",
    "SRResNet",
    "back_project",
]
