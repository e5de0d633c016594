"""Claims, proofs, exercises and questions: what they accept, refuse and say."""

import base64
import json
import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from srlib.check import (
    BrokenClaim,
    NotYet,
    attempt,
    claim,
    expect,
    predict,
    quiz,
    reveal,
    same_network,
)
from srlib.check.exercise import asked, close, untouched
from srlib.models import ESPCN, MDSR, SRCNN, SRResNet
from srlib.show import say

# --- sentences ---


def test_a_claim_that_holds_is_printed_and_one_that_does_not_raises(
    capsys: pytest.CaptureFixture[str],
) -> None:
    claim("Three is more than two.", torch.tensor(3) > 2)
    assert capsys.readouterr().out == "✓ Three is more than two.\n"
    with pytest.raises(BrokenClaim, match=r"no longer true: Two is more\."):
        claim("Two is more.", torch.tensor(2) > 3)


@pytest.mark.parametrize("truth", ["yes", None])
def test_a_claims_truth_must_be_a_comparison(truth: object) -> None:
    with pytest.raises(TypeError, match="comparison"):
        claim("Anything.", truth)


def test_a_sentence_is_prose_in_a_notebook_and_a_line_elsewhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    say("a **b**")
    assert capsys.readouterr().out == "a **b**\n"
    import IPython
    from IPython import display

    shown: list[Any] = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setattr(display, "display", shown.append)
    say("a **b**")
    assert [type(x).__name__ for x in shown] == ["Markdown"]
    assert shown[0].data == "a **b**"


# --- a chapter's network against the library's ---


class Mine(nn.Module):
    """ESPCN with other names, and where asked a fault."""

    channels = 1

    def __init__(self, width: int = 32, fault: str = "") -> None:
        super().__init__()
        self.a = nn.Conv2d(1, 64, 5, padding=2)
        self.b = nn.Conv2d(64, width, 3, padding=1)
        self.c = nn.Conv2d(width, 9, 3, padding=1)
        self.fault = fault

    def forward(self, x: Tensor) -> Tensor:
        squash = torch.relu if self.fault == "relu" else torch.tanh
        x = self.c(squash(self.b(squash(self.a(x)))))
        return x if self.fault == "small" else nn.functional.pixel_shuffle(x, 3)


def test_the_same_network_under_other_names_is_recognised(capsys: pytest.CaptureFixture[str]) -> None:
    mine, theirs = Mine(), ESPCN(3)
    before = [p.clone() for p in (*mine.parameters(), *theirs.parameters())]
    same_network(mine, theirs)
    assert "22,729 parameters in both" in capsys.readouterr().out
    after = [*mine.parameters(), *theirs.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert mine.training
    assert theirs.training


@pytest.mark.parametrize(
    ("mine", "message"),
    [
        (Mine(width=31), r"parameters here, 22,729 in the library's network; they part at b.weight \(31, 64"),
        (Mine(fault="relu"), "with the same weights the outputs differ by up to"),
        (Mine(fault="small"), r"the output is \(1, 9, 16, 16\) here, \(1, 1, 48, 48\)"),
        (SRCNN((9, 5, 5)), "57,281 parameters here"),
    ],
)
def test_another_network_is_refused_with_the_first_difference(mine: nn.Module, message: str) -> None:
    torch.manual_seed(0)
    with pytest.raises(BrokenClaim, match=message):
        same_network(mine, ESPCN(3))


def test_statistics_of_batch_normalisation_go_over_too() -> None:
    torch.manual_seed(0)
    mine, theirs = SRResNet(blocks=1, features=8), SRResNet(blocks=1, features=8)
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.running_mean, 0.5)  # type: ignore[arg-type]
    same_network(mine, theirs)


def test_a_network_that_is_told_its_scale_is_given_it() -> None:
    torch.manual_seed(0)
    mine, theirs = MDSR((2, 3), blocks=1, features=8), MDSR((2, 3), blocks=1, features=8)
    same_network(mine, theirs, torch.rand(1, 3, 8, 8), 3)


# --- exercises ---


def stub_dots(x: Tensor) -> Tensor: ...  # type: ignore[empty-body]


def stub_words(x: Tensor) -> Tensor:  # type: ignore[empty-body]
    """What it should do."""


def stub_pass(x: Tensor, y: int = 3) -> None:
    pass


def stub_raises(x: Tensor) -> Tensor:
    raise NotImplementedError


def stub_half(x: Tensor) -> Any:
    y = x + 1  # noqa: F841
    return ...


class StubNet(nn.Module):
    def forward(self, x: Tensor) -> None:
        pass


def twice(x: Tensor) -> Tensor:
    return 2 * x


def check_twice(answer: Any) -> None:
    x = torch.rand(3, 4)
    expect(asked(answer, x), 2 * x, "Multiply every number.")


@pytest.mark.parametrize(
    "stub", [..., None, stub_dots, stub_words, stub_pass, stub_raises, stub_half, StubNet()]
)
def test_an_untouched_stub_is_not_attempted_and_stops_nothing(stub: Any) -> None:
    verdict = attempt("4.1", stub, check_twice, "It doubles.")
    assert verdict.state == "not attempted"
    assert str(verdict) == "○ Exercise 4.1: not attempted yet."


def test_a_written_answer_is_not_taken_for_a_stub() -> None:
    def constant(x: Tensor) -> int:
        return 7

    assert not untouched(twice)
    assert not untouched(constant)
    assert not untouched(0)
    assert not untouched(torch.zeros(2))


def test_a_right_answer_is_confirmed_with_something_to_notice() -> None:
    verdict = attempt("4.1", twice, check_twice, "It doubles.")
    assert str(verdict) == verdict._repr_markdown_() == "✓ Exercise 4.1: right. It doubles."


