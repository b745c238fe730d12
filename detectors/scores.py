"""Scores: a few numbers for each bin whose pane means show a change of location, spread and shape.

They are orthonormal under the reference. The first is the direction of the location. A direction whose fourth
moment is too large for a window's mean to be nearly normal is dropped: the test of single bins judges it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from detectors.bins import FIRST, MISSING, UNSEEN
from detectors.centres import mid_ranks, normal_scores, present

Floats = NDArray[np.float64]

SCORES = 5
_TAIL_CLIP = 6.25
_LEVEL_CLIP = 4.0
_KURTOSIS_ROWS = 25
_LEAST_NEW = 0.03


def number_scores(shares: Floats, window_rows: float) -> Floats:
    """Return the scores of a number, ``(k, width)`` with k up to 5.

    Legendre polynomials 1 to 4 of the mid-rank and a score of the tails (the squared normal score, clipped).
    The bins outside the reference's range carry their neighbour's score, missing values none.

    Parameters
    ----------
    shares
        Of the reference, ``(width,)``.
    window_rows
        Rows of the smallest window that will be judged.
    """
    weights = present(shares)
    if not weights.sum() > 0:
        return np.zeros((0, len(shares)))
    rank = mid_ranks(weights)
    tail = np.minimum(normal_scores(weights, 1e-4) ** 2, _TAIL_CLIP)
    raw = np.stack([*(special.eval_legendre(degree, 2 * rank - 1) for degree in (1, 2, 3, 4)), tail])
    if len(shares) > FIRST + 1:
        raw[:, UNSEEN], raw[:, -1] = raw[:, FIRST], raw[:, -2]
    return _orthonormal(raw, weights, window_rows)


def category_scores(shares: Floats, order: Floats, window_rows: float) -> Floats:
    """Return the scores of a category, ``(k, width)`` with k up to 5: the order of its levels, and its top four.

    Missing values and unseen levels carry none: the test of single bins judges them.

    Parameters
    ----------
    shares
        Of the reference, ``(width,)``.
    order
        A value for each bin by which levels are ordered, ``(width,)`` (see `order_by_score`,
        `order_by_frequency`).
    window_rows
        Rows of the smallest window that will be judged.
    """
    weights = present(_seen(shares))
    if not weights.sum() > 0:
        return np.zeros((0, len(shares)))
    top = FIRST + np.argsort(-weights[FIRST:], kind="stable")[: SCORES - 1]
    raw = np.concatenate([_clipped(order, weights)[None], np.eye(len(shares))[top]])
    scores = _orthonormal(raw, weights, window_rows)
    scores[:, UNSEEN] = 0
    return scores


def _seen(shares: Floats) -> Floats:
    """Return the shares without that of unseen levels, which carry no score and are none of the reference's rows."""
    seen = shares.copy()
    seen[UNSEEN] = 0
    return seen


def order_by_frequency(shares: Floats) -> Floats:
    """Return an order of levels in which the most frequent is highest."""
    order = np.zeros(len(shares))
    order[FIRST + np.argsort(-shares[FIRST:], kind="stable")] = np.arange(len(shares) - FIRST, 0, -1)
    return order


def order_by_score(codes: NDArray[np.integer], carried: Floats, width: int) -> Floats:
    """Return the mean of what the rows of each bin carry, ``(width,)``; a bin without rows has the mean of all."""
    rows = np.bincount(codes, minlength=width)
    totals = np.bincount(codes, weights=carried, minlength=width)
    return np.where(rows > 0, totals / np.maximum(rows, 1), carried.mean() if len(carried) else 0.0)


def _clipped(order: Floats, weights: Floats) -> Floats:
    mean = float((weights * order).sum())
    sd = float(np.sqrt((weights * (order - mean) ** 2).sum()))
    scaled = np.clip((order - mean) / sd, -_LEVEL_CLIP, _LEVEL_CLIP) if sd > 1e-6 else np.zeros_like(order)
    scaled[[MISSING, UNSEEN]] = 0
    return scaled


def _orthonormal(raw: Floats, weights: Floats, window_rows: float) -> Floats:
    """Return what each row adds to those before it, with mean 0 and variance 1 under the weights."""
    kept: list[Floats] = []
    for row in raw:
        rest = row - (weights * row).sum()
        for score in kept:
            rest = rest - (weights * score * rest).sum() * score
        norm = np.sqrt((weights * rest * rest).sum())
        if norm < _LEAST_NEW * (np.abs(row).max() + 1e-12):
            continue
        rest = rest / norm
        if (weights * rest**4).sum() * _KURTOSIS_ROWS <= window_rows:
            kept.append(rest)
    scores = np.array(kept).reshape(len(kept), len(weights))
    scores[:, MISSING] = 0
    return scores
