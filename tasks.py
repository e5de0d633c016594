"""The project's tasks: ``python tasks.py TASK`` (Linux and macOS: ``make TASK``).

Standard library only: it makes ``.venv``, installs the pinned versions of ``constraints.txt`` into it
and runs the rest there. A second run installs nothing.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import webbrowser
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed.json"
HTML = ROOT / "_build" / "html"
OLDEST, NEWEST = (3, 11), (3, 13)
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


class TaskError(Exception):
    """A fault the user can mend; its message is one line that says how."""


def main(arguments: list[str]) -> int:
    """Run the named task; without a name, list them."""
    for setting in [argument for argument in arguments if re.fullmatch(r"[A-Z]+=.*", argument)]:
        key, _, value = setting.partition("=")  # as with make: python tasks.py test SLOW=1
        os.environ[key] = value
        arguments = [argument for argument in arguments if argument != setting]
    name = arguments[0] if arguments and arguments[0] not in ("-h", "--help") else "help"
    if name not in TASKS:
        print(f"there is no task {name!r}; the tasks are: {', '.join(TASKS)}", file=sys.stderr)
        return 2
    try:
        if arguments[1:] and name not in ("test", "lab", "bench", "zoo"):
            raise TaskError(f"takes no arguments, but was given {' '.join(arguments[1:])}")
        return TASKS[name](arguments[1:]) or 0
    except TaskError as fault:
        print(f"tasks.py {name}: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


# --- the environment ------------------------------------------------------------------------------


def venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def pick_python() -> str:
    """This Python if the project supports it, else the newest supported one on the path."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.run([found, "--version"], capture_output=True).returncode == 0:
            return found
    here = ".".join(map(str, sys.version_info[:2]))
    raise TaskError(
        f"needs Python 3.{OLDEST[1]} to 3.{NEWEST[1]}, this is {here}; install one, or say PYTHON=..."
    )


def fingerprint() -> str:
    """A hash of all that decides what is installed."""
    parts = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256(b"\0".join([*parts, str(ROOT).encode()])).hexdigest()


def has_nvidia() -> bool:
    """Whether an NVIDIA driver is here: without one, torch's CUDA build is gigabytes for nothing."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def pinned(package: str) -> str:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line.startswith(f"{package}=="):
            return line.split(";")[0].split("#")[0].strip()
    raise TaskError(f"constraints.txt does not pin {package}")


def installed() -> dict:
    """What the last install left on record; empty if there was none or it was cut off."""
    try:
        return json.loads(STAMP.read_text())
    except (FileNotFoundError, ValueError):
        return {}


def ensure(*extras: str) -> None:
    """Make ``.venv`` hold the project with these extras. Does nothing when it already does."""
    wanted = set(extras)
    if VENV.is_symlink():
        raise TaskError(f"{VENV} is a link to another project's environment; remove the link first")
    stamp = installed()
    if stamp and venv_python().exists():
        if stamp["fingerprint"] == fingerprint() and wanted <= set(stamp["extras"]):
            return
        wanted |= set(stamp["extras"])
    if not venv_python().exists():
        print("making .venv ...", flush=True)
        if VENV.exists():
            shutil.rmtree(VENV)
        made = subprocess.run([pick_python(), "-m", "venv", str(VENV)], capture_output=True, text=True)
        if made.returncode:
            shutil.rmtree(VENV, ignore_errors=True)
            last = (made.stdout + made.stderr).strip().splitlines()[-1:]
            raise TaskError(f"python -m venv failed ({' '.join(last)}); on Debian: apt install python3-venv")
    STAMP.unlink(missing_ok=True)
    install_torch()
    names = ",".join(sorted(wanted))
    print(f"installing the project with {names} ...", flush=True)
    pip("install", "-q", "-c", "constraints.txt", "-e", f".[{names}]" if names else ".")
    STAMP.write_text(json.dumps({"fingerprint": fingerprint(), "extras": sorted(wanted)}))


def install_torch() -> None:
    """On Linux without an NVIDIA GPU take torch's CPU build: a local wheel if pip knows one, else
    PyTorch's own CPU index. Elsewhere (and if neither answers) the ordinary install decides."""
    if sys.platform != "linux" or has_nvidia():
        return
    version = pinned("torch")
    probe = [str(venv_python()), "-c", "import torch; print(torch.__version__.split('+')[0])"]
    have = subprocess.run(probe, capture_output=True, text=True).stdout.strip()
    if have and version == f"torch=={have}":
        return
    print(f"no NVIDIA GPU: looking for the CPU build of {version} ...", flush=True)
    quiet = {"check": False, "quiet": True}
    if pip("install", "-q", "--no-deps", "--no-index", version, **quiet) == 0:
        return
    source = ["--index-url", TORCH_CPU_INDEX, "--retries", "1", "--timeout", "15"]
    if pip("install", "-q", "--no-deps", *source, version, **quiet) == 0:
        return
    print("found no CPU build; the ordinary one follows (a download of several GB)", flush=True)


