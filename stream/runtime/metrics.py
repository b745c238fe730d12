"""What a worker counts about itself: a few additions for each run, none for a record."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector

from stream.folds.base import Output, Record, Records
from stream.runtime.memory import Memory
from stream.runtime.port import TopicPartition
from stream.topology import DEAD_LETTERS

# From a millisecond to half a minute: a step of one poll, an ack of the broker.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class _Letter(msgspec.Struct):
    topic: str = ""
    reason: str = ""


_letter = msgspec.json.Decoder(_Letter)


@dataclass(slots=True)
class Progress:
    """How far this worker is in one partition that it reads; times are epoch seconds.

    Attributes
    ----------
    records, size
        Records and their bytes (keys and values) that it was handed since it started.
    position
        Offset of the next record to be done, as the handler said last; −1 while unknown.
    end
        Offset of the next record to be written, as the broker said last; −1 while unknown.
    append_s
        When the last record that it was handed was stored; 0 before the first.
    caught_up_s
        When nothing was seen to wait; 0 if that never was.
    committed_s
        When the handler last said how far it is; 0 before.
    """

    records: int = 0
    size: int = 0
    position: int = -1
    end: int = -1
    append_s: float = 0.0
    caught_up_s: float = 0.0
    committed_s: float = 0.0

    def lag(self) -> int | None:
        """Return how many records wait, None while unknown."""
        return None if self.position < 0 or self.end < 0 else max(0, self.end - self.position)

    def lag_s(self, now_s: float) -> float | None:
        """Return how long at most the next record has waited, 0 when none does, None while unknown.

        It came after the last one that was done, and after the last time when none waited.

        >>> Progress(position=5, end=8, append_s=90.0, caught_up_s=97.0).lag_s(100.0)
        3.0
        """
        records, since_s = self.lag(), max(self.append_s, self.caught_up_s)
        if not records:
            return None if records is None else 0.0
        return None if not since_s else max(0.0, now_s - since_s)


@dataclass(slots=True)
class Saved:
    """The last checkpoint of a partition: when (epoch seconds), its bytes, and its position."""

    at_s: float
    size: int
    position: int


@dataclass(slots=True)
class Pulse:
    """Signs of life, monotonic seconds.

    Attributes
    ----------
    assigned
        Whether partitions were assigned, be it none of them, and are not being taken over.
    seen_s
        When the last call of the handler ended.
    busy_s, doing
        When the call that runs now began, and what it is; 0 while none does.
    acks
        When each call of the publisher began that still waits.
    """

    started_s: float
    seen_s: float
    assigned: bool = False
    busy_s: float = 0.0
    doing: str = ""
    acks: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observed:
    """What the state of a fold over one partition says about itself.

    Attributes
    ----------
    clock_s
        The log clock, epoch seconds; None before the first record.
    watermark_age_s
        The log clock less the lowest watermark of the lineages in force, seconds; None if none has one.
    pending
        Labels that wait for their prediction.
    waiting
        Predictions that wait for labels, their shadows' scores included.
    open_keys
        Sums that still grow.
    rows
        Events by kind (``prediction``, ``label``; ``gap``: lost) and fate, cumulated since the lineage began.
    unnamed
        By topic, how many partitions no worker of intake has named: while it is above 0, watermarks stand still.
    """

    clock_s: float | None = None
    watermark_age_s: float | None = None
    pending: int | None = None
    waiting: int | None = None
    open_keys: int | None = None
    rows: Mapping[tuple[str, str], int] = field(default_factory=dict)
    unnamed: Mapping[str, int] = field(default_factory=dict)


def nothing() -> Iterable[tuple[int, Observed]]:
    """Return no partition: a fold without a state that speaks."""
    return ()


class Metrics:
    """All counts of one worker.

    Counters are plain integers, read when somebody asks (`stream.runtime.exposition`); so a run costs some
    microseconds, a record nothing.

    Parameters
    ----------
    fold, worker
        Names, for the labels.
    clock, monotonic
        Epoch and monotonic seconds.

    Attributes
    ----------
    memory
        What it uses, and the most that it should.
    observe
        Returns what the states say, by partition; called when somebody asks.
    """

    def __init__(
        self,
        fold: str,
        worker: str,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.fold, self.worker, self.clock, self.monotonic = fold, worker, clock, monotonic
        self.registry = CollectorRegistry()
        self.progress: dict[TopicPartition, Progress] = {}
        self.owned: set[TopicPartition] = set()
        self.written: Counter[str] = Counter()
        self.written_bytes: Counter[str] = Counter()
        self.dead_letters: Counter[tuple[str, str]] = Counter()
        self.saved: dict[int, Saved] = {}
        self.pulse = Pulse(monotonic(), monotonic())
        self.memory = Memory()
        self.observe: Callable[[], Iterable[tuple[int, Observed]]] = nothing
        self._step = Histogram(
            "streamgauge_step_seconds",
            "Time of the handler for all records of one poll of a partition, with the waiting for acks.",
            ["fold", "topic"], buckets=BUCKETS, registry=self.registry,
        )  # fmt: skip
        self._publish = self._histogram("publish", "Time until results were acknowledged by all replicas.")
        self._save = self._histogram("checkpoint", "Time to write a checkpoint; it is written beside the folding.")
        ProcessCollector(registry=self.registry)

    def _histogram(self, name: str, about: str) -> Histogram:
        made = Histogram(f"streamgauge_{name}_seconds", about, ["fold"], buckets=BUCKETS, registry=self.registry)
        return made.labels(self.fold)

    def of(self, tp: TopicPartition) -> Progress:
        """Return what is counted of a partition, to be changed."""
        return self.progress.setdefault(tp, Progress())

    def took(self, tp: TopicPartition, records: Sequence[Record], seconds: float) -> None:
        """Count a run."""
        count, size, append_ms = measured(records)
        progress = self.of(tp)
        progress.records += count
        progress.size += size
        progress.append_s = append_ms / 1_000
        self._step.labels(self.fold, tp.topic).observe(seconds)

    def published(self, outputs: Sequence[Output], seconds: float) -> None:
        """Count results that were acknowledged."""
        for output in outputs:
            self.written[output.topic] += 1
            self.written_bytes[output.topic] += len(output.value) + len(output.key)
            if output.topic == DEAD_LETTERS.name:
                letter = _letter.decode(output.value)
                self.dead_letters[letter.topic, letter.reason] += 1
        self._publish.observe(seconds)

    def checkpointed(self, partition: int, position: int, size: int, seconds: float) -> None:
        """Note a checkpoint that was written."""
        self.saved[partition] = Saved(self.clock(), size, position)
        self._save.observe(seconds)

    @contextmanager
    def calling(self, what: str) -> Iterator[None]:
        """Note that the handler is at work while the block lasts."""
        self.pulse.busy_s, self.pulse.doing = self.monotonic(), what
        try:
            yield
        finally:
            self.pulse.busy_s, self.pulse.doing, self.pulse.seen_s = 0.0, "", self.monotonic()


def measured(records: Sequence[Record]) -> tuple[int, int, int]:
    """Return the number of records, the bytes of their keys and values, and when the last was stored, epoch ms.

    >>> measured([Record(4, 1_000, b"abc", b"k")])
    (1, 4, 1000)
    """
    if isinstance(records, Records):
        size = int(records.value_size.sum()) + int(records.key_size.sum())
        return len(records), size, int(records.append_ms[-1])
    return len(records), sum([len(r.value) + len(r.key) for r in records]), records[-1].append_ms
