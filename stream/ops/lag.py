"""How far behind each fold is, in records and in seconds."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from stream.runtime.lag import Lag, next_append_ms, positions
from stream.settings import Settings


@dataclass(frozen=True, slots=True)
class Behind:
    """How far behind a fold is in one partition.

    Attributes
    ----------
    position, end
        Offset of the next record that it will do, and of the next one to be written.
    records
        What lies between them, as far as it is kept.
    seconds
        Age of the next record that it will do, since it was stored (for features, predictions and labels: since its
        producer made it); 0 when none waits, ``None`` when it could not be read.
    lost
        Records that retention took before the fold had done them.
    """

    fold: str
    topic: str
    partition: int
    position: int
    end: int
    records: int
    seconds: float | None
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """All partitions of one topic that a fold reads: their sum of records, their worst age."""

    fold: str
    topic: str
    partitions: int
    records: int
    seconds: float | None
    lost: int


def lag(settings: Settings, folds: Collection[str] = ()) -> list[Behind]:
    """Return how far behind each fold is in each partition that it reads, as the broker knows it now.

    Parameters
    ----------
    folds
        Only these; empty: all.
    """
    lags = positions(settings, folds)
    stored = next_append_ms(settings, lags)
    now_ms = time.time_ns() // 1_000_000
    return [_behind(at, stored.get(at), now_ms) for at in lags]


def _behind(at: Lag, stored_ms: int | None, now_ms: int) -> Behind:
    """Return one partition's lag; a clock that is behind the broker's makes it 0, never less.

    >>> _behind(Lag("measure", "ledger", 0, 5, 8), 1_000, 3_500).seconds
    2.5
    """
    seconds = 0.0 if at.records <= 0 else None if stored_ms is None else max(0.0, (now_ms - stored_ms) / 1_000)
    return Behind(at.fold, at.topic, at.partition, at.position, at.end, max(0, at.records), seconds, at.lost)


def summaries(behind: Iterable[Behind]) -> list[Summary]:
    """Return one line for each fold and topic, in order; its seconds are unknown if a partition's are.

    >>> a = Behind("store", "ledger", 0, 5, 8, 3, 2.5)
    >>> summaries([a, Behind("store", "ledger", 1, 8, 8, 0, 0.0)])[0].seconds
    2.5
    """
    grouped: dict[tuple[str, str], list[Behind]] = {}
    for one in behind:
        grouped.setdefault((one.fold, one.topic), []).append(one)
    return [_summary(some) for some in grouped.values()]


def _summary(some: list[Behind]) -> Summary:
    ages = [one.seconds for one in some if one.seconds is not None]
    seconds = max(ages) if len(ages) == len(some) else None
    return Summary(
        some[0].fold, some[0].topic, len(some), sum(one.records for one in some), seconds, sum(one.lost for one in some)
    )


def too_far(behind: Iterable[Behind], max_seconds: float) -> list[Behind]:
    """Return what is more than `max_seconds` behind, or has lost records, or could not be read."""
    return [one for one in behind if one.lost or one.seconds is None or one.seconds > max_seconds]
