"""How fast the networks train and enlarge: beside the plainest correct code, and beside what the machine can
do at all (a large matrix product in the same number type)."""

import copy
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.naive import PngPatches, write_pngs
from benchmarks.timing import Row, medians_ms, rates_table
from srlib import models, settings
from srlib.data import PatchBank, photos
from srlib.images import luma
from srlib.inference import run as forward
from srlib.inference import upscale
from srlib.resize import imresize
from srlib.speed import Setting
from srlib.training import Recipe, Run, draw, fit, pixel_step

TRAINED: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "ESPCN x3": (lambda: models.ESPCN(3), 24),
    "EDSR x3, 4 blocks of 24 features": (lambda: models.EDSR(3, blocks=4, features=24), 24),
    "WDSR-A x3, 4 blocks": (lambda: models.WDSR(3, blocks=4), 24),
}
PLAIN = "plain loop, DataLoader on PNG files"
ENLARGING: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "SRCNN 9-1-5 x4": (lambda: models.SRCNN((9, 1, 5), init="he"), 4),
    "FSRCNN x4": (lambda: models.FSRCNN(4), 4),
    "ESPCN x4": (lambda: models.ESPCN(4), 4),
    "VDSR x4": (lambda: models.VDSR(), 4),
    "SRResNet x4": (lambda: models.SRResNet(4), 4),
    "EDSR-baseline x4": (lambda: models.EDSR(4), 4),
    "MDSR-baseline x4": (lambda: models.MDSR(), 4),
    "WDSR-A-16 x4": (lambda: models.WDSR(4), 4),
    "WDSR-B-16 x4": (lambda: models.WDSR(4, kind="B"), 4),
}


def training_tables(batch: int = 16, scale: int = 3) -> list[Row]:
    """Steps a second of ``fit``'s step against the loop that a tutorial writes: float32, contiguous, Adam,
    one picture file opened for each patch; and against the same loop on patches from the bank."""
    rows = []
    for name, (make, patch) in TRAINED.items():
        torch.manual_seed(0)
        net = make()
        pictures = {k: x for k, x in photos().items() if min(x.shape[1:]) >= patch * scale}
        bank = PatchBank(pictures, scale, channels=1 if net.channels == 1 else 3)
        with tempfile.TemporaryDirectory() as folder:
            hr, lr = Path(folder, "hr"), Path(folder, "lr")
            write_pngs(pictures, hr, lr, scale)
            loader = iter(DataLoader(PngPatches(hr, lr, scale, patch), batch_size=batch))
            ours, setting = _our_step(copy.deepcopy(net), bank, Recipe(steps=10**6, batch=batch, patch=patch))
            calls = {
                "srlib.training.fit's step": ours,
                PLAIN: _plain_step(copy.deepcopy(net), lambda loader=loader: next(loader)),
                "plain loop on patches from srlib's bank": _plain_step(
                    copy.deepcopy(net), lambda bank=bank, patch=patch: bank.sample(batch, patch)
                ),
            }
            rates = {call: 1e3 / ms for call, ms in medians_ms(calls, seconds=3).items()}
        title = f"training steps a second, {name}, batch {batch}, LR patch {patch}"
        rows += rates_table(title, "steps/s", rates, f"({setting})")
    return rows


def _our_step(net: nn.Module, bank: PatchBank, recipe: Recipe) -> tuple[Callable[[], object], Setting]:
    setting = fit(copy.deepcopy(net), bank, replace(recipe, steps=1), progress=False).setting
    run = Run(net, recipe, setting)
    run.player.set_rate(recipe.lr)

    def step() -> None:
        x, hr, scale = draw(net, bank, recipe)
        pixel_step(run, x, hr, scale)["loss"].item()

    return step, setting


def _plain_step(net: nn.Module, sample: Callable[[], tuple[Tensor, Tensor]]) -> Callable[[], object]:
    adam = torch.optim.Adam(net.parameters(), lr=1e-4)

    def step() -> None:
        lr, hr = sample()
        if net.channels == 1:
            lr, hr = luma(lr), luma(hr)
        loss = F.l1_loss(net(lr), hr)
        adam.zero_grad()
        loss.backward()
        adam.step()
        loss.item()

    return step


