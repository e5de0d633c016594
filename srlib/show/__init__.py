"""Everything that is looked at and touched in the book, live and on the static page (chapters 0 to 13)."""

from srlib.show._html import Html
from srlib.show.compare import compare
from srlib.show.say import say

__all__ = ["Html", "compare", "say"]
