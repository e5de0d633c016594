"""The few things that come from outside: profile, device, where data lie. Read here and nowhere else."""

import os
import platform
from pathlib import Path
from typing import Literal, cast

import torch

Profile = Literal["quick", "full"]


def profile() -> Profile:
    """The run's size: ``"quick"`` (the default: two CPU cores, minutes) or ``"full"`` (a paper's recipe
    on a GPU), from the environment variable ``SRLIB_PROFILE``."""
    value = os.environ.get("SRLIB_PROFILE", "").strip().lower() or "quick"
    if value not in ("quick", "full"):
        raise ValueError(f"SRLIB_PROFILE is {value!r}; set it to 'quick' or 'full', or leave it unset")
    return cast(Profile, value)


def device() -> torch.device:
    """The fastest device this machine has: cuda (under ``torchrun`` each process its own, by
    ``LOCAL_RANK``), then mps (Apple), then cpu."""
    if torch.cuda.is_available():
        local = os.environ.get("LOCAL_RANK", "")
        return torch.device("cuda", int(local)) if local.isdigit() else torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def device_name(device: torch.device) -> str:
    """What a reader knows the device by: "NVIDIA H200", "AMD EPYC ..., 2 threads"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = lines[0].split(":")[1].strip() if lines else name
    threads = torch.get_num_threads()
    return f"{'Apple GPU' if device.type == 'mps' else name}, {threads} thread{'s' if threads > 1 else ''}"


def data_root() -> Path | None:
    """The folder of image sets that is already there, from ``SRLIB_DATA``, or None when it is unset."""
    value = os.environ.get("SRLIB_DATA", "").strip()
    return Path(value).expanduser() if value else None


def cache_root() -> Path:
    """The folder that downloads go to: ``SRLIB_CACHE``, or the system's cache folder for ``srlib``."""
    value = os.environ.get("SRLIB_CACHE", "").strip()
    if value:
        return Path(value).expanduser()
    import pooch

    return Path(pooch.os_cache("srlib"))


def mirror() -> str:
    """A base address that has the image sets as ``<mirror>/<set>/<file>``, asked instead of their homes (a
    classroom's own server, say), from ``SRLIB_MIRROR``; empty when it is unset."""
    return os.environ.get("SRLIB_MIRROR", "").strip().rstrip("/")


def building_book() -> bool:
    """True inside the kernels of ``make book``: pages are then static, so interactive parts leave
    pre-computed pictures instead of widgets. The book's Sphinx extension sets ``SRLIB_STATIC_BOOK``."""
    return os.environ.get("SRLIB_STATIC_BOOK", "") == "1"
