"""Sums of ledger partitions added up, in sorted key order, so that floats come out the same every time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from detectors.confusion import Confusion, merged
from stream.folds.decide.state import GroupId
from stream.folds.partials import Partial

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
# Pane, then group.
PaneGroup = tuple[int, GroupId]


@dataclass(slots=True)
class Merged:
    """The sums of one group of one pane that became final together."""

    cells: Ints
    sums: Floats
    lows: Floats
    highs: Floats
    task_cells: Ints
    task_sums: Floats
    levels: dict[str, dict[str, int]]
    pairs: dict[str, tuple[int, float, float]]
    merged: list[tuple[int, int]]
    products: Ints
    confusion: Confusion


def merge(arrived: Iterable[tuple[int, Partial]]) -> dict[PaneGroup, Merged]:
    """Return sums by pane and group; partials of a group are added in order of (partition, opened)."""
    by_group: dict[PaneGroup, list[tuple[int, Partial]]] = defaultdict(list)
    for partition, partial in arrived:
        group = (partial.version, partial.segment_key, partial.segment_value)
        by_group[partial.pane_ms, group].append((partition, partial))
    return {key: _sum(sorted(some, key=_order)) for key, some in sorted(by_group.items())}


def _order(arrived: tuple[int, Partial]) -> tuple[int, int]:
    return arrived[0], arrived[1].opened


def _sum(arrived: list[tuple[int, Partial]]) -> Merged:
    partials = [partial for _, partial in arrived]
    return Merged(
        cells=_ints([p.integers(p.cells) for p in partials]),
        sums=_added([p.sums for p in partials]),
        lows=_floats_of([p.lows for p in partials]).min(0),
        highs=_floats_of([p.highs for p in partials]).max(0),
        task_cells=_ints([p.integers(p.task_cells) for p in partials]),
        task_sums=_added([p.task_sums for p in partials]),
        levels=_levels(partials),
        pairs=add_pairs([p.pairs for p in partials]),
        merged=[(partition, partial.opened) for partition, partial in arrived],
        products=_ints([p.integers(p.products) for p in partials]),
        confusion=merged([_confusion(p) for p in partials if p.confusion]),
    )


def _confusion(partial: Partial) -> Confusion:
    return Confusion(partial.classes, np.frombuffer(partial.confusion, "<i8").reshape(-1, 3))


def _ints(parts: list[Ints]) -> Ints:
    return reduce(np.add, parts)


def _added(parts: list[bytes]) -> Floats:
    each = _floats_of(parts)
    total: Floats = each[0].copy()
    for other in each[1:]:  # one after the other: np.sum adds pairwise along an axis of one column
        total += other
    return total


def _floats_of(parts: list[bytes]) -> Floats:
    return np.frombuffer(b"".join(parts), "<f8").reshape(len(parts), len(parts[0]) // 8)


def _levels(partials: list[Partial]) -> dict[str, dict[str, int]]:
    total: dict[str, dict[str, int]] = {}
    for partial in partials:
        for feature, counts in partial.levels.items():
            of_feature = total.setdefault(feature, {})
            for level, count in counts.items():
                of_feature[level] = of_feature.get(level, 0) + count
    return {feature: dict(sorted(counts.items())) for feature, counts in sorted(total.items())}


def add_pairs(parts: Iterable[dict[str, tuple[int, float, float]]]) -> dict[str, tuple[int, float, float]]:
    """Return numbers, sums and sums of squares of loss differences by shadow version, added in order."""
    total: dict[str, tuple[int, float, float]] = {}
    for pairs in parts:
        for version, (n, s, ss) in pairs.items():
            n0, s0, ss0 = total.get(version, (0, 0.0, 0.0))
            total[version] = (n0 + n, s0 + s, ss0 + ss)
    return dict(sorted(total.items()))
