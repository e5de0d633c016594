"""A plan followed from data to card, and the queue."""

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from srlib import cli, recipes, zoo
from srlib.data import pack as module
from srlib.data.pack import pack
from srlib.evaluation import evaluate
from srlib.images import save
from srlib.speed import Setting
from srlib.training import fit
from srlib.zoo import train

TINY = [
    "--data",
    "leaves:2",
    "--set",
    "batch=2",
    "--set",
    "patch=8",
    "--numbers",
    "float32",
    "--measure",
    "photos",
]


@pytest.fixture(autouse=True)
def one_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure on one small picture: what is tested here is the way, not the result."""
    from srlib import data

    real = data.photos
    monkeypatch.setattr(
        data, "photos", lambda names=None: {"chelsea": real("chelsea")["chelsea"][:, :60, :60]}
    )


def test_train_does_the_whole_thing_and_its_weights_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    code = cli.main(
        ["train", "espcn", "-s", "3", "--steps", "3", "--runs", str(runs), "--note", "why", *TINY]
    )
    assert code == 0
    card = zoo.card("espcn", 3, runs / "espcn-x3-quick")
    assert (card.steps, card.recipe["steps"], card.recipe["batch"]) == (3, 3, 2)
    assert card.data == "dead leaves (2 pictures of 512 x 512, seeds from 0)"
    assert card.note == "why"
    assert card.results.keys() == {"photos x3"}
    assert card.results["photos x3"]["bicubic"] > 20
    net = zoo.load(card.folder / card.file, 3)
    assert sum(p.numel() for p in net.parameters()) == card.parameters == 22729
    assert card.file in capsys.readouterr().out


def test_a_stopped_training_says_so_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["train", "espcn", "-s", "3", "--steps", "40", "--runs", str(tmp_path), *TINY]
    assert cli.main([*call, "--minutes", "1e-9"]) == 3
    assert "step 20 of 40" in capsys.readouterr().out
    assert not list(tmp_path.rglob("*.safetensors"))
    assert cli.main(call) == 0
    assert "going on from step 20 of 40" in capsys.readouterr().out


def test_x3_starts_from_x2_and_the_card_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = [
        "train",
        "wdsr-small",
        "--steps",
        "2",
        "--runs",
        str(tmp_path),
        "--out",
        str(tmp_path / "out"),
        *TINY,
    ]
    assert cli.main([*call, "-s", "2"]) == 0
    assert cli.main([*call, "-s", "3"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"started from wdsr-small x2: \d+ of \d+ tensors carried over", out)
    assert "fresh: tail.0.bias (27 here, 12 there)" in out
    source = zoo.card("wdsr-small", 2, tmp_path / "out")
    assert zoo.card("wdsr-small", 3, tmp_path / "out").started_from == f"wdsr-small x2 ({source.sha256[:8]})"


def test_the_robust_networks_card_says_what_its_pictures_went_through(tmp_path: Path) -> None:
    call = ["train", "edsr-robust", "-s", "3", "--steps", "2", "--runs", str(tmp_path), *TINY]
    assert cli.main(call) == 0
    card = zoo.card("edsr-robust", 3, tmp_path / "edsr-robust-x3-quick")
    assert card.data.startswith(
        "dead leaves (2 pictures of 512 x 512, seeds from 0), 6 versions of each: blur"
    )
    for key, value in recipes.TROUBLES.items():
        assert f"{key} {value}" in card.data
    assert card.started_from is not None
    assert card.started_from.startswith("edsr-small x3")
    assert train.command(card)[5:7] == ["--data", "leaves:2"]


def test_a_games_card_says_what_was_asked_for_and_keeps_the_curves_of_both_players(tmp_path: Path) -> None:
    call = ["train", "srgan-mse", "--steps", "3", "--runs", str(tmp_path), *TINY]
    assert cli.main(call) == 0
    card = zoo.card("srgan-mse", 4, tmp_path / "srgan-mse-x4-quick")
    assert card.critic == "content 4 x pixels (L2), adversarial 0.001"
    assert f"with a critic: {card.critic}" in str(card)
    assert set(card.curves) == {"loss", "content", "adversarial", "critic", "photos"}
    for (step, whole), (_, content), (_, pleasing) in zip(
        *(card.curves[name] for name in ("loss", "content", "adversarial")), strict=True
    ):
        assert step in (1, 2, 3)
        assert whole == pytest.approx(4 * content + 1e-3 * pleasing, rel=2e-3)


def test_a_missing_start_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo, "FOLDER", tmp_path / "empty")
    assert cli.main(["train", "edsr-small", "-s", "3", "--steps", "2", "--runs", str(tmp_path), *TINY]) == 1
    assert (
        "edsr-small starts from edsr-small x2, which is not there; train that first"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "edsr-basline", "-s", "2"], "did you mean 'edsr-baseline'"),
        (["train", "espcn"], "say for which scale espcn is to be trained: 2, 3, 4"),
        (["train", "srresnet", "-s", "2"], "srresnet is trained for x4, not x2"),
        (["train", "vdsr", "-s", "5"], "one network for x2, x3, x4"),
        (["train", "espcn", "-s", "2", "--set", "lrate=1"], "a recipe has no 'lrate'"),
        (["train", "espcn", "-s", "2", "--set", "lr"], "--set takes FIELD=VALUE"),
        (["train", "espcn", "-s", "2", "--set", "lr=fast"], "lr=fast: not a float"),
        (
            ["train", "espcn", "-s", "2", "--steps", "1200", "--set", "ema=.999"],
            "still hold 30% of the first weights; say --set ema=0.995, or ema=0 for none",
        ),
        (["train", "espcn", "-s", "2", "--data", "leaves"], "say how many pictures"),
        (["train", "espcn", "-s", "2", "--data", "/no/such/folder"], "there is no such folder"),
        (["zoo", "card", "espcm"], "no weights 'espcm'"),
        (["evaluate", "espcn", "-s", "9"], "there is no espcn for x9"),
    ],
)
def test_a_wrong_call_is_one_line_that_says_what_to_do(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.main([*arguments, *(["--runs", str(tmp_path)] if arguments[0] == "train" else [])]) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_evaluate_prints_the_row_and_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.json"
    assert cli.main(["evaluate", "bicubic", "-s", "2", "-o", str(file)]) == 0
    out = capsys.readouterr().out
    assert "photos x2" in out
    assert "border: 2" in out
    assert file.exists()


BARE = """
import sys
from dataclasses import asdict, replace
for name in ("skimage", "pooch", "requests", "filelock", "tqdm", "scipy", "yaml", "matplotlib"):
    sys.modules[name] = None  # importing it fails
