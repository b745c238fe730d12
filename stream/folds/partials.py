"""What `measure` tells `decide`: at each tick one message, with sealed sums, forwarded facts, counts and a mark.

A message is a function of its ledger partition up to `to` alone, so a re-sent one has equal bytes, and `decide` takes
of each partition only what is above its last accepted `(to, part)` (docs/architecture.md, rules 2 and 7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 600_000


class Partial(msgspec.Struct, frozen=True, array_like=True):
    """The sums of one sealed key: rows of one pane, version and segment that one ledger partition saw together.

    `cells`, `sums`, `lows`, `highs` are laid out by ``layout.Layout`` of the lineage, `task_cells` and `task_sums`
    by the task's sums in ``detectors.performance``; floats have 8 bytes, integers `width`, little endian. `levels`
    counts categories by name while there is no reference. `pairs`: for each shadow version the number, sum and sum of
    squares of loss differences. `products`: of keys of all rows, sums of products of pairs of features, as
    `detectors.panel.joint.pair_sums` has them, and the number of outliers; integers, empty without pairs. `classes` and
    `confusion` are those of ``detectors.confusion.Confusion``, the cells as int64; empty for other tasks. `width`:
    bytes of an integer of `cells`, `task_cells` and `products`, the fewest of 1, 2, 4 and 8 that hold them.
    """

    lineage: str
    version: str
    segment_key: str
    segment_value: str
    pane_ms: int
    opened: int
    cells: bytes
    sums: bytes
    lows: bytes
    highs: bytes
    task_cells: bytes
    task_sums: bytes
    levels: dict[str, dict[str, int]]
    pairs: dict[str, tuple[int, float, float]]
    products: bytes = b""
    classes: tuple[str, ...] = ()
    confusion: bytes = b""
    width: int = 8

    def integers(self, part: bytes) -> NDArray[np.int64]:
        """Return the numbers of `cells`, `task_cells` or `products`."""
        return np.frombuffer(part, f"<i{self.width}").astype(np.int64)

    def widened(self) -> Partial:
        """Return the same sums with integers of 8 bytes."""
        parts = {name: self.integers(getattr(self, name)).tobytes() for name in ("cells", "task_cells", "products")}
        return msgspec.structs.replace(self, width=8, **parts)


class Forwarded(msgspec.Struct, frozen=True, array_like=True):
    """A fact of the ledger that `decide` must know: a spec, a command, or a record of topic `models`."""

    topic: str
    key: bytes
    value: bytes


class Count(msgspec.Struct, frozen=True, array_like=True):
    """Cumulated fates of one kind of event of one producer in one ledger partition."""

    model: str
    kind: str
    source: str
    received: int
    used: int
    duplicate: int
    late_used: int
    invalid: int
    unmatched: int
    pending: int


class Fate(msgspec.Struct, frozen=True, array_like=True):
    """An event that was not simply used, where it is, and why."""

    topic: str
    partition: int
    place: int
    model: str
    prediction_id: str
    kind: str
    fate: str
    reason: str


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """How far one ledger partition has come for one lineage.

    `watermark_ms` is the time before which no more rows are expected; `idle` says that none is expected at all for now.
    `start_ms` is where the lineage began here: panes before it hold only a part of their rows. `labels_behind` says
    that labels are known to lie in Kafka unread, so that nothing is mature yet.
    """

    lineage: str
    monitor: str
    model: str
    watermark_ms: int
    idle: bool
    start_ms: int
    labels_behind: bool = False


class Message(msgspec.Struct, frozen=True, array_like=True):
    """One part of what a ledger partition has to say at a tick; marks are in the last part.

    `epoch` is the last command ``begin`` that the partition folded (0: none): its time in milliseconds. Positions of
    another epoch may be those of another log.
    """

    partition: int
    start: int
    to: int
    part: int
    parts: int
    clock_ms: int
    sealed: tuple[Partial, ...] = ()
    facts: tuple[Forwarded, ...] = ()
    counts: tuple[Count, ...] = ()
    fates: tuple[Fate, ...] = ()
    marks: tuple[Mark, ...] = ()
    epoch: int = 0


_IN_PARTS = ("facts", "sealed", "fates")
_decoder = msgspec.msgpack.Decoder(Message)
_encoder = msgspec.msgpack.Encoder()


def encode_messages(message: Message) -> list[bytes]:
    """Return the records of a message: one, or several parts if it is above MAX_BYTES.

    >>> [decode_message(b).part for b in encode_messages(Message(0, 0, 9, 0, 1, 5))]
    [0]
    """
    packed = {name: [msgspec.Raw(_encoder.encode(item)) for item in getattr(message, name)] for name in _IN_PARTS}
    if sum(len(raw) for raws in packed.values() for raw in raws) <= MAX_BYTES:
        whole = _encoder.encode(_with(message, packed))
        if len(whole) <= MAX_BYTES:
            return [whole]
    pieces = list(_pieces(message, packed))
    return [
        _encoder.encode(msgspec.structs.replace(piece, part=i, parts=len(pieces))) for i, piece in enumerate(pieces)
    ]


def decode_message(value: bytes) -> Message:
    """Return the message of a record of topic `partials`; msgspec.DecodeError if it holds none."""
    return _decoder.decode(value)


def _pieces(message: Message, packed: Mapping[str, Sequence[msgspec.Raw]]) -> Iterator[Message]:
    """Cut a message: facts first, then sums and fates in order, counts and marks last."""
    bare = msgspec.structs.replace(message, sealed=(), facts=(), counts=(), fates=(), marks=())
    for name in _IN_PARTS:
        for some in _cut(packed[name]):
            yield _with(bare, {name: some})
    yield msgspec.structs.replace(bare, counts=message.counts, marks=message.marks)


def _with(message: Message, packed: Mapping[str, Sequence[msgspec.Raw]]) -> Message:
    """Return a message with fields that are encoded already: they stand in it as they are."""
    return msgspec.structs.replace(message, **{name: tuple(raws) for name, raws in packed.items()})


def _cut(raws: Sequence[msgspec.Raw]) -> Iterator[list[msgspec.Raw]]:
    batch: list[msgspec.Raw] = []
    size = 0
    for raw in raws:
        if batch and size + len(raw) > MAX_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(raw)
        size += len(raw)
    if batch:
        yield batch
