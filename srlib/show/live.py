"""Explorers: a drawing that follows its controls, by widgets where a kernel runs, and from frames drawn
beforehand where none does (all chapters)."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from srlib.settings import building_book
from srlib.show._html import Html, asset, escape

MOST_FRAMES = 120
"""Frames a saved page may hold of one explorer."""


@dataclass(frozen=True)
class Control:
    """One thing to choose: its label, its values with the words for them, the one it starts at, and whether
    it is a range, a list or a box to tick. ``still``: the values that the saved page has frames of."""

    kind: Literal["range", "list", "box"]
    label: str
    values: Mapping[str, Any]
    start: str
    still: tuple[str, ...]


def slide(label: str, values: Sequence[Any], start: Any, still: Sequence[Any] | None = None) -> Control:
    """Values in their order behind a slider; ``still``: those that the saved page has (all when None)."""
    words = {_word(value): value for value in values}
    if len(words) < len(values):
        raise ValueError(f"{label}: two of the values look the same; round them")
    return _control("range", label, words, _word(start), still)


def choose(
    label: str, values: Sequence[str] | Mapping[str, Any], start: str = "", still: Sequence[str] | None = None
) -> Control:
    """One of a list of names, or of names with values behind them."""
    named = values if isinstance(values, Mapping) else {value: value for value in values}
    if not named:
        raise ValueError(f"{label}: there is nothing to choose from")
    return _control("list", label, named, start or next(iter(named)), still)


def tick(label: str, start: bool = False) -> Control:
    """A yes or a no."""
    return _control("box", label, {"no": False, "yes": True}, "yes" if start else "no", None)


class Explorer:
    """A drawing with controls. ``draw`` is called with one keyword argument for each control and returns the
    picture (``Html`` without a script). Live, a widget follows the controls by ``observe``; on the saved page
    a script shows the frame that was drawn for them beforehand, and a line says how to get the rest."""

    def __init__(self, draw: Callable[..., Html], controls: Mapping[str, Control], title: str) -> None:
        self.draw, self.controls, self.title = draw, dict(controls), title
        self._drawn: dict[tuple[str, ...], str] = {}
        frames = math.prod(len(control.still) for control in self.controls.values())
        if frames > MOST_FRAMES:
            raise ValueError(f"{frames} frames are more than a page should hold ({MOST_FRAMES}); set still=")

    def text(self, **chosen: str) -> str:
        """The drawing's HTML for the values named by their words; those left out stand where they start."""
        words = tuple(chosen.get(name, control.start) for name, control in self.controls.items())
        if words not in self._drawn:
            values = {
                name: control.values[word]
                for (name, control), word in zip(self.controls.items(), words, strict=True)
            }
            self._drawn[words] = self.draw(**values).text
        return self._drawn[words]

    def still(self) -> Html:
        """The explorer as it is on a page without a kernel."""
        sizes, inputs = [], []
        for control in self.controls.values():
            sizes.append(len(control.still))
            inputs.append(_input(control))
        states = itertools.product(*(control.still for control in self.controls.values()))
        at_start = tuple(control.start for control in self.controls.values())
        shared = f"<style>{asset('srlib.show', 'figures.css')}</style>"  # once is enough for all frames
        frames = shared + "".join(
            f'<div class="frame"{"" if words == at_start else " hidden"}>'
            f"{self.text(**dict(zip(self.controls, words, strict=True))).replace(shared, '')}</div>"
            for words in states
        )
        return Html(
            f'<div class="srlib-explorer" role="group" aria-label="{escape(self.title)}" '
            f'data-sizes="{",".join(map(str, sizes))}"><style>{asset("srlib.show", "live.css")}</style>'
            f'<div class="controls">{"".join(inputs)}</div>{frames}'
            f'<p class="hint">{self._hint()}</p><p class="told" role="status"></p>'
            f"<script>{asset('srlib.show', 'live.js')}</script></div>"
        )

    def widget(self) -> Any:
        """The explorer as an ipywidget: its controls above, the drawing below."""
        import ipywidgets

        shown = ipywidgets.HTML(self.text())
        chosen = {}
        for name, control in self.controls.items():
            chosen[name] = _widget(control)

        def redraw(_: object) -> None:
            words = {name: _chosen(one.value) for name, one in chosen.items()}
            try:
                shown.value = self.text(**words)
            except (OSError, RuntimeError, ValueError) as error:  # said where the reader looks, not in a log
                shown.value = f'<p role="alert">{escape(str(error))}</p>'

        for one in chosen.values():
            one.observe(redraw, names="value")
        bar = ipywidgets.Box(
            list(chosen.values()), layout=ipywidgets.Layout(display="flex", flex_flow="row wrap")
        )
        return ipywidgets.VBox([bar, shown])

    def _hint(self) -> str:
        if not self.controls:
            return "Run the notebook to try this live."
        if any(len(control.still) < len(control.values) for control in self.controls.values()):
            return "Some of its states, drawn beforehand. Run the notebook to have them all."
        return "All of its states, drawn beforehand. Run the notebook to change what it is made of."

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        if building_book():
            return {"text/html": self.still().text, "text/plain": self.title}
        # beside the widget: what a viewer without a kernel shows
        fallback = {"text/html": f"{self.text()}<p>Run the notebook to change this.</p>"}
        try:
            return {**fallback, **self.widget()._repr_mimebundle_()}
        except ModuleNotFoundError:  # no ipywidgets here
            return {"text/html": self.still().text, "text/plain": self.title}


def _control(
    kind: Literal["range", "list", "box"],
    label: str,
    values: Mapping[str, Any],
    start: str,
    still: Sequence[Any] | None,
) -> Control:
    kept = tuple(values) if still is None else tuple(_word(value) for value in still)
    unknown = [word for word in {start, *kept} if word not in values]
    if unknown:
        raise ValueError(f"{label}: {', '.join(unknown)} is none of {', '.join(values)}")
    if start not in kept:
        raise ValueError(f"{label}: the saved page needs the value it starts at, {start}")
    return Control(kind, label, values, start, kept)


def _word(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _chosen(value: Any) -> str:
    """The word for a widget's value: a tick box has True or False, the others the word itself."""
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _widget(control: Control) -> Any:
    import ipywidgets

    style = {"style": {"description_width": "initial"}, "description": control.label}
    if control.kind == "box":
        return ipywidgets.Checkbox(control.start == "yes", indent=False, **style)
    if control.kind == "range":
        return ipywidgets.SelectionSlider(
            options=list(control.values), value=control.start, continuous_update=False, **style
        )
    return ipywidgets.Dropdown(options=list(control.values), value=control.start, **style)


def _input(control: Control) -> str:
    label, at = escape(control.label), control.still.index(control.start)
    if len(control.still) == 1:
        return f"<span>{label}: {escape(control.start)}</span>"
    if control.kind == "box":
        return f'<label><input type="checkbox"{" checked" if at else ""}> {label}</label>'
    if control.kind == "list":
        options = "".join(
            f"<option{' selected' if word == control.start else ''}>{escape(word)}</option>"
            for word in control.still
        )
        return f"<label>{label} <select>{options}</select></label>"
    words = escape("\n".join(control.still))
    return (
        f'<label>{label} <input type="range" min="0" max="{len(control.still) - 1}" value="{at}" '
        f'aria-valuetext="{escape(control.start)}" data-words="{words}"> '
        f"<output>{escape(control.start)}</output></label>"
    )
