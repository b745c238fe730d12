"""What a reference says of outliers: which rows they are, and how many there are."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.outliers.distance import precision_of, squared_distances, strange_distances
from detectors.outliers.profile import OutlierProfile, fit_outlier_profile
from detectors.outliers.trees import fit_forest, strange_walks, strangeness

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Kind = Literal["distance", "trees"]

SHARE = 0.001
"""Share of the reference's rows beyond the limit."""


class Outliers(msgspec.Struct, frozen=True):
    """What an outlier is.

    Attributes
    ----------
    precision
        Weights of the squared distance (`detectors.outliers.distance.precision_of`), ``(d (d + 1) / 2,)``; none with
        a forest.
    forest
        Half-space trees (`detectors.outliers.tree_kernels`); none with distances.
    limit
        Strangeness that an outlier exceeds: a squared distance, or that of `detectors.outliers.trees.strangeness`.
    profile
        How many there are.
    """

    precision: Ints
    forest: Codes
    limit: int
    profile: OutlierProfile

    def are(self, normal_scores: Ints) -> NDArray[np.bool_]:
        """Return which rows are outliers, ``(n,)``."""
        if len(self.forest):
            return np.asarray(strangeness(self.forest, normal_scores) > self.limit, np.bool_)
        return np.asarray(squared_distances(self.precision, normal_scores) > self.limit, np.bool_)


class Panes(NamedTuple):
    """The reference's panes: place of each row's, ``(n,)``; number and rows of each, ``(R,)``; panes of a cycle."""

    of_row: Ints
    number: Ints
    rows: Ints
    phases: int = 1


def fit_outliers(
    normal_scores: Ints, panes: Panes, window: int, kind: Kind = "distance", share: float = SHARE
) -> Outliers:
    """Return what is stranger than all but this share of the reference's rows.

    Parameters
    ----------
    normal_scores
        Of each row, in 1/32 of a standard deviation (`Panel.normal_scores`), ``(n, d)``.
    window
        Panes that are judged together, at least.
    kind
        What strangeness is measured by: a distance, or half-space trees.

    Examples
    --------
    >>> scores = np.random.default_rng(1).normal(0, 32, (10_000, 2)).astype(np.int64)
    >>> panes = Panes(np.repeat(np.arange(100), 100), np.arange(100), np.full(100, 100))
    >>> found = fit_outliers(scores, panes, window=4)
    >>> found.are(np.array([[32, 32], [160, -160]]))
    array([False,  True])
    >>> found.profile.expected(pane=0)
    0.00105
    """
    if kind == "trees":
        precision, forest = np.zeros(0, np.int64), fit_forest(normal_scores)
        strange = strange_walks(forest, normal_scores, panes.of_row, len(panes.rows))
    else:
        precision, forest = precision_of(normal_scores), np.zeros(0, np.int32)
        strange = strange_distances(normal_scores, panes.of_row, len(panes.rows))
    limit = int(np.quantile(strange, 1 - share, method="inverted_cdf"))
    by_pane = np.bincount(panes.of_row[strange > limit], minlength=len(panes.rows))
    profile = fit_outlier_profile(by_pane, panes.rows, panes.number, window, panes.phases)
    return Outliers(precision, forest, limit, profile)
