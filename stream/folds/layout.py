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
    """Where one feature's counts lie: `invalid` is a cell, ``first .. first + width`` are its bins.

    `is_output`: it is no feature of the events, but what the model answered.
    """

    __slots__ = ("bins", "first", "invalid", "is_output", "kind", "name", "number", "width")

    def __init__(
        self, name: str, kind: str, bins: Bins | None, invalid: int, number: int, is_output: bool = False
    ) -> None:
        self.name, self.kind, self.bins, self.number, self.is_output = name, kind, bins, number, is_output
        self.invalid, self.first = invalid, invalid + 1
        self.width = LEARNING_WIDTH if bins is None else bins.width


class Layout:
    """The cells of a lineage's keys.

    Attributes
    ----------
    features
        One entry for each feature of the spec, in its order, then the model's answers if the reference had any;
        `number` is its place in `sums`, −1 for categories.
    latency
        First of the LATENCY_BINS cells.
    size
        Number of integer cells.
    numbers
        Number of numeric features: `sums` has two floats for each (sum, sum of squares), `lows` and `highs` one.
    products
        Cells of keys of all rows for the products of pairs of features, and one for outliers; 0 without pairs.
    """

    def __init__(self, monitor: Monitor) -> None:
        reference = monitor.reference
        bins = {} if reference is None else {bins.name: bins for bins in reference.bins}
        outputs = () if reference is None else reference.bins[len(reference.bins) - reference.outputs :]
        named = [*((name, kind, False) for name, kind in monitor.features), *((b.name, b.kind, True) for b in outputs)]
        self.features: list[FeatureCells] = []
        at, self.numbers = HEAD, 0
        for name, kind, is_output in named:
            cells = FeatureCells(name, kind, bins.get(name), at, self.numbers if kind == "number" else -1, is_output)
            self.numbers += kind == "number"
            self.features.append(cells)
            at = cells.first + cells.width
        self.latency, self.size = at, at + LATENCY_BINS
        joint = None if reference is None else reference.panel.joint
        d = 0 if joint is None else len(joint.features)
        self.products = d * (d + 1) // 2 + 1 if d else 0


@lru_cache(maxsize=1 << 16)
def layout_of(monitor: Monitor) -> Layout:
    """Return the layout of a monitor's lineage."""
    return Layout(monitor)
