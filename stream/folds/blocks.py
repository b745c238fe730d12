"""The ledger's records: blocks of rows in columns, ticks and facts, each naming the range of its source that it covers.

A *position in a source* is one integer, ``offset << 16 | line``: many events may share a Kafka record (JSON lines), and
ranges must be cut between them. A range is half open on the left, ``(start, to]`` (docs/architecture.md, rule 2).
"""

from __future__ import annotations

import msgspec

from stream.folds.frame import Frame

LINE_BITS = 16
LAST_LINE = (1 << LINE_BITS) - 1


def place(offset: int, line: int = 0) -> int:
    """Return the position in its source of the event on `line` of the record at `offset`.

    >>> place(3, 2) == (3 << 16) + 2
    True
    """
    return offset << LINE_BITS | line


def end_of(offset: int) -> int:
    """Return the position in its source that covers all lines of the record at `offset`."""
    return offset << LINE_BITS | LAST_LINE


class Source(msgspec.Struct, frozen=True, array_like=True):
    """A partition that intake reads: topic, the broker's id of that topic, partition number."""

    topic: str
    topic_id: str
    partition: int


class Block(msgspec.Struct, frozen=True, array_like=True, tag="block"):
    """Rows of one source partition for one ledger partition, covering ``(start, to]`` of the source."""

    source: Source
    start: int
    to: int
    frame: Frame


class Fact(msgspec.Struct, frozen=True, array_like=True, tag="fact"):
    """A record of a control topic (specs, commands, models), carried into the ledger as it is.

    `topic` of the source says what it is; `key` and `value` are the record's own bytes.
    """

    source: Source
    start: int
    to: int
    key: bytes
    value: bytes


class Covered(msgspec.Struct, frozen=True, array_like=True):
    """How far intake has read a source: all of ``(start, to]`` is in the ledger.

    `end` is the position of its log's end; `start` is where the worker began to read when the source was assigned to
    it: what lies between it and what was read before is lost. `partitions`: of its topic, 0 if that is not told.
    """

    source: Source
    to: int
    end: int
    start: int = -1
    partitions: int = 0


class Tick(msgspec.Struct, frozen=True, array_like=True, tag="tick"):
    """Once a second from each intake worker: what it owns, and how far that is read."""

    worker: str
    covered: tuple[Covered, ...]


Entry = Block | Fact | Tick
_decoder: msgspec.msgpack.Decoder[Entry] = msgspec.msgpack.Decoder(Block | Fact | Tick)
_encoder = msgspec.msgpack.Encoder()


def encode_entry(entry: Entry) -> bytes:
    """Return a ledger record's value.

    >>> decode_entry(encode_entry(Tick("w", ())))
    Tick(worker='w', covered=())
    """
    return _encoder.encode(entry)


def decode_entry(value: bytes) -> Entry:
    """Return the entry of a ledger record; msgspec.DecodeError if it is none."""
    return _decoder.decode(value)
