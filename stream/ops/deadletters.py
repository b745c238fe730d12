"""Dead letters: which there are, and the records that they are about."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from stream.folds.base import Record
from stream.runtime.file_port import KafkaReader
from stream.runtime.port import LogError, TopicPartition
from stream.settings import Settings
from stream.topology import DEAD_LETTERS, TOPIC

RETRIED = "retried"
"""Reason of the mark that a retry leaves in the topic: what it is about is the letter, not an event."""

_NEAR = 500  # records between two wanted ones that are rather read than skipped by a fetch of their own


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the topic `dead-letters`, as far as it is needed; see `stream.folds.deadletters.DeadLetter`.

    Attributes
    ----------
    retried, sent_as
        Of the mark of a retry: the id of the letter, and the position that its event was sent to.
    """

    topic: str
    partition: int
    offset: int
    line: int = 0
    reason: str = ""
    field: str = ""
    message: str = ""
    hint: str = ""
    excerpt: str = ""
    model: str = ""
    source: str = ""
    size: int = 0
    at_ms: int = 0
    retried: str = ""
    sent_as: str = ""

    @property
    def id(self) -> str:
        """Return topic, partition, offset and line of what could not be read."""
        return f"{self.topic}/{self.partition}/{self.offset}/{self.line}"

    @property
    def tp(self) -> TopicPartition:
        """Return the partition of what could not be read."""
        return TopicPartition(self.topic, self.partition)


@dataclass(frozen=True, slots=True)
class Found:
    """A letter, and where it lies in topic `dead-letters`; `sent_as` is where a retry sent its event, else empty."""

    letter: Letter
    partition: int
    position: int
    sent_as: str = ""


@dataclass(frozen=True, slots=True)
class Which:
    """Which letters are wanted; empty: any.

    Attributes
    ----------
    ids
        ``topic/partition/offset`` of a record, or with ``/line`` of one event in it.
    since_ms
        Stored then or later, epoch milliseconds.
    """

    ids: frozenset[str] = frozenset()
    reason: str = ""
    source: str = ""
    model: str = ""
    topic: str = ""
    since_ms: int = 0

    @property
    def is_any(self) -> bool:
        """Whether nothing is left out."""
        return self == Which()

    def takes(self, letter: Letter) -> bool:
        """Say whether a letter is wanted.

        >>> letter = Letter(topic="labels", partition=1, offset=7, reason="not-json")
        >>> Which(ids=frozenset({"labels/1/7"})).takes(letter), Which(reason="bad-time").takes(letter)
        (True, False)
        """
        named = (
            (self.reason, letter.reason), (self.source, letter.source),
            (self.model, letter.model), (self.topic, letter.topic),
        )  # fmt: skip
        if any(wanted and wanted != found for wanted, found in named):
            return False
        return not self.ids or letter.id in self.ids or letter.id.rpartition("/")[0] in self.ids


@dataclass(frozen=True, slots=True)
class Listing:
    """What was found.

    Attributes
    ----------
    found
        The newest letters, oldest first.
    total
        How many there are.
    reasons, sources
        How many of each, the most frequent first.
    unreadable
        Records of the topic that are no letters.
    """

    found: list[Found]
    total: int
    reasons: dict[str, int]
    sources: dict[str, int]
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Original:
    """The record that a letter is about, read again; `is_same` says whether it still is what the letter shows."""

    record: Record
    is_same: bool


@dataclass(slots=True)
class _Tally:
    total: int = 0
    unreadable: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    seen: set[int] = field(default_factory=set)
    marks: dict[str, Found] = field(default_factory=dict)

    def sent_as(self, one: Found) -> str:
        """Return where a retry sent the event of a letter; a topic that is made again has others under its ids."""
        mark = self.marks.get(one.letter.id)
        return mark.letter.sent_as if mark and mark.position > one.position else ""


_decoder = msgspec.json.Decoder(Letter)


