"""What answers are worth: a value for each outcome, or a cost for each unit of error, as a mean over rows.

Two metrics follow: ``value_per_row``, and ``cost_per_row``, how much less a row brings than the best outcome
would. That is a loss of 0 or more, which a monitor can judge. Both come from the sums of the task, so other values need
no rows again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.binary import confusion_at_half
from detectors.confusion import Confusion
from detectors.estimates import UNDEFINED, Estimate, around, mean_of, variance
from detectors.losses import Losses
from detectors.regression_kernels import ABSOLUTE, ERROR, LABELS, SIGNED_SQUARE, SQUARE

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
# Number, sum and sum of squares of the costs of rows.
Sums = tuple[float, float, float]

VALUE_METRICS = ("value_per_row", "cost_per_row")
COST = "cost_per_row"
PARTS = {
    "binary": ("true_negative", "false_positive", "false_negative", "true_positive"),
    "regression": ("over", "under"),
}
"""What the cost of a row is made of, by task (see `detectors.row_losses.row_parts`)."""


class Worth(msgspec.Struct, frozen=True):
    """What outcomes are worth; of the fields those of the task count.

    Attributes
    ----------
    outcomes
        Of tn, fp, fn and tp.
    pairs
        Cost of a predicted and a true class, by pair of both; of others 0.
    over, under
        Cost of each unit by which a prediction is too high, or too low; 0 or more.
    """

    outcomes: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    pairs: dict[tuple[str, str], float] = {}
    over: float = 0.0
    under: float = 0.0

    def best(self, task: str) -> float:
        """Return what the best outcome brings.

        >>> Worth(outcomes=(0.0, -1.0, -5.0, 2.0)).best("binary"), Worth(over=3.0).best("regression")
        (2.0, 0.0)
        """
        if task == "binary":
            return max(self.outcomes)
        return max([0.0, *(-cost for cost in self.pairs.values())]) if task == "multiclass" else 0.0

    def worst(self, task: str) -> float:
        """Return what the worst outcome brings; of a regression there is none, so it is minus infinity."""
        if task == "binary":
            return min(self.outcomes)
        return min([0.0, *(-cost for cost in self.pairs.values())]) if task == "multiclass" else -math.inf


def value_metrics(worth: Worth, task: str, ints: Ints, floats: Floats, confusion: Confusion) -> dict[str, Estimate]:
    """Return `VALUE_METRICS` with 95 % intervals.

    They are normal; of outcomes their width is that of the rows and one row more at each extreme, so that few rows with
    equal outcomes are not certain.

    >>> from detectors.performance import task_sums
    >>> ints, floats = task_sums("binary").tables(1)
    >>> rows = np.zeros(4, np.int64), np.array([0.9, 0.8, 0.1, 0.2]), np.array([1.0, 0.0, 0.0, 1.0])
    >>> task_sums("binary").label(ints, floats, *rows)
    >>> worth = Worth(outcomes=(0.0, -1.0, -5.0, 2.0))
    >>> value_metrics(worth, "binary", ints[0], floats[0], Confusion())["value_per_row"].value
    -1.0
    """
    costs, best = cost_sums(worth, task, ints, floats, confusion), worth.best(task)
    cost = _mean(costs, best - worth.worst(task))
    return {
        "value_per_row": Estimate(best - cost.value, best - cost.hi, best - cost.lo),
        "cost_per_row": cost,
    }


def cost_losses(worth: Worth, task: str, ints: Ints, floats: Floats, confusion: Confusion) -> Losses:
    """Return the mean cost of a row, to be judged."""
    n, total, squares = cost_sums(worth, task, ints, floats, confusion)
    return Losses(n, total / n if n else math.nan, math.sqrt(variance(n, total, squares)))


def cost_sums(worth: Worth, task: str, ints: Ints, floats: Floats, confusion: Confusion) -> Sums:
    """Return number, sum and sum of squares of the costs of labelled rows."""
    best = worth.best(task)
    if task == "binary":
        return _of_outcomes(confusion_at_half(ints), [best - value for value in worth.outcomes])
    if task == "multiclass":
        names, cells = confusion.classes, confusion.cells.tolist()
        costs = [best + worth.pairs.get((names[predicted], names[truth]), 0.0) for predicted, truth, _ in cells]
        return _of_outcomes([n for _, _, n in cells], costs)
    over, over_2 = (float(floats[ABSOLUTE] + floats[ERROR]) / 2, float(floats[SQUARE] + floats[SIGNED_SQUARE]) / 2)
    under, under_2 = (float(floats[ABSOLUTE] - floats[ERROR]) / 2, float(floats[SQUARE] - floats[SIGNED_SQUARE]) / 2)
    total = worth.over * over + worth.under * under
    return float(ints[LABELS]), total, worth.over**2 * over_2 + worth.under**2 * under_2


def weights_of(worth: Worth, task: str) -> tuple[float, ...]:
    """Return how much a row's cost has of each of `PARTS`; ValueError for a task without.

    >>> weights_of(Worth(outcomes=(0.0, -1.0, -5.0, 2.0)), "binary")
    (2.0, 3.0, 7.0, 0.0)
    """
    if task not in PARTS:
        raise ValueError(f"costs of a {task} task are made of pairs of classes, not of parts")
    best = worth.best(task)
    return tuple(best - value for value in worth.outcomes) if task == "binary" else (worth.over, worth.under)


def _of_outcomes(counts: Sequence[int], costs: Sequence[float]) -> Sums:
    n = float(sum(counts))
    total = sum(k * cost for k, cost in zip(counts, costs, strict=True))
    return n, float(total), float(sum(k * cost * cost for k, cost in zip(counts, costs, strict=True)))


def _mean(costs: Sums, highest: float) -> Estimate:
    n, total, squares = costs
    if math.isinf(highest):
        found = mean_of(n, total, squares)
        return Estimate(found.value, max(0.0, found.lo), found.hi) if n >= 2 else found
    if n < 1:
        return UNDEFINED
    spread = variance(n + 2, total + highest, squares + highest**2)
    return around(total / n, math.sqrt(spread / n), 0.0, highest)
