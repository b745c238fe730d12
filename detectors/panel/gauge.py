"""One tick of a gauge: a final pane in, a verdict on all features out.

Windows of three lengths fill; each that is full is tested, and its p-values become evidence. An alarm needs
evidence above a threshold that follows from the false-alarm budget, or a rejection by parallel tests, and an effect
above its floor.

References
----------
Ville's inequality for products of e-values, after the e-detectors of Shin, Ramdas and Rinaldo; page-wise maxima
with 1 after Page, "Continuous inspection schemes", Biometrika 1954.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.evidence.false_discovery import rejected
from detectors.panel.accumulation import Judged, accumulated, evidence
from detectors.panel.causes import causes
from detectors.panel.effects import Effects
from detectors.panel.gauge_state import GaugeState, Pane, emptied, forgotten, gathered
from detectors.panel.joint import joint_test, most_changed
from detectors.panel.panel import Panel
from detectors.panel.plan import Plan
from detectors.panel.window_tests import LEAST_WINDOW_ROWS, WindowTests, window_tests
from detectors.panel.windows import Windows, expected_shares

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_OUTPUT_EXCESS = 0.5
NO_JOINT = -1
_NOTHING = Effects._make([*[np.zeros(0)] * 8, np.zeros(0, np.int64)])


class Verdict(NamedTuple):
    """What a tick found. The last of F + 1 places is the joint test.

    Attributes
    ----------
    alarms
        Whether anything changed, beyond chance and by more than a floor.
    features, effects, first
        What changed, the likeliest cause first, ``(C,)``, how much, and the number of the pane from which on.
    joint, partner
        The feature whose pairs changed most, if the joint test alarms, and the other of its most changed pair; else -1.
    due
        Scales whose windows were full, ``(S,)``.
    p, rejected
        Of those windows, ``(S, F + 1)``: p-values, 1 where nothing was judged, and rejections by parallel tests.
    log_evidence
        ``(F + 1,)``, before an alarm forgets it. To be compared with `Plan.log_thresholds`. Empty without
        a full window: it is as it was.
    tests, windows
        The full windows, T of them, and their tests; None if there are none.
    """

    alarms: bool
    features: Ints
    effects: Effects
    first: Ints
    joint: int
    partner: int
    due: Flags
    p: Floats
    rejected: Flags
    log_evidence: Floats
    tests: WindowTests | None
    windows: Windows | None


class _Tested(NamedTuple):
    found: Judged
    tests: WindowTests
    pair_t: Floats | None


def tick(plan: Plan, state: GaugeState, pane: Pane) -> tuple[GaugeState, Verdict]:
    """Return the next state and the verdict; O(S F W).

    Parameters
    ----------
    state
        That of the tick before, or `detectors.panel.gauge_state.initial`.

    Raises
    ------
    ValueError
        If the pane does not fit the panel.

    Examples
    --------
    >>> from detectors.bins import fit_number
    >>> from detectors.panel.fit import ReferenceCounts, fit_panel
    >>> from detectors.panel.gauge_state import initial
    >>> from detectors.panel.plan import plan
    >>> bins = (fit_number("x", [1.0, 2.0]),)
    >>> at_random = np.random.default_rng(1).binomial(500, 0.5, 60)
    >>> counts = np.stack([0 * at_random, 0 * at_random, at_random, 500 - at_random, 0 * at_random], 1)
    >>> panel = fit_panel(ReferenceCounts(bins, counts[:, None], np.full(60, 500)))
    >>> state, verdict = tick(plan(panel), initial(panel), Pane(np.array([[0, 0, 250, 250, 0]]), 500))
    >>> verdict.alarms
    False
    >>> state, verdict = tick(plan(panel), state, Pane(np.array([[0, 0, 400, 100, 0]]), 500))
    >>> verdict.alarms, [panel.names[f] for f in verdict.features]
    (True, ['x'])
    """
    state = gathered(state, pane)
    due = state.panes >= plan.panel.scale_panes
    if not due.any():
        return state, _quiet(plan, np.zeros(0))
    tested = _tested(plan.panel, state, np.flatnonzero(due))
    state = accumulated(plan, state, tested.found)
    verdict = _verdict(plan, state, tested, due)
    return _after(plan, emptied(state, due), verdict), verdict


def _tested(panel: Panel, state: GaugeState, scale: Ints) -> _Tested:
    rows = state.rows[scale].astype(np.float64)
    weights = state.phase_rows[scale] / rows[:, None]
    counts, shares = state.counts[scale].astype(np.float64), expected_shares(panel, weights)
    windows = Windows(counts, rows, scale, weights, shares, state.first[scale])
    spoiled = state.spoiled[scale]
    tests = _without(window_tests(panel, windows), spoiled[:, :-1])
    p, t = _joint(panel, state, windows, spoiled)
    judged = np.zeros(len(scale), bool) if panel.joint is None else panel.joint.usable[scale].any(1)
    judged = judged & (rows >= LEAST_WINDOW_ROWS) & ~spoiled[:, -1]
    found = Judged(
        windows,
        np.concatenate([tests.p, np.where(judged, p, 1.0)[:, None]], 1),
        np.concatenate([tests.judged, judged[:, None]], 1),
        tests.z,
    )
    return _Tested(found, tests, t)


def _without(tests: WindowTests, spoiled: Flags) -> WindowTests:
    if not spoiled.any():
        return tests
    return tests._replace(p=np.where(spoiled, 1.0, tests.p), judged=tests.judged & ~spoiled)


def _joint(panel: Panel, state: GaugeState, windows: Windows, spoiled: Flags) -> tuple[Floats, Floats | None]:
    if panel.joint is None:
        return np.ones(len(windows.rows)), None
    pairs, mine = state.pairs[windows.scale], spoiled[:, panel.joint.features]
    found = joint_test(panel, panel.joint, pairs, windows.rows, windows.scale, windows.phase_weights, mine)
    return found.p, found.t


def _verdict(plan: Plan, state: GaugeState, tested: _Tested, due: Flags) -> Verdict:
    log_evidence = evidence(plan, state)
    proven = log_evidence >= plan.log_thresholds
    by_window = _rejected(plan, tested.found)
    verdict = _quiet(plan, log_evidence)._replace(due=due, tests=tested.tests, windows=tested.found.windows)
    verdict.p[due], verdict.rejected[due] = tested.found.p, by_window
    if not (proven | by_window.any(0)).any():
        return verdict
    named = causes(plan, state, tested.found, proven[:-1], by_window[:, :-1])
    apart = proven[-1] or by_window[:, -1].any()
    joint, partner = _named_by_pairs(plan, tested) if apart else (NO_JOINT, NO_JOINT)
    alarms = len(named.features) > 0 or joint != NO_JOINT
    return verdict._replace(
        alarms=alarms, features=named.features, effects=named.effects, first=named.first, joint=joint, partner=partner
    )


def _rejected(plan: Plan, found: Judged) -> Flags:
    """Return what parallel tests reject, ``(T, F + 1)``, at the level's share of a scale that is due every m ticks."""
    scales = plan.panel.scales
    tests = len(plan.shares) - (plan.panel.joint is None)
    weighted = np.minimum(1, found.p[:, :tests] / (plan.shares[:tests] * tests))
    out = np.zeros(found.p.shape, bool)
    if weighted.min(initial=1.0) > plan.level * scales[-1] / len(scales):
        return out
    for place, scale in enumerate(found.windows.scale):
        level = min(1.0, plan.level * scales[scale] / len(scales))
        out[place, :tests] = rejected(found.p[place, :tests], level, plan.shares[:tests])
    return out


