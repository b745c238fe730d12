"""Contiguous windows of a reference, each judged by a model that was fitted without its neighbourhood."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.estimates import Z95

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FOLDS = 10
WINDOW_ROWS = 1_000
"""Rows that a window should have, at least: fewer drown what differs between windows in sampling error."""

BY_CHANCE = 0.25
"""In so many references without any difference between windows one is found all the same."""


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
    r"""Return :math:`\tau^2`: by how much squared errors exceed the variances stated for them; 0 unless chance is rare.

    Where nothing differs between windows, the positive part of noise would widen the intervals of half of all
    references: it counts if the errors' chi-square is one that chance alone reaches once in four. What counts is
    raised (`raised`), as K windows say little of how large it is. Which level, and what both do to coverage:
    ``docs/adr/0012-variance-between-windows.md``.

    >>> between_windows([0.3, -0.1] * 10, [0.01, 0.01] * 10)
    0.047
    >>> between_windows([0.1, -0.1] * 10, [0.01, 0.01] * 10)
    0.0
    """
    squares, stated = np.square(errors), np.array(variances)
    if not len(squares) or not _differ(squares, stated):
        return 0.0
    return max(0.0, float(raised(len(squares)) * squares.mean() - stated.mean()))


def raised(windows: int) -> float:
    """Return the factor that a variance from K windows needs: Student's 97.5 % point over the normal one, squared.

    A normal interval with it holds as often as one by Student's distribution with K degrees of freedom.

    >>> [raised(windows) for windows in (8, 20, 60)]
    [1.38, 1.13, 1.04]
    """
    from scipy import special

    return float(special.stdtrit(windows, 0.975) / Z95) ** 2


def _differ(squares: Floats, stated: Floats) -> bool:
    """Return whether chance alone makes errors as large as these more rarely than `BY_CHANCE`."""
    from scipy import special

    known = stated > 0
    chi_square = float((squares[known] / stated[known]).sum())
    return bool(special.chdtrc(max(1, int(known.sum())), chi_square) < BY_CHANCE)
