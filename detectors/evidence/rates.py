r"""Has the error rate risen? A label e-CUSUM on (labelled rows, errors) of each pane, by segment.

H0: the rate is at most :math:`m_0` = reference + 2 SE + tolerance, so that neither the reference's own error nor what
nobody minds can add up to an alarm. Against each :math:`p_1 = m_0 + \delta` a pane of n rows with k errors has the
likelihood ratio :math:`(p_1 / m_0)^k \, ((1 - p_1) / (1 - m_0))^{n - k}`, of mean at most 1 under H0; the evidence is
the mean over :math:`\delta`. Where rows depend on each other its logarithm is divided by the design effect: a heuristic
for dependent rows, exact (and only weaker) for independent ones.

References
----------
Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for sequential change detection" (2022); Page,
"Continuous inspection schemes", Biometrika 41 (1954).
"""

from __future__ import annotations

import math
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.evidence import cusum

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

DELTAS = (0.01, 0.02, 0.05, 0.10, 0.20)
"""Rises of the rate, as shares, that are looked for."""

MIN_LABELS = 200
"""Segments with fewer labelled rows in the reference are not watched."""

HIGHEST_LIMIT = 1 - 1e-6
"""Above it nothing is left to be seen."""

STANDARD_ERRORS = 2.0


class RateTest(msgspec.Struct, frozen=True, dict=True):
    """The test of every segment's error rate. Its state is an array ``(segments, deltas)``: see `start`.

    Attributes
    ----------
    limits
        Of each segment, m0 in (0, 1]; it is not watched above `HIGHEST_LIMIT`.
    design_effects
        Of each segment: variance of the rate against independent rows, 1 or more.
    """

    limits: tuple[float, ...]
    design_effects: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.limits) != len(self.design_effects):
            raise ValueError(f"got {len(self.limits)} limits and {len(self.design_effects)} design effects")
        if not all(0 < limit <= 1 for limit in self.limits):
            raise ValueError(f"limits of a rate lie in (0, 1], got {self.limits}")
        if not all(1 <= effect < math.inf for effect in self.design_effects):
            raise ValueError(f"design effects are 1 or more, got {self.design_effects}")

    @cached_property
    def watched(self) -> Flags:
        """Segments that can alarm, ``(segments,)``."""
        return np.array(self.limits) <= HIGHEST_LIMIT

    @cached_property
    def log_ratios(self) -> tuple[Floats, Floats]:
        """What an error and a right row add to the log evidence of each delta, ``(segments, deltas)`` each."""
        limit = np.where(self.watched, np.array(self.limits), 0.5)[:, None]
        risen = np.minimum(limit + np.array(DELTAS), 0.5 * (1 + limit))
        effect = np.array(self.design_effects)[:, None]
        return (np.log(risen) - np.log(limit)) / effect, np.log1p((limit - risen) / (1 - limit)) / effect

    def start(self) -> Floats:
        """Return the state without evidence."""
        return np.zeros((len(self.limits), len(DELTAS)))

    def update(self, state: Floats, n: ArrayLike, k: ArrayLike) -> tuple[Floats, Floats]:
        """Return the state after one pane, and the log evidence of each segment, ``(segments,)``.

        O(segments). A pane without labels changes nothing. A segment that is not watched has no evidence.

        Parameters
        ----------
        state
            From `start`, or the last `update`; after an alarm from `cusum.restarted`, as the caller wants.
        n, k
            Labelled rows and errors among them, integers ``(segments,)``, 0 <= k <= n.

        Raises
        ------
        ValueError
            If the counts are not such integers.

        Examples
        --------
        >>> test = fit_rates(n=[20_000], k=[2_000])
        >>> state, log_e = test.update(test.start(), n=[500], k=[100])
        >>> log_e
        array([18.31])
        """
        rows, errors = rate_counts(n, k, len(self.limits))
        for_error, for_right = self.log_ratios
        log_e = errors[:, None] * for_error + (rows - errors)[:, None] * for_right
        state = cusum.step(state, log_e, self.watched & (rows > 0))
        return state, cusum.evidence(state)

    def log_alarm(self, threshold: float) -> float:
        """Return the log evidence at which a segment alarms: the threshold, shared over the watched segments."""
        return math.log(threshold * max(1, int(self.watched.sum())))


def fit_rates(n: ArrayLike, k: ArrayLike, design_effects: ArrayLike = 1.0, tolerance: float = 0.0) -> RateTest:
    """Return the test against the rates of a reference.

    A segment with fewer than `MIN_LABELS` rows is not watched, nor one of which every rate is tolerated.

    Parameters
    ----------
    n, k
        The reference's labelled rows and errors, integers ``(segments,)``.
    design_effects
        One for all, or ``(segments,)``: see `design_effect`.
    tolerance
        Rise of the rate that nobody minds, 0 or more, as a share.

    Examples
    --------
    >>> fit_rates(n=[20_000, 100], k=[2_000, 10], tolerance=0.01).limits
    (0.1143, 1.0)
    """
    rows, errors = rate_counts(n, k, np.size(n))
    if not 0 <= tolerance < math.inf:
        raise ValueError(f"a tolerance is 0 or more, got {tolerance}")
    effects = np.broadcast_to(np.asarray(design_effects, np.float64), rows.shape)
    rate = (errors + 0.5) / (rows + 1.0)
    error = np.sqrt(rate * (1 - rate) * effects / np.maximum(rows, 1))
    limits = np.where(rows < MIN_LABELS, 1.0, np.minimum(1.0, rate + STANDARD_ERRORS * error + tolerance))
    return RateTest(tuple(limits.tolist()), tuple(effects.tolist()))


def design_effect(n: ArrayLike, k: ArrayLike) -> float:
    """Return the variance of a rate over a reference's panes against that of independent rows, 1 or more.

    Parameters
    ----------
    n, k
        Rows and errors of each pane, integers ``(panes,)``.

    Examples
    --------
    >>> design_effect([100, 100, 100, 100], [0, 20, 0, 20])
    14.8
    """
    rows, errors = rate_counts(n, k, np.size(n))
    total = max(1, int(rows.sum()))
    rate = int(errors.sum()) / total
    if not 0 < rate < 1 or len(rows) < 2:
        return 1.0
    held = rows > 0
    squares = (errors[held] - rows[held] * rate) ** 2 / (rows[held] * rate * (1 - rate))
    return max(1.0, float(squares.sum()) / max(1, int(held.sum()) - 1))


def rate_counts(n: ArrayLike, k: ArrayLike, tests: int) -> tuple[Ints, Ints]:
    """Return rows and errors as integers ``(tests,)``, or refuse them."""
    rows, errors = np.atleast_1d(np.asarray(n)), np.atleast_1d(np.asarray(k))
    if not all(counts.dtype.kind in "iu" and counts.shape == (tests,) for counts in (rows, errors)):
        raise ValueError(f"need integer rows and errors of {tests} tests, got {n!r} and {k!r}")
    if not ((errors >= 0) & (errors <= rows)).all():
        raise ValueError(f"errors lie between 0 and the rows, got {k!r} of {n!r}")
    return rows.astype(np.int64), errors.astype(np.int64)
