"""Performance of a predicted number, from sums that add up over panes and partitions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.cells import column, flat
from detectors.error_bins import median_error
from detectors.estimates import UNDEFINED, Estimate, around, exactly, mean_of, variance
from detectors.losses import Losses
from detectors.regression_kernels import (
    ABSOLUTE,
    ABSOLUTE_ERRORS,
    ABSOLUTE_TRUTH,
    CROSS,
    CUT,
    CUT_2,
    CUT_4,
    ERROR,
    FOURTH,
    HIGHEST_ERROR,
    INVALID_PREDICTED,
    LABELS,
    PREDICTED,
    REGRESSION_FLOATS,
    REGRESSION_INTS,
    RELATIVE,
    RELATIVE_2,
    SQUARE,
    SQUARE_TRUTH,
    SQUARE_TRUTH_2,
    TRUTH,
    TRUTH_2,
    TRUTH_3,
    TRUTH_4,
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

REGRESSION_METRICS = ("mae", "rmse", "bias", "r2", "mape", "wape", "median_ae")
_LOST_DIGITS = 1e-12
"""A sum about the mean that is so small a share of the sum about 0 is what rounding left of it."""


def accumulate_values(ints: Ints, floats: Floats, rows: Ints, predicted: Floats) -> None:
    """Count served values, in place: ``(K, REGRESSION_INTS)``; NaN is absent, an infinity invalid. `floats` stay."""
    serve_values(flat(ints), column(rows, np.int64), column(predicted, np.float64))


def accumulate_truths(
    ints: Ints, floats: Floats, rows: Ints, predicted: Floats, truth: Floats, clip: float = math.inf
) -> None:
    """Add true values that met their prediction, in place; the error is predicted - true, at most `HIGHEST_ERROR`.

    Absolute errors are cut at `clip` where they are judged (`regression_losses`), and only there.
    """
    values, truths = column(predicted, np.float64), column(truth, np.float64)
    label_values(flat(ints), flat(floats), column(rows, np.int64), values, truths, float(clip))


def regression_metrics(ints: Ints, floats: Floats) -> dict[str, Estimate]:
    """Return `REGRESSION_METRICS` with 95 % intervals, and the counts ``rows`` and ``labels``.

    ``r2`` is 1 less the squared errors over those of the truths' own mean; ``mape`` the mean of errors as shares of the
    truth, each at most 10, also where the truth is 0; ``wape`` all absolute errors over all absolute truths. Means have
    a normal interval, ratios that of the delta method, the median that of its order statistics.

    Parameters
    ----------
    ints, floats
        One row of the tables: ``(REGRESSION_INTS,)``, ``(REGRESSION_FLOATS,)``.
    """
    n = float(ints[LABELS])
    sums = floats.tolist()
    return {
        "rows": exactly(ints[PREDICTED] + ints[UNPREDICTED] + ints[INVALID_PREDICTED]),
        "labels": exactly(n),
        "mae": mean_of(n, sums[ABSOLUTE], sums[SQUARE]),
        "rmse": _root(mean_of(n, sums[SQUARE], sums[FOURTH])),
        "bias": mean_of(n, sums[ERROR], sums[SQUARE]),
        "r2": _r2(n, sums),
        "mape": mean_of(n, sums[RELATIVE], sums[RELATIVE_2]),
        "wape": _wape(n, sums),
        "median_ae": median_error(ints[ABSOLUTE_ERRORS:REGRESSION_INTS]),
    }


def _r2(n: float, sums: Sequence[float]) -> Estimate:
    """Return the coefficient of determination; not defined where the truths' sums have lost too many digits."""
    if n < 2:
        return UNDEFINED
    mean = sums[TRUTH] / n
    squares = sums[TRUTH_2] - mean * sums[TRUTH]
    if squares <= _LOST_DIGITS * sums[TRUTH_2]:
        return UNDEFINED
    ratio = sums[SQUARE] / squares
    fourth = sums[TRUTH_4] - 4 * mean * sums[TRUTH_3] + 6 * mean**2 * sums[TRUTH_2] - 3 * mean**4 * n
    if fourth <= _LOST_DIGITS * sums[TRUTH_4]:
        return UNDEFINED
    both = sums[SQUARE_TRUTH_2] - 2 * mean * sums[SQUARE_TRUTH] + mean**2 * sums[SQUARE]
    spread = sums[FOURTH] - 2 * ratio * both + ratio**2 * fourth
    return around(1 - ratio, math.sqrt(max(0.0, spread)) / squares, highest=1.0)


def _wape(n: float, sums: Sequence[float]) -> Estimate:
    """Return all absolute errors over all absolute truths, with the interval of a ratio estimate."""
    if n < 2 or sums[ABSOLUTE_TRUTH] <= 0:
        return UNDEFINED
    ratio = sums[ABSOLUTE] / sums[ABSOLUTE_TRUTH]
    spread = sums[SQUARE] - 2 * ratio * sums[CROSS] + ratio**2 * sums[TRUTH_2]
    return around(ratio, math.sqrt(max(0.0, spread)) / sums[ABSOLUTE_TRUTH], lowest=0.0)


def _root(estimate: Estimate) -> Estimate:
    return Estimate(*(math.sqrt(max(0.0, x)) if not math.isnan(x) else x for x in estimate))


def regression_losses(ints: Ints, floats: Floats, metric: str) -> Losses:
    """Return the mean loss that `metric` judges: absolute errors for ``mae``, squared errors for ``rmse``, cut.

    Raises
    ------
    ValueError
        If `metric` is not a mean over rows.
    """
    if metric not in {"mae", "rmse"}:
        raise ValueError(f"metric must be mae or rmse to be judged, got {metric!r}")
    n = float(ints[LABELS])
    total, squares = (CUT, CUT_2) if metric == "mae" else (CUT_2, CUT_4)
    mean = float(floats[total]) / n if n else math.nan
    return Losses(n, mean, math.sqrt(variance(n, float(floats[total]), float(floats[squares]))))
