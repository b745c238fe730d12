"""Sums of a predicted number in compiled code, a row at a time: where they lie, and what a row adds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import in_place, inlined
from detectors.error_bin_kernels import ERROR_BINS, error_bin

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

HIGHEST_ERROR = 1e70
"""Larger errors count as this, so that no sum overflows."""

PREDICTED, UNPREDICTED, INVALID_PREDICTED, LABELS, LABELS_UNPREDICTED, INVALID_TRUTH = 0, 1, 2, 3, 4, 5
ABSOLUTE_ERRORS = 6
REGRESSION_INTS = ABSOLUTE_ERRORS + ERROR_BINS

HIGHEST_RELATIVE = 10.0
"""A relative error counts as this at most, so that a truth near 0 does not outweigh all others."""

# Sums of |e|, e, e², e⁴ and e|e| of the error e; of y, y², y³, y⁴ and |y| of the truth y; of e²y, e²y² and |ey|; of
# relative errors and their squares.
ABSOLUTE, ERROR, SQUARE, FOURTH, SIGNED_SQUARE = 0, 1, 2, 3, 4
TRUTH, TRUTH_2, TRUTH_3, TRUTH_4, ABSOLUTE_TRUTH = 5, 6, 7, 8, 9
SQUARE_TRUTH, SQUARE_TRUTH_2, CROSS = 10, 11, 12
RELATIVE, RELATIVE_2 = 13, 14
# Of |e| cut at the clip point of the reference, its square and fourth power: what is judged.
CUT, CUT_2, CUT_4 = 15, 16, 17
REGRESSION_FLOATS = 18


@inlined
def relative_error(absolute: float, truth: float) -> float:
    """Return an absolute error as a share of the truth, at most `HIGHEST_RELATIVE`; of nothing at all it is 0."""
    if absolute >= HIGHEST_RELATIVE * abs(truth):
        return HIGHEST_RELATIVE if absolute > 0 else 0.0
    return absolute / abs(truth)


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
def label_value(
    ints: Ints, at: int, floats: Floats, float_at: int, predicted: float, truth: float, sign: int, clip: float
) -> None:
    """Add a true value that met its prediction, or with `sign` −1 take it away; the error is predicted − true."""
    if not math.isfinite(truth):
        ints[at + INVALID_TRUTH] += sign
        return
    if not math.isfinite(predicted):
        ints[at + LABELS_UNPREDICTED] += sign
        return
    error = min(max(predicted - truth, -HIGHEST_ERROR), HIGHEST_ERROR)
    y = min(max(truth, -HIGHEST_ERROR), HIGHEST_ERROR)
    absolute, square, y_square, relative = abs(error), error * error, y * y, relative_error(abs(error), y)
    ints[at + LABELS] += sign
    ints[at + ABSOLUTE_ERRORS + error_bin(absolute)] += sign
    floats[float_at + ABSOLUTE] += sign * absolute
    floats[float_at + ERROR] += sign * error
    floats[float_at + SQUARE] += sign * square
    floats[float_at + FOURTH] += sign * (square * square)
    floats[float_at + SIGNED_SQUARE] += sign * (error * absolute)
    floats[float_at + TRUTH] += sign * y
    floats[float_at + TRUTH_2] += sign * y_square
    floats[float_at + TRUTH_3] += sign * (y_square * y)
    floats[float_at + TRUTH_4] += sign * (y_square * y_square)
    floats[float_at + ABSOLUTE_TRUTH] += sign * abs(y)
    floats[float_at + SQUARE_TRUTH] += sign * (square * y)
    floats[float_at + SQUARE_TRUTH_2] += sign * (square * y_square)
    floats[float_at + CROSS] += sign * (absolute * abs(y))
    floats[float_at + RELATIVE] += sign * relative
    floats[float_at + RELATIVE_2] += sign * (relative * relative)
    cut = min(absolute, clip)
    floats[float_at + CUT] += sign * cut
    floats[float_at + CUT_2] += sign * (cut * cut)
    floats[float_at + CUT_4] += sign * (cut * cut * (cut * cut))


@in_place
def serve_values(ints: Ints, rows: Ints, predicted: Floats) -> None:
    """Count served values in a table of ``K`` rows, laid flat."""
    for i in range(len(rows)):
        serve_value(ints, rows[i] * REGRESSION_INTS, predicted[i])


@in_place
def label_values(ints: Ints, floats: Floats, rows: Ints, predicted: Floats, truth: Floats, clip: float) -> None:
    """Add true values to tables of ``K`` rows, laid flat."""
    for i in range(len(rows)):
        at, float_at = rows[i] * REGRESSION_INTS, rows[i] * REGRESSION_FLOATS
        label_value(ints, at, floats, float_at, predicted[i], truth[i], 1, clip)
