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
def find_widths(data: Ints, starts: Ints, sizes: Ints, widths: Ints) -> None:
    """Find the fewest bytes, of 1, 2, 4 and 8, that hold all numbers of a run."""
    for run in range(len(starts)):
        most = np.int64(0)
        for i in range(starts[run], starts[run] + sizes[run]):
            most |= data[i] ^ (data[i] >> 63)
        widths[run] = 1 if most < 1 << 7 else 2 if most < 1 << 15 else 4 if most < 1 << 31 else 8


@in_place
def gather_bytes(data: Ints, starts: Ints, sizes: Ints, widths: Ints, found: NDArray[np.uint8]) -> None:
    """Copy runs of `data` into `found`, one after another, with so many bytes for a number, the lowest first."""
    at = 0
    for run in range(len(starts)):
        width = widths[run]
        for i in range(starts[run], starts[run] + sizes[run]):
            for byte in range(width):
                found[at + byte] = np.uint8((data[i] >> (8 * byte)) & 0xFF)
            at += width


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
