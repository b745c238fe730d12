"""Tables and columns as compiled code takes them: flat, contiguous, of one type."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Cell = TypeVar("Cell", bound=np.generic)


def flat(table: NDArray[Cell]) -> NDArray[Cell]:
    """Return a table ``(K, C)`` as ``(K * C,)``, to be changed in place; ValueError if it is not contiguous."""
    if not table.flags.c_contiguous:
        raise ValueError(f"table must be contiguous, got strides {table.strides} for shape {table.shape}")
    return table.reshape(-1)


def column(values: ArrayLike, dtype: type[Cell]) -> NDArray[Cell]:
    """Return values of this type, contiguous and writable: for others, a loop would be compiled once more."""
    return np.require(values, dtype, ["C", "W"])
