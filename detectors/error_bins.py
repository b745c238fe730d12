"""The median of absolute errors from counts by bin (see `error_bin_kernels`)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detectors.error_bin_kernels import ERROR_BINS, HIGHEST, LOWEST, STEPS
from detectors.estimates import UNDEFINED, Z95, Estimate

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_LEAST = 6
_OCTAVE = 1 + np.arange(STEPS) / STEPS
_EDGES = np.concatenate([[0.0], (LOWEST * 2.0 ** np.arange(80)[:, None] * _OCTAVE).ravel(), [HIGHEST]])
"""Lower edge of each bin, ``(ERROR_BINS,)``."""


def median_error(counts: Ints) -> Estimate:
    """Return the median absolute error, within 3 % or so, with the 95 % interval of its order statistics.

    Values are taken to be spread evenly over their bin. Not defined below six errors, or where it is above 2^40.

    Parameters
    ----------
    counts
        By bin, ``(ERROR_BINS,)``.

    Examples
    --------
    >>> counts = np.zeros(ERROR_BINS, np.int64)
    >>> counts[1 + 4 * 40] = 100  # between 1 and 1.25
    >>> median_error(counts)
    Estimate(value=1.125, lo=1.1005, hi=1.1495)
    """
    n = int(counts.sum())
    if n < _LEAST or counts.min() < 0:
        return UNDEFINED
    half = Z95 * math.sqrt(n) / 2
    found = [_value(counts, rank) for rank in (n / 2, max(0.0, n / 2 - half), min(float(n), n / 2 + half))]
    return Estimate(*found) if all(math.isfinite(x) for x in found) else UNDEFINED


def _value(counts: Ints, rank: float) -> float:
    """Return the value that `rank` rows are below; NaN beyond the highest edge."""
    up_to = np.cumsum(counts)
    place = int(np.searchsorted(up_to, rank))
    if place >= ERROR_BINS - 1:
        return math.nan
    inside = (rank - (up_to[place] - counts[place])) / max(int(counts[place]), 1)
    return float(_EDGES[place] + inside * (_EDGES[place + 1] - _EDGES[place]))
