"""Performance before labels: what the model's answers alone say of it, and what became of such estimates."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.business import COST
from detectors.estimate.interval import Estimated
from detectors.estimate.record import settle
from detectors.performance import task_sums
from stream.folds.decide.gauges import OnTime, plan_of
from stream.folds.decide.judged import judged_metric, shown
from stream.folds.decide.performance import came
from stream.folds.decide.state import Guess, MaturePane
from stream.folds.decide.turn import Turn
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


def estimate_pane(turn: Turn, found: OnTime) -> Window | None:
    """Estimate a final pane and tell it; return the estimate of the window that the pane completes, if it does."""
    metric, pane = estimated_metric(turn.monitor), turn.lineage.panes.get(turn.pane_ms)
    if metric is None or found.rows == 0 or pane is None:
        return None
    counts = _answers(turn.monitor, found)
    if (guess := _estimate(turn.monitor, metric, counts)) is not None:
        pane.guess = Guess(guess.value, guess.lo, guess.hi, guess.se)
        turn.emit.rows.append(_row(turn, metric, guess, int(counts.sum())))
    return _window(turn, metric, counts)


def settle_pane(turn: Turn, mature: MaturePane) -> None:
    """Settle a pane's estimate by its mean loss; not if labels are lacking."""
    metric, pane, lineage = estimated_metric(turn.monitor), turn.lineage.panes[turn.pane_ms], turn.lineage
    rows, _ = came(pane)
    if metric is None or pane.guess is None or mature.labels < max(1.0, SETTLED_SHARE * rows):
        return
    measured, guess = mature.total / mature.labels, Estimated(*pane.guess)
    truth = 1 - measured if metric == "accuracy" else measured
    lineage.record = settle(lineage.record, guess, truth)
    turn.emit.rows.append(_row(turn, metric, guess, rows, truth))


def _answers(monitor: Monitor, found: OnTime) -> Ints:
    cells = layout_of(monitor).features[-1]
    return found.cells[cells.first : cells.first + cells.width]


def _estimate(monitor: Monitor, metric: str, counts: Ints) -> Estimated | None:
    estimator = None if monitor.reference is None else monitor.reference.estimator
    found = None if estimator is None else estimator.estimate(counts, metric)
    return found if isinstance(found, Estimated) else None


def _window(turn: Turn, metric: str, counts: Ints) -> Window | None:
    waiting = turn.lineage.unlabelled
    if waiting.panes == 0:
        waiting.first_ms, waiting.counts = turn.pane_ms, np.zeros_like(counts)
    waiting.panes, waiting.counts = waiting.panes + 1, waiting.counts + counts
    if waiting.panes < plan_of(turn.monitor).panel.scales[0]:
        return None
    waiting.panes, found = 0, _estimate(turn.monitor, metric, waiting.counts)
    return None if found is None else Window(waiting.first_ms, int(waiting.counts.sum()), found)


def in_unit(metric: str, value: float) -> float:
    """Return an estimate in the metric's unit: accuracy is estimated as such, the mean square of errors has a root."""
    return shown(metric, value) if metric == "rmse" else value


def _row(turn: Turn, metric: str, guess: Estimated, n: int, measured: float | None = None) -> EstimateRow:
    monitor, record = turn.monitor, turn.lineage.record
    value, low, high = (in_unit(metric, x) for x in (guess.value, guess.lo, guess.hi))
    return EstimateRow(
        lineage=monitor.lineage,
        model=monitor.model,
        model_version="",
        segment_key="",
        segment_value="",
        pane_ms=turn.pane_ms,
        metric=metric,
        estimate=value,
        lo=low,
        hi=high,
        n=n,
        settled=measured is not None,
        measured=math.nan if measured is None else in_unit(metric, measured),
        inside=measured is not None and guess.holds(measured),
        coverage=record.settled.coverage.value,
        weight=record.weight,
        known_ms=turn.emit.known_ms,
        position=turn.emit.position,
    )