def pip(*arguments: str, check: bool = True, quiet: bool = False) -> int:
    sink = subprocess.DEVNULL if quiet else None
    command = [str(venv_python()), "-m", "pip", "--disable-pip-version-check", *arguments]
    code = subprocess.run(command, cwd=ROOT, stdout=sink, stderr=sink).returncode
    if code and check:
        raise TaskError("pip could not install the packages (its message is above); is the network there?")
    return code


def loopback_up() -> None:
    """With the network cut off (``unshare --net``) even 127.0.0.1 is down, and Jupyter talks to its kernels
    there. Who may cut it off may also bring that one address up; for others nothing changes."""
    if sys.platform != "linux":
        return
    import fcntl
    import socket
    import struct

    get_flags, set_flags, up = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker, contextlib.suppress(OSError):
        answer = fcntl.ioctl(asker, get_flags, struct.pack("16sh14x", b"lo", 0))
        (flags,) = struct.unpack("16xh14x", answer)
        if not flags & up:
            fcntl.ioctl(asker, set_flags, struct.pack("16sh14x", b"lo", flags | up))


def run(*command: str, **environment: str) -> int:
    """Run a Python command of the environment in the project's folder."""
    return subprocess.run(
        [str(venv_python()), *command], cwd=ROOT, env={**os.environ, **environment}
    ).returncode


# --- the tasks ------------------------------------------------------------------------------------


def task_help(_: list[str]) -> int:
    """list these tasks"""
    for name, task in TASKS.items():
        print(f"{name:8}{(task.__doc__ or '').splitlines()[0]}")
    return 0


def task_env(_: list[str]) -> int:
    """make .venv with everything in it"""
    ensure("book", "dev")
    print(f"ready: {venv_python().relative_to(ROOT)}")
    return 0


def task_book(_: list[str]) -> int:
    """build the HTML book into _build/html"""
    ensure("book")
    loopback_up()
    code = run(
        *("-c", "from jupyter_book.cli.main import main; main()"),
        *("build", ".", "--toc", "book/_toc.yml", "-W", "-n", "--keep-going", "--all"),
    )
    if code == 0:
        print(f"the book: {(HTML / 'index.html').as_uri()}")
    return code


def task_test(arguments: list[str]) -> int:
    """run the tests (SLOW=1: the slow ones too, with coverage)"""
    ensure("book", "dev")
    slow = os.environ.get("SLOW", "") not in ("", "0")
    if arguments:  # a file, a name: what was asked for, one after the other
        return run("-m", "pytest", *(["-m", ""] if slow else []), *arguments)
    # as many files at once as there are cores, each with one thread; then those that need the machine alone
    together = ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadfile", "--durations=15"]
    which = "" if slow else "not slow and "
    measure = ["--cov", "--cov-report="] if slow else []
    report = ["--cov", "--cov-append", "--cov-report=term"] if slow else []
    first = run("-m", "pytest", "-m", f"{which}not alone", *together, *measure, OMP_NUM_THREADS="1")
    return max(first, run("-m", "pytest", "-m", f"{which}alone", *report))


