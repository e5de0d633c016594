"""Weights and cards: what is loaded is what was stored, and nothing else is accepted."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from published import Y_PATH
from torch import nn

from srlib import data, zoo
from srlib.models import EDSR, ESPCN, MDSR, SRCNN, SRResNet
from srlib.published import published
from srlib.zoo import Card, ZooError
from srlib.zoo.table import table


def about(name: str, scales: list[int], model: str, arguments: dict[str, Any], **more: Any) -> Card:
    return Card(
        **{
            **{"name": name, "scales": scales, "model": model, "arguments": arguments, "parameters": 0},
            **{"data": "nothing", "recipe": {"steps": 5}, "profile": "quick", "steps": 5, "seed": 0},
            **{"device": "none", "hours": 0.0, "started_from": None, "results": {}, "note": ""},
            **{"code": "test", "torch": torch.__version__},
            **more,
        }
    )


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A zoo of three: espcn x2 and x3, and a multi-scale net."""
    for scale in (2, 3):
        torch.manual_seed(scale)
        arguments = {"scale": scale, "features": [8, 4]}
        zoo.store(ESPCN(scale, features=(8, 4)), about("espcn", [scale], "ESPCN", arguments), tmp_path)
    arguments = {"scales": [2, 3], "blocks": 1, "features": 4}
    torch.manual_seed(0)
    zoo.store(MDSR((2, 3), blocks=1, features=4), about("mdsr", [2, 3], "MDSR", arguments), tmp_path)
    return tmp_path


def test_what_was_stored_is_loaded_ready_to_use(small: Path) -> None:
    torch.manual_seed(3)
    original = ESPCN(3, features=(8, 4))
    loaded = zoo.load("espcn", scale=3, folder=small)
    assert isinstance(loaded, ESPCN)
    assert not loaded.training
    for a, b in zip(original.parameters(), loaded.parameters(), strict=True):
        assert b.dtype == torch.float32
        assert torch.equal(a.detach().half().float(), b)  # stored at half precision


def test_batch_normalisations_averages_are_stored_in_full(tmp_path: Path) -> None:
    net = SRResNet(2, blocks=1, features=4).eval()
    norm = next(m for m in net.modules() if isinstance(m, nn.BatchNorm2d))
    assert norm.running_var is not None
    assert norm.running_mean is not None
    norm.running_var.fill_(70_000.1)  # float16 ends at 65,504, and begins at 6e-8
    norm.running_mean.fill_(1e-9)
    zoo.store(net, about("srresnet", [2], "SRResNet", {"scale": 2, "blocks": 1, "features": 4}), tmp_path)
    zoo.as_stored(net)
    loaded = zoo.load("srresnet", folder=tmp_path)
    for (name, a), b in zip(net.state_dict().items(), loaded.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert float(loaded.state_dict()["body.0.body.1.running_var"][0]) == pytest.approx(70_000.1, rel=1e-7)


def test_weights_may_be_stored_in_full(tmp_path: Path) -> None:
    original = ESPCN(2)
    zoo.store(original, about("espcn", [2], "ESPCN", {"scale": 2}, stored="float32"), tmp_path)
    loaded = zoo.load("espcn", folder=tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(original.parameters(), loaded.parameters(), strict=True))


def test_a_multi_scale_net_is_found_by_any_of_its_scales(small: Path) -> None:
    nets = [zoo.load("mdsr", scale, folder=small) for scale in (None, 2, 3)]
    assert all(isinstance(net, MDSR) and net.scales == (2, 3) for net in nets)


def test_names_and_cards_are_listed(small: Path) -> None:
    assert zoo.names(small) == ["espcn", "mdsr"]
    assert [card.title for card in zoo.cards(small)] == ["espcn x2", "espcn x3", "mdsr x2 x3"]
    assert "5 of the quick recipe's 5 steps" in str(zoo.card("espcn", 2, small))


@pytest.mark.parametrize(
    ("name", "scale", "message"),
    [
        ("espcm", 2, "no weights 'espcm'; did you mean 'espcn'. There are: espcn, mdsr"),
        ("espcn", 4, "no espcn for x4; there is x2, x3"),
        ("espcn", None, "say which espcn: scale= one of x2, x3"),
    ],
)
def test_a_wrong_name_or_scale_says_what_there_is(small: Path, name: str, scale: Any, message: str) -> None:
    with pytest.raises(ZooError, match=message):
        zoo.load(name, scale, folder=small)


def test_a_changed_file_is_refused_before_it_is_read(small: Path) -> None:
    path = small / zoo.card("espcn", 2, small).file
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ZooError, match="wrong SHA-256"):
        zoo.load("espcn", 2, folder=small)
    path.unlink()
    with pytest.raises(ZooError, match=r"cannot be read .No such file"):
        zoo.load("espcn", 2, folder=small)