from srlib import cli
sys.exit(cli.main(sys.argv[1:]))
"""


def test_a_machine_with_little_more_than_torch_trains_from_the_pack_and_leaves_measuring_to_the_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    (tmp_path / "T91").mkdir()
    for i in range(2):
        save(torch.rand(3, 40, 40), tmp_path / "T91" / f"{i}.png")
    monkeypatch.setattr(module, "fetch", lambda name: tmp_path / "T91")
    runs = tmp_path / "runs"
    runs.mkdir()
    pack(["t91"], runs / "t91.zip")
    queue = tmp_path / "QUEUE.md"
    queue.write_text(f"- [ ] `srlib train espcn -s 2 --data t91 --steps 3 {' '.join(TINY[2:])}`\n")
    call = ["zoo", "train-next", "--queue", str(queue), "--runs", str(runs), "--out", str(tmp_path / "out")]
    environment = {k: v for k, v in os.environ.items() if k != "SRLIB_DATA"} | {
        "SRLIB_CACHE": str(tmp_path / "no")
    }
    done = subprocess.run(
        [sys.executable, "-c", BARE, *call], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 3, done.stderr
    assert "trained; without scikit-image nothing is measured here" in done.stdout
    monkeypatch.delenv("SRLIB_DATA", raising=False)
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path / "no"))
    assert cli.main(call) == 0
    assert "going on from step 3 of 3" in capsys.readouterr().out
    assert zoo.card("espcn", 2, tmp_path / "out").data == "t91 (2 pictures)"
    assert train.waiting(queue) == []


# --- plans ---


@pytest.mark.parametrize("name", recipes.NETWORKS)
@pytest.mark.parametrize("profile", ["quick", "full"])
def test_every_plan_builds_its_network(name: str, profile: str) -> None:
    it = recipes.NETWORKS[name]
    for scale in [None] if it.together else it.scales:
        plan = recipes.plan(name, scale, profile)  # type: ignore[arg-type]
        with torch.device("meta"):  # shapes only: the full EDSR has 43 million parameters
            net = zoo.build(plan.model, plan.arguments)
        assert net.channels == plan.channels
        assert getattr(net, "scales", None) in (None, plan.scales)
        assert net.pre_upsample or getattr(net, "scale", None) in (None, plan.scales[0])


def test_full_plans_are_the_papers() -> None:
    edsr = recipes.plan("edsr-baseline", 2, "full").recipe
    assert (edsr.patch, edsr.batch, edsr.lr, edsr.loss, edsr.optimizer) == (48, 16, 1e-4, "l1", "adam")
    assert edsr.learning_rate(199_999, 0.0) == 1e-4
    assert edsr.learning_rate(200_000, 0.0) == 5e-5
    vdsr = recipes.plan("vdsr", None, "full").recipe
    assert (vdsr.batch, vdsr.optimizer, vdsr.momentum, vdsr.weight_decay) == (64, "sgd", 0.9, 1e-4)
    assert vdsr.clip == "value/lr"
    assert [vdsr.learning_rate(k * 200_000, 0.0) for k in range(4)] == pytest.approx([0.1, 0.01, 1e-3, 1e-4])
    srcnn = recipes.plan("srcnn-915", 3, "full")
    assert (srcnn.recipe.lr, srcnn.recipe.tail_lr, srcnn.recipe.patch * 3) == (1e-4, 0.1, 33)
    assert "init" not in srcnn.arguments
    for name in ("srcnn-915", "srcnn-inside"):  # the paper's initial weights do not learn in a minute
        assert recipes.plan(name, 2, "quick").arguments["init"] == "centred"
    assert recipes.plan("wdsr-a-16", 2, "full").recipe.lr == 1e-3
    srgan = recipes.plan("srgan", None, "full")
    assert srgan.start == ("srresnet", 4)
    assert srgan.recipe.patch * 4 == 96
    assert recipes.plan("edsr-baseline", 4, "full").start == ("edsr-baseline", 2)
    assert recipes.plan("edsr-baseline", 2, "full").start is None


def test_fsrcnns_own_recipe_learns_from_its_first_steps() -> None:
    plan = recipes.plan("fsrcnn", 3, "full")
    pictures, _ = recipes.pictures("leaves:3")
    for seed in (0, 1):  # without a bound of the gradient both fly apart within 60 steps
        bank, _ = recipes.bank(pictures, plan, torch.device("cpu"), seed=seed)
        torch.manual_seed(seed)
        net = zoo.build(plan.model, plan.arguments)
        run = fit(net, bank, replace(plan.recipe, steps=90), setting=Setting(), progress=False)
        assert run.skipped == 0
        assert max(run.losses[70:]) < 0.2 * run.losses[0]


def test_a_recipe_is_changed_by_text() -> None:
    recipe = recipes.plan("espcn", 3).recipe
    changed = recipes.changed(
        recipe, {"lr": "2e-3", "batch": "4", "milestones": "10,20", "clip": "norm", "loss": "l2"}
    )
    assert (changed.lr, changed.batch, changed.milestones, changed.clip, changed.loss) == (
        2e-3,
        4,
        (10, 20),
        "norm",
        "l2",
    )
    assert recipes.changed(changed, {"clip": "none"}).clip is None


# --- the queue ---


def test_the_queue_names_only_trainings_that_can_be_started() -> None:
    lines = train.waiting()
    all_of_them = re.findall(r"^- \[[ x]\] `srlib train ", train.QUEUE.read_text(), re.MULTILINE)
    assert len(all_of_them) > 30
    assert len(lines) == sum("[ ]" in line for line in all_of_them)
    parser = cli._parser()
    for line in lines:
        options = parser.parse_args(["train", *line])
        plan = recipes.plan(options.name, options.scale, options.profile or "quick")
        assert (
            train.with_changes(plan, options.steps, options.data, options.changes).recipe.steps
            == options.steps
        )


def test_train_next_takes_the_first_line_resumes_it_and_ticks_it_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    queue = tmp_path / "QUEUE.md"
    line = f"espcn --scale 2 --steps 40 {' '.join(TINY)}"
    text = f"# Queue\n\n- [x] `srlib train done`\n- [ ] `srlib train {line}`\n- [ ] `srlib train vdsr`\n"
    queue.write_text(text)
    call = [
        "zoo",
        "train-next",
        "--queue",
        str(queue),
        "--runs",
        str(tmp_path / "runs"),
        "--out",
        str(tmp_path / "out"),
    ]
    assert cli.main([*call, "--minutes", "1e-9"]) == 3
    assert queue.read_text() == text
    assert cli.main(call) == 0
    assert "going on from step 20" in capsys.readouterr().out
    assert queue.read_text() == text.replace(f"- [ ] `srlib train {line}`", f"- [x] `srlib train {line}`")
    assert zoo.names(tmp_path / "out") == ["espcn"]
    assert train.waiting(queue) == [["vdsr"]]


def test_a_line_that_goes_on_from_shipped_weights_begins_a_run_of_its_own_and_counts_both(
    tmp_path: Path,
) -> None:
    queue, runs, out = tmp_path / "QUEUE.md", tmp_path / "runs", tmp_path / "out"
    rest = " ".join(TINY)
    lines = [
        f"espcn --scale 3 --steps 15 {rest} --from-scratch",
        f"espcn --scale 2 --steps 20 {rest} --start espcn:3",
        f"espcn --scale 2 --steps 25 {rest} --start espcn:2",
        f"espcn --scale 2 --steps 30 {rest} --start espcn:2",
    ]
    queue.write_text("".join(f"- [ ] `srlib train {line}`\n" for line in lines))
    call = ["zoo", "train-next", "--queue", str(queue), "--runs", str(runs), "--out", str(out)]
    cards = []
    for scale in (3, 2, 2, 2):
        assert cli.main(call) == 0
        cards.append(zoo.card("espcn", scale, out))
    x3, first, second, third = cards
    assert [card.all_steps for card in cards] == [15, 20, 20 + 25, 20 + 25 + 30]
    assert [card.origin for card in cards] == [None, "espcn x3", "espcn x3", "espcn x3"]
    assert x3.started_from is None
    assert third.started_from == f"espcn x2 ({second.sha256[:8]})"
    assert [one["file"] for one in third.stages] == [first.file, second.file, third.file]
    assert third.before[0]["results"] == first.results
    assert third.all_hours == pytest.approx(first.hours + second.hours + third.hours)
    assert "  before: 20 steps, " in str(third)
    finished = {path.name.removeprefix("espcn-") for path in runs.iterdir()}
    assert finished == {"x3-quick-done-1", "x2-quick-done-1", "x2-quick-done-2", "x2-quick-done-3"}


def test_an_empty_queue_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "QUEUE.md").write_text("- [x] `srlib train espcn -s 2`\n")
    assert cli.main(["zoo", "train-next", "--queue", str(tmp_path / "QUEUE.md")]) == 0
    assert "nothing is waiting" in capsys.readouterr().out


def test_a_missing_queue_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["zoo", "train-next", "--queue", str(tmp_path / "none.md")]) != 0
    said = capsys.readouterr().err.strip()
    assert said == f"srlib zoo: {tmp_path / 'none.md'}: there is no such queue; check the path"


# --- how weights are stored ---


class Difference(nn.Module):
    """Multiplies by a - b; float16 knows neither number exactly."""

    channels, scale, pre_upsample = 1, None, True

    def __init__(self, a: float, b: float) -> None:
        super().__init__()
        self.factors = nn.Parameter(torch.tensor([a, b]))

    def forward(self, x: Tensor) -> Tensor:
        return x * (self.factors[0] - self.factors[1])


@pytest.mark.parametrize(
    ("a", "b", "stored"),
    [(1.00001, 0.0, "float16"), (1000.2, 999.3, "float32")],  # float16 makes 1000 and 999.5 of the latter
)
def test_weights_are_halved_only_where_that_costs_next_to_nothing(a: float, b: float, stored: str) -> None:
    net = Difference(a, b)
    kind, results = train._stored(net, (2,), ("photos",))
    assert kind == stored
    assert net.factors.tolist() == pytest.approx([a, b] if stored == "float32" else [1, 0], abs=1e-4)
    assert results["photos x2"]["psnr"] == pytest.approx(evaluate(net, "photos", 2).psnr, abs=1e-3)


# --- weights made again ---


@pytest.mark.parametrize("card", zoo.cards(), ids=lambda card: card.stem)
def test_a_cards_command_asks_for_the_training_it_describes(card: zoo.Card) -> None:
    options = cli._parser().parse_args(["train", *train.command(card)])
    plan = train.planned(options)
    made = json.loads(json.dumps(asdict(plan.recipe)))
    assert made == {**made, **card.recipe}
    assert (plan.name, list(plan.scales), options.seed) == (card.name, card.scales, card.seed)
    assert json.loads(json.dumps(plan.arguments)) == card.arguments
    start = None if options.from_scratch else plan.start
    if card.started_from is None:
        assert start is None
    else:  # "vdsr x2 x3 x4 (7df8e2c9)": any of its scales names it
        name, *scales, _ = card.started_from.split()
        assert start is not None
        assert start[0] == name
        assert f"x{start[1]}" in scales


def test_retrain_says_where_the_weights_that_a_training_began_with_are_gone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    x2, real = zoo.card("fsrcnn", 2), zoo.card
    here = real("fsrcnn", 3).sha256[:8]
    for start, warned in ((here, False), ("0a1b2c3d", True)):
        card = replace(x2, started_from=f"fsrcnn x3 ({start})")
        with monkeypatch.context() as patch:
            patch.setattr(zoo, "card", lambda name, scale, x2=card: x2 if scale == 2 else real(name, scale))
            assert cli.main(["zoo", "retrain", "fsrcnn", "-s", "2", "--show"]) == 0
        said = capsys.readouterr().out
        assert (f"began with fsrcnn x3 ({start}), which the zoo no longer has" in said) == warned
        assert (f"begins with fsrcnn x3 ({here})" in said) == warned


def test_retrained_weights_are_the_same_to_the_last_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "zoo", tmp_path / "again"
    call = [
        "train",
        "espcn",
        "-s",
        "3",
        "--steps",
        "30",
        *TINY,
        "--set",
        "optimizer=soap",
        "--set",
        "ema=0.9",
    ]
    assert cli.main([*call, "--runs", str(tmp_path / "a"), "--out", str(first)]) == 0
    monkeypatch.setattr(zoo, "FOLDER", first)
    monkeypatch.setattr(zoo.card, "__defaults__", (None, first))
    retrain = ["zoo", "retrain", "espcn", "-s", "3", "--runs", str(tmp_path / "b"), "--out", str(second)]
    assert cli.main([*retrain, "--show"]) == 0
    assert not second.exists()
    assert cli.main([*retrain, "--numbers", "float32"]) == 0
    before, after = (zoo.card("espcn", 3, folder) for folder in (first, second))
    assert before.sha256 == after.sha256
    assert before.curves == after.curves
    assert [step for step, _ in before.curves["loss"]][-1] == 30
