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
    evidence = state.log_evidence.copy()
    gain = np.maximum(evidence[scale], 0) + log_evidence(found.p) / plan.dependence[scale]
    evidence[scale] = np.where(found.judged, gain, evidence[scale])
    z = found.z[bet_window, np.arange(len(bet_window))]
    bets = np.where(is_bet[:, None, None, None], _bets(plan, state.log_bets, z), state.log_bets)
    runs = _runs(plan, state, found, bet_window, is_bet)
    return replace(state, log_evidence=evidence, log_bets=bets, **runs)


def evidence(plan: Plan, state: GaugeState) -> Floats:
    """Return the log evidence of each feature and of the joint test, ``(F + 1,)``.

    Half of a feature's evidence is the mean over its scales, half that of its bets.
    """
    over_scales = _log_mean(state.log_evidence, plan.scale_weights)
    bets = state.log_bets.reshape(len(state.log_bets), -1).T
    betting = _log_mean(bets, np.full(bets.shape, 1 / len(bets)))
    over_scales[:-1] = np.logaddexp(over_scales[:-1], betting) - np.log(2)
    return over_scales


def _log_mean(logs: Floats, weights: Floats) -> Floats:
    """Return the log of the weighted mean of exp over the first axis; weights ``logs.shape``, adding up to 1 or 0."""
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
    beyond = np.stack([z, -z], 2) - plan.bet_tolerance[:, :, None]
    variance = plan.bet_variance[:, None, None, None]
    won = BETS * beyond[..., None] - 0.5 * BETS**2 * variance
    scale = np.maximum(plan.bet_scale, 0)
    divisor = plan.dependence[scale, np.arange(len(scale))]
    return np.asarray(np.maximum(log_bets, 0) + won / divisor[:, None, None, None], np.float64)


class _Runs(TypedDict):
    run_counts: Ints
    run_expected: Floats
    run_rows: Ints
    run_first: Ints


def _runs(plan: Plan, state: GaugeState, found: Judged, bet_window: Ints, is_bet: Flags) -> _Runs:
    """Return the runs with the windows counted in; a run begins anew where evidence is at its start."""
    windows, features = found.windows, np.arange(len(bet_window))
    slots = np.append(windows.scale, len(plan.panel.scales))
    fresh = np.concatenate([state.log_evidence[windows.scale, :-1] <= 0, _at_start(state)[None]])
    counted = np.concatenate([found.judged[:, :-1], is_bet[None]])
    rows = np.repeat(windows.rows.astype(np.int64)[:, None], len(features), 1)[..., None]
    counts = windows.counts.astype(np.int64)
    begun = fresh & counted
    first = _and_bets(np.repeat(windows.first[:, None], len(features), 1), bet_window)
    run_first = state.run_first.copy()
    run_first[slots] = np.where(begun, first, run_first[slots])
    return {
        "run_first": run_first,
        "run_counts": _run(state.run_counts, slots, fresh, counted, _and_bets(counts, bet_window)),
        "run_expected": _expected(state, windows, slots, fresh, counted, bet_window),
        "run_rows": _run(state.run_rows[..., None], slots, fresh, counted, _and_bets(rows, bet_window))[..., 0],
    }


def _expected(
    state: GaugeState, windows: Windows, slots: Ints, fresh: Flags, counted: Flags, bet_window: Ints
) -> Floats:
    if not state.run_expected.size:
        return state.run_expected
    expected = windows.rows[:, None, None] * windows.shares
    return _run(state.run_expected, slots, fresh, counted, _and_bets(expected, bet_window))


def _at_start(state: GaugeState) -> Flags:
    return np.asarray((state.log_bets <= 0).all((1, 2, 3)), np.bool_)


def _and_bets(by_window: Numbers, bet_window: Ints) -> Numbers:
    """Return the windows, and after them for each feature the one that it bets on, ``(T + 1, F, W)``."""
    return np.concatenate([by_window, by_window[bet_window, np.arange(len(bet_window))][None]])


def _run(run: Numbers, slots: Ints, fresh: Flags, counted: Flags, added: Numbers) -> Numbers:
    out, old = run.copy(), run[slots]
    grown = np.where(fresh[..., None], 0, old) + added
    out[slots] = np.where(counted[..., None], grown, old)
    return out