def inference_table() -> list[Row]:
    """EDSR-baseline x4 on a 320 x 240 picture: ``upscale`` against the same network called as it is."""
    torch.manual_seed(0)
    net = models.EDSR(4).eval()
    x = imresize(photos("astronaut")["astronaut"], size=(240, 320)).clamp(0, 1)

    @torch.no_grad()
    def plain() -> Tensor:
        return net(x[None])[0]

    def ours() -> Tensor:
        return upscale(net, x, 4)

    worst = (ours() - plain().clamp(0, 1)).abs().max().item()
    assert worst < 1 / 512, f"upscale differs by {worst} from the network itself"
    title = "pictures a second, EDSR-baseline x4, 320 x 240 -> 1280 x 960"
    times = medians_ms({"srlib.inference.upscale": ours, "the same network, float32, contiguous": plain}, 5)
    rates = {name: 1e3 / ms for name, ms in times.items()}
    return rates_table(title, "pictures/s", rates, f"(largest difference {worst:.1e})")


def peak_table(height: int = 120, width: int = 160) -> list[Row]:
    """Each network's share of the multiply-adds a second that a matrix product reaches on this device; both
    take turns, for a machine's speed changes with its neighbours."""
    device = settings.device()
    title = f"share of this device's float32 peak (a large matrix product), {width} x {height}"
    print(f"\n{title}\n{'':46}{'GFLOP/s':>10}{'product':>10}{'share':>10}")
    products, flops = _products(device, torch.float32)
    rows = []
    for name, (make, scale) in ENLARGING.items():
        torch.manual_seed(0)
        net = make().to(device).eval()
        x = torch.rand(1, net.channels, height, width, device=device)  # type: ignore[arg-type]
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            forward(net, imresize(x, scale) if net.pre_upsample else x, scale)
        times = medians_ms({**products, name: lambda net=net, x=x, scale=scale: upscale(net, x, scale)}, 1)
        rate = 1e3 * counter.get_total_flops() / times.pop(name)
        peak = 1e3 * flops / min(times.values())
        print(f"{name:46}{rate / 1e9:10.1f}{peak / 1e9:10.1f}{rate / peak:10.2f}", flush=True)
        rows.append(
            {"table": title, "name": name, "unit": "GFLOP/s", "value": rate / 1e9, "ratio": rate / peak}
        )
    return rows


def gpu_table() -> list[Row]:
    """EDSR-baseline x2 (patch 48, batch 16) on a GPU: steps a second, the floor that its multiply-adds set in
    bf16, and the fraction reached. Empty without a GPU."""
    device = settings.device()
    if device.type != "cuda":
        return []
    bank = PatchBank(photos(), 2, device)
    run = fit(models.EDSR(2), bank, Recipe(steps=3000, patch=48), progress=False)
    x = torch.rand(16, 3, 48, 48, device=device)
    with FlopCounterMode(display=False) as counter:
        models.EDSR(2).to(device)(x).sum().backward()
    products, flops = _products(device, torch.bfloat16)
    floor = 1e3 * flops / min(medians_ms(products, 1).values()) / counter.get_total_flops()
    rate = run.step / run.seconds
    title = f"EDSR-baseline x2 training steps a second ({run.setting})"
    print(f"\n{title}: {rate:.0f}, floor {floor:.0f}, reached {rate / floor:.2f}")
    return [{"table": title, "name": "fit", "unit": "steps/s", "value": rate, "ratio": rate / floor}]


def _products(
    device: torch.device, dtype: torch.dtype, size: int = 2048
) -> tuple[dict[str, Callable[[], object]], float]:
    """One large matrix product by two libraries, torch's own and the convolutions' (a 1x1 convolution of many
    channels is one; on AMD it is twice as fast), and how many multiplications and additions it has."""
    a, b = (torch.rand(size, size, device=device).to(dtype) for _ in range(2))
    x = a.T.reshape(1, size, 32, size // 32).contiguous(memory_format=torch.channels_last)
    w = b[:, :, None, None].contiguous(memory_format=torch.channels_last)
    return {"product": lambda: a @ b, "1x1 convolution": lambda: F.conv2d(x, w)}, 2.0 * size**3
