"""Rows of disparities: each group of a protected segment against the rest, where anything of that segment changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from detectors.disparities import SELECTION_RATE, Disparity, disparities
from stream.folds.decide.headings import of_group
from stream.folds.decide.performance import Known, added, known_at
from stream.folds.decide.state import GroupId, PredictionPane, Sums
from stream.folds.decide.turn import Turn
from stream.folds.monitor import OTHER
from stream.folds.rows import DisparityRow


def disparity_rows(turn: Turn, touched: dict[int, list[GroupId]]) -> Iterator[DisparityRow]:
    """Yield the disparities of panes as known when the turn's was final; none without protected segments.

    The rest are all other groups of the segment, those that are not told apart included.
    """
    protected = turn.monitor.protected
    for pane_ms, groups in sorted(touched.items()) if protected else ():
        known = known_at(turn, pane_ms)
        for version, segment in sorted({group[:2] for group in groups if group[1] in protected}):
            values = _values(turn.lineage.panes[pane_ms], version, segment)
            for value in sorted(values.keys() - {OTHER}) if len(values) > 1 else ():
                yield from _rows(turn, known, (version, segment, value), values)


def _values(pane: PredictionPane, version: str, segment: str) -> dict[str, Sums]:
    return {group[2]: pane.groups[group] for group in sorted(pane.groups) if group[:2] == (version, segment)}


def _rows(turn: Turn, known: Known, group: GroupId, values: Mapping[str, Sums]) -> Iterator[DisparityRow]:
    mine, *others = values[group[2]], *(sums for value, sums in values.items() if value != group[2])
    rest = others[0]
    for sums in others[1:]:
        rest = added(rest, sums)
    sides = (mine.task_cells, mine.task_sums), (rest.task_cells, rest.task_sums)
    for metric, found in disparities(turn.monitor.task, *sides).items():
        yield _row(turn, known, group, metric, found)


def _row(turn: Turn, known: Known, group: GroupId, metric: str, found: Disparity) -> DisparityRow:
    maturity = 1.0 if metric == SELECTION_RATE else known.maturity
    return DisparityRow(
        **of_group(turn, known.pane_ms, group),
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
    )
