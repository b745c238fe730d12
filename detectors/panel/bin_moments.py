"""Expected shares of bins, by phase, and how much more they vary than those of independent rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.bins import Bins
from detectors.columns import expected_shares

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_PHASE_PRIOR_ROWS = 50
_ENOUGH_ROWS = 5
_OF_THE_LARGEST = 0.8


def shares_of_bins(totals: Floats, bins: tuple[Bins, ...], seen_once: Ints) -> Floats:
    """Return the shares to expect (`detectors.columns.expected_shares`), ``(F, W)``; 0 beyond a feature's bins.

    Parameters
    ----------
    totals
        Rows of the reference by bin, ``(F, W)``.
    seen_once
        Levels of each feature that occur in one row only, ``(F,)``.
    """
    shares = np.zeros(totals.shape)
    for f, feature in enumerate(bins):
        shares[f, : feature.width] = expected_shares(totals[f, : feature.width], int(seen_once[f]))
    return shares


def shares_by_phase(counts: Floats, rows: Floats, shares: Floats, phases: int) -> Floats:
    """Return expected shares by phase, ``(H, F, W)``, each drawn to the overall ones by 50 rows."""
    if phases == 1:
        return shares[None]
    by_phase = [slice(h, None, phases) for h in range(phases)]
    return np.stack(
        [(counts[own].sum(0) + _PHASE_PRIOR_ROWS * shares) / (rows[own].sum() + _PHASE_PRIOR_ROWS) for own in by_phase]
    )


def bin_dispersion(counts: Floats, rows: Floats, phase_shares: Floats, shares: Floats) -> Floats:
    """Return the variance of each bin's counts between panes against independent rows, ``(F, W)``, at least 1.

    A bin with few rows in a pane cannot tell its own: it takes the largest of the feature. O(R F W).
    """
    phases = len(phase_shares)
    expected = rows[:, None, None] * phase_shares[np.arange(len(rows)) % phases]
    variance = np.maximum(expected * (1 - expected / rows[:, None, None]), 1e-12)
    ratio = ((counts - expected) ** 2 / variance).sum(0) / max(1, len(rows) - phases)
    typical = float(rows.mean()) * shares
    able = (typical >= np.minimum(_ENOUGH_ROWS, _OF_THE_LARGEST * typical.max(1))[:, None]) & (shares > 0)
    largest = np.where(able, ratio, 0).max(1, initial=1.0)
    return np.asarray(np.where(able, np.maximum(ratio, 1), largest[:, None]), np.float64)
