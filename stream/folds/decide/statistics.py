"""Effect sizes of each feature of a final pane against the reference, as rows: for people, never for decisions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.bins import MISSING, UNSEEN
from detectors.panel.effects import Cases, effects
from detectors.panel.panel import Panel
from stream.folds.decide.gauges import OnTime, plan_of
from stream.folds.decide.turn import Turn
from stream.folds.layout import layout_of
from stream.folds.rows import StatisticsRow

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Final(NamedTuple):
    """A pane that has just become final, and what came in time for it."""

    turn: Turn
    found: OnTime


def statistics_rows(panes: Sequence[Final]) -> list[StatisticsRow]:
    """Return the effect sizes of each feature in final panes of a monitor; none without a reference, or without rows.

    All panes at once: for one alone, what numpy does costs less than to ask it. None either where nobody looks at them,
    and no detector listens.
    """
    with_rows = [pane for pane in panes if pane.found.rows]
    if not with_rows or not _is_wanted(with_rows[0].turn):
        return []
    monitor = with_rows[0].turn.monitor
    plan, places = plan_of(monitor), {cells.name: cells.number for cells in layout_of(monitor).features}
    counts = np.stack([pane.found.counts for pane in with_rows])
    sizes = _sizes(plan.panel, counts, np.array([pane.found.rows for pane in with_rows]))
    values = counts.sum(2)
    present = (values - counts[:, :, MISSING]).tolist()
    of_features = [(name, places[name]) for name in plan.names]
    of_panes = zip(with_rows, values.tolist(), present, sizes.tolist(), strict=True)
    return [row for pane, n, known, size in of_panes for row in _of_pane(pane, of_features, n, known, size)]


def _is_wanted(turn: Turn) -> bool:
    return turn.monitor.reference is not None and (turn.emit.shows or bool(turn.monitor.detectors))


def _sizes(panel: Panel, counts: Ints, rows: Ints) -> Floats:
    """Return the columns of effects, ``(panes, features, 8)``, in the order of a row."""
    every = np.arange(counts.shape[1])
    found = effects(panel, Cases(every, counts.astype(np.float64), rows[:, None].astype(np.float64), panel.shares))
    values = np.maximum(counts.sum(2), 1)
    missing = counts[:, :, MISSING] / values
    unseen = np.where(panel.is_number, 0.0, counts[:, :, UNSEEN] / values)
    columns = [missing, unseen, found.psi, found.js, found.ks, found.w1, found.tv, found.mean_shift_sd]
    return np.stack(columns, 2)


def _of_pane(
    pane: Final,
    of_features: Sequence[tuple[str, int]],
    values: list[int],
    present: list[int],
    sizes: list[list[float]],
) -> Iterator[StatisticsRow]:
    """Yield the rows of a pane, of features by name and number (-1 for categories)."""
    sums = pane.found.sums.tolist()
    for (name, number), n, known, of_feature in zip(of_features, values, present, sizes, strict=True):
        yield _row(pane.turn, name, n, of_feature, _moments(number, known, sums))


def _moments(number: int, present: int, sums: list[float]) -> tuple[float, float]:
    """Return mean and standard deviation of a number's values; NaN without any, and for categories (-1)."""
    if number < 0 or not present:
        return math.nan, math.nan
    mean = sums[2 * number] / present
    return mean, math.sqrt(max(0.0, sums[2 * number + 1] / present - mean * mean))


def _row(turn: Turn, feature: str, n: int, sizes: list[float], moments: tuple[float, float]) -> StatisticsRow:
    missing, unseen, psi, js, ks, w1, tv, shift = sizes
    return StatisticsRow(
        lineage=turn.monitor.lineage,
        model=turn.monitor.model,
        segment_key="",
        segment_value="",
        pane_ms=turn.pane_ms,
        feature=feature,
        n=n,
        missing_share=missing,
        unseen_share=unseen,
        psi=psi,
        js=js,
        ks=ks,
        w1=w1,
        tv=tv,
        mean_shift_sd=shift,
        mean=moments[0],
        sd=moments[1],
        known_ms=turn.emit.known_ms,
        position=turn.emit.position,
    )
