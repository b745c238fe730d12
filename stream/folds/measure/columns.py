"""A block's columns as lists, for what is done row by row."""

from __future__ import annotations

import math

import numpy as np

from stream.folds.blocks import NUMBER, Column


def texts_of(column: Column, n: int) -> list[str]:
    """Return a text column's values, ``""`` where there is none."""
    if not column.codes:
        return [""] * n
    levels = column.levels
    return [levels[code] if code >= 0 else "" for code in column.code_array(n).tolist()]


def optional_floats(data: bytes, n: int) -> list[float | None]:
    """Return float64 bytes as a list, None where NaN."""
    if not data:
        return [None] * n
    return [None if math.isnan(x) else x for x in np.frombuffer(data, "<f8").tolist()]


def values_of(column: Column, n: int) -> list[float | str | None]:
    """Return a column's numbers and texts as they are, None where missing or invalid."""
    numbers: list[float | None] = column.number_array(n).tolist() if column.numbers else [None] * n
    if not column.codes:
        return list(numbers)
    levels = column.levels
    codes = column.code_array(n).tolist()
    return [
        levels[code] if code >= 0 else (number if code == NUMBER else None)
        for code, number in zip(codes, numbers, strict=True)
    ]
