"""A class of 45 minutes can leave out what is marked "(deeper)": nothing else rests on it."""

import builtins
import symtable
from collections.abc import Iterator
from dataclasses import replace

import pytest
from chapter import Chapter, assigned, chapters, skeleton, used

ALWAYS_CORE = ["Look", "Measure", "Exercises", "Check yourself", "Take-away", "References"]


def faults(chapter: Chapter) -> Iterator[str]:
    """What would stop a class that leaves the deeper sections out, in words."""
    first = chapter.headings[0] if chapter.headings else ""
    before = chapter.prose.split(f"## {first}")[0]
    for word in ("**Core**", "**Deeper**"):
        if word not in before:
            yield f"the goals do not say what is {word}"
    for heading in chapter.headings:
        if heading.endswith("(deeper)") and heading.startswith(tuple(ALWAYS_CORE)):
            yield f"the section {heading!r} belongs to the core"
    made, where = set(dir(builtins)), "the title"
    deeper: dict[str, str] = {}
    for kind, source in chapter.cells:
        if kind == "markdown":
            where = next((line[3:] for line in source.splitlines() if line.startswith("## ")), where)
            continue
        table = symtable.symtable(source, "cell", "exec")
        if where.endswith("(deeper)"):
            deeper |= dict.fromkeys(assigned(table), where)
            continue
        for name in sorted(used(table) - made - assigned(table)):
            yield f"{where!r} uses {name}, which " + (
                f"only {deeper[name]!r} makes" if name in deeper else "no cell before makes"
            )
        made |= assigned(table)


PENDING: dict[int, str] = {}


@pytest.mark.parametrize("chapter", [*chapters(), skeleton()], ids=lambda one: one.path.stem)
def test_the_core_of_a_chapter_stands_without_the_rest(chapter: Chapter) -> None:
    assert list(faults(chapter)) == []


# --- each rule finds what it is there for ---------------------------------------------------------

GOALS = ("markdown", "**Core** (45 minutes): all of it. **Deeper**: the rest.")


def made_of(*cells: tuple[str, str]) -> list[str]:
    return list(faults(replace(skeleton(), cells=list(cells))))


def test_a_name_that_only_a_deeper_section_makes_is_found() -> None:
    cells = [
        GOALS,
        ("markdown", "## Build"),
        ("code", "x = [n for n in range(3)]"),
        ("markdown", "## More (deeper)"),
        ("code", "import math\ndef f(n): return n + y\ny = len(x)"),
        ("markdown", "## Look"),
        ("code", "print(x, y, [z for z in x])"),
    ]
    assert made_of(*cells) == ["'Look' uses y, which only 'More (deeper)' makes"]


def test_a_name_inside_a_function_counts_and_its_own_names_do_not() -> None:
    cells = [
        GOALS,
        ("markdown", "## Build"),
        ("code", "def f(a, *b):\n    c = a\n    return c + d + len(b)"),
    ]
    assert made_of(*cells) == ["'Build' uses d, which no cell before makes"]


def test_the_end_of_a_chapter_is_never_deeper_and_the_goals_say_what_is() -> None:
    assert made_of(("markdown", "**Core**"), ("markdown", "## Measure (deeper)")) == [
        "the goals do not say what is **Deeper**",
        "the section 'Measure (deeper)' belongs to the core",
    ]
