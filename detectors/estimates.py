"""Estimates with 95 % intervals. What is not defined is NaN, without a warning."""

from __future__ import annotations

import math
from typing import NamedTuple

Z95 = 1.959963984540054


class Estimate(NamedTuple):
    """A value and its 95 % interval; all three are NaN where the value is not defined."""

    value: float
    lo: float
    hi: float


UNDEFINED = Estimate(math.nan, math.nan, math.nan)


def exactly(value: float) -> Estimate:
    """Return a count or another value without sampling error."""
    return Estimate(float(value), float(value), float(value))


def share(hits: float, n: float) -> Estimate:
    """Return ``hits / n`` with the interval of Wilson.

    >>> share(8, 10)
    Estimate(value=0.8, lo=0.4902, hi=0.9433)
    """
    if n <= 0:
        return UNDEFINED
    p, z2 = hits / n, Z95 * Z95
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Estimate(p, max(0.0, min(middle - half, p)), min(1.0, max(middle + half, p)))


def mean_of(n: float, total: float, squares: float) -> Estimate:
    """Return a mean with its normal interval, from the number, sum and sum of squares; needs two values."""
    if n < 2:
        return UNDEFINED
    mean = total / n
    half = Z95 * math.sqrt(variance(n, total, squares) / n)
    return Estimate(mean, mean - half, mean + half)


def variance(n: float, total: float, squares: float) -> float:
    """Return the sample variance (divisor ``n - 1``), never negative; 0 below two values."""
    if n < 2:
        return 0.0
    mean = total / n
    return max(0.0, (squares - total * mean) / (n - 1))


def around(value: float, se: float, lowest: float = -math.inf, highest: float = math.inf) -> Estimate:
    """Return a value with its normal interval, cut at what is possible."""
    return Estimate(value, max(lowest, value - Z95 * se), min(highest, value + Z95 * se))
