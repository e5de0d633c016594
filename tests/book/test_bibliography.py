"""The bibliography holds what the chapters cite, and every entry can be found by its number."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
from pybtex.database import BibliographyData, Entry, parse_file  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\[((?:\\.|[^\]\\])*)\]\(https?://(?:dx\.)?(doi\.org|arxiv\.org/(?:abs|pdf))/([^)\s]+)\)")
DOI = re.compile(r"10\.\d{4,9}/\S+")
ARXIV = re.compile(r"\d{4}\.\d{4,5}|[a-z-]+/\d{7}")


def prose(path: Path) -> str:
    """All Markdown of a notebook."""
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def cited(text: str) -> Iterator[tuple[str, str]]:
    """The links to papers in a text: what is printed, and the number behind it, in lower case."""
    for words, _, number in LINK.findall(text):
        yield re.sub(r"\\(.)", r"\1", words), unquote(number).removesuffix(".pdf").lower()


def numbers(entry: Entry) -> set[str]:
    """By what an entry can be found: its DOI and its arXiv number."""
    return {entry.fields[name].lower() for name in ("doi", "eprint") if name in entry.fields}


def faults(text: str, known: set[str]) -> Iterator[str]:
    """What is wrong with the links to papers in a text."""
    for words, number in cited(text):
        if number not in known:
            yield f"{number} is not in book/references.bib"
        kind, _, shown = words.partition(":")
        if kind.lower() in ("doi", "arxiv") and shown.lower() != number:
            yield f"the page prints {words}, the link is {number}"


@pytest.fixture(scope="module")
def bibliography() -> BibliographyData:
    return parse_file(ROOT / "book" / "references.bib")


@pytest.fixture(scope="module")
def known(bibliography: BibliographyData) -> set[str]:
    return set().union(*map(numbers, bibliography.entries.values()))


NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_paper_a_chapter_links_to_is_in_the_bibliography(path: Path, known: set[str]) -> None:
    assert list(faults(prose(path), known)) == []


def test_every_entry_has_a_doi_or_an_arxiv_number(bibliography: BibliographyData) -> None:
    for key, entry in bibliography.entries.items():
        assert numbers(entry), key
        assert DOI.fullmatch(entry.fields.get("doi", "10.1000/none")), key
        assert ARXIV.fullmatch(entry.fields.get("eprint", "0000.00000")), key
        assert ("eprint" in entry.fields) == ("archiveprefix" in entry.fields), key


def test_every_entry_says_who_what_where_and_when(bibliography: BibliographyData) -> None:
    for key, entry in bibliography.entries.items():
        assert entry.persons.get("author"), key
        assert {"title", "year"} <= set(entry.fields), key
        assert {"journal", "booktitle"} & set(entry.fields), key
        assert re.fullmatch(rf"[a-z]+{entry.fields['year']}[a-z]*", key), key


def test_no_paper_is_there_twice(bibliography: BibliographyData) -> None:
    found = [number for entry in bibliography.entries.values() for number in sorted(numbers(entry))]
    assert len(found) == len(set(found))


# --- the rules find what they are there for -------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[Nobody 1900](https://doi.org/10.1000/182)", "10.1000/182 is not in"),
        ("[Nobody](https://arxiv.org/abs/9912.99999)", "9912.99999 is not in"),
        ("[doi:10.1016/1049](https://doi.org/10.1016/1049-9652%2891%2990045-L)", "the page prints"),
        ("[arXiv:1501.0009](https://arxiv.org/abs/1501.00092)", "the page prints"),
    ],
)
def test_a_paper_that_is_missing_and_a_number_that_is_cut_short_are_found(
    text: str, says: str, known: set[str]
) -> None:
    (fault,) = faults(text, known)
    assert says in fault


def test_a_number_with_brackets_is_read_whole(known: set[str]) -> None:
    text = r"[doi:10.1175/1520-0450(1979)018\<1016:LFIOAT\>2.0.CO;2](https://doi.org/10.1175/1520-0450%281979%29018%3C1016:LFIOAT%3E2.0.CO;2)"
    assert [number for _, number in cited(text)] == ["10.1175/1520-0450(1979)018<1016:lfioat>2.0.co;2"]
    assert list(faults(text, known)) == []
