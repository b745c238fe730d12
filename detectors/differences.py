"""Differences and means of shares with 95 % intervals that hold for small and extreme shares too.

The interval of each share is Wilson's. Of two or more independent ones, the distances from the values to the ends are
added as the sides of a right triangle (Newcombe's hybrid score interval, and its generalisation to weighted sums by
Zou and Donner).

References
----------
Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven methods",
*Statistics in Medicine* 17 (1998); Zou and Donner, "Construction of confidence limits about effect measures",
*Statistics in Medicine* 27 (2008).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from detectors.estimates import UNDEFINED, Estimate, mean_of

Sums = tuple[float, float, float]


def difference(one: Estimate, other: Estimate) -> Estimate:
    """Return ``one - other`` of two independent estimates; not defined if one of them is not.

    >>> from detectors.estimates import share
    >>> difference(share(56, 70), share(48, 80))
    Estimate(value=0.2, lo=0.0524, hi=0.3339)
    """
    value = one.value - other.value
    below = math.hypot(one.value - one.lo, other.hi - other.value)
    above = math.hypot(one.hi - one.value, other.value - other.lo)
    return Estimate(value, value - below, value + above)


def mean_over(estimates: Sequence[Estimate]) -> Estimate:
    """Return the plain mean of independent estimates; not defined for none, or if one of them is not.

    >>> from detectors.estimates import share
    >>> mean_over([share(9, 10), share(5, 10)])
    Estimate(value=0.7, lo=0.4988, hi=0.8380)
    """
    if not estimates:
        return UNDEFINED
    k = len(estimates)
    value = sum(each.value for each in estimates) / k
    below = math.hypot(*(each.value - each.lo for each in estimates)) / k
    above = math.hypot(*(each.hi - each.value for each in estimates)) / k
    return Estimate(value, value - below, value + above)


def difference_of_means(one: Sums, other: Sums) -> Estimate:
    """Return the difference of two means from the number, sum and sum of squares of each: Welch's normal interval."""
    return difference(mean_of(*one), mean_of(*other))
