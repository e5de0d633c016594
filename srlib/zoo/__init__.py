"""Trained weights and the card of each: what it was trained on, how long, and what it reaches.

``load("edsr-baseline", scale=2)`` builds the network, verifies the file and returns it ready to use. Weights
are safetensors files: numbers and nothing else, so loading one never runs anything.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from srlib import models
from srlib.files import whole_or_nothing, write_json
from srlib.names import there_are
from srlib.zoo.convert import ZooError, convert, warm_start

__all__ = [
    "FOLDER",
    "Card",
    "ZooError",
    "build",
    "card",
    "cards",
    "convert",
    "load",
    "names",
    "store",
    "warm_start",
]

FOLDER = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class Card:
    """What is known of one set of weights. ``model`` and ``arguments`` build the network; ``scales`` it
    enlarges by; ``data``, ``recipe``, ``steps``, ``device``, ``hours``: how it was trained; ``critic``: what
    SRGAN's generator was asked for; ``before``: the trainings of the same network that this one went on from,
    the oldest first, each as ``stages`` tells it; ``results``: {"set5 x2": {"psnr": dB, "ssim": ...,
    "bicubic": dB}, ...}, measured with the stored weights; ``curves``: {"loss": [[step, mean since the entry
    before], ...], "photos": [[step, dB], ...]}, with a critic also "content", "adversarial" and "critic";
    ``file`` and ``sha256``: where the weights lie beside the card; ``note``: what a user should know."""

    name: str
    scales: list[int]
    model: str
    arguments: dict[str, Any]
    parameters: int
    data: str
    recipe: dict[str, Any]
    profile: str
    steps: int
    seed: int
    device: str
    hours: float
    started_from: str | None
    results: dict[str, dict[str, Any]]
    note: str
    code: str
    torch: str
    critic: str = ""
    before: list[dict[str, Any]] = field(default_factory=list)
    stored: str = "float16"
    curves: dict[str, list[list[float]]] = field(default_factory=dict)
    file: str = ""
    sha256: str = ""
    folder: Path = field(default=FOLDER, compare=False)

    @property
    def title(self) -> str:
        """The name with its scales, as "edsr-baseline x2" or "vdsr x2 x3 x4"."""
        return " ".join([self.name, *(f"x{scale}" for scale in self.scales)])

    @property
    def stem(self) -> str:
        """How its files' names begin, as "edsr-baseline-x2" or "vdsr-x234"."""
        return f"{self.name}-x{''.join(map(str, self.scales))}"

    @property
    def start(self) -> tuple[str, int] | None:
        """Name and scale of the weights that the training began with; None: from scratch."""
        if self.started_from is None:
            return None
        name, scale = self.started_from.split()[:2]
        return name, int(scale[1:])

    @property
    def stages(self) -> list[dict[str, Any]]:
        """Every training of this network that these weights went through, the oldest first: its ``steps``,
        ``hours``, ``device``, ``data``, ``recipe``, what it ``started_from``, its ``results``, looks at the
        ``photos`` and ``file``."""
        told = ("steps", "hours", "device", "data", "recipe", "started_from", "results", "file")
        last = {name: getattr(self, name) for name in told} | {"photos": self.curves.get("photos", [])}
        return [*self.before, last]

    @property
    def all_steps(self) -> int:
        """The steps of all stages."""
        return sum(int(one["steps"]) for one in self.stages)

    @property
    def all_hours(self) -> float:
        """The hours of all stages."""
        return sum(float(one["hours"]) for one in self.stages)

    @property
    def origin(self) -> str | None:
        """The other network that the first stage began with, as "edsr-baseline x2"; None: from scratch."""
        start: str | None = self.stages[0]["started_from"]
        return start.partition(" (")[0] if start else None

    @property
    def course(self) -> str:
        """The looks at the photographs of all stages, counted from the first step, in words; "" for none."""
        looks, done = [], 0
        for one in self.stages:
            looks += [f"{value:.2f} dB at {int(step) + done:,}" for step, value in one["photos"]]
            done += int(one["steps"])
        return f"On the photographs by steps: {', '.join(looks)}." if looks else ""

    @property
    def remarks(self) -> str:
        """The note, and the course that it may speak of; "" where there is no note."""
        return f"{self.note} {self.course}".rstrip() if self.note else ""

    def __str__(self) -> str:
        lines = [
            f"{self.title}: {self.model}({', '.join(f'{k}={v!r}' for k, v in self.arguments.items())})",
            f"  {self.parameters:,} parameters, stored as {self.stored}, {self.file}",
            f"  trained on {self.data}",
            f"  {self.steps:,} of the {self.profile} recipe's {self.recipe['steps']:,} steps, "
            f"{self.hours:.2g} h on {self.device}, seed {self.seed}",
        ]
        lines += [f"  started from {self.started_from}"] if self.started_from else []
        for one in self.before:
            reached = ", ".join(
                f"{where} {values['psnr']:.2f} dB" for where, values in one["results"].items()
            )
            lines.append(f"  before: {one['steps']:,} steps, {one['hours']:.2g} h; {reached}")
        lines += [f"  with a critic: {self.critic}"] if self.critic else []
        for where, values in self.results.items():
            row = f"{values['psnr']:.2f} dB, SSIM {values['ssim']:.4f} (bicubic {values['bicubic']:.2f} dB)"
            lines.append(f"  {where}: {row}")
        return "\n".join([*lines, *(f"  {text}" for text in (self.note, self.course) if text)])


