"""What the gauge of a monitor is given, and what it decides by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Reference, Watched
from detectors.evidence.budget import WARN
from detectors.outliers.watch import OutlierWatch
from detectors.panel.gauge_state import GaugeState, Pane, forgotten
from detectors.panel.panel import Panel
from detectors.panel.plan import Plan, plan
from stream.folds.decide.merge import Merged
from stream.folds.decide.state import GroupId, LineageState, Part
from stream.folds.layout import ROWS, layout_of
from stream.folds.monitor import Monitor

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


PART_OF_ALL = 0.5
"""Of the budget, what all rows have where groups of segments are watched as well."""


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
    counts = _counts(monitor, cells) if monitor.reference is not None else np.zeros((0, 0), np.int64)
    return OnTime(int(cells[ROWS]), cells, totals, lows, highs, products, counts)


def parts_on_time(monitor: Monitor, pane_ms: int, merged: dict[tuple[int, GroupId], Merged]) -> dict[Part, Pane]:
    """Return what each watched group is given of a final pane, in the order of their plans; none without rows."""
    cells = dict[Part, Ints]()
    for (pane, (_, *part)), sums in merged.items():
        if pane == pane_ms and part[0]:
            cells[part[0], part[1]] = cells.get((part[0], part[1]), 0) + sums.cells
    number = pane_ms // monitor.pane_ms
    there = [part for part in part_plans(monitor) if part in cells and cells[part][ROWS]]
    return {part: Pane(_counts(monitor, cells[part]), int(cells[part][ROWS]), number=number) for part in there}


def _counts(monitor: Monitor, cells: Ints) -> Ints:
    return np.asarray(np.append(cells, 0)[_places(monitor)], np.int64)


@lru_cache(maxsize=1 << 16)
def plan_of(monitor: Monitor) -> Plan:
    """Return the plan of the monitor's gauge, at the level of warnings; the monitor has a reference."""
    if monitor.reference is None:
        raise ValueError(f"monitor {monitor.name} has no reference")
    part = PART_OF_ALL if _watched(monitor.reference, monitor) else 1.0
    return _plan(monitor.reference, monitor.reference.panel, part)


@lru_cache(maxsize=1 << 16)
def part_plans(monitor: Monitor) -> dict[Part, Plan]:
    """Return the plans of the groups that are watched: all of them share what of the budget all rows leave."""
    reference = monitor.reference
    watched = [] if reference is None else _watched(reference, monitor)
    if reference is None or not watched:
        return {}
    part = (1 - PART_OF_ALL) / len(watched)
    return {(each.segment, each.level): _plan(reference, each.panel, part) for each in watched}


def _watched(reference: Reference, monitor: Monitor) -> list[Watched]:
    """Return the groups of the reference whose segments the spec still names."""
    return [each for each in reference.watched if each.segment in monitor.segments]


def _plan(reference: Reference, panel: Panel, part: float) -> Plan:
    outputs = np.arange(len(panel.bins)) >= len(panel.bins) - reference.outputs
    return plan(panel, WARN.evidence, WARN.q, budget_part=part, is_output=outputs)


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


def begin_anew(lineage: LineageState, monitor: Monitor, features: Sequence[str]) -> None:
    """Forget the evidence of an incident's features, and of what they moved: pairs, answers, outliers; others go on."""
    if lineage.gauge is not None:
        lineage.gauge = _without(lineage.gauge, plan_of(monitor), features)
    plans = part_plans(monitor)
    for part, state in lineage.part_gauges.items():
        lineage.part_gauges[part] = _without(state, plans[part], features)
    lineage.outliers = OutlierWatch()


def _without(state: GaugeState, plan: Plan, features: Sequence[str]) -> GaugeState:
    mine = np.array([name in features for name in plan.names])
    return forgotten(state, np.append(mine | plan.is_output, True))
