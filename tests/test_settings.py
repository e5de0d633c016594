"""What comes from outside, and what happens when it is wrong."""

from pathlib import Path

import pytest
import torch

from srlib import settings


def test_profile_is_quick_unless_full_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, expected in (("", "quick"), ("quick", "quick"), (" FULL ", "full")):
        monkeypatch.setenv("SRLIB_PROFILE", value)
        assert settings.profile() == expected
    monkeypatch.delenv("SRLIB_PROFILE")
    assert settings.profile() == "quick"


def test_an_unknown_profile_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRLIB_PROFILE", "fast")
    with pytest.raises(ValueError, match="'fast'; set it to 'quick' or 'full'"):
        settings.profile()


def test_the_device_is_cuda_then_mps_then_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for cuda, mps, expected in ((True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda answer=cuda: answer)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda answer=mps: answer)
        assert settings.device().type == expected


def test_folders_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SRLIB_DATA", "~/sets")
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path))
    assert settings.data_root() == Path.home() / "sets"
    assert settings.cache_root() == tmp_path
    monkeypatch.setenv("SRLIB_DATA", " ")
    monkeypatch.delenv("SRLIB_CACHE")
    assert settings.data_root() is None
    assert settings.cache_root().name == "srlib"


def test_only_the_books_build_makes_static_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRLIB_STATIC_BOOK", raising=False)
    assert not settings.building_book()
    monkeypatch.setenv("SRLIB_STATIC_BOOK", "1")
    assert settings.building_book()


def test_the_mirror_is_a_base_address_without_its_last_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRLIB_MIRROR", " http://teacher.local:8000/sets/ ")
    assert settings.mirror() == "http://teacher.local:8000/sets"
    monkeypatch.delenv("SRLIB_MIRROR")
    assert settings.mirror() == ""
