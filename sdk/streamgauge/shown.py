"""Values as sentences show them: as people write them, and short."""

from __future__ import annotations

from datetime import date
from reprlib import Repr
from typing import Final

MAX_SHOWN: Final = 60

_SHORT: Final = Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = MAX_SHOWN
_SHORT.maxlevel = 2  # aliases of YAML may hold themselves, or grow with each level


def shown(value: object) -> str:
    """Return a value as people write it, at most 60 characters.

    >>> shown("numeric"), shown(True), shown([1, "a"]), shown(date(2013, 1, 1)), shown(None)
    ("'numeric'", 'true', "[1, 'a']", '2013-01-01', 'nothing')
    """
    if value is None:
        return "nothing"
    if isinstance(value, date):
        return value.isoformat()
    text = str(value).lower() if isinstance(value, bool) else _SHORT.repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
