"""What a reference says about extremes and repeated values, from the counts of its bins or from its levels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.bins import FIRST, Bins

Ints = NDArray[np.int64]

_END_ROWS = 2.0
"""Rows in a pane that an end of the distribution holds: fewer would not show whether extremes come in clusters."""

_LEAST_BINS, _MOST_OF_THEM = 2, 4
"""Two bins are the outermost hundredth (`detectors.bins.CUTS`); a quarter of the bins is no end any more."""


class Binned(NamedTuple):
    """Fields of `ReferenceHealth` that bins tell, ``(R, F)`` each; no ends for categories."""

    low: Ints
    high: Ints
    modal: Ints


def binned(bins: tuple[Bins, ...], counts: Ints) -> Binned:
    """Return them from counts of the reference's panes by bin, ``(R, F, W)``; W is the widest feature's.

    Examples
    --------
    >>> from detectors.bins import fit_number
    >>> binned((fit_number("x", [1.0, 2.0, 3.0]),), np.array([[[0, 0, 5, 1, 9, 0]]])).modal
    array([[9]])
    """
    found = Binned(*(np.zeros(counts.shape[:2], np.int64) for _ in Binned._fields))
    for f, feature in enumerate(bins):
        if feature.kind == "number" and feature.width > FIRST + 1:
            values = counts[:, f, FIRST : feature.width - 1]
            found.low[:, f] = _end(values)
            found.high[:, f] = _end(values[:, ::-1])
            found.modal[:, f] = values.max(1)
        elif feature.kind == "category" and feature.width > FIRST:
            found.modal[:, f] = counts[:, f, FIRST : feature.width].max(1)
    return found


def unseen_elsewhere(levels: Ints, pane_of_row: Ints, panes: int) -> Ints:
    """Return how many rows of each pane have a level that no other pane has, ``(panes,)``; O(n).

    Parameters
    ----------
    levels
        Number of each row's level from 0, ``(n,)``; rows without one are left out.
    pane_of_row
        ``(n,)``.

    Examples
    --------
    >>> unseen_elsewhere(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 1, 2]), panes=3)
    array([0, 2, 1])
    """
    first = np.full(int(levels.max(initial=-1)) + 1, panes)
    last = np.full(len(first), -1)
    np.minimum.at(first, levels, pane_of_row)
    np.maximum.at(last, levels, pane_of_row)
    return np.bincount(pane_of_row[(first == last)[levels]], minlength=panes)


def _end(values: Ints) -> Ints:
    """Return the rows of each pane in the first bins, ``(R,)``."""
    together = np.cumsum(values.mean(0))
    enough = int(np.searchsorted(together, _END_ROWS)) + 1
    return np.asarray(values[:, : max(_LEAST_BINS, min(enough, values.shape[1] // _MOST_OF_THEM))].sum(1), np.int64)
