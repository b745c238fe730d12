"""Sums of performance by task: sizes and functions, so that who adds them up needs not know the task.

Two tables hold the sums: integers ``(K, ints)`` and floats ``(K, floats)``, one row for each key (a version
and segment, say). Floats are added in the order of the records; tables of different panes or partitions are
merged by addition.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.binary import (
    BINARY_FLOATS,
    BINARY_INTS,
    BINARY_METRICS,
    accumulate_labels,
    accumulate_scores,
    binary_losses,
    binary_metrics,
)
from detectors.estimates import Estimate
from detectors.losses import Losses, PaneMean, pane_mean
from detectors.multiclass import (
    MULTICLASS_FLOATS,
    MULTICLASS_INTS,
    MULTICLASS_METRICS,
    accumulate_classes,
    accumulate_served_classes,
    multiclass_losses,
    multiclass_metrics,
)
from detectors.regression import (
    REGRESSION_FLOATS,
    REGRESSION_INTS,
    REGRESSION_METRICS,
    accumulate_truths,
    accumulate_values,
    regression_losses,
    regression_metrics,
)

__all__ = [
    "TASKS", "TaskSums", "task_sums", "Estimate", "Losses", "PaneMean", "pane_mean",
    "BINARY_FLOATS", "BINARY_INTS", "BINARY_METRICS", "accumulate_labels", "accumulate_scores", "binary_losses",
    "binary_metrics", "MULTICLASS_FLOATS", "MULTICLASS_INTS", "MULTICLASS_METRICS", "accumulate_classes",
    "accumulate_served_classes", "multiclass_losses", "multiclass_metrics", "REGRESSION_FLOATS", "REGRESSION_INTS",
    "REGRESSION_METRICS", "accumulate_truths", "accumulate_values", "regression_losses", "regression_metrics",
]  # fmt: skip

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TaskSums:
    """How the performance of one task is summed and read.

    Attributes
    ----------
    ints, floats
        Cells of a row of the two tables.
    serve
        ``(ints, floats, rows, predicted)``: counts served predictions, in place. `predicted` is the score of
        a binary task, the value of a regression, a class's code of a multiclass task.
    label
        ``(ints, floats, rows, predicted, truth)``: adds labels that met their prediction, in place.
    metrics
        ``(ints, floats)`` of one row: each metric with its interval, and counts.
    losses
        ``(ints, floats, metric)`` of one row: the mean loss that the metric judges; ValueError if it judges
        none.
    names
        The metrics, without the counts.
    judged
        The metrics that `losses` takes, so that a monitor may name one.
    """

    task: str
    ints: int
    floats: int
    serve: Callable[[Ints, Floats, Ints, Floats], None]
    label: Callable[[Ints, Floats, Ints, Floats, Floats], None]
    metrics: Callable[[Ints, Floats], dict[str, Estimate]]
    losses: Callable[[Ints, Floats, str], Losses]
    names: tuple[str, ...]
    judged: tuple[str, ...]

    def tables(self, k: int) -> tuple[Ints, Floats]:
        """Return empty tables for `k` keys."""
        return np.zeros((k, self.ints), np.int64), np.zeros((k, self.floats), np.float64)


TASKS = {
    "binary": TaskSums(
        "binary", BINARY_INTS, BINARY_FLOATS, accumulate_scores, accumulate_labels, binary_metrics, binary_losses,
        BINARY_METRICS, ("log_loss", "brier", "accuracy"),
    ),
    "regression": TaskSums(
        "regression", REGRESSION_INTS, REGRESSION_FLOATS, accumulate_values, accumulate_truths, regression_metrics,
        regression_losses, REGRESSION_METRICS, ("mae", "rmse"),
    ),
    "multiclass": TaskSums(
        "multiclass", MULTICLASS_INTS, MULTICLASS_FLOATS, accumulate_served_classes, accumulate_classes,
        multiclass_metrics, multiclass_losses, MULTICLASS_METRICS, ("accuracy",),
    ),
}  # fmt: skip


def task_sums(task: str) -> TaskSums:
    """Return the sums of ``binary``, ``regression`` or ``multiclass``; ValueError for another.

    >>> sums = task_sums("binary")
    >>> ints, floats = sums.tables(1)
    >>> sums.label(ints, floats, np.zeros(2, np.int64), np.array([0.9, 0.4]), np.array([1.0, 1.0]))
    >>> sums.metrics(ints[0], floats[0])["accuracy"].value
    0.5
    """
    if task not in TASKS:
        raise ValueError(f"task must be one of {', '.join(TASKS)}, got {task!r}")
    return TASKS[task]
