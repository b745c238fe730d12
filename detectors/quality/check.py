"""The hard checks of one pane's rows and features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.estimates import share as share_of
from detectors.quality.counts import LEAST_P
from detectors.quality.fault import SHARE_FLOOR, Fault, ranked
from detectors.quality.health import PaneHealth, refuse_pane
from detectors.quality.profile import KINDS, QualityProfile

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def check_pane(profile: QualityProfile, pane: PaneHealth, allowed: float, phase: int = 0) -> tuple[Fault, ...]:
    """Return what is wrong with a pane, the surest and largest first.

    Each finding is proven at its share of the allowed error, and above its floor. A reference of fewer than 60 panes
    finds nothing. O(F), without a loop over features unless something is found.

    Parameters
    ----------
    allowed
        Probability, in (0, 1), of any finding in a pane like the reference's.
    phase
        Of the pane in its cycle.

    Raises
    ------
    ValueError
        If the pane is not one of the reference's features, or a count exceeds its rows.

    Examples
    --------
    >>> from detectors.quality.health import ReferenceHealth
    >>> from detectors.quality.profile import fit_quality
    >>> rows, none = np.full(60, 1_000), np.zeros((60, 1), np.int64)
    >>> health = ReferenceHealth(rows, rows * 0, none, none, none, none + 10, none + 10, none + 1)
    >>> profile = fit_quality(health, np.array([True]), ["distance"])
    >>> zero = np.array([0])
    >>> pane = PaneHealth(1_000, 0, np.array([12]), zero, zero, zero, np.array([114]), np.array([False]))
    >>> [(fault.check, fault.side, fault.share) for fault in check_pane(profile, pane, allowed=0.001)]
    [('range', 'above', 0.114), ('missing', '', 0.012)]
    """
    refuse_pane(pane, len(profile.names))
    if not 0 < allowed < 1:
        raise ValueError(f"the allowed error lies in (0, 1), got {allowed}")
    if not profile.can_alarm:
        return ()
    level = allowed / profile.tests
    found = _shares(profile, pane, level, phase) + _new(profile, pane, level)
    if pane.rows > 0:
        absent = _absent(profile, pane, level, phase)
        gone = {fault.feature for fault in absent}
        found = [fault for fault in found if fault.check != "missing" or fault.feature not in gone]
        found += absent + _stuck(profile, pane, level, phase)
    return ranked(found)


def _shares(profile: QualityProfile, pane: PaneHealth, level: float, phase: int) -> list[Fault]:
    """Return the shares of rows that have risen."""
    counts = np.concatenate([*pane[2:7], [pane.duplicates]])
    rows = np.full(len(counts), float(pane.rows))
    rows[-1] += pane.duplicates
    if counts.min() < 0 or (counts > rows).any():
        raise ValueError(f"counts lie between 0 and the {pane.rows} rows, got {counts.min()} to {counts.max()}")
    kinds = np.flatnonzero(counts >= np.maximum(1, rows * profile.loud[phase]))
    if len(kinds) == 0:
        return []
    p = profile.shares.risen(kinds, counts[kinds].astype(np.float64), rows[kinds], phase, level)
    proven = np.flatnonzero(p <= level)
    return [_fault_of_share(profile, int(kinds[i]), p[i], counts[kinds[i]], rows[kinds[i]], phase) for i in proven]


def _fault_of_share(profile: QualityProfile, kind: int, p: float, count: float, rows: float, phase: int) -> Fault:
    features = len(profile.names)
    of_pane = kind == len(KINDS) * features
    check, side = ("duplicates", "") if of_pane else KINDS[kind // features]
    feature = "" if of_pane else profile.names[kind % features]
    return _fault((check, feature, side), p, profile.tests, count, rows, float(profile.shares.expected[phase, kind]))


def _absent(profile: QualityProfile, pane: PaneHealth, level: float, phase: int) -> list[Fault]:
    """Return features that are missing in all rows, though the reference had them."""
    is_missing = pane.missing == pane.rows
    if not is_missing.any():
        return []
    candidates = profile.known_array & is_missing
    candidates &= profile.shares.expected[phase, : len(candidates)] <= 1 - SHARE_FLOOR
    features = np.flatnonzero(candidates)
    if len(features) == 0:
        return []
    p = profile.shares.all_rows(features, np.full(len(features), float(pane.rows)), phase)
    p = np.maximum(p, _frequency(profile.absent, features, profile.panes))
    expected = profile.shares.expected[phase, features]
    return [
        _fault(("schema", profile.names[f], ""), p[i], profile.tests, pane.rows, pane.rows, float(expected[i]))
        for i, f in enumerate(features)
        if p[i] <= level
    ]


def _stuck(profile: QualityProfile, pane: PaneHealth, level: float, phase: int) -> list[Fault]:
    """Return features of which all rows have the same value."""
    features = np.flatnonzero(pane.constant & profile.can_stick)
    if len(features) == 0:
        return []
    present = (pane.rows - pane.missing[features] - pane.invalid[features]).astype(np.float64)
    p = profile.modal.all_rows(features, np.maximum(present, 1), phase)
    p = np.maximum(p, _frequency(profile.constant, features, profile.panes))
    expected = profile.modal.expected[phase, features]
    return [
        _fault(("stuck", profile.names[f], ""), p[i], profile.tests, present[i], present[i], float(expected[i]))
        for i, f in enumerate(features)
        if p[i] <= level
    ]


def _frequency(panes: tuple[int, ...], features: Ints, of: int) -> Floats:
    """Return how often whole panes of the reference were so; 0 if none was, as then its rows must say it."""
    seen = np.array([panes[f] for f in features], np.float64)
    return np.where(seen > 0, (seen + 0.5) / (of + 1), LEAST_P)


def _new(profile: QualityProfile, pane: PaneHealth, level: float) -> list[Fault]:
    """Return features that the reference never had."""
    features = profile.never_had[pane.missing[profile.never_had] < pane.rows]
    if len(features) == 0:
        return []
    counts = (pane.rows - pane.missing[features]).astype(np.float64)
    # As surely as any other event that the reference never had among as many rows.
    known = np.array([profile.shares.rows[f] for f in features])
    p = np.exp(counts * np.log(np.maximum(1 / (profile.panes + 1), pane.rows / (pane.rows + known))))
    return [
        _fault(("new", profile.names[f], ""), max(p[i], LEAST_P), profile.tests, counts[i], pane.rows, 0.0)
        for i, f in enumerate(features)
        if p[i] <= level and counts[i] >= SHARE_FLOOR * pane.rows
    ]


def _fault(what: tuple[str, str, str], p: float, tests: int, count: float, rows: float, expected: float) -> Fault:
    found = share_of(float(count), float(rows))
    return Fault(*what, float(p), tests, found.value, expected, SHARE_FLOOR, found.lo, found.hi)
