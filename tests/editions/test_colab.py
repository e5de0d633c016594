"""The notebooks for Colab: the chapters, with the library in front."""

from pathlib import Path

import nbformat
import pytest

from book.editions import colab, notebooks

ROOT = Path(__file__).parents[2]
ADDRESS = "https://github.com/someone/course"


def test_each_chapter_begins_by_installing_the_library_of_its_state(tmp_path: Path) -> None:
    count = colab.write_notebooks(ROOT, tmp_path / "colab", ADDRESS, "0123abc")
    written = sorted((tmp_path / "colab" / "notebooks").iterdir())
    assert [path.name for path in written] == sorted(path.name for path in notebooks.chapters(ROOT))
    assert count == len(written) > 10
    for path in written:
        made = nbformat.read(path, as_version=4)
        nbformat.validate(made)
        before = notebooks.read(ROOT / "notebooks" / path.name).cells
        assert made.cells[0].source == before[0].source  # the title stays first
        assert f'"srlib @ git+{ADDRESS}@0123abc"' in made.cells[1].source
        assert [cell.source for cell in made.cells[2:]] == [cell.source for cell in before[1:]]


@pytest.mark.parametrize("given", [[], [ADDRESS], ["github.com/a/b", "abc"], [ADDRESS, "a b"]])
def test_what_is_missing_is_said_in_one_line(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert colab.main(given) == 2
    said = capsys.readouterr().err
    assert "COMMIT" in said
    assert said.count("\n") == 1
