"""The fold `bridge`: KServe's inference log to predictions; each request waits for its response, within bounds.

It writes to the public topic `predictions`, as any producer does: what it writes twice is a duplicate there, since ids
and times depend on the log alone. Both halves must be in one partition (docs/events.md); a half whose other one lies
elsewhere is let go as if that had never come.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
from streamgauge import mend
from streamgauge.cloudevents import unwrap
from streamgauge.errors import RefusedError
from streamgauge.events import Code, PredictionEvent, Refusal
from streamgauge.kserve import Half, is_inference, join, read_half
from streamgauge.wire import LINES_HEADERS, encode

from stream.folds.arrays import decode_state, encode_state
from stream.folds.base import OpenFile, Output, Record, Snapshot, no_file
from stream.folds.blocks import Source
from stream.folds.deadletters import dead_letter

TOPIC: Final = "inference"
SCHEMA: Final = 1
MAX_EVENT_BYTES: Final = 512 * 1024  # what half a ledger record surely holds
MAX_RECORD_BYTES: Final = 2 * 1024 * 1024  # half of what `predictions` takes

Key = tuple[str, ...]


class Waiting(msgspec.Struct, frozen=True, array_like=True):
    """A half that waits for the other one.

    Attributes
    ----------
    since_ms
        Log clock when it came.
    position, append_ms, size
        Its record: offset, time, bytes of the value.
    """

    half: Half
    since_ms: int
    position: int
    append_ms: int
    size: int


class Counts(msgspec.Struct):
    """Where all records went: received = 2 paired + duplicates + lone requests and responses + refused + waiting."""

    received: int = 0
    paired: int = 0
    duplicates: int = 0
    lone_requests: int = 0
    lone_responses: int = 0
    refused: int = 0


@dataclass(slots=True)
class BridgeState:
    """What the bridge remembers of its partition.

    Attributes
    ----------
    clock_ms
        Running maximum of append time.
    waiting
        Halves, by request, the oldest first.
    waiting_bytes
        Their records' bytes.
    paired
        Requests that were paired, with the log clock: what comes once more is a duplicate.
    """

    clock_ms: int = 0
    waiting: OrderedDict[Key, Waiting] = field(default_factory=OrderedDict)
    waiting_bytes: int = 0
    paired: OrderedDict[Key, int] = field(default_factory=OrderedDict)
    counts: Counts = field(default_factory=Counts)


class _Encoded(msgspec.Struct, array_like=True):
    clock_ms: int
    waiting: list[Waiting]
    paired: list[tuple[Key, int]]
    counts: Counts


@dataclass(frozen=True, slots=True)
class Bridge:
    """Pairs the records of one partition of `inference`.

    What is not paired within the bounds is let go, the oldest first: a request as predictions without answer,
    a response as a dead letter.

    Parameters
    ----------
    partition
        Its number.
    wait_ms
        How long a half waits, and how long a pair is remembered, on the log's clock.
    max_waiting, max_bytes
        How many halves wait, and pairs are remembered, and how many bytes wait.
    """

    partition: int
    wait_ms: int = 300_000
    max_waiting: int = 20_000
    max_bytes: int = 64 * 1024 * 1024

    def start(self) -> BridgeState:
        """Return the state before the first record."""
        return BridgeState()

    def step(self, state: BridgeState, run: Sequence[Record]) -> list[Output]:
        """Fold a run into `state`, in place, and return predictions and dead letters, in order."""
        return [output for record in run for output in self._take(state, record)]

    def encode(self, state: BridgeState) -> Snapshot:
        """Return the state as bytes."""
        encoded = _Encoded(state.clock_ms, list(state.waiting.values()), list(state.paired.items()), state.counts)
        return Snapshot(encode_state(SCHEMA, encoded))

    def decode(self, data: bytes, open_file: OpenFile = no_file) -> BridgeState:
        """Return the state that `encode` was given; ValueError on another schema."""
        found = decode_state(SCHEMA, data, _Encoded)
        waiting = OrderedDict((_key(each.half), each) for each in found.waiting)
        size = sum(each.size for each in found.waiting)
        return BridgeState(found.clock_ms, waiting, size, OrderedDict(found.paired), found.counts)

    def _take(self, state: BridgeState, record: Record) -> Iterator[Output]:
        state.clock_ms = max(state.clock_ms, record.append_ms)
        state.counts.received += 1
        yield from self._let_go(state)
        try:
            half = _read(record)
        except RefusedError as error:
            state.counts.refused += 1
            refusal = msgspec.structs.replace(error.refusal, excerpt=mend.excerpt(record.value), size=len(record.value))
            yield self._dead_letter(record.position, 0, record.append_ms, refusal)
            return
        arrived = Waiting(half, state.clock_ms, record.position, record.append_ms, len(record.value))
        yield from self._pair(state, arrived)
        yield from self._let_go(state)

    def _pair(self, state: BridgeState, arrived: Waiting) -> Iterator[Output]:
        key = _key(arrived.half)
        other = state.waiting.get(key)
        if key in state.paired or (other is not None and other.half.is_request == arrived.half.is_request):
            state.counts.duplicates += 1
        elif other is None:
            state.waiting[key] = arrived
            state.waiting_bytes += arrived.size
        else:
            _forget(state, key)
            state.paired[key] = state.clock_ms
            state.counts.paired += 1
            request, response = (arrived, other) if arrived.half.is_request else (other, arrived)
            yield from self._predictions(request, response)

    def _let_go(self, state: BridgeState) -> Iterator[Output]:
        """Let go of what is above the bounds, the oldest first."""
        old = state.clock_ms - self.wait_ms
        while state.waiting:
            key, oldest = next(iter(state.waiting.items()))
            is_full = len(state.waiting) > self.max_waiting or state.waiting_bytes > self.max_bytes
            if oldest.since_ms > old and not is_full:
                break
            _forget(state, key)
            yield from self._alone(state, oldest)
        while state.paired:
            key, since_ms = next(iter(state.paired.items()))
            if since_ms > old and len(state.paired) <= self.max_waiting:
                break
            del state.paired[key]

    def _alone(self, state: BridgeState, left: Waiting) -> Iterator[Output]:
        if left.half.is_request:
            state.counts.lone_requests += 1
            yield from self._predictions(left, None)
            return
        state.counts.lone_responses += 1
        yield self._dead_letter(left.position, 0, left.append_ms, _unpaired(left, self.wait_ms))

    def _predictions(self, request: Waiting, response: Waiting | None) -> Iterator[Output]:
        """Yield the request's rows as records of predictions, and dead letters for what is none."""
        try:
            found = list(join(request.half, response.half if response is not None else None))
        except RefusedError as error:
            at = request if response is None else response
            refusal = msgspec.structs.replace(error.refusal, model=request.half.model, source=request.half.source)
            yield self._dead_letter(at.position, 0, at.append_ms, refusal)
            yield from self._predictions(request, None)
            return
        lines: list[bytes] = []
        for line, event in enumerate(found):
            told = _line(event)
            if isinstance(told, Refusal):
                yield self._dead_letter(request.position, line, request.append_ms, told)
            else:
                lines.append(told)
        for part in _parts(lines):
            yield Output("predictions", b"\n".join(part), request.half.id.encode(), None, LINES_HEADERS)

    def _dead_letter(self, offset: int, line: int, at_ms: int, refusal: Refusal) -> Output:
        return dead_letter(Source(TOPIC, "", self.partition), offset, line, at_ms, refusal)


