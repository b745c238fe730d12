"""Rows that lie where the reference has few: half-space trees, grown by river and filled with the reference's rows.

River fills its trees row by row. Here they are frozen: which node has how many rows is counted in columns, and scores
are integers, so that a row has the same strangeness wherever it is computed.

References
----------
Tan, Ting and Liu, "Fast anomaly detection for streaming data", IJCAI 2011; `river.anomaly.HalfSpaceTrees`, whose
`score_one` is 1 + strangeness / (trees × rows × nodes), with the reference as its window.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Hashable, Iterator
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from detectors.outliers.tree_kernels import HEIGHT, NODES, SPLITS, TREES

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

_PARTS = 5


class _Node(Protocol):
    """What is used of river's nodes."""

    feature: int
    threshold: float
    children: tuple[_Node, _Node]


class _River(Protocol):
    """What is used of river's forest, which it describes to no type checker."""

    trees: list[_Node]

    def learn_one(self, x: dict[Hashable, int]) -> None: ...


def fit_forest(normal_scores: Ints) -> Codes:
    """Return the forest of a reference's rows, ``(FOREST_WORDS,)`` as in `tree_kernels`; O(n TREES HEIGHT).

    Equal rows give equal forests: chance begins where they say.

    Parameters
    ----------
    normal_scores
        Of each row, in 1/32 of a standard deviation (`Panel.normal_scores`), ``(n, d)``; below 2³¹ rows.

    Examples
    --------
    >>> scores = np.random.default_rng(1).normal(0, 32, (5_000, 2)).astype(np.int64)
    >>> forest = fit_forest(scores)
    >>> usual, strange = strangeness(forest, np.array([[0, 0], [120, -120]])).tolist()
    >>> usual < strange < 0
    True
    """
    splits = _grown(normal_scores)
    trees = [np.concatenate([own.ravel(), _rows_of(own, normal_scores)]) for own in splits]
    # As river has it: a walk ends at a node with less than a tenth of the rows.
    least = math.ceil(0.1 * len(normal_scores))
    return np.concatenate([[least], *trees]).astype(np.int32)


def strangeness(forest: Codes, normal_scores: Ints) -> Ints:
    """Return how strange each row is, ``(n,)``: the rows that it met, twice as heavy at each level, below 0."""
    met = np.zeros(len(normal_scores), np.int64)
    for splits, rows in _trees(forest):
        is_walking = np.ones(len(met), bool)
        for depth, node in enumerate(_walks(splits, normal_scores)):
            met += np.where(is_walking, rows[node] << depth, 0)
            is_walking &= rows[node] >= forest[0]
    return -met


def strange_walks(forest: Codes, normal_scores: Ints, pane_of_row: Ints, panes: int) -> Ints:
    """Return how strange each row is, ``(n,)``, by trees that rows of other times fill: see `strange_distances`.

    Parameters
    ----------
    pane_of_row
        Place of each row's pane, ``(n,)``.
    """
    part = pane_of_row * _PARTS // max(panes, 1)
    found = np.zeros(len(normal_scores), np.int64)
    for each in np.unique(part).tolist():
        own = part == each
        found[own] = strangeness(forest if own.all() else _without(forest, normal_scores[own], own), normal_scores[own])
    return found


def _without(forest: Codes, own: Ints, is_own: NDArray[np.bool_]) -> Codes:
    """Return the forest without some of its rows, the others counting for them."""
    left = 1 - is_own.mean()
    trees = [
        np.concatenate([splits.ravel(), np.rint((rows - _rows_of(splits, own)) / left).astype(np.int64)])
        for splits, rows in _trees(forest)
    ]
    return np.concatenate([forest[:1], *trees]).astype(np.int32)


def _trees(forest: Codes) -> Iterator[tuple[Ints, Ints]]:
    """Yield the splits of each tree, feature and threshold, ``(SPLITS, 2)``, and rows of its nodes, ``(NODES,)``."""
    for tree in forest[1:].astype(np.int64).reshape(TREES, -1):
        yield tree[: 2 * SPLITS].reshape(SPLITS, 2), tree[2 * SPLITS :]


def _walks(splits: Ints, normal_scores: Ints) -> Iterator[Ints]:
    """Yield the node of each row, ``(n,)``, level by level."""
    node, row = np.zeros(len(normal_scores), np.int64), np.arange(len(normal_scores))
    yield node
    for _ in range(HEIGHT):
        is_left = normal_scores[row, splits[node, 0]] < splits[node, 1]
        node = 2 * node + np.where(is_left, 1, 2)
        yield node


def _rows_of(splits: Ints, normal_scores: Ints) -> Ints:
    rows = [np.bincount(node, minlength=NODES) for node in _walks(splits, normal_scores)]
    return np.asarray(np.sum(rows, axis=0), np.int64)


def _grown(normal_scores: Ints) -> Iterator[Ints]:
    """Yield the splits of each tree, as river draws them: a score is left of a threshold if it is below its ceiling."""
    from river.anomaly import HalfSpaceTrees

    ends = zip(normal_scores.min(0).tolist(), normal_scores.max(0).tolist(), strict=True)
    limits: dict[Hashable, tuple[float, float]] = {}
    limits |= {feature: (min(low, -1), max(high, 1)) for feature, (low, high) in enumerate(ends)}
    seed = zlib.crc32(np.ascontiguousarray(normal_scores, np.int64).tobytes())
    river = HalfSpaceTrees(n_trees=TREES, height=HEIGHT, limits=limits, seed=seed)
    cast("_River", river).learn_one(dict.fromkeys(limits, 0))
    for root in cast("_River", river).trees:
        yield np.array([(node.feature, math.ceil(node.threshold)) for node in _splits(root)], np.int64)


def _splits(root: _Node) -> list[_Node]:
    """Return the nodes that split, level by level."""
    levels = [[root]]
    for _ in range(HEIGHT - 1):
        levels.append([child for node in levels[-1] for child in node.children])
    return [node for level in levels for node in level]
