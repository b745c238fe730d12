"""A sealed segment: entries of one hour of event time, sorted by hash; its content never changes, its states do."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream.folds.pending.find_kernels import HOUR_MS
from stream.folds.pending.segment_kernels import COLUMNS, MS_BITS, copy_living, fill_directory, merge, merge_counts

MAX_SEGMENTS = 0xFFFE
"""The index has 16 bits for a segment; two of their values are taken."""
NEVER_HOUR = -(1 << 62)
"""The floor of a context that has none."""
ENTRY_BYTES, CONTEXT_BYTES, BUCKET_ROWS = 24, 8, 16


class Columns(NamedTuple):
    """Rows of the open part."""

    hashes: NDArray[np.uint64]
    served: NDArray[np.uint64]
    event_ms: NDArray[np.int64]
    contexts: NDArray[np.uint32]
    states: NDArray[np.uint16]

    def take(self, rows: NDArray[np.int64]) -> Columns:
        """Return copies of some rows."""
        return Columns(
            self.hashes[rows], self.served[rows], self.event_ms[rows], self.contexts[rows], self.states[rows]
        )


class Segment:
    """Entries of one hour.

    The content is hashes (8 bytes a row), values (16), distinct contexts (4 bytes each) and their rows (4 each).

    Parameters
    ----------
    hour
        Hours since the epoch.
    content
        Bytes of the columns, which may be a mapped file and are not copied unless their address is odd.
    states
        The state of each row.
    """

    __slots__ = (
        *("content", "contexts", "counts", "directory", "hashes", "hour", "living"),
        *("name", "row", "rows", "slot", "states", "values"),
    )

    def __init__(self, hour: int, content: NDArray[np.uint8], states: NDArray[np.uint16]) -> None:
        rows = len(states)
        kinds = len(content) - ENTRY_BYTES * rows
        if kinds < 0 or kinds % CONTEXT_BYTES:
            msg = f"a segment of {rows} entries cannot have {len(content)} bytes"
            raise ValueError(msg)
        self.content = content if content.ctypes.data % 8 == 0 else content.copy()
        self.hour, self.rows, self.states, self.living = hour, rows, states, rows
        self.hashes = self.content[: 8 * rows].view(np.uint64)
        self.values = self.content[8 * rows : ENTRY_BYTES * rows].view(np.uint64)
        self.contexts, self.counts = self.content[ENTRY_BYTES * rows :].view(np.uint32).reshape(2, -1)
        self.directory = np.zeros(max(1, rows // BUCKET_ROWS) + 1, np.uint32)
        self.slot, self.name = 0, ""
        addresses = (self.hashes, self.values, states, self.directory)
        self.row = np.zeros(COLUMNS, np.int64)
        self.row[:7] = *(c.ctypes.data for c in addresses), rows, len(self.directory) - 1, hour

    @classmethod
    def empty(cls, hour: int, contexts: NDArray[np.uint32], counts: NDArray[np.uint32]) -> Segment:
        """Return a segment whose rows are to be written; it has as many as the counts say."""
        rows = int(counts.sum(dtype=np.int64))
        content = np.empty(ENTRY_BYTES * rows + CONTEXT_BYTES * len(contexts), np.uint8)
        content[ENTRY_BYTES * rows :].view(np.uint32)[:] = np.concatenate((contexts, counts))
        return cls(hour, content, np.zeros(rows, np.uint16))

    @classmethod
    def of(cls, hour: int, columns: Columns) -> Segment:
        """Return a segment of rows that are sorted by hash."""
        contexts, counts = np.unique(columns.contexts, return_counts=True)
        segment = cls.empty(hour, contexts, counts.astype(np.uint32))
        segment.hashes[:], segment.states[:] = columns.hashes, columns.states
        ms = (columns.event_ms - hour * HOUR_MS).astype(np.uint64)
        segment.values[::2] = columns.served
        segment.values[1::2] = ms | columns.contexts.astype(np.uint64) << np.uint64(MS_BITS)
        return segment.directed()

    def directed(self) -> Segment:
        """Write the directory, once the hashes are there; return the segment."""
        fill_directory(self.row, self.directory)
        return self

    def merged(self, newer: Segment) -> Segment:
        """Return one segment of the entries of both, of the same hour; O(rows)."""
        room = len(self.contexts) + len(newer.contexts)
        contexts, counts = np.empty(room, np.uint32), np.empty(room, np.uint32)
        kinds = int(merge_counts(*self._counted(), *newer._counted(), contexts, counts))
        made = Segment.empty(self.hour, contexts[:kinds], counts[:kinds])
        merge(self.row, newer.row, made.hashes, made.values, made.states)
        return made.directed()

    def judge(self, floors: NDArray[np.int64]) -> None:
        """Count the entries that live by these floors (hours)."""
        alive = floors_of(floors, self.contexts) <= self.hour
        self.living = int(self.counts[alive].sum(dtype=np.int64))
        self.row[7] = self.living < self.rows

    def of_living(self, floors: NDArray[np.int64]) -> Segment:
        """Return a segment of those entries that live; O(rows)."""
        alive = floors_of(floors, self.contexts) <= self.hour
        made = Segment.empty(self.hour, self.contexts[alive], self.counts[alive])
        copy_living(self.row, floors, made.hashes, made.values, made.states)
        return made.directed()

    def named(self) -> str:
        """Return the sha256 of the content; it is computed once."""
        self.name = self.name or hashlib.sha256(self.content.data).hexdigest()
        return self.name

    def _counted(self) -> tuple[int, int]:
        """Return the address of the contexts, which the counts follow, and how many they are."""
        return self.contexts.ctypes.data, len(self.contexts)

    @property
    def nbytes(self) -> int:
        """Memory of all columns, in bytes; mapped files count."""
        return self.content.nbytes + self.states.nbytes + self.directory.nbytes + self.row.nbytes


def floors_of(floors: NDArray[np.int64], contexts: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return the floor (hour) of each context; those without one never leave."""
    known = contexts < len(floors)
    found = np.full(len(contexts), NEVER_HOUR, np.int64)
    found[known] = floors[contexts[known]]
    return found
