"""Labels that do not come: a mature pane has less than half of the share of labels that its age lets expect."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.estimates import share as share_of
from detectors.panel.panel import MIN_PANES
from detectors.quality.fault import Fault
from detectors.quality.shares import Shares, fit_shares

Ints = NDArray[np.int64]

LABELS_FLOOR = 0.5
"""Below half of the expected share labels lack: those that came may not be like the rest, and nothing is judged."""


class LabelProfile(msgspec.Struct, frozen=True):
    """The labels of a reference's panes.

    Attributes
    ----------
    panes
        R, those with rows.
    unlabelled
        What is expected of rows without a label, one kind.
    """

    panes: int
    unlabelled: Shares

    def expected(self, matured: float, phase: int = 0) -> float:
        """Return the share of labels to expect, once this part of them has come."""
        return float(1 - self.unlabelled.expected[phase, 0]) * matured


def fit_labels(rows: Ints, labels: Ints, phases: int = 1) -> LabelProfile:
    """Return the profile of a reference's panes, ``(R,)`` in time order from phase 0, whose labels have all come; O(R).

    Raises
    ------
    ValueError
        If there are more labels than rows somewhere, or fewer than two cycles.
    """
    if rows.shape != labels.shape or rows.ndim != 1 or (labels < 0).any() or (labels > rows).any():
        raise ValueError(f"need labels of 0 up to the rows, (R,), got {labels.shape} and {rows.shape}")
    if phases < 1 or (phases > 1 and len(rows) < 2 * phases):
        raise ValueError(f"a reference needs two cycles, got {len(rows)} panes and {phases} phases")
    return LabelProfile(int((rows > 0).sum()), fit_shares((rows - labels)[:, None], rows[:, None], phases))


def check_labels(
    profile: LabelProfile, rows: int, labels: int, allowed: float, matured: float = 1.0, phase: int = 0
) -> Fault | None:
    """Return whether labels lack in a pane: proven, and less than half of what is expected.

    Parameters
    ----------
    rows, labels
        Of the pane, 0 <= labels <= rows.
    allowed
        Probability, in (0, 1), of a finding in a pane like the reference's.
    matured
        Part of the labels that come, sooner or later, which the reference had at the pane's age; in (0, 1].

    Examples
    --------
    >>> profile = fit_labels(np.full(60, 1_000), np.full(60, 900))
    >>> fault = check_labels(profile, rows=1_000, labels=300, allowed=0.001)
    >>> fault.check, fault.share, fault.expected, fault.floor
    ('no-labels', 0.3, 0.9, 0.45)
    >>> check_labels(profile, rows=1_000, labels=500, allowed=0.001) is None
    True
    """
    _refuse(rows, labels, allowed, matured)
    expected = profile.expected(matured, phase)
    if profile.panes < MIN_PANES or rows == 0 or labels >= LABELS_FLOOR * expected * rows:
        return None
    p = lack_chance(profile, rows, labels, matured, phase)
    if p > allowed:
        return None
    found = share_of(labels, rows)
    return Fault("no-labels", "", "", p, 1, found.value, expected, LABELS_FLOOR * expected, found.lo, found.hi)


def lack_chance(profile: LabelProfile, rows: int, labels: int, matured: float = 1.0, phase: int = 0) -> float:
    """Return P(so few labels or fewer) in a pane like the reference's, of 1 row or more."""
    aged, kind, among = _aged(profile.unlabelled, matured), np.zeros(1, np.int64), np.array([float(rows)])
    if labels == 0:
        return float(aged.all_rows(kind, among, phase)[0])
    return float(aged.risen(kind, among - labels, among, phase)[0])


def _aged(unlabelled: Shares, matured: float) -> Shares:
    """Return what is expected of rows without a label while some are still to come."""
    if matured >= 1:
        return unlabelled
    by_phase = {kind: tuple(1 - (1 - u) * matured for u in own) for kind, own in unlabelled.by_phase.items()}
    shares = tuple(1 - (1 - u) * matured for u in unlabelled.shares)
    return msgspec.structs.replace(unlabelled, shares=shares, by_phase=by_phase)


def _refuse(rows: int, labels: int, allowed: float, matured: float) -> None:
    if not 0 <= labels <= rows or not 0 < allowed < 1 or not 0 < matured <= 1:
        raise ValueError(f"need labels of 0 up to the rows, got {labels} of {rows}, {allowed} and {matured}")
