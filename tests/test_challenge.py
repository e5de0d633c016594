"""The 60-second challenge: what an entry is told, what is measured, and that no limit can be passed by."""

from pathlib import Path

import pytest
import torch

from srlib import challenge, cli, comparison
from srlib.challenge import ChallengeError, Result, judge
from srlib.cost import multiply_adds, parameters
from srlib.models import FSRCNN

ENTRIES = Path(__file__).parent / "challenge"
HEAD = "import time\nimport torch\nfrom torch import nn\nfrom srlib.models import *\n"
SMALL = "def network():\n    return ESPCN(3, features=(8, 4))\n"
LEARN = SMALL + "def learn(net, bank, seconds):\n    "


@pytest.fixture
def small_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small pictures, and one core: two threads crawl where others work beside them."""
    monkeypatch.setattr(challenge, "CORES", 1)
    pictures = comparison.pictures()
    few = {name: pictures[name][:, :60, :60] for name in ("chelsea", "coffee")}
    monkeypatch.setattr(comparison, "pictures", lambda: few)


def entry(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(HEAD + text, encoding="utf-8")
    return path


@pytest.mark.alone
@pytest.mark.usefixtures("small_table")
@pytest.mark.parametrize("name", ["fsrcnn_like", "own_loop"])
def test_the_example_entries_are_judged_on_both_kinds_of_pictures(name: str) -> None:
    found = judge(ENTRIES / f"{name}.py", seeds=[3], seconds=3)
    assert 1 < found.seconds[0] <= 3 + challenge.GRACE
    assert found.seeds == [3]
    assert len(found.photographs) == len(found.leaves) == 1
    assert 10 < found.psnr < 45
    assert 10 < found.leaves[0] < 45
    if name == "fsrcnn_like":
        net = FSRCNN(3, d=24, s=8, m=1)
        assert (found.numbers, found.multiply_adds) == (parameters(net), multiply_adds(net, scale=3))
        assert found.psnr > 20  # untrained it has less than 10


@pytest.mark.usefixtures("small_table")
def test_what_every_training_imports_is_there_before_the_clock_starts(tmp_path: Path) -> None:
    asks = LEARN + 'import sys\n    assert "torch._dynamo" in sys.modules'
    assert judge(entry(tmp_path, asks), seeds=[0], seconds=1).seconds[0] < 1


@pytest.mark.slow
def test_a_minute_brings_the_small_example_past_bicubic() -> None:
    found = judge(ENTRIES / "fsrcnn_like.py", seeds=[0])
    assert found.psnr > found.bicubic[0] + 0.3
    assert found.leaves[0] > found.bicubic[1] + 0.3


BAD = {
    "no network": ("x = 1\n", "there is no function network"),
    "no module": ("def network():\n    return 3\n", r"network\(\) returned int, not an nn.Module"),
    "no channels": ("def network():\n    return nn.Conv2d(1, 9, 3)\n", "needs channels = 1 or 3"),
    "too large": ("def network():\n    return EDSR(3)\n", r"keeps 1,\d{3},\d{3} numbers; 100,000"),
    "other scale": ("def network():\n    return FSRCNN(2)\n", "enlarges by x2, not x3"),
    "too slow": (LEARN + "while True: pass\n", "still learning after 1 s; learn"),
    "own fault": (LEARN + "return 1 / 0\n", r"^mine\.py, line 8: ZeroDivisionError"),
    "no Python": ("def network(:\n", r"^mine\.py, line 5: SyntaxError"),
    "no numbers": (LEARN + "next(net.parameters()).data.fill_(float('nan'))\n", "values that are no numbers"),
    "another network": (LEARN + "net.more = nn.Linear(9, 9)\n", "weights of another network"),
    "grown": (LEARN + "net.more = nn.Linear(400, 400)\n", r"keeps 16\d,\d{3} numbers; 100,000"),
    "dies": ("import os\nos._exit(3)\n", "ended without a word"),
}


@pytest.mark.usefixtures("small_table")
@pytest.mark.parametrize("what", BAD)
def test_an_entry_that_breaks_a_rule_is_refused_in_one_line(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if what == "too slow":  # the others end by themselves; on a busy machine that takes a while
        monkeypatch.setattr(challenge, "GRACE", 0.5)
    text, says = BAD[what]
    with pytest.raises(ChallengeError, match=says) as caught:
        judge(entry(tmp_path, text), seeds=[0], seconds=1)
    assert "\n" not in str(caught.value)


def test_numbers_are_counted_in_what_is_kept_and_not_by_the_entry(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(60_000), "b": torch.zeros(40_000)}, tmp_path / "weights.pt")
    assert challenge._numbers(Path("mine.py"), tmp_path) == 100_000
    torch.save({"a": torch.zeros(60_000), "b": torch.zeros(40_001)}, tmp_path / "weights.pt")
    with pytest.raises(ChallengeError, match="100,001"):
        challenge._numbers(Path("mine.py"), tmp_path)


def test_the_hidden_leaves_are_others_for_each_seed_and_none_to_learn_from() -> None:
    from srlib.data import dead_leaves

    first, second = challenge._hidden(0), challenge._hidden(1)
    assert not any(torch.equal(a, b) for a in first for b in second)
    assert torch.equal(first[0], dead_leaves(192, 10**9))  # learning draws below 100 * 1,000,000


def result(**changes: object) -> Result:
    known: dict[str, object] = {
        "name": "mine", "numbers": 9, "multiply_adds": 10**9, "seeds": [1, 2], "seconds": [60.0, 59.0],
        "photographs": [33.0, 33.2], "leaves": [28.0, 28.2], "bicubic": (32.0, 27.0),
    }  # fmt: skip
    return Result(**{**known, **changes})  # type: ignore[arg-type]


def test_the_result_says_where_the_entry_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        comparison.Entry("cheap", 5, 3, 5, 10**8, 32.5, 0.9),
        comparison.Entry("dear", 6, 3, 5, 10**11, 34.0, 0.9),
        comparison.Entry("bicubic", 2, 3, None, None, 32.0, 0.9),
    ]
    monkeypatch.setattr(comparison, "recorded", lambda scale: rows)
    assert result().points() == {
        "cheap": (1e8, 32.5),
        "dear": (1e11, 34.0),
        "mine": (1e9, pytest.approx(33.1)),
    }
    assert str(result()).endswith("on the frontier (*): nothing in the table is as cheap and as good")
    said = str(result(photographs=[32.4])).splitlines()
    assert said[-1] == "not on the frontier (*): cheap beats it"
    assert [line.split()[0] for line in said[2:-1]] == ["cheap", "mine", "dear"]
    assert said[3].endswith("<- yours")


@pytest.mark.usefixtures("small_table")
def test_a_lecturers_own_pictures_are_judged_by_beside_the_others(tmp_path: Path) -> None:
    from srlib.data import dead_leaves
    from srlib.degrade import bicubic
    from srlib.images import from_uint8, load, save, to_uint8
    from srlib.metrics import psnr
    from srlib.resize import imresize

    folder = tmp_path / "private"
    folder.mkdir()
    save(dead_leaves(64, 5), folder / "a.png")  # 64 is no multiple of 3
    save(dead_leaves(48, 6)[:1], folder / "gray.png")
    (folder / "notes.txt").write_text("not a picture")
    found = judge(entry(tmp_path, SMALL), seeds=[1], seconds=1, pictures=folder)
    originals = [load(folder / "a.png")[:, :63, :63], load(folder / "gray.png").expand(3, -1, -1)]
    by_hand = []
    for hr in originals:
        sr = imresize(from_uint8(bicubic(to_uint8(hr), 3)), 3).clamp(0, 1)
        by_hand.append(float(psnr(to_uint8(sr), to_uint8(hr), crop=3)))
    assert found.private_bicubic == pytest.approx(sum(by_hand) / 2, abs=0.01)
    assert len(found.private) == 1
    assert found.private != found.photographs
    assert f"pictures of your own {found.private[0]:.2f} dB" in str(found)


def test_without_pictures_of_ones_own_nothing_is_said_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "recorded", lambda scale: [])
    assert "of your own" not in str(result())


def test_a_folder_without_pictures_is_refused_before_any_training(tmp_path: Path) -> None:
    for folder, says in ((tmp_path, "no pictures in this folder"), (tmp_path / "gone", "no such folder")):
        with pytest.raises(OSError, match=says):
            judge(ENTRIES / "own_loop.py", seeds=[0], pictures=folder)


def test_a_missing_entry_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["challenge", "nowhere.py"]) == 1
    assert capsys.readouterr().err.startswith("srlib challenge: nowhere.py: there is no such file")


@pytest.mark.parametrize("seconds", [0.0, -5.0, 61.0, float("nan")])
def test_an_entry_learns_for_a_minute_at_most_and_not_for_nothing(tmp_path: Path, seconds: float) -> None:
    with pytest.raises(ChallengeError, match="learns for up to 60 s"):
        judge(entry(tmp_path, SMALL), seeds=[0], seconds=seconds)


def test_the_command_refuses_no_seconds_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["challenge", str(entry(tmp_path, SMALL)), "--seconds", "0"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
