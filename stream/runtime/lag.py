"""How far each fold is, and whether the pipeline has caught up: from the offsets that its groups committed."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import KafkaError
from streamgauge.kafka_client import KafkaConsumer
from streamgauge.kafka_client import TopicPartition as KafkaPartition

from stream.runtime.port import TopicPartition
from stream.settings import Settings
from stream.topics import admin
from stream.topology import WIRING, WIRINGS, group_name, kafka_name, logical_name

POLL_S = 0.05
READ_S = 10.0
"""How long the first unread records of a fold's partitions may take to arrive."""
Offsets = Mapping[TopicPartition, int]


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a fold is in a partition: it has done all below `position`; the next record gets offset `end`.

    Attributes
    ----------
    first
        Offset of the first record that is kept.
    """

    fold: str
    topic: str
    partition: int
    position: int
    end: int
    first: int = 0

    @property
    def records(self) -> int:
        """Return how many records are left."""
        return self.end - max(self.position, self.first)

    @property
    def lost(self) -> int:
        """Return how many records retention took before the fold had done them."""
        return max(0, self.first - self.position)


class LagView:
    """Asks the broker over one connection; open it with `lag_view`."""

    def __init__(self, client: KafkaAdminClient, prefix: str) -> None:
        self._client, self._prefix = client, prefix
        self._partitions: dict[str, list[TopicPartition]] = {}

    def ends(self, topics: Collection[str]) -> dict[TopicPartition, int]:
        """Return the offset of the next record of each partition of the topics that exist."""
        return self._offsets(topics, OffsetSpec.LATEST)

    def firsts(self, topics: Collection[str]) -> dict[TopicPartition, int]:
        """Return the offset of the first record that each partition keeps; its end if it keeps none."""
        return self._offsets(topics, OffsetSpec.EARLIEST)

    def partitions(self, topics: Collection[str]) -> list[TopicPartition]:
        """Return the partitions of the topics that exist."""
        return [tp for topic in topics for tp in self._of(topic)]

    def read_by(self, fold: str) -> set[TopicPartition] | None:
        """Return the partitions that workers of a fold have; None while they share them out anew."""
        group = group_name(self._prefix, fold)
        found = self._client.describe_groups([group])[group]
        if found["members"] and found["group_state"] != "Stable":
            return None
        shares = (member["member_assignment"] for member in found["members"])
        parts = (part for share in shares if share for part in share["assigned_partitions"])
        return {self._logical(KafkaPartition(part["topic"], number)) for part in parts for number in part["partitions"]}

    def done(self, fold: str) -> dict[TopicPartition, int]:
        """Return what the fold's group has committed."""
        group = group_name(self._prefix, fold)
        found = self._client.list_group_offsets(group)[group]
        return {self._logical(tp): at.offset for tp, at in found.items() if at.offset >= 0}

    def behind(self, fold: str, ends: Offsets) -> list[Lag]:
        """Return the partitions in which the fold has not come to `ends`."""
        done = self.done(fold) if any(ends.values()) else {}
        lags = (Lag(fold, tp.topic, tp.partition, done.get(tp, 0), end) for tp, end in sorted(ends.items()))
        return [lag for lag in lags if lag.records > 0]

    def _offsets(self, topics: Collection[str], which: OffsetSpec) -> dict[TopicPartition, int]:
        wanted = {self._kafka(tp): which for topic in topics for tp in self._of(topic)}
        found = self._client.list_partition_offsets(wanted) if wanted else {}
        return {self._logical(tp): at.offset for tp, at in found.items()}

    def _of(self, topic: str) -> list[TopicPartition]:
        if topic not in self._partitions:
            name = kafka_name(self._prefix, topic)
            found = [item for item in self._client.describe_topics([name]) if not item["error_code"]]
            count = sum(len(item["partitions"]) for item in found)
            if not count:
                return []
            self._partitions[topic] = [TopicPartition(topic, p) for p in range(count)]
        return self._partitions[topic]

    def _kafka(self, tp: TopicPartition) -> KafkaPartition:
        return KafkaPartition(kafka_name(self._prefix, tp.topic), tp.partition)

    def _logical(self, tp: KafkaPartition) -> TopicPartition:
        return TopicPartition(logical_name(self._prefix, tp.topic), tp.partition)


@contextmanager
def lag_view(settings: Settings) -> Iterator[LagView]:
    """Open a view; keep it open for many questions."""
    with admin(settings) as client:
        yield LagView(client, settings.kafka.prefix)


