"""Rows as alibi-detect's tests take them: numbers without the missing ones, levels as codes, all inputs as a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from detectors.reference import Column
from stream.ops.opinion import Pair

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Value = TypeVar("Value", bound=np.generic)

MOST_ROWS, MOST_TOGETHER, MOST_ONLINE = 20_000, 5_000, 500
"""Rows of either side that are tested: of one feature, of all together, one after the other."""

ONLINE_REFERENCE = 200
"""Values of the reference that online tests simulate their thresholds with: time and memory grow with the square."""


def some(values: NDArray[Value], most: int) -> NDArray[Value]:
    """Return at most so many values, evenly spread over all, the first and the last among them.

    >>> some(np.arange(10), 4)
    array([0, 3, 6, 9])
    """
    if len(values) <= most:
        return values
    return values[np.linspace(0, len(values) - 1, most).astype(np.int64)]


def numbers_of(pair: Pair, name: str) -> tuple[Floats, Floats]:
    """Return a number's values on both sides, without the missing ones, in order."""
    sides = [np.asarray(side[name], np.float64) for side in (pair.reference, pair.window)]
    reference, rows = (some(side[~np.isnan(side)], MOST_ROWS) for side in sides)
    return reference, rows


def two_valued(pair: Pair, name: str) -> tuple[Ints, Ints, str]:
    """Return 0 and 1 for each row of both sides, and what 1 stands for."""
    reference, rows = (some(side, MOST_ROWS) for side in codes_of(pair, name))
    levels = np.union1d(reference, rows)
    levels = levels[levels > 0]
    if len(levels) == 2 and reference.all() and rows.all():
        text = _levels(pair, name)[int(levels[1]) - 1]
        return (
            (reference == levels[1]).astype(np.int64),
            (rows == levels[1]).astype(np.int64),
            f"how often it is {text}",
        )
    return (reference == 0).astype(np.int64), (rows == 0).astype(np.int64), "how often it is missing"


def together(pair: Pair, most: int) -> tuple[Floats, Floats, str]:
    """Return all inputs as two matrices, ``(n, d)``, and what to know of them; missing numbers get the median."""
    columns, filled = [], []
    for name in pair.inputs:
        sides, has_missing = _column(pair, name)
        columns.append(sides)
        filled += [name] if has_missing else []
    reference, rows = (some(np.column_stack([column[i] for column in columns]), most) for i in (0, 1))
    return reference, rows, f"; missing values of {', '.join(filled)} as the reference's median" if filled else ""


def _column(pair: Pair, name: str) -> tuple[tuple[Floats, Floats], bool]:
    if pair.kinds[name] == "category":
        reference, rows = codes_of(pair, name)
        return (reference.astype(np.float64), rows.astype(np.float64)), False
    sides = [np.asarray(side[name], np.float64) for side in (pair.reference, pair.window)]
    known = sides[0][~np.isnan(sides[0])]
    middle = float(np.median(known)) if len(known) else 0.0
    has_missing = any(bool(np.isnan(side).any()) for side in sides)
    return (np.nan_to_num(sides[0], nan=middle), np.nan_to_num(sides[1], nan=middle)), has_missing


def _levels(pair: Pair, name: str) -> list[str]:
    """Return the values of a feature on both sides as texts, in order; numbers only if there are two of them."""
    if pair.kinds[name] == "category":
        return sorted(
            {text for side in (pair.reference, pair.window) for text in _texts(side[name]) if text is not None}
        )
    both = np.concatenate([np.asarray(side[name], np.float64) for side in (pair.reference, pair.window)])
    return [f"{value:g}" for value in np.unique(both[~np.isnan(both)])[:3].tolist()]


def _texts(column: Column) -> Sequence[str | None]:
    return cast("Sequence[str | None]", column)


def codes_of(pair: Pair, name: str) -> tuple[Ints, Ints]:
    """Return the place of each row's value among the levels, from 1 on; 0: missing. Other numbers than two are 1."""
    if pair.kinds[name] == "category":
        place = {text: i + 1 for i, text in enumerate(_levels(pair, name))}
        sides = [
            np.array([0 if text is None else place[text] for text in _texts(side[name])], np.int64)
            for side in (pair.reference, pair.window)
        ]
        return sides[0], sides[1]
    numbers = [np.asarray(side[name], np.float64) for side in (pair.reference, pair.window)]
    both = np.concatenate(numbers)
    values = np.unique(both[~np.isnan(both)])
    found = [
        np.where(np.isnan(side), 0, np.searchsorted(values, side) + 1 if len(values) == 2 else 1).astype(np.int64)
        for side in numbers
    ]
    return found[0], found[1]
