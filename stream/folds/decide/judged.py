"""Which loss is judged for a spec's metric, and how it is shown in the metric's own unit."""

from __future__ import annotations

import math

from detectors.business import COST, PARTS
from detectors.performance import TaskSums
from stream.folds.monitor import Monitor

FIRST_LOSS = {"binary": "log_loss", "regression": "rmse"}
"""What a version's losses are of, if its manifest does not say."""


def judged_metric(monitor: Monitor, task: TaskSums) -> str | None:
    """Return the spec's metric if it is a mean loss that can be judged, else None: it is shown, not judged."""
    if monitor.metric == COST:
        return COST if monitor.worth is not None and monitor.task in PARTS else None
    return monitor.metric if monitor.metric in task.judged else None


def promised_metric(monitor: Monitor, task: TaskSums) -> str | None:
    """Return the judged metric that a version can promise: not what rows cost, which the spec alone knows."""
    metric = judged_metric(monitor, task)
    return FIRST_LOSS[monitor.task] if metric == COST else metric


def shown(metric: str, loss: float) -> float:
    """Return a mean loss in the metric's unit: errors as accuracy, squared errors as their root.

    >>> shown("accuracy", 0.25), shown("rmse", 9.0), shown("log_loss", 0.5)
    (0.75, 3.0, 0.5)
    """
    if metric == "accuracy":
        return 1.0 - loss
    return math.sqrt(max(loss, 0.0)) if metric == "rmse" else loss


def allowance(metric: str, promised: float, tolerance: float) -> float:
    """Return how much the loss may exceed `promised`, for a tolerance in the metric's unit.

    >>> allowance("log_loss", 0.5, 0.02), allowance("rmse", 9.0, 1.0)
    (0.02, 7.0)
    """
    if metric != "rmse":
        return tolerance
    return (math.sqrt(max(promised, 0.0)) + tolerance) ** 2 - promised


def is_within(metric: str, value: float, limit: float) -> bool:
    """Say whether a metric is no worse than its limit: accuracy is better higher, all other judged ones lower.

    >>> is_within("accuracy", 0.9, 0.8), is_within("log_loss", 0.9, 0.8)
    (True, False)
    """
    return value >= limit if metric == "accuracy" else value <= limit
