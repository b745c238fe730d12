"""Sums of keys that are sealed, as `decide` is told them: column by column, since there may be thousands at a tick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.confusion import NOTHING
from stream.folds.measure.arena_kernels import find_widths, gather_bytes, gather_floats
from stream.folds.measure.key_kernels import NO_SEGMENT
from stream.folds.measure.keys import KeyStore
from stream.folds.measure.shape import Ints, Shape, Sizes
from stream.folds.monitor import OTHER
from stream.folds.partials import Partial


class Names(NamedTuple):
    """What numbers stand for: lineages, with the shapes of their keys, versions, and classes by hash."""

    lineages: Sequence[str]
    shapes: Sequence[Shape]
    versions: Sequence[str]
    classes: Mapping[int, str]


def partials_of(store: KeyStore, passed: NDArray[np.bool_], sizes: Sizes, names: Names) -> list[Partial]:
    """Return the sums of those keys that have `passed`, in the order in which they were opened."""
    slots, keys = np.flatnonzero(passed), store.arrays
    if not len(slots):
        return []
    lineages = keys.lineage[slots].tolist()
    segments = _segments(store, slots, names.shapes)
    widths, (cells, task_cells, products) = _ints(store, slots, sizes)
    sums, lows, highs, task_sums = _floats(store, slots, sizes)
    confused = store.confusion.by_key(passed, names.classes) if len(store.confusion) else {}
    classes = [confused.get(slot, NOTHING) for slot in slots.tolist()]
    columns = (
        [names.lineages[number] for number in lineages],
        [names.versions[number] for number in keys.version[slots].tolist()],
        [name for name, _ in segments], [value for _, value in segments],
        keys.pane[slots].tolist(), keys.opened[slots].tolist(),
        cells, sums, lows, highs, task_cells, task_sums,
        [store.levels.get(slot, {}) for slot in slots.tolist()], _pairs(store, slots, names.versions), products,
        [each.classes for each in classes], [each.cells.tobytes() for each in classes], widths.tolist(),
    )  # fmt: skip
    return [Partial(*fields) for fields in zip(*columns, strict=True)]


def _segments(store: KeyStore, slots: Ints, shapes: Sequence[Shape]) -> list[tuple[str, str]]:
    """Return name and value of the segment of each key, two empty texts for all rows."""
    keys = store.arrays
    of = zip(keys.lineage[slots].tolist(), keys.segment[slots].tolist(), keys.value[slots].tolist(), strict=True)
    return [("", "") if segment == NO_SEGMENT else _segment(shapes[i], segment, value) for i, segment, value in of]


def _segment(shape: Shape, segment: int, value: int) -> tuple[str, str]:
    name, values = shape.segments[segment]
    return name, (OTHER, *values)[value]


def _ints(store: KeyStore, slots: Ints, sizes: Sizes) -> tuple[Ints, list[list[bytes]]]:
    """Return how many bytes an integer of each key has, and cells, task's and products of all keys."""
    keys, data = store.arrays, store.ints.data
    each, starts = sizes.ints(keys.lineage[slots], keys.segment[slots]), keys.ints[slots]
    widths = np.empty(len(slots), np.int64)
    find_widths(data, starts, each.sum(1), widths)
    found = np.empty(int((each.sum(1) * widths).sum()), np.uint8)
    gather_bytes(data, starts, each.sum(1), widths, found)
    return widths, _cut(found, each * widths[:, None])


def _floats(store: KeyStore, slots: Ints, sizes: Sizes) -> list[list[bytes]]:
    """Return sums, lowest, highest and the task's of all keys."""
    each = sizes.floats(store.arrays.lineage[slots])
    found = np.empty(int(each.sum()))
    gather_floats(store.floats.data, store.arrays.floats[slots], each, found)
    return _cut(found, 8 * each)


def _cut(found: NDArray[np.uint8] | NDArray[np.float64], sizes: Ints) -> list[list[bytes]]:
    """Return each part of all keys: `found` has the parts of one key after those of another, `sizes` their bytes."""
    data = found.tobytes()
    pieces = [data[start:end] for start, end in pairwise(accumulate(sizes.ravel().tolist(), initial=0))]
    return [pieces[part :: sizes.shape[1]] for part in range(sizes.shape[1])]


def _pairs(store: KeyStore, slots: Ints, versions: Sequence[str]) -> list[dict[str, tuple[int, float, float]]]:
    if not store.pair_count[0]:
        return [{}] * len(slots)
    return [{versions[version]: tuple(sums) for version, *sums in store.pairs_of(slot)} for slot in slots.tolist()]  # type: ignore[misc]
