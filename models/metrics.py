"""Losses of rows and metrics of a validation set; what is not defined is None, never NaN."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.pipelines import Task

Floats = NDArray[np.float64]
Metrics = dict[str, float | None]

# A probability is held this far from 0 and 1, so that the loss of one row stays below 35.
EDGE = 1e-15


def losses(task: Task, truth: Floats, score: Floats) -> Floats:
    """Return the loss of each row, ``(n,)``: log loss of a binary task, squared error of a regression.

    >>> losses("binary", np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    array([0.693, 0.693])
    """
    if task == "regression":
        return (score - truth) ** 2
    p = np.clip(score, EDGE, 1 - EDGE)
    return -np.where(truth > 0, np.log(p), np.log1p(-p))


def metrics(task: Task, truth: Floats, score: Floats) -> Metrics:
    """Return all metrics of a task: log_loss, auc, accuracy, brier; or mae, rmse. All None without rows."""
    names = ("mae", "rmse") if task == "regression" else ("log_loss", "auc", "accuracy", "brier")
    if not len(truth):
        return dict.fromkeys(names)
    if task == "regression":
        return {
            "mae": float(np.abs(score - truth).mean()),
            "rmse": float(np.sqrt(losses(task, truth, score).mean())),
        }
    return {
        "log_loss": float(losses(task, truth, score).mean()),
        "auc": auc(truth, score),
        "accuracy": float(((score >= 0.5) == (truth > 0)).mean()),
        "brier": float(((score - truth) ** 2).mean()),
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
