"""``make exam SEED=7``: an exam of ten questions and its key, as Markdown and as pages to print.

The seed chooses the questions and their numbers; the answers are computed from the models when the exam is
made. The same seed gives the same exam, and any whole number is a seed: who does not know it knows neither.
"""

import argparse
import hashlib
import sys
from pathlib import Path
from random import Random

from markdown_it import MarkdownIt

from book.editions.exam_questions import ALWAYS, KINDS, Question, draw_question
from srlib.files import write_text

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS, POINTS, MINUTES = 10, 3, 60
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ max-width: 44rem; margin: 2rem auto; padding: 0 1rem; line-height: 1.5; color: #111; background: #fff;
  font-family: Georgia, "Times New Roman", serif; }}
h2 {{ font-size: 1.1rem; margin-top: 1.8rem; break-after: avoid; }}
p, ul, pre {{ break-inside: avoid; }}
ul {{ list-style: none; padding-left: 1rem; }}
pre {{ padding: .6rem; overflow-x: auto; background: #f4f4f4; font-size: .85rem; }}
@media print {{ body {{ margin: 0; max-width: none; font-size: 11pt; }} pre {{ white-space: pre-wrap; }} }}
</style>
</head>
<body>
{body}</body>
</html>
"""


def main(arguments: list[str] | None = None) -> int:
    """Write the four files and say where they are."""
    parser = argparse.ArgumentParser(prog="exam", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, required=True)
    seed = parser.parse_args(arguments).seed
    folder = ROOT / "_build" / "exam"
    for path in write_exam(seed, folder):
        print(path.relative_to(ROOT))
    return 0


def questions(seed: int) -> list[Question]:
    """The exam's questions in the order of the chapters. Each draws from a stream of its own."""
    others = [kind for kind in KINDS if kind not in ALWAYS]
    kinds = [*ALWAYS, *Random(f"exam {seed}").sample(others, QUESTIONS - len(ALWAYS))]
    drawn = [draw_question(kind, Random(f"exam {seed} {kind.__name__}")) for kind in kinds]
    return sorted(drawn, key=lambda one: one.chapter)


def write_exam(seed: int, folder: Path) -> list[Path]:
    """Write exam and key into the folder, each file whole; returns their paths."""
    asked = questions(seed)
    texts = {f"exam-{seed}": sheet(seed, asked), f"key-{seed}": key(seed, asked)}
    files = {f"{name}.md": text for name, text in texts.items()}
    files |= {f"{name}.html": page(text) for name, text in texts.items()}
    folder.mkdir(parents=True, exist_ok=True)
    return [write_text(folder / name, text) for name, text in files.items()]


def mark(seed: int) -> str:
    """What tells which key belongs to a sheet, but not the seed: who has that can make the key."""
    return hashlib.sha256(f"sheet {seed}".encode()).hexdigest()[:4]


def sheet(seed: int, asked: list[Question]) -> str:
    """What the students get."""
    lines = [
        "# Super-resolution: exam",
        f"{len(asked)} questions of {POINTS} points each, {len(asked) * POINTS} in all; {MINUTES} minutes. A "
        "pocket calculator and two pages of notes are allowed. The way to an answer counts, too: write it on "
        "paper of your own. Where choices are given, exactly one is right.",
        "Name: ______________________________  Number: ______________",
    ]
    for number, one in enumerate(asked, start=1):
        lines.append(f"## {number}. {one.title} ({POINTS} points)")
        lines.append(one.text)
        lines.append(choices(one) if one.options else "Answer: ____________________________________________")
    return "\n\n".join([*lines, f"*Sheet {mark(seed)}*"]) + "\n"


def choices(one: Question) -> str:
    return "\n".join(f"- **{letter}** {option}" for letter, option in lettered(one))


def lettered(one: Question) -> list[tuple[str, str]]:
    return list(zip("ABCD", one.options, strict=False))


def key(seed: int, asked: list[Question]) -> str:
    """What stays with the lecturer."""
    lines = [
        f"# Key to sheet {mark(seed)}",
        "The answers were computed from the models when the exam was made. For each question: two points for "
        "the way, one for the result; a slip of the pen with a right way costs nothing. A choice without a "
        "way is worth one point.",
    ]
    for number, one in enumerate(asked, start=1):
        letter = "".join(f"{letter}: " for letter, option in lettered(one) if option == one.answer)
        lines.append(f"## {number}. {one.title} (chapter {one.chapter})")
        lines.append(f"**{letter}{one.answer}**")
        lines.append(one.way)
        wrong = [
            f"- {letter}, {option}: {one.mistakes[option]}"
            for letter, option in lettered(one)
            if option in one.mistakes
        ]
        if wrong:
            lines.append("\n".join(wrong))
    return "\n\n".join(lines) + "\n"


def page(text: str) -> str:
    """The same as one HTML file that needs nothing else."""
    title = text.splitlines()[0].removeprefix("# ")
    return PAGE.format(title=title, body=MarkdownIt("commonmark").render(text))


if __name__ == "__main__":
    sys.exit(main())
