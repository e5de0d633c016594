"""What tells a reader where they stand: claims that must hold, networks that must agree, exercises,
predictions and quizzes (all chapters). A chapter's own exercises are in the modules beside this one."""

from srlib.check.exercise import NotYet, Verdict, asked, attempt, expect
from srlib.check.questions import predict, quiz, reveal
from srlib.check.truth import BrokenClaim, claim, same_network

__all__ = [
    "BrokenClaim",
    "NotYet",
    "Verdict",
    "asked",
    "attempt",
    "claim",
    "expect",
    "predict",
    "quiz",
    "reveal",
    "same_network",
]
