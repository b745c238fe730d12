"""All sealed segments and their index."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stream.folds.pending.find_kernels import find_sealed
from stream.folds.pending.index_kernels import GONE, fill, insert_rows, relabel_rows
from stream.folds.pending.segment import MAX_SEGMENTS, Segment, floors_of
from stream.folds.pending.segment_kernels import COLUMNS, MIXED, ROWS

MERGE_RATIO = 2
"""Segments of an hour whose older one is at most so many times as large as the newer become one."""
LEAST_PLACES = 1 << 10


class Sealed:
    """Segments by hour; those of one hour by age, each more than `MERGE_RATIO` times as large as the next.

    A segment's slot is its row in `table`, from 1 on. Slots, and places in the index, can be seen in no result.
    """

    def __init__(self) -> None:
        self.rows = self.living = 0
        self.table = np.zeros((16, COLUMNS), np.int64)
        self._hours: dict[int, list[Segment]] = {}
        self._free: list[int] = list(range(1, 16))
        self._index = np.zeros(LEAST_PLACES, np.uint32)
        self._taken = 0

    def __iter__(self) -> Iterator[Segment]:
        """Yield the segments by hour and age."""
        for hour in sorted(self._hours):
            yield from self._hours[hour]

    @property
    def nbytes(self) -> int:
        """Memory of all segments, of their table and of the index, in bytes."""
        return sum(s.nbytes for s in self) + self.table.nbytes + self._index.nbytes

    def find(self, hashes: NDArray[np.uint64], floors: NDArray[np.int64], refs: NDArray[np.int64]) -> None:
        """Write references of living entries, −1 for the others."""
        if self.rows:
            find_sealed(self._index, self.table, floors, hashes, refs)
        else:
            refs[:] = -1

    @property
    def is_full(self) -> bool:
        """Whether there is no slot for one segment more."""
        return not self._free and len(self.table) > MAX_SEGMENTS

    def restore(self, segments: list[Segment]) -> None:
        """Take these segments, by hour and age, into an empty collection; O(rows), from front to back of the index."""
        for segment in segments:
            self._hours.setdefault(segment.hour, []).append(segment)
            self._place(segment, self._new_slot())
            self.rows += segment.rows
        self.living = self.rows
        self._build(0)

    def reserve(self, rows: int) -> None:
        """Let the index have room for so many rows more: it is built again when over 3/4 of its places are taken."""
        if 4 * (self._taken + rows) > 3 * len(self._index):
            self._build(rows)

    def add(self, newest: Segment, floors: NDArray[np.int64]) -> None:
        """Take a segment that lives, and merge it with those of its hour that are not much larger.

        Room in the index is reserved before. `floors` are those of the last `forget`.
        """
        here = self._hours.setdefault(newest.hour, [])
        made, size, parts = newest, newest.rows, []
        while here and here[-1].rows <= MERGE_RATIO * size:
            parts.append(here.pop())
            size += parts[-1].rows
            made = parts[-1].merged(made)
        slot = max(parts, key=_rows).slot if parts else self._new_slot()
        for part in parts:
            if part.slot != slot:
                relabel_rows(self._index, part.row, part.slot, slot)
                self._leave(part.slot)
        self._taken += int(insert_rows(self._index, newest.row, slot))
        here.append(made)
        made.judge(floors)
        self._place(made, slot)
        self.rows += newest.rows
        self.living += newest.rows

    def forget(self, floors: NDArray[np.int64]) -> None:
        """Drop segments of which nothing lives by these floors (hours), and write anew those of which little does."""
        highest = int(floors.max(initial=np.iinfo(np.int64).min))
        for segment in [s for s in self if s.hour < highest]:
            segment.judge(floors)
            self.table[segment.slot, MIXED] = segment.row[MIXED]
            if 2 * segment.living < segment.rows:
                self._shrink(segment, floors)
        self.living = sum(s.living for s in self)
        if 4 * len(self._index) > max(4 * LEAST_PLACES, 9 * self.rows):  # a third of what it was built for has left
            self._build(0)

    def census(self, floors: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], ...]]:
        """Yield of each segment the hour, the context and the number of its living entries."""
        for segment in self:
            alive = floors_of(floors, segment.contexts) <= segment.hour
            contexts = segment.contexts[alive].astype(np.int64)
            yield np.full(len(contexts), segment.hour), contexts, segment.counts[alive].astype(np.int64)

    def _shrink(self, segment: Segment, floors: NDArray[np.int64]) -> None:
        here, slot = self._hours[segment.hour], segment.slot
        at = here.index(segment)
        relabel_rows(self._index, segment.row, slot, GONE)
        self._leave(slot)
        self.rows -= segment.rows - segment.living
        if segment.living:
            self.reserve(segment.living)
            here[at] = segment.of_living(floors)
            self._place(here[at], self._new_slot())
            self._taken += int(insert_rows(self._index, here[at].row, here[at].slot))
            return
        del here[at]
        if not here:
            del self._hours[segment.hour]

    def _build(self, more: int) -> None:
        self._taken = int(self.table[:, ROWS].sum())
        self._index = np.zeros(0, np.uint32)  # the old one goes before the new one comes
        self._index = np.zeros(max(LEAST_PLACES, (self._taken + more) * 3 // 2), np.uint32)
        fill(self._index, self.table)

    def _new_slot(self) -> int:
        if not self._free:
            old = len(self.table)
            grown = np.zeros((min(2 * old, MAX_SEGMENTS + 1), COLUMNS), np.int64)
            grown[:old] = self.table
            self.table, self._free = grown, list(range(old, len(grown)))
        return heapq.heappop(self._free)

    def _place(self, segment: Segment, slot: int) -> None:
        segment.slot = slot
        self.table[slot] = segment.row

    def _leave(self, slot: int) -> None:
        self.table[slot] = 0
        heapq.heappush(self._free, slot)


def _rows(segment: Segment) -> int:
    return segment.rows
