"""Effect sizes of each feature of a final pane against the reference, as rows: for people, never for decisions."""

from __future__ import annotations

import math

import numpy as np

from detectors.bins import MISSING, UNSEEN
from detectors.panel.effects import effects, window_cases
from stream.folds.decide.emit import Emit
from stream.folds.decide.gauges import OnTime, pane_of, plan_of
from stream.folds.layout import FeatureCells, layout_of
from stream.folds.monitor import Monitor
from stream.folds.rows import StatisticsRow


def statistics_rows(monitor: Monitor, pane_ms: int, found: OnTime, emit: Emit) -> list[StatisticsRow]:
    """Return the effect sizes of each feature; none without a reference or rows."""
    if monitor.reference is None or found.rows == 0:
        return []
    panel = plan_of(monitor).panel
    counts = pane_of(monitor, pane_ms, found).counts
    values = counts.sum(1)
    sizes = effects(panel, window_cases(panel, counts.astype(np.float64), found.rows))
    shares = counts[:, [MISSING, UNSEEN]] / np.maximum(values, 1)[:, None]
    unseen = np.where(panel.is_number, 0.0, shares[:, 1])
    columns = [shares[:, 0], unseen, sizes.psi, sizes.js, sizes.ks, sizes.w1, sizes.tv, sizes.mean_shift_sd]
    by_name = {cells.name: cells for cells in layout_of(monitor).features}
    rows = zip(panel.names, values.tolist(), np.stack(columns, 1).tolist(), strict=True)
    return [
        _row(monitor, pane_ms, name, n, of_feature, _moments(by_name[name], found), emit)
        for name, n, of_feature in rows
    ]


def _moments(cells: FeatureCells, found: OnTime) -> tuple[float, float]:
    """Return mean and standard deviation of a number's values; NaN without any, and for categories."""
    present = int(found.cells[cells.first + 1 : cells.first + cells.width].sum())
    if cells.number < 0 or not present:
        return math.nan, math.nan
    total, squares = found.sums[2 * cells.number : 2 * cells.number + 2].tolist()
    mean = total / present
    return mean, math.sqrt(max(0.0, squares / present - mean * mean))


def _row(
    monitor: Monitor,
    pane_ms: int,
    feature: str,
    n: int,
    sizes: list[float],
    moments: tuple[float, float],
    emit: Emit,
) -> StatisticsRow:
    missing, unseen, psi, js, ks, w1, tv, shift = sizes
    return StatisticsRow(
        lineage=monitor.lineage,
        model=monitor.model,
        segment_key="",
        segment_value="",
        pane_ms=pane_ms,
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
        known_ms=emit.known_ms,
        position=emit.position,
    )
