"""A new epoch: all lineages begin anew by a record in the log, where the old ones cannot go on (rule 11).

That is so when checkpoints are lost and the log's beginning is gone, when the ledger was created again, and when a
version of the code computes other numbers.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from stream.errors import StreamgaugeError
from stream.folds.base import Record
from stream.folds.blocks import Fact, decode_entry
from stream.folds.decide import Decide
from stream.folds.decide.loop import Command
from stream.folds.measure import Measure
from stream.folds.monitor import SpecRecord
from stream.ops.controls import publish, read_values, spec_key
from stream.runtime.checkpoint import HOUR_MS, Checkpoint, CheckpointStore
from stream.runtime.file_port import KafkaReader
from stream.runtime.kafka_log import KafkaPointers
from stream.runtime.port import TopicPartition
from stream.runtime.publisher import KafkaPublisher
from stream.settings import Settings
from stream.topics import topic_ids
from stream.topology import LEDGER, PARTIALS

WAIT_S = 60.0


class BeginError(StreamgaugeError):
    """An epoch could not be begun."""


@dataclass(frozen=True, slots=True)
class Begun:
    """An epoch that was begun: its number, the position of its record by ledger partition, the specs put in force."""

    epoch: int
    positions: dict[int, int]
    monitors: tuple[str, ...]


def begin(settings: Settings, who: str, reason: str, *, wait_s: float = WAIT_S) -> Begun:
    """End all lineages and begin new ones from now on, with the specs in force.

    1. The command ``begin`` goes into every partition of the ledger, by way of `intake`.
    2. `measure` gets an empty state right before that record, for workers that have none they can use.
    3. The specs in force are published again.

    Panes that were not final stay unfinished; models, roles and incidents go on.

    Raises
    ------
    BeginError
        If intake does not carry the command into the ledger within `wait_s` seconds.
    """
    epoch = time.time_ns() // 1_000_000
    command = {
        "id": f"begin-{epoch}", "command": "begin", "model": "", "who": who, "at_ms": epoch,
        "args": {"epoch": epoch, "reason": reason},
    }  # fmt: skip
    with KafkaReader(settings) as reader:
        tps = reader.partitions(LEDGER.name)
        ends = {tp: reader.bounds(tp)[1] for tp in tps}
        publish(settings, "commands", "", command)
        found = {tp: _find(reader, tp, ends[tp], str(command["id"]), wait_s) for tp in tps}
    asyncio.run(_save(settings, {tp.partition: before for tp, (_, before) in found.items()}))
    newest = _newest_specs(settings)
    for monitor, (revision, value) in newest.items():
        publish(settings, "specs", spec_key(monitor, revision), msgspec.Raw(value))
    return Begun(epoch, {tp.partition: position for tp, (position, _) in found.items()}, tuple(sorted(newest)))


def _find(
    reader: KafkaReader, tp: TopicPartition, first: int, command_id: str, wait_s: float
) -> tuple[int, Record | None]:
    """Return the position of the command in a ledger partition, and the record before it."""
    deadline = time.monotonic() + wait_s
    at, before = first, None
    if first > reader.bounds(tp)[0]:
        before = next(reader.records(tp, first - 1, first))
    while time.monotonic() < deadline:
        for record in reader.records(tp, at, reader.bounds(tp)[1]):
            if _is_command(record, command_id):
                return record.position, before
            at, before = record.position + 1, record
        time.sleep(0.05)
    raise BeginError(
        f"the command did not come into the ledger's partition {tp.partition} within {wait_s:g} s: is a worker of "
        "intake running? (streamgauge status)"
    )


def _is_command(record: Record, command_id: str) -> bool:
    entry = decode_entry(record.value)
    if not isinstance(entry, Fact) or entry.source.topic != "commands":
        return False
    return msgspec.json.decode(entry.value, type=Command).id == command_id


async def _save(settings: Settings, before: Mapping[int, Record | None]) -> None:
    """Save an empty state of measure for each ledger partition, and decide's own under this code's numbers."""
    ids = await asyncio.to_thread(topic_ids, settings, [LEDGER.name, PARTIALS.name])
    runtime = settings.runtime
    async with KafkaPublisher(settings.kafka.bootstrap, settings.kafka.prefix) as publisher:
        pointers = KafkaPointers(settings, publisher)
        for partition, record in before.items():
            fold = Measure(partition, runtime.partials_partitions, runtime.tick_ms, ids[LEDGER.name])
            state = fold.start()
            state.position = -1 if record is None else record.position
            crc = 0 if record is None else zlib.crc32(record.value)
            saved = Checkpoint(state.position, ids[LEDGER.name], crc, fold.encode(state))
            store = _store(settings, "measure", pointers)
            await store.look({partition})
            await store.save(partition, saved)
        for partition in range(runtime.partials_partitions):
            await _renumber(
                settings, pointers, partition, Decide(partition, runtime.ledger_partitions, ids[LEDGER.name])
            )


async def _renumber(settings: Settings, pointers: KafkaPointers, partition: int, fold: Decide) -> None:
    """Save decide's newest state once more if another version of the code made it: its models and incidents go on."""
    store = _store(settings, "decide", pointers)
    await store.look({partition})
    if not store.is_of_other_numbers(partition):
        return
    found = await store.newest_of_any_numbers(partition, lambda _, data, open_file: fold.decode(data, open_file))
    if found is None:
        raise BeginError(f"no checkpoint of decide, partition {partition}, can be read by this version")
    await store.save(partition, Checkpoint(found.position, found.topic_id, found.crc, fold.encode(found.state)))


def _store(settings: Settings, fold: str, pointers: KafkaPointers) -> CheckpointStore:
    folder, hours = settings.home / "checkpoints" / fold, LEDGER.retention // HOUR_MS
    return CheckpointStore(settings.kafka.prefix, fold, folder, pointers, hours)


def _newest_specs(settings: Settings) -> dict[str, tuple[int, bytes]]:
    newest: dict[str, tuple[int, bytes]] = {}
    for value in read_values(settings, "specs"):
        record = msgspec.json.decode(value, type=SpecRecord)
        if record.revision >= newest.get(record.monitor, (0, b""))[0]:
            newest[record.monitor] = record.revision, value
    return newest
