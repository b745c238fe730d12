"""What closed windows add to evidence, bets and runs, in compiled code: the arrays are many, and small.

All arrays but the windows' are changed in place. Axes: T windows, S scales, F features, W bins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import in_place, inlined

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

BETS = (0.5, 1.0, 2.0)
"""Sizes of bets on z; the evidence is that of all together."""


@in_place
def add_evidence(log_evidence: Floats, scale: Ints, gained: Floats, judged: Flags) -> None:
    """Add what judged windows gained, ``(T, F + 1)``, to the evidence of their scales, ``(S, F + 1)``."""
    for t in range(len(scale)):
        for f in range(judged.shape[1]):
            if judged[t, f]:
                log_evidence[scale[t], f] = max(log_evidence[scale[t], f], 0.0) + gained[t, f]


@in_place
def add_bets(
    log_bets: Floats, bet_window: Ints, z: Floats, tolerance: Floats, variance: Floats, dependence: Floats
) -> None:
    """Add what bets won on a deviation beyond the reference's own error: of location and spread, up and down.

    `bet_window` is the window that a feature bets on, ``(F,)``, -1 for none; `dependence` divides the evidence.
    """
    for f in range(len(bet_window)):
        if bet_window[f] < 0:
            continue
        for moment in range(2):
            for side in range(2):
                deviation = z[bet_window[f], f, moment]
                beyond = (deviation if side == 0 else -deviation) - tolerance[f, moment]
                for k, size in enumerate(BETS):
                    won = size * beyond - 0.5 * (size * size) * variance[f]
                    log_bets[f, moment, side, k] = max(log_bets[f, moment, side, k], 0.0) + won / dependence[f]


@in_place
def add_runs(
    run_counts: Ints,
    run_expected: Floats,
    run_rows: Ints,
    run_first: Ints,
    counts: Floats,
    expected: Floats,
    rows: Floats,
    first: Ints,
    slot: Ints,
    is_counted: Flags,
    begins: Flags,
) -> None:
    """Count windows into runs, ``(S + 1, F, W)``.

    Parameters
    ----------
    run_expected, expected
        Rows to expect; without a cycle, empty.
    counts, rows, first
        Of the windows, ``(T, F, W)`` and ``(T,)``.
    slot
        Which of the S + 1 each window goes into, ``(T,)``.
    is_counted, begins
        Whether it goes there, and whether the run begins with it, of F features at least: ``(T, F)``.
    """
    for t in range(len(slot)):
        s = slot[t]
        for f in range(run_rows.shape[1]):
            if not is_counted[t, f]:
                continue
            if begins[t, f]:
                _begin(run_counts, run_expected, run_rows, run_first, s, f, first[t])
            run_rows[s, f] += np.int64(rows[t])
            for w in range(counts.shape[2]):
                run_counts[s, f, w] += np.int64(counts[t, f, w])
            for w in range(expected.shape[2]):
                run_expected[s, f, w] += expected[t, f, w]


@inlined
def _begin(run_counts: Ints, run_expected: Floats, run_rows: Ints, run_first: Ints, s: int, f: int, first: int) -> None:
    run_first[s, f], run_rows[s, f] = first, 0
    for w in range(run_counts.shape[2]):
        run_counts[s, f, w] = 0
    if run_expected.shape[1] > 0:
        for w in range(run_expected.shape[2]):
            run_expected[s, f, w] = 0.0
