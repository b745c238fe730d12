r"""Metrics of a binary classifier from rows and positives by score bin and predicted class.

Positives may be counted (labels) or expected (rows times their share of positives). Each metric comes with its gradient
by the positives of a cell, for the delta method: cells are independent, so a metric's variance is the sum of
squared gradients times the variances of the cells.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.estimate.score_bins import ScoreBins

Floats = NDArray[np.float64]


class Cells(NamedTuple):
    """Rows and positives, ``(bins, 2)`` each (bin, predicted class), and the bins."""

    bins: ScoreBins
    rows: Floats
    positives: Floats

    @property
    def n(self) -> float:
        """All rows."""
        return float(self.rows.sum())

    @property
    def positive(self) -> float:
        """All positives."""
        return float(self.positives.sum())

    @property
    def true_positive(self) -> float:
        """Positives that are predicted."""
        return float(self.positives[:, 1].sum())

    @property
    def predicted(self) -> float:
        """Rows that are predicted to be positive."""
        return float(self.rows[:, 1].sum())


class Metric(NamedTuple):
    """A metric's value, and its gradient by the positives of each cell, ``(bins, 2)``."""

    value: float
    gradient: Floats


def confusion(cells: Cells) -> tuple[float, float, float, float]:
    """Return true positives, false positives, false negatives and true negatives, as counted or expected."""
    hits, positives = cells.true_positive, cells.positive
    return hits, cells.predicted - hits, positives - hits, cells.n - cells.predicted - positives + hits


def accuracy(cells: Cells) -> Metric | str:
    """Return the share of rows whose class is predicted, or why it is undefined."""
    if not cells.n:
        return "no rows"
    hits, _, _, rejections = confusion(cells)
    return Metric((hits + rejections) / cells.n, _by_class(cells, -1 / cells.n, 1 / cells.n))


def precision(cells: Cells) -> Metric | str:
    """Return the share of positives among those predicted, or why it is undefined."""
    if not cells.predicted:
        return "no row is predicted to be positive"
    return Metric(cells.true_positive / cells.predicted, _by_class(cells, 0.0, 1 / cells.predicted))


def recall(cells: Cells) -> Metric | str:
    """Return the share of positives that are predicted, or why it is undefined."""
    if not cells.positive:
        return "no positives"
    value = cells.true_positive / cells.positive
    return Metric(value, _by_class(cells, -value / cells.positive, (1 - value) / cells.positive))


def f1(cells: Cells) -> Metric | str:
    """Return the harmonic mean of precision and recall, or why it is undefined."""
    both = cells.predicted + cells.positive
    if not both:
        return "no positives, predicted or not"
    value = 2 * cells.true_positive / both
    return Metric(value, _by_class(cells, -value / both, (2 - value) / both))


def auc(cells: Cells) -> Metric | str:
    """Return the area under the ROC curve, equal ranks within a bin, or why it is undefined."""
    rows, ones = cells.rows.sum(axis=1), cells.positives.sum(axis=1)
    zeros = rows - ones
    pairs = float(ones.sum()) * float(zeros.sum())
    if pairs <= 0:
        return "no positives or no negatives"
    below = np.cumsum(zeros) - 0.5 * zeros
    value = float((ones * below).sum()) / pairs
    above = ones.sum() - np.cumsum(ones) + 0.5 * ones
    slope = (below - above - value * float(zeros.sum() - ones.sum())) / pairs
    return Metric(value, np.repeat(slope[:, None], 2, axis=1))


def log_loss(cells: Cells) -> Metric | str:
    """Return the mean log loss, with the reference's scores within each bin, or why it is undefined."""
    return _mean_loss(cells, cells.bins.log_loss_array)


def brier(cells: Cells) -> Metric | str:
    """Return the Brier score, with the reference's scores within each bin, or why it is undefined."""
    return _mean_loss(cells, cells.bins.brier_array)


METRICS: dict[str, Callable[[Cells], Metric | str]] = {
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "auc": auc,
    "log_loss": log_loss,
    "brier": brier,
}
HIGHEST = {"log_loss": math.inf}
"""Of metrics that are not at most 1."""


def _by_class(cells: Cells, if_negative: float, if_positive: float) -> Floats:
    return np.broadcast_to(np.array([if_negative, if_positive]), cells.rows.shape)


def _mean_loss(cells: Cells, losses: Floats) -> Metric | str:
    if not cells.n:
        return "no rows"
    if_zero, if_one = losses[:, :1], losses[:, 1:]
    total = float(((cells.rows - cells.positives) * if_zero + cells.positives * if_one).sum())
    return Metric(total / cells.n, np.broadcast_to((if_one - if_zero) / cells.n, cells.rows.shape))
