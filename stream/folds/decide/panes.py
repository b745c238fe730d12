"""Rows of a final pane: what arrived with it, by version, segment and feature."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from detectors.latency import LATENCY_BINS, latency_quantile
from stream.folds.decide.headings import OfGroup, of_group
from stream.folds.decide.merge import Merged, PaneGroup
from stream.folds.decide.state import GroupId
from stream.folds.decide.turn import Turn
from stream.folds.layout import DUPLICATES, INVALIDS, LABELS, ROWS, FeatureCells, layout_of
from stream.folds.monitor import Monitor
from stream.folds.rows import FeaturePaneRow, PaneRow

NOBODY: GroupId = ("", "", "")


def pane_rows(turn: Turn, merged: dict[PaneGroup, Merged]) -> Iterator[PaneRow | FeaturePaneRow]:
    """Yield the rows of all groups that arrive with a pane; an empty pane has a row of its own."""
    if not any(pane == turn.pane_ms and not group[1] for pane, group in merged):
        yield _pane_row(turn.monitor, of_group(turn, turn.pane_ms, NOBODY), None)
    for (pane_ms, group), sums in merged.items():
        heading = of_group(turn, pane_ms, group)
        yield _pane_row(turn.monitor, heading, sums)
        if sums.cells[ROWS] and turn.emit.shows:
            columns = _columns(sums)
            for cells in layout_of(turn.monitor).features:
                yield _feature_row(heading, cells, columns)


def _pane_row(monitor: Monitor, heading: OfGroup, sums: Merged | None) -> PaneRow:
    layout = layout_of(monitor)
    cells = np.zeros(layout.size, np.int64) if sums is None else sums.cells
    latency = cells[layout.latency : layout.latency + LATENCY_BINS]
    return PaneRow(
        **heading,
        monitor=monitor.name,
        pane_s=monitor.pane_ms // 1000,
        n=int(cells[ROWS]),
        duplicates=int(cells[DUPLICATES]),
        invalid=int(cells[INVALIDS]),
        outliers=_outliers(monitor, heading["segment_key"], sums),
        labels=int(cells[LABELS]),
        latency_p50_ms=latency_quantile(latency, 0.5),
        latency_p95_ms=latency_quantile(latency, 0.95),
        merged=() if sums is None else tuple(sums.merged),
    )


def _outliers(monitor: Monitor, segment: str, sums: Merged | None) -> int:
    """Return the rows that are unlike all of the reference's; -1 where they are not told."""
    if segment or monitor.reference is None or monitor.reference.outliers is None:
        return -1
    return 0 if sums is None else int(sums.products[-1])


class _Columns(NamedTuple):
    """The sums of a group as plain numbers: many rows are made of them, one by one."""

    cells: list[int]
    sums: list[float]
    lows: list[float]
    highs: list[float]
    levels: dict[str, dict[str, int]]


def _columns(sums: Merged) -> _Columns:
    return _Columns(sums.cells.tolist(), sums.sums.tolist(), sums.lows.tolist(), sums.highs.tolist(), sums.levels)


def _feature_row(heading: OfGroup, cells: FeatureCells, sums: _Columns) -> FeaturePaneRow:
    bins = sums.cells[cells.first : cells.first + cells.width]
    j = cells.number
    return FeaturePaneRow(
        **heading,
        feature=cells.name,
        n=sum(bins),
        missing=bins[0],
        invalid=sums.cells[cells.invalid],
        bins=tuple(bins) if cells.bins is not None else (),
        levels=sums.levels.get(cells.name, {}),
        total=sums.sums[2 * j] if j >= 0 else 0.0,
        squares=sums.sums[2 * j + 1] if j >= 0 else 0.0,
        low=_finite(sums.lows[j]) if j >= 0 else math.nan,
        high=_finite(sums.highs[j]) if j >= 0 else math.nan,
    )


def _finite(value: float) -> float:
    """Return NaN for the infinity that stands for no value."""
    return value if math.isfinite(value) else math.nan
