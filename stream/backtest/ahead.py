"""Rows from the future: those whose event time no row around them comes near.

Live, a row that is more than an hour ahead of its arrival is refused: one wrong clock would end the panes of others,
and what comes after it would be late. A file does not say when its rows arrived; those around a row do.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

BLOCK = 128
"""Rows of which the median says when they arrived: up to half of them may be wrong."""


def medians_of(times: Iterable[Ints]) -> Ints:
    """Return the median event time of each 128 rows, ``(blocks,)``; the last row's stands behind them.

    Parameters
    ----------
    times
        Event times, epoch milliseconds, in parts of a multiple of 128 rows, but for the last part.
    """
    found, last = [np.zeros(0, np.int64)], np.zeros(0, np.int64)
    for some in times:
        whole = len(some) - len(some) % BLOCK
        found.append(np.median(some[:whole].reshape(-1, BLOCK), axis=1).astype(np.int64))
        if whole < len(some):
            found.append(np.array([np.median(some[whole:])], np.int64))
        last = some[-1:] if len(some) else last
    return np.concatenate([*found, last])


def is_ahead(event_ms: Ints, first: int, medians: Ints, most_ms: int) -> NDArray[np.bool_]:
    """Return which rows are ahead of the medians before, at and after them, all three, by more than `most_ms`.

    So no row is that comes right after a gap, before rows that are late, or last.

    Parameters
    ----------
    event_ms
        Of rows from number `first` on.

    Examples
    --------
    >>> times = 1_000 * np.arange(400)
    >>> times[[150, 399]] = 10**12
    >>> np.flatnonzero(is_ahead(times, 0, medians_of([times]), 60_000))
    array([150])
    """
    at = (first + np.arange(len(event_ms))) // BLOCK
    newest = np.maximum(np.maximum(medians[np.maximum(at - 1, 0)], medians[at]), medians[at + 1])
    found: NDArray[np.bool_] = event_ms > newest + most_ms
    return found