def positions(settings: Settings, folds: Collection[str] = ()) -> list[Lag]:
    """Return how far each fold is in each partition that it reads; without a commit, at the first that is kept.

    Parameters
    ----------
    folds
        Only these; empty: all.
    """
    with lag_view(settings) as view:
        found = []
        for wiring in (w for w in WIRINGS if not folds or w.name in folds):
            done = view.done(wiring.name)
            ends, firsts = view.ends(wiring.reads), view.firsts(wiring.reads)
            found += [
                Lag(wiring.name, *tp, done.get(tp, firsts[tp]), end, firsts[tp]) for tp, end in sorted(ends.items())
            ]
    return found


def next_append_ms(settings: Settings, lags: Collection[Lag]) -> dict[Lag, int]:
    """Return when the next unread record of each partition was stored, epoch milliseconds; none where none is left.

    Reads that record of each partition that is behind: one fetch for each fold, some 10 ms.
    """
    behind = [lag for lag in lags if lag.records > 0]
    if not behind:
        return {}
    client = KafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap.split(","), enable_auto_commit=False, max_partition_fetch_bytes=1
    )
    try:
        found: dict[Lag, int] = {}
        for fold in dict.fromkeys(lag.fold for lag in behind):  # two folds may be at two places of one partition
            found |= _first_times(client, settings.kafka.prefix, [lag for lag in behind if lag.fold == fold])
        return found
    finally:
        client.close()


def _first_times(client: KafkaConsumer, prefix: str, lags: list[Lag]) -> dict[Lag, int]:
    names = {KafkaPartition(kafka_name(prefix, lag.topic), lag.partition): lag for lag in lags}
    client.assign(list(names))
    client.resume(*names)  # the fold before may have read the same partitions
    for name, lag in names.items():
        client.seek(name, max(lag.position, lag.first))
    found: dict[Lag, int] = {}
    deadline = time.monotonic() + READ_S
    while names and time.monotonic() < deadline:
        for name, records in client.poll(timeout_ms=100).items():
            client.pause(name)
            found.setdefault(names[name], records[0].timestamp)
        done = [name for name, lag in names.items() if lag in found or client.position(name) >= lag.end]
        for name in done:  # the marks of transactions are no records: a partition may end without one
            client.pause(name)
            del names[name]
    return found


class NotCaughtUp(TimeoutError):  # noqa: N818  it says what is the case
    """The pipeline did not catch up in time; `left` says where it stands."""

    def __init__(self, left: list[Lag]) -> None:
        self.left = left
        where = ", ".join(f"{lag.fold} {lag.topic}/{lag.partition} at {lag.position} of {lag.end}" for lag in left)
        super().__init__(f"not caught up: {where}")


def caught_up(settings: Settings, timeout_s: float, ticks: int = 4) -> bool:
    """Wait until all that was sent before the call has gone the whole way; say whether it did in time.

    See `wait_caught_up`, which keeps its connection and says what is missing.
    """
    with lag_view(settings) as view:
        try:
            wait_caught_up(view, timeout_s, ticks)
        except NotCaughtUp:
            return False
    return True


def wait_caught_up(view: LagView, timeout_s: float, ticks: int = 4) -> None:
    """Wait until all that was sent before the call has gone the whole way, stage by stage.

    Each stage takes the ends of the logs that a fold reads, and waits until its group has committed them;
    folds commit after the acks of their results (intake: after a tick that is acknowledged in every ledger
    partition), so the next stage's ends include them.

    Parameters
    ----------
    ticks
        How many records more (ticks) `measure` must have folded beyond the rows: with 4, every partition of
        predictions is known to be read up to the last row, so that the watermark stands where it will; marks and
        partials are out.

    Raises
    ------
    NotCaughtUp
        If it takes longer than `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    for fold in ("score", "intake"):
        _wait(view, fold, view.ends(WIRING[fold].reads), deadline)
    ledger = {tp: end + ticks for tp, end in view.ends(WIRING["measure"].reads).items()}
    _wait(view, "measure", ledger, deadline)
    for fold in ("decide", "store", "retrain"):
        _wait(view, fold, view.ends(WIRING[fold].reads), deadline)


def _wait(view: LagView, fold: str, ends: Offsets, deadline: float) -> None:
    left = _behind(view, fold, ends)
    while left:
        if time.monotonic() >= deadline:
            raise NotCaughtUp(left)
        time.sleep(POLL_S)
        left = _behind(view, fold, ends)


def _behind(view: LagView, fold: str, ends: Offsets) -> list[Lag]:
    try:
        return view.behind(fold, ends)
    except KafkaError:  # a group that is just coming up, or a broker that is
        return [Lag(fold, tp.topic, tp.partition, 0, end) for tp, end in ends.items() if end]
