"""Rows of disparities: each group of a protected segment against the rest, where anything of that segment changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from detectors.disparities import SELECTION_RATE, Disparity, disparities
from stream.folds.decide.emit import Emit
from stream.folds.decide.performance import Known, added, known_at
from stream.folds.decide.state import GroupId, LineageState, PredictionPane, Sums
from stream.folds.monitor import OTHER, Monitor
from stream.folds.rows import DisparityRow


def disparity_rows(
    monitor: Monitor, lineage: LineageState, touched: dict[int, list[GroupId]], arrival_ms: int, emit: Emit
) -> Iterator[DisparityRow]:
    """Yield the disparities of panes as known when the pane `arrival_ms` was final; none without protected segments.

    The rest are all other groups of the segment, those that are not told apart included.
    """
    for pane_ms, groups in sorted(touched.items()) if monitor.protected else ():
        known = known_at(monitor, pane_ms, arrival_ms)
        for version, segment in sorted({group[:2] for group in groups if group[1] in monitor.protected}):
            values = _values(lineage.panes[pane_ms], version, segment)
            for value in sorted(values.keys() - {OTHER}) if len(values) > 1 else ():
                yield from _rows(monitor, known, (version, segment, value), values, emit)


def _values(pane: PredictionPane, version: str, segment: str) -> dict[str, Sums]:
    return {group[2]: pane.groups[group] for group in sorted(pane.groups) if group[:2] == (version, segment)}


def _rows(
    monitor: Monitor, known: Known, group: GroupId, values: Mapping[str, Sums], emit: Emit
) -> Iterator[DisparityRow]:
    mine, *others = values[group[2]], *(sums for value, sums in values.items() if value != group[2])
    rest = others[0]
    for sums in others[1:]:
        rest = added(rest, sums)
    sides = (mine.task_cells, mine.task_sums), (rest.task_cells, rest.task_sums)
    for metric, found in disparities(monitor.task, *sides).items():
        yield _row(monitor, known, group, metric, found, emit)


def _row(monitor: Monitor, known: Known, group: GroupId, metric: str, found: Disparity, emit: Emit) -> DisparityRow:
    maturity = 1.0 if metric == SELECTION_RATE else known.maturity
    return DisparityRow(
        lineage=monitor.lineage,
        model=monitor.model,
        model_version=group[0],
        segment_key=group[1],
        segment_value=group[2],
        pane_ms=known.pane_ms,
        arrival_ms=known.arrival_ms,
        metric=metric,
        value=found.value,
        rest=found.rest,
        difference=found.difference.value,
        lo=found.difference.lo,
        hi=found.difference.hi,
        n=found.n,
        rest_n=found.rest_n,
        maturity=maturity,
        is_mature=maturity >= 1.0,
        known_ms=emit.known_ms,
        position=emit.position,
    )