def _key(half: Half) -> Key:
    return (half.id, *half.sender)


def _forget(state: BridgeState, key: Key) -> None:
    state.waiting_bytes -= state.waiting.pop(key).size


def _read(record: Record) -> Half:
    event = unwrap(record.value, record.headers)
    if event is None:
        hint = "send KServe's CloudEvents with their ce_ headers; predictions of your own go to the topic predictions"
        raise RefusedError(mend.refused(Code.NOT_CLOUDEVENT, "the record is no CloudEvent", hint, b""))
    if not is_inference(event.type):
        message = f"a CloudEvent of type {event.type[:256]} is no inference of KServe"
        raise RefusedError(mend.refused(Code.WRONG_TOPIC, message, "write it to the topic predictions", b""))
    return read_half(event, record.append_ms)


def _unpaired(left: Waiting, wait_ms: int) -> Refusal:
    half = left.half
    return Refusal(
        code=Code.UNPAIRED,
        field="",
        message=f"no request {half.id[:256]} within {wait_ms / 1000:g} s in this partition",
        hint="log requests and responses (mode: all), both halves to one partition",
        model=half.model,
        source=half.source,
        size=left.size,
    )


def _line(event: PredictionEvent | Refusal) -> bytes | Refusal:
    if isinstance(event, Refusal):
        return event
    line = encode(event)
    if len(line) <= MAX_EVENT_BYTES:
        return line
    message = f"an event of {len(line)} bytes, above {MAX_EVENT_BYTES}"
    refusal = mend.refused(Code.TOO_LARGE, message, "log fewer or shorter features", line)
    return msgspec.structs.replace(refusal, model=event.model, source=event.source)


def _parts(lines: Sequence[bytes]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for line in lines:
        if part and size + len(line) > MAX_RECORD_BYTES:
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line) + 1
    if part:
        yield part
