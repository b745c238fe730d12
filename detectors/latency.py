"""A histogram of latencies with bins of equal ratio: counts add up, and quantiles are right within 10 %."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.cells import column
from detectors.latency_kernels import EDGES, LATENCY_BINS, LOWEST_MS, RATIO, STEPS, latency_codes_of

__all__ = ["LATENCY_BINS", "latency_codes", "latency_quantile"]

Ints = NDArray[np.int64]


def latency_codes(ms: ArrayLike) -> Ints:
    """Return the bin of each latency, ``(n,)``, in ``0 .. LATENCY_BINS - 1``.

    >>> latency_codes([math.nan, -1.0, 0.0, 0.1, 1e12]) == [0, 0, 1, 2, LATENCY_BINS - 1]
    array([ True,  True,  True,  True,  True])
    """
    return latency_codes_of(EDGES, column(ms, np.float64))


def latency_quantile(counts: ArrayLike, q: float) -> float:
    """Return the `q`-quantile in milliseconds, within 10 % between .1 ms and 2.8 hours; NaN if no latency is known.

    Parameters
    ----------
    counts
        Counts by bin, ``(LATENCY_BINS,)``.
    q
        In [0, 1].

    Raises
    ------
    ValueError
        If `q` is not in [0, 1].

    Examples
    --------
    >>> counts = np.bincount(latency_codes([3.0] * 9 + [200.0]), minlength=LATENCY_BINS)
    >>> latency_quantile(counts, 0.5)
    2.9...
    """
    if not 0 <= q <= 1:
        raise ValueError(f"q must be in [0, 1], got {q}")
    known = np.asarray(counts, np.int64)[1:]
    total = int(known.sum())
    if total == 0:
        return math.nan
    rank = max(1, math.ceil(q * total))
    return _centre(int(np.searchsorted(np.cumsum(known), rank)))


def _centre(place: int) -> float:
    """Return the geometric middle of a bin, counted from the bin below .1 ms."""
    if place == 0:
        return LOWEST_MS
    if place > STEPS:
        return float(EDGES[-1])
    return float(EDGES[place - 1] * math.sqrt(RATIO))
