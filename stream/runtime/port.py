"""What stands between the folds' hosts and Kafka: small protocols, so that the same hosts run in memory.

A *port* reads partitions and drives a `Handler`; it is also the handler's `Log`. Calls to a handler never
overlap.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from stream.errors import StreamgaugeError
from stream.folds.base import Output, Record
from stream.topology import TopicInfo


class LogError(StreamgaugeError):
    """A log is not what it was: records are missing, or the topic is another one."""


class TopicPartition(NamedTuple):
    """A partition of a topic, by the topic's logical name."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """The offsets of the first record that is kept and of the next one to be written."""

    first: int
    end: int


class Log(Protocol):
    """What a handler may ask of the log, and tell it."""

    async def bounds(self, tps: Collection[TopicPartition]) -> dict[TopicPartition, Bounds]:
        """Return the bounds of each partition, as the broker knows them now."""
        ...

    async def committed(self, tps: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the committed offsets of the handler's group; partitions without one are left out."""
        ...

    async def describe(self, topics: Collection[str]) -> dict[str, TopicInfo]:
        """Return what the broker says of each topic, by logical name."""
        ...

    async def partitions(self, topics: Collection[str]) -> dict[str, int]:
        """Return how many partitions each topic has now; topics of which the broker says nothing are left out."""
        ...

    def commit(self, tp: TopicPartition, next_offset: int) -> None:
        """Say that all below `next_offset` is done; it is told to the broker soon, not at once."""
        ...


class Publisher(Protocol):
    """Where results go."""

    async def publish(self, outputs: Sequence[Output]) -> None:
        """Return once all are acknowledged; per partition in order, the next handed over after the ack.

        Raises
        ------
        Exception
            When one could not be written: the process must end, for what comes after it was not written.
        """
        ...


class Handler(Protocol):
    """What a port drives."""

    async def assign(self, tps: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Take over partitions, all that are assigned now; return where to start reading.

        A partition that is left out starts at its committed offset, else at its first record.
        """
        ...

    async def run(self, tp: TopicPartition, records: Sequence[Record]) -> None:
        """Take the next records of a partition: all that one poll returned."""
        ...

    async def revoke(self, tps: Collection[TopicPartition]) -> None:
        """Let go of partitions."""
        ...

    async def idle(self) -> None:
        """Do what time asks for; called often, with or without records."""
        ...

    async def close(self) -> None:
        """Finish in good order: called once, at a clean stop only."""
        ...
