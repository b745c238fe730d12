"""Hosts of folds that keep no state of their own: score and store."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from stream.folds.base import Output, Record
from stream.runtime.port import Log, Publisher, TopicPartition

Step = Callable[[TopicPartition, Sequence[Record]], Awaitable[Sequence[Output]]]
Runs = Mapping[TopicPartition, Sequence[Record]]
Write = Callable[[Runs], Awaitable[Sequence[Output]]]

TOGETHER = 2
"""Batches that may be written at once."""

LOOK_S = 0.25
"""How often a host that waits looks whether its caller needs it."""


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
    """Collects records and hands them to `write` together; commits after it: at least once.

    Two batches may be with `write` at once, so that one is prepared while the other is written; while both are, `run`
    waits, and so does whoever reads the log: memory is bounded, however long `write` takes.

    Parameters
    ----------
    write
        Takes the records of partitions, in order, and returns once they are durable; idempotent. What it returns is
        published before the commit: dead letters.
    max_records, max_bytes, max_wait_s
        When a batch is written: at this many records or bytes of values, or, if none is being written, this long
        after its first record.
    patience_s
        How long letting go of partitions, and finishing, wait for what is being written; then it is dropped, and read
        again by whoever comes next.
    wanted
        Whether the caller needs the host back, for a rebalance or a stop: then `run` drops its records instead of
        waiting, and all that come after, until the next assignment.
    """

    def __init__(
        self,
        write: Write,
        log: Log,
        publisher: Publisher,
        *,
        max_records: int = 2_000,
        max_bytes: int = 1 << 24,
        max_wait_s: float = 0.2,
        patience_s: float = 5.0,
        wanted: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write, self._log, self._publisher = write, log, publisher
        self._max_records, self._max_bytes, self._max_wait_s = max_records, max_bytes, max_wait_s
        self._patience_s, self._wanted, self._clock = patience_s, wanted, clock
        self._waiting: dict[TopicPartition, list[Record]] = {}
        self._records = self._bytes = 0
        self._since = 0.0
        self._writing: deque[asyncio.Task[None]] = deque()
        self._dropping = False

    async def assign(self, tps: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Start at the committed offsets; what waited is read again."""
        await self._drop()
        self._dropping = False
        return {}

    async def run(self, tp: TopicPartition, records: Sequence[Record]) -> None:
        """Keep the records; write when there are enough of them."""
        for record in records:
            if self._dropping:
                return
            self._keep(tp, record)
            if self._records >= self._max_records or self._bytes >= self._max_bytes:
                await self._make_room()
                self._begin()

    async def revoke(self, tps: Collection[TopicPartition]) -> None:
        """Write what waits, so that the next owner need not; not for long."""
        await self._finish()

    async def idle(self) -> None:
        """Write what has waited long enough."""
        self._collect()
        if self._waiting and not self._writing and self._clock() - self._since >= self._max_wait_s:
            self._begin()

    async def close(self) -> None:
        """Write what waits; not for long."""
        await self._finish()

    def _keep(self, tp: TopicPartition, record: Record) -> None:
        if not self._waiting:
            self._since = self._clock()
        self._waiting.setdefault(tp, []).append(record)
        self._records += 1
        self._bytes += len(record.value)

    async def _make_room(self) -> None:
        """Return when another batch may be written, or when the caller needs the host back."""
        while len(self._writing) >= TOGETHER:
            await asyncio.wait([self._writing[0]], timeout=LOOK_S)
            self._collect()
            if self._wanted() and len(self._writing) >= TOGETHER:
                self._dropping = True
                self._forget()
                return

    def _begin(self) -> None:
        """Begin to write what waits."""
        if self._waiting:
            before = self._writing[-1] if self._writing else None
            task = asyncio.create_task(self._store(self._waiting, before))
            task.add_done_callback(_look_at)
            self._writing.append(task)
            self._forget()

    async def _store(self, batch: Runs, before: asyncio.Task[None] | None) -> None:
        letters = await self._write(batch)
        if before is not None:
            await asyncio.shield(before)  # commits are in order
        await self._publisher.publish(letters)
        for tp, records in batch.items():
            self._log.commit(tp, records[-1].position + 1)

    def _collect(self) -> None:
        """Forget batches that are written; raise what went wrong."""
        while self._writing and self._writing[0].done():
            self._writing.popleft().result()

    async def _finish(self) -> None:
        if not self._dropping:
            self._begin()
        if self._writing:
            await asyncio.wait(self._writing, timeout=self._patience_s)
        self._collect()
        await self._drop()

    async def _drop(self) -> None:
        """Forget what waits and what is being written."""
        self._forget()
        writing, self._writing = self._writing, deque()
        for task in writing:
            task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)

    def _forget(self) -> None:
        self._waiting = {}
        self._records = self._bytes = 0


def _look_at(task: asyncio.Task[None]) -> None:
    """Take note of an error, so that asyncio does not complain; of several, the first is raised by the host."""
    if not task.cancelled():
        task.exception()