def ids(written: Collection[str]) -> frozenset[str]:
    """Return ids as they were typed.

    Raises
    ------
    ValueError
        For one that is none.

    >>> sorted(ids(["labels/1/7", "labels/1/7/3"]))
    ['labels/1/7', 'labels/1/7/3']
    """
    for one in written:
        topic, *numbers = one.split("/")
        if topic not in TOPIC or len(numbers) not in (2, 3) or not all(number.isdecimal() for number in numbers):
            raise ValueError(
                f"{one!r} is no id of a dead letter; one is TOPIC/PARTITION/OFFSET[/LINE], as labels/1/7/0"
            )
    return frozenset(written)


def letters(settings: Settings, which: Which, limit: int | None = None) -> Listing:
    """Return dead letters, each once, with where a retry sent them.

    Parameters
    ----------
    limit
        Keep only that many, the newest of each partition of the topic; the counts are of all. None: keep all.

    Notes
    -----
    Reads the topic from `which.since_ms` on, some 100,000 letters a second.
    """
    tally = _Tally()
    kept: list[Found] = []
    with KafkaReader(settings) as reader:
        for tp in reader.partitions(DEAD_LETTERS.name):
            newest: deque[Found] = deque(maxlen=limit)
            newest.extend(_of_partition(reader, tp, which, tally))
            kept += newest
    kept.sort(key=lambda one: (one.letter.at_ms, one.letter.id))
    found = [Found(f.letter, f.partition, f.position, tally.sent_as(f)) for f in kept]
    return Listing(
        found[-limit:] if limit else found, tally.total,
        dict(tally.reasons.most_common()), dict(tally.sources.most_common()), tally.unreadable,
    )  # fmt: skip


def _of_partition(reader: KafkaReader, tp: TopicPartition, which: Which, tally: _Tally) -> Iterator[Found]:
    first, end = reader.bounds(tp)
    start = max(first, reader.offset_at(tp, which.since_ms)) if which.since_ms else first
    for record in reader.records(tp, start, end):
        letter = _letter(record)
        if letter is None:
            tally.unreadable += 1
        elif letter.reason == RETRIED:
            tally.marks[letter.retried] = Found(letter, tp.partition, record.position)
        elif which.takes(letter) and (key := hash((letter.id, letter.reason, letter.at_ms))) not in tally.seen:
            tally.seen.add(key)  # a worker that was killed writes its last ones again
            tally.total += 1
            tally.reasons[letter.reason] += 1
            tally.sources[letter.source] += 1
            yield Found(letter, tp.partition, record.position)


def _letter(record: Record) -> Letter | None:
    try:
        return _decoder.decode(record.value)
    except msgspec.DecodeError:
        return None


def originals(settings: Settings, wanted: Iterable[Letter]) -> dict[tuple[TopicPartition, int], Original]:
    """Return the records that letters are about, by partition and offset; those that are gone are left out."""
    by_place: dict[TopicPartition, dict[int, list[Letter]]] = {}
    for letter in wanted:
        by_place.setdefault(letter.tp, {}).setdefault(letter.offset, []).append(letter)
    found = {}
    with KafkaReader(settings) as reader:
        for tp, places in by_place.items():
            for record in _read(reader, tp, places):
                is_same = all(_shows(letter, record) for letter in places[record.position])
                found[tp, record.position] = Original(record, is_same)
    return found


def _read(reader: KafkaReader, tp: TopicPartition, places: Mapping[int, object]) -> Iterator[Record]:
    try:
        first, end = reader.bounds(tp)
        kept = sorted(offset for offset in places if first <= offset < end)
        for low, high in _ranges(kept):
            yield from (record for record in reader.records(tp, low, high + 1) if record.position in places)
    except LogError:  # the topic is gone
        return


def _ranges(offsets: list[int]) -> Iterator[tuple[int, int]]:
    """Yield ranges that hold sorted offsets, without long ways between them.

    >>> list(_ranges([1, 5, 900]))
    [(1, 5), (900, 900)]
    """
    start = 0
    for i in range(1, len(offsets) + 1):
        if i == len(offsets) or offsets[i] - offsets[i - 1] > _NEAR:
            yield offsets[start], offsets[i - 1]
            start = i


def _shows(letter: Letter, record: Record) -> bool:
    """Say whether a letter is of this record: a topic that was made again has others at its offsets."""
    return letter.at_ms in (0, record.append_ms)
