"""Where each count of a pane lies: one row of integers and one of floats for each key, so that merging is addition."""

from __future__ import annotations

from functools import lru_cache

from detectors.bins import Bins
from detectors.latency import LATENCY_BINS
from stream.folds.monitor import Monitor

# The first cells of a key: rows, labels joined, duplicates dropped, rows with an invalid value.
ROWS, LABELS, DUPLICATES, INVALIDS = range(4)
HEAD = 4
# Without a reference a feature has two bins: missing, present.
LEARNING_WIDTH = 2


class FeatureCells:
    """Where one feature's counts lie: `invalid` is a cell, ``first .. first + width`` are its bins."""

    __slots__ = ("bins", "first", "invalid", "kind", "name", "number", "width")

    def __init__(self, name: str, kind: str, bins: Bins | None, invalid: int, number: int) -> None:
        self.name, self.kind, self.bins, self.number = name, kind, bins, number
        self.invalid, self.first = invalid, invalid + 1
        self.width = LEARNING_WIDTH if bins is None else bins.width


class Layout:
    """The cells of a lineage's keys.

    Attributes
    ----------
    features
        One entry for each feature of the spec, in its order; `number` is its place in `sums`, −1 for categories.
    latency
        First of the LATENCY_BINS cells.
    size
        Number of integer cells.
    numbers
        Number of numeric features: `sums` has two floats for each (sum, sum of squares), `lows` and `highs` one.
    """

    def __init__(self, monitor: Monitor) -> None:
        bins = {} if monitor.reference is None else {f.bins.name: f.bins for f in monitor.reference.features}
        self.features: list[FeatureCells] = []
        at, self.numbers = HEAD, 0
        for name, kind in monitor.features:
            cells = FeatureCells(name, kind, bins.get(name), at, self.numbers if kind == "number" else -1)
            self.numbers += kind == "number"
            self.features.append(cells)
            at = cells.first + cells.width
        self.latency, self.size = at, at + LATENCY_BINS


@lru_cache(maxsize=256)
def layout_of(monitor: Monitor) -> Layout:
    """Return the layout of a monitor's lineage."""
    return Layout(monitor)
