r"""What estimates said against what labels said later, and how much an estimate still weighs.

When the labels of a pane are mature its estimate is settled: the error, and whether the interval held the measured
value. Intervals promise 95 %; a coverage of 93 % is forgiven, as the errors of neighbouring panes share one
calibration. Against "at least 93 %" the record keeps an e-CUSUM: M is the mean of the likelihood ratios of 15, 30 and
60 % misses against 7 %. The weight of further estimates is

.. math:: \operatorname{clip}\Bigl(\frac{\ln 10\,000 - \ln M}{\ln 10\,000 - \ln 100}, 0, 1\Bigr),

1 up to M = 100, which an honest estimate reaches once in 100 settled panes at most, in the mean; 0 from M = 10,000.
M is kept from growing far beyond, so that an estimate that has become honest again regains its weight: all of it after
some fifty panes.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from detectors.estimate.interval import Estimated
from detectors.estimates import UNDEFINED, Estimate, share
from detectors.evidence import cusum

LEAST_COVERAGE = 0.93
TRUSTED, DISTRUSTED = 100.0, 10_000.0
"""Evidence against an estimate up to which it has full weight, and from which it has none."""

MISS_RATES = (0.15, 0.30, 0.60)
"""Shares of intervals that miss, which are looked for."""

_IF_MISSED = np.log(np.array(MISS_RATES) / (1 - LEAST_COVERAGE))
_IF_HELD = np.log1p(-np.array(MISS_RATES)) - math.log(LEAST_COVERAGE)
_HIGHEST_LOG = math.log(DISTRUSTED * len(MISS_RATES))


class Settled(msgspec.Struct, frozen=True):
    """Sums of the settled panes of a period; periods add up.

    Attributes
    ----------
    panes, inside
        Settled panes, and those whose interval held the measured value.
    error, absolute_error
        Sums of estimate less measured value, and of its amount, in the unit of the metric.
    """

    panes: int = 0
    inside: int = 0
    error: float = 0.0
    absolute_error: float = 0.0

    def __add__(self, other: Settled) -> Settled:
        """Return the sums of both periods."""
        return Settled(
            self.panes + other.panes,
            self.inside + other.inside,
            self.error + other.error,
            self.absolute_error + other.absolute_error,
        )

    @property
    def coverage(self) -> Estimate:
        """Share of the intervals that held, with its own interval; NaN before the first pane."""
        return share(self.inside, self.panes) if self.panes else UNDEFINED

    @property
    def bias(self) -> float:
        """Mean error, positive if estimates were too high; 0 before the first pane."""
        return self.error / self.panes if self.panes else 0.0

    @property
    def mean_absolute_error(self) -> float:
        """Mean amount of the error; 0 before the first pane."""
        return self.absolute_error / self.panes if self.panes else 0.0


class TrackRecord(msgspec.Struct, frozen=True):
    """The record of one metric's estimates; a new one is ``TrackRecord()``.

    Attributes
    ----------
    settled
        All panes so far.
    log_m
        Log evidence against the promised coverage, for each of `MISS_RATES`.
    """

    settled: Settled = Settled()
    log_m: tuple[float, ...] = (0.0,) * len(MISS_RATES)

    @property
    def log_evidence(self) -> float:
        """Log evidence that fewer than `LEAST_COVERAGE` of the intervals hold."""
        return float(cusum.evidence(np.array([self.log_m]))[0])

    @property
    def weight(self) -> float:
        """How much a further estimate weighs, 0 to 1: see the module.

        >>> record = TrackRecord()
        >>> for _ in range(12):
        ...     record = settle(record, Estimated(0.90, 0.88, 0.92, se=0.01), measured=0.80)
        >>> record.weight, record.sentence
        (0.0, '0 of 12 estimates held what labels said later (95 % promised); they weigh 0 %.')
        """
        doubt = (self.log_evidence - math.log(TRUSTED)) / (math.log(DISTRUSTED) - math.log(TRUSTED))
        return 1.0 - min(1.0, max(0.0, doubt))

    @property
    def sentence(self) -> str:
        """The record in words."""
        if not self.settled.panes:
            return "No estimate has been settled yet."
        held = f"{self.settled.inside} of {self.settled.panes} estimates held what labels said later (95 % promised)"
        return f"{held}; they weigh {self.weight:.0%}.".replace("%.", " %.")


def settle(record: TrackRecord, said: Estimated, measured: float) -> TrackRecord:
    """Return the record after the labels of one more pane have matured; O(1).

    Parameters
    ----------
    said
        The estimate for the very rows whose labels came: of a pane with half its labels, that of this half.
    measured
        The metric by their labels.

    Raises
    ------
    ValueError
        If the estimate or the measured value is not finite.
    """
    error = said.value - measured
    if not math.isfinite(error):
        raise ValueError(f"need finite values to settle, got {said.value} and {measured}")
    held = said.holds(measured)
    one = Settled(panes=1, inside=int(held), error=error, absolute_error=abs(error))
    log_m = cusum.step(np.array([record.log_m]), _IF_HELD if held else _IF_MISSED)[0]
    return TrackRecord(record.settled + one, tuple(np.minimum(log_m, _HIGHEST_LOG).tolist()))
