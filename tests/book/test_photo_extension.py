"""The local Sphinx extension that puts networks into pages: which, once, from the zoo's present weights, and
only those that the page can compute."""

import importlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from srlib import zoo
from srlib.models import EDSR, ESPCN, FSRCNN, SRCNN, VDSR, WDSR

BOOK = Path(__file__).parents[2] / "book"


@pytest.fixture
def photo(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BOOK / "_ext"))
    return importlib.import_module("photo")


@pytest.fixture
def networks(photo: Any) -> Any:
    return importlib.import_module("photo_networks")


def place(networks: str, kind: str = "srlib-photo") -> str:
    return f'<div class="{kind}" data-networks="{networks}" data-scale="3">only in a notebook</div>'


def data(page: str) -> Any:
    """What the page's scripts are handed."""
    (found,) = re.findall(r'<script type="application/json" id="srlib-photo-data">(.*?)</script>', page)
    return json.loads(found)


# --- places ---------------------------------------------------------------------------------------


def test_a_page_without_a_place_stays_as_it_is(photo: Any) -> None:
    assert photo.filled("<p>words</p>") == "<p>words</p>"


def test_a_page_has_the_networks_that_it_names_at_every_scale_there_is(photo: Any) -> None:
    page = photo.filled(f"<p>a</p>{place('espcn fsrcnn')}<p>b</p>")
    found = [(one["name"], one["scale"]) for one in data(page)["networks"]]
    assert found == [(name, scale) for name in ("espcn", "fsrcnn") for scale in (2, 3, 4)]
    assert "only in a notebook" not in page
    assert page.startswith("<p>a</p><style>")


def test_scripts_and_weights_stand_once_in_a_page_of_several_places(photo: Any) -> None:
    page = photo.filled(place("fsrcnn") + place("fsrcnn espcn") + place("espcn", "srlib-photo-times"))
    assert page.count("<script>") == page.count("<style>") == 1
    assert len(data(page)["networks"]) == 6
    assert page.count('data-networks="fsrcnn espcn"') == 1  # the place itself stays


def test_nothing_in_the_data_can_end_its_script(photo: Any) -> None:
    body = photo.filled(place("fsrcnn"))
    assert body.count("</script>") == 2
    assert not re.search(r"(src|href)=\"(https?:)?//", body)


def test_an_unknown_network_ends_the_build_with_one_line(photo: Any) -> None:
    from sphinx.errors import ExtensionError

    for named, why in (
        ("fsrcn", "did you mean 'fsrcnn'"),
        ("srresnet", "BatchNorm2d"),
        ("", "names no network"),
    ):
        with pytest.raises(ExtensionError, match=why) as found:
            photo.fill_in(None, "book/your_photo", "", {"body": place(named)}, None)
        assert str(found.value).startswith("book/your_photo: ")
        assert "\n" not in str(found.value)


def test_a_page_without_a_body_is_none_of_its_business(photo: Any) -> None:
    context: dict[str, Any] = {}
    photo.fill_in(None, "search", "", context, None)
    assert context == {}


def test_a_changed_weight_changes_the_page(photo: Any, tmp_path: Path) -> None:
    for path in zoo.FOLDER.glob("fsrcnn-x3*"):
        shutil.copy(path, tmp_path)
    before = data(photo.filled(place("fsrcnn"), tmp_path))["networks"]
    model = zoo.load("fsrcnn", 3)
    with torch.no_grad():
        model.map[0][0].weight[0, 0, 0, 0] += 0.5  # type: ignore[index, union-attr]
    zoo.store(model, zoo.card("fsrcnn", 3), tmp_path)
    photo.head.cache_clear()  # a build is a new process
    after = data(photo.filled(place("fsrcnn"), tmp_path))["networks"]
    changed = [
        number
        for number, (one, other) in enumerate(zip(before[0]["steps"], after[0]["steps"], strict=True))
        if one != other
    ]
    assert len(changed) == 1
    assert before == data(photo.filled(place("fsrcnn")))["networks"][1:2]  # the zoo's own


# --- networks -------------------------------------------------------------------------------------

KNOWN: dict[str, nn.Module] = {
    "SRCNN": SRCNN((9, 5, 5), init="he"),
    "VDSR": VDSR(3, features=4),
    "ESPCN": ESPCN(4, features=(4, 3)),
    **{f"FSRCNN x{scale}": FSRCNN(scale, d=5, s=3, m=1) for scale in (2, 3, 4)},
    "FSRCNN, wide brush": FSRCNN(3, d=5, s=3, m=1, enlarge=12),
    "FSRCNN, narrow brush": FSRCNN(3, d=5, s=3, m=1, enlarge=3),
    "EDSR": EDSR(4, blocks=1, features=4, res_scale=0.1),
    "WDSR A": WDSR(2, blocks=1, features=4),
    "WDSR B": WDSR(3, blocks=1, features=4, kind="B"),
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_steps_of_a_network_give_its_answer(networks: Any, name: str) -> None:
    model = KNOWN[name].eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))  # no weight is zero, none is its initial value
    x = torch.rand(2, model.channels, 11, 13)  # type: ignore[call-overload]
    steps = networks.steps_of(model)
    with torch.no_grad():
        torch.testing.assert_close(networks.run(steps, x), model(x), atol=1e-4, rtol=1e-4)
    assert {step["op"] for step in steps} <= {
        "conv",
        "relu",
        "prelu",
        "tanh",
        "shuffle",
        "add",
        "shift",
        "times",
    }


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (EDSR(2, blocks=1, features=4, output="sigmoid"), "no step for"),
        (WDSR(2, blocks=1, features=4, convolution="grouped"), "groups=4"),
        (WDSR(2, blocks=1, features=4, norm="batch"), "BatchNorm2d"),
        (SRCNN(inside=2), "interpolate"),
        (nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), "reflect"),
        (nn.Conv2d(1, 1, 3, stride=2, padding=1), "stride=\\(2, 2\\)"),
    ],
    ids=["sigmoid", "groups", "batch norm", "interpolate", "border", "stride"],
)
def test_what_the_page_cannot_compute_is_refused_in_one_line(
    networks: Any, model: nn.Module, why: str
) -> None:
    if isinstance(model, nn.Conv2d):
        model = nn.Sequential(model)
        model.channels = 1  # type: ignore[assignment]
    with pytest.raises(networks.Unknown, match=why) as found:
        networks.steps_of(model)
    assert "\n" not in str(found.value)


def test_steps_that_give_another_answer_are_refused(networks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "module_steps", lambda module: [{"op": "times", "factor": 1.0}])
    with pytest.raises(networks.Unknown, match="do not give its own answer"):
        networks.steps_of(KNOWN["VDSR"])


def test_weight_normalisation_is_merged_and_the_model_is_left_alone(networks: Any) -> None:
    model = WDSR(2, blocks=1, features=4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    networks.steps_of(model)
    assert model.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
