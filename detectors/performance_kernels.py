"""What one row adds to the sums of its task, in compiled code: the tasks as numbers, so that a loop may meet them all.

What was served and what came true are words of 64 bits: of a class its number (0: none), else the bits of a float64
(NaN: none), which is given beside the word.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.binary_kernels import CLIP, label_score, serve_score
from detectors.compiled import inlined
from detectors.multiclass_kernels import label_class, serve_class
from detectors.regression_kernels import label_value, serve_value

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BINARY, REGRESSION, MULTICLASS = 0, 1, 2
TASK_CODES: Final = {"binary": BINARY, "regression": REGRESSION, "multiclass": MULTICLASS}


@inlined
def is_served(task: int, word: np.uint64, number: float) -> bool:
    """Say whether anything was served."""
    if task == MULTICLASS:
        return bool(word != np.uint64(0))
    return not math.isnan(number)


@inlined
def serve(task: int, ints: Ints, at: int, floats: Floats, float_at: int, word: np.uint64, number: float) -> None:
    """Count what was served in the cells that begin at `at` and `float_at`."""
    if task == BINARY:
        serve_score(ints, at, floats, float_at, number)
    elif task == REGRESSION:
        serve_value(ints, at, number)
    else:
        serve_class(ints, at, word)


@inlined
def label(
    task: int,
    ints: Ints,
    at: int,
    floats: Floats,
    float_at: int,
    served: np.uint64,
    served_number: float,
    truth: np.uint64,
    truth_number: float,
    sign: int,
    clip: float,
) -> None:
    """Add a label that met its prediction, or with `sign` −1 take it away; `clip` cuts the errors that are judged."""
    if task == BINARY:
        label_score(ints, at, floats, float_at, served_number, truth_number, sign)
    elif task == REGRESSION:
        label_value(ints, at, floats, float_at, served_number, truth_number, sign, clip)
    else:
        label_class(ints, at, served, truth, sign)


@inlined
def pair_loss(task: int, predicted: float, truth: float) -> float:
    """Return the loss that versions are compared by: log loss (scores clipped at 1e-7) or the absolute error."""
    if task == REGRESSION:
        return abs(predicted - truth)
    p = min(max(predicted, CLIP), 1 - CLIP)
    return -math.log(p if truth != 0 else 1 - p)