def names(folder: Path = FOLDER) -> list[str]:
    """The networks there are weights for."""
    return list(dict.fromkeys(card.name for card in cards(folder)))


def cards(folder: Path = FOLDER) -> list[Card]:
    """Every card in the folder, by name and scale."""
    found = [_read_card(path) for path in folder.glob("*.json")]
    return sorted(found, key=lambda card: (card.name, card.scales))


def card(name: str, scale: int | None = None, folder: Path = FOLDER) -> Card:
    """The card of ``name`` for ``scale``, which may be left out where there is only one."""
    mine = [c for c in cards(folder) if c.name == name]
    if not mine:
        raise ZooError(f"the zoo has no weights {name!r}; {there_are(name, names(folder))}")
    fitting = [c for c in mine if scale is None or scale in c.scales]
    have = ", ".join(f"x{s}" for c in mine for s in c.scales)
    if not fitting:
        raise ZooError(f"there is no {name} for x{scale}; there is {have}")
    if len(fitting) > 1:
        raise ZooError(f"say which {name}: scale= one of {have}")
    return fitting[0]


def load(
    name: str | Path, scale: int | None = None, device: torch.device | str = "cpu", folder: Path = FOLDER
) -> nn.Module:
    """The trained network, float32, in eval mode, on ``device``. ``name``: one of ``names()``, or the path
    of a card (.json) or weights file (.safetensors, its card beside it) of your own training."""
    path = Path(name)
    if path.suffix in (".json", ".safetensors"):
        chosen = _card_of(path, scale)
    elif path.suffix in (".pt", ".pth", ".bin", ".ckpt"):
        raise ZooError(f"{path}: such files can run code when loaded; convert it with srlib.zoo.convert")
    else:
        chosen = card(str(name), scale, folder)
    model = build(chosen.model, chosen.arguments)
    model.load_state_dict(_verified(chosen))
    if torch.device(device).type == "cpu":
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model.to(device).eval()


def build(model: str, arguments: dict[str, Any]) -> nn.Module:
    """A network by its class name in ``srlib.models``; lists become tuples, as JSON has no tuples."""
    if model not in models.__all__:
        raise ZooError(f"srlib.models has no network {model!r}; there are {', '.join(models.__all__)}")
    plain = {k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()}
    network: nn.Module = getattr(models, model)(**plain)
    return network


def store(model: nn.Module, about: Card, folder: Path) -> Card:
    """Write weights and card into ``folder``; returns the card with file name and hash filled in. The card
    is written last and names its file by hash, so a reader finds the old pair or the new one."""
    rounded = {name for name, _ in model.named_parameters()} if about.stored == "float16" else set()
    half = {k: v.half() if k in rounded else v for k, v in _flat(model)}
    raw = save_safetensors(half)
    digest = hashlib.sha256(raw).hexdigest()
    done = Card(**{**_fields(about), "file": f"{about.stem}-{digest[:8]}.safetensors", "sha256": digest})
    folder.mkdir(parents=True, exist_ok=True)
    with whole_or_nothing(folder / done.file) as file:
        file.write(raw)
    record = {k: v for k, v in asdict(done).items() if k != "folder"}
    write_json(folder / f"{about.stem}.json", record, by_line=["curves"])
    for old in folder.glob(f"{about.stem}-????????.safetensors"):
        if old.name != done.file:
            old.unlink()
    return Card(**{**_fields(done), "folder": folder})


def as_stored(model: nn.Module) -> None:
    """Round the weights as a float16 file will hold them, so that what is measured is what is shipped. Batch
    normalisation's running variances stay as they are: small ones would become 0."""
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.copy_(tensor.half().to(tensor.dtype))


def _flat(model: nn.Module) -> list[tuple[str, Tensor]]:
    return [(k, v.detach().cpu().contiguous()) for k, v in model.state_dict().items()]


def _fields(about: Card) -> dict[str, Any]:
    return {name: getattr(about, name) for name in Card.__dataclass_fields__}


def _card_of(path: Path, scale: int | None) -> Card:
    """The card at ``path``, or the one beside the weights at ``path``."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file; check the path")
    if path.suffix == ".safetensors":
        beside = [c for c in cards(path.parent) if c.file == path.name]
        if not beside:
            raise ZooError(f"{path}: no card (.json) beside it says what network this is")
        path = path.with_name(f"{beside[0].stem}.json")
    found = _read_card(path)
    if scale is not None and scale not in found.scales:
        raise ZooError(f"{path}: these weights are for {found.title}, not x{scale}")
    return found


def _read_card(path: Path) -> Card:
    try:
        return Card(**json.loads(path.read_text(encoding="utf-8")), folder=path.parent)
    except (ValueError, TypeError) as fault:
        raise ZooError(f"{path}: not a card of the zoo ({fault}); get the file again") from None


def _verified(chosen: Card) -> dict[str, Tensor]:
    """The weights that the card names, as float32, their hash verified before they are looked at."""
    path = chosen.folder / chosen.file
    try:
        raw = path.read_bytes()
    except OSError as fault:
        raise ZooError(f"{path}: cannot be read ({fault.strerror}); get the file again") from None
    if hashlib.sha256(raw).hexdigest() != chosen.sha256:
        raise ZooError(f"{path}: not the file that its card describes (wrong SHA-256); get it again")
    return {k: v.float() if v.is_floating_point() else v for k, v in load_safetensors(raw).items()}
