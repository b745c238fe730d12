"""Open keys: which sums a row belongs to, and the numbers that it adds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.performance import task_sums
from stream.folds.blocks import Column
from stream.folds.layout import layout_of, read_texts
from stream.folds.measure.state import NEVER, Key, KeyId, MeasureState
from stream.folds.monitor import OTHER, Monitor

MAX_LEVELS = 1_000
"""Names of a feature that a key tells apart before there is a reference; the rest is ``__other__``."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Grouped:
    """Rows assigned to keys: row ``i`` counts in ``keys[index[g, i]]`` for each grouping ``g``: none, by segment."""

    keys: list[Key]
    index: Ints


def segments_told_apart(monitor: Monitor) -> list[str]:
    """Return the segments whose values the reference knows, in the spec's order."""
    return [segment for segment in monitor.segments if monitor.levels_of(segment)]


def segment_values(monitor: Monitor, columns: dict[str, Column], n: int) -> dict[str, list[str]]:
    """Return each segment's value for each of ``n`` rows; what the reference does not know is ``__other__``."""
    values = {}
    for segment in segments_told_apart(monitor):
        known, column = set(monitor.levels_of(segment)), columns.get(segment)
        codes, levels = read_texts(column, n)
        names = [level if level in known else OTHER for level in levels]
        values[segment] = [names[code] if code >= 0 else OTHER for code in codes.tolist()]
    return values


def group(
    state: MeasureState,
    monitor: Monitor,
    panes: Ints,
    versions: Sequence[str],
    segments: Mapping[str, Sequence[str]],
    opened: int,
) -> Grouped:
    """Find or open the keys of rows: all of them under no segment, then once more under each segment."""
    keys: list[Key] = []
    index: list[Ints] = []
    everyone = [""] * len(panes)
    for segment, values in [("", everyone), *segments.items()]:
        ids = list(zip(versions, values, panes.tolist(), strict=True))
        slots = {an_id: i + len(keys) for i, an_id in enumerate(dict.fromkeys(ids))}
        keys += [_key(state, monitor, (monitor.lineage, v, segment, value, pane), opened) for v, value, pane in slots]
        index.append(np.fromiter((slots[an_id] for an_id in ids), np.int64, len(ids)))
    return Grouped(keys, np.stack(index))


def _key(state: MeasureState, monitor: Monitor, key_id: KeyId, opened: int) -> Key:
    if (key := state.keys.get(key_id)) is not None:
        return key
    watermark_ms = state.lineages[monitor.lineage].watermark_ms
    late = key_id[-1] + monitor.pane_ms <= watermark_ms
    layout, task = layout_of(monitor), task_sums(monitor.task)
    state.keys[key_id] = key = Key(
        opened=opened,
        late_pane=monitor.pane_of(watermark_ms) if late else NEVER,
        cells=np.zeros(layout.size, np.int64),
        sums=np.zeros(2 * layout.numbers),
        lows=np.full(layout.numbers, np.inf),
        highs=np.full(layout.numbers, -np.inf),
        task_cells=np.zeros(task.ints, np.int64),
        task_sums=np.zeros(task.floats),
        levels={},
        pairs={},
    )
    return key


def add_cells(grouped: Grouped, rows: Ints, cells: Ints, size: int) -> None:
    """Count ``cells[i]`` for row ``rows[i]`` in each of that row's keys, which have `size` cells."""
    flat = (grouped.index[:, rows] * size + cells).ravel()
    added = np.bincount(flat, minlength=len(grouped.keys) * size).reshape(-1, size)
    for key, more in zip(grouped.keys, added, strict=True):
        key.cells += more


def add_moments(grouped: Grouped, numbers: Sequence[tuple[int, Ints, Floats]]) -> None:
    """Add values of numbers, each ``(number, rows, values)``, in record order: pairwise sums depend on the cut."""
    sums, lows, highs = (np.stack([getattr(k, name) for k in grouped.keys]) for name in ("sums", "lows", "highs"))
    for number, rows, values in numbers:
        for keys_of_row in grouped.index[:, rows]:
            with np.errstate(over="ignore"):
                np.add.at(sums[:, 2 * number], keys_of_row, values)
                np.add.at(sums[:, 2 * number + 1], keys_of_row, values * values)
            np.minimum.at(lows[:, number], keys_of_row, values)
            np.maximum.at(highs[:, number], keys_of_row, values)
    for k, key in enumerate(grouped.keys):
        key.sums, key.lows, key.highs = sums[k], lows[k], highs[k]


def add_levels(grouped: Grouped, feature: str, rows: Ints, codes: Ints, levels: Sequence[str]) -> None:
    """Count a category by name, for lineages without a reference; the first MAX_LEVELS names are told apart."""
    for keys_of_row in grouped.index[:, rows]:
        pairs, counts = np.unique(keys_of_row * len(levels) + codes, return_counts=True)
        for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
            of_feature = grouped.keys[pair // len(levels)].levels.setdefault(feature, {})
            name = levels[pair % len(levels)]
            name = name if name in of_feature or len(of_feature) < MAX_LEVELS else OTHER
            of_feature[name] = of_feature.get(name, 0) + count


@contextmanager
def task_arrays(grouped: Grouped) -> Iterator[tuple[Ints, Floats]]:
    """Give the keys' task sums as two matrices, one row a key, and put them back."""
    cells = np.stack([key.task_cells for key in grouped.keys])
    sums = np.stack([key.task_sums for key in grouped.keys])
    yield cells, sums
    for k, key in enumerate(grouped.keys):
        key.task_cells, key.task_sums = cells[k], sums[k]
