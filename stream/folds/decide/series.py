"""Series of final panes: the numbers that river's detectors listen to, one for each pane."""

from __future__ import annotations

import math
from typing import NamedTuple

from streamgauge.spec_detectors import ERROR, OF_FEATURES, ROWS, Detector

from detectors.bins import MISSING
from detectors.named import errors_of
from detectors.performance import task_sums
from stream.folds.decide.gauges import OnTime
from stream.folds.decide.performance import lacks_labels, metrics_of, sums_of
from stream.folds.decide.state import PredictionPane
from stream.folds.layout import layout_of
from stream.folds.monitor import Monitor
from stream.folds.rows import StatisticsRow

_COLUMNS = {"missing": "missing_share", "unseen": "unseen_share"}


class Point(NamedTuple):
    """One pane of a series: rows or labels behind it, its value, and what the detector is given for it."""

    n: int
    value: float
    given: list[float]


def is_of_labels(detector: Detector) -> bool:
    """Say whether a series waits for labels."""
    return detector.on not in OF_FEATURES and detector.on != ROWS


def of_rows(monitor: Monitor, detector: Detector, found: OnTime, statistics: StatisticsRow | None) -> Point | None:
    """Return the value of a final pane; None if it has no rows, or if it is not defined without a reference."""
    if not found.rows:
        return None
    if detector.on == ROWS:
        return _point(found.rows, float(found.rows))
    if statistics is not None:
        return _point(statistics.n, getattr(statistics, _COLUMNS.get(detector.on, detector.on)))
    return _learning(monitor, detector, found)


def _learning(monitor: Monitor, detector: Detector, found: OnTime) -> Point | None:
    """Return what is known of a feature without a reference: how many values are missing, mean and sd of a number."""
    cells = next((each for each in layout_of(monitor).features if each.name == detector.feature), None)
    if cells is None:
        return None
    n = int(found.cells[cells.first : cells.first + cells.width].sum())
    present = n - int(found.cells[cells.first + MISSING])
    if detector.on == "missing" and n:
        return _point(n, (n - present) / n)
    if detector.on not in ("mean", "sd") or not present:
        return None
    total, squares = found.sums[2 * cells.number : 2 * cells.number + 2].tolist()
    mean = total / present
    return _point(n, mean if detector.on == "mean" else math.sqrt(max(0.0, squares / present - mean * mean)))


def of_labels(monitor: Monitor, detector: Detector, pane: PredictionPane) -> Point | None:
    """Return the value of a pane whose labels are mature, all versions together; None if labels are lacking."""
    sums = sums_of(pane)
    if sums is None or not sums.labels or lacks_labels(monitor, sums):
        return None
    if detector.on != ERROR:
        found = metrics_of(monitor, sums).get(detector.on)
        return None if found is None else _point(sums.labels, found.value)
    losses = task_sums(monitor.task).losses(sums.task_cells, sums.task_sums, "accuracy")
    if losses.n <= 0:
        return None
    n, wrong = int(losses.n), round(losses.n * losses.mean)
    return Point(n, losses.mean, errors_of(n, wrong))


def _point(n: int, value: float) -> Point | None:
    return Point(n, value, [value]) if math.isfinite(value) else None
