"""Adding rows to tables of sums: one row of the table for each key, in the order of the records."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Cell = TypeVar("Cell", np.int64, np.float64)


def count(table: Ints, rows: Ints, cells: Ints | int) -> None:
    """Add 1 at ``table[row, cell]`` for each row, in place.

    Parameters
    ----------
    table
        ``(K, C)``, contiguous.
    rows
        ``(n,)``, in ``0 .. K - 1``.
    cells
        ``(n,)`` or one for all, in ``0 .. C - 1``.

    Raises
    ------
    ValueError
        If `table` is not contiguous, so that it could not be changed in place.
    """
    np.add.at(_flat(table), rows * table.shape[1] + cells, 1)


def add(table: Floats, rows: Ints, cells: Ints | int, values: Floats) -> None:
    """Add ``values`` at ``table[row, cell]``, in place, one after the other: sums are the same however runs are cut."""
    np.add.at(_flat(table), rows * table.shape[1] + cells, values)


def _flat(table: NDArray[Cell]) -> NDArray[Cell]:
    if not table.flags.c_contiguous:
        raise ValueError(f"table must be contiguous, got strides {table.strides} for shape {table.shape}")
    return table.reshape(-1)
