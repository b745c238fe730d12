"""What a gauge keeps between ticks: plain arrays that are replaced, never changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.panel.panel import Panel
from detectors.panel.windows import complete

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

BET_SIZES = 3


@dataclass(frozen=True, slots=True)
class GaugeState:
    """Windows that fill, evidence, and what was counted since evidence last began. The last of F + 1 is the joint test.

    Attributes
    ----------
    panes, first, rows, phase_rows
        Of the open window of each scale: panes with rows, the number of the first of them, rows, ``(S,)`` each, and
        rows by phase of the cycle ``(S, H)``.
    counts, pairs
        Of the open windows: ``(S, F, W)`` and sums of pairs ``(S, d (d + 1) / 2)``.
    log_evidence
        By scale, ``(S, F + 1)``.
    spoiled
        Open windows with rows from before the feature's last alarm, ``(S, F + 1)``: they are not judged of it.
    log_bets
        On location and spread, up and down, by size, ``(F, 2, 2, 3)``.
    run_counts, run_rows, run_first
        Since the evidence last was at its start: rows by bin ``(S + 1, F, W)``, all rows, and the number of the first
        pane ``(S + 1, F)``; the last of S + 1 belongs to the bets.
    run_expected
        Rows by bin to expect in these phases of the cycle, ``(S + 1, F, W)``; F is 0 without phases.
    """

    panes: Ints
    first: Ints
    rows: Ints
    phase_rows: Ints
    counts: Ints
    pairs: Ints
    log_evidence: Floats
    spoiled: Flags
    log_bets: Floats
    run_counts: Ints
    run_expected: Floats
    run_rows: Ints
    run_first: Ints


@dataclass(frozen=True, slots=True)
class Pane:
    """One final pane. `number` rises from pane to pane, and is a multiple of the phases where a cycle begins.

    Attributes
    ----------
    counts
        ``(F, W)``; a feature that is absent counts nothing, and is missing.
    rows
        0 or more.
    pairs
        `detectors.panel.joint.pair_sums`, ``(d (d + 1) / 2,)``; None without a joint test.
    """

    counts: Ints
    rows: int
    pairs: Ints | None = None
    number: int = 0


def initial(panel: Panel) -> GaugeState:
    """Return the state before the first pane."""
    scales, (features, width) = len(panel.scales), panel.shares.shape
    d = 0 if panel.joint is None else len(panel.joint.features)
    return GaugeState(
        panes=np.zeros(scales, np.int64),
        first=np.zeros(scales, np.int64),
        rows=np.zeros(scales, np.int64),
        phase_rows=np.zeros((scales, panel.phases), np.int64),
        counts=np.zeros((scales, features, width), np.int64),
        pairs=np.zeros((scales, d * (d + 1) // 2), np.int64),
        log_evidence=np.zeros((scales, features + 1)),
        spoiled=np.zeros((scales, features + 1), bool),
        log_bets=np.zeros((features, 2, 2, BET_SIZES)),
        run_counts=np.zeros((scales + 1, features, width), np.int64),
        run_expected=np.zeros((scales + 1, features if panel.phases > 1 else 0, width)),
        run_rows=np.zeros((scales + 1, features), np.int64),
        run_first=np.zeros((scales + 1, features), np.int64),
    )


def gathered(state: GaugeState, pane: Pane) -> GaugeState:
    """Return the state with a pane in the open windows; unchanged by a pane without rows.

    Raises
    ------
    ValueError
        If the pane's counts do not fit its rows, or pairs are lacking.
    """
    if pane.rows <= 0:
        return state
    if pane.pairs is None and state.pairs.size:
        raise ValueError("this panel has a joint test: the pane must bring sums of pairs")
    whole = complete(pane.counts[None], np.array([pane.rows]))
    phase_rows = state.phase_rows.copy()
    phase_rows[:, pane.number % phase_rows.shape[1]] += pane.rows
    return replace(
        state,
        panes=state.panes + 1,
        first=np.where(state.panes == 0, pane.number, state.first),
        rows=state.rows + pane.rows,
        phase_rows=phase_rows,
        counts=state.counts + whole,
        pairs=state.pairs if pane.pairs is None else state.pairs + pane.pairs,
    )


def emptied(state: GaugeState, scales: Flags) -> GaugeState:
    """Return the state with the windows of some scales, ``(S,)``, begun anew."""
    keep = ~scales
    return replace(
        state,
        panes=state.panes * keep,
        rows=state.rows * keep,
        phase_rows=state.phase_rows * keep[:, None],
        counts=state.counts * keep[:, None, None],
        pairs=state.pairs * keep[:, None],
        spoiled=state.spoiled & keep[:, None],
    )


def forgotten(state: GaugeState, features: Flags) -> GaugeState:
    """Return the state in which some features or the joint test, ``(F + 1,)``, begin anew; others go on."""
    return replace(
        state,
        spoiled=state.spoiled | ((state.panes > 0)[:, None] & features),
        log_evidence=np.where(features, 0, state.log_evidence),
        log_bets=np.where(features[:-1, None, None, None], 0, state.log_bets),
    )
