"""JSON that is whole or not there, one line an entry where that reads better."""

import json
from pathlib import Path

import pytest

from srlib.files import write_json

RECORD = {
    "name": 'a "quoted" name',
    "null": None,
    "runs": [{"x": [1, 2]}, {"x": [3, 4], "text": "two\nlines"}],
    "curves": {"loss": [[1, 0.5], [2, 0.25]], "photos": []},
    "plain": {"deep": [1, {"er": 2}]},
    "empty": [],
}


@pytest.mark.parametrize("by_line", [[], ["runs"], ["runs", "curves", "empty", "absent"]])
def test_what_is_written_is_read_back(tmp_path: Path, by_line: list[str]) -> None:
    path = write_json(tmp_path / "a.json", RECORD, by_line=by_line)
    assert json.loads(path.read_text(encoding="utf-8")) == RECORD
    assert list(json.loads(path.read_text(encoding="utf-8"))) == list(RECORD)


def test_without_fields_by_line_it_is_what_the_json_module_writes(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.json", RECORD)
    assert path.read_text(encoding="utf-8") == json.dumps(RECORD, indent=1) + "\n"


def test_a_field_by_line_has_a_line_an_entry(tmp_path: Path) -> None:
    lines = write_json(tmp_path / "a.json", RECORD, by_line=["runs", "curves"]).read_text().splitlines()
    assert '  {"x": [1, 2]},' in lines
    assert '  "loss": [[1, 0.5], [2, 0.25]],' in lines
