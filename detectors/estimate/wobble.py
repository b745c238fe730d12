r"""How much the odds of a label wander from window to window, at equal scores.

In each window of the reference the log odds of a positive lie off by :math:`\delta_c`, the same for all rows of
predicted class c. The covariance of the two offsets says what that does to a metric of any pane, however its inputs
have moved: a metric with gradient g by the positives of the cells wanders with :math:`h' \Sigma h`, where
:math:`h_c = \sum_b g_{bc} \, n_{bc} \, p_{bc} (1 - p_{bc})`. A single variance for each metric, taken from the
reference's inputs, cannot know that: there, offsets may cancel between both classes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.estimate.windows import raised

Floats = NDArray[np.float64]

_Z99 = 2.3263478740408408


class Offset(NamedTuple):
    """Of one window, by predicted class, ``(2,)`` each.

    Attributes
    ----------
    excess
        Positives beyond those expected.
    variance
        Of the excess, by sampling and calibration.
    slope
        Positives that one unit of log odds would add.
    """

    excess: Floats
    variance: Floats
    slope: Floats


def covariance(offsets: list[Offset]) -> Floats:
    """Return the covariance of the offsets, ``(2, 2)``, by moments, what sampling and calibration explain taken off.

    Never negative; 0 unless windows differ beyond chance (1 %), as what is only noise would widen all intervals.
    Raised, as few windows say little of how much (`raised`).

    >>> seen = Offset(np.array([12.0, 0.0]), np.array([4.0, 4.0]), np.array([2.0, 2.0]))
    >>> covariance([seen] * 60)
    array([[36.5,  0. ], [ 0. ,  0. ]])
    """
    if not _beyond_chance(offsets):
        return np.zeros((2, 2))
    found, weight, factor = np.zeros((2, 2)), np.zeros((2, 2)), raised(len(offsets))
    for excess, variance, slope in offsets:
        found += factor * np.multiply.outer(excess, excess) - np.diag(variance)
        weight += np.multiply.outer(slope, slope)
    return _positive(np.divide(found, weight, out=np.zeros((2, 2)), where=weight > 0))


def response(gradient: Floats, slopes: Floats) -> Floats:
    """Return h, ``(2,)``, of a metric's gradient and the slopes of the cells, n p (1 - p), ``(bins, 2)`` each."""
    return np.asarray((gradient * slopes).sum(axis=0), np.float64)


def _beyond_chance(offsets: list[Offset]) -> bool:
    """Return whether the squared excesses, in units of their variances, sum up to more than their number allows."""
    held = [offset.variance > 0 for offset in offsets]
    count = sum(int(one.sum()) for one in held)
    parts = (o.excess[one] ** 2 / o.variance[one] for o, one in zip(offsets, held, strict=True))
    return sum(float(part.sum()) for part in parts) > count + _Z99 * math.sqrt(2 * count)


def _positive(symmetric: Floats) -> Floats:
    values, vectors = np.linalg.eigh(symmetric)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T, np.float64)
