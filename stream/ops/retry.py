"""Send what dead letters are about once more: the original bytes, to the topic where they were."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import get_args

import msgspec
from kafka.producer.future import FutureRecordMetadata as Future
from streamgauge.events import Kind, Refusal
from streamgauge.kafka_client import KafkaProducer
from streamgauge.wire import LINES, content_type_of, decode

from stream.folds.base import Record
from stream.ops.controls import TIMEOUT_S
from stream.ops.deadletters import RETRIED, Found, Letter, Original, Which, letters, originals
from stream.runtime.lag import LagView, lag_view
from stream.runtime.port import TopicPartition
from stream.settings import Settings
from stream.topology import DEAD_LETTERS, INTAKE, SCORE, kafka_name

HEADER = "retried-from"
"""Header of a record that was sent again: the id of its dead letter's record."""

POLL_S = 0.1
_KINDS: tuple[Kind, ...] = get_args(Kind)


class Fate(StrEnum):
    """What became of one dead letter in a retry."""

    ACCEPTED = "accepted"  # sent again, and read without another letter
    REFUSED = "refused again"  # sent again, and there is another letter
    UNKNOWN = "not read yet"  # sent again, and the fold has not come to it in time
    WOULD = "would be sent"  # a dry run
    STILL = "still refused"  # not sent: it would be refused as it was
    BEFORE = "retried before"  # not sent: an earlier retry did
    GONE = "gone"  # not sent: its record is not kept any more
    INTERNAL = "not retried"  # not sent: its topic is none that producers write to


@dataclass(frozen=True, slots=True)
class Outcome:
    """One letter after a retry; `sent_as` is where it was sent, `why` a sentence where it was not accepted."""

    id: str
    fate: Fate
    sent_as: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Parcel:
    """One record to send, and the letters that it answers."""

    topic: str
    partition: int
    value: bytes
    record: Record
    of: tuple[Found, ...]


@dataclass(slots=True)
class _Sorted:
    outcomes: list[Outcome] = field(default_factory=list)
    parcels: list[_Parcel] = field(default_factory=list)


def retry(
    settings: Settings, which: Which, *, force: bool = False, dry_run: bool = False, wait_s: float = 30.0
) -> list[Outcome]:
    """Send the events of dead letters again, each once, and say what became of them.

    A record of JSON lines is sent with the refused lines alone; another with several events goes whole, and those that
    counted before count as duplicates. The record has the header ``retried-from``. A mark in the topic
    ``dead-letters`` remembers that it was sent, so that a later retry does not send it again; killed between the two,
    the next one does, and the event counts as a duplicate.

    Parameters
    ----------
    force
        Send also what would be refused as it was.
    dry_run
        Send nothing.
    wait_s
        How long intake or score may take to read what was sent.
    """
    found = letters(settings, which).found
    sorted_ = _sort(settings, found, force=force)
    if dry_run or not sorted_.parcels:
        would = [Outcome(f.letter.id, Fate.WOULD) for parcel in sorted_.parcels for f in parcel.of]
        return [*sorted_.outcomes, *would]
    since_ms = time.time_ns() // 1_000_000 - 60_000  # clocks differ
    sent = _send(settings, sorted_.parcels)
    return [*sorted_.outcomes, *_wait(settings, sent, since_ms, wait_s)]


def _sort(settings: Settings, found: Sequence[Found], *, force: bool) -> _Sorted:
    """Part letters into what can be sent and what cannot."""
    sorted_ = _Sorted()
    open_: list[Found] = []
    for one in found:
        if one.letter.topic not in _KINDS:
            why = f"what cannot be read in {one.letter.topic} is mended where it was written"
            sorted_.outcomes.append(Outcome(one.letter.id, Fate.INTERNAL, why=why))
        elif one.sent_as:
            sorted_.outcomes.append(Outcome(one.letter.id, Fate.BEFORE, one.sent_as))
        else:
            open_.append(one)
    records = originals(settings, (one.letter for one in open_))
    by_record: dict[tuple[TopicPartition, int], list[Found]] = {}
    for one in open_:
        by_record.setdefault((one.letter.tp, one.letter.offset), []).append(one)
    for place, some in by_record.items():
        _sort_record(sorted_, some, records.get(place), force=force)
    return sorted_


def _sort_record(sorted_: _Sorted, some: list[Found], original: Original | None, *, force: bool) -> None:
    if original is None or not original.is_same:
        why = "its record is not kept any more" if original is None else "the topic was made again since"
        sorted_.outcomes += [Outcome(one.letter.id, Fate.GONE, why=why) for one in some]
        return
    record, sending = original.record, []
    for one in some:
        refusal = still_refused(one.letter, record)
        if refusal is None or force:
            sending.append(one)
        else:
            sorted_.outcomes.append(Outcome(one.letter.id, Fate.STILL, why=f"{refusal.message} {refusal.hint}".strip()))
    if sending:
        tp = sending[0].letter.tp
        value = value_of(record, sorted({one.letter.line for one in sending}))
        sorted_.parcels.append(_Parcel(tp.topic, tp.partition, value, record, tuple(sending)))


