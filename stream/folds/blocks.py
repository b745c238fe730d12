"""The ledger's records: blocks of rows in columns, ticks and facts, each naming the range of its source that it covers.

A *position in a source* is one integer, ``offset << 16 | line``: many events may share a Kafka record (JSON lines), and
ranges must be cut between them. A range is half open on the left, ``(start, to]`` (docs/architecture.md, rule 2).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.folds.frame import Frame

LINE_BITS = 16
LAST_LINE = (1 << LINE_BITS) - 1

# Codes of a value that is not one of its column's levels.
MISSING, INVALID, NUMBER = -1, -2, -3

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


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


class Column(msgspec.Struct, frozen=True, array_like=True):
    """Values of one name, ``n`` long: numbers, texts, or both, with what is missing and what is invalid.

    Attributes
    ----------
    numbers
        float64 little endian, NaN where the value is no number; empty if no value is a number.
    codes
        int32 little endian: an index into `levels`, or MISSING, INVALID, NUMBER; empty if all are numbers.
    levels
        The distinct texts, in order of first appearance.
    """

    name: str
    numbers: bytes
    codes: bytes
    levels: tuple[str, ...]

    def number_array(self, n: int) -> Floats:
        """Return the numbers, ``(n,)``, NaN where the value is no number."""
        return np.frombuffer(self.numbers, "<f8") if self.numbers else np.full(n, np.nan)

    def code_array(self, n: int) -> NDArray[np.int32]:
        """Return the codes, ``(n,)``; all NUMBER if every value is one."""
        return np.frombuffer(self.codes, "<i4") if self.codes else np.full(n, NUMBER, np.int32)


class Rows(msgspec.Struct, frozen=True, array_like=True):
    """Events of one model and one kind, in source order, as columns of length ``n``.

    Attributes
    ----------
    kind
        ``prediction`` or ``label``.
    positions
        Positions in the source, int64, strictly rising.
    event_ms
        Event times, epoch milliseconds, int64.
    ids
        The events' prediction_id.
    version, source
        Serving version (empty: none served) and the producer's name (empty: not said), as text columns.
    label
        Predicted class or value in a prediction, truth in a label. Booleans are the numbers 0 and 1.
    lane
        Of labels: ``truth`` or ``feedback``, as a text column without numbers.
    score, latency_ms
        float64, NaN where absent; empty bytes if absent everywhere.
    shadow
        Version and its scores, as `score`.
    features
        One column for each feature name that any row carries, by name.
    """

    kind: str
    model: str
    n: int
    positions: bytes
    event_ms: bytes
    ids: tuple[str, ...]
    version: Column
    source: Column
    label: Column
    lane: Column
    score: bytes
    latency_ms: bytes
    shadow: tuple[tuple[str, bytes], ...]
    features: tuple[Column, ...]

    def position_array(self) -> Ints:
        """Return the positions in the source, ``(n,)``."""
        return np.frombuffer(self.positions, "<i8")

    def event_array(self) -> Ints:
        """Return the event times in milliseconds, ``(n,)``."""
        return np.frombuffer(self.event_ms, "<i8")


class Block(msgspec.Struct, frozen=True, array_like=True, tag="rows"):
    """Rows of one source partition for one ledger partition, covering ``(start, to]`` of the source."""

    source: Source
    start: int
    to: int
    parts: tuple[Rows, ...]


class FrameBlock(msgspec.Struct, frozen=True, array_like=True, tag="block"):
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
    it: what lies between it and what was read before is lost.
    """

    source: Source
    to: int
    end: int
    start: int = -1


class Tick(msgspec.Struct, frozen=True, array_like=True, tag="tick"):
    """Once a second from each intake worker: what it owns, and how far that is read."""

    worker: str
    covered: tuple[Covered, ...]


Entry = Block | FrameBlock | Fact | Tick
_decoder: msgspec.msgpack.Decoder[Entry] = msgspec.msgpack.Decoder(Block | FrameBlock | Fact | Tick)
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


def number_column(name: str, values: Sequence[float] | Floats) -> Column:
    """Return a column of numbers; NaN is invalid, not missing."""
    numbers = np.asarray(values, np.float64)
    bad = ~np.isfinite(numbers)
    if not bad.any():
        return Column(name, numbers.tobytes(), b"", ())
    return Column(
        name,
        np.where(bad, np.nan, numbers).tobytes(),
        np.where(bad, INVALID, NUMBER).astype("<i4").tobytes(),
        (),
    )


def text_column(name: str, values: Sequence[str]) -> Column:
    """Return a column of texts.

    >>> text_column("carrier", ["UA", "AA", "UA"]).code_array(3)
    array([0, 1, 0], dtype=int32)
    """
    levels: dict[str, int] = {}
    codes = [levels.setdefault(value, len(levels)) for value in values]
    return Column(name, b"", np.array(codes, "<i4").tobytes(), tuple(levels))
