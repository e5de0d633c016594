"""What several tests share: where the public image sets are, and what to do where they are not."""

import os
from pathlib import Path
from typing import NoReturn

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # on a busy machine torch's idle threads must not spin

import pytest
import torch

from srlib import settings


def absent(what: str) -> NoReturn:
    """Skip with a reason; on a machine that promises the data (``SRLIB_REQUIRE_DATA=1``) fail instead."""
    message = f"{what} is not here; set SRLIB_DATA to a folder that has it"
    if os.environ.get("SRLIB_REQUIRE_DATA") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
def data_root() -> Path:
    root = settings.data_root()
    if root is None or not root.is_dir():
        absent("SRLIB_DATA")
    return root


@pytest.fixture
def matlab(data_root: Path) -> Path:
    """The folder of MATLAB's own results."""
    folder = data_root / "matlab"
    if not folder.is_dir():
        absent("matlab/")
    return folder


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
