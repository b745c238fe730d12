"""Whether outliers grow in number: windows that fill, their p-values as evidence, and an alarm by two keys.

An alarm needs evidence over time above a threshold, or one window that is sure enough, and a share of outliers that is
half a percent above the expected one.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from detectors.evidence.calibrator import log_evidence
from detectors.outliers.profile import OutlierProfile
from detectors.quality.fault import SHARE_FLOOR


class Run(msgspec.Struct, frozen=True, array_like=True):
    """Rows that were counted: outliers, all of them, how many outliers were expected, number of the first pane."""

    outliers: int = 0
    rows: int = 0
    expected: float = 0.0
    first: int = 0

    def and_(self, other: Run) -> Run:
        """Return both together; the first pane is the first that has rows.

        >>> Run().and_(Run(1, 500, 0.5, 7)).and_(Run(2, 500, 0.5, 8))
        Run(outliers=3, rows=1000, expected=1.0, first=7)
        """
        first = self.first if self.rows or not other.rows else other.first
        return Run(self.outliers + other.outliers, self.rows + other.rows, self.expected + other.expected, first)

    @property
    def share(self) -> float:
        """Share of outliers; 0 without rows."""
        return self.outliers / self.rows if self.rows else 0.0

    @property
    def expected_share(self) -> float:
        """Share that was expected; 0 without rows."""
        return self.expected / self.rows if self.rows else 0.0

    @property
    def matters(self) -> bool:
        """Whether the share is above the expected one by the floor."""
        return self.share >= self.expected_share + SHARE_FLOOR


class OutlierWatch(msgspec.Struct, frozen=True, array_like=True):
    """What is kept between panes: the open window, log evidence, and the rows since the evidence last was at its start.

    `window` is the open window's number, which says nothing before it has rows.
    """

    window: int = 0
    open: Run = Run()
    log_evidence: float = 0.0
    run: Run = Run()


class Thresholds(NamedTuple):
    """From which log evidence on, and up to which p-value of one window, more outliers are proven."""

    log_evidence: float
    p: float


class Found(NamedTuple):
    """What a full window says.

    Attributes
    ----------
    rows
        Those that tell most: of the window, or, where the evidence over time alarms, those since it began.
    window
        Of the window.
    p
        Of the window; 1 where nothing is judged.
    log_evidence
        Before an alarm forgets it.
    alarms, is_proven
        Whether outliers grew, and whether it is the evidence over time that says so.
    """

    rows: Run
    window: Run
    p: float
    log_evidence: float
    alarms: bool
    is_proven: bool


def watched(
    profile: OutlierProfile, state: OutlierWatch, pane: int, outliers: int, rows: int, thresholds: Thresholds
) -> tuple[OutlierWatch, Found | None]:
    """Return the next state, and what a window says if this pane is its last, or the first after it; O(1).

    Parameters
    ----------
    pane
        The pane's number, rising.
    outliers, rows
        Of the pane, 0 or more.

    Raises
    ------
    ValueError
        If there are more outliers than rows.

    Examples
    --------
    >>> import numpy as np
    >>> from detectors.outliers.profile import fit_outlier_profile
    >>> profile = fit_outlier_profile(np.tile([0, 2, 1], 30), np.full(90, 1_000), np.arange(90), 1)
    >>> sure = Thresholds(log_evidence=9.0, p=1e-4)
    >>> state, found = watched(profile, OutlierWatch(), 90, 1, 1_000, sure)
    >>> found.alarms
    False
    >>> state, found = watched(profile, state, 91, 31, 1_000, sure)
    >>> found.alarms, found.rows.share, found.rows.expected_share
    (True, 0.031, 0.001)
    """
    if not 0 <= outliers <= rows:
        raise ValueError(f"need 0 to {rows} outliers, got {outliers}")
    number = pane // profile.window
    is_over = bool(state.open.rows) and number != state.window
    window = state.open.and_(Run(outliers, rows, rows * profile.expected(pane), pane))
    if not window.rows or not (is_over or (pane + 1) % profile.window == 0):
        return msgspec.structs.replace(state, window=number, open=window), None
    return _closed(profile, state, window, pane, thresholds)


def _closed(
    profile: OutlierProfile, state: OutlierWatch, window: Run, pane: int, thresholds: Thresholds
) -> tuple[OutlierWatch, Found]:
    if not profile.can_alarm:
        return OutlierWatch(), Found(window, window, 1.0, 0.0, False, False)
    p = profile.p(window.outliers, window.rows, pane)
    evidence = max(0.0, state.log_evidence) + float(log_evidence(p)) / profile.dependence
    run = window if state.log_evidence <= 0 else state.run.and_(window)
    is_proven = evidence >= thresholds.log_evidence and run.matters
    alarms = is_proven or (p <= thresholds.p and window.matters)
    found = Found(run if is_proven else window, window, p, evidence, alarms, is_proven)
    return (OutlierWatch() if alarms else OutlierWatch(log_evidence=evidence, run=run)), found
