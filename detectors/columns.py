"""Columns of a reference, binned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.bins import MISSING, UNSEEN, Bins, fit_category, fit_number

Ints = NDArray[np.int64]
Codes = NDArray[np.int16]
Floats = NDArray[np.float64]


class Binned(NamedTuple):
    """One feature of the reference.

    Attributes
    ----------
    codes
        The bin of each row, ``(n,)``.
    levels
        Of a category: which level each row has, its place in ``bins.levels`` and 1 more; 0 is missing, ``(n,)``.
    values
        Of a number, ``(n,)``; empty for a category.
    seen_once
        How many levels of a category occur in one row only.
    """

    bins: Bins
    codes: Codes
    levels: NDArray[np.int32]
    values: Floats
    seen_once: int

    def of_level(self, level: str) -> NDArray[np.bool_]:
        """Return which rows have a level of the bins, ``(n,)``."""
        return np.asarray(self.levels == self.bins.levels.index(level) + 1, np.bool_)


def bin_numbers(name: str, column: ArrayLike) -> Binned:
    """Return numbers in bins that are fitted to them; NaN (and None) is missing."""
    values = np.asarray(column, np.float64)
    bins = fit_number(name, values)
    return Binned(bins, bins.number_codes(values).astype(np.int16), np.zeros(0, np.int32), values, 0)


def bin_texts(name: str, column: Sequence[str | None]) -> Binned:
    """Return texts in bins that are fitted to them; None, and NaN which pandas writes for it, is missing."""
    texts = [None if value is None or value != value else str(value) for value in column]  # noqa: PLR0124
    bins = fit_category(name, texts)
    place = {level: i for i, level in enumerate(bins.levels)}
    levels = np.array([0 if text is None else place[text] + 1 for text in texts], np.int32)
    codes = np.concatenate([[MISSING], bins.level_codes(bins.levels)]).astype(np.int16)[levels]
    times = np.bincount(levels, minlength=len(bins.levels) + 1)[1:]
    return Binned(bins, codes, levels, np.zeros(0), int((times == 1).sum()))


def count_by_pane(codes: Codes, width: int, pane_of_row: Ints, panes: int) -> Floats:
    """Return the rows of each pane by bin, ``(panes, width)``."""
    counts = np.bincount(pane_of_row * width + codes, minlength=panes * width)
    return counts.reshape(panes, width).astype(np.float64)


def expected_shares(counts: Floats, seen_once: int) -> Floats:
    """Return the shares to expect from counts, ``(width,)``, all positive, sum 1.

    A bin counts half a row more; one that was never seen counts one, so it is expected as often as the next record of
    a run. Levels that were not seen have together the share that Good and Turing estimate, the number of levels seen
    once over the rows, and the others the rest.
    """
    smoothed = counts + np.where(counts > 0, 0.5, 1.0)
    shares = smoothed / smoothed.sum()
    new = seen_once / (counts.sum() + 1)
    shares = shares * (1 - new)
    shares[UNSEEN] += new
    return np.asarray(shares, np.float64)
