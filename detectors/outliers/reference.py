"""What a reference says of outliers: which rows they are, and how many there are."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.outliers.distance import precision_of, strange_distances
from detectors.outliers.profile import OutlierProfile, fit_outlier_profile

Ints = NDArray[np.int64]

SHARE = 0.001
"""Share of the reference's rows beyond the limit."""


class Outliers(msgspec.Struct, frozen=True):
    """What an outlier is.

    Attributes
    ----------
    precision
        Weights of the squared distance (`detectors.outliers.distance.precision_of`), ``(d (d + 1) / 2,)``.
    limit
        Squared distance that an outlier exceeds, in the units of `squared_distances`.
    profile
        How many there are.
    """

    precision: Ints
    limit: int
    profile: OutlierProfile


class Panes(NamedTuple):
    """The reference's panes: place of each row's, ``(n,)``; number and rows of each, ``(R,)``; panes of a cycle."""

    of_row: Ints
    number: Ints
    rows: Ints
    phases: int = 1


def fit_outliers(normal_scores: Ints, panes: Panes, window: int, share: float = SHARE) -> Outliers:
    """Return what lies beyond the distance that this share of the reference's rows exceed.

    Parameters
    ----------
    normal_scores
        Of each row, in 1/32 of a standard deviation (`Panel.normal_scores`), ``(n, d)``.
    window
        Panes that are judged together, at least.

    Examples
    --------
    >>> from detectors.outliers.distance import squared_distances
    >>> scores = np.random.default_rng(1).normal(0, 32, (10_000, 2)).astype(np.int64)
    >>> panes = Panes(np.repeat(np.arange(100), 100), np.arange(100), np.full(100, 100))
    >>> found = fit_outliers(scores, panes, window=4)
    >>> squared_distances(found.precision, np.array([[32, 32], [160, -160]])) > found.limit
    array([False,  True])
    >>> found.profile.expected(pane=0)
    0.00105
    """
    distances = strange_distances(normal_scores, panes.of_row, len(panes.rows))
    limit = int(np.quantile(distances, 1 - share, method="inverted_cdf"))
    by_pane = np.bincount(panes.of_row[distances > limit], minlength=len(panes.rows))
    profile = fit_outlier_profile(by_pane, panes.rows, panes.number, window, panes.phases)
    return Outliers(precision_of(normal_scores), limit, profile)
