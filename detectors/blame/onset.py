"""The row with which a change began: the likeliest place, given how rows fell before and how they fall after."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_PSEUDO_ROWS = 0.5


def onset(bins: Ints, before: Ints, after: Ints) -> int | None:
    """Return the place of the first row that changed, of rows in order; None if no row speaks for a change; O(n).

    The maximum-likelihood change point between two known distributions: the row from which on the sum of the log
    likelihood ratios is largest. The row itself is in a bin that has more rows than before.

    Parameters
    ----------
    bins
        Of the rows, in order of time, ``(n,)``.
    before, after
        Rows by bin, ``(W,)`` each.

    References
    ----------
    Page, "A test for a change in a parameter occurring at an unknown point", Biometrika 42 (1955).

    Examples
    --------
    >>> onset(np.array([0, 1, 0, 0, 1, 1, 0, 1, 1]), before=np.array([90, 10]), after=np.array([20, 80]))
    4
    """
    if not len(bins):
        return None
    ratios = np.log(_shares(after)) - np.log(_shares(before))
    from_here_on = np.cumsum(ratios[bins][::-1])[::-1]
    # Of equally likely places the first.
    place = int(from_here_on.argmax())
    return place if from_here_on[place] > 0 else None


def _shares(counts: Ints) -> Floats:
    smoothed = np.asarray(counts, np.float64) + _PSEUDO_ROWS
    return np.asarray(smoothed / smoothed.sum(), np.float64)
