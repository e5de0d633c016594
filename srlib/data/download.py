"""One file over an unreliable network: resumed, retried, never taken for whole when it is not."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS = 10.0
STALL_SECONDS = 30.0  # a connection that brings no byte for so long counts as broken
RETRIES = 3  # after a fault that may pass: no connection, a broken one, an overloaded server
BACKOFF_SECONDS = 0.5  # before the first retry, then twice as long each time
CHUNK = 2**15  # bytes


class DataError(OSError):
    """A set that cannot be had; its message is one line that says which file and what to do."""


class _PassingFaultError(Exception):
    """A fault worth another try."""


class Downloads:
    """The downloads of one set: they share a connection, a progress count and a way to stop them all."""

    def __init__(self, session: "requests.Session", advance: Callable[[int], None]) -> None:
        self.session = session
        self.advance = advance  # is told how many bytes came (or, if negative, were dropped again)
        self.stop = threading.Event()

    def bring(self, url: str, part: Path) -> None:
        """Returns when the whole of ``url`` is in the file ``part``. What ``part`` has already is not asked
        for again. After a fault it is left as it is, for the next time."""
        for attempt in range(RETRIES + 1):
            try:
                return self._request(url, part)
            except _PassingFaultError as error:
                if attempt == RETRIES or self.stop.wait(BACKOFF_SECONDS * 2**attempt):
                    advice = "run again to resume, or set SRLIB_DATA to a folder that has the set"
                    raise DataError(f"{url}: {error}; {advice}") from error

    def _request(self, url: str, part: Path) -> None:
        """One request, for what is missing of the file."""
        import requests

        have = part.stat().st_size if part.exists() else 0
        headers = {"User-Agent": "srlib (a course-book on super-resolution)", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        try:
            reply = self.session.get(
                url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, STALL_SECONDS)
            )
        except requests.RequestException as error:
            raise _PassingFaultError("the server does not answer (is this machine offline?)") from error
        with reply:
            status, content_range = reply.status_code, reply.headers.get("Content-Range", "")
            if status == 416 and content_range == f"bytes */{have}":
                return  # every byte was there already
            if status == 416 or (status == 206 and not content_range.startswith(f"bytes {have}-")):
                part.unlink(missing_ok=True)
                self.advance(-have)
                raise _PassingFaultError("the server has no such part of the file")
            if status >= 500 or status in (408, 429):
                raise _PassingFaultError(f"the server answers {status} {reply.reason}")
            if status not in (200, 206):
                advice = "its home may have moved: set SRLIB_DATA to a folder that has the set"
                raise DataError(f"{url}: the server answers {status} {reply.reason}; {advice}")
            if status == 200 and have:  # it does not resume, and sends everything again
                self.advance(-have)
                have = 0
            self._write(reply, part, have)

    def _write(self, reply: "requests.Response", part: Path, have: int) -> None:
        """Appends what the server sends to the ``have`` bytes that are there."""
        import requests

        length = reply.headers.get("Content-Length")
        with part.open("ab" if have else "wb") as file:
            try:
                for chunk in reply.iter_content(CHUNK):
                    if self.stop.is_set():
                        raise DataError(f"{reply.url}: stopped; run again to resume")
                    file.write(chunk)
                    self.advance(len(chunk))
            except requests.RequestException as error:
                raise _PassingFaultError(f"the connection broke off after {file.tell()} bytes") from error
            if length is not None and file.tell() < have + int(length):
                raise _PassingFaultError(f"the connection broke off after {file.tell()} bytes")
