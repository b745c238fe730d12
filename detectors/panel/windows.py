"""Windows to judge: counts of merged panes, whatever the scale, one after the other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.bins import MISSING
from detectors.panel.panel import Panel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Windows(NamedTuple):
    """T windows, each at a scale of its own.

    Attributes
    ----------
    counts
        ``(T, F, W)``, adding up to `rows` for each feature.
    rows
        ``(T,)``, positive.
    scale
        Place of the window's scale in `Panel.scales`, ``(T,)``.
    phase_weights
        Share of the window's rows by phase of the cycle, ``(T, H)``.
    shares
        Expected in these phases, ``(T, F, W)``.
    first
        Number of the first pane, ``(T,)``.
    """

    counts: Floats
    rows: Floats
    scale: Ints
    phase_weights: Floats
    shares: Floats
    first: Ints


def windows_of(panel: Panel, counts: Ints, rows: Ints, scale: Ints, phase_rows: Ints | None = None) -> Windows:
    """Return windows whose features' counts add up: what a feature lacks is missing.

    Parameters
    ----------
    counts, rows, scale
        ``(T, F, W)``, ``(T,)``, ``(T,)``.
    phase_rows
        Rows by phase of the cycle, ``(T, H)``. None: no cycle.

    Raises
    ------
    ValueError
        If a window has no rows, or a feature more counts than there are rows.
    """
    whole = complete(counts, rows)
    if (rows <= 0).any():
        raise ValueError(f"a window must have rows, got {rows.tolist()}")
    by_phase = rows[:, None] if phase_rows is None else phase_rows
    if by_phase.shape[1] != panel.phases:
        raise ValueError(f"need the rows of {panel.phases} phases, got those of {by_phase.shape[1]}")
    weights = by_phase / rows[:, None]
    floats = whole.astype(np.float64), rows.astype(np.float64)
    return Windows(*floats, scale, weights, expected_shares(panel, weights), np.zeros(len(rows), np.int64))


def complete(counts: Ints, rows: Ints) -> Ints:
    """Return counts ``(T, F, W)`` in which an absent feature is missing in all of ``(T,)`` rows.

    Raises
    ------
    ValueError
        If a feature has more counts than there are rows.
    """
    lacking = rows[:, None] - counts.sum(2)
    if not lacking.any():
        return counts
    if (lacking < 0).any():
        raise ValueError(f"a feature counts {int(-lacking.min())} rows more than there are")
    whole = counts.copy()
    whole[:, :, MISSING] += lacking
    return whole


def expected_shares(panel: Panel, phase_weights: Floats) -> Floats:
    """Return the shares to expect in windows over these phases, ``(T, F, W)``."""
    mixed = mixed_phases(panel.phase_shares, phase_weights)
    return np.broadcast_to(mixed, (len(phase_weights), *panel.shares.shape))


def mixed_phases(by_phase: Floats, phase_weights: Floats) -> Floats:
    """Return the mean of ``(H, ...)`` over phases by weights ``(T, H)``, ``(T, ...)``; without a cycle ``(1, ...)``."""
    if len(by_phase) == 1:
        return by_phase
    return np.asarray(np.tensordot(phase_weights, by_phase, 1), np.float64)
