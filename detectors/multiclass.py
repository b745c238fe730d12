"""Performance of a predicted class: how often it is the true one; what pairs of classes say is in `confusion`."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detectors.cells import column, flat
from detectors.confusion import CONFUSION_METRICS
from detectors.estimates import UNDEFINED, Estimate, exactly, share
from detectors.losses import Losses
from detectors.multiclass_kernels import (
    LABELS,
    MULTICLASS_FLOATS,
    MULTICLASS_INTS,
    PREDICTED,
    RIGHT,
    UNPREDICTED,
    label_classes,
    serve_classes,
)

__all__ = [
    "MULTICLASS_FLOATS", "MULTICLASS_INTS", "MULTICLASS_METRICS", "accumulate_classes", "accumulate_served_classes",
    "multiclass_losses", "multiclass_metrics",
]  # fmt: skip

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Words = NDArray[np.uint64]
Classes = NDArray[np.generic]

MULTICLASS_METRICS = ("accuracy", *CONFUSION_METRICS)


def accumulate_served_classes(ints: Ints, floats: Floats, rows: Ints, predicted: Classes) -> None:
    """Count served classes, in place: ``(K, MULTICLASS_INTS)``. `floats` are empty, ``(K, 0)``."""
    serve_classes(flat(ints), column(rows, np.int64), *_numbered(predicted))


def accumulate_classes(ints: Ints, floats: Floats, rows: Ints, predicted: Classes, truth: Classes) -> None:
    """Add true classes that met their prediction, in place.

    Parameters
    ----------
    predicted, truth
        Classes as texts (None is absent) or as codes of one code book (NaN is absent), ``(n,)``. Only their
        equality counts.
    """
    label_classes(flat(ints), column(rows, np.int64), *_numbered(predicted, truth))


def _numbered(*columns: Classes) -> list[Words]:
    """Return the classes as numbers from 1 on, equal where the classes are, and 0 where there is none.

    No class is None, or NaN, which alone does not equal itself.
    """
    numbers: dict[object, int] = {}
    return [
        np.array(
            [0 if c is None or c != c else numbers.setdefault(c, len(numbers) + 1) for c in classes.tolist()],  # noqa: PLR0124
            np.uint64,
        )
        for classes in columns
    ]


def multiclass_metrics(ints: Ints, floats: Floats) -> dict[str, Estimate]:
    """Return the accuracy with its 95 % interval, and the counts ``rows`` and ``labels``.

    The other metrics are not defined: they need the counts by pair of classes (`detectors.confusion`).
    """
    return {
        **dict.fromkeys(CONFUSION_METRICS, UNDEFINED),
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
