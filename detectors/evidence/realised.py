"""How many pages there were in the time that was watched, beside the false ones that the budget allows in it."""

from __future__ import annotations

import math
from typing import NamedTuple

_TAIL = 0.025


class Realised(NamedTuple):
    """Pages of a history.

    Attributes
    ----------
    days
        How long was watched.
    pages
        How many there were.
    allowed
        False pages that the budget allows in that time.
    rate, lo, hi
        Pages for each that is allowed, and the 95 % interval of that; NaN and infinity if nothing was watched. Where
        nothing happened all pages are false, and the budget is kept if 1 lies above `lo`.
    """

    days: float
    pages: int
    allowed: float
    rate: float
    lo: float
    hi: float


def realised(pages: int, days: float, budget_days: float) -> Realised:
    """Return the realised rate.

    Parameters
    ----------
    pages
        Pages that there were, 0 or more.
    days
        Time that was watched, 0 or more.
    budget_days
        One false page is allowed in so long a time, above 0.

    Raises
    ------
    ValueError
        If a number is out of range.

    References
    ----------
    Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28 (1936): the exact interval.

    Examples
    --------
    >>> found = realised(pages=0, days=360.0, budget_days=90.0)
    >>> found.allowed, found.rate, round(found.hi, 2)
    (4.0, 0.0, 0.92)
    """
    if pages < 0 or not days >= 0 or not budget_days > 0:
        raise ValueError(f"need pages and days of 0 or more, a budget above 0, got {pages}, {days}, {budget_days}")
    allowed = days / budget_days
    if allowed == 0:
        return Realised(days, pages, 0.0, math.nan, 0.0, math.inf)
    low, high = poisson_interval(pages)
    return Realised(days, pages, allowed, pages / allowed, low / allowed, high / allowed)


def poisson_interval(count: int) -> tuple[float, float]:
    """Return the exact 95 % interval of the mean of a Poisson count.

    >>> poisson_interval(0)
    (0.0, 3.69)
    """
    from scipy.special import gammaincinv

    low = float(gammaincinv(count, _TAIL)) if count else 0.0
    return low, float(gammaincinv(count + 1, 1 - _TAIL))
