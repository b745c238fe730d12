"""Handler, log, publisher and checkpoints of a worker, watched while they work."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from stream.folds.base import Output, Record
from stream.runtime.checkpoint import Checkpoint, CheckpointStore, PointerLog
from stream.runtime.metrics import Metrics
from stream.runtime.port import Bounds, Handler, Log, Publisher, TopicPartition
from stream.topology import TopicInfo


class MeteredHandler:
    """A handler that is watched while it works."""

    def __init__(self, handler: Handler, metrics: Metrics) -> None:
        self._handler, self._metrics = handler, metrics
        self.takes_empty_runs = bool(getattr(handler, "takes_empty_runs", False))

    async def assign(self, tps: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Take over partitions."""
        metrics = self._metrics
        metrics.pulse.assigned = False
        with metrics.calling("taking over partitions"):
            starts = await self._handler.assign(tps)
        metrics.owned = set(tps)
        for tp in tps:
            progress = metrics.of(tp)
            progress.position, progress.end = max(progress.position, starts.get(tp, -1)), -1
        metrics.pulse.assigned = True
        return starts

    async def run(self, tp: TopicPartition, records: Sequence[Record]) -> None:
        """Take the next records."""
        metrics, begin = self._metrics, self._metrics.monotonic()
        with metrics.calling(f"records of {tp.topic}/{tp.partition}"):
            await self._handler.run(tp, records)
        if records:
            metrics.took(tp, records, metrics.monotonic() - begin)

    async def revoke(self, tps: Collection[TopicPartition]) -> None:
        """Let go of partitions; none are assigned until the next assignment."""
        self._metrics.pulse.assigned = False
        with self._metrics.calling("letting go of partitions"):
            await self._handler.revoke(tps)
        self._metrics.owned -= set(tps)
        for tp in tps:
            self._metrics.of(tp).position = -1  # another worker goes on from here

    async def idle(self) -> None:
        """Do what time asks for."""
        with self._metrics.calling("what time asks for"):
            await self._handler.idle()

    async def close(self) -> None:
        """Finish in good order."""
        with self._metrics.calling("finishing"):
            await self._handler.close()


class MeteredLog:
    """A log that notes how far the handler says it is."""

    def __init__(self, log: Log, metrics: Metrics) -> None:
        self._log, self._metrics = log, metrics

    async def bounds(self, tps: Collection[TopicPartition]) -> dict[TopicPartition, Bounds]:
        """Return the bounds of each partition."""
        return await self._log.bounds(tps)

    async def committed(self, tps: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the committed offsets of the handler's group."""
        return await self._log.committed(tps)

    async def describe(self, topics: Collection[str]) -> dict[str, TopicInfo]:
        """Return what the broker says of each topic."""
        return await self._log.describe(topics)

    async def partitions(self, topics: Collection[str]) -> dict[str, int]:
        """Return how many partitions each topic has now."""
        return await self._log.partitions(topics)

    def commit(self, tp: TopicPartition, next_offset: int) -> None:
        """Say that all below `next_offset` is done."""
        self._log.commit(tp, next_offset)
        progress = self._metrics.of(tp)
        progress.position, progress.committed_s = next_offset, self._metrics.clock()


class MeteredPublisher:
    """A publisher whose acks are timed."""

    def __init__(self, publisher: Publisher, metrics: Metrics) -> None:
        self._publisher, self._metrics, self._calls = publisher, metrics, 0

    async def publish(self, outputs: Sequence[Output]) -> None:
        """Return once all are acknowledged."""
        if not outputs:
            return
        self._calls += 1
        call, begin = self._calls, self._metrics.monotonic()
        self._metrics.pulse.acks[call] = begin
        try:
            await self._publisher.publish(outputs)
        finally:
            del self._metrics.pulse.acks[call]
        self._metrics.published(outputs, self._metrics.monotonic() - begin)


class MeteredCheckpoints(CheckpointStore):
    """A store of checkpoints whose writing is timed."""

    def __init__(
        self, metrics: Metrics, prefix: str, fold: str, folder: Path, pointers: PointerLog, hours: int
    ) -> None:
        super().__init__(prefix, fold, folder, pointers, hours)
        self._metrics = metrics

    async def save(self, partition: int, checkpoint: Checkpoint) -> None:
        """Write a checkpoint."""
        begin = self._metrics.monotonic()
        await super().save(partition, checkpoint)
        size = len(checkpoint.snapshot.data) + sum(map(len, checkpoint.snapshot.files.values()))
        self._metrics.checkpointed(partition, checkpoint.position, size, self._metrics.monotonic() - begin)
