"""How strange a row is by half-space trees, in compiled code; `detectors.outliers.trees` says the same of columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import inlined

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Int = int | np.int64

TREES, HEIGHT = 25, 8
"""Trees of a forest, and splits on the way from a root to a leaf."""

SPLITS, NODES = 2**HEIGHT - 1, 2 ** (HEIGHT + 1) - 1
TREE_WORDS = 2 * SPLITS + NODES
FOREST_WORDS = 1 + TREES * TREE_WORDS
"""A forest is a row of integers: the rows that a node must have for a walk to go on; then of each tree the feature and
threshold of each split, and the rows of each node. Nodes lie as in a heap: children of i are 2 i + 1 and 2 i + 2."""


@inlined
def strangeness_of(forest: Codes, begin: Int, scores: Ints) -> np.int64:
    """Return how strange a row is: the rows that it met on its walks, each level counting twice the one above, below 0.

    Parameters
    ----------
    begin
        Where the forest begins.
    scores
        Normal scores of the row, by the features of the forest.
    """
    met, least = np.int64(0), forest[begin]
    for tree in range(TREES):
        splits = begin + 1 + tree * TREE_WORDS
        nodes = splits + 2 * SPLITS
        node = 0
        for depth in range(HEIGHT + 1):
            rows = np.int64(forest[nodes + node])
            met += rows << depth
            if rows < least or depth == HEIGHT:
                break
            is_left = scores[forest[splits + 2 * node]] < forest[splits + 2 * node + 1]
            node = 2 * node + (1 if is_left else 2)
    return -met
