"""Histograms of bins: cells of equal width for numbers, bars for values and levels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.bins import FIRST, MAX_LEVEL_BINS, Bins

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CELLS = 16
_TAIL, _AT_AN_EDGE = 0.01, 1e-3
_FEW_EDGES = 25
_BLOCKS = "▁▂▃▄▅▆▇█"


class Histogram(NamedTuple):
    """Shares that add up to 1, or none if there are no values.

    Attributes
    ----------
    shares
        Of numbers: cells of equal width from `low` to `high`, which hold 98 % of the values; what lies outside is in
        the first and the last. Of few distinct numbers, and of levels: one for each.
    low, high
        NaN for levels.
    """

    shares: tuple[float, ...]
    low: float
    high: float


def histogram(bins: Bins, counts: Ints) -> Histogram:
    """Return the histogram of a feature; O(bins).

    Parameters
    ----------
    counts
        Rows by bin, ``(W,)``, W at least the bins of the feature.

    Examples
    --------
    >>> from detectors.bins import fit_number
    >>> histogram(fit_number("x", [1.0, 2.0]), np.array([5, 0, 30, 10, 0]))
    Histogram(shares=(0.75, 0.25), low=1.0, high=2.0)
    """
    is_level = bins.kind == "category"
    inside = counts[FIRST : bins.width - (not is_level)].astype(np.float64)
    if not inside.sum():
        return Histogram((), np.nan, np.nan)
    shares = inside / inside.sum()
    if is_level:
        return Histogram(tuple(shares.tolist()), np.nan, np.nan)
    edges = np.array(bins.edges)
    if _is_discrete(edges):
        return Histogram(tuple(shares.tolist()), float(edges[0]), float(edges[-2]))
    return _equal_width(edges, shares)


def _is_discrete(edges: Floats) -> bool:
    """Say whether each bin holds one value: else there is an edge at each of 23 quantiles, or two around one."""
    is_atom = np.nextafter(edges[:-2], np.inf) >= edges[1:-1]
    return len(edges) <= _FEW_EDGES and not is_atom.any()


def _equal_width(edges: Floats, shares: Floats) -> Histogram:
    below = np.concatenate([[0.0], np.cumsum(shares)])
    first = int(np.searchsorted(below[1:], _TAIL, side="right"))
    last = int(np.searchsorted(below[1:], 1 - _TAIL - _AT_AN_EDGE))
    low, high = edges[first], edges[min(last + 1, len(edges) - 1)]
    steps = np.linspace(0, 1, CELLS + 1)
    # In units of the largest edge, or differences of the largest floats would be infinite.
    unit = max(float(np.abs(edges).max()), 1e-300)
    at = low / unit * (1 - steps) + high / unit * steps
    passed = np.interp(at, edges / unit, below)
    passed[[0, -1]] = 0, 1
    return Histogram(tuple(np.diff(passed).tolist()), float(low), float(high))


def sparkline(shares: tuple[float, ...]) -> str:
    """Return a line of blocks, the largest share as a whole one; a blank for nothing.

    >>> sparkline((0.5, 0.25, 0.0, 0.01))
    '█▄ ▁'
    """
    most = max(shares, default=0.0)
    return "".join(
        _BLOCKS[min(len(_BLOCKS) - 1, max(0, round(share / most * len(_BLOCKS)) - 1))] if share > 0 else " "
        for share in shares
    )


def levels(bins: Bins, counts: Ints) -> tuple[tuple[str, float], ...]:
    """Return the levels of a category with their shares of all that have one, the most frequent first.

    Of more than 64 levels, which share buckets, nothing is known one by one: then none.
    """
    if bins.kind != "category" or len(bins.levels) > MAX_LEVEL_BINS:
        return ()
    found = histogram(bins, counts)
    return tuple(zip(bins.levels, found.shares, strict=True)) if found.shares else ()
