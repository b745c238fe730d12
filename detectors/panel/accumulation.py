"""Evidence over time: what each judged window adds to the evidence of its scale, and to the bets."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.evidence.calibrator import log_evidence
from detectors.panel.accumulation_kernels import add_bets, add_evidence, add_runs
from detectors.panel.gauge_state import GaugeState
from detectors.panel.plan import Plan
from detectors.panel.windows import Windows

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

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
    bet_window = _bet_windows(plan, found)
    evidence, bets = state.log_evidence.copy(), state.log_bets.copy()
    gained = log_evidence(found.p) / plan.dependence[found.windows.scale]
    add_evidence(evidence, found.windows.scale, gained, found.judged)
    z, runs = np.ascontiguousarray(found.z), _runs(state, found, bet_window)
    add_bets(bets, bet_window, z, plan.bet_tolerance, plan.bet_variance, plan.bet_dependence)
    return replace(state, log_evidence=evidence, log_bets=bets, **runs._asdict())


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


def _bet_windows(plan: Plan, found: Judged) -> Ints:
    """Return for each feature the window that it bets on at this tick, ``(F,)``; -1 for none."""
    window_of = np.full(len(plan.panel.scales) + 1, -1)
    window_of[found.windows.scale] = np.arange(len(found.windows.scale))
    window = window_of[plan.bet_scale]
    return np.where(found.judged[window, np.arange(len(window))], window, -1)


class _Runs(NamedTuple):
    run_counts: Ints
    run_expected: Floats
    run_rows: Ints
    run_first: Ints


def _runs(state: GaugeState, found: Judged, bet_window: Ints) -> _Runs:
    """Return the runs with the windows counted in: those of scales, and after them that of the bets.

    A run begins anew where evidence is at its start.
    """
    runs = _Runs(state.run_counts.copy(), state.run_expected.copy(), state.run_rows.copy(), state.run_first.copy())
    windows, bets = found.windows, np.full(len(found.windows.scale), len(state.panes))
    expected = windows.rows[:, None, None] * windows.shares if state.run_expected.size else np.zeros((1, 1, 0))
    of_windows = windows.counts, expected, windows.rows, windows.first
    bets_on = bet_window == np.arange(len(bets))[:, None]
    add_runs(*runs, *of_windows, windows.scale, found.judged, state.log_evidence[windows.scale] <= 0)
    add_runs(*runs, *of_windows, bets, bets_on, bets_on & _at_start(state))
    return runs


def _at_start(state: GaugeState) -> Flags:
    return np.asarray(state.log_bets.max((1, 2, 3)) <= 0, np.bool_)
