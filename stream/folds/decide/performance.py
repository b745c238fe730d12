"""Performance of prediction panes: sums over arrivals, and rows of metrics as labels come in."""

from __future__ import annotations

import math
from heapq import heappush

from detectors.performance import Estimate, TaskSums, task_sums
from stream.folds.decide.emit import Emit
from stream.folds.decide.judged import allowance, judged_metric, shown
from stream.folds.decide.merge import Merged, add_pairs
from stream.folds.decide.state import GroupId, LineageState, Loop, PredictionPane, Sums, Version
from stream.folds.layout import LABELS, ROWS
from stream.folds.monitor import Monitor
from stream.folds.rows import PerformanceRow


def add_arrived(
    lineage: LineageState, monitor: Monitor, merged: dict[tuple[int, GroupId], Merged], passed_ms: int
) -> dict[int, list[GroupId]]:
    """Add what arrived to its prediction panes; return which groups of which panes changed.

    A pane that comes up again after it was forgotten is shown, and never judged a second time.
    """
    touched: dict[int, list[GroupId]] = {}
    for (pane_ms, group), sums in merged.items():
        if (pane := lineage.panes.get(pane_ms)) is None:
            pane = _remembered(lineage, pane_ms, forgotten_ms(monitor, pane_ms) < passed_ms)
        before = pane.groups.get(group)
        pane.groups[group] = _fresh(sums) if before is None else added(before, _fresh(sums))
        touched.setdefault(pane_ms, []).append(group)
    return touched


def _remembered(lineage: LineageState, pane_ms: int, is_over: bool) -> PredictionPane:
    lineage.panes[pane_ms] = pane = PredictionPane(judged=is_over)
    heappush(lineage.kept, pane_ms)
    if not is_over:
        heappush(lineage.unjudged, pane_ms)
    return pane


def _fresh(sums: Merged) -> Sums:
    return Sums(int(sums.cells[ROWS]), int(sums.cells[LABELS]), sums.task_cells, sums.task_sums, sums.pairs)


def added(before: Sums, more: Sums) -> Sums:
    """Return the sums of both, floats in this order."""
    return Sums(
        before.rows + more.rows,
        before.labels + more.labels,
        before.task_cells + more.task_cells,
        before.task_sums + more.task_sums,
        add_pairs([before.pairs, more.pairs]),
    )


def label_age_ms(monitor: Monitor) -> int:
    """Return the age at which a pane's labels are mature: 95 % were there in the reference, else the horizon."""
    reference = monitor.reference
    if reference is None or reference.label_age_p95_ms < 0:
        return monitor.horizon_ms
    return min(reference.label_age_p95_ms, monitor.horizon_ms)


def forgotten_ms(monitor: Monitor, pane_ms: int) -> int:
    """Return when no label of a pane can come any more, and its sums are let go."""
    return pane_ms + monitor.pane_ms + monitor.horizon_ms + monitor.lateness_ms


def performance_rows(
    monitor: Monitor,
    loop: Loop,
    lineage: LineageState,
    touched: dict[int, list[GroupId]],
    arrival_ms: int,
    emit: Emit,
) -> list[PerformanceRow]:
    """Return all metrics of the groups whose labels changed, as known when the pane `arrival_ms` was final."""
    rows: list[PerformanceRow] = []
    for pane_ms, groups in sorted(touched.items()):
        # Both panes are of one length, so this is the age of the youngest row's label.
        maturity = min(1.0, max(0.0, (arrival_ms - pane_ms) / max(label_age_ms(monitor), 1)))
        for group in sorted(groups):
            sums = lineage.panes[pane_ms].groups[group]
            if sums.labels and group[0]:
                rows += _metric_rows(monitor, loop, pane_ms, group, sums, arrival_ms, maturity, emit)
    return rows


def _metric_rows(
    monitor: Monitor,
    loop: Loop,
    pane_ms: int,
    group: GroupId,
    sums: Sums,
    arrival_ms: int,
    maturity: float,
    emit: Emit,
) -> list[PerformanceRow]:
    task = task_sums(monitor.task)
    found = task.metrics(sums.task_cells, sums.task_sums)
    limit = tolerated(monitor, loop.versions.get(group[0]), task)
    return [
        _metric_row(monitor, pane_ms, group, sums, arrival_ms, maturity, name, found[name], limit, emit)
        for name in task.names
    ]


def _metric_row(
    monitor: Monitor,
    pane_ms: int,
    group: GroupId,
    sums: Sums,
    arrival_ms: int,
    maturity: float,
    metric: str,
    estimate: Estimate,
    limit: float,
    emit: Emit,
) -> PerformanceRow:
    return PerformanceRow(
        lineage=monitor.lineage,
        model=monitor.model,
        model_version=group[0],
        segment_key=group[1],
        segment_value=group[2],
        pane_ms=pane_ms,
        arrival_ms=arrival_ms,
        metric=metric,
        value=estimate.value,
        lo=estimate.lo,
        hi=estimate.hi,
        tolerated=limit if metric == monitor.metric else math.nan,
        rows=sums.rows,
        labels=sums.labels,
        maturity=maturity,
        is_mature=maturity >= 1.0,
        known_ms=emit.known_ms,
        position=emit.position,
    )


def tolerated(monitor: Monitor, version: Version | None, task: TaskSums) -> float:
    """Return what a version may come to, in the metric's unit: its promise, two standard errors and the tolerance."""
    metric = judged_metric(monitor, task)
    if version is None or version.loss_n == 0 or metric is None or version.metric != metric:
        return math.nan
    promised = version.loss_mean + 2 * version.loss_sd / math.sqrt(version.loss_n)
    return shown(metric, promised + allowance(metric, promised, monitor.tolerance))
