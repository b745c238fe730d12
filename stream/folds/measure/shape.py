"""How many sums a key has: by lineage, and in keys of all rows some more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.performance import task_sums
from stream.folds.measure.key_kernels import NO_SEGMENT

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]


class Shape(msgspec.Struct, frozen=True, array_like=True):
    """The sums of a lineage's keys: integers before those of the task, numeric features, task, names of segments.

    `products`: integers behind those of the task, in keys of all rows only.
    """

    size: int
    numbers: int
    task: str
    segments: tuple[tuple[str, tuple[str, ...]], ...]
    products: int


NO_SHAPE = Shape(0, 0, "binary", (), 0)


class Sizes(NamedTuple):
    """Numbers of sums by lineage: integers of cells, task and products; numeric features, floats of the task."""

    cells: Ints
    task_ints: Ints
    products: Ints
    numbers: Ints
    task_floats: Ints

    def ints(self, lineage: Codes, segment: Codes) -> Ints:
        """Return the integers of keys, ``(n, 3)``: cells, task, products; `segment` is NO_SEGMENT for all rows."""
        products = np.where(segment == NO_SEGMENT, self.products[lineage], 0)
        return np.column_stack([self.cells[lineage], self.task_ints[lineage], products])

    def floats(self, lineage: Codes) -> Ints:
        """Return the floats of keys, ``(n, 4)``: sums with sums of squares, lowest, highest of each number; task."""
        numbers = self.numbers[lineage]
        return np.column_stack([2 * numbers, numbers, numbers, self.task_floats[lineage]])


def sizes_of(shapes: Iterable[Shape]) -> Sizes:
    """Return the numbers of sums of lineages with these shapes.

    >>> sizes, first = sizes_of([Shape(4, 2, "multiclass", (), 3)]), np.array([0], np.int32)
    >>> sizes.ints(first, np.array([NO_SEGMENT])).tolist(), sizes.floats(first).tolist()
    ([[4, 6, 3]], [[4, 2, 2, 0]])
    """
    known = [(each, task_sums(each.task)) for each in shapes]
    rows = [(each.size, task.ints, each.products, each.numbers, task.floats) for each, task in known]
    return Sizes(*np.ascontiguousarray(np.array(rows, np.int64).reshape(-1, 5).T))
