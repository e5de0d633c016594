"""The page for when something fails quotes messages that there are, and settings that are read."""

import re
from pathlib import Path

import pytest

from srlib import settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "book" / "troubleshooting.md").read_text(encoding="utf-8")
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for path in (ROOT / "tasks.py", *(ROOT / "srlib").rglob("*.py"), *(ROOT / "book" / "_ext").rglob("*.py"))
)
HEADS = re.findall(r"\*\*(.+?)\*\*", TEXT, re.DOTALL)
QUOTED = [one for head in HEADS for one in re.findall(r"\"([^\"]+)\"", " ".join(head.split()))]


def pattern(quoted: str) -> str:
    """A quoted message as the source may have it: numbers and what dots stand for are filled in there."""
    parts = re.split(r"(\d+(?:\.\d+)?|\.\.\.)", quoted)
    return "".join(".{1,40}?" if at % 2 else re.escape(part) for at, part in enumerate(parts))


def test_enough_is_quoted() -> None:
    assert len(QUOTED) >= 8


@pytest.mark.parametrize("quoted", QUOTED)
def test_a_quoted_message_is_one_that_the_project_gives(quoted: str) -> None:
    assert re.search(pattern(quoted), SOURCES) is not None


def test_named_settings_are_read_somewhere() -> None:
    names = set(re.findall(r"\bSRLIB_[A-Z]+\b", TEXT))
    assert {"SRLIB_PROFILE", "SRLIB_DATA"} <= names
    for name in names:
        assert name in SOURCES, name


def test_the_profile_is_quick_until_one_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRLIB_PROFILE", raising=False)
    assert settings.profile() == "quick"
    monkeypatch.setenv("SRLIB_PROFILE", "full")
    assert settings.profile() == "full"
