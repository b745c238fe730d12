"""The order of durability for folds with state (measure, decide), once."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

from stream.errors import StreamgaugeError
from stream.folds.base import Fold, OpenFile, Output, Record
from stream.runtime.checkpoint import Checkpoint, CheckpointError, CheckpointStore, Loaded
from stream.runtime.port import Bounds, Log, LogError, Publisher, TopicPartition

State = TypeVar("State")
_log = structlog.get_logger()


class FoldError(StreamgaugeError):
    """Records that a fold cannot take: it ends rather than leave them out, or take a half of them."""


@dataclass(slots=True)
class Cell(Generic[State]):
    """A fold over one partition, and how far it is.

    Attributes
    ----------
    position, crc
        The last record that the state holds, and its crc32 if `last` is None; -1 before the first. If it comes once
        more, after a restart or a seek, it must be the same.
    last
        Its value, if it was folded here: the checksum is taken when it is wanted.
    read_from
        The lowest offset that may come: anything below it means that the topic is another one. Reading may go back as
        far as was committed before the newest run, no further.
    told
        What records below this offset have to say to people was said before.
    """

    fold: Fold[State]
    state: State
    topic_id: str
    position: int = -1
    crc: int = 0
    last: bytes | None = None
    read_from: int = 0
    told: int = 0
    saved: int = -1
    saved_at: float = 0.0
    saving: asyncio.Task[None] | None = field(default=None)

    def checksum(self) -> int:
        """Return the crc32 of the last record that the state holds."""
        if self.last is not None:
            self.crc, self.last = zlib.crc32(self.last), None
        return self.crc


class StatefulHost(Generic[State]):
    """Runs a fold over each partition that is assigned.

    1. Load the newest checkpoint that verifies; without one, start empty at the first record of the log.
    2. Read on from *its* position, whatever offset was committed; its own last record is read again and
       compared.
    3. Fold a run.
    4. Publish its results and wait for the acks; commit, for lag tools only.
    5. Every `checkpoint_s`: encode at this cut; write file and pointer while folding on.

    A crash between any two of these repeats results that are already there, with equal content. A state that
    was folded here stays usable after a rebalance, since it depends on the log alone; it is dropped when
    another assignment does without it.

    Parameters
    ----------
    fold_of
        Gives the fold of a partition by its number.
    checkpoint_s
        Seconds between two checkpoints of a partition.
    told_once
        Topics that people or programs outside follow: what was acknowledged there before a restart is not sent again.
    clock
        Monotonic seconds.
    """

    def __init__(
        self,
        fold_of: Callable[[int], Fold[State]],
        log: Log,
        publisher: Publisher,
        checkpoints: CheckpointStore,
        checkpoint_s: float,
        *,
        told_once: Collection[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fold_of, self._log, self._publisher = fold_of, log, publisher
        self._checkpoints, self._checkpoint_s, self._clock = checkpoints, checkpoint_s, clock
        self._told_once = told_once
        self._cells: dict[TopicPartition, Cell[State]] = {}

    @property
    def cells(self) -> Mapping[TopicPartition, Cell[State]]:
        """Return what is folded here now."""
        return self._cells

    async def assign(self, tps: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Load the states, and return where reading goes on."""
        topics = await self._log.describe({tp.topic for tp in tps})
        kept = {tp: self._cells[tp] for tp in tps if tp in self._cells}
        await self._finish_saving(self._cells.values())
        folds = {tp.partition: self._fold_of(tp.partition) for tp in tps if tp not in kept}

        def read(partition: int, data: bytes, open_file: OpenFile) -> State:
            return folds[partition].decode(data, open_file)

        saved = await self._checkpoints.newest(folds, read)
        bounds, committed = await self._log.bounds(tps), await self._log.committed(tps)
        self._cells = {}
        for tp in tps:
            cell = kept.get(tp) or self._cell(folds[tp.partition], topics[tp.topic].id, saved.get(tp.partition))
            self._check_begin(tp, cell, bounds[tp])
            cell.told = min(committed.get(tp, 0), bounds[tp].end)
            self._cells[tp] = cell
        starts = {tp: _start(tp, cell, topics[tp.topic].id, bounds[tp]) for tp, cell in self._cells.items()}
        for tp, cell in self._cells.items():
            if cell.position >= committed.get(
                tp, 0
            ):  # at the end of its log no record would come that moves the commit
                self._log.commit(tp, cell.position + 1)
        return starts

    async def run(self, tp: TopicPartition, records: Sequence[Record]) -> None:
        """Fold, publish, commit, and take a checkpoint when it is time."""
        cell = self._cells[tp]
        fresh = _admit(tp, cell, records)
        if not fresh:
            return
        try:
            await self._settle(tp, cell, fresh)
        except BaseException:  # also if it was cancelled: no checkpoint may hold what nobody was told
            del self._cells[tp]
            raise
        self._checkpoint_if_due(tp, cell)

    async def revoke(self, tps: Collection[TopicPartition]) -> None:
        """Keep the states: most often the same partitions come back at once."""

    async def idle(self) -> None:
        """Take checkpoints that are due; raise what went wrong in one."""
        for tp, cell in self._cells.items():
            self._checkpoint_if_due(tp, cell)

    async def close(self) -> None:
        """Take a last checkpoint of everything, so that the next start folds nothing again."""
        await self._finish_saving(self._cells.values())
        for tp, cell in self._cells.items():
            if cell.position > cell.saved:
                await self._save(tp, cell, self._cut(cell))

    async def _settle(self, tp: TopicPartition, cell: Cell[State], fresh: Sequence[Record]) -> None:
        """Fold records; return once their results are acknowledged."""
        outputs = self._folded(tp, cell, fresh)
        cell.read_from = max(cell.read_from, cell.position + 1)
        cell.position, cell.last = fresh[-1].position, fresh[-1].value
        await self._publisher.publish(outputs)
        self._log.commit(tp, cell.position + 1)

    def _folded(self, tp: TopicPartition, cell: Cell[State], fresh: Sequence[Record]) -> list[Output]:
        """Fold records, or say which could not be: what a fold does not isolate itself, nobody may pass over."""
        try:
            return self._fold(cell, fresh)
        except (MemoryError, OSError, StreamgaugeError):
            raise
        except Exception as error:
            where = f"{tp.topic}, partition {tp.partition}: offsets {fresh[0].position} to {fresh[-1].position}"
            _log.exception("records cannot be folded", where=where)
            raise FoldError(
                f"{where} cannot be folded ({type(error).__name__}: {error}); nothing was left out. Run a version "
                "that can, or begin anew behind them: streamgauge lineages begin"
            ) from error

    def _fold(self, cell: Cell[State], fresh: Sequence[Record]) -> list[Output]:
        """Fold records; what those below `told` say to people is left out."""
        if fresh[0].position >= cell.told:
            return cell.fold.step(cell.state, fresh)
        known = sum(record.position < cell.told for record in fresh)
        again = cell.fold.step(cell.state, fresh[:known])
        outputs = [output for output in again if output.topic not in self._told_once]
        return outputs + cell.fold.step(cell.state, fresh[known:])

    def _cell(self, fold: Fold[State], topic_id: str, saved: Loaded[State] | None) -> Cell[State]:
        now = self._clock()
        if saved is None:
            return Cell(fold, fold.start(), topic_id, saved_at=now)
        at = saved.position
        return Cell(fold, saved.state, saved.topic_id, at, saved.crc, saved=at, saved_at=now)

    def _check_begin(self, tp: TopicPartition, cell: Cell[State], bounds: Bounds) -> None:
        """Say so where checkpoints were lost; the log gives the same results again if it is whole."""
        if cell.position >= 0 or not self._checkpoints.has_pointers(tp.partition):
            return
        where = f"{tp.topic}, partition {tp.partition}"
        if bounds.first > 0:
            raise CheckpointError(
                f"{where}: no checkpoint can be read, and the log is kept from {bounds.first} on only: bring the "
                "folder of checkpoints back, or begin anew: streamgauge lineages begin"
            )
        _log.warning("no checkpoint can be read: folding the log from its beginning", where=where)

    def _checkpoint_if_due(self, tp: TopicPartition, cell: Cell[State]) -> None:
        if cell.saving is not None:
            if not cell.saving.done():
                return
            cell.saving.result()
            cell.saving = None
        if cell.position > cell.saved and self._clock() - cell.saved_at >= self._checkpoint_s:
            cell.saving = asyncio.create_task(self._save(tp, cell, self._cut(cell)))

    def _cut(self, cell: Cell[State]) -> Checkpoint:
        cell.saved_at = self._clock()
        return Checkpoint(cell.position, cell.topic_id, cell.checksum(), cell.fold.encode(cell.state))

    async def _save(self, tp: TopicPartition, cell: Cell[State], checkpoint: Checkpoint) -> None:
        await self._checkpoints.save(tp.partition, checkpoint)
        cell.saved = checkpoint.position
        size = len(checkpoint.snapshot.data)
        _log.debug("checkpoint", partition=tp.partition, position=checkpoint.position, bytes=size)

    async def _finish_saving(self, cells: Collection[Cell[State]]) -> None:
        for cell in cells:
            if cell.saving is not None:
                await cell.saving
                cell.saving = None


