"""For every exercise, answers that are wrong in ways that readers are wrong. They lie in ``wrong/chNN.py``,
one file a chapter, as ``WRONG``: {exercise: [answers]}. The first answer of a bug hunt is its bug in other
words."""

import importlib
from pathlib import Path

_FILES = sorted((Path(__file__).parent / "wrong").glob("ch*.py"))

WRONG: dict[str, list[str]] = {
    number: answers
    for file in _FILES
    for number, answers in importlib.import_module(f"wrong.{file.stem}").WRONG.items()
}
