"""Cells of a lattice: all rows, the rows of one value of a dimension, and those of a pair of values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

MOST_VALUES = 64
"""Values of a dimension that are cells, the most frequent ones."""

NO_VALUE = -1


class Dimension(NamedTuple):
    """Something that rows may be told apart by: its name, the code of each row, ``(n,)``, and the codes' names.

    A code of -1 is in no cell.
    """

    name: str
    codes: Ints
    labels: tuple[str, ...]


class Tally(NamedTuple):
    """Rows by cell and bin, ``(cells, W)``, after and before; `dims` are the places of the dimensions, rising."""

    dims: tuple[int, ...]
    after: Ints
    before: Ints


def dimension(name: str, values: Sequence[str | None]) -> Dimension:
    """Return a dimension of texts; None and what is beyond `MOST_VALUES` is in no cell.

    >>> dimension("source", ["a", "b", None, "a"])
    Dimension(name='source', codes=array([ 0,  1, -1,  0]), labels=('a', 'b'))
    """
    texts = np.array([*values, None], object)[:-1]
    present = np.array([value is not None for value in values], bool)
    names, inverse, times = np.unique(texts[present].astype(str), return_inverse=True, return_counts=True)
    order = np.lexsort((names, -times))[:MOST_VALUES]
    place = np.full(len(names), NO_VALUE, np.int64)
    place[order] = np.arange(len(order))
    codes = np.full(len(texts), NO_VALUE, np.int64)
    codes[present] = place[inverse]
    return Dimension(name, codes, tuple(names[order].tolist()))


def tallies(bins: Ints, width: int, is_after: Flags, dims: Sequence[Dimension]) -> Iterator[Tally]:
    """Yield all rows, then the cells of each dimension, then of each pair; O(n d² + cells W).

    Parameters
    ----------
    bins
        Of each row, 0 to `width` less 1, ``(n,)``.
    is_after
        Whether a row belongs to the span that changed, ``(n,)``.

    Examples
    --------
    >>> by = dimension("source", ["a", "b", "b"])
    >>> [t.after.tolist() for t in tallies(np.array([0, 1, 1]), 2, np.array([True, True, False]), [by])]
    [[[1, 1]], [[0, 1], [1, 0]]]
    """
    yield _tally((), bins, width, is_after, np.zeros(len(bins), np.int64), 1)
    for i, one in enumerate(dims):
        yield _tally((i,), bins, width, is_after, one.codes, len(one.labels))
    for i, j in combinations(range(len(dims)), 2):
        first, second = dims[i], dims[j]
        is_in = (first.codes >= 0) & (second.codes >= 0)
        codes = np.where(is_in, first.codes * len(second.labels) + second.codes, NO_VALUE)
        yield _tally((i, j), bins, width, is_after, codes, len(first.labels) * len(second.labels))


def _tally(dims: tuple[int, ...], bins: Ints, width: int, is_after: Flags, codes: Ints, cells: int) -> Tally:
    is_in = codes >= 0
    keys = ((codes * 2 + is_after) * width + bins)[is_in]
    counts = np.bincount(keys, minlength=2 * cells * width).reshape(cells, 2, width)
    return Tally(dims, counts[:, 1], counts[:, 0])


def where(dims: Sequence[Dimension], places: tuple[int, ...], cell: int) -> dict[str, str]:
    """Return what a cell of a tally is, by dimension.

    >>> by = [dimension("source", ["a", "b"]), dimension("origin", ["ORD", "JFK"])]
    >>> where(by, (0, 1), 2), where(by, (), 0)
    ({'source': 'b', 'origin': 'JFK'}, {})
    """
    codes = [cell]
    if len(places) == 2:
        codes = list(divmod(cell, len(dims[places[1]].labels)))
    return {dims[place].name: dims[place].labels[code] for place, code in zip(places, codes, strict=bool(places))}


def members(dims: Sequence[Dimension], named: dict[str, str], rows: int) -> Flags:
    """Return which rows are in a cell, ``(rows,)``."""
    is_in = np.ones(rows, bool)
    for one in dims:
        if one.name in named:
            is_in &= one.codes == one.labels.index(named[one.name])
    return is_in
