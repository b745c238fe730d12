"""Losses of rows and metrics of a validation set; what is not defined is None, never NaN."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.pipelines import Task

Floats = NDArray[np.float64]
Metrics = dict[str, float | None]

# What a version promises is later judged on served rows by `detectors.performance`; so its limits are here too.
EDGE = 1e-7
"""A probability is held this far from 0 and 1, so that the log loss of one row is at most 16.1."""

HIGHEST_ERROR = 1e70
"""Larger errors of a regression count as this, so that no mean overflows."""

JUDGED: dict[Task, tuple[str, ...]] = {"binary": ("log_loss", "brier", "accuracy"), "regression": ("rmse", "mae")}
"""The metrics that are means of losses of rows; the first of a task is meant where none is named."""


def losses(task: Task, truth: Floats, score: Floats, metric: str = "") -> Floats:
    """Return the loss of each row, ``(n,)``.

    Parameters
    ----------
    truth, score
        ``(n,)``; the truth of a binary task is 0 or 1.
    metric
        One of `JUDGED`, empty for the first: log loss, squared difference (``brier``) or 1 for a wrong answer
        (``accuracy``) of a binary task; squared error (``rmse``) or absolute error (``mae``) of a regression.

    Raises
    ------
    ValueError
        If `metric` is not judged in this task.

    Examples
    --------
    >>> losses("binary", np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    array([0.693, 0.693])
    >>> losses("binary", np.array([1.0, 0.0]), np.array([0.5, 0.5]), "accuracy")
    array([0., 1.])
    """
    metric = metric or JUDGED[task][0]
    if metric not in JUDGED[task]:
        raise ValueError(f"metric must be one of {', '.join(JUDGED[task])} in a {task} task, got {metric!r}")
    return _OF_METRIC[metric](truth, score)


def _log_losses(truth: Floats, score: Floats) -> Floats:
    p = np.clip(score, EDGE, 1 - EDGE)
    return -np.where(truth > 0, np.log(p), np.log1p(-p))


def _squares(truth: Floats, score: Floats) -> Floats:
    return _errors(truth, score) ** 2


def _errors(truth: Floats, score: Floats) -> Floats:
    """Return the absolute error of each row."""
    with np.errstate(over="ignore"):
        return np.minimum(np.abs(score - truth), HIGHEST_ERROR)


def _mistakes(truth: Floats, score: Floats) -> Floats:
    return np.where((score >= 0.5) == (truth > 0), 0.0, 1.0)


_OF_METRIC: dict[str, Callable[[Floats, Floats], Floats]] = {
    "log_loss": _log_losses,
    "brier": _squares,
    "accuracy": _mistakes,
    "rmse": _squares,
    "mae": _errors,
}


def metrics(task: Task, truth: Floats, score: Floats) -> Metrics:
    """Return all metrics of a task: log_loss, auc, accuracy, brier; or mae, rmse. All None without rows."""
    names = ("mae", "rmse") if task == "regression" else ("log_loss", "auc", "accuracy", "brier")
    if not len(truth):
        return dict.fromkeys(names)
    if task == "regression":
        return {
            "mae": float(losses(task, truth, score, "mae").mean()),
            "rmse": float(np.sqrt(losses(task, truth, score, "rmse").mean())),
        }
    return {
        "log_loss": float(losses(task, truth, score, "log_loss").mean()),
        "auc": auc(truth, score),
        "accuracy": 1 - float(losses(task, truth, score, "accuracy").mean()),
        "brier": float(losses(task, truth, score, "brier").mean()),
    }


def auc(truth: Floats, score: Floats) -> float | None:
    """Return the chance that a positive scores above a negative, ties half; None with one class only.

    >>> auc(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    positive = truth > 0
    n_positive = int(positive.sum())
    pairs = n_positive * (len(truth) - n_positive)
    if not pairs:
        return None
    _, where, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[where]
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / pairs)
