"""Hosts of folds that keep no state of their own: score and store."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from stream.folds.base import Output, Record
from stream.runtime.port import Log, Publisher, TopicPartition

Step = Callable[[TopicPartition, Sequence[Record]], Awaitable[Sequence[Output]]]
Runs = Mapping[TopicPartition, Sequence[Record]]
Write = Callable[[Runs], Awaitable[Sequence[Output]]]


async def nothing() -> None:
    """Do nothing."""


class StatelessHost:
    """Hands each run to `step`, publishes what it returns, commits after the acks: at least once.

    Parameters
    ----------
    before
        Awaited at each assignment, before the first record: what must be known by then.
    often
        Awaited whenever the host is idle.
    """

    def __init__(
        self,
        step: Step,
        log: Log,
        publisher: Publisher,
        before: Callable[[], Awaitable[None]] = nothing,
        often: Callable[[], Awaitable[None]] = nothing,
    ) -> None:
        self._step, self._log, self._publisher = step, log, publisher
        self._before, self._often = before, often

    async def assign(self, tps: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Start at the committed offsets."""
        await self._before()
        return {}

    async def run(self, tp: TopicPartition, records: Sequence[Record]) -> None:
        """Step, publish, commit."""
        await self._publisher.publish(await self._step(tp, records))
        self._log.commit(tp, records[-1].position + 1)

    async def revoke(self, tps: Collection[TopicPartition]) -> None:
        """Let go of partitions: there is nothing to let go of."""

    async def idle(self) -> None:
        """Look for news."""
        await self._often()

    async def close(self) -> None:
        """Finish: everything is published."""


class BatchHost:
    """Collects runs and hands them to `write` together; commits after it: at least once.

    Parameters
    ----------
    write
        Takes the records of partitions, in order, and returns once they are durable; idempotent. What it returns is
        published before the commit: dead letters.
    max_records, max_wait_s
        When a batch is written: at this many records, or this long after its first.
    """

    def __init__(
        self,
        write: Write,
        log: Log,
        publisher: Publisher,
        *,
        max_records: int = 2_000,
        max_wait_s: float = 0.1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write, self._log, self._publisher = write, log, publisher
        self._max_records, self._max_wait_s, self._clock = max_records, max_wait_s, clock
        self._waiting: dict[TopicPartition, list[Record]] = {}
        self._since = 0.0

    async def assign(self, tps: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Start at the committed offsets; what waited is read again."""
        self._waiting.clear()
        return {}

    async def run(self, tp: TopicPartition, records: Sequence[Record]) -> None:
        """Keep the records; write when there are enough of them."""
        if not self._waiting:
            self._since = self._clock()
        self._waiting.setdefault(tp, []).extend(records)
        if sum(map(len, self._waiting.values())) >= self._max_records:
            await self._flush()

    async def revoke(self, tps: Collection[TopicPartition]) -> None:
        """Write what waits, so that the next owner need not."""
        await self._flush()

    async def idle(self) -> None:
        """Write what has waited long enough."""
        if self._waiting and self._clock() - self._since >= self._max_wait_s:
            await self._flush()

    async def close(self) -> None:
        """Write what waits."""
        await self._flush()

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        await self._publisher.publish(await self._write(waiting))
        for tp, records in waiting.items():
            self._log.commit(tp, records[-1].position + 1)
