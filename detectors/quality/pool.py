r"""Panes that prove nothing alone: their counts added up, and judged as one pane.

A fault near what one pane can prove shows in some panes only; the others together prove it. Where it was not found its
share is lower than in all panes: of a Poisson count of mean :math:`\lambda \le 1` that two rows prove it is a half at
least, :math:`1 / (1 + \lambda)`. And a share about the floor is above it now and then. So half of the floor is enough.

The rows of a pool are taken as alike as those of one pane: its count has the variance :math:`n p (1 - p) (1 + n \rho)`
with the :math:`\rho` of a pane. Panes that share one rate are as alike as that, all others less. What a reference
cannot show of a rate that wanders slowly, as the sampling of few rows hides it, a pool shows more often than the
allowed error says (60 panes of 100 rows, log odds with an autocorrelation of .97: 16 in 1,000 pools at .001). So it
decides only that an incident is not over yet, and opens none.
"""

from __future__ import annotations

import msgspec
import numpy as np

from detectors.quality.fault import SHARE_FLOOR
from detectors.quality.health import PaneHealth
from detectors.quality.profile import QualityProfile

POOL_FLOOR = SHARE_FLOOR / 2
"""By how much a share must have risen over all panes of a pool."""


class Pool(msgspec.Struct, frozen=True, array_like=True, eq=False):
    """Counts of some panes, added up: whole numbers, so that no order and no cut of the panes matters.

    Attributes
    ----------
    rows
        By phase of the cycle, ``(H,)``.
    counts
        Rows that are missing, invalid, unseen, below and above, by feature, ``(5, F)``.
    """

    rows: np.ndarray
    counts: np.ndarray

    def and_(self, other: Pool) -> Pool:
        """Return both together."""
        return Pool(self.rows + other.rows, self.counts + other.counts)


def pool_of(pane: PaneHealth, phase: int = 0, phases: int = 1) -> Pool:
    """Return the pool of one pane, of a phase of the cycle.

    Examples
    --------
    >>> zero = np.array([0])
    >>> pane = PaneHealth(100, 0, np.array([2]), zero, zero, zero, zero, np.array([False]))
    >>> pool_of(pane).and_(pool_of(pane)).counts[0]
    array([4])
    """
    rows = np.zeros(phases, np.int64)
    rows[phase] = pane.rows
    return Pool(rows, np.stack(pane[2:7]))


def proven(profile: QualityProfile, pool: Pool, allowed: float) -> frozenset[str]:
    """Return the features of which the share of some fault has risen over all panes of a pool; it has a row or more.

    What is expected is that of its phases, by their rows. A feature that is stuck each pane shows alone.

    Parameters
    ----------
    allowed
        Probability, in (0, 1), of any finding if all panes are like the reference's.

    Examples
    --------
    >>> from detectors.quality.health import ReferenceHealth
    >>> from detectors.quality.profile import fit_quality
    >>> rows, none = np.full(60, 100), np.zeros((60, 1), np.int64)
    >>> profile = fit_quality(ReferenceHealth(rows, rows * 0, *(none,) * 6), np.array([True]), ["distance"])
    >>> one = Pool(np.array([100]), np.array([[2], [0], [0], [0], [0]]))
    >>> proven(profile, one, allowed=0.001)
    frozenset()
    >>> proven(profile, one.and_(one).and_(one), allowed=0.001)
    frozenset({'distance'})
    """
    if not profile.can_alarm:
        return frozenset()
    shares, counts, rows = profile.shares.over(pool.rows), pool.counts.ravel(), float(pool.rows.sum())
    least = np.maximum(1, rows * (shares.expected[0, :-1] + POOL_FLOOR))
    kinds = np.flatnonzero(profile.is_checked[:-1] & (counts >= least))
    level = allowed / profile.tests
    p = shares.risen(kinds, counts[kinds].astype(np.float64), np.full(len(kinds), rows), level=level)
    return frozenset(profile.names[kind % len(profile.names)] for kind in kinds[p <= level].tolist())
