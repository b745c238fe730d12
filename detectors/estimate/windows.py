"""Contiguous windows of a reference, each judged by a model that was fitted without its neighbourhood."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FOLDS = 10
WINDOW_ROWS = 1_000
"""Rows that a window should have, at least: fewer drown what differs between windows in sampling error."""


class Fold(NamedTuple):
    """Consecutive windows that are judged, and all others; ``(windows,)`` flags."""

    judged: Flags
    others: Flags


def folds(windows: int, count: int = FOLDS) -> Iterator[Fold]:
    """Yield folds of consecutive windows, in time order; none if there are fewer than two windows.

    >>> [fold.judged.astype(int).tolist() for fold in folds(4, count=2)]
    [[1, 1, 0, 0], [0, 0, 1, 1]]
    """
    if windows < 2:
        return
    for part in np.array_split(np.arange(windows), min(count, windows)):
        judged = np.zeros(windows, np.bool_)
        judged[part] = True
        yield Fold(judged, ~judged)


def window_of_panes(rows: Ints, least_rows: int = WINDOW_ROWS) -> Ints:
    """Return the window that each pane joins, ``(panes,)``: panes are merged in time order until there are enough rows.

    A rest that is too small joins the last window. Sums of windows are then ``np.add.reduceat`` or a loop over them.

    >>> window_of_panes(np.array([600, 600, 600, 300, 600, 100]))
    array([0, 0, 1, 1, 1, 1])
    """
    found, window, held = np.zeros(len(rows), np.int64), 0, 0
    for pane, count in enumerate(rows.tolist()):
        found[pane] = window
        held += count
        if held >= least_rows:
            window, held = window + 1, 0
    return np.minimum(found, max(0, window - 1))


def merged(sums: NDArray[np.generic], window: Ints) -> NDArray[np.generic]:
    """Return the sums of windows, ``(windows, ...)``, from those of panes, ``(panes, ...)``, added in their order.

    >>> merged(np.array([[1, 1], [2, 0], [5, 5]]), np.array([0, 0, 1]))
    array([[3, 1], [5, 5]])
    """
    total = np.zeros((int(window.max(initial=-1)) + 1, *sums.shape[1:]), sums.dtype)
    np.add.at(total, window, sums)
    return total


def between_windows(errors: list[float], variances: list[float]) -> float:
    """Return tau²: by how much squared errors exceed the variances that were stated for them, in the mean; 0 at least.

    >>> between_windows([0.3, -0.1], [0.01, 0.01])
    0.04
    """
    excess = [error * error - variance for error, variance in zip(errors, variances, strict=True)]
    return max(0.0, sum(excess) / len(excess)) if excess else 0.0
