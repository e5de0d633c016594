"""A chapter's first line: how long it may take, and how long it took where the page was made."""

import os
import platform
import sys
import time
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F

from srlib import settings
from srlib.files import write_json
from srlib.show._html import Html, escape

SECONDS = {
    "00_start_here": 60,
    "01_measuring": 60,
    "02_interpolation": 60,
    "03_sparse_coding": 140,
    "04_srcnn": 110,
    "05_fsrcnn_espcn": 110,
    "06_vdsr": 140,
    "07_srresnet": 110,
    "08_srgan": 140,
    "09_edsr": 110,
    "10_mdsr": 110,
    "11_wdsr": 110,
    "12_scoreboard": 60,
    "13_real_photos": 110,
    "90_gallery": 60,
    "99_skeleton": 60,
}
"""What a chapter may take on two CPU cores, quick profile, network off, where a piece of work (`pace`) takes
``PACE`` milliseconds at the most; on a slower machine as many times more."""
PACE = 25.0


def header(name: str) -> Html:
    """The line below a chapter's title, in its first code cell. In the book the build fills in the time, the
    memory and the machine of the run that made the page, and complains when the time is over what the
    chapter may take. ``name``: the notebook's, without its suffix."""
    if name not in SECONDS:
        raise ValueError(f"there is no chapter {name!r}; there are {', '.join(SECONDS)}")
    device = escape(settings.device_name(settings.device()))
    if not settings.building_book():
        return Html(
            f"<p>Profile {settings.profile()}, {device}. In the quick profile this notebook should take less "
            f"than {SECONDS[name]} seconds on two processor cores, with the network off.</p>"
        )
    facts = os.environ.get("SRLIB_BUILD_FACTS", "")
    if facts:
        _record(name, Path(facts), device)
    told = (
        f'Profile {settings.profile()}: this page was made in <span data-srlib-fact="time">a time not '
        f'measured</span>, with <span data-srlib-fact="memory">memory not measured</span>, on {device}.'
    )
    if settings.profile() == "quick":
        told += (
            f" On another laptop allow it up to {SECONDS[name]} seconds. The full profile wants a GPU; it "
            "was not run for this page."
        )
    return Html(f'<p class="srlib-header">{told}</p>')


def pace() -> float:
    """How many milliseconds this machine needs, just now, for the same piece of training: the median of nine
    steps of four convolutions. The global random numbers stay as they are."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(8, 32, 48, 48, generator=generator)
    weights = [(torch.randn(32, 32, 3, 3, generator=generator) / 17).requires_grad_() for _ in range(4)]
    took = []
    for _ in range(11):
        start, y = time.perf_counter(), x
        for weight in weights:
            y = F.relu(F.conv2d(y, weight, padding=1))
        torch.autograd.grad(y.square().mean(), weights)
        took.append(time.perf_counter() - start)
    return 1000 * median(took[2:])  # the first two allocate


def _record(name: str, folder: Path, device: str) -> None:
    """From now on, after each cell: write down how long the notebook has run and what memory it took."""
    from IPython import get_ipython

    shell, start = get_ipython(), time.monotonic()
    if shell is None:
        return
    speed = pace()
    folder.mkdir(parents=True, exist_ok=True)

    def write(*_: object) -> None:
        record = {
            "seconds": round(time.monotonic() - start, 1),
            "may_take": SECONDS[name] if settings.profile() == "quick" else None,
            "pace": round(speed, 1),
            "slower": round(max(1.0, speed / PACE), 2),
            "gigabytes": _most_memory(),
            "profile": settings.profile(),
            "device": device,
        }
        write_json(folder / f"{name}.json", record)

    shell.events.register("post_run_cell", write)


def _most_memory() -> float | None:
    """The most memory that this process has had, in GB; None where the system does not say (Windows)."""
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (2**30 if platform.system() == "Darwin" else 2**20), 2)
