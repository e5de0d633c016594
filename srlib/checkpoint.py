"""A training's state on disk: written whole or not at all, read back without running anything."""

import io
from pathlib import Path
from typing import Any

import torch

from srlib.files import whole_or_nothing

FORMAT = 1


class CheckpointError(OSError):
    """A checkpoint cannot be used; the message says why and what to do."""


def write(state: dict[str, Any], path: Path) -> None:
    """Write ``state`` (tensors, numbers, text, and dicts and lists of them) to ``path``, atomically."""
    memory = io.BytesIO()
    torch.save({"format": FORMAT, **state}, memory)
    with whole_or_nothing(path, CheckpointError) as file:
        file.write(memory.getbuffer())


def read(path: Path) -> dict[str, Any]:
    """What ``write`` wrote, on the CPU. Nothing in the file is executed (``weights_only=True``)."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as fault:  # damaged zip files raise many kinds
        why = str(fault).splitlines()[0][:80] if str(fault) else type(fault).__name__
        raise CheckpointError(
            f"{path}: damaged, or not a checkpoint ({why}); delete it to start again"
        ) from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise CheckpointError(
            f"{path}: not a checkpoint of this version of srlib; delete it or use another folder"
        )
    return state
