"""Questions that work in the saved page: quizzes with a note for every option, and predictions that a later
cell's run decides (all chapters)."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from srlib.show import Html
from srlib.show._html import asset, escape, packed

_STYLE = f"<style>{asset('srlib.check', 'questions.css')}</style>"
_SCRIPT = f"<script>{asset('srlib.check', 'questions.js')}</script>"


def quiz(question: str, options: Mapping[str, str], right: str) -> Html:
    """A multiple-choice question. ``options``: each with the sentence that a reader who picks it gets, also
    the wrong ones; ``right``: which is right. Text in `backticks` becomes code."""
    if right not in options:
        raise ValueError(f"{right!r} is none of the options: {', '.join(map(repr, options))}")
    if any(not note.strip() for note in options.values()):
        raise ValueError("every option needs a note that says why it is right or wrong")
    notes = {"right": list(options).index(right), "notes": list(options.values())}
    return _question("quiz", question, list(options), notes)


def predict(question: str, options: Sequence[str]) -> Html:
    """A question to answer before the next cell is run; ``reveal`` says what became of it."""
    return _question("predict", question, list(options), None)


def reveal(question: str, options: Sequence[str], answer: str, why: str) -> Html:
    """The answer to ``predict(question, options)``: ``answer`` is one of the options, chosen by what the run
    computed, ``why`` explains it. Shows the reader's own prediction beside it."""
    if answer not in options:
        raise ValueError(f"{answer!r} is none of the options: {', '.join(map(repr, options))}")
    notes = {"answer": list(options).index(answer), "options": list(options), "why": why}
    return Html(
        f'<div class="srlib-question" data-of="{_key(question)}" data-notes="{packed(notes)}">'
        f"{_STYLE}<p><strong>{_inline(question)}</strong></p><output></output>{_SCRIPT}</div>"
    )


def _question(kind: str, question: str, options: list[str], notes: dict[str, Any] | None) -> Html:
    if len(options) < 2 or len(set(options)) < len(options):
        raise ValueError("a question needs at least two options, all different")
    key = _key(question)
    choices = "".join(
        f'<label><input type="radio" name="{kind}-{key}" value="{i}"><span>{_inline(option)}</span></label>'
        for i, option in enumerate(options)
    )
    answers = f' data-notes="{packed(notes)}"' if notes else ""
    return Html(
        f'<div class="srlib-question" data-key="{key}"{answers}>{_STYLE}'
        f"<fieldset><legend>{_inline(question)}</legend>{choices}</fieldset>"
        f'<output aria-live="polite"></output>{_SCRIPT}</div>'
    )


def _key(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()[:10]


def _inline(text: str) -> str:
    """Escaped text; what stands in backticks becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
