"""What was decided, computed again from the ledger by the same folds, without Kafka's clock or workers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from stream.folds.base import Output, Record
from stream.folds.decide import Decide
from stream.folds.decide.state import DecideState
from stream.folds.measure import Measure
from stream.folds.partials import Message, decode_message
from stream.ops.states import SavedStates
from stream.runtime.checkpoint import Loaded
from stream.runtime.file_port import KafkaReader
from stream.runtime.port import LogError, TopicPartition
from stream.settings import Settings
from stream.topics import topic_ids
from stream.topology import LEDGER, PARTIALS

RUN = 256
# Ledger partition, position of the tick, part; and the partition of `partials` that it went to.
MessageId = tuple[int, int, int, int]
# First and last position of interest in a partition of `partials`.
Window = tuple[int, int]


@dataclass(slots=True)
class Recomputed:
    """What the folds say of the ledger.

    Attributes
    ----------
    outputs
        What `decide` writes, by partition of `partials`, in order.
    starts, ends
        Positions in each partition of `partials` between which this holds: above the one, up to the other.
    messages
        How many messages of `measure` were compared with what topic `partials` holds.
    differing
        Messages that the ledger does not explain (other bytes, or none), or that were not recorded though later ones
        were.
    """

    outputs: dict[int, list[Output]] = field(default_factory=dict)
    starts: dict[int, int] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)
    messages: int = 0
    differing: list[MessageId] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Part:
    """What of one partition of `partials` is computed: records after `begin`, and the state before them."""

    fold: Decide
    begin: Loaded[DecideState]
    records: list[Record]


def recompute(settings: Settings, windows: Mapping[int, Window] | None = None) -> Recomputed:
    """Fold the ledger again, and the partials in the order in which they were recorded.

    In which order `decide` met the messages of different ledger partitions is a fact of the log that only topic
    `partials` holds; what they say is computed from the ledger and compared byte for byte.

    Parameters
    ----------
    windows
        Positions of interest by partition of `partials`; others are left out. It begins at the newest checkpoints
        below them. None: all that is kept, from its beginning or from the oldest checkpoint that is still explained.

    Raises
    ------
    LogError
        If the log is no longer kept from where a checkpoint stands: then there is nothing to start from.
    """
    ledger_id = topic_ids(settings, [LEDGER.name])[LEDGER.name]
    states, result = SavedStates(settings), Recomputed()
    with KafkaReader(settings) as reader:
        parts = {}
        for tp in reader.partitions(PARTIALS.name):
            if windows is None or tp.partition in windows:
                fold = Decide(tp.partition, settings.runtime.ledger_partitions, ledger_id)
                parts[tp.partition] = _part(reader, states, tp, fold, (windows or {}).get(tp.partition))
        measured = dict(_measured(settings, reader, states, ledger_id, list(parts.values())))
    for q, part in parts.items():
        mine = list(_checked(q, part.records, measured, result, part.begin.state.seen))
        result.starts[q] = part.begin.position
        result.outputs[q] = part.fold.step(part.begin.state, mine)
        result.ends[q] = part.records[-1].position if part.records else part.begin.position
    return result


def _part(reader: KafkaReader, states: SavedStates, tp: TopicPartition, fold: Decide, window: Window | None) -> _Part:
    first, end = reader.bounds(tp)
    below = _lowest(states, tp, first) if window is None else window[0] - 1
    begin = states.before("decide", fold, tp.partition, below) if below >= 0 else None
    begin = begin or Loaded(-1, "", 0, fold.start())
    stop = end if window is None else min(end, window[1] + 1)
    return _Part(fold, begin, list(reader.records(tp, begin.position + 1, max(stop, begin.position + 1))))


def _lowest(states: SavedStates, tp: TopicPartition, first: int) -> int:
    """Return the position at which to begin: −1, or that of the oldest checkpoint whose successor is kept."""
    if first == 0:
        return -1
    found = states.first_from("decide", tp.partition, first - 1)
    if found is None:
        raise LogError(f"{tp.topic}, partition {tp.partition}: kept from {first} on, and no checkpoint stands there")
    return found


def _measured(
    settings: Settings, reader: KafkaReader, states: SavedStates, ledger_id: str, parts: Sequence[_Part]
) -> Iterator[tuple[MessageId, bytes]]:
    """Yield each message that the ledger gives rise to after what the parts have seen before they begin."""
    runtime = settings.runtime
    for tp in reader.partitions(LEDGER.name):
        fold = Measure(tp.partition, runtime.partials_partitions, runtime.tick_ms, ledger_id)
        seen = min((part.begin.state.seen.get(tp.partition, (-1, 0))[0] for part in parts), default=-1)
        begin = states.before("measure", fold, tp.partition, seen) if seen >= 0 else None
        begin = begin or Loaded(-1, "", 0, fold.start())
        run: list[Record] = []
        for record in reader.records(tp, begin.position + 1, _end(reader, tp, parts)):
            run.append(record)
            if len(run) == RUN:
                yield from _identified(fold.step(begin.state, run))
                run = []
        yield from _identified(fold.step(begin.state, run))


def _end(reader: KafkaReader, tp: TopicPartition, parts: Sequence[_Part]) -> int:
    """Return where to stop reading the ledger: behind the record that made the last message of interest be written."""
    messages = (decode_message(record.value) for part in parts for record in part.records)
    last = max((message.to for message in messages if message.partition == tp.partition), default=-1)
    return min(reader.bounds(tp)[1], last + 2)


def _identified(outputs: Sequence[Output]) -> Iterator[tuple[MessageId, bytes]]:
    for output in outputs:
        message = decode_message(output.value)
        yield (message.partition, message.to, message.part, output.partition or 0), output.value


def _checked(
    q: int,
    records: Sequence[Record],
    measured: Mapping[MessageId, bytes],
    result: Recomputed,
    seen: Mapping[int, tuple[int, int]],
) -> Iterator[Record]:
    """Yield the recorded messages with the content that the ledger says; note those that differ or are missing.

    `seen` are position and part of what was taken in before, by ledger partition: copies of it are passed over.
    """
    seen = dict(seen)
    recorded: dict[MessageId, None] = {}
    for record in records:
        message = decode_message(record.value)
        if (message.to, message.part) <= seen.get(message.partition, (-1, -1)):
            continue
        message_id = (message.partition, message.to, message.part, q)
        mine = measured.get(message_id)
        recorded[message_id] = None
        result.messages += 1
        if mine is None or not _says(mine, record.value):
            result.differing.append(message_id)
        yield record if mine is None else replace(record, value=mine)
    result.differing += _missing(q, recorded, measured, seen)


def _says(mine: bytes, recorded: bytes) -> bool:
    """Say whether a message says what was recorded: another release may give integers more bytes or fewer."""
    return mine == recorded or _widened(mine) == _widened(recorded)


def _widened(value: bytes) -> Message:
    message = decode_message(value)
    return msgspec.structs.replace(message, sealed=tuple([partial.widened() for partial in message.sealed]))


def _missing(
    q: int,
    recorded: Collection[MessageId],
    measured: Collection[MessageId],
    seen: Mapping[int, tuple[int, int]],
) -> list[MessageId]:
    """Return what the ledger gives rise to and was not recorded, before the newest record of its ledger partition."""
    newest: dict[int, int] = {}
    for partition, to, _, _ in recorded:
        newest[partition] = max(newest.get(partition, -1), to)
    return sorted(
        an_id
        for an_id in measured
        if an_id[3] == q
        and seen.get(an_id[0], (-1, -1)) < an_id[1:3]
        and an_id[1] <= newest.get(an_id[0], -1)
        and an_id not in recorded
    )
