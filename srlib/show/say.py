"""Sentences whose numbers come from the run (all chapters)."""

import sys


def say(text: str) -> None:
    """Show a sentence as prose, in a notebook as Markdown, elsewhere as a line of text."""
    if "IPython" in sys.modules:
        from IPython import get_ipython

        if get_ipython() is not None:
            from IPython.display import Markdown, display

            display(Markdown(text))
            return
    print(text)
