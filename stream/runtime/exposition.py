"""A worker's counts in Prometheus' form, and where its partitions' logs end."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

import structlog
from aiokafka.errors import KafkaError
from kafka.errors import KafkaError as AdminError
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from stream.runtime.metrics import Metrics, Progress
from stream.runtime.port import Bounds, TopicPartition

SAMPLE_S = 2.0
"""Time between two questions where the logs end."""

_log = structlog.get_logger()
_PARTITION = ("fold", "topic", "partition")


class Ends(Protocol):
    """What says where logs end, and what was committed: `stream.runtime.kafka_log.BrokerView`."""

    async def bounds(self, tps: Collection[TopicPartition], /) -> Mapping[TopicPartition, Bounds]: ...  # noqa: D102
    async def committed(self, tps: Collection[TopicPartition], /) -> Mapping[TopicPartition, int]: ...  # noqa: D102


async def follow_ends(metrics: Metrics, ends: Ends, every_s: float = SAMPLE_S) -> None:
    """Ask again and again where the logs end that this worker reads, until cancelled; a silent broker is waited for."""
    while True:
        try:
            await sample(metrics, ends)
        except (KafkaError, AdminError, OSError, TimeoutError) as error:
            _log.debug("the ends of the logs are not known", error=str(error))
        await asyncio.sleep(every_s)


async def sample(metrics: Metrics, ends: Ends) -> None:
    """Note where the logs end now."""
    tps = set(metrics.owned)
    if not tps:
        return
    asked_s = metrics.clock()
    bounds = await ends.bounds(tps)
    unknown = {tp for tp in tps if metrics.of(tp).position < 0}
    committed = await ends.committed(unknown) if unknown else {}
    for tp in tps & metrics.owned:
        progress = metrics.of(tp)
        progress.end = bounds[tp].end
        if tp in unknown and progress.position < 0:
            progress.position = committed.get(tp, bounds[tp].first)
        if progress.position >= progress.end:
            progress.caught_up_s = asked_s


class Exposition:
    """The collector of a worker: reads its counts when it is asked.

    Parameters
    ----------
    metrics
        Its counts; the collector is registered with their registry.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        metrics.registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Yield all families."""
        yield from self._read()
        yield from self._lag()
        yield from self._written()
        yield from self._checkpoints()
        yield from self._states()
        yield from self._memory()

    def describe(self) -> list[Metric]:
        """Return nothing: names are known when they are asked for."""
        return []

    def _read(self) -> Iterator[Metric]:
        records = _counter("read_records", "Records read.", _PARTITION)
        size = _counter("read_bytes", "Bytes of keys and values read.", _PARTITION)
        for tp, progress in self._metrics.progress.items():
            records.add_metric(self._labels(tp), progress.records)
            size.add_metric(self._labels(tp), progress.size)
        yield from (records, size)

    def _lag(self) -> Iterator[Metric]:
        now_s = self._metrics.clock()
        records = _gauge("lag_records", "Records that wait to be done.", _PARTITION)
        seconds = _gauge("lag_seconds", "How long at most the next record has waited; 0 when none does.", _PARTITION)
        position = _gauge("position_offset", "Offset of the next record to be done.", _PARTITION)
        commit = _gauge("last_commit_timestamp_seconds", "When it was last said how far this is.", _PARTITION)
        for tp, progress in self._owned():
            labels = self._labels(tp)
            _add(records, labels, progress.lag())
            _add(seconds, labels, progress.lag_s(now_s))
            _add(position, labels, progress.position if progress.position >= 0 else None)
            _add(commit, labels, progress.committed_s or None)
        yield from (records, seconds, position, commit)

    def _written(self) -> Iterator[Metric]:
        fold = self._metrics.fold
        records = _counter("written_records", "Records written and acknowledged.", ("fold", "topic"))
        size = _counter("written_bytes", "Bytes of keys and values written, before compression.", ("fold", "topic"))
        letters = _counter(
            "dead_letters", "Dead letters written, by topic they came from.", ("fold", "topic", "reason")
        )
        for topic, count in self._metrics.written.items():
            records.add_metric((fold, topic), count)
            size.add_metric((fold, topic), self._metrics.written_bytes[topic])
        for (topic, reason), count in self._metrics.dead_letters.items():
            letters.add_metric((fold, topic, reason), count)
        yield from (records, size, letters)

    def _checkpoints(self) -> Iterator[Metric]:
        labels, now_s = ("fold", "partition"), self._metrics.clock()
        age = _gauge("checkpoint_age_seconds", "Time since the last checkpoint that this worker wrote.", labels)
        size = _gauge("checkpoint_bytes", "Size of that checkpoint, with files that it shares with older ones.", labels)
        for partition, saved in self._metrics.saved.items():
            if any(tp.partition == partition for tp in self._metrics.owned):
                age.add_metric((self._metrics.fold, str(partition)), max(0.0, now_s - saved.at_s))
                size.add_metric((self._metrics.fold, str(partition)), saved.size)
        yield from (age, size)

    def _states(self) -> Iterator[Metric]:
        labels = ("fold", "partition")
        age = _gauge("watermark_age_seconds", "Log clock less the lowest watermark of a live monitor.", labels)
        clock = _gauge("log_clock_timestamp_seconds", "Append time of the newest record folded.", labels)
        rows = _counter("rows", "Events folded by kind and fate, since the lineage began.", (*labels, "kind", "fate"))
        waiting = _gauge("pending_labels", "Labels that wait for their prediction.", labels)
        pending = _gauge("pending_predictions", "Predictions, and scores of shadows, that wait for labels.", labels)
        keys = _gauge("open_keys", "Sums that still grow, by version, segment and pane.", labels)
        unnamed = _gauge("unnamed_partitions", "Partitions that no intake worker has named yet.", (*labels, "topic"))
        for partition, seen in self._metrics.observe():
            mine = (self._metrics.fold, str(partition))
            _add(age, mine, seen.watermark_age_s)
            _add(clock, mine, seen.clock_s)
            _add(waiting, mine, seen.pending)
            _add(pending, mine, seen.waiting)
            _add(keys, mine, seen.open_keys)
            for (kind, fate), count in seen.rows.items():
                rows.add_metric((*mine, kind, fate), count)
            for topic, count in seen.unnamed.items():
                unnamed.add_metric((*mine, topic), count)
        yield from (age, clock, rows, waiting, pending, keys, unnamed)

    def _memory(self) -> Iterator[Metric]:
        limit = _gauge("memory_limit_bytes", "Resident memory above which the worker says so.", ("fold",))
        _add(limit, (self._metrics.fold,), self._metrics.memory.limit_bytes or None)
        yield limit

    def _owned(self) -> list[tuple[TopicPartition, Progress]]:
        return [(tp, self._metrics.of(tp)) for tp in sorted(self._metrics.owned)]

    def _labels(self, tp: TopicPartition) -> tuple[str, str, str]:
        return self._metrics.fold, tp.topic, str(tp.partition)


def _counter(name: str, about: str, labels: tuple[str, ...]) -> CounterMetricFamily:
    return CounterMetricFamily(f"streamgauge_{name}", about, labels=labels)


def _gauge(name: str, about: str, labels: tuple[str, ...]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"streamgauge_{name}", about, labels=labels)


def _add(family: GaugeMetricFamily, labels: tuple[str, ...], value: float | None) -> None:
    if value is not None:
        family.add_metric(labels, value)
