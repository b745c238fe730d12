"""How sure, in words and as a place on a scale from an hour to a thousand years."""

from __future__ import annotations

import math

YEAR_DAYS = 365.25
MONTH_DAYS = YEAR_DAYS / 12
LONGEST_YEARS = 1_000

_HOUR = 1 / 24
_UNITS = (
    (2.0, _HOUR, "hour"),
    (183.0, 1.0, "day"),
    (2 * YEAR_DAYS, MONTH_DAYS, "month"),
    (math.inf, YEAR_DAYS, "year"),
)


def in_words(days: float) -> str:
    """Return how often chance alone would show as much. Rounded down: it is a lower bound.

    Raises
    ------
    ValueError
        If `days` is NaN or below 0.

    Examples
    --------
    >>> in_words(4.2 * YEAR_DAYS)
    'by chance, once in 4 years'
    >>> in_words(0.01), in_words(1e9)
    ('by chance, more than once an hour', 'by chance, once in more than 1,000 years')
    """
    _refuse(days)
    if days < _HOUR:
        return "by chance, more than once an hour"
    if days >= LONGEST_YEARS * YEAR_DAYS:
        return f"by chance, once in more than {LONGEST_YEARS:,} years"
    return f"by chance, once in {_length(days)}"


def place(days: float) -> float:
    """Return where on the bar it is drawn: 0 at an hour, 1 at a thousand years, logarithmic between.

    >>> place(_HOUR), place(90.0), place(1e9)
    (0.0, 0.48, 1.0)
    """
    _refuse(days)
    longest = LONGEST_YEARS * YEAR_DAYS
    within = min(max(days, _HOUR), longest)
    return math.log(within / _HOUR) / math.log(longest / _HOUR)


def _refuse(days: float) -> None:
    if math.isnan(days) or days < 0:
        raise ValueError(f"need days of 0 or more, got {days}")


def _length(days: float) -> str:
    unit_days, name = next((size, name) for below, size, name in _UNITS if days < below)
    # A value that is a whole number of units must not fall below it by rounding.
    count = max(1, math.floor(days / unit_days * (1 + 1e-12)))
    if count > 1:
        return f"{count} {name}s"
    return f"an {name}" if name == "hour" else f"a {name}"