def _start(tp: TopicPartition, cell: Cell[State], topic_id: str, bounds: Bounds) -> int:
    where = f"{tp.topic}, partition {tp.partition}"
    if cell.topic_id != topic_id:
        raise LogError(
            f"{where}: the topic was created again since the checkpoint, which ends its lineages; begin anew: "
            "streamgauge lineages begin"
        )
    if bounds.first > cell.position + 1:
        raise LogError(
            f"{where}: gap: offsets {cell.position + 1} to {bounds.first - 1} are gone (retention?), "
            "so the results cannot be continued; begin anew: streamgauge lineages begin"
        )
    if bounds.end < cell.position + 1:
        raise LogError(f"{where}: the log ends at {bounds.end}, below the checkpoint at {cell.position}: truncated")
    again = 0 <= cell.position >= bounds.first
    cell.read_from = cell.position if again else cell.position + 1
    return cell.read_from


def _admit(tp: TopicPartition, cell: Cell[State], records: Sequence[Record]) -> Sequence[Record]:
    where = f"{tp.topic}, partition {tp.partition}"
    if records[0].position < cell.read_from:
        raise LogError(f"{where}: offset {records[0].position} came after {cell.position}: offsets must rise")
    if 0 <= (at := cell.position - records[0].position) < len(records):
        _check_again(where, cell, records[at])
    fresh = [record for record in records if record.position > cell.position]
    if fresh and fresh[0].position != cell.position + 1:
        raise LogError(f"{where}: gap: offset {fresh[0].position} came after {cell.position}")
    return fresh


def _check_again(where: str, cell: Cell[State], record: Record) -> None:
    """Compare the last record that the state holds with what comes at its place once more."""
    if zlib.crc32(record.value) != cell.checksum():
        raise LogError(f"{where}: the record at {cell.position} is not the one that was folded: created again?")
