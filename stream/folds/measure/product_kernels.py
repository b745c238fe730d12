"""Products of pairs of features in compiled code: whether features still move together, and which rows are outliers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import inlined
from detectors.outliers.tree_kernels import strangeness_of
from stream.folds.measure.map_kernels import Int

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]


@inlined
def add_products(
    ints: Ints,
    begin: Int,
    scores: Ints,
    count: Int,
    precision: Ints,
    first: Int,
    forests: Codes,
    forest: Int,
    limit: Int,
) -> None:
    """Add the products of a row's normal scores from `begin` on, pairs as in `joint.pair_sums`; count an outlier."""
    place, weight, distance = begin, first, np.int64(0)
    for i in range(count):
        for j in range(i, count):
            product = scores[i] * scores[j]
            ints[place] += product
            distance += precision[weight] * product
            place += 1
            weight += 1
    if forest >= 0:
        distance = strangeness_of(forests, forest, scores)
    ints[place] += distance > limit
