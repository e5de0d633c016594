"""What to answer when a name is not known."""

import difflib
from collections.abc import Iterable


def there_are(name: str, known: Iterable[str], listed: Iterable[str] | None = None) -> str:
    """The end of an error message: the known name most like ``name``, if one is, and all that there are
    (``listed``, if some of the known are aliases)."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? There" if near else "there"
    return f"{hint} are: {', '.join(known if listed is None else listed) or 'none yet'}"
