"""Rows that are far from all of the reference's: by a robust distance of their normal scores, in integers.

The distance is that of Mahalanobis, over normal scores: they are ranks, clipped at 4 standard deviations, so no outlier
of the reference bends it, and scales do not matter. Scores and the inverse correlation are integers, so whether a row
is beyond the limit does not depend on where it is computed, and the share of outliers adds up.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SHARE = 0.001
"""Share of the reference's rows beyond the limit."""

_UNITS = 1_024
_OWN = 0.05
"""Part of the identity in the correlation, so that features which say nearly the same do not blow up its inverse."""


class Outliers(msgspec.Struct, frozen=True):
    """What an outlier is.

    Attributes
    ----------
    precision
        Inverse correlation of the normal scores, for each pair (as `detectors.panel.joint.pair_sums` has them) what its
        product counts, in 1/1,024, ``(d (d + 1) / 2,)``.
    limit
        Squared distance that an outlier exceeds, in units of the products times 1,024.
    by_pane
        Outliers of each pane of the reference, ``(R,)``.
    """

    precision: Ints
    limit: int
    by_pane: Ints


def fit_outliers(normal_scores: Ints, pane_of_row: Ints, panes: int, share: float = SHARE) -> Outliers:
    """Return what lies beyond the distance that this share of the reference's rows exceed.

    Parameters
    ----------
    normal_scores
        Of each row, in 1/32 of a standard deviation (`Panel.normal_scores`), ``(n, d)``.
    pane_of_row
        ``(n,)``.

    Examples
    --------
    >>> scores = np.random.default_rng(1).normal(0, 32, (10_000, 2)).astype(np.int64)
    >>> found = fit_outliers(scores, np.zeros(10_000, np.int64), 1)
    >>> found.by_pane, squared_distances(found.precision, np.array([[32, 32], [160, -160]])) > found.limit
    (array([10]), array([False,  True]))
    """
    precision = _precision(np.asarray(normal_scores, np.float64))
    distances = squared_distances(precision, normal_scores)
    limit = int(np.quantile(distances, 1 - share, method="inverted_cdf"))
    by_pane = np.bincount(pane_of_row[distances > limit], minlength=panes)
    return Outliers(precision, limit, by_pane.astype(np.int64))


def squared_distances(precision: Ints, normal_scores: Ints) -> Ints:
    """Return the squared distance of each row, ``(n,)``, in the units of the limit."""
    first, second = np.triu_indices(normal_scores.shape[1])
    weights = np.zeros((normal_scores.shape[1],) * 2)
    weights[first, second] = precision
    # A float product of integers is exact below 2**53, and far faster than one of integers.
    scores = np.asarray(normal_scores, np.float64)
    return np.asarray(np.rint(((scores @ weights) * scores).sum(1)), np.int64)


def _precision(scores: Floats) -> Ints:
    spread = np.sqrt(np.maximum((scores**2).mean(0), 1.0))
    standard = scores / spread
    correlation = standard.T @ standard / len(scores)
    inverse = np.linalg.inv((1 - _OWN) * correlation + _OWN * np.eye(len(correlation)))
    weights = inverse / np.multiply.outer(spread, spread) * 32 * 32
    first, second = np.triu_indices(len(weights))
    return np.asarray(np.rint(_UNITS * np.where(first == second, 1, 2) * weights[first, second]), np.int64)
