"""Rows that are far from all of the reference's: by a robust distance of their normal scores, in integers.

The distance is that of Mahalanobis, over normal scores: they are ranks, clipped at 4 standard deviations, so no outlier
of the reference bends it, and scales do not matter. Scores and the inverse correlation are integers, so whether a row
is beyond the limit does not depend on where it is computed, and the share of outliers adds up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_UNITS = 1_024
_OWN = 0.05
"""Part of the identity in the correlation, so that features which say nearly the same do not blow up its inverse."""

_PARTS = 5


def precision_of(normal_scores: Ints) -> Ints:
    """Return the weights of a squared distance: the inverse correlation of normal scores.

    For each pair (as `detectors.panel.joint.pair_sums` has them) what its product counts, in 1/1,024,
    ``(d (d + 1) / 2,)``.

    Parameters
    ----------
    normal_scores
        Of each row, in 1/32 of a standard deviation (`Panel.normal_scores`), ``(n, d)``.

    Examples
    --------
    >>> scores = np.random.default_rng(1).normal(0, 32, (10_000, 2)).astype(np.int64)
    >>> squared_distances(precision_of(scores), np.array([[32, 32], [160, -160]])) / 1_024**2
    array([ 2.1, 51.1])
    """
    scores = np.asarray(normal_scores, np.float64)
    spread = np.sqrt(np.maximum((scores**2).mean(0), 1.0))
    standard = scores / spread
    correlation = standard.T @ standard / len(scores)
    inverse = np.linalg.inv((1 - _OWN) * correlation + _OWN * np.eye(len(correlation)))
    weights = inverse / np.multiply.outer(spread, spread) * 32 * 32
    first, second = np.triu_indices(len(weights))
    return np.asarray(np.rint(_UNITS * np.where(first == second, 1, 2) * weights[first, second]), np.int64)


def squared_distances(precision: Ints, normal_scores: Ints) -> Ints:
    """Return the squared distance of each row, ``(n,)``, times 1,024 twice."""
    first, second = np.triu_indices(normal_scores.shape[1])
    weights = np.zeros((normal_scores.shape[1],) * 2)
    weights[first, second] = precision
    # A float product of integers is exact below 2**53, and far faster than one of integers.
    scores = np.asarray(normal_scores, np.float64)
    return np.asarray(np.rint(((scores @ weights) * scores).sum(1)), np.int64)


def strange_distances(normal_scores: Ints, pane_of_row: Ints, panes: int) -> Ints:
    """Return the squared distance of each row, ``(n,)``, by the correlations of rows of other times.

    Rows lie nearer to what was made of them than new ones will: with many features and few rows, by so much that more
    of the new ones would be outliers. So each fifth of the panes is judged by the others.

    Parameters
    ----------
    pane_of_row
        Place of each row's pane, ``(n,)``.
    """
    part = pane_of_row * _PARTS // max(panes, 1)
    distances = np.zeros(len(normal_scores), np.int64)
    for each in np.unique(part).tolist():
        own = part == each
        others = normal_scores if own.all() else normal_scores[~own]
        distances[own] = squared_distances(precision_of(others), normal_scores[own])
    return distances
