r"""Has the mean loss risen? The same as `rates`, for any loss of 0 or more, without a model of its distribution.

With :math:`y = x / m_0 - 1 \ge -1`, Fan's inequality :math:`\ln(1 + \lambda y) \ge \lambda y - \psi(\lambda) y^2`,
:math:`\psi(\lambda) = -\ln(1 - \lambda) - \lambda`, makes
:math:`\exp(\lambda \sum y - \psi(\lambda) \sum y^2)` an e-value of a pane, from its number, sum and sum of squares:
its mean is at most 1 while the mean loss is at most :math:`m_0` = reference + 2 SE + tolerance, whatever the
distribution. It is a mean over a grid of :math:`\lambda`, since the best one
depends on the rise. One huge loss would hide a rise behind its square: rows are clipped at the reference's
99.5 % point (`clip_point`) before they are summed. That costs nothing of the guarantee.

References
----------
Fan, Grama and Liu, "Exponential inequalities for martingales with applications", EJP 20 (2015); Shin, Ramdas and
Rinaldo, "E-detectors: a nonparametric framework for sequential change detection" (2022).
"""

from __future__ import annotations

import math
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.evidence import cusum
from detectors.evidence.loss_sums import LossSums, loss_sums

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LAMBDAS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7)
MIN_LABELS = 200
"""Segments with fewer labelled rows in the reference are not watched."""

STANDARD_ERRORS = 2.0

_BETS = np.array(LAMBDAS)
_PSI = -np.log1p(-_BETS) - _BETS
_LARGEST = 1e150
"""Losses beyond so many limits count as this one: its square is still a number."""


class LossTest(msgspec.Struct, frozen=True, dict=True):
    """The test of every segment's mean loss. Its state is an array ``(segments, lambdas)``: see `start`.

    Attributes
    ----------
    limits
        Of each segment, m0 above 0, in the unit of the loss; infinite where the segment is not watched.
    design_effects
        Of each segment: variance of the mean against independent rows, 1 or more.
    clip
        Value at which rows' losses are cut before they are summed, above 0; infinite if they are not.
    """

    limits: tuple[float, ...]
    design_effects: tuple[float, ...]
    clip: float = math.inf

    def __post_init__(self) -> None:
        if len(self.limits) != len(self.design_effects):
            raise ValueError(f"got {len(self.limits)} limits and {len(self.design_effects)} design effects")
        if not self.clip > 0:
            raise ValueError(f"losses are cut above 0, got {self.clip}")
        if not all(limit > 0 for limit in self.limits):
            raise ValueError(f"limits of a loss lie above 0, got {self.limits}")
        if not all(1 <= effect < math.inf for effect in self.design_effects):
            raise ValueError(f"design effects are 1 or more, got {self.design_effects}")

    @cached_property
    def watched(self) -> Flags:
        """Segments that can alarm, ``(segments,)``."""
        return np.array([math.isfinite(limit) for limit in self.limits], np.bool_)

    def start(self) -> Floats:
        """Return the state without evidence."""
        return np.zeros((len(self.limits), len(LAMBDAS)))

    def update(self, state: Floats, n: ArrayLike, total: ArrayLike, squares: ArrayLike) -> tuple[Floats, Floats]:
        """Return the state after one pane, and the log evidence of each segment, ``(segments,)``.

        O(segments). A pane without labels changes nothing. A segment that is not watched has no evidence.

        Parameters
        ----------
        state
            From `start`, or the last `update`; after an alarm from `cusum.restarted`, as the caller wants.
        n
            Labelled rows, integers ``(segments,)``.
        total, squares
            Sums of their losses and of the squared losses, cut at `clip`: see `clipped_sums`; ``(segments,)``.

        Raises
        ------
        ValueError
            If a number is negative or not finite.

        Examples
        --------
        >>> test = fit_losses(loss_sums([20_000], [20_000.0], [40_000.0]))
        >>> state, log_e = test.update(test.start(), n=[1_000], total=[1_500.0], squares=[4_500.0])
        >>> log_e
        array([37.80])
        """
        sums = loss_sums(n, total, squares)
        if len(sums.n) != len(self.limits):
            raise ValueError(f"rows, sums and squares are of {len(self.limits)} segments, got {len(sums.n)}")
        state = cusum.step(state, self._log_e(sums), self.watched & (sums.n > 0))
        return state, cusum.evidence(state)

    def _log_e(self, sums: LossSums) -> Floats:
        first, second = _excess(sums, np.where(self.watched, np.array(self.limits), 1.0))
        log_e = (_BETS * first[:, None] - _PSI * second[:, None]) / np.array(self.design_effects)[:, None]
        return np.asarray(log_e, np.float64)

    def log_alarm(self, threshold: float) -> float:
        """Return the log evidence at which a segment alarms: the threshold, shared over the watched segments."""
        return math.log(threshold * max(1, int(self.watched.sum())))


def fit_losses(
    sums: LossSums, design_effects: ArrayLike = 1.0, tolerance: float = 0.0, clip: float = math.inf
) -> LossTest:
    """Return the test against the losses of a reference.

    A segment with fewer than `MIN_LABELS` rows is not watched, nor one whose limit is 0: it never lost anything,
    and against nothing every loss is infinitely more. Give it a tolerance.

    Parameters
    ----------
    sums
        The reference's labelled rows, sum of losses and of their squares, cut at `clip`; ``(segments,)`` each.
    design_effects
        One for all, or ``(segments,)``: see `detectors.losses.pane_mean`.
    tolerance
        Rise of the mean loss that nobody minds, 0 or more, in its unit.
    clip
        `clip_point` of the reference's losses.

    Examples
    --------
    >>> fit_losses(loss_sums([20_000, 100], [2e4, 1e2], [4e4, 2e2]), tolerance=0.02).limits
    (1.0341, inf)
    """
    if not 0 <= tolerance < math.inf:
        raise ValueError(f"a tolerance is 0 or more, got {tolerance}")
    effects = np.broadcast_to(np.asarray(design_effects, np.float64), sums.n.shape)
    rows = np.maximum(sums.n, 1)
    mean = sums.total / rows
    variance = np.maximum(0.0, sums.squares / rows - np.minimum(mean, _LARGEST) ** 2)
    limits = mean + STANDARD_ERRORS * np.sqrt(variance / rows) * np.sqrt(effects) + tolerance
    watched = (sums.n >= MIN_LABELS) & (limits > 0)
    return LossTest(tuple(np.where(watched, limits, np.inf).tolist()), tuple(effects.tolist()), clip)


def _excess(sums: LossSums, limits: Floats) -> tuple[Floats, Floats]:
    """Return the sums of y and y²; the latter at least what the former implies, which rounding may lose."""
    with np.errstate(over="ignore"):
        scaled = np.minimum(sums.total / limits, _LARGEST)
        squared = np.minimum(sums.squares / limits / limits, _LARGEST**2)
    first = scaled - sums.n
    least = first * (first / np.maximum(sums.n, 1))
    return first, np.maximum(squared - 2 * scaled + sums.n, least)
