"""Which classes were taken for which, as counts by pair, and what follows from them.

A pair of classes that never came has no entry, so many classes cost little. Counts of panes and partitions are
merged by addition, whatever classes each of them had.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.differences import mean_over
from detectors.estimates import UNDEFINED, Estimate, around, share

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
# A value, and its gradient by the shares of the pairs.
Valued = tuple[float, Floats]

CONFUSION_METRICS = (
    "balanced_accuracy", "precision_macro", "recall_macro", "f1_macro", "f1_micro", "f1_weighted", "kappa", "mcc",
)  # fmt: skip
OTHERS = "__other__"
"""The class of pairs that are not told apart, since too many came: they count as wrong, and as no class."""

_PSEUDO = 2.0
_NONE = Estimate(0.0, 0.0, 0.0)
"""A share of no rows, in a mean over classes: 0, as sklearn takes it."""


class Confusion(msgspec.Struct, frozen=True, array_like=True, eq=False):
    """Counts by pair of classes, in one form only: classes and pairs in order, no count of 0.

    Attributes
    ----------
    classes
        Names, in order.
    cells
        ``(pairs, 3)``: place of the predicted class, of the true one, and the number of rows. A number is below 0 where
        a label replaces one that was counted elsewhere.
    """

    classes: tuple[str, ...] = ()
    cells: np.ndarray = msgspec.field(default_factory=lambda: np.zeros((0, 3), np.int64))

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.cells[:, 2].sum())


NOTHING = Confusion()


def confusion_of(predicted: Sequence[str], truth: Sequence[str], n: Sequence[int]) -> Confusion:
    """Return the counts of pairs, which may come more than once.

    >>> confusion_of(["b", "a", "b"], ["a", "a", "a"], [1, 2, 3]).cells.tolist()
    [[0, 0, 2], [1, 0, 4]]
    """
    names = sorted({*predicted, *truth})
    place = {name: i for i, name in enumerate(names)}
    pairs = [(place[p], place[t]) for p, t in zip(predicted, truth, strict=True)]
    return _tidy(names, np.array(pairs, np.int64).reshape(-1, 2), np.array(n, np.int64))


def merged(parts: Sequence[Confusion]) -> Confusion:
    """Return the sum of counts."""
    some = [part for part in parts if len(part.cells)]
    if len(some) < 2:
        return some[0] if some else NOTHING
    names = sorted({name for part in some for name in part.classes})
    place = {name: i for i, name in enumerate(names)}
    pairs = [np.array([place[name] for name in part.classes], np.int64)[part.cells[:, :2]] for part in some]
    return _tidy(names, np.concatenate(pairs), np.concatenate([part.cells[:, 2] for part in some]))


def _tidy(names: Sequence[str], pairs: Ints, n: Ints) -> Confusion:
    """Return counts in their one form: equal pairs together, in order, classes without a count left out."""
    codes, inverse = np.unique(pairs[:, 0] * len(names) + pairs[:, 1], return_inverse=True)
    total = np.zeros(len(codes), np.int64)
    np.add.at(total, inverse.reshape(-1), n)
    codes, total = codes[total != 0], total[total != 0]
    both = np.stack(np.divmod(codes, max(len(names), 1)), axis=1)
    used, places = np.unique(both, return_inverse=True)
    cells = np.column_stack([places.reshape(-1, 2), total]).astype(np.int64)
    return Confusion(tuple(names[i] for i in used.tolist()), cells)


class _Margins:
    """Counts of pairs as columns, and their sums by class: predicted, true, right."""

    def __init__(self, predicted: Ints, truth: Ints, n: Floats, classes: int) -> None:
        self.predicted, self.truth, self.n, self.classes = predicted, truth, n, classes
        self.total = float(n.sum())
        self.is_right = (predicted == truth).astype(np.float64)
        self.of_predicted = np.bincount(predicted, n, classes)
        self.of_truth = np.bincount(truth, n, classes)
        self.right = np.bincount(truth, n * self.is_right, classes)

    def smoothed(self, over: Ints) -> _Margins:
        """Return the same with two right and two wrong rows more, spread evenly over classes (Agresti and Coull)."""
        return _Margins(
            np.concatenate([self.predicted, over, over]),
            np.concatenate([self.truth, over, np.roll(over, -1)]),
            np.concatenate([self.n, np.full(2 * len(over), _PSEUDO / len(over))]),
            self.classes,
        )


def confusion_metrics(confusion: Confusion) -> dict[str, Estimate]:
    """Return `CONFUSION_METRICS` with 95 % intervals, as sklearn defines them; NaN where one is not defined.

    Means of shares by class have the hybrid interval of `differences.mean_over`. F1, kappa and Matthews' coefficient
    have that of the delta method for multinomial counts, with two right and two wrong rows more, so that it does not
    shrink to a point where nothing is wrong yet.

    >>> found = confusion_metrics(confusion_of(["a", "b", "b"], ["a", "b", "a"], [40, 50, 10]))
    >>> found["balanced_accuracy"]
    Estimate(value=0.9, lo=0.8..., hi=0.9...)
    """
    kept = confusion.cells[confusion.cells[:, 2] > 0]
    if not len(kept):
        return dict.fromkeys(CONFUSION_METRICS, UNDEFINED)
    named = np.array([name != OTHERS for name in confusion.classes])
    m = _Margins(kept[:, 0], _apart(kept, named), kept[:, 2].astype(np.float64), len(named) + 1)
    classes = np.flatnonzero(np.append(named, False) & (m.of_predicted + m.of_truth > 0))
    truth, predicted, right = (by_class[classes].tolist() for by_class in (m.of_truth, m.of_predicted, m.right))
    recalls = [share(hits, n) for hits, n in zip(right, truth, strict=True)]
    precisions = [share(hits, n) for hits, n in zip(right, predicted, strict=True)]
    return {
        "balanced_accuracy": mean_over([each for each, n in zip(recalls, truth, strict=True) if n]),
        "precision_macro": mean_over([each if n else _NONE for each, n in zip(precisions, predicted, strict=True)]),
        "recall_macro": mean_over([each if n else _NONE for each, n in zip(recalls, truth, strict=True)]),
        "f1_micro": share(float(m.right.sum()), m.total),
        **_delta_metrics(m, classes),
    }


def _apart(cells: Ints, named: NDArray[np.bool_]) -> Ints:
    """Return the true classes, those of pairs that are not told apart as a class that nothing is predicted as."""
    return np.where(named[cells[:, 1]], cells[:, 1], len(named))


def mcc_of(tn: int, fp: int, fn: int, tp: int) -> Estimate:
    """Return Matthews' coefficient of two classes; NaN where one of them never came, or was never predicted.

    >>> mcc_of(40, 10, 10, 40)
    Estimate(value=0.6, lo=0.44..., hi=0.75...)
    """
    margins = _margins(tn, fp, fn, tp)
    if margins <= 0 or min(tn, fp, fn, tp) < 0:
        return UNDEFINED
    value = min(1.0, max(-1.0, (tp * tn - fp * fn) / math.sqrt(margins)))
    return around(value, _mcc_error(tn + 1, fp + 1, fn + 1, tp + 1), -1.0, 1.0)


def _margins(tn: int, fp: int, fn: int, tp: int) -> int:
    return (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)


def _mcc_error(tn: int, fp: int, fn: int, tp: int) -> float:
    """Return the standard error as `_mcc` and `_error` have it, of two classes; no cell is 0. It is asked for often."""
    n = tn + fp + fn + tp
    predicted, truth = ((tn + fn) / n, (tp + fp) / n), ((tn + fp) / n, (tp + fn) / n)
    a, b = 2 * predicted[0] * predicted[1], 2 * truth[0] * truth[1]
    root = math.sqrt(a * b)
    value = (tp * tn - fp * fn) / math.sqrt(_margins(tn, fp, fn, tp))
    mean = squares = 0.0
    for cell, p, t in ((tn, 0, 0), (fp, 1, 0), (fn, 0, 1), (tp, 1, 1)):
        slope = ((p == t) - truth[p] - predicted[t]) / root + value * (predicted[p] / a + truth[t] / b)
        mean += cell / n * slope
        squares += cell / n * slope * slope
    return math.sqrt(max(0.0, squares - mean * mean) / n)


def _delta_metrics(m: _Margins, classes: Ints) -> dict[str, Estimate]:
    """Return what needs the delta method; `classes` are those that the macro mean is over."""
    everything = share(float(m.right.sum()), m.total)
    if len(classes) < 2:
        return {"f1_macro": everything, "f1_weighted": everything, "kappa": UNDEFINED, "mcc": UNDEFINED}
    weights, smooth = np.zeros(m.classes), m.smoothed(classes)
    weights[classes] = 1.0 / len(classes)

    def macro(of: _Margins) -> Valued:
        return _f1(of, weights, 0.0)

    def weighted(of: _Margins) -> Valued:
        return _f1(of, of.of_truth / of.total, 1.0)

    return {
        "f1_macro": _with_interval(macro(m)[0], smooth, macro, 0.0),
        "f1_weighted": _with_interval(weighted(m)[0], smooth, weighted, 0.0),
        "kappa": _with_interval(_kappa(m)[0], smooth, _kappa, -1.0),
        "mcc": _with_interval(_mcc(m)[0], smooth, _mcc, -1.0),
    }


def _with_interval(value: float, smooth: _Margins, metric: Callable[[_Margins], Valued], lowest: float) -> Estimate:
    if not math.isfinite(value):
        return UNDEFINED
    value = min(1.0, max(lowest, value))
    return around(value, _error(smooth, metric(smooth)[1]), lowest, 1.0)


def _error(m: _Margins, gradient: Floats) -> float:
    """Return the standard error of a function of multinomial shares."""
    p = m.n / m.total
    spread = float((p * gradient * gradient).sum()) - float((p * gradient).sum()) ** 2
    return float(np.sqrt(max(0.0, spread) / m.total))


def _f1(m: _Margins, weights: Floats, by_share: float) -> Valued:
    """Return a weighted mean of F1 by class; `by_share` is 1 if weights are shares of the truth, else 0."""
    support = np.maximum(m.of_predicted + m.of_truth, 1e-300)
    f1 = 2 * m.right / support
    value = float((weights * f1).sum())
    slope = m.total * weights / support
    p, t = m.predicted, m.truth
    gradient = slope[p] * (2 * m.is_right - f1[p]) - slope[t] * f1[t] + by_share * f1[t]
    return value, gradient


def _chance(m: _Margins) -> tuple[float, float, Floats]:
    """Return the share that is right, the share that would be by chance, and the gradient of that."""
    predicted, truth = m.of_predicted / m.total, m.of_truth / m.total
    gradient = truth[m.predicted] + predicted[m.truth]
    return float(m.right.sum()) / m.total, float((predicted * truth).sum()), gradient


def _kappa(m: _Margins) -> Valued:
    right, chance, by_chance = _chance(m)
    rest = 1 - chance
    if rest <= 1e-12:
        return math.nan, np.zeros(len(m.n))
    return (right - chance) / rest, m.is_right / rest - by_chance * (1 - right) / rest**2


def _mcc(m: _Margins) -> Valued:
    """Return Matthews' correlation coefficient of any number of classes (Gorodkin 2004)."""
    right, chance, by_chance = _chance(m)
    predicted, truth = m.of_predicted / m.total, m.of_truth / m.total
    a, b = 1 - float((predicted**2).sum()), 1 - float((truth**2).sum())
    if a <= 1e-12 or b <= 1e-12:
        return math.nan, np.zeros(len(m.n))
    root = np.sqrt(a * b)
    value = float((right - chance) / root)
    return value, (m.is_right - by_chance) / root + value * (predicted[m.predicted] / a + truth[m.truth] / b)
