"""Sums of a predicted number in compiled code, a row at a time: where they lie, and what a row adds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import in_place, inlined

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

HIGHEST_ERROR = 1e70
"""Larger errors count as this, so that no sum overflows."""

PREDICTED, UNPREDICTED, INVALID_PREDICTED, LABELS, LABELS_UNPREDICTED, INVALID_TRUTH = 0, 1, 2, 3, 4, 5
REGRESSION_INTS = 6

ABSOLUTE, ERROR, SQUARE, FOURTH = 0, 1, 2, 3
REGRESSION_FLOATS = 4


@inlined
def serve_value(ints: Ints, at: int, predicted: float) -> None:
    """Count a served value in the cells that begin at `at`; NaN is absent, an infinity invalid."""
    if math.isnan(predicted):
        ints[at + UNPREDICTED] += 1
    elif math.isinf(predicted):
        ints[at + INVALID_PREDICTED] += 1
    else:
        ints[at + PREDICTED] += 1


@inlined
def label_value(ints: Ints, at: int, floats: Floats, float_at: int, predicted: float, truth: float, sign: int) -> None:
    """Add a true value that met its prediction, or with `sign` −1 take it away; the error is predicted − true."""
    if not math.isfinite(truth):
        ints[at + INVALID_TRUTH] += sign
        return
    if not math.isfinite(predicted):
        ints[at + LABELS_UNPREDICTED] += sign
        return
    error = min(max(predicted - truth, -HIGHEST_ERROR), HIGHEST_ERROR)
    square = error * error
    ints[at + LABELS] += sign
    floats[float_at + ABSOLUTE] += sign * abs(error)
    floats[float_at + ERROR] += sign * error
    floats[float_at + SQUARE] += sign * square
    floats[float_at + FOURTH] += sign * (square * square)


@in_place
def serve_values(ints: Ints, rows: Ints, predicted: Floats) -> None:
    """Count served values in a table of ``K`` rows, laid flat."""
    for i in range(len(rows)):
        serve_value(ints, rows[i] * REGRESSION_INTS, predicted[i])


@in_place
def label_values(ints: Ints, floats: Floats, rows: Ints, predicted: Floats, truth: Floats) -> None:
    """Add true values to tables of ``K`` rows, laid flat."""
    for i in range(len(rows)):
        label_value(ints, rows[i] * REGRESSION_INTS, floats, rows[i] * REGRESSION_FLOATS, predicted[i], truth[i], 1)
