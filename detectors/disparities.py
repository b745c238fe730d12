"""Is a group treated as the others are? Differences between a group and the rest, with 95 % intervals.

Shares have Newcombe's interval, mean errors that of Welch (`differences`). Of a binary task: the selection rate (scores
of .5 or more, labelled or not), the true and false positive rates and the accuracy; of classes the accuracy; of a
regression the mean error and the mean absolute error.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.binary import confusion_at_half, selected
from detectors.differences import difference, difference_of_means
from detectors.estimates import Estimate, share
from detectors.multiclass_kernels import LABELS as CLASS_LABELS
from detectors.multiclass_kernels import RIGHT
from detectors.regression_kernels import ABSOLUTE, ERROR, LABELS, SQUARE

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Share = tuple[int, int]
Mean = tuple[float, float, float]

SELECTION_RATE = "selection_rate"
"""The one that needs no labels."""


class Disparity(NamedTuple):
    """A metric of a group and of the rest, rows that each is of, and the difference, group less rest."""

    value: float
    rest: float
    difference: Estimate
    n: int
    rest_n: int


def disparities(task: str, group: tuple[Ints, Floats], rest: tuple[Ints, Floats]) -> dict[str, Disparity]:
    """Return the disparities that are defined, by metric.

    Parameters
    ----------
    task
        ``binary``, ``multiclass`` or ``regression``.
    group, rest
        Sums of `detectors.performance.TaskSums`, one row of each table.

    Examples
    --------
    >>> from detectors.performance import task_sums
    >>> sums = task_sums("multiclass")
    >>> ints, floats = sums.tables(2)
    >>> ints[:, CLASS_LABELS], ints[:, RIGHT] = (70, 80), (56, 48)
    >>> disparities("multiclass", (ints[0], floats[0]), (ints[1], floats[1]))["accuracy"].difference
    Estimate(value=0.2, lo=0.0524, hi=0.3339)
    """
    if task == "regression":
        return _of_means(_errors(*group), _errors(*rest))
    shares = _outcomes if task == "binary" else _right
    return _of_shares(shares(group[0]), shares(rest[0]))


def _outcomes(ints: Ints) -> dict[str, Share]:
    tn, fp, fn, tp = confusion_at_half(ints)
    return {
        SELECTION_RATE: selected(ints),
        "true_positive_rate": (tp, tp + fn),
        "false_positive_rate": (fp, fp + tn),
        "accuracy": (tp + tn, tp + fp + fn + tn),
    }


def _right(ints: Ints) -> dict[str, Share]:
    return {"accuracy": (int(ints[RIGHT]), int(ints[CLASS_LABELS]))}


def _errors(ints: Ints, floats: Floats) -> dict[str, Mean]:
    n, square = float(ints[LABELS]), float(floats[SQUARE])
    return {"bias": (n, float(floats[ERROR]), square), "mae": (n, float(floats[ABSOLUTE]), square)}


def _of_shares(group: dict[str, Share], rest: dict[str, Share]) -> dict[str, Disparity]:
    found = {}
    for name, (hits, n) in group.items():
        others, rest_n = rest[name]
        if n > 0 and rest_n > 0:
            mine, theirs = share(hits, n), share(others, rest_n)
            found[name] = Disparity(mine.value, theirs.value, difference(mine, theirs), n, rest_n)
    return found


def _of_means(group: dict[str, Mean], rest: dict[str, Mean]) -> dict[str, Disparity]:
    found = {}
    for name, mine in group.items():
        theirs = rest[name]
        if mine[0] > 1 and theirs[0] > 1:
            values = mine[1] / mine[0], theirs[1] / theirs[0]
            found[name] = Disparity(*values, difference_of_means(mine, theirs), int(mine[0]), int(theirs[0]))
    return found
