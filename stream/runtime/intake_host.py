"""The host of intake: blocks one after the other, ticks, commits behind ticks; no state but how far it is."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from stream.errors import StreamgaugeError
from stream.folds.base import Output, Record, Records
from stream.folds.blocks import LINE_BITS, Covered, Source, end_of
from stream.runtime.port import Bounds, Log, LogError, Publisher, TopicPartition
from stream.topology import TopicInfo


class TooManyDeadLettersError(StreamgaugeError):
    """Most of the input cannot be read: someone should look at it before more is put aside."""


class SplitResult(Protocol):
    """What intake made of a run.

    Attributes
    ----------
    outputs
        Blocks and facts for the ledger.
    after
        For each ledger partition that got a block, the position in the source up to which the last one
        covers.
    dead_letters
        What could not be read.
    covered
        The position in the source up to which everything is in `outputs` or `dead_letters`.
    """

    @property
    def outputs(self) -> Sequence[Output]: ...  # noqa: D102
    @property
    def after(self) -> Mapping[int, int]: ...  # noqa: D102
    @property
    def dead_letters(self) -> Sequence[Output]: ...  # noqa: D102
    @property
    def covered(self) -> int: ...  # noqa: D102


class Intake(Protocol):
    """The fold that the host runs: `stream.folds.intake`."""

    def split(self, source: Source, run: Sequence[Record], after: Mapping[int, int]) -> SplitResult:
        """Decode a run and split it by ledger partition."""
        ...


Ticks = Callable[[str, Sequence[Covered], int], Sequence[Output]]


@dataclass(slots=True)
class Owned:
    """A source partition that this worker reads.

    Attributes
    ----------
    partitions
        Of the source's topic, as the broker said last.
    start
        Position in the source after which this worker began to read it.
    after
        For each ledger partition, where the next block of this source begins.
    split
        Position in the source up to which records were decoded.
    acked
        ... up to which all of them are acknowledged.
    committed
        Offset that was committed last.
    """

    source: Source
    partitions: int
    start: int
    after: Mapping[int, int]
    split: int
    acked: int
    committed: int


class IntakeHost:
    """Runs intake over the partitions of its topics.

    It takes runs without records too: else a log that ends with an aborted transaction would look behind for ever.

    1. Start at the committed offset; the next block of each ledger partition begins right before it. A tick names
       all sources before their first block: measure must not take a source that it has not heard of for empty.
    2. Decode a run while the blocks of the one before are on their way; hand its blocks over after the acks.
    3. Every `tick_ms`, after the acks of all blocks and dead letters: a tick into each ledger partition that
       names, for each source, how far it is covered and where its log ends now. The end is asked for when the tick
       before is acknowledged (rule 5 counts on it); so is how many partitions its topic has.
    4. Commit what ticks covered that were acknowledged in *every* ledger partition.

    Parameters
    ----------
    worker
        Name of this worker in its ticks.
    partitions
        Number of partitions of the ledger.
    dead_letters_per_minute
        More than this stop the worker.
    clock
        Monotonic seconds.
    """

    takes_empty_runs = True

    def __init__(
        self,
        worker: str,
        intake: Intake,
        ticks: Ticks,
        log: Log,
        publisher: Publisher,
        *,
        partitions: int,
        tick_ms: int,
        dead_letters_per_minute: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._worker, self._intake, self._ticks, self._log, self._publisher = (
            worker,
            intake,
            ticks,
            log,
            publisher,
        )
        self._partitions, self._tick_s, self._clock = partitions, tick_ms / 1_000, clock
        self._dead = DeadLetterLimit(dead_letters_per_minute)
        self._owned: dict[TopicPartition, Owned] = {}
        self._on_its_way: asyncio.Task[None] | None = None
        self._next_tick = clock()

    @property
    def owned(self) -> Mapping[TopicPartition, Owned]:
        """Return what is read here now."""
        return self._owned

    async def assign(self, tps: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Begin each source at its committed offset, and name all of them before the first block of one."""
        await self._settle()
        topics = await self._log.describe({tp.topic for tp in tps})
        committed, bounds = await self._log.committed(tps), await self._log.bounds(tps)
        starts = {tp: _start(tp, committed.get(tp), bounds[tp]) for tp in tps}
        self._owned = {tp: self._begin(tp, topics[tp.topic], start) for tp, start in starts.items()}
        await self._tick()
        return starts

    async def run(self, tp: TopicPartition, records: Sequence[Record]) -> None:
        """Decode a run, and hand its blocks over when those of the run before are acknowledged."""
        owned = self._owned[tp]
        columns = Records.of(records)
        fresh = columns[int(np.searchsorted(columns.positions, owned.split >> LINE_BITS, "right")) :]
        if not fresh:
            await self._pass(owned, end_of(columns.next_position - 1))
            return
        await self._check_continues(tp, owned, int(fresh.positions[0]))
        result = self._intake.split(owned.source, fresh, owned.after)
        await self._settle()
        owned.after, owned.split = {**owned.after, **result.after}, result.covered
        self._dead.count(len(result.dead_letters), self._clock())
        self._on_its_way = asyncio.create_task(self._hand_over(owned, result))

    async def _pass(self, owned: Owned, to: int) -> None:
        """Take note that a log goes on without records: marks of transactions, and what was aborted."""
        if to > owned.split:
            await self._settle()
            owned.split = owned.acked = to

    async def _check_continues(self, tp: TopicPartition, owned: Owned, offset: int) -> None:
        """End where retention was faster than this worker; holes of another kind (transactions) are no loss."""
        following = (owned.split >> LINE_BITS) + 1
        if offset > following and (first := (await self._log.bounds([tp]))[tp].first) > following:
            raise LogError(
                f"{tp.topic}, partition {tp.partition} is kept from {first} on, but was read up to {following - 1} "
                "only: retention took what lies between before it was read; after a restart it is counted as a gap"
            )

    async def revoke(self, tps: Collection[TopicPartition]) -> None:
        """Let go of partitions once what is on its way is acknowledged, and commit it behind a last tick."""
        await self._tick()
        self._owned = {tp: owned for tp, owned in self._owned.items() if tp not in tps}

    async def idle(self) -> None:
        """Tick when it is time; end where a log is not the one that was read."""
        if self._owned and self._clock() >= self._next_tick:
            for tp, bounds in (await self._tick()).items():
                raise LogError(
                    f"{tp.topic}, partition {tp.partition} ends at {bounds.end}, but was read up to "
                    f"{self._owned[tp].split >> LINE_BITS}: the topic was created again or truncated"
                )

    async def close(self) -> None:
        """Tick a last time."""
        await self._tick()

    def _begin(self, tp: TopicPartition, topic: TopicInfo, start: int) -> Owned:
        before = end_of(start - 1)
        after = dict.fromkeys(range(self._partitions), before)
        source = Source(tp.topic, topic.id, tp.partition)
        return Owned(source, topic.partitions, before, after, before, before, start)

    async def _hand_over(self, owned: Owned, result: SplitResult) -> None:
        await self._publisher.publish(result.dead_letters)
        await self._publisher.publish(result.outputs)
        owned.acked = result.covered

    async def _settle(self) -> None:
        if self._on_its_way is not None:
            task, self._on_its_way = self._on_its_way, None
            await task

    async def _tick(self) -> Mapping[TopicPartition, Bounds]:
        """Tick and commit; return the logs that are shorter than what was read of them.

        These are no more what they were: a tick that named them, or a commit, would be about others.
        """
        self._next_tick = self._clock() + self._tick_s
        await self._settle()
        if not self._owned:
            return {}
        ends = await self._log.bounds(list(self._owned))
        await self._look_for_partitions()
        whole = {tp: owned for tp, owned in self._owned.items() if owned.split >> LINE_BITS < ends[tp].end}
        covered = {tp: owned.acked for tp, owned in whole.items()}
        named = [
            Covered(owned.source, covered[tp], end_of(ends[tp].end - 1), owned.start, owned.partitions)
            for tp, owned in whole.items()
        ]
        await self._publisher.publish(self._ticks(self._worker, named, self._partitions))
        for tp, to in covered.items():
            self._commit(tp, self._owned[tp], (to >> LINE_BITS) + 1)
        return {tp: ends[tp] for tp in self._owned if tp not in whole}

    async def _look_for_partitions(self) -> None:
        """Note how many partitions the topics have: rows in new ones wait until the group has shared them out."""
        now = await self._log.partitions({tp.topic for tp in self._owned})
        for tp, owned in self._owned.items():
            owned.partitions = now.get(tp.topic, owned.partitions)

    def _commit(self, tp: TopicPartition, owned: Owned, next_offset: int) -> None:
        if next_offset > owned.committed:
            owned.committed = next_offset
            self._log.commit(tp, next_offset)


