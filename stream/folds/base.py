"""What every fold is: a pure function over one partition of a log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a log partition.

    Attributes
    ----------
    position
        Offset in the partition, 0 or more, strictly rising.
    append_ms
        When the broker stored it (or the producer made it, for topics in producer time), epoch milliseconds.
    key, value
        The bytes on the wire; a record without a value is empty bytes.
    headers
        Name and value of each header, in wire order.
    """

    position: int
    append_ms: int
    value: bytes
    key: bytes = b""
    headers: tuple[tuple[str, bytes], ...] = ()


PADDING = 16
"""Zeros behind the bytes of `Records`: compiled code reads eight at once, and stops at a zero."""

Column = NDArray[np.int64]
Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Records(Sequence[Record]):
    """Records of one log partition as columns over one buffer; also a sequence of `Record`, made on demand.

    Code that must be fast reads the columns; a slice (step 1) is a view, O(1). Two are equal if their records are; so
    is a list of equal records. Nobody writes into the arrays, though they are writable: compiled code would be
    compiled once more for arrays that are not.

    Attributes
    ----------
    data
        All bytes, of keys, values and headers; what lies between them has no meaning. PADDING zeros at its end save a
        copy of it.
    positions, append_ms
        As in `Record`, shape (n,) like all that follow.
    key_at, key_size, value_at, value_size
        Where keys and values begin in `data`, and their bytes; size 0 for what is absent or null.
    headers_at, headers_size, headers_count
        Where the headers of a record are, as Kafka writes them after their count (name and value, each behind its
        size as a zigzag varint, −1 for null); size 0 for none.
    next_position
        All records below it, since the run before, are here; above `positions[-1]` if the log has places without a
        record (marks of transactions, what was aborted or compacted away), and said by runs without any record too.

    Examples
    --------
    >>> records = Records.of([Record(7, 1_000, b"a"), Record(9, 1_001, b"bc", b"k", (("h", b"v"),))])
    >>> records.positions, records.value_size, records.next_position
    (array([7, 9]), array([1, 2]), 10)
    >>> records[1]
    Record(position=9, append_ms=1001, value=b'bc', key=b'k', headers=(('h', b'v'),))
    >>> records[:1].next_position
    9
    """

    data: NDArray[np.uint8]
    positions: Column
    append_ms: Column
    key_at: Column
    key_size: Column
    value_at: Column
    value_size: Column
    headers_at: Column
    headers_size: Column
    headers_count: Column
    next_position: int

    __hash__ = None  # type: ignore[assignment]  # it holds arrays

    @classmethod
    def of(cls, records: Sequence[Record]) -> Records:
        """Return `records` in columns; unchanged if they are already. O(bytes)."""
        if isinstance(records, cls):
            return records
        headers = [headers_of(record.headers) for record in records]
        parts = [
            part for record, tail in zip(records, headers, strict=True) for part in (record.key, record.value, tail)
        ]
        sizes = np.array([len(part) for part in parts], np.int64).reshape(-1, 3).T.copy()
        ends = np.cumsum(sizes.T.ravel()).reshape(-1, 3).T
        at = np.ascontiguousarray(ends - sizes)
        return cls(
            np.frombuffer(bytearray(b"").join((*parts, bytes(PADDING))), np.uint8),
            np.array([record.position for record in records], np.int64),
            np.array([record.append_ms for record in records], np.int64),
            at[0], sizes[0], at[1], sizes[1], at[2], sizes[2],
            np.array([len(record.headers) for record in records], np.int64),
            records[-1].position + 1 if records else 0,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.positions)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Records: ...
    def __getitem__(self, index: int | slice) -> Record | Records:
        if isinstance(index, slice):
            return self._cut(*index.indices(len(self)))
        headers = self._bytes(self.headers_at[index], self.headers_size[index])
        return Record(
            int(self.positions[index]),
            int(self.append_ms[index]),
            self._bytes(self.value_at[index], self.value_size[index]),
            self._bytes(self.key_at[index], self.key_size[index]),
            _headers(headers, int(self.headers_count[index])) if headers else (),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    def __repr__(self) -> str:
        where = f" from {self.positions[0]}" if len(self) else ""
        return f"<{len(self)} records{where}, next {self.next_position}>"

    def _bytes(self, at: np.int64, size: np.int64) -> bytes:
        return self.data[at : at + size].tobytes()

    def _cut(self, start: int, stop: int, step: int) -> Records:
        if step != 1:
            raise ValueError(f"records are cut in runs, so the step must be 1, got {step}")
        stop = max(start, stop)
        following = int(self.positions[stop]) if stop < len(self) else self.next_position
        part = slice(start, stop)
        return Records(
            self.data, self.positions[part], self.append_ms[part], self.key_at[part], self.key_size[part],
            self.value_at[part], self.value_size[part], self.headers_at[part], self.headers_size[part],
            self.headers_count[part], following,
        )  # fmt: skip


def headers_of(headers: Sequence[tuple[str, bytes]]) -> bytes:
    """Return headers as Kafka writes them after their count."""
    return b"".join(map(_header, headers))


def varint(value: int) -> bytes:
    """Return a number of 64 bits as Kafka writes it in a record.

    >>> varint(150).hex(), varint(-1).hex()
    ('ac02', '01')
    """
    rest, found = (value << 1) ^ (value >> 63), bytearray()
    while rest > 127:
        found.append(rest & 127 | 128)
        rest >>= 7
    return bytes((*found, rest))


def _header(header: tuple[str, bytes]) -> bytes:
    name = header[0].encode()
    return varint(len(name)) + name + varint(len(header[1])) + header[1]


def _headers(data: bytes, count: int) -> Headers:
    found, at = [], 0
    for _ in range(count):
        size, at = _read_varint(data, at)
        name, at = data[at : at + size].decode(errors="replace"), at + size
        size, at = _read_varint(data, at)
        found.append((name, data[at : at + max(size, 0)]))
        at += max(size, 0)
    return tuple(found)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while data[at] > 127:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
    value |= data[at] << shift
    return (value >> 1) ^ -(value & 1), at + 1


@dataclass(frozen=True, slots=True)
class Output:
    """One record that a fold writes.

    Attributes
    ----------
    topic
        The topic's name in the topology, without the prefix.
    partition
        Where it goes; ``None`` leaves it to murmur2 of the key.
    """

    topic: str
    value: bytes
    key: bytes = b""
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


Content = bytes | memoryview
OpenFile = Callable[[str], Content]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A fold's state as bytes.

    Attributes
    ----------
    data
        What changes, with the version of its schema.
    files
        What never changes again once it is there, by name; a name that was written before is not written again.
    """

    data: bytes
    files: Mapping[str, Content] = field(default_factory=dict)


def no_file(name: str) -> Content:
    """Raise ValueError: what opens the files of a state that has none."""
    raise ValueError(f"no file {name} belongs to this state")


class Fold(Protocol[State]):
    """A pure function over a log: same records, same state and outputs, whatever the cuts.

    For all runs ``a`` and ``b``, ``step(s, a + b)`` and ``step(s, a); step(s, b)`` leave equal states and give equal
    outputs, and so does ``decode(encode(s))`` in place of ``s``.
    """

    def start(self) -> State:
        """Return the state before the first record."""
        ...

    def step(self, state: State, run: Sequence[Record]) -> list[Output]:
        """Fold a run into `state`, in place, and return what it settles, in order."""
        ...

    def encode(self, state: State) -> Snapshot:
        """Return the state as bytes; it may be folded on at once."""
        ...

    def decode(self, data: bytes, open_file: OpenFile) -> State:
        """Return the state that `encode` was given; ValueError on another schema.

        `open_file` gives the content of a snapshot's file; it must stay unchanged while the state is in use.
        """
        ...
