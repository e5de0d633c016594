"""Drawings with controls: live by widgets, on the saved page from frames drawn beforehand."""

from srlib.show.explorers.answers import many_answers
from srlib.show.explorers.blend import blend
from srlib.show.explorers.checkerboard import checkerboard
from srlib.show.explorers.chooser import chooser
from srlib.show.explorers.field import receptive_field
from srlib.show.explorers.kernel import kernel
from srlib.show.explorers.lab import metric_lab

__all__ = ["blend", "checkerboard", "chooser", "kernel", "many_answers", "metric_lab", "receptive_field"]
