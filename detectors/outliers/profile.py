r"""How many outliers a reference lets expect, and how surely a window has more.

The reference's own windows are the replicates. How their shares of outliers differ, and how neighbours are alike, is in
each p-value (`detectors.quality.shares`). That the share itself is known from so many rows only is the same error in
every window, and evidence of them would add up to it: so what is expected is raised by two standard errors. What makes
neighbouring windows alike divides the evidence: with the variance :math:`1 + x` of a window's count, against
independent rows, and neighbours of which :math:`a` say as much as one, it is divided by :math:`(1 + x a) / (1 + x)`.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.panel.panel import MIN_PANES
from detectors.quality.dependence import dependence
from detectors.quality.shares import Shares, fit_shares

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_HIGHEST = 1 - 1e-9
_ONLY = np.zeros(1, np.int64)
_REFERENCE_ERRORS = 2
"""The null includes a reference that had fewer outliers than usual by so many standard errors."""


class OutlierProfile(msgspec.Struct, frozen=True):
    """The outliers of a reference's windows.

    Attributes
    ----------
    panes
        R, those with rows.
    window
        Panes of a window. Windows lie side by side from pane 0 on, so that they divide a cycle, or hold whole ones.
    shares
        Of outliers among the rows of a window, by the window's place in the cycle.
    tolerated
        The same, with shares raised by their own error: what windows are held against.
    dependence
        By what the log evidence of a window is divided, at least 1.
    """

    panes: int
    window: int
    shares: Shares
    tolerated: Shares
    dependence: float

    @property
    def can_alarm(self) -> bool:
        """Whether there are panes enough."""
        return self.panes >= MIN_PANES

    def expected(self, pane: int) -> float:
        """Return the expected share in the window of a pane, by the pane's number."""
        return float(self.shares.expected[self._phase(pane), 0])

    def p(self, outliers: int, rows: int, pane: int) -> float:
        """Return P(as many outliers or more) in a window of the tolerated share; 1 where it is within two deviations.

        >>> profile = fit_outlier_profile(np.tile([0, 2, 1], 30), np.full(90, 1_000), np.arange(90), 1)
        >>> profile.p(2, 1_000, 7), profile.p(31, 1_000, 7) < 1e-12
        (1.0, True)
        """
        if outliers <= 0:
            return 1.0
        counts, all_rows = np.array([float(outliers)]), np.array([float(rows)])
        return min(1.0, float(self.tolerated.risen(_ONLY, counts, all_rows, self._phase(pane))[0]))

    def effective_rows(self, rows: int) -> float:
        """Return how many independent rows as many rows of a window are worth."""
        return rows / (1 + rows * self.shares.correlation[0])

    def _phase(self, pane: int) -> int:
        return pane // self.window % self.shares.phases


def fit_outlier_profile(outliers: Ints, rows: Ints, number: Ints, smallest: int, phases: int = 1) -> OutlierProfile:
    """Return the profile of a reference's panes; O(R).

    Parameters
    ----------
    outliers, rows
        Of each pane, ``(R,)``.
    number
        Of each pane, ``(R,)``, rising; with a cycle, 0 is the first pane of one.
    smallest
        Panes of a window, at least.
    phases
        Panes of a cycle; 1 for none.
    """
    window = _window(smallest, phases)
    place = number // window - number[0] // window
    windows = int(place[-1]) + 1
    counts = np.bincount(place, outliers, windows).astype(np.int64)
    of_all = np.bincount(place, rows, windows).astype(np.int64)
    shares = fit_shares(counts[:, None], of_all[:, None], max(1, phases // window))
    expected = shares.expected[np.arange(windows) % shares.phases, 0]
    apart = _beyond_window(counts, of_all, expected)
    return OutlierProfile(int((rows > 0).sum()), window, shares, _tolerated(shares), apart)


def _tolerated(shares: Shares) -> Shares:
    raised = [_raised(share, shares.worth[0]) for share in shares.by_phase.get("0", ())]
    by_phase = {"0": tuple(raised)} if raised else {}
    return msgspec.structs.replace(shares, shares=(_raised(shares.shares[0], shares.worth[0]),), by_phase=by_phase)


def _raised(share: float, worth: float) -> float:
    return min(_HIGHEST, share + _REFERENCE_ERRORS * math.sqrt(share * (1 - share) / worth))


def _window(smallest: int, phases: int) -> int:
    """Return the panes of a window: a part of the cycle, or whole ones.

    >>> _window(5, 1), _window(5, 24), _window(30, 24)
    (5, 6, 48)
    """
    if smallest > phases:
        return phases * math.ceil(smallest / phases)
    return next(panes for panes in range(max(1, smallest), phases + 1) if phases % panes == 0)


def _beyond_window(outliers: Ints, rows: Ints, expected: Floats) -> float:
    """Return the variance of many windows together against that of as many independent ones."""
    held = rows > 0
    variance = np.maximum(rows * expected * (1 - expected), 1e-300)
    residuals = np.where(held, (outliers - rows * expected) / np.sqrt(variance), 0.0)
    windows = max(1, int(held.sum()))
    # Of rare events chance alone makes the sum of squares uneven: as in `Shares` a standard error is added.
    raised = 1 + min(1.0, float(variance.mean())) * math.sqrt(2 / windows)
    excess = max(0.0, float((residuals**2).sum()) / windows * raised - 1)
    alike = float(dependence(residuals[:, None], excess / (1 + excess)).panes[0])
    return (1 + excess * alike) / (1 + excess)
