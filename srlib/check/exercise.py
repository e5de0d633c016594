"""The frame of every exercise's check: an untouched stub does not stop the notebook, a wrong answer gets a
sentence that teaches, a right one a short confirmation and something to notice."""

import dis
import traceback
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

import srlib

EMPTY = [("LOAD_CONST", None), ("RETURN_VALUE", None)]


class NotYet(Exception):
    """Raised by a check when an answer is wrong; its message goes to the reader."""


class _Untouched(Exception):
    """Raised when the answer turns out to be the stub."""


@dataclass(frozen=True)
class Verdict:
    """What a check found: ``state`` and the sentence for the reader."""

    exercise: str
    state: Literal["right", "wrong", "not attempted"]
    text: str

    def __str__(self) -> str:
        sign = {"right": "✓", "wrong": "✗", "not attempted": "○"}[self.state]
        return f"{sign} Exercise {self.exercise}: {self.text}"

    def _repr_markdown_(self) -> str:
        return str(self)

    __repr__ = __str__


def attempt(
    exercise: str,
    answer: Any,
    check: Callable[[Any], object],
    notice: str,
    *,
    given: Callable[..., Any] | None = None,
) -> Verdict:
    """Try ``check`` on the reader's ``answer`` (a function, class, tensor or number). The check raises
    ``NotYet`` with what to think about; anything else that is raised is the answer's own fault and is shown
    with the line it comes from. Never raises. ``notice``: what a right answer lets one see. ``given``: the
    code that a bug hunt starts from; as long as the answer is that, it counts as not attempted."""
    if untouched(answer) or (given is not None and _same_code(answer, given)):
        return Verdict(exercise, "not attempted", "not attempted yet.")
    try:
        with torch.random.fork_rng(
            devices=[]
        ):  # a check draws numbers, the notebook's go on as if it had not
            check(answer)
    except (_Untouched, NotImplementedError):
        return Verdict(exercise, "not attempted", "not attempted yet.")
    except NotYet as fault:
        return Verdict(exercise, "wrong", f"not yet. {fault}")
    except Exception as fault:
        return Verdict(exercise, "wrong", f"not yet. {_where(fault)}")
    return Verdict(exercise, "right", f"right. {notice[:1].upper()}{notice[1:]}")


def untouched(answer: Any) -> bool:
    """Whether this is still the stub: ``...``, None, or a function whose body is nothing but a docstring,
    ``...`` or ``pass``."""
    if answer is None or answer is ...:
        return True
    if isinstance(answer, types.FunctionType):
        steps = [(i.opname, i.argval) for i in dis.get_instructions(answer) if i.opname != "RESUME"]
        return steps in (EMPTY, [("RETURN_CONST", None)])
    return False


def _same_code(answer: Any, given: Callable[..., Any]) -> bool:
    """Whether a function is, step by step, the given one, wherever the two were typed."""
    if not isinstance(answer, types.FunctionType) or not isinstance(given, types.FunctionType):
        return False
    return _steps(answer.__code__) == _steps(given.__code__)


def _steps(code: types.CodeType) -> list[tuple[str, Any]]:
    """What a piece of code does, instruction by instruction, the functions inside it likewise; lines and
    docstrings left out. Python has two ways to call ``torch.f()``, and takes the one or the other by whether
    the same file imports torch: what only makes this difference is left out too."""
    return [
        (step.opname.replace("LOAD_METHOD", "LOAD_ATTR"), _what(step))
        for step in dis.get_instructions(code)
        if step.opname not in ("PUSH_NULL", "PRECALL", "EXTENDED_ARG")
    ]


def _what(step: dis.Instruction) -> Any:
    """What an instruction works on. Where a jump goes is the same if all else is, and counts bytes."""
    if isinstance(step.argval, types.CodeType):
        return _steps(step.argval)
    return None if step.opcode in dis.hasjrel or step.opcode in dis.hasjabs else step.argval


def asked(answer: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    """Call the reader's function. An empty body or ``...`` means that it is not written yet; a written one
    that returns nothing is told so."""
    result = answer(*arguments, **more)
    if result is ... or (result is None and untouched(_code_of(answer))):
        raise _Untouched
    if result is None:
        raise NotYet("Your function returned nothing. Does it end with a `return`?")
    return result


def asked_network(answer: Callable[..., Any], name: str, *arguments: Any) -> torch.nn.Module:
    """The network that the reader's class ``name`` makes; without a ``forward`` it is not written yet."""
    made = asked(answer, *arguments)
    if not isinstance(made, torch.nn.Module):
        raise NotYet(f"`{name}` is a class that inherits from `nn.Module`.")
    if untouched(type(made).forward):
        raise _Untouched
    return made


def _code_of(answer: Any) -> Any:
    """The function behind what is called: a method's, or a network's forward."""
    if isinstance(answer, torch.nn.Module):
        answer = answer.forward
    return getattr(answer, "__func__", answer)


def expect(found: Any, wanted: Any, hint: str, *, tolerance: float = 1e-4) -> None:
    """Raise ``NotYet`` with the ``hint`` unless the reader's result is the wanted one: the same shape if it
    is a tensor, and every number within ``tolerance``. The message says what was found and wanted."""
    a, b = (torch.as_tensor(v, dtype=torch.float64) for v in (found, wanted))
    if a.shape != b.shape:
        raise NotYet(f"The shape is {tuple(a.shape)}, it should be {tuple(b.shape)}. {hint}")
    worst = float((a - b).abs().max()) if a.numel() else 0.0
    if not worst <= tolerance:
        if a.numel() == 1:
            mine, wants = _apart(float(a), float(b))
            raise NotYet(f"You get {mine}, it should be {wants}. {hint}")
        raise NotYet(f"Values differ from what is wanted by up to {worst:.3g}. {hint}")


def close(a: torch.Tensor, b: torch.Tensor, tolerance: float = 1e-4) -> bool:
    """Whether two answers are the same but for rounding: no number further apart than ``tolerance`` of one
    more than the largest of ``b``."""
    a, b = a.detach(), b.detach()
    return a.shape == b.shape and float((a - b).abs().max()) <= tolerance * (1 + float(b.abs().max()))


def _apart(a: float, b: float) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to tell them apart, four at least."""
    for digits in range(4, 18):
        one, other = f"{a:.{digits}g}", f"{b:.{digits}g}"
        if one != other:
            break
    return one, other


def _where(fault: Exception) -> str:
    """The reader's line that raised, in words."""
    message = str(fault).splitlines()[0] if str(fault) else ""
    ours = (str(Path(srlib.__file__).parent), str(Path(torch.__file__).parent))
    mine = [
        f for f in traceback.extract_tb(fault.__traceback__) if f.line and not f.filename.startswith(ours)
    ]
    line = f" at `{mine[-1].line}`" if mine else ""
    return f"Your code raised {type(fault).__name__}{line}: {message}"
