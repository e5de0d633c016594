"""Your own picture: choose or upload it, upscale it, compare, save (chapters 0 and 13)."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from srlib import data, zoo
from srlib.degrade import bicubic
from srlib.images import crop_to_multiple, from_uint8, load, middle, save, to_uint8
from srlib.inference import Tiled, upscale
from srlib.metrics import psnr
from srlib.resize import imresize
from srlib.settings import building_book
from srlib.show._html import Html, escape, pil
from srlib.show.compare import compare

SEEN = 512
"""The slider shows the middle of a large picture, at most so many pixels a side."""

LARGEST = 4_000_000
"""Pixels that come in; more would keep a laptop busy for minutes. ``srlib upscale`` takes any size."""


def studio(
    networks: Sequence[str] = ("fsrcnn", "espcn", "srcnn-955", "edsr-small"),
    *,
    photo: str = "chelsea",
    scale: int = 3,
) -> "Studio":
    """Choose one of the book's photographs or upload your own, a network and a scale, and compare what the
    network makes of it with bicubic interpolation; save the result. On the saved page: the slider for
    ``photo`` and the first network. Chapter 0."""
    return Studio(networks, photo, scale)


def enlarged(lr: Tensor, network: str, scale: int, tile: int = 0) -> Tensor:
    """(3, H, W) in [0, 1], ``scale`` times larger by a network of the zoo; a gray picture stays one channel.
    ``tile``: pixels of LR computed at once (0: the whole picture), which changes the memory and not the
    result."""
    model = zoo.load(network, scale=scale)
    return upscale(Tiled(model, tile) if tile else model, lr, scale)


def saved(x: Tensor, path: str | Path) -> Path:
    """Write a picture, unless a file of that name is there already: that one stays."""
    if Path(path).exists():
        raise FileExistsError(f"{path}: there is such a file already; choose another name")
    return save(x, path)


class Studio:
    """What ``studio`` returns."""

    def __init__(self, networks: Sequence[str], photo: str, scale: int) -> None:
        self.networks = list(networks)
        if not self.networks:
            raise ValueError("a studio needs at least one network of the zoo")
        data.photos(photo)  # an unknown one is said now, not when a button is pressed
        self.scales = {name: sorted(_scales(name)) for name in self.networks}
        if scale not in self.scales[self.networks[0]]:
            raise ValueError(f"{self.networks[0]} is there for {self.scales[self.networks[0]]}, not x{scale}")
        self.photo, self.scale = photo, scale

    def make(
        self, x: Tensor, network: str, scale: int, *, tile: int = 0, shrink: bool = True
    ) -> tuple[Html, Tensor]:
        """The slider for one picture, and the whole result. ``shrink``: it is made small first, so that the
        original is known and the PSNR can be measured; else it is enlarged as it is."""
        if network not in self.scales:
            raise ValueError(f"{network} is none of this studio's networks: {', '.join(self.networks)}")
        if scale not in self.scales[network]:
            there = ", ".join(f"x{one}" for one in self.scales[network])
            raise ValueError(f"{network} was trained for {there}, not for x{scale}")
        if x.shape[-1] * x.shape[-2] > LARGEST:
            raise ValueError(
                f"{x.shape[-1]} x {x.shape[-2]} pixels are many for a notebook; crop the picture, or use "
                "`srlib upscale` in a terminal"
            )
        if min(x.shape[-2:]) < 4 * scale:
            raise ValueError(f"the picture has only {x.shape[-1]} x {x.shape[-2]} pixels")
        hr = crop_to_multiple(x, scale) if shrink else None
        lr = bicubic(hr, scale) if hr is not None else x
        plain = imresize(lr, scale).clamp(0, 1)
        sr = enlarged(lr, network, scale, tile)
        rows, columns = sr.shape[-2:]
        said = f"{lr.shape[-1]} x {lr.shape[-2]} pixels became {columns} x {rows}. "
        part = max(rows, columns) > SEEN
        if hr is not None:
            shown = (from_uint8(to_uint8(one)) for one in (plain, sr))  # the slider's numbers, to the digit
            before, after = (float(psnr(one, hr, crop=scale)) for one in shown)
            said += f"Bicubic {before:.2f} dB, {network} {after:.2f} dB against the original. "
        if part:
            said += f"The slider shows the middle {min(rows, SEEN)} rows and {min(columns, SEEN)} columns."
        page = compare(
            *[middle(one, SEEN) for one in (plain, sr, hr) if one is not None],
            labels=["bicubic", network] + (["original"] if hr is not None else []),
            reference=2 if hr is not None else None,
            crop=0 if part else scale,
            caption=said,
        )
        return page, sr

    def still(self) -> Html:
        """As on the saved page: the first choice of everything."""
        x = data.photos(self.photo)[self.photo]
        hint = "<p>Run the notebook to choose another picture, network or scale, or to upload your own.</p>"
        return Html(self.make(x, self.networks[0], self.scale)[0].text + hint)

    def widget(self) -> Any:
        """All there is to choose, the button that starts, the slider, and the button that saves."""
        import ipywidgets as w

        style = {"description_width": "initial"}
        photo = w.Dropdown(
            options=list(data.folder.PHOTOS), value=self.photo, description="photo", style=style
        )
        upload = w.FileUpload(accept="image/*", description="your own picture", layout=w.Layout(width="auto"))
        network = w.Dropdown(options=self.networks, description="network", style=style)
        scales = sorted({one for some in self.scales.values() for one in some})
        scale = w.Dropdown(
            options=[(f"x{one}", one) for one in scales], value=self.scale, description="scale", style=style
        )
        tile = w.Dropdown(
            options=[("whole picture", 0), ("64", 64), ("128", 128), ("256", 256)],
            description="tile",
            style=style,
        )
        shrink = w.Checkbox(True, description="make it small first", indent=False)
        go = w.Button(description="upscale", button_style="primary")
        where = w.Text("upscaled.png", description="save as", style=style)
        keep = w.Button(description="save", disabled=True)
        shown, said = w.HTML("<p>Press upscale.</p>"), w.HTML()

        def picture() -> Tensor:
            if not upload.value:
                return data.photos(photo.value)[photo.value]
            return load(bytes(upload.value[0]["content"]))

        results: list[Tensor] = []  # this widget's own: the same studio may be shown twice

        def uploaded(_: object) -> None:
            if upload.value:
                shrink.value = False  # your own picture is to become larger than it is

        def chosen(_: object) -> None:
            upload.value, shrink.value = (), True  # the photograph that was chosen last counts

        def work(_: object) -> None:
            go.disabled, shown.value, said.value = True, "<p>Working ...</p>", ""
            try:
                made, sr = self.make(
                    picture(), network.value, scale.value, tile=tile.value, shrink=shrink.value
                )
                results[:] = [sr]
                shown.value, keep.disabled = made.woken() + _download(sr), False
            except (OSError, RuntimeError, ValueError) as error:
                shown.value, keep.disabled = f'<p role="alert">{escape(str(error))}</p>', True
            finally:
                go.disabled = False

        def write(_: object) -> None:
            try:
                said.value = f"<p>saved as {escape(str(saved(results[0], where.value)))}</p>"
            except (OSError, ValueError) as error:
                said.value = f'<p role="alert">{escape(str(error))}</p>'

        upload.observe(uploaded, names="value")
        photo.observe(chosen, names="value")
        go.on_click(work)
        keep.on_click(write)
        line = w.Layout(display="flex", flex_flow="row wrap", align_items="center")
        choices = w.Box([photo, upload, network, scale, tile, shrink, go], layout=line)
        return w.VBox([choices, shown, w.Box([where, keep, said], layout=line)])

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        if building_book():
            return {"text/html": self.still().text, "text/plain": "a picture to upscale"}
        bundle: dict[str, Any] = self.widget()._repr_mimebundle_()
        return {"text/html": "<p>Run the notebook to upscale a picture here.</p>", **bundle}


def _scales(name: str) -> set[int]:
    found = {scale for card in zoo.cards() if card.name == name for scale in card.scales}
    if not found:
        raise ValueError(f"the zoo has no {name}; it has {', '.join(zoo.names())}")
    return found


def _download(x: Tensor) -> str:
    """A link that hands the result to the browser, for those whose notebook runs on another machine."""
    memory = io.BytesIO()
    pil(x).save(memory, "PNG")
    if memory.tell() > 8 * 2**20:
        return "<p>The result is too large for a link; save it below.</p>"
    address = base64.b64encode(memory.getvalue()).decode()
    link = (
        f'download="upscaled.png" style="text-decoration: underline" href="data:image/png;base64,{address}"'
    )
    return f"<p><a {link}>download the result</a></p>"
