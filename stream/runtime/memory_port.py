"""A broker in memory, with cuts and crashes on demand: the double that ships with the product."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from stream.folds.base import Output, Record
from stream.runtime.checkpoint import Pointer, newest_by_key
from stream.runtime.port import Bounds, Handler, TopicPartition
from stream.topology import TopicInfo

START_MS = 1_600_000_000_000


class CrashError(Exception):
    """The process died here."""


@dataclass(slots=True)
class MemoryBroker:
    """What survives a crash: logs, commits, pointers, and the list of crashes to come.

    Parameters
    ----------
    partitions
        Number of partitions of each topic.
    crashes
        At which calls, counted over the broker's life, the process dies: before the call has any effect.
    step_ms
        How far the broker's clock goes on with each record.
    """

    partitions: dict[str, int]
    crashes: frozenset[int] = frozenset()
    step_ms: int = 1
    logs: dict[TopicPartition, list[Record]] = field(default_factory=dict)
    commits: dict[TopicPartition, int] = field(default_factory=dict)
    pointers: list[Pointer] = field(default_factory=list)
    topic_id: str = "memory"
    now_ms: int = START_MS
    calls: int = 0

    def append(self, tp: TopicPartition, output: Output) -> None:
        """Store one record."""
        log = self.logs.setdefault(tp, [])
        self.now_ms += self.step_ms
        log.append(Record(len(log), self.now_ms, output.value, output.key, output.headers))

    def records(self, topic: str, partition: int = 0) -> list[Record]:
        """Return the records of a partition."""
        return self.logs.get(TopicPartition(topic, partition), [])

    def maybe_crash(self) -> None:
        """Die if this call is one of `crashes`."""
        self.calls += 1
        if self.calls in self.crashes:
            raise CrashError


class MemoryPublisher:
    """Stores outputs one by one; a crash may leave a part of them, but no hole."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def publish(self, outputs: Sequence[Output]) -> None:
        """Store all outputs."""
        for output in outputs:
            self._broker.maybe_crash()
            count = self._broker.partitions[output.topic]
            partition = sum(output.key) % count if output.partition is None else output.partition
            self._broker.append(TopicPartition(output.topic, partition), output)


class MemoryPointers:
    """The topic of pointers, compacted at once."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def read(self) -> list[Pointer]:
        """Return the newest pointer under each key."""
        self._broker.maybe_crash()
        return newest_by_key(self._broker.pointers)

    async def write(self, pointer: Pointer) -> None:
        """Store a pointer."""
        self._broker.maybe_crash()
        self._broker.pointers.append(pointer)


class MemoryPort:
    """Drives a handler over all partitions of some topics until it has read what is there.

    Parameters
    ----------
    broker
        Holds the logs.
    topics
        What the handler reads.
    polls
        Sizes of the runs, over and over.
    """

    def __init__(self, broker: MemoryBroker, topics: Sequence[str], polls: Sequence[int] = (7,)) -> None:
        if not polls or min(polls) < 1:
            raise ValueError(f"polls must be sizes of 1 or more, got {polls!r}")
        self._broker, self._topics, self._polls = broker, topics, polls

    async def bounds(self, tps: Collection[TopicPartition]) -> dict[TopicPartition, Bounds]:
        """Return the bounds of each partition."""
        return {tp: Bounds(0, len(self._broker.logs.get(tp, []))) for tp in tps}

    async def committed(self, tps: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Return what was committed."""
        return {tp: self._broker.commits[tp] for tp in tps if tp in self._broker.commits}

    async def describe(self, topics: Collection[str]) -> dict[str, TopicInfo]:
        """Return what the broker says: an id goes with the broker's."""
        broker = self._broker
        return {topic: TopicInfo(f"{topic}-{broker.topic_id}", broker.partitions[topic]) for topic in topics}

    async def partitions(self, topics: Collection[str]) -> dict[str, int]:
        """Return how many partitions each topic has now; topics of which the broker says nothing are left out."""
        return {topic: self._broker.partitions[topic] for topic in topics}

    def commit(self, tp: TopicPartition, next_offset: int) -> None:
        """Commit at once."""
        self._broker.maybe_crash()
        self._broker.commits[tp] = next_offset

    async def run(self, handler: Handler) -> None:
        """Assign everything, hand over what the logs hold, run by run, partition by partition, then close."""
        tps = [TopicPartition(topic, p) for topic in self._topics for p in range(self._broker.partitions[topic])]
        starts = await handler.assign(tps)
        at = {tp: starts.get(tp, self._broker.commits.get(tp, 0)) for tp in tps}
        sizes = self._sizes()
        while any(at[tp] < len(self._broker.logs.get(tp, [])) for tp in tps):
            for tp in tps:
                records = self._broker.logs.get(tp, [])[at[tp] :][: next(sizes)]
                if records:
                    self._broker.maybe_crash()
                    await handler.run(tp, records)
                    at[tp] = records[-1].position + 1
                await handler.idle()
        await handler.close()

    def _sizes(self) -> Iterator[int]:
        while True:
            yield from self._polls