def test_pickled_weights_are_never_opened(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    path = tmp_path / "weights.pt"
    torch.save(Evil(), path)
    with pytest.raises(ZooError, match=r"can run code when loaded.*srlib.zoo.convert"):
        zoo.load(path)
    assert not (tmp_path / "ran").exists()


def test_own_weights_are_loaded_by_path_of_card_or_file(small: Path) -> None:
    by_name = zoo.load("espcn", 2, folder=small)
    for path in (small / "espcn-x2.json", small / zoo.card("espcn", 2, small).file):
        mine = zoo.load(path, 2)
        assert all(torch.equal(a, b) for a, b in zip(by_name.parameters(), mine.parameters(), strict=True))
    with pytest.raises(ZooError, match="these weights are for espcn x2, not x3"):
        zoo.load(small / "espcn-x2.json", 3)
    with pytest.raises(FileNotFoundError, match="check the path"):
        zoo.load(small / "espcn-x9.json")
    (small / "espcn-x2.json").unlink()
    with pytest.raises(ZooError, match="no card"):
        zoo.load(next(small.glob("espcn-x2*.safetensors")))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "espcn"}'])
def test_a_damaged_card_is_one_clear_line(small: Path, text: str) -> None:
    (small / "espcn-x2.json").write_text(text)
    with pytest.raises(ZooError, match="not a card of the zoo") as caught:
        zoo.names(small)
    assert "\n" not in str(caught.value)


def test_a_card_cannot_name_just_any_class(small: Path) -> None:
    card = small / "espcn-x2.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "model": "nn.Module"}))
    with pytest.raises(ZooError, match="has no network"):
        zoo.load("espcn", 2, folder=small)


