"""A student's machine: a Python that has the packages of the environment, but neither the project nor a
network."""

import json
import os
import subprocess
import sysconfig
import venv
from pathlib import Path
from typing import Any

import nbformat

# Names of other machines are not known, and only this machine answers.
NO_NETWORK = """
import socket

known, connect = socket.getaddrinfo, socket.socket.connect

def getaddrinfo(host, *more, **named):
    if host not in (None, "", "localhost", "127.0.0.1", "::1"):
        raise socket.gaierror(f"no network: {host}")
    return known(host, *more, **named)

def connect_here(self, address):
    internet = self.family in (socket.AF_INET, socket.AF_INET6)
    if internet and address[0] not in ("localhost", "127.0.0.1", "::1"):
        raise OSError(f"no network: {address}")
    return connect(self, address)

socket.getaddrinfo, socket.socket.connect = getaddrinfo, connect_here
"""
RUN = """
import sys, nbclient, nbformat

before, after, folder = sys.argv[1:]
notebook = nbformat.read(before, as_version=4)
nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": folder}}).execute()
nbformat.write(notebook, after)
"""


class Machine:
    """Runs Python, and notebooks in a kernel of that Python."""

    def __init__(self, home: Path) -> None:
        self.home = home
        venv.create(home / "python", with_pip=False, symlinks=os.name != "nt")
        scripts = "Scripts/python.exe" if os.name == "nt" else "bin/python"
        self.python = home / "python" / scripts
        # The packages, as a plain folder: Python reads no .pth file there, and it is by such a file that a
        # project is installed in editable mode.
        site = Path(sysconfig.get_path("purelib", vars={"base": str(home / "python")}))
        (site / "no_network.py").write_text(NO_NETWORK)
        (site / "machine.pth").write_text(f"{sysconfig.get_path('purelib')}\nimport no_network\n")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("SRLIB_", "PYTHON"))}
        own = {"JUPYTER_DATA_DIR": "data", "JUPYTER_CONFIG_DIR": "config", "IPYTHONDIR": "ipython"}
        self.environment = kept | {name: str(home / folder) for name, folder in own.items()}
        self.environment |= {"JUPYTER_PREFER_ENV_PATH": "1", "HOME": str(home)}

    def say(self, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run code in a folder, with that folder first on the path, as a kernel has it."""
        command = [str(self.python), "-c", code]
        return subprocess.run(command, cwd=folder, env=self.environment, capture_output=True, text=True)

    def run(self, notebook: Any, folder: Path) -> Any:
        """The notebook run from top to bottom in a folder; a failing cell fails the test."""
        before, after = self.home / "before.ipynb", self.home / "after.ipynb"
        nbformat.write(notebook, before)
        command = [str(self.python), "-c", RUN, str(before), str(after), str(folder)]
        done = subprocess.run(command, cwd=self.home, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return nbformat.read(after, as_version=4)


def shown(cell: Any) -> str:
    """All that a cell printed or showed as text."""
    return json.dumps([dict(output) for output in cell.outputs], ensure_ascii=False)
