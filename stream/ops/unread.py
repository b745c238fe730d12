"""Which partitions no worker of intake reads: watermarks wait for them (rule 5), and somebody should say so."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from stream.runtime.lag import lag_view
from stream.runtime.port import TopicPartition
from stream.settings import Settings
from stream.topology import WIRING

MEND: Final = "start a worker: `streamgauge up`, or `streamgauge worker --fold intake`"

_MEANS: Final = {
    "predictions": "watermarks stand still and panes stay open",
    "labels": "labels are not joined and panes do not mature",
}


@dataclass(frozen=True, slots=True)
class Unread:
    """Partitions of a topic that nobody reads.

    Attributes
    ----------
    partitions
        Those that nobody reads, in order.
    of
        How many the topic has.
    """

    topic: str
    partitions: tuple[int, ...]
    of: int

    def __str__(self) -> str:
        """Return what is the case, and what it means.

        >>> print(Unread("predictions", (3,), 4))
        no intake worker reads predictions/3 (of 4): until one does, watermarks stand still and panes stay open
        """
        which = ", ".join(f"{self.topic}/{partition}" for partition in self.partitions)
        means = _MEANS.get(self.topic, "what is sent there changes nothing")
        return f"no intake worker reads {which} (of {self.of}): until one does, {means}"


def unread(settings: Settings) -> list[Unread]:
    """Return what no worker of intake reads, as the broker knows it now; nothing while workers share it out anew."""
    with lag_view(settings) as view:
        there, read = view.partitions(WIRING["intake"].reads), view.read_by("intake")
    return [] if read is None else left(there, read)


def left(there: Collection[TopicPartition], read: Iterable[TopicPartition]) -> list[Unread]:
    """Return by topic the partitions that are there and not read.

    >>> left([TopicPartition("labels", 0), TopicPartition("labels", 1)], [TopicPartition("labels", 0)])
    [Unread(topic='labels', partitions=(1,), of=2)]
    """
    counts: dict[str, int] = {}
    for tp in there:
        counts[tp.topic] = counts.get(tp.topic, 0) + 1
    missing = sorted(set(there) - set(read))
    by_topic = {topic: tuple(tp.partition for tp in missing if tp.topic == topic) for topic in counts}
    return [Unread(topic, partitions, counts[topic]) for topic, partitions in by_topic.items() if partitions]
