"""Performance of prediction panes: sums over arrivals, and rows of metrics as labels come in."""

from __future__ import annotations

import math
from functools import reduce
from heapq import heappush
from typing import NamedTuple

from detectors.binary import confusion_at_half
from detectors.business import COST, VALUE_METRICS, value_metrics
from detectors.confusion import confusion_metrics, merged
from detectors.performance import Estimate, TaskSums, task_sums
from detectors.promise import ALL, Group
from stream.folds.decide.expectation import reference_limit
from stream.folds.decide.headings import of_group
from stream.folds.decide.judged import allowance, judged_metric, shown
from stream.folds.decide.merge import Merged, PaneGroup, add_pairs
from stream.folds.decide.state import GroupId, LineageState, PredictionPane, Sums, Version
from stream.folds.decide.turn import Turn
from stream.folds.layout import LABELS, ROWS
from stream.folds.monitor import Monitor
from stream.folds.rows import ConfusionRow, PerformanceRow

EVERYBODY = ""
"""Version that stands for all together, where no champion is registered."""

NO_OUTCOMES = (-1, -1, -1, -1)
"""Stands for tn, fp, fn and tp of tasks that have none."""


def add_arrived(turn: Turn, arrived: dict[PaneGroup, Merged]) -> dict[int, list[GroupId]]:
    """Add what arrived to its prediction panes; return which groups of which panes changed.

    A pane that comes up again after it was forgotten is shown, and never judged a second time.
    """
    touched: dict[int, list[GroupId]] = {}
    for (pane_ms, group), sums in arrived.items():
        if (pane := turn.lineage.panes.get(pane_ms)) is None:
            pane = _remembered(turn.lineage, pane_ms, forgotten_ms(turn.monitor, pane_ms) < turn.now_ms)
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
    rows, labels = int(sums.cells[ROWS]), int(sums.cells[LABELS])
    return Sums(rows, labels, sums.task_cells, sums.task_sums, sums.pairs, sums.confusion)


def added(before: Sums, more: Sums) -> Sums:
    """Return the sums of both, floats in this order."""
    return Sums(
        before.rows + more.rows,
        before.labels + more.labels,
        before.task_cells + more.task_cells,
        before.task_sums + more.task_sums,
        add_pairs([before.pairs, more.pairs]),
        merged([before.confusion, more.confusion]),
    )


def sums_of(pane: PredictionPane, version: str = EVERYBODY, group: Group = ALL) -> Sums | None:
    """Return the sums of a group, of one version or of all in sorted order; None if nothing came."""
    keys = [key for key in sorted(pane.groups) if key[1:] == group and version in (EVERYBODY, key[0])]
    return reduce(added, (pane.groups[key] for key in keys)) if keys else None


def lacks_labels(monitor: Monitor, sums: Sums) -> bool:
    """Say whether fewer labels came than half of the reference's share: what came may not be like the rest."""
    reference = monitor.reference
    return reference is not None and sums.labels < 0.5 * reference.label_share * sums.rows


def came(pane: PredictionPane) -> tuple[int, int]:
    """Return the rows of a pane, all versions together, and how many of them have a label."""
    whole = [sums for group, sums in pane.groups.items() if not group[1]]
    return sum(sums.rows for sums in whole), sum(sums.labels for sums in whole)


def label_age_ms(monitor: Monitor) -> int:
    """Return the age at which a pane's labels are mature: 95 % were there in the reference, else the horizon."""
    reference = monitor.reference
    if reference is None or reference.label_age_p95_ms < 0:
        return monitor.horizon_ms
    return min(reference.label_age_p95_ms, monitor.horizon_ms)


def forgotten_ms(monitor: Monitor, pane_ms: int) -> int:
    """Return when no label of a pane can come any more, and its sums are let go."""
    return pane_ms + monitor.pane_ms + monitor.horizon_ms + monitor.lateness_ms


class Known(NamedTuple):
    """A prediction pane, and how many of the labels that are expected of it are there."""

    pane_ms: int
    maturity: float


