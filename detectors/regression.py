"""Performance of a predicted number, from sums that add up over panes and partitions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detectors.cells import column, flat
from detectors.estimates import Estimate, exactly, mean_of, variance
from detectors.losses import Losses
from detectors.regression_kernels import (
    ABSOLUTE,
    FOURTH,
    HIGHEST_ERROR,
    INVALID_PREDICTED,
    LABELS,
    PREDICTED,
    REGRESSION_FLOATS,
    REGRESSION_INTS,
    SQUARE,
    UNPREDICTED,
    label_values,
    serve_values,
)

__all__ = [
    "HIGHEST_ERROR", "REGRESSION_FLOATS", "REGRESSION_INTS", "REGRESSION_METRICS", "accumulate_truths",
    "accumulate_values", "regression_losses", "regression_metrics",
]  # fmt: skip

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

REGRESSION_METRICS = ("mae", "rmse", "bias")


def accumulate_values(ints: Ints, floats: Floats, rows: Ints, predicted: Floats) -> None:
    """Count served values, in place: ``(K, REGRESSION_INTS)``; NaN is absent, an infinity invalid. `floats` stay."""
    serve_values(flat(ints), column(rows, np.int64), column(predicted, np.float64))


def accumulate_truths(ints: Ints, floats: Floats, rows: Ints, predicted: Floats, truth: Floats) -> None:
    """Add true values that met their prediction, in place; the error is predicted - true, at most `HIGHEST_ERROR`."""
    values, truths = column(predicted, np.float64), column(truth, np.float64)
    label_values(flat(ints), flat(floats), column(rows, np.int64), values, truths)


def regression_metrics(ints: Ints, floats: Floats) -> dict[str, Estimate]:
    """Return `REGRESSION_METRICS` with normal 95 % intervals, and the counts ``rows`` and ``labels``.

    Parameters
    ----------
    ints, floats
        One row of the tables: ``(REGRESSION_INTS,)``, ``(REGRESSION_FLOATS,)``.
    """
    n = float(ints[LABELS])
    absolute, error, square, fourth = (float(x) for x in floats[:REGRESSION_FLOATS])
    return {
        "rows": exactly(ints[PREDICTED] + ints[UNPREDICTED] + ints[INVALID_PREDICTED]),
        "labels": exactly(n),
        "mae": mean_of(n, absolute, square),
        "rmse": _root(mean_of(n, square, fourth)),
        "bias": mean_of(n, error, square),
    }


def _root(estimate: Estimate) -> Estimate:
    return Estimate(*(math.sqrt(max(0.0, x)) if not math.isnan(x) else x for x in estimate))


def regression_losses(ints: Ints, floats: Floats, metric: str) -> Losses:
    """Return the mean loss that `metric` judges: absolute errors for ``mae``, squared errors for ``rmse``.

    Raises
    ------
    ValueError
        If `metric` is not a mean over rows.
    """
    if metric not in {"mae", "rmse"}:
        raise ValueError(f"metric must be mae or rmse to be judged, got {metric!r}")
    n = float(ints[LABELS])
    total, squares = (ABSOLUTE, SQUARE) if metric == "mae" else (SQUARE, FOURTH)
    mean = float(floats[total]) / n if n else math.nan
    return Losses(n, mean, math.sqrt(variance(n, float(floats[total]), float(floats[squares]))))