def _named_by_pairs(plan: Plan, tested: _Tested) -> tuple[int, int]:
    joint, t = plan.panel.joint, tested.pair_t
    if joint is None or t is None:
        return NO_JOINT, NO_JOINT
    strongest = t[int(t.max(1).argmax())]
    return most_changed(joint, strongest, np.where(plan.is_output, _OUTPUT_EXCESS, 1.0))


def _after(plan: Plan, state: GaugeState, verdict: Verdict) -> GaugeState:
    """Return the state after an alarm: what raised it begins anew."""
    if not verdict.alarms:
        return state
    alarmed = np.zeros(len(plan.shares), bool)
    alarmed[verdict.features] = True
    alarmed[-1] = verdict.joint != NO_JOINT
    return forgotten(state, alarmed)


def _quiet(plan: Plan, log_evidence: Floats) -> Verdict:
    shape = len(plan.panel.scales), len(plan.shares)
    return Verdict(
        alarms=False,
        features=_NOTHING.gained_bin,
        effects=_NOTHING,
        first=_NOTHING.gained_bin,
        joint=NO_JOINT,
        partner=NO_JOINT,
        due=np.zeros(shape[0], bool),
        p=np.ones(shape),
        rejected=np.zeros(shape, bool),
        log_evidence=log_evidence,
        tests=None,
        windows=None,
    )