def still_refused(letter: Letter, record: Record) -> Refusal | None:
    """Return why the event of a letter would be refused now, or None if it would be read.

    >>> bad = Letter(topic="labels", partition=0, offset=0)
    >>> still_refused(bad, Record(0, 0, b"{")).code.value
    'not-json'
    """
    events = decode(_kind(letter.topic), record.value, record.headers)
    now = events[letter.line] if letter.line < len(events) else events[0]
    return now if isinstance(now, Refusal) else None


def value_of(record: Record, lines: Sequence[int]) -> bytes:
    r"""Return what to send: the lines asked for of a record of JSON lines, else all of it.

    Lines in a CloudEvent stay together, for its envelope speaks of all of them.

    >>> value_of(Record(0, 0, b"a\n\nb\nc", headers=(("content-type", b"application/x-ndjson"),)), [1])
    b'b'
    """
    is_wrapped = any(name.startswith("ce_") for name, _ in record.headers)
    if is_wrapped or content_type_of(record.headers) != LINES:
        return record.value
    there = [line for line in record.value.split(b"\n") if line and not line.isspace()]
    return b"\n".join(there[i] for i in lines if i < len(there)) or record.value


def _kind(topic: str) -> Kind:
    return next(kind for kind in _KINDS if kind == topic)


def _send(settings: Settings, parcels: Sequence[_Parcel]) -> dict[tuple[TopicPartition, int], _Parcel]:
    """Send records and their marks, some at a time; return where each is."""
    sent = {}
    with _producer(settings) as producer:
        for start in range(0, len(parcels), 100):
            some = parcels[start : start + 100]
            futures = [_hand_over(producer, settings, parcel) for parcel in some]
            for parcel, future in zip(some, futures, strict=True):
                at = future.get(timeout=TIMEOUT_S).offset
                sent[TopicPartition(parcel.topic, parcel.partition), at] = parcel
                _mark(producer, settings, parcel, f"{parcel.topic}/{parcel.partition}/{at}")
            producer.flush(TIMEOUT_S)
    return sent


@contextmanager
def _producer(settings: Settings) -> Iterator[KafkaProducer]:
    producer = KafkaProducer(
        bootstrap_servers=settings.kafka.bootstrap.split(","), acks="all", max_request_size=8 << 20
    )
    try:
        yield producer
    finally:
        producer.close()


def _hand_over(producer: KafkaProducer, settings: Settings, parcel: _Parcel) -> Future:
    record, place = parcel.record, f"{parcel.topic}/{parcel.partition}/{parcel.record.position}"
    headers = [pair for pair in record.headers if pair[0] != HEADER]
    return producer.send(
        kafka_name(settings.kafka.prefix, parcel.topic), parcel.value, record.key or None,
        headers=[*headers, (HEADER, place.encode())], partition=parcel.partition,
    )  # fmt: skip


def _mark(producer: KafkaProducer, settings: Settings, parcel: _Parcel, sent_as: str) -> None:
    """Remember that letters were retried: a record in their topic that is about them."""
    for one in parcel.of:
        mark = Letter(
            topic=DEAD_LETTERS.name, partition=one.partition, offset=one.position, reason=RETRIED,
            message=f"{one.letter.id} was sent again as {sent_as}", at_ms=time.time_ns() // 1_000_000,
            retried=one.letter.id, sent_as=sent_as,
        )  # fmt: skip
        name = kafka_name(settings.kafka.prefix, DEAD_LETTERS)
        producer.send(name, msgspec.json.encode(mark), one.letter.model.encode() or None, partition=one.partition)


def _wait(
    settings: Settings, sent: Mapping[tuple[TopicPartition, int], _Parcel], since_ms: int, wait_s: float
) -> Iterator[Outcome]:
    """Yield what became of what was sent, once the folds have read it or the time is over."""
    ends: dict[TopicPartition, int] = {}
    for tp, at in sent:
        ends[tp] = max(ends.get(tp, 0), at + 1)
    with lag_view(settings) as view:
        done = _done(view, ends)
        deadline = time.monotonic() + wait_s
        while any(done.get(tp, 0) < end for tp, end in ends.items()) and time.monotonic() < deadline:
            time.sleep(POLL_S)
            done = _done(view, ends)
    again = {(f.letter.tp, f.letter.offset): f.letter for f in letters(settings, Which(since_ms=since_ms)).found}
    for (tp, at), parcel in sent.items():
        outcome = Outcome("", Fate.ACCEPTED, f"{tp.topic}/{tp.partition}/{at}")
        if (letter := again.get((tp, at))) is not None:
            outcome = replace(outcome, fate=Fate.REFUSED, why=f"{letter.message} {letter.hint}".strip())
        elif done.get(tp, 0) <= at:
            outcome = replace(outcome, fate=Fate.UNKNOWN, why="its worker has not come to it; see `streamgauge lag`")
        yield from (replace(outcome, id=one.letter.id) for one in parcel.of)


def _done(view: LagView, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
    """Return how far the folds are that read the topics."""
    folds = {fold.name for fold in (SCORE, INTAKE) for tp in ends if tp.topic in fold.reads}
    return {tp: offset for fold in folds for tp, offset in view.done(fold).items()}
