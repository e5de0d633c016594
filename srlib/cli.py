"""The ``srlib`` command: ``srlib doctor``, ``srlib fetch NAME ...``."""

import argparse
import os
import sys
from collections.abc import Sequence

from srlib import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Expected faults (a missing file, no network) end as one line on stderr and exit
    code 1; a wrong call ends with 2; anything else is a bug and shows its traceback."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except BrokenPipeError:  # srlib doctor | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, ValueError) as fault:
        print(f"srlib {options.command}: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"srlib {options.command}: stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="srlib", description="The library of the super-resolution course-book."
    )
    parser.add_argument("--version", action="version", version=f"srlib {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    doctor = commands.add_parser("doctor", help="is this machine ready? versions, device, data")
    doctor.set_defaults(run=_doctor)

    fetch = commands.add_parser("fetch", help="get image sets by name (set5, b100, div2k-train, ...)")
    fetch.add_argument("names", nargs="*", metavar="NAME", help="without a name: list them")
    fetch.add_argument("--quiet", action="store_true", help="no progress bar")
    fetch.set_defaults(run=_fetch)
    return parser


def _doctor(_: argparse.Namespace) -> int:
    from srlib.doctor import doctor

    return 1 if doctor() else 0


def _fetch(options: argparse.Namespace) -> None:
    from srlib import data

    if not options.names:
        for name in data.names():
            try:
                where = str(data.find(name) or "not here")
            except data.DataError as fault:
                where = str(fault)
            print(f"{name:18}{where}")
    for name in options.names:
        print(data.fetch(name, progress=not options.quiet))


if __name__ == "__main__":
    sys.exit(main())
