"""Lengths of time as people write them: ``1h``, ``10m``, ``7d``, ``1h30m``, ``250ms``."""

from __future__ import annotations

import re
from typing import Final

from streamgauge.shown import shown

UNITS_MS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
DAY_MS: Final = UNITS_MS["d"]

_PART = re.compile(r"(\d{1,12})(ms|[dhms])")
_WHOLE = re.compile(r"(?:\d{1,12}(?:ms|[dhms]))+")


def parse_duration(text: str) -> int:
    """Return milliseconds.

    Parameters
    ----------
    text
        Whole numbers, each with its unit (d, h, m, s, ms), the largest unit first, each unit once.

    Raises
    ------
    ValueError
        On anything else.

    >>> parse_duration("1h"), parse_duration("1h30m"), parse_duration("250ms")
    (3600000, 5400000, 250)
    """
    written = text.strip()
    if not _WHOLE.fullmatch(written):
        msg = f"{shown(text)} is no length of time; write a number with its unit, as in 90s, 10m, 1h, 7d"
        raise ValueError(msg)
    parts = [(int(number), UNITS_MS[unit]) for number, unit in _PART.findall(written)]
    units = [unit for _, unit in parts]
    if units != sorted(set(units), reverse=True):
        msg = f"{shown(text)} names a unit twice or a smaller one first; write it as in 1d12h or 1h30m"
        raise ValueError(msg)
    return sum(number * unit for number, unit in parts)


def format_duration(ms: int) -> str:
    """Return `ms` (0 or more) as text that `parse_duration` reads back.

    >>> (
    ...     format_duration(3_600_000),
    ...     format_duration(5_400_000),
    ...     format_duration(86_400_000),
    ...     format_duration(0),
    ... )
    ('1h', '1h30m', '1d', '0s')
    """
    if ms < 0:
        msg = f"a length of time is 0 or more, got {ms} ms"
        raise ValueError(msg)
    if ms == 0:
        return "0s"
    parts: list[str] = []
    for name, unit in UNITS_MS.items():
        count, ms = divmod(ms, unit)
        if count:
            parts.append(f"{count}{name}")
    return "".join(parts)