def task_lint(_: list[str]) -> int:
    """ruff (lint and format) on everything, notebooks free of outputs"""
    ensure("book", "dev")
    codes = [run("-m", "ruff", "check", "."), run("-m", "ruff", "format", "--check", ".")]
    notebooks = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("notebooks/*.ipynb"))
    strip = ("-m", "nbstripout", "--verify", "--keep-id", "--extra-keys", "metadata.language_info")
    codes.append(run(*strip, *notebooks))
    return max(codes)


def task_types(_: list[str]) -> int:
    """mypy on srlib and tests"""
    ensure("book", "dev")
    return run("-m", "mypy")


def task_doctor(_: list[str]) -> int:
    """say whether this machine is ready, and what mends it if not"""
    ensure("book")
    return run("-m", "srlib.cli", "doctor")


def task_lab(arguments: list[str]) -> int:
    """open the notebooks in JupyterLab"""
    ensure("book")
    settings = VENV / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    settings.parent.mkdir(parents=True, exist_ok=True)  # no news, no update checks: nothing asks the network
    no_network = {
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}
    }
    settings.write_text(json.dumps(no_network))
    return run("-m", "jupyterlab", "--notebook-dir", str(ROOT), *arguments)


def task_serve(_: list[str]) -> int:
    """open the built book in the browser"""
    if not (HTML / "index.html").exists():
        raise TaskError("there is no book yet; build it with: make book")
    webbrowser.open((HTML / "index.html").as_uri())
    return 0


def task_bench(arguments: list[str]) -> int:
    """measure srlib beside other libraries (tables, and JSON under benchmarks/results)"""
    ensure("book", "dev")
    return run("-m", "benchmarks", *arguments)


def task_zoo(arguments: list[str]) -> int:
    """train weights of the zoo anew, as their card says (NAME=fsrcnn SCALE=3)"""
    ensure("book")
    name, scale = os.environ.get("NAME"), os.environ.get("SCALE")
    if not name:
        run("-m", "srlib.cli", "zoo", "list")
        raise TaskError("say which: make zoo NAME=fsrcnn SCALE=3")
    chosen = [name, *(["--scale", scale] if scale else [])]
    return run("-m", "srlib.cli", "zoo", "retrain", *chosen, *arguments)


def task_student(_: list[str]) -> int:
    """write the notebooks for a class, a folder and a zip (SOLUTIONS=yes, NBGRADER=yes)"""
    options = [f"--{name.lower()}" for name in ("SOLUTIONS", "NBGRADER") if said_yes(name)]
    ensure("book")
    return run("-m", "book.editions.student", *options)


def task_exam(_: list[str]) -> int:
    """write an exam and its key, drawn by a seed that nobody else knows (SEED=7)"""
    seed = os.environ.get("SEED", "")
    if not re.fullmatch(r"-?\d+", seed):
        said = f"SEED is {seed!r}; " if seed else ""
        raise TaskError(f"{said}say any whole number: make exam SEED=7")
    ensure("book")
    return run("-m", "book.editions.exam", f"--seed={int(seed)}")


def task_slides(_: list[str]) -> int:
    """write slides of each chapter's core from the built book (_build/slides)"""
    ensure("book")
    return run("-m", "book.editions.slides")


def task_pdf(_: list[str]) -> int:
    """print the built book as one PDF (_build/book.pdf; needs an installed Chromium)"""
    ensure("book", "dev")
    return run("-m", "book.editions.pdf")


def said_yes(setting: str) -> bool:
    """Whether a setting is yes (SOLUTIONS=yes); who does not say it says no."""
    value = os.environ.get(setting) or "no"
    if value not in ("yes", "no"):
        raise TaskError(f"{setting} is {value!r}; say {setting}=yes or {setting}=no")
    return value == "yes"


def task_clean(_: list[str]) -> int:
    """remove what was built (.venv and _build stay out of git, but take space)"""
    for name in ("_build", ".venv", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".coverage"):
        path = ROOT / name
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.is_dir():
            shutil.rmtree(path)
    return 0


TASKS = {
    name.removeprefix("task_"): task for name, task in list(globals().items()) if name.startswith("task_")
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
