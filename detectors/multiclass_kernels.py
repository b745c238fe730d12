"""Sums of a predicted class in compiled code, a row at a time.

A class is any number but 0, which says that there is none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import in_place, inlined

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

PREDICTED, UNPREDICTED, LABELS, LABELS_UNPREDICTED, INVALID_TRUTH, RIGHT = 0, 1, 2, 3, 4, 5
MULTICLASS_INTS = 6
MULTICLASS_FLOATS = 0


@inlined
def serve_class(ints: Ints, at: int, predicted: np.uint64) -> None:
    """Count a served class in the cells that begin at `at`."""
    ints[at + (UNPREDICTED if predicted == 0 else PREDICTED)] += 1


@inlined
def label_class(ints: Ints, at: int, predicted: np.uint64, truth: np.uint64, sign: int) -> None:
    """Add a true class that met its prediction, or with `sign` −1 take it away."""
    if truth == 0:
        ints[at + INVALID_TRUTH] += sign
    elif predicted == 0:
        ints[at + LABELS_UNPREDICTED] += sign
    else:
        ints[at + LABELS] += sign
        if predicted == truth:
            ints[at + RIGHT] += sign


@in_place
def serve_classes(ints: Ints, rows: Ints, predicted: Words) -> None:
    """Count served classes in a table of ``K`` rows, laid flat."""
    for i in range(len(rows)):
        serve_class(ints, rows[i] * MULTICLASS_INTS, predicted[i])


@in_place
def label_classes(ints: Ints, rows: Ints, predicted: Words, truth: Words) -> None:
    """Add true classes to a table of ``K`` rows, laid flat."""
    for i in range(len(rows)):
        label_class(ints, rows[i] * MULTICLASS_INTS, predicted[i], truth[i], 1)
