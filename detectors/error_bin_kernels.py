"""Bins of absolute errors, four to each power of two from 2^-40 to 2^40: counts add up, quantiles follow from them."""

from __future__ import annotations

import math

from detectors.compiled import inlined

LOWEST, HIGHEST = 2.0**-40, 2.0**40
STEPS = 4
_FIRST_EXPONENT = -39
ERROR_BINS = 80 * STEPS + 2


@inlined
def error_bin(error: float) -> int:
    """Return the bin of an absolute error; what is below the lowest edge, or above the highest, has one of its own."""
    if error < LOWEST:
        return 0
    if error >= HIGHEST:
        return ERROR_BINS - 1
    mantissa, exponent = math.frexp(error)
    return 1 + (exponent - _FIRST_EXPONENT) * STEPS + int((mantissa - 0.5) * 2 * STEPS)
