"""Rows of a shadow lineage as they are stored: whole panes only, incidents under names of their own."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from stream.folds.rows import (
    ConfusionRow,
    DisparityRow,
    EstimateRow,
    FeaturePaneRow,
    IncidentRow,
    LineageRow,
    PaneRow,
    PerformanceRow,
    Result,
    StatisticsRow,
    VerdictRow,
)

OF_PANES = (
    PaneRow | FeaturePaneRow | StatisticsRow | PerformanceRow | ConfusionRow | DisparityRow | EstimateRow | VerdictRow
)


class ShadowRows:
    """Takes what the folds decide and gives what is stored of it; counts on the way.

    Roles, retrains, conservation and fates are those of the live log and are left out; so is what is said of the
    pipeline. Incidents of a replay are others than those of the live log, though their ids may be equal.

    Parameters
    ----------
    replay
        The replay's id.
    begin_ms
        Panes before are left out, event time.
    """

    def __init__(self, replay: str, begin_ms: int = 0) -> None:
        self._replay, self._begin_ms = replay, begin_ms
        self._open: dict[str, IncidentRow] = {}
        self.panes = self.stored = 0
        self.from_ms = self.to_ms = 0

    def take(self, rows: Iterable[Result]) -> list[Result]:
        """Return what of `rows` is stored."""
        taken = [kept for row in rows if (kept := self._kept(row)) is not None]
        self.stored += len(taken)
        return taken

    def end(self, position: int, known_ms: int) -> list[Result]:
        """Return rows that close what is open: nobody will go on with it after the last record."""
        closed = [
            replace(row, closed_ms=max(self.to_ms, row.opened_ms, 1), position=position, known_ms=known_ms)
            for row in self._open.values()
        ]
        self._open = {}
        self.stored += len(closed)
        return list(closed)

    def _kept(self, row: Result) -> Result | None:
        if isinstance(row, OF_PANES):
            return self._pane(row) if row.pane_ms >= self._begin_ms else None
        if isinstance(row, IncidentRow):
            return self._incident(row) if row.kind != "pipeline" else None
        return replace(row, start_ms=max(row.start_ms, self._begin_ms)) if isinstance(row, LineageRow) else None

    def _pane(self, row: Result) -> Result:
        if isinstance(row, PaneRow) and row.pane_ms == row.arrival_ms:  # panes become final in order
            end_ms = row.pane_ms + row.pane_s * 1000
            self.panes += end_ms > self.to_ms
            self.to_ms = max(self.to_ms, end_ms)
        if isinstance(row, PaneRow) and row.n:
            self.from_ms = min(self.from_ms or row.pane_ms, row.pane_ms)
        return row

    def _incident(self, row: IncidentRow) -> IncidentRow:
        mine = replace(row, id=f"{row.id}/{self._replay}")
        self._open[mine.id] = mine
        if mine.closed_ms:
            del self._open[mine.id]
        return mine
