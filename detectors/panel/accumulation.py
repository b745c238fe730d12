"""Evidence over time: what each judged window adds to the evidence of its scale, and to the bets."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.evidence.calibrator import log_evidence
from detectors.panel.gauge_state import GaugeState
from detectors.panel.plan import Plan
from detectors.panel.windows import Windows

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Numbers = TypeVar("Numbers", Ints, Floats)

BETS = np.array([0.5, 1.0, 2.0])
"""Sizes of bets on z; the evidence is that of all together."""

_UP_AND_DOWN = np.array([1.0, -1.0])
_LOG_2 = np.log(2)


class Judged(NamedTuple):
    """The windows that a tick has closed, and what the tests say. The last of F + 1 is the joint test.

    Attributes
    ----------
    windows
        T of them, one for each scale that is due.
    p, judged
        ``(T, F + 1)``.
    z
        Of location and spread, ``(T, F, 2)``.
    """

    windows: Windows
    p: Floats
    judged: Flags
    z: Floats


def accumulated(plan: Plan, state: GaugeState, found: Judged) -> GaugeState:
    """Return the state with the evidence of closed windows; those that were not judged add none."""
    bet_window, is_bet = _bet_windows(plan, found)
    scale = found.windows.scale
    before = state.log_evidence[scale]
    gained = np.maximum(before, 0) + log_evidence(found.p) / plan.dependence[scale]
    evidence = state.log_evidence.copy()
    evidence[scale] = np.where(found.judged, gained, before)
    z = found.z[bet_window, np.arange(len(bet_window))]
    bets = np.where(is_bet[:, None, None, None], _bets(plan, state.log_bets, z), state.log_bets)
    runs = _runs(state, found, bet_window, is_bet)
    return replace(state, log_evidence=evidence, log_bets=bets, **runs)


def evidence(plan: Plan, state: GaugeState) -> Floats:
    """Return the log evidence of each feature and of the joint test, ``(F + 1,)``.

    Half of a feature's evidence is the mean over its scales, half that of its bets.
    """
    over_scales = _log_mean(state.log_evidence, plan.scale_weights)
    bets = np.ascontiguousarray(state.log_bets.reshape(len(state.log_bets), -1).T)
    betting = _log_mean(bets, 1 / len(bets))
    over_scales[:-1] = np.logaddexp(over_scales[:-1], betting) - _LOG_2
    return over_scales


def _log_mean(logs: Floats, weights: Floats | float) -> Floats:
    """Return the log of the weighted mean of exp over the first axis; weights of ``logs.shape`` add up to 1 or 0."""
    top = logs.max(0)
    return np.asarray(top + np.log(np.maximum((weights * np.exp(logs - top)).sum(0), 1e-300)), np.float64)


def _bet_windows(plan: Plan, found: Judged) -> tuple[Ints, Flags]:
    """Return for each feature the window that it bets on, ``(F,)``, and whether it bets at this tick."""
    window_of = np.full(len(plan.panel.scales) + 1, -1)
    window_of[found.windows.scale] = np.arange(len(found.windows.scale))
    window = window_of[plan.bet_scale]
    return np.maximum(window, 0), (window >= 0) & found.judged[window, np.arange(len(window))]


def _bets(plan: Plan, log_bets: Floats, z: Floats) -> Floats:
    """Return the bets on a deviation beyond the reference's own error, up and down."""
    beyond = z[:, :, None] * _UP_AND_DOWN - plan.bet_tolerance[:, :, None]
    won = BETS * beyond[..., None] - 0.5 * BETS**2 * plan.bet_variance[:, None, None, None]
    scale = np.maximum(plan.bet_scale, 0)
    divisor = plan.dependence[scale, np.arange(len(scale))]
    return np.asarray(np.maximum(log_bets, 0) + won / divisor[:, None, None, None], np.float64)


class _Runs(TypedDict):
    run_counts: Ints
    run_expected: Floats
    run_rows: Ints
    run_first: Ints


def _runs(state: GaugeState, found: Judged, bet_window: Ints, is_bet: Flags) -> _Runs:
    """Return the runs with the windows counted in; a run begins anew where evidence is at its start.

    Each run has a slot: T of scales whose windows are full, and after them that of the bets.
    """
    windows, every = found.windows, np.arange(len(bet_window))
    slots = np.append(windows.scale, len(state.panes))
    window = np.empty((len(slots), len(every)), np.int64)
    window[:-1], window[-1] = np.arange(len(windows.scale))[:, None], bet_window
    counted = np.concatenate([found.judged[:, :-1], is_bet[None]])
    begun = counted & np.concatenate([state.log_evidence[windows.scale, :-1] <= 0, _at_start(state)[None]])
    expected = windows.rows[:, None, None] * windows.shares if state.run_expected.size else windows.shares
    rows, each = windows.rows.astype(np.int64), (..., None)
    run_first = state.run_first.copy()
    run_first[slots] = np.where(begun, windows.first[window], run_first[slots])
    return {
        "run_first": run_first,
        "run_counts": _run(state.run_counts, slots, begun[each], counted[each], windows.counts[window, every]),
        "run_expected": _run(state.run_expected, slots, begun[each], counted[each], expected[window, every]),
        "run_rows": _run(state.run_rows, slots, begun, counted, rows[window]),
    }


def _at_start(state: GaugeState) -> Flags:
    return np.asarray(state.log_bets.max((1, 2, 3)) <= 0, np.bool_)


def _run(run: Numbers, slots: Ints, begun: Flags, counted: Flags, added: Numbers | Floats) -> Numbers:
    """Return runs, ``(S + 1, F, ...)``, with what is counted added, or in the place of what was where they begin."""
    if not run.size:
        return run
    out = run.copy()
    out[slots] = out[slots] * ~begun + added * counted
    return out
