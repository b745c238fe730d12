"""The ledger as the replay of one monitor reads it: its own rows, the facts that stay, and every tick.

What is left out is replaced, not removed: by a tick that covers nothing, so that the log clock goes the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from stream.folds.base import Record
from stream.folds.blocks import Block, Fact, Source, Tick, decode_entry, encode_entry, end_of
from stream.folds.decide.loop import Command
from stream.folds.frame import Frame
from stream.folds.monitor import SpecRecord, monitor_of

NOTHING = encode_entry(Tick("", ()))


@dataclass(slots=True)
class Seen:
    """What a replay came by; filled while it reads.

    Attributes
    ----------
    records, rows
        Ledger records, and predictions and labels of the model.
    clocks
        When the newest record of each ledger partition was stored, epoch milliseconds.
    began
        Of each ledger partition: where a spec that measures alike was put in force, last.
    watched
        Of each ledger partition: where the model was watched first, in the newest epoch.
    """

    records: int = 0
    rows: int = 0
    clocks: dict[int, int] = field(default_factory=dict)
    began: dict[int, int] = field(default_factory=dict)
    watched: dict[int, int] = field(default_factory=dict)

    @property
    def clock_ms(self) -> int:
        """Return the log clock."""
        return max(self.clocks.values(), default=0)

    @property
    def reached_ms(self) -> int:
        """Return the log clock that all ledger partitions have reached."""
        return min(self.clocks.values(), default=0)


class Reading:
    """Reads one ledger partition for one monitor.

    Parameters
    ----------
    monitor, model
        Whose facts stay: `close` commands and versions of the model; no spec does.
    measure
        What is measured: the lineage without a ledger.
    """

    def __init__(self, partition: int, monitor: str, model: str, measure: str, seen: Seen) -> None:
        self._partition, self._monitor, self._model, self._seen = partition, monitor, model, seen
        self._measure, self._in_force, self._revision = measure, "", -1

    def read(self, record: Record) -> Record:
        """Return a record with what concerns the monitor."""
        self._seen.records += 1
        before = self._seen.clocks.get(self._partition, 0)
        self._seen.clocks[self._partition] = max(before, record.append_ms)
        entry = decode_entry(record.value)
        if isinstance(entry, Block):
            return self._block(record, entry)
        if isinstance(entry, Fact) and not self._stays(entry, record.position):
            return replace(record, value=NOTHING)
        return record

    def _block(self, record: Record, block: Block) -> Record:
        mine = rows_of(block.frame, self._model)
        self._seen.rows += mine.n
        if mine.n == block.frame.n:
            return record
        kept = encode_entry(msgspec.structs.replace(block, frame=mine)) if mine.n else NOTHING
        return replace(record, value=kept)

    def _stays(self, fact: Fact, position: int) -> bool:
        try:
            if fact.source.topic == "specs":
                self._note_spec(fact.value, position)
            elif fact.source.topic == "commands":
                command = msgspec.json.decode(fact.value, type=Command)
                if command.command == "begin":
                    self._begin()
                return (command.command, command.model) == ("close", self._model)
            return fact.source.topic == "models" and fact.key.decode().split("/")[0] == self._model
        except (msgspec.MsgspecError, ValueError):  # a fact that cannot be read changed nothing then, either
            return False

    def _begin(self) -> None:
        """Forget what was noted, as live did: all monitors are put in force anew. The replay itself goes on."""
        self._in_force, self._revision = "", -1
        self._seen.watched.pop(self._partition, None)

    def _note_spec(self, value: bytes, position: int) -> None:
        """Note where live began to measure alike here, and where the model is watched first."""
        if msgspec.json.decode(value, type=SpecRecord).spec.get("model") == self._model:
            self._seen.watched.setdefault(self._partition, position)
        monitor = monitor_of(value)
        if monitor.name != self._monitor or monitor.revision <= self._revision:
            return
        if monitor.lineage == self._measure != self._in_force:
            self._seen.began[self._partition] = position
        self._in_force, self._revision = monitor.lineage, monitor.revision


def rows_of(frame: Frame, model: str) -> Frame:
    """Return the rows of one model, in order. O(bytes) at most; the frame itself if it has no others."""
    columns = frame.columns()
    code = frame.texts.index(model) if model in frame.texts else -1
    mine = columns.models == code
    if code >= 0 and mine.all():
        return frame

    def some(data: bytes, type_: str) -> bytes:
        return np.frombuffer(data, type_)[mine].tobytes() if data else b""

    id_sizes, lengths = np.frombuffer(frame.id_sizes, "<u2"), np.diff(columns.row_starts)
    return msgspec.structs.replace(
        frame,
        n=int(mine.sum()),
        ids=np.frombuffer(frame.ids, "u1")[np.repeat(mine, id_sizes)].tobytes(),
        cells=columns.cells[np.repeat(mine, lengths)].tobytes(),
        **{name: some(getattr(frame, name), type_) for name, type_ in _COLUMNS.items()},
    )


_COLUMNS = {
    "positions": "<i8", "event_ms": "<i8", "hashes": "<u8", "id_sizes": "<u2", "models": "<i4", "versions": "<i4",
    "producers": "<i4", "labels": "<u8", "lanes": "u1", "revisions": "u1", "scores": "<f8", "latencies": "<f8",
    "row_shapes": "<i4",
}  # fmt: skip


def spec_record(value: bytes, replay: str, first: Record) -> Record:
    """Return the record that puts a spec in force just before the first one of a ledger partition."""
    fact = Fact(Source("specs", f"replay {replay}", 0), end_of(-1), end_of(0), b"", value)
    return Record(first.position - 1, first.append_ms, encode_entry(fact))


def with_spec(records: Iterator[Record], value: bytes, replay: str) -> Iterator[Record]:
    """Yield a spec, then the records; nothing if there are none."""
    for first in records:
        yield spec_record(value, replay, first)
        yield first
        yield from records