def known_at(turn: Turn, pane_ms: int) -> Known:
    """Return how mature the labels of a pane are when the turn's is final."""
    # Both panes are of one length, so this is the age of the youngest row's label.
    age = (turn.pane_ms - pane_ms) / max(label_age_ms(turn.monitor), 1)
    return Known(pane_ms, min(1.0, max(0.0, age)))


def performance_rows(turn: Turn, touched: dict[int, list[GroupId]]) -> list[PerformanceRow | ConfusionRow]:
    """Return all metrics of the groups whose labels changed, as known when the turn's pane was final."""
    rows: list[PerformanceRow | ConfusionRow] = []
    for pane_ms, groups in sorted(touched.items()):
        known = known_at(turn, pane_ms)
        for group in sorted(groups):
            sums = turn.lineage.panes[pane_ms].groups[group]
            if sums.labels:
                rows += _metric_rows(turn, known, group, sums)
                if len(sums.confusion.cells):
                    rows.append(_confusion_row(turn, known, group, sums))
    return rows


def metrics_of(monitor: Monitor, sums: Sums) -> dict[str, Estimate]:
    """Return all metrics of sums that have labels, those of what answers are worth where the spec says so."""
    found = task_sums(monitor.task).metrics(sums.task_cells, sums.task_sums)
    if len(sums.confusion.cells):
        found |= confusion_metrics(sums.confusion)
    if monitor.worth is not None:
        found |= value_metrics(monitor.worth, monitor.task, sums.task_cells, sums.task_sums, sums.confusion)
    return found


def _metric_rows(turn: Turn, known: Known, group: GroupId, sums: Sums) -> list[PerformanceRow]:
    monitor = turn.monitor
    task, found = task_sums(monitor.task), metrics_of(monitor, sums)
    if not group[0] and not found["labels"].value:  # rows that nobody answered
        return []
    names = task.names if monitor.worth is None else (*task.names, *VALUE_METRICS)
    outcomes = confusion_at_half(sums.task_cells) if monitor.task == "binary" else NO_OUTCOMES
    limit = tolerated(monitor, turn.loop.versions.get(group[0]), task, group[1:])
    tn, fp, fn, tp = outcomes
    brier, ece = (found[name].value if name in found else math.nan for name in ("brier", "ece"))
    heading = of_group(turn, known.pane_ms, group)
    return [
        PerformanceRow(
            **heading,
            metric=name,
            value=found[name].value,
            lo=found[name].lo,
            hi=found[name].hi,
            tolerated=limit if name == monitor.metric else math.nan,
            rows=sums.rows,
            labels=sums.labels,
            maturity=known.maturity,
            is_mature=known.maturity >= 1.0,
            tp=tp,
            fp=fp,
            fn=fn,
            tn=tn,
            brier=brier,
            ece=ece,
        )
        for name in names
    ]


def _confusion_row(turn: Turn, known: Known, group: GroupId, sums: Sums) -> ConfusionRow:
    names, (predicted, truth, counts) = sums.confusion.classes, sums.confusion.cells.T.tolist()
    return ConfusionRow(
        **of_group(turn, known.pane_ms, group),
        predicted=tuple(names[i] for i in predicted),
        truth=tuple(names[i] for i in truth),
        counts=tuple(counts),
        maturity=known.maturity,
        is_mature=known.maturity >= 1.0,
    )


def tolerated(monitor: Monitor, version: Version | None, task: TaskSums, group: Group) -> float:
    """Return what a group may come to, in the metric's unit: what was promised, two standard errors and the tolerance.

    A registered version promised it in its validation, for all rows; else the reference did, for each group.
    """
    metric = judged_metric(monitor, task)
    if metric is None:
        return math.nan
    if version is None or metric == COST:
        return shown(metric, reference_limit(monitor, metric, group))
    if version.loss_n == 0 or version.metric != metric:
        return math.nan
    promised = version.loss_mean + 2 * version.loss_sd / math.sqrt(version.loss_n)
    return shown(metric, promised + allowance(metric, promised, monitor.tolerance))
