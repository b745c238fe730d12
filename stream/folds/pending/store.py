"""Predictions that wait for their labels.

A sealed one takes 24 bytes of an immutable segment, 2 for its state, a quarter for the segment's directory, and 5.3 to
6 for the index (9 at most after many have left); a segment has 8 bytes for each context in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from stream.folds.arrays import decode_state, encode_state
from stream.folds.pending.find_kernels import HOUR_MS, are_there, mark_sealed, read_sealed
from stream.folds.pending.opened import Opened
from stream.folds.pending.order_kernels import order_by_hash
from stream.folds.pending.sealed import Sealed
from stream.folds.pending.segment import NEVER_HOUR, Columns, Segment, floors_of

SCHEMA = 1
SEAL_ROWS = 1 << 17
"""The open part is sealed when it has so many rows."""

Scalar = TypeVar("Scalar", bound=np.generic)


class Entries(NamedTuple):
    """What entries hold, a column each."""

    served: NDArray[np.uint64]
    event_ms: NDArray[np.int64]
    contexts: NDArray[np.uint32]
    states: NDArray[np.uint16]


class _SavedSegment(msgspec.Struct, array_like=True):
    """A segment without its content: hour, name of the file, rows, states (empty if all are 0)."""

    hour: int
    name: str
    rows: int
    states: bytes


class _Saved(msgspec.Struct, array_like=True):
    seal_rows: int
    floors: np.ndarray
    hashes: np.ndarray
    served: np.ndarray
    event_ms: np.ndarray
    contexts: np.ndarray
    states: np.ndarray
    segments: list[_SavedSegment]


class Pending:
    """Predictions that wait for their labels, by identity.

    An entry is a hash (its identity: uniformly distributed 64 bits), `served` (64 bits that are not looked at), its
    event time, its context (a number) and a state of 16 bits, 0 at first, the one thing that changes. Entries leave by
    `forget`, whole hours of event time at a time; what has left is absent at once, for all methods and in `len`.

    The same calls give the same bytes, whatever the cut of the batches of `add`, if the calls of `seal` and `forget`
    lie at the same places.

    Parameters
    ----------
    seal_rows
        The open part is sealed when it has so many rows.

    Examples
    --------
    >>> pending = Pending()
    >>> some = np.array([7, 9, 7], np.uint64), np.zeros(3, np.uint64), np.array([5, 6, 7]), np.zeros(3, np.uint32)
    >>> pending.add(*some)
    array([ True,  True, False])
    >>> refs = pending.find(np.array([9, 8], np.uint64))
    >>> refs >= 0
    array([ True, False])
    >>> pending.read(refs[:1]).event_ms
    array([6])
    """

    def __init__(self, seal_rows: int = SEAL_ROWS) -> None:
        if seal_rows < 1:
            msg = f"the open part needs room for a row, not for {seal_rows}"
            raise ValueError(msg)
        self._seal_rows = seal_rows
        self._floors = np.zeros(0, np.int64)
        self._open, self._sealed = Opened(), Sealed()

    def __len__(self) -> int:
        """Return how many entries are here."""
        return self._open.rows + self._sealed.living

    @property
    def nbytes(self) -> int:
        """Memory of all columns and of the index, in bytes; mapped files count."""
        return self._open.nbytes + self._sealed.nbytes + self._floors.nbytes

    def add(
        self,
        hashes: NDArray[np.uint64],
        served: NDArray[np.uint64],
        event_ms: NDArray[np.int64],
        contexts: NDArray[np.uint32],
    ) -> NDArray[np.bool_]:
        """Add entries with state 0 in row order, and say which were added.

        Those are not whose identity is here already, be it from earlier in this batch, nor those below their floor.
        About 0.3 µs a row, with sealing.
        """
        hashes, event_ms = _column(hashes, np.uint64), _column(event_ms, np.int64)
        served, contexts = _column(served, np.uint64), _column(contexts, np.uint32)
        refs = np.empty(len(hashes), np.int64)
        self._sealed.find(hashes, self._floors, refs)
        if len(self._floors):
            refs[event_ms // HOUR_MS < floors_of(self._floors, contexts)] = 0
        return self._open.append(hashes, served, event_ms, contexts, refs)

    def find(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return references of entries, −1 where there is none; they hold until the next `add`, `seal` or `forget`."""
        hashes = _column(hashes, np.uint64)
        refs = np.empty(len(hashes), np.int64)
        self._sealed.find(hashes, self._floors, refs)
        self._open.find(hashes, refs)
        return refs

    def read(self, refs: NDArray[np.int64]) -> Entries:
        """Return what entries hold; ValueError where a reference is none."""
        refs, n = self._checked(refs), len(refs)
        found = Entries(np.empty(n, np.uint64), np.empty(n, np.int64), np.empty(n, np.uint32), np.empty(n, np.uint16))
        read_sealed(self._sealed.table, refs, *found)
        here = np.flatnonzero(refs >> 32 == 0)
        if len(here):
            rows = self._open.columns.take(refs[here])
            found.served[here], found.event_ms[here] = rows.served, rows.event_ms
            found.contexts[here], found.states[here] = rows.contexts, rows.states
        return found

    def mark(self, refs: NDArray[np.int64], states: NDArray[np.uint16]) -> None:
        """Replace the states of entries, in order: the last one of an entry stays."""
        refs, states = self._checked(refs), _column(states, np.uint16)
        mark_sealed(self._sealed.table, refs, states)
        here = np.flatnonzero(refs >> 32 == 0)
        self._open.states[refs[here]] = states[here]

    def seal(self) -> None:
        """Sort the open part into segments by hour if it has `seal_rows` rows; else do nothing.

        Hours for which there is no room (over 65,534 segments) stay in the open part.
        """
        if self._open.rows < self._seal_rows:
            return
        columns = self._open.columns
        hours = columns.event_ms // HOUR_MS
        order = by_hour_and_hash(hours, columns.hashes)
        starts = np.flatnonzero(np.r_[True, np.diff(hours[order]) != 0])
        self._sealed.reserve(len(order))
        left = []
        for rows in np.split(order, starts[1:]):
            if self._sealed.is_full:
                left.append(rows)
            else:
                self._sealed.add(Segment.of(int(hours[rows[0]]), columns.take(rows)), self._floors)
        self._open = (
            Opened.of(columns.take(np.sort(np.concatenate(left)))) if left else Opened(self._seal_rows * 9 // 8)
        )

    def forget(self, floors: NDArray[np.int64]) -> None:
        """Let go of the entries whose hour of event time has ended by the floor of their context.

        Parameters
        ----------
        floors
            For each context, by its number, the event time in milliseconds below which its entries are gone, rounded
            down to a whole hour; a very low number for never. Contexts beyond its end have no floor. A floor never
            falls: the highest that was given holds.
        """
        raised = np.full(max(len(floors), len(self._floors)), NEVER_HOUR, np.int64)
        raised[: len(floors)] = _column(floors, np.int64) // HOUR_MS
        raised[: len(self._floors)] = np.maximum(raised[: len(self._floors)], self._floors)
        if np.array_equal(raised, self._floors):
            return
        self._floors = raised
        self._open = self._open.living(raised)
        self._sealed.forget(raised)

    def census(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return how many entries are here: hour of event time, context and number; a pair may occur more than once.

        O(segments), and the rows of the open part.
        """
        columns = self._open.columns
        pairs = np.column_stack([columns.event_ms // HOUR_MS, columns.contexts.astype(np.int64)])
        distinct, counts = np.unique(pairs, axis=0, return_counts=True)
        parts = [(distinct[:, 0], distinct[:, 1], counts), *self._sealed.census(self._floors)]
        hours, contexts, numbers = (np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True))
        return hours, contexts, numbers

    def encode(self) -> tuple[bytes, dict[str, memoryview]]:
        """Return the state, and the contents of the segments by name (sha256 in hexadecimal).

        The contents are not copied and never change; a name and its content stay the same as long as the segment does.
        """
        compressor = zstandard.ZstdCompressor(level=1)
        segments = [
            _SavedSegment(s.hour, s.named(), s.rows, compressor.compress(s.states.data) if s.states.any() else b"")
            for s in self._sealed
        ]
        saved = _Saved(self._seal_rows, self._floors, *self._open.columns, segments)
        return encode_state(SCHEMA, saved), {s.named(): s.content.data for s in self._sealed}

    @classmethod
    def decode(cls, data: bytes, open_file: Callable[[str], bytes | memoryview]) -> Pending:
        """Return what `encode` was given; contents are used where they lie, and must stay unchanged.

        Raises
        ------
        ValueError
            If the state is of another schema, or a content has another size than the state says.
        """
        saved = decode_state(SCHEMA, data, _Saved)
        pending = cls(saved.seal_rows)
        pending._floors = saved.floors
        pending._open = Opened.of(Columns(saved.hashes, saved.served, saved.event_ms, saved.contexts, saved.states))
        pending._sealed.restore([_restored(segment, open_file(segment.name)) for segment in saved.segments])
        pending._sealed.forget(saved.floors)
        return pending

    def _checked(self, refs: NDArray[np.int64]) -> NDArray[np.int64]:
        refs = _column(refs, np.int64)
        if not are_there(self._sealed.table, self._open.rows, refs):
            msg = "a reference names no entry: it is −1, or from before the last add, seal or forget"
            raise ValueError(msg)
        return refs


def _restored(saved: _SavedSegment, content: bytes | memoryview) -> Segment:
    if saved.states:
        states = np.frombuffer(zstandard.ZstdDecompressor().decompress(saved.states), np.uint16).copy()
    else:
        states = np.zeros(saved.rows, np.uint16)
    segment = Segment(saved.hour, np.frombuffer(content, np.uint8), states).directed()
    segment.name = saved.name
    return segment


def by_hour_and_hash(hours: NDArray[np.int64], hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the order of rows by hour, then by hash.

    >>> by_hour_and_hash(np.array([2, 1, 2]), np.array([7, 9, 5], np.uint64))
    array([1, 2, 0])
    """
    order = order_by_hash(hashes)
    by_hour = hours[order]
    return order if (by_hour == by_hour[0]).all() else order[np.argsort(by_hour, kind="stable")]


def _column(values: NDArray[Scalar], dtype: type[Scalar]) -> NDArray[Scalar]:
    """Return values as compiled code wants them: of this type, contiguous and writable."""
    flags = values.flags
    if values.dtype == dtype and flags.c_contiguous and flags.writeable:
        return values
    return np.require(values, dtype, ["C", "W"])
