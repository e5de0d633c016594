"""A real kernel for the tests: code runs in it, and its widgets are driven as a browser would drive them, by
the messages that a front end sends."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty
from typing import Any

from jupyter_client.manager import start_new_kernel


class Kernel:
    """Runs code, keeps the state of every widget that the code makes, and changes it."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.state: dict[str, dict[str, Any]] = {}
        self.shown: list[dict[str, Any]] = []

    def run(self, code: str, timeout: float = 120) -> None:
        """Run a cell to its end; an error in it is raised here."""
        self.shown = []
        self._until_idle(self.client.execute(code), timeout)

    def named(self, name: str) -> list[str]:
        """The widgets of one kind ("HTMLModel"), in the order they were made."""
        return [key for key, state in self.state.items() if state.get("_model_name") == name]

    def change(
        self, key: str, timeout: float = 120, buffers: list[bytes] | None = None, **state: Any
    ) -> None:
        """Set a widget's state as a user's click does, and wait until the kernel is done with it."""
        data: dict[str, Any] = {"method": "update", "state": state, "buffer_paths": []}
        if buffers:
            data["buffer_paths"] = [["value", i, "content"] for i in range(len(buffers))]
        self.state[key].update(state)
        self._send(key, data, timeout, buffers)

    def press(self, key: str, timeout: float = 120) -> None:
        """Click a button."""
        self._send(key, {"method": "custom", "content": {"event": "click"}}, timeout)

    def wait(self, seconds: float) -> None:
        """Take in what the kernel says of itself for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self._take(self.client.get_iopub_msg(timeout=0.1))
            except Empty:
                continue

    def _send(
        self, key: str, data: dict[str, Any], timeout: float, buffers: list[bytes] | None = None
    ) -> None:
        session = self.client.session
        message = session.msg("comm_msg", {"comm_id": key, "data": data})
        session.send(self.client.shell_channel.socket, message, buffers=buffers)
        self._until_idle(message["header"]["msg_id"], timeout)

    def _until_idle(self, parent: str, timeout: float) -> None:
        end = time.monotonic() + timeout
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.1, end - time.monotonic()))
            self._take(message)
            ended = message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
            if ended and message["parent_header"].get("msg_id") == parent:
                return

    def _take(self, message: dict[str, Any]) -> None:
        kind, content = message["msg_type"], message["content"]
        if kind == "error":
            raise AssertionError("\n".join(content["traceback"]))
        if kind == "comm_open":
            self.state[content["comm_id"]] = dict(content["data"].get("state", {}))
        elif kind == "comm_msg" and content["data"].get("method") == "update":
            self.state.setdefault(content["comm_id"], {}).update(content["data"]["state"])
        elif kind in ("display_data", "execute_result", "update_display_data"):
            self.shown.append({"kind": kind, **content["data"]})


@contextmanager
def kernel() -> Iterator[Kernel]:
    """A fresh Python kernel, ended afterwards."""
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        yield Kernel(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
