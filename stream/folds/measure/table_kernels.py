"""The arrays in which compiled code reads what is watched; ``catalog`` makes them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Words = NDArray[np.uint64]
Codes = NDArray[np.int32]

# How a feature is counted: by bins of a number, as a number without a reference, by levels, as a text without one.
BINNED, NUMBER, LEVELLED, TEXT = range(4)


class Models(NamedTuple):
    """By number of the model.

    `first` (one more than models): its rows in `Lineages`. `columns`: how many names it reads. `task`: of its first
    monitor. `is_binary`: whether any monitor takes scores as probabilities. `epoch`: see ``contexts``. `texts` (one
    more than models) and `text_columns`: which of its columns are read as texts.
    """

    first: Ints
    columns: Ints
    task: Ints
    is_binary: NDArray[np.bool_]
    epoch: Ints
    texts: Ints
    text_columns: Ints


class Lineages(NamedTuple):
    """Lineages in force, those of a model together, in the order of the specs.

    `number`: of the lineage in the state. `size`, `floats`: integers and floats of a key before those of its task.
    `features`, `segments` (one more than lineages): its rows in ``Tables.features`` and `Segments`. `products`: where
    in the integers of a key of all rows its products of pairs begin, and its outliers behind them; −1 without.
    `precision`: where in ``Tables.precision`` its pairs begin; `forest`: where in ``Tables.forests`` its trees begin,
    −1 without; `limit`: the strangeness that an outlier exceeds. `clip`: where errors are cut that are judged.
    """

    number: Ints
    pane_ms: Ints
    watermark_ms: Ints
    task: Ints
    size: Ints
    floats: Ints
    latency: Ints
    features: Ints
    segments: Ints
    products: Ints
    precision: Ints
    limit: Ints
    forest: Ints
    clip: Floats


COLUMN, KIND, INVALID, START, COUNT, GUIDE, SCORES = range(7)
FEATURE_WIDTH = 7
"""Columns of the table of features: column in the model (ANSWER: none, what the model answered), how it is counted,
cells, where its edges (`COUNT` of them) or levels (mask) are, where its guide is, and where its normal scores (−1: it
is not watched in pairs)."""

ANSWER = -1


class Segments(NamedTuple):
    """By row: its column in the model, and where its values are in `Tables`."""

    column: Ints
    start: Ints
    mask: Ints


class Tables(NamedTuple):
    """Features, flat; edges of numbers; maps from texts to bins or segment values, and from model and name to column.

    The edges of a feature have an infinity behind them; `scales` and `guides` by number of the guide: see
    ``detectors.bin_kernels``. `scores` are normal scores of bins, `precision` weights of pairs: see
    ``product_kernels``; `forests`: see ``detectors.outliers.tree_kernels``.
    """

    features: Codes
    edges: Floats
    scales: Floats
    guides: NDArray[np.uint16]
    text_keys: Words
    text_values: Codes
    name_keys: Words
    name_values: Codes
    scores: NDArray[np.int16]
    precision: Ints
    forests: Codes
