"""What states of folds say about themselves, read when metrics are asked for: the folds know nothing of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from stream.folds.measure.fates import PENDING, PLACES
from stream.folds.measure.key_kernels import NEVER
from stream.folds.measure.state import MeasureState
from stream.folds.measure.watermark import unnamed
from stream.runtime.metrics import Observed
from stream.runtime.port import TopicPartition
from stream.runtime.stateful_host import Cell


def measured(cells: Mapping[TopicPartition, Cell[MeasureState]]) -> Iterator[tuple[int, Observed]]:
    """Yield what the states of `measure` say, by partition of the ledger."""
    for tp, cell in list(cells.items()):
        yield tp.partition, of_measure(cell.state)


def of_measure(state: MeasureState) -> Observed:
    """Return what a state of `measure` says. Costs a look at each lineage and each producer's counts."""
    marks = [here.watermark_ms for here in list(state.lineages.values()) if not here.retired]
    known = [mark for mark in marks if mark != NEVER]
    rows: Counter[tuple[str, str]] = Counter()
    pending = 0
    for (_, kind, _), counts in list(state.counts.items()):
        pending += counts[PENDING]
        for fate, place in PLACES.items():
            if place != PENDING:
                rows[kind, fate] += counts[place]
    return Observed(
        state.clock_ms / 1_000 if state.clock_ms else None,
        (state.clock_ms - min(known)) / 1_000 if known else None,
        pending,
        len(state.pending),
        len(state.keys),
        {key: count for key, count in rows.items() if count},
        {topic: unnamed(state, topic) for topic in ("predictions", "labels")},
    )
