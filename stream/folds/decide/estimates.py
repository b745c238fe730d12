"""Performance before labels: what the model's answers alone say of it, and what became of such estimates."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.business import COST
from detectors.estimate.interval import Estimated
from detectors.estimate.record import TrackRecord, settle
from detectors.performance import task_sums
from stream.folds.decide.emit import Emit
from stream.folds.decide.gauges import OnTime, plan_of
from stream.folds.decide.judged import judged_metric, shown
from stream.folds.decide.state import Guess, LineageState, MaturePane
from stream.folds.layout import layout_of
from stream.folds.monitor import Monitor
from stream.folds.rows import EstimateRow

Ints = NDArray[np.int64]

SETTLED_SHARE = 0.9
"""An estimate is settled if so many of the pane's answers have a label: those that lack one may be of another kind."""


class Window(NamedTuple):
    """An estimate over the smallest windows that drift is judged by: its first pane, rows, and the estimate."""

    first_ms: int
    rows: int
    estimate: Estimated


def estimated_metric(monitor: Monitor) -> str | None:
    """Return the metric that is estimated; None if there is nothing to estimate it by."""
    metric = judged_metric(monitor, task_sums(monitor.task))
    return (
        None if metric in {None, COST} or monitor.reference is None or monitor.reference.estimator is None else metric
    )


def estimate_pane(lineage: LineageState, monitor: Monitor, pane_ms: int, found: OnTime, emit: Emit) -> Window | None:
    """Estimate a final pane and tell it; return the estimate of the window that the pane completes, if it does."""
    metric = estimated_metric(monitor)
    if metric is None or found.rows == 0 or pane_ms not in lineage.panes:
        return None
    counts = _answers(monitor, found)
    if (guess := _estimate(monitor, metric, counts)) is not None:
        lineage.panes[pane_ms].guess = Guess(guess.value, guess.lo, guess.hi, guess.se)
        emit.rows.append(_row(monitor, pane_ms, metric, guess, int(counts.sum()), lineage.record, None, emit))
    return _window(lineage, monitor, metric, pane_ms, counts)


def settle_pane(lineage: LineageState, monitor: Monitor, mature: MaturePane, emit: Emit) -> None:
    """Settle a pane's estimate by its mean loss; not if labels are lacking."""
    metric, pane = estimated_metric(monitor), lineage.panes[mature.pane_ms]
    rows = sum(sums.rows for group, sums in pane.groups.items() if not group[1])
    if metric is None or pane.guess is None or mature.labels < max(1.0, SETTLED_SHARE * rows):
        return
    measured, guess = mature.total / mature.labels, Estimated(*pane.guess)
    truth = 1 - measured if metric == "accuracy" else measured
    lineage.record = settle(lineage.record, guess, truth)
    emit.rows.append(_row(monitor, mature.pane_ms, metric, guess, rows, lineage.record, truth, emit))


def _answers(monitor: Monitor, found: OnTime) -> Ints:
    cells = layout_of(monitor).features[-1]
    return found.cells[cells.first : cells.first + cells.width]


def _estimate(monitor: Monitor, metric: str, counts: Ints) -> Estimated | None:
    estimator = None if monitor.reference is None else monitor.reference.estimator
    found = None if estimator is None else estimator.estimate(counts, metric)
    return found if isinstance(found, Estimated) else None


def _window(lineage: LineageState, monitor: Monitor, metric: str, pane_ms: int, counts: Ints) -> Window | None:
    waiting = lineage.unlabelled
    if waiting.panes == 0:
        waiting.first_ms, waiting.counts = pane_ms, np.zeros_like(counts)
    waiting.panes, waiting.counts = waiting.panes + 1, waiting.counts + counts
    if waiting.panes < plan_of(monitor).panel.scales[0]:
        return None
    waiting.panes, found = 0, _estimate(monitor, metric, waiting.counts)
    return None if found is None else Window(waiting.first_ms, int(waiting.counts.sum()), found)


def _in_unit(metric: str, value: float) -> float:
    """Return an estimate in the metric's unit: accuracy is estimated as such, the mean square of errors has a root."""
    return shown(metric, value) if metric == "rmse" else value


def _row(
    monitor: Monitor,
    pane_ms: int,
    metric: str,
    guess: Estimated,
    n: int,
    record: TrackRecord,
    measured: float | None,
    emit: Emit,
) -> EstimateRow:
    value, low, high = (_in_unit(metric, x) for x in (guess.value, guess.lo, guess.hi))
    return EstimateRow(
        lineage=monitor.lineage,
        model=monitor.model,
        model_version="",
        segment_key="",
        segment_value="",
        pane_ms=pane_ms,
        metric=metric,
        estimate=value,
        lo=low,
        hi=high,
        n=n,
        settled=measured is not None,
        measured=math.nan if measured is None else _in_unit(metric, measured),
        inside=measured is not None and guess.holds(measured),
        coverage=record.settled.coverage.value,
        weight=record.weight,
        known_ms=emit.known_ms,
        position=emit.position,
    )
