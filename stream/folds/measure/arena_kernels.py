"""Runs of one array in compiled code: copied out one after another, written back, cleared; floats by their bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import in_place

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@in_place
def gather(data: Ints, starts: Ints, sizes: Ints, found: Ints) -> None:
    """Copy runs of `data` into `found`, one after another."""
    at = 0
    for run in range(len(starts)):
        for i in range(starts[run], starts[run] + sizes[run]):
            found[at] = data[i]
            at += 1


@in_place
def scatter(data: Ints, starts: Ints, sizes: Ints, values: Ints) -> None:
    """Write `values` into runs of `data`: the reverse of `gather`."""
    at = 0
    for run in range(len(starts)):
        for i in range(starts[run], starts[run] + sizes[run]):
            data[i] = values[at]
            at += 1


@in_place
def clear(data: Ints, starts: Ints, sizes: Ints) -> None:
    """Set runs to 0."""
    for run in range(len(starts)):
        data[starts[run] : starts[run] + sizes[run]] = 0


@in_place
def open_floats(data: Floats, starts: Ints, numbers: Ints) -> None:
    """Begin the floats of keys: nothing is lower or higher than what comes first; `numbers` are those of each key."""
    for run in range(len(starts)):
        for number in range(numbers[run]):
            data[starts[run] + 4 * number + 2] = np.inf
            data[starts[run] + 4 * number + 3] = -np.inf


@in_place
def gather_floats(data: Floats, starts: Ints, sizes: Ints, found: Floats) -> None:
    """Copy the floats of keys into `found`, apart: of each key sums with squares, lowest, highest, task's.

    `sizes`, ``(n, 4)``, are the numbers of these; in `data` the four of a number stand side by side.
    """
    at = 0
    for run in range(len(starts)):
        start, n = starts[run], sizes[run, 1]
        for i in range(n):
            number = start + 4 * i
            found[at + 2 * i], found[at + 2 * i + 1] = data[number], data[number + 1]
            found[at + 2 * n + i], found[at + 3 * n + i] = data[number + 2], data[number + 3]
        for i in range(4 * n, 4 * n + sizes[run, 3]):
            found[at + i] = data[start + i]
        at += 4 * n + sizes[run, 3]
