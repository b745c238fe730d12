"""Performance of a predicted class: how often it is the true one."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detectors import cells
from detectors.estimates import Estimate, exactly, share
from detectors.losses import Losses

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Classes = NDArray[np.generic]

PREDICTED, UNPREDICTED, LABELS, LABELS_UNPREDICTED, INVALID_TRUTH, RIGHT = 0, 1, 2, 3, 4, 5
MULTICLASS_INTS = 6
MULTICLASS_FLOATS = 0

MULTICLASS_METRICS = ("accuracy",)


def accumulate_served_classes(ints: Ints, floats: Floats, rows: Ints, predicted: Classes) -> None:
    """Count served classes, in place: ``(K, MULTICLASS_INTS)``. `floats` are empty, ``(K, 0)``."""
    cells.count(ints, rows, np.where(_absent(predicted), UNPREDICTED, PREDICTED))


def accumulate_classes(ints: Ints, floats: Floats, rows: Ints, predicted: Classes, truth: Classes) -> None:
    """Add true classes that met their prediction, in place.

    Parameters
    ----------
    predicted, truth
        Classes as texts (None is absent) or as codes of one code book (NaN is absent), ``(n,)``. Only their
        equality counts.
    """
    known = ~_absent(truth)
    used = known & ~_absent(predicted)
    cells.count(ints, rows, np.where(used, LABELS, np.where(known, LABELS_UNPREDICTED, INVALID_TRUTH)))
    cells.count(ints, rows[used & (predicted == truth)], RIGHT)


def _absent(classes: Classes) -> NDArray[np.bool_]:
    """Return where there is no class: None, or NaN, which alone does not equal itself."""
    return np.array([value is None or value != value for value in classes.tolist()], np.bool_)  # noqa: PLR0124


def multiclass_metrics(ints: Ints, floats: Floats) -> dict[str, Estimate]:
    """Return the accuracy with its 95 % interval, and the counts ``rows`` and ``labels``."""
    return {
        "rows": exactly(ints[PREDICTED] + ints[UNPREDICTED]),
        "labels": exactly(ints[LABELS]),
        "accuracy": share(int(ints[RIGHT]), int(ints[LABELS])),
    }


def multiclass_losses(ints: Ints, floats: Floats, metric: str) -> Losses:
    """Return the error rate, which ``accuracy`` judges.

    Raises
    ------
    ValueError
        If `metric` is another.
    """
    if metric != "accuracy":
        raise ValueError(f"metric must be accuracy to be judged, got {metric!r}")
    n = float(ints[LABELS])
    wrong = (n - float(ints[RIGHT])) / n if n else math.nan
    spread = wrong * (1 - wrong) * n / (n - 1) if n > 1 else 0.0
    return Losses(n, wrong, math.sqrt(spread))