def test_storing_again_replaces_both_files_and_a_kill_between_them_leaves_the_old_pair(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(p.name for p in small.iterdir())
    card = zoo.card("espcn", 2, small)

    def killed(*_: Any, **__: Any) -> None:  # the weights are in place, the card is about to be written
        raise KeyboardInterrupt

    torch.manual_seed(9)
    other = ESPCN(2, features=(8, 4))
    monkeypatch.setattr(zoo, "write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        zoo.store(other, replace(card, note="new"), small)
    assert zoo.card("espcn", 2, small).note == ""
    zoo.load("espcn", 2, folder=small)
    monkeypatch.undo()
    zoo.store(other, replace(card, note="new"), small)
    after = sorted(p.name for p in small.iterdir())
    assert len(after) == len(before)
    assert zoo.card("espcn", 2, small).note == "new"


def test_a_pre_upsampled_net_of_one_scale_is_found_by_its_cards_scale(tmp_path: Path) -> None:
    zoo.store(SRCNN(), about("srcnn-915", [3], "SRCNN", {"kernels": [9, 1, 5]}), tmp_path)
    assert isinstance(zoo.load("srcnn-915", 3, folder=tmp_path), SRCNN)
    with pytest.raises(ZooError, match="no srcnn-915 for x2; there is x3"):
        zoo.load("srcnn-915", 2, folder=tmp_path)


# --- the zoo in the box ---


def test_the_zoo_holds_the_books_networks() -> None:
    wanted = "srcnn-915 srcnn-955 fsrcnn espcn vdsr srresnet srgan edsr-baseline mdsr-baseline"
    assert {*wanted.split(), "wdsr-a-16", "wdsr-b-16"} <= set(zoo.names())


@pytest.mark.parametrize("card", zoo.cards(), ids=lambda card: card.title)
def test_every_card_tells_the_truth_about_its_weights(card: Card) -> None:
    net = zoo.load(card.folder / card.file)
    assert sum(p.numel() for p in net.parameters()) == card.parameters
    assert card.steps <= card.recipe["steps"]
    assert {f"photos x{scale}" for scale in card.scales} <= set(card.results)
    assert card.data
    assert card.device
    assert len(list(card.folder.glob(card.file[: -len("????????.safetensors")] + "*.safetensors"))) == 1


def test_a_cards_result_is_what_the_shipped_weights_give() -> None:
    from srlib.evaluation import evaluate

    card = zoo.card("espcn", 3)
    report = evaluate(zoo.load("espcn", 3), "photos", 3)
    assert report.psnr == pytest.approx(card.results["photos x3"]["psnr"], abs=0.002)
    assert report.ssim == pytest.approx(card.results["photos x3"]["ssim"], abs=2e-4)


@pytest.mark.parametrize(
    "card",
    [
        pytest.param(card, id=card.title, marks=[pytest.mark.slow] if card.parameters > 200_000 else [])
        for card in zoo.cards()
    ],
)
def test_the_set5_rows_of_the_table_are_what_the_shipped_weights_give(card: Card) -> None:
    from srlib.evaluation import evaluate

    if data.find("set5") is None:
        pytest.skip("needs Set5 (srlib fetch set5, or SRLIB_DATA)")
    net = zoo.load(card.folder / card.file)
    for scale in card.scales:
        report = evaluate(net, "set5", scale)
        assert report.psnr == pytest.approx(card.results[f"set5 x{scale}"]["psnr"], abs=0.002)
        assert report.ssim == pytest.approx(card.results[f"set5 x{scale}"]["ssim"], abs=2e-4)


def test_the_results_page_is_the_cards_own_table() -> None:
    assert (zoo.FOLDER.parent / "RESULTS.md").read_text(encoding="utf-8") == table() + "\n"


def test_the_page_states_what_doing_without_photographs_costs() -> None:
    pair = [zoo.card(name, 3).results["set5 x3"]["psnr"] for name in ("fsrcnn-leaves", "fsrcnn")]
    assert f"Set5 {pair[0] - pair[1]:+.2f} dB" in table()


def test_the_table_sets_ours_beside_the_papers() -> None:
    row = next(line for line in table().splitlines() if line.startswith("| fsrcnn x3 |"))
    ours = zoo.card("fsrcnn", 3).results["set5 x3"]["psnr"]
    assert f"| {ours:.2f} (33.16) |" in row
    assert "| 12,809 |" in row


def test_published_numbers_are_the_papers() -> None:
    assert published("srcnn-955", "set5", 3) == 32.75
    assert published("vdsr", "b100", 4) == 27.29
    assert published("srcnn-915", "set5", 2) is None
    assert published("edsr-small", "set5", 2) is None
    for dataset, name in (("set5", "Set5"), ("set14", "Set14"), ("b100", "BSD100")):
        for scale, (psnr, _) in Y_PATH[name].items():  # the EDSR paper's bicubic, against another table
            assert published("bicubic", dataset, scale) == pytest.approx(psnr, abs=0.011)


def test_edsr_from_the_zoo_is_the_papers_baseline() -> None:
    net = zoo.load("edsr-baseline", scale=2)
    assert isinstance(net, EDSR)
    assert sum(p.numel() for p in net.parameters()) == 1369859


def test_a_card_tells_the_course_of_the_training() -> None:
    card = zoo.card("espcn", 3)
    step, decibels = card.curves["photos"][-1]
    assert f"{decibels:.2f} dB at {int(step):,}" in str(card)
    assert "by steps" not in str(replace(card, curves={}))
    first = replace(card, steps=100, curves={"photos": [[50, 30.0], [100, 31.0]]})
    second = replace(card, steps=20, curves={"photos": [[20, 31.5]]}, before=first.stages, note="Read on.")
    told = "On the photographs by steps: 30.00 dB at 50, 31.00 dB at 100, 31.50 dB at 120."
    assert str(second).endswith(f"  Read on.\n  {told}")
    assert second.remarks == f"Read on. {told}"
    assert replace(second, note="").remarks == ""