class DeadLetterLimit:
    """Counts dead letters over the last minute.

    >>> DeadLetterLimit(1).count(2, now_s=0)
    Traceback (most recent call last):
    stream.runtime.intake_host.TooManyDeadLettersError: 2 dead letters within a minute, more than 1: ...
    """

    def __init__(self, most: int) -> None:
        self._most, self._recent, self._sum = most, deque[tuple[float, int]](), 0

    def count(self, n: int, now_s: float) -> None:
        """Add `n`; raise TooManyDeadLettersError when there were too many."""
        while self._recent and self._recent[0][0] <= now_s - 60:
            self._sum -= self._recent.popleft()[1]
        if n:
            self._recent.append((now_s, n))
            self._sum += n
        if self._sum > self._most:
            raise TooManyDeadLettersError(
                f"{self._sum} dead letters within a minute, more than {self._most}: read the topic dead-letters for "
                "the reasons; if it is meant to be so, raise STREAMGAUGE_RUNTIME__DEAD_LETTERS_PER_MINUTE"
            )


def _start(tp: TopicPartition, committed: int | None, bounds: Bounds) -> int:
    if committed is None:
        return bounds.first
    if committed > bounds.end:
        raise LogError(
            f"{tp.topic}, partition {tp.partition} ends at {bounds.end}, below the committed offset {committed}: "
            "the topic was created again or truncated"
        )
    return max(committed, bounds.first)