def prints_instead(x: Tensor) -> None:
    print(2 * x)


class Forgets(nn.Module):
    def forward(self, x: Tensor) -> None:
        self.seen = 2 * x


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (prints_instead, r"not yet\. Your function returned nothing\. Does it end with a `return`"),
        (Forgets(), "returned nothing"),
        (
            lambda x: 3 * x,
            r"not yet\. Values differ from what is wanted by up to 0\.\d+\. Multiply every number",
        ),
        (lambda x: 2 * x[:2], r"The shape is \(2, 4\), it should be \(3, 4\)"),
        (lambda x: x * float("nan"), "Values differ"),
        (lambda x: 1 / 0, r"Your code raised ZeroDivisionError at `.*1 / 0.*`: division by zero"),
        (lambda: 1, "Your code raised TypeError"),
        ("a word", "Your code raised TypeError"),
    ],
)
def test_a_wrong_answer_gets_a_sentence_and_never_stops_the_notebook(answer: Any, message: str) -> None:
    verdict = attempt("4.1", answer, check_twice, "It doubles.")
    assert verdict.state == "wrong"
    assert re.search(message, str(verdict)), str(verdict)


def test_one_number_is_told_beside_the_wanted_one() -> None:
    with pytest.raises(NotYet, match=r"You get 30\.5, it should be 32\. Take the mean first\."):
        expect(30.5, 32.0, "Take the mean first.")


def test_two_numbers_that_differ_look_different() -> None:
    with pytest.raises(NotYet, match=r"You get 0\.69182, it should be 0\.69178\."):
        expect(0.691821, 0.691779, "", tolerance=1e-6)
    with pytest.raises(NotYet, match=r"You get nan, it should be 1\."):
        expect(float("nan"), 1.0, "")


def test_a_check_leaves_the_notebooks_random_numbers_alone() -> None:
    torch.manual_seed(0)
    wanted = torch.rand(3)
    torch.manual_seed(0)
    attempt("4.1", twice, check_twice, "")
    assert torch.equal(torch.rand(3), wanted)


# --- questions ---


def unpacked(page: str) -> Any:
    raw = base64.b64decode(re.findall(r'data-notes="([^"]+)"', page)[0])
    return json.loads(bytes(byte ^ 90 for byte in raw))


def test_a_quiz_holds_every_note_but_shows_none() -> None:
    page = quiz("Which `scale`?", {"x2": "Too small.", "x3": "Yes: three."}, right="x3").text
    assert unpacked(page) == {"right": 1, "notes": ["Too small.", "Yes: three."]}
    assert "Too small" not in page
    assert "Yes: three" not in page
    assert "<legend>Which <code>scale</code>?</legend>" in page
    assert len(re.findall(r'<input type="radio"', page)) == 2


def test_questions_cannot_become_markup() -> None:
    evil = "<script>alert(1)</script>"
    for page in (quiz(evil, {evil: evil, "b": "c"}, right="b"), predict(evil, [evil, "b"])):
        assert evil not in page.text
    assert evil not in reveal(evil, [evil, "b"], answer="b", why=evil).text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: quiz("?", {"a": "x", "b": "y"}, right="c"), "'c' is none of the options: 'a', 'b'"),
        (lambda: quiz("?", {"a": "x", "b": " "}, right="a"), "every option needs a note"),
        (lambda: predict("?", ["a", "a"]), "at least two options, all different"),
        (lambda: reveal("?", ["a", "b"], answer="c", why=""), "'c' is none of the options"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# --- a bug hunt's stub ---


def third(x: float) -> float:
    """A docstring and types, as the library has them."""
    return sum([part / 3 for part in [x]])


def hunted(answer: Any) -> Any:
    return attempt(
        "9.9", answer, lambda f: expect(f(6.0), 3.0, "Half of six is three."), "well.", given=third
    )


def test_the_code_of_a_bug_hunt_is_not_attempted_until_it_changes() -> None:
    def typed_in_a_notebook(x):
        return sum([part / 3 for part in [x]])

    def mended(x: float) -> float:
        return sum([part / 2 for part in [x]])

    def still_wrong(x: float) -> float:
        return sum([part / 4 for part in [x]])

    def the_bug_in_other_words(number: float) -> float:
        return sum([part / 3 for part in [number]])

    states = [hunted(one).state for one in (typed_in_a_notebook, mended, still_wrong, the_bug_in_other_words)]
    assert states == ["not attempted", "right", "wrong", "wrong"]


def halved_root(x: float) -> float:
    """It calls a function of a module that this file imports."""
    for _ in range(1):
        x = math.sqrt(x)
    return x / 2


def third_of_the_root(answer: Any) -> None:
    expect(answer(9.0), 1.0, "The third of the root of nine is one.")


def test_a_bug_hunts_code_is_known_again_where_another_cell_imports_what_it_calls() -> None:
    """Python compiles `math.sqrt(x)` otherwise in a file that imports math than in a cell that does not."""
    cell = "def answer(x):\n    for _ in range(1):\n        x = math.sqrt(x)\n    return x / 2"
    states = []
    for text in (cell, cell.replace("/ 2", "/ 3")):
        space: dict[str, Any] = {"math": math}
        exec(text, space)
        states.append(attempt("9.9", space["answer"], third_of_the_root, "well.", given=halved_root).state)
    assert states == ["not attempted", "right"]


def test_two_answers_are_close_up_to_rounding_and_only_if_their_shapes_are_the_same() -> None:
    a = torch.tensor([1.0, 9.0])
    assert close(a + 9e-4, a)  # a ten-thousandth of one more than the largest, 9
    assert not close(a + 2e-3, a)
    assert not close(a + 9e-4, a, 1e-5)
    assert not close(a[:1], a)
