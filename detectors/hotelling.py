"""Tests of a window's mean scores against those of the reference's panes: all directions at once, and the location."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from detectors.feature_reference import FeatureReference

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_LEAST_DF = 5.0


class ScoreTest(NamedTuple):
    """Hotelling's statistic, the p-values of both tests (1 where a feature has no score), and the location's z."""

    statistic: float
    p_hotelling: float
    p_location: float
    z: float


NO_SCORES = ScoreTest(0.0, 1.0, 1.0, 0.0)


def score_test(ref: FeatureReference, counts: Ints, typical_rows: float, reference_panes: int, panes: int) -> ScoreTest:
    """Return the tests of a window.

    The variance of the window's mean is that of the reference's panes, over the panes it merges, times their
    dependence; the error of the reference's own mean is added to it. The statistic has Hotelling's
    distribution with the panes that the reference is worth.

    Parameters
    ----------
    counts
        ``(width,)``, at least one row.
    typical_rows
        Mean rows of a reference pane.
    reference_panes, panes
        Panes of the reference, and of the window.
    """
    k = len(ref.scores)
    if k == 0:
        return NO_SCORES
    n = int(counts.sum())
    deviation = ref.score_array @ counts / n - ref.mean_array
    scaled = deviation / np.sqrt(_variance_factor(ref, n, typical_rows, reference_panes, panes))
    statistic = float(((scaled @ ref.whitening) ** 2).sum())
    z = float(scaled[0] / np.sqrt(ref.covariance_array[0, 0]))
    worth = ref.effective_panes
    f = statistic * (worth - k) / (k * (worth - 1))
    p_location = float(2 * special.stdtr(max(_LEAST_DF, worth - 1), -abs(z)))
    return ScoreTest(statistic, float(special.fdtrc(k, worth - k, f)), p_location, z)


def _variance_factor(ref: FeatureReference, n: int, typical_rows: float, reference_panes: int, panes: int) -> Floats:
    """Return the variance of the deviation against that of one reference pane, ``(k,)``."""
    window = ref.ratio(panes) / panes * _size_factor(ref, n, panes * typical_rows)
    return np.asarray(window + ref.ratio_array[-1] / reference_panes, np.float64)


def _size_factor(ref: FeatureReference, n: int, typical: float) -> Floats:
    """Return how the variance changes with the rows: more rows lower only the part that sampling has in it."""
    quotient = typical / n
    part = ref.sampling_array
    return part * quotient + 1 - part if quotient < 1 else np.full_like(part, quotient)
