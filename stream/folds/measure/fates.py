"""What becomes of each event: cumulated counts by kind and producer, and a line for each that was not simply used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.folds.blocks import Rows, Source
from stream.folds.measure.state import CountId, MeasureState, SourceId
from stream.folds.monitor import OTHER
from stream.folds.partials import Count

# Places in a list of counts, as in partials.Count.
RECEIVED, USED, DUPLICATE, LATE_USED, INVALID, UNMATCHED, PENDING = range(7)
PLACES = {
    "used": USED,
    "duplicate": DUPLICATE,
    "late_used": LATE_USED,
    "invalid": INVALID,
    "unmatched": UNMATCHED,
    "pending": PENDING,
}
MAX_PRODUCERS = 64


@dataclass(frozen=True, slots=True)
class Events:
    """The rows of a block that are above what was read of their source before.

    Attributes
    ----------
    rows
        Their places in the block's columns, rising.
    producers
        The producer's name of every row of the block.
    """

    model: str
    source: Source
    rows: NDArray[np.int64]
    event_ms: NDArray[np.int64]
    ids: tuple[str, ...]
    producers: list[str]

    @property
    def source_id(self) -> SourceId:
        """The source as a key of the state."""
        return (self.source.topic, self.source.topic_id, self.source.partition)


def count(state: MeasureState, model: str, kind: str, events: Events, rows: NDArray[np.int64], fate: str) -> None:
    """Count events as received, with their fate."""
    producers = [events.producers[row] for row in rows.tolist()]
    for producer in dict.fromkeys(producers):
        counts = counts_of(state, model, kind, producer)
        n = producers.count(producer)
        counts[RECEIVED] += n
        counts[PLACES[fate]] += n


def not_used(
    state: MeasureState, rows: Rows, events: Events, row: int, fate: str, reason: str, counted_as: str | None = None
) -> None:
    """Count one event as received and not used, under its model or `counted_as`, and say where it is and why."""
    counts = counts_of(state, rows.model if counted_as is None else counted_as, rows.kind, events.producers[row])
    counts[RECEIVED] += 1
    counts[PLACES[fate]] += 1
    place = int(rows.position_array()[row])
    source = events.source
    tell(state, (source.topic, source.partition, place, rows.model, rows.ids[row], rows.kind, fate, reason))


def tell(state: MeasureState, fate: tuple[str, int, int, str, str, str, str, str]) -> None:
    """Put a fate into the next message."""
    state.fates.append(fate)


def counts_of(state: MeasureState, model: str, kind: str, producer: str) -> list[int]:
    """Return the counts of a producer, to be changed; beyond MAX_PRODUCERS of a model they share ``__other__``."""
    key = (model, kind, producer)
    if key not in state.counts:
        known = sum(k[0] == model and k[1] == kind for k in state.counts)
        key = key if known < MAX_PRODUCERS else (model, kind, OTHER)
    state.dirty[key] = True
    return state.counts.setdefault(key, [0] * len(Count.__struct_fields__[3:]))


def changed_counts(state: MeasureState) -> tuple[Count, ...]:
    """Return the counts that changed since the last tick, and forget that they did."""
    keys: list[CountId] = list(state.dirty)
    state.dirty = {}
    return tuple(Count(*key, *state.counts[key]) for key in keys)
