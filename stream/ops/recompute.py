"""Everything that was decided, computed again from the ledger by the same folds, without Kafka's clock or workers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from stream.folds.base import Output, Record
from stream.folds.decide import Decide
from stream.folds.measure import Measure
from stream.folds.partials import decode_message
from stream.runtime.file_port import KafkaReader
from stream.settings import Settings
from stream.topics import topic_ids
from stream.topology import LEDGER, PARTIALS

RUN = 256
# Ledger partition, position of the tick, part; and the partition of `partials` that it went to.
MessageId = tuple[int, int, int, int]


@dataclass(slots=True)
class Recomputed:
    """What the folds say of the ledger.

    Attributes
    ----------
    outputs
        All that `decide` writes, by partition of `partials`, in order.
    ends
        Position in each partition of `partials` up to which this holds.
    messages
        How many messages of `measure` were compared with what topic `partials` holds.
    differing
        Messages that the ledger does not explain (other bytes, or none), or that were not recorded though later ones
        were.
    """

    outputs: dict[int, list[Output]] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)
    messages: int = 0
    differing: list[MessageId] = field(default_factory=list)


def recompute(settings: Settings) -> Recomputed:
    """Fold the whole ledger again, and the partials in the order in which they were recorded.

    In which order `decide` met the messages of different ledger partitions is a fact of the log that only topic
    `partials` holds; what they say is computed from the ledger and compared byte for byte.

    Raises
    ------
    LogError
        If the ledger's beginning is no longer kept: then there is nothing to start from.
    """
    ledger_id = topic_ids(settings, [LEDGER.name])[LEDGER.name]
    with KafkaReader(settings) as reader:
        recorded = {tp.partition: _whole(reader, tp) for tp in reader.partitions(PARTIALS.name)}
        measured = dict(_measured(settings, reader, ledger_id))
    result = Recomputed()
    for q, records in recorded.items():
        fold = Decide(q, settings.runtime.ledger_partitions, ledger_id)
        mine = list(_checked(q, records, measured, result))
        result.outputs[q] = fold.step(fold.start(), mine)
        result.ends[q] = records[-1].position if records else -1
    return result


def _whole(reader: KafkaReader, tp: object) -> list[Record]:
    return list(reader.records(tp, 0, reader.bounds(tp)[1]))  # type: ignore[arg-type]


def _measured(settings: Settings, reader: KafkaReader, ledger_id: str) -> Iterator[tuple[MessageId, bytes]]:
    """Yield each message that the ledger gives rise to."""
    runtime = settings.runtime
    for tp in reader.partitions(LEDGER.name):
        fold = Measure(tp.partition, runtime.partials_partitions, runtime.tick_ms, ledger_id)
        state = fold.start()
        run: list[Record] = []
        for record in reader.records(tp, 0, reader.bounds(tp)[1]):
            run.append(record)
            if len(run) == RUN:
                yield from _identified(fold.step(state, run))
                run = []
        yield from _identified(fold.step(state, run))


def _identified(outputs: Sequence[Output]) -> Iterator[tuple[MessageId, bytes]]:
    for output in outputs:
        message = decode_message(output.value)
        yield (message.partition, message.to, message.part, output.partition or 0), output.value


def _checked(
    q: int, records: Sequence[Record], measured: dict[MessageId, bytes], result: Recomputed
) -> Iterator[Record]:
    """Yield the recorded messages with the content that the ledger says; note those that differ or are missing."""
    recorded: dict[MessageId, None] = {}
    for record in records:
        message = decode_message(record.value)
        message_id = (message.partition, message.to, message.part, q)
        mine = measured.get(message_id)
        recorded[message_id] = None
        result.messages += 1
        if mine != record.value:
            result.differing.append(message_id)
        yield record if mine is None else replace(record, value=mine)
    result.differing += _missing(q, recorded, measured)


def _missing(q: int, recorded: Collection[MessageId], measured: Collection[MessageId]) -> list[MessageId]:
    """Return what the ledger gives rise to and was not recorded, before the newest record of its ledger partition."""
    newest: dict[int, int] = {}
    for partition, to, _, _ in recorded:
        newest[partition] = max(newest.get(partition, -1), to)
    return sorted(
        an_id for an_id in measured if an_id[3] == q and an_id[1] <= newest.get(an_id[0], -1) and an_id not in recorded
    )
