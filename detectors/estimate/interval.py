"""An estimate without labels: a value, its interval, and what it cannot see."""

from __future__ import annotations

import math
from typing import NamedTuple

from detectors.estimates import Z95

COVARIATE_SHIFT_ONLY = (
    "Valid under covariate shift only: if equal inputs now lead to other labels, this estimate cannot see it."
)


class Estimated(NamedTuple):
    """An estimate and its 95 % interval, cut at what is possible.

    Attributes
    ----------
    value, lo, hi
        In the unit of the metric.
    se
        Standard error: sampling, calibration and what differs between windows, together.
    caveat
        To be shown beside the value, always.
    """

    value: float
    lo: float
    hi: float
    se: float
    caveat: str = COVARIATE_SHIFT_ONLY

    def holds(self, measured: float) -> bool:
        """Return whether the interval holds what labels said later."""
        return self.lo <= measured <= self.hi


class Undefined(NamedTuple):
    """No estimate, and why."""

    reason: str
    caveat: str = COVARIATE_SHIFT_ONLY


def estimated(value: float, variance: float, lowest: float = 0.0, highest: float = math.inf) -> Estimated:
    """Return a value with its normal interval.

    >>> estimated(0.9, 0.0025, highest=1.0)[:4]
    (0.90, 0.80, 1.00, 0.05)
    """
    se = math.sqrt(max(0.0, variance))
    return Estimated(value, max(lowest, value - Z95 * se), min(highest, value + Z95 * se), se)
