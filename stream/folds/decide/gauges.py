"""What the gauge of a monitor is given, and what it decides by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from detectors.evidence.budget import WARN
from detectors.panel.gauge_state import GaugeState, Pane, forgotten
from detectors.panel.plan import Plan, plan
from stream.folds.decide.merge import Merged
from stream.folds.decide.state import GroupId
from stream.folds.layout import ROWS, layout_of
from stream.folds.monitor import Monitor

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OnTime:
    """What came in time for its pane, all versions together, no segment: `Merged` added up, and how many rows.

    `counts` are the cells of the reference's features by bin, ``(F, W)``; empty without a reference.
    """

    rows: int
    cells: Ints
    sums: Floats
    lows: Floats
    highs: Floats
    products: Ints
    counts: Ints


def on_time(monitor: Monitor, pane_ms: int, merged: dict[tuple[int, GroupId], Merged]) -> OnTime:
    """Return the sums of a pane, versions in sorted order."""
    layout = layout_of(monitor)
    found = [sums for (pane, group), sums in merged.items() if pane == pane_ms and not group[1]]
    cells, products = np.zeros(layout.size, np.int64), np.zeros(layout.products, np.int64)
    totals, lows = np.zeros(2 * layout.numbers), np.full(layout.numbers, np.inf)
    highs = -lows
    for sums in found:
        cells, products, totals = cells + sums.cells, products + sums.products, totals + sums.sums
        lows, highs = np.minimum(lows, sums.lows), np.maximum(highs, sums.highs)
    counts = np.append(cells, 0)[_places(monitor)] if monitor.reference is not None else np.zeros((0, 0), np.int64)
    return OnTime(int(cells[ROWS]), cells, totals, lows, highs, products, counts)


@lru_cache(maxsize=1 << 16)
def plan_of(monitor: Monitor) -> Plan:
    """Return the plan of the monitor's gauge, at the level of warnings; the monitor has a reference."""
    if monitor.reference is None:
        raise ValueError(f"monitor {monitor.name} has no reference")
    panel = monitor.reference.panel
    outputs = np.arange(len(panel.bins)) >= len(panel.bins) - monitor.reference.outputs
    return plan(panel, WARN.evidence, WARN.q, is_output=outputs)


def pane_of(monitor: Monitor, pane_ms: int, found: OnTime) -> Pane:
    """Return a final pane as the gauge takes it; panes are numbered from 1970 on, so cycles begin where days do."""
    return Pane(
        found.counts, found.rows, found.products[:-1] if len(found.products) else None, pane_ms // monitor.pane_ms
    )


@lru_cache(maxsize=1 << 16)
def _places(monitor: Monitor) -> Ints:
    """Return the cell of each bin, ``(F, W)``, of the reference's features; -1 beyond a feature's bins."""
    panel = plan_of(monitor).panel
    first = {cells.name: cells.first for cells in layout_of(monitor).features}
    starts = np.array([first[name] for name in panel.names], np.int64)
    within = np.arange(panel.shares.shape[1])
    return np.where(panel.valid, starts[:, None] + within, -1)


def begun_anew(state: GaugeState | None, plan: Plan, features: Sequence[str]) -> GaugeState | None:
    """Return a gauge without the evidence of an incident's features, and of what they moved: pairs, and answers.

    Other features go on.
    """
    if state is None:
        return None
    mine = np.array([name in features for name in plan.names])
    return forgotten(state, np.append(mine | plan.is_output, True))
