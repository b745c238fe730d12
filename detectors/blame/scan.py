r"""Which cell carries a change: the one that explains most of it, against chance.

A change of all rows has a direction: each bin is weighed by the logarithm of its share after over that before. For each
cell of the lattice the mean weight of its own rows, before against after, is a statistic with one degree of freedom. A
fault of a small cell is diluted in every larger one, and one of all rows is split up in every smaller one, so the
surest cell is the one that changed. Its p-value is multiplied by the number of cells of its depth, since the best of
many was taken. The rows of the cell that was found are left out, and the rest is searched again.

References
----------
Kulldorff, "A spatial scan statistic", Communications in Statistics 26 (1997): the surest of many regions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.blame.cells import Dimension, Tally, members, tallies, where

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST_ROWS = 30
"""A cell with fewer rows, before and after together, is not looked at."""

MOST_CELLS = 3
"""Cells that are named, at most."""

_LEAST_SCORE = -math.log(0.01 / 3)
"""A cell is named if chance would make one of a depth as sure once in a hundred times, over three depths."""

_LEAST_RATIO = 1.5
"""Where all rows together are surest: how much more than these a cell must have changed to be named instead."""

_GATE = 0.001
_PSEUDO_ROWS = 0.5


class Carrier(NamedTuple):
    """A cell that carries a part of a change.

    Attributes
    ----------
    where
        Value by dimension; empty: all rows, or all that were left.
    score
        How sure: the negative logarithm of its p-value times the cells that were looked at.
    after, before
        Rows by bin, ``(W,)``.
    carried
        Its part of the whole change, 0 to 1.
    """

    where: dict[str, str]
    score: float
    after: Ints
    before: Ints
    carried: float


class Surprise(NamedTuple):
    """Of the cells of a tally, ``(cells,)``.

    Attributes
    ----------
    z
        Standard score of the change.
    change
        How much of it there is: it adds up over cells.
    apart, error
        How much a row of the cell changed, and its standard error.
    """

    z: Floats
    change: Floats
    apart: Floats
    error: Floats


Statistic = Callable[[Ints, Ints], Surprise]
"""From rows by cell and bin after and before, ``(cells, W)`` each."""


def carriers(
    bins: Ints, width: int, is_after: Flags, dims: Sequence[Dimension], *, design_effect: float = 1.0
) -> list[Carrier]:
    """Return the cells that carry a change of bins, the one that explains most first; none if chance explains it.

    Parameters
    ----------
    bins
        Of each row, 0 to `width` less 1, ``(n,)``.
    is_after
        Whether a row belongs to the span that changed, ``(n,)``.
    design_effect
        Rows that count as one, 1 or more.

    Raises
    ------
    ValueError
        If lengths differ, or the design effect is below 1.

    Examples
    --------
    >>> from detectors.blame.cells import dimension
    >>> source, is_after = ["a", "b"] * 200, np.arange(400) >= 200
    >>> bins = np.where(is_after & (np.arange(400) % 2 == 1), 1, 0)
    >>> [(found.where, found.carried) for found in carriers(bins, 2, is_after, [dimension("source", source)])]
    [({'source': 'b'}, 1.0)]
    """
    if not design_effect >= 1:
        raise ValueError(f"a design effect is 1 or more, got {design_effect}")
    if any(len(each) != len(bins) for each in (is_after, *(one.codes for one in dims))):
        raise ValueError(f"rows of different numbers: {len(bins)} bins, {len(is_after)} flags")
    every = list(tallies(bins, width, is_after, dims))
    if not _has_changed(every, design_effect):
        return []
    return _greedy(bins, width, is_after, dims, _of_weights(every[0], design_effect))


def rate_carriers(is_after: Flags, dims: Sequence[Dimension], exposure: float) -> list[Carrier]:
    """Return the cells that carry a change of the number of rows, the one that explains most first.

    Parameters
    ----------
    exposure
        Length of the span after over that before, above 0.

    Examples
    --------
    >>> from detectors.blame.cells import dimension
    >>> source, is_after = ["a", "b"] * 200 + ["a"] * 200, np.arange(600) >= 400
    >>> found = rate_carriers(is_after, [dimension("source", source)], exposure=1.0)
    >>> [(one.where, one.carried) for one in found]
    [({'source': 'b'}, 1.0)]
    """
    if not exposure > 0:
        raise ValueError(f"need an exposure above 0, got {exposure}")
    bins = np.zeros(len(is_after), np.int64)
    whole = next(tallies(bins, 1, is_after, []))
    return _greedy(bins, 1, is_after, dims, _of_rates(whole, exposure))


def _greedy(bins: Ints, width: int, is_after: Flags, dims: Sequence[Dimension], statistic: Statistic) -> list[Carrier]:
    """Find the surest cell, leave its rows out, and search again."""
    left, found, total = np.ones(len(bins), bool), list[Carrier](), 0.0
    while len(found) < MOST_CELLS and left.any():
        rest = [one._replace(codes=one.codes[left]) for one in dims]
        every = list(tallies(bins[left], width, is_after[left], rest))
        total = total or float(statistic(every[0].after, every[0].before).change[0])
        best = _surest(every, rest, statistic, total)
        if best is None:
            break
        found.append(best)
        if not best.where:
            break
        left &= ~members(dims, best.where, len(bins))
    return found


def _surest(every: Sequence[Tally], dims: Sequence[Dimension], statistic: Statistic, total: float) -> Carrier | None:
    """Return the surest cell of all tallies, smaller depths first; None if chance makes one as sure."""
    cells = {depth: sum(int(_is_large(t).sum()) for t in every if len(t.dims) == depth) for depth in (0, 1, 2)}
    found = [statistic(tally.after, tally.before) for tally in every]
    scores = [_scores(t, one.z, cells[len(t.dims)]) for t, one in zip(every, found, strict=True)]
    place = _highest(scores)
    if place == (0, 0):
        place = _highest(_more_than_all(every, found, statistic, cells)) or place
    if place is None:
        return None
    which, cell = place
    part = min(1.0, max(0.0, float(found[which].change[cell]) / total)) if total > 0 else 0.0
    named = where(dims, every[which].dims, cell)
    return Carrier(named, float(scores[which][cell]), every[which].after[cell], every[which].before[cell], part)


def _scores(tally: Tally, z: Floats, cells: int) -> Floats:
    """Return how sure cells are: what chance gives, times the cells that were looked at, as a negative logarithm."""
    return np.where(_is_large(tally), -_log_tail(z) - math.log(max(cells, 1)), -np.inf)


def _highest(scores: Sequence[Floats]) -> tuple[int, int] | None:
    """Return tally and cell of the highest score, the first of equal ones; None if chance gives as much."""
    best, highest = None, _LEAST_SCORE
    for which, of_tally in enumerate(scores):
        if len(of_tally) and of_tally.max() > highest:
            best, highest = (which, int(of_tally.argmax())), float(of_tally.max())
    return best


def _more_than_all(
    every: Sequence[Tally], found: Sequence[Surprise], statistic: Statistic, cells: dict[int, int]
) -> list[Floats]:
    """Return how sure it is that cells changed more than the rows outside of them, by far; of all rows nothing."""
    whole, out = every[0], [np.full(1, -np.inf)]
    for tally, one in zip(every[1:], found[1:], strict=True):
        outside = statistic(whole.after - tally.after, whole.before - tally.before)
        z = (one.apart - outside.apart) / np.hypot(one.error, outside.error)
        is_more = one.apart >= _LEAST_RATIO * float(found[0].apart[0])
        out.append(np.where(is_more, _scores(tally, z, cells[len(tally.dims)]), -np.inf))
    return out


def _is_large(tally: Tally) -> Flags:
    return np.asarray(tally.after.sum(1) + tally.before.sum(1) >= LEAST_ROWS, np.bool_)


def _of_weights(whole: Tally, design_effect: float) -> Statistic:
    """Return the score test of the bins' mean weight; a cell without rows before is held against all before.

    What the weights owe to chance is taken off: they were learnt from the rows that they weigh.
    """
    everywhere, weights = whole.before[0], _weights(whole)
    n_all, m_all = max(int(whole.after.sum()), 1), max(int(whole.before.sum()), 1)
    freedom = int((whole.after[0] + whole.before[0] > 0).sum()) - 1
    owed = freedom * (1 / n_all + 1 / m_all) * design_effect

    def statistic(after: Ints, before: Ints) -> Surprise:
        base = np.where(before.sum(1, keepdims=True) > 0, before, everywhere)
        n, m = np.maximum(after.sum(1), 1), np.maximum(base.sum(1), 1)
        apart = np.where(after.sum(1) > 0, after @ weights / n - base @ weights / m - owed, 0.0)
        both = after + base
        mean = both @ weights / (n + m)
        variance = np.maximum(both @ weights**2 / (n + m) - mean**2, 1e-300)
        error = np.sqrt(variance * (1 / n + 1 / m) * design_effect)
        return Surprise(apart / error, apart * after.sum(1), apart, error)

    return statistic


def _weights(whole: Tally) -> Floats:
    after, before = whole.after[0] + _PSEUDO_ROWS, whole.before[0] + _PSEUDO_ROWS
    weights = np.log(after / after.sum()) - np.log(before / before.sum())
    return np.asarray(np.where(whole.after[0] + whole.before[0] > 0, weights, 0.0), np.float64)


def _of_rates(whole: Tally, exposure: float) -> Statistic:
    """Return the signed likelihood ratio of two Poisson counts; upwards is where all rows went."""
    direction = math.copysign(1.0, float(whole.after.sum()) - exposure * float(whole.before.sum()))

    def statistic(after: Ints, before: Ints) -> Surprise:
        n, m = after.sum(1).astype(np.float64), before.sum(1).astype(np.float64)
        expected = (n + m) * exposure / (1 + exposure)
        g = 2 * (_x_log_ratio(n, expected) + _x_log_ratio(m, n + m - expected))
        change = direction * (n - exposure * m)
        apart = direction * np.log((n + _PSEUDO_ROWS) / (exposure * (m + _PSEUDO_ROWS)))
        error = np.sqrt(1 / (n + _PSEUDO_ROWS) + 1 / (m + _PSEUDO_ROWS))
        return Surprise(np.sign(change) * np.sqrt(np.maximum(g, 0.0)), change, apart, error)

    return statistic


def _has_changed(every: Sequence[Tally], design_effect: float) -> bool:
    """Say whether bins are filled otherwise than before, in all rows, one of their bins, or a cell with rows enough."""
    every_p = [_homogeneity(tally, design_effect) for tally in every]
    if _bin_by_bin(every[0], design_effect) < _GATE:
        return True
    cells = sum(len(p) for p in every_p[1:])
    return bool(every_p[0].min(initial=1.0) < _GATE or any(p.min(initial=1.0) * cells < _GATE for p in every_p[1:]))


def _bin_by_bin(whole: Tally, design_effect: float) -> float:
    """Return the least p-value of any bin against all others, times the bins: a few rows that are missing are a lot."""
    from scipy.special import gammaincc

    after, before = whole.after[0], whole.before[0]
    pairs = [np.stack([counts, counts.sum() - counts], 1) for counts in (after, before)]
    g, _ = g_statistic(*pairs)
    return float(gammaincc(0.5, g / design_effect / 2).min(initial=1.0)) * max(1, int((after + before > 0).sum()))


def _homogeneity(tally: Tally, design_effect: float) -> Floats:
    """Return the p-values of the G test of cells with five rows for each bin, ``(those cells,)``."""
    from scipy.special import gammaincc

    total = tally.after + tally.before
    n, m = tally.after.sum(1), tally.before.sum(1)
    is_large = (np.minimum(n, m) > 0) & (total.sum(1) >= 5 * np.maximum((total > 0).sum(1), 2))
    g, freedom = g_statistic(tally.after[is_large], tally.before[is_large])
    return np.where(freedom > 0, gammaincc(np.maximum(freedom, 1) / 2, g / design_effect / 2), 1.0)


def g_statistic(after: Ints, before: Ints) -> tuple[Floats, Floats]:
    """Return the G statistic of rows after against before, ``(cells, W)`` each, and its degrees of freedom."""
    total = after + before
    n, m = after.sum(1, keepdims=True), before.sum(1, keepdims=True)
    share = total / np.maximum(n + m, 1)
    g = 2 * (_x_log_ratio(after, n * share) + _x_log_ratio(before, m * share)).sum(1)
    return np.maximum(g, 0.0), np.maximum((total > 0).sum(1) - 1.0, 0.0)


def _x_log_ratio(x: NDArray[np.number], y: NDArray[np.number]) -> Floats:
    """Return x log(x / y), 0 where x is 0."""
    is_some = x > 0
    ratio = np.where(is_some, x, 1) / np.where(is_some, y, 1)
    return np.asarray(x * np.log(ratio), np.float64)


def _log_tail(z: Floats) -> Floats:
    """Return the logarithm of the probability that chance gives as much, or more."""
    from scipy.special import log_ndtr

    return np.asarray(log_ndtr(-z), np.float64)
