"""A chapter's notebook taken apart: its headings, calls, exercise cards and quizzes."""

import ast
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).parents[2]
DOI = re.compile(r"\]\(https://(?:doi\.org|arxiv\.org)/[^)]+\)")
FENCE = re.compile(r"```python solution\n(.*?)```", re.DOTALL)


@dataclass
class Card:
    """An exercise: its number ("1.4"), title, the words below it, the stub cell, hints and solution."""

    number: str
    title: str
    words: str
    stub: str = ""
    below: str = ""

    @property
    def solution(self) -> str:
        found = FENCE.findall(self.below)
        return found[0] if len(found) == 1 else ""

    @property
    def hints(self) -> int:
        return len(re.findall(r"<summary>Hint", self.below))

    @property
    def is_bug_hunt(self) -> bool:
        return self.title.lower().startswith("bug hunt")


@dataclass
class Chapter:
    """A notebook with its cells as (kind, source) and what follows from them."""

    path: Path
    cells: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "Chapter":
        notebook = nbformat.read(path, as_version=4)
        return cls(path, [(cell.cell_type, cell.source) for cell in notebook.cells])

    @property
    def number(self) -> int:
        return int(self.path.stem[:2])

    @property
    def code(self) -> list[str]:
        return [source for kind, source in self.cells if kind == "code"]

    @property
    def prose(self) -> str:
        return "\n\n".join(source for kind, source in self.cells if kind == "markdown")

    @property
    def headings(self) -> list[str]:
        return re.findall(r"^## (.+)$", self.prose, re.MULTILINE)

    def section(self, heading: str) -> list[tuple[str, str]]:
        """The cells from a ``## heading`` that begins so to the next one."""
        found: list[tuple[str, str]] = []
        inside = False
        for kind, source in self.cells:
            if kind == "markdown" and (match := re.search(r"^## (.+)$", source, re.MULTILINE)):
                inside = match[1].startswith(heading)
            if inside:
                found.append((kind, source))
        return found

    def calls(self, name: str) -> list[ast.Call]:
        """The calls of a function by its last name, in the code cells, in order."""
        return [
            node
            for source in self.code
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name
        ]

    @property
    def words(self) -> int:
        """Words of prose: without formulas, code, folded hints and solutions."""
        text = re.sub(r"<details>.*?</details>", " ", self.prose, flags=re.DOTALL)
        text = re.sub(r'<div class="srlib-photo".*?</div>', " ", text)  # the built page has controls there
        text = re.sub(r"```.*?```|\$\$.*?\$\$|`[^`]*`|\$[^$]*\$", " x ", text, flags=re.DOTALL)
        return len(re.findall(r"[A-Za-z][\w'-]*", text))

    @property
    def imports(self) -> str:
        """All the import statements of the chapter, as one piece of code."""
        nodes = [node for source in self.code for node in ast.parse(source).body]
        return "\n".join(ast.unparse(n) for n in nodes if isinstance(n, (ast.Import, ast.ImportFrom)))

    @property
    def cards(self) -> list[Card]:
        """The exercises: a markdown cell with the heading, the stub's code cell, the folded cell below."""
        found: list[Card] = []
        for kind, source in self.section("Exercises"):
            if match := re.match(r"### Exercise (\d+\.\d+): (.+)\n", source):
                found.append(Card(match[1], match[2].strip(), source))
            elif found and kind == "code" and not found[-1].stub:
                found[-1].stub = source
            elif found and "<details>" in source:
                found[-1].below += source
        return found

    def computed(self) -> set[str]:
        """The names whose values come from a call, directly or by way of others."""
        bound: list[tuple[str, ast.AST]] = []
        for source in self.code:
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.NamedExpr)):
                    targets: list[Any] = node.targets if isinstance(node, ast.Assign) else [node.target]
                    if node.value is not None:
                        bound += [(n, node.value) for target in targets for n in _names(target)]
                elif isinstance(node, ast.For):
                    bound += [(name, node.iter) for name in _names(node.target)]
                    bound += [
                        (name, call)
                        for call in ast.walk(node)
                        if isinstance(call, ast.Call)
                        and isinstance(call.func, ast.Attribute)
                        and call.func.attr in ("append", "update", "add")
                        for name in _names(call.func.value)
                    ]
        known: set[str] = set()
        while True:
            more = {name for name, value in bound if depends(value, known)}
            if more <= known:
                return known
            known |= more

    def behind(self, name: str) -> list[str]:
        """For each statement that calls a function of this name (``claim``): the statements that make the
        names it uses, their names, and so on, in order and with itself as the last."""
        statements = [node for source in self.code for node in ast.parse(source).body]
        found = []
        for at, statement in enumerate(statements):
            if not any(_calls(node, name) for node in ast.walk(statement)):
                continue
            kept, needed = [statement], used(_table(statement))
            for earlier in reversed(statements[:at]):
                if _made(earlier) & needed:
                    kept.append(earlier)
                    needed -= _new(earlier)  # whatever they were before does not matter
                    needed |= used(_table(earlier))
            found.append("\n".join(ast.unparse(node) for node in reversed(kept)))
        return found


def _calls(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name


def used(table: symtable.SymbolTable) -> set[str]:
    """The names that a piece of code takes from the notebook."""
    top = table.get_type() == "module"
    own = {s.get_name() for s in table.get_symbols() if s.is_referenced() and (top or s.is_global())}
    return own.union(*map(used, table.get_children()))


def assigned(table: symtable.SymbolTable) -> set[str]:
    """The names that a piece of code leaves behind."""
    return {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}


def _table(statement: ast.stmt) -> symtable.SymbolTable:
    return symtable.symtable(ast.unparse(statement), "statement", "exec")


def _new(statement: ast.stmt) -> set[str]:
    """The names that a statement binds anew, whatever they were before."""
    if isinstance(statement, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)):
        return _made(statement)
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.For):
        targets = [statement.target]
    parts = [part for one in targets for part in (one.elts if isinstance(one, ast.Tuple) else [one])]
    return {part.id for part in parts if isinstance(part, ast.Name)}


def _made(statement: ast.stmt) -> set[str]:
    """The names a statement binds or changes: assigned, imported, defined, looped over, appended to."""
    made = assigned(_table(statement))
    for node in ast.walk(statement):
        if isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            made |= set(_names(node.value))
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING
        ):
            made |= set(_names(node.func.value))
    return made


CHANGING = {"append", "extend", "update", "add", "insert", "sort", "reverse", "setdefault"}


def depends(value: ast.AST, known: set[str]) -> bool:
    """Whether an expression calls something or uses a name that is known to come from a call."""
    return any(
        isinstance(node, ast.Call) or (isinstance(node, ast.Name) and node.id in known)
        for node in ast.walk(value)
    )


def _names(target: ast.AST) -> Iterator[str]:
    yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))


def chapters() -> list[Chapter]:
    """The chapters that are there, 00 to 13."""
    paths = sorted((ROOT / "notebooks").glob("[01][0-9]_*.ipynb"))
    return [Chapter.read(path) for path in paths]


def skeleton() -> Chapter:
    """The chapter that new ones start from."""
    return Chapter.read(ROOT / "book" / "skeleton" / "99_skeleton.ipynb")
