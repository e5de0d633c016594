"""Files that appear whole or not at all: a full disk or a kill leaves the old file as it was."""

import json
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any


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


def write_text(path: str | Path, text: str) -> Path:
    """Write a text file, whole or not at all; returns the path."""
    with whole_or_nothing(path) as file:
        file.write(text.encode())
    return Path(path)


def write_json(path: str | Path, record: Mapping[str, Any], *, by_line: Collection[str] = ()) -> Path:
    """Write ``record`` as JSON, whole or not at all; returns the path. Of the fields in ``by_line`` each
    entry takes one line, however long: curves and runs stay readable in a diff."""
    fields = [f" {json.dumps(key)}: {_entry(value, key in by_line)}" for key, value in record.items()]
    return write_text(path, "{\n" + ",\n".join(fields) + "\n}\n")


def _entry(value: Any, by_line: bool) -> str:
    if not by_line or not value:
        return json.dumps(value, indent=1).replace("\n", "\n ")
    if isinstance(value, Mapping):
        rows, (begin, end) = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()], "{}"
    else:
        rows, (begin, end) = [json.dumps(v) for v in value], "[]"
    return f"{begin}\n" + ",\n".join(f"  {row}" for row in rows) + f"\n {end}"
