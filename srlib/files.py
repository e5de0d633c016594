"""Files that appear whole or not at all: a full disk or a kill leaves the old file as it was."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def whole_or_nothing(path: str | Path, error: type[OSError] = OSError) -> Iterator[IO[bytes]]:
    """An open temporary file beside ``path`` that takes its name only when everything was written. What
    goes wrong is an ``error`` of one line with the path in it."""
    path = Path(path)
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # the name must not reach the disk before the bytes do
        temporary.replace(path)
    except FileNotFoundError:
        raise error(f"{path}: there is no folder {path.parent}; make it first") from None
    except OSError as fault:
        raise error(f"{path}: could not be written ({fault.strerror or fault})") from None
    finally:
        with suppress(OSError):  # what is wrong was said above
            temporary.unlink()
