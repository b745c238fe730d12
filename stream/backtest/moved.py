"""Inputs that moved while performance was lost: rows of the file, those of the reference and those that were judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from streamgauge.spec import MonitorSpec

from detectors.blame.moved import Compared, Panes, compared
from stream.backtest.alerts import AlertReport
from stream.backtest.findings import Findings
from stream.backtest.reader import RowsFile
from stream.backtest.reference import Span
from stream.backtest.sample import sample
from stream.backtest.texts import Texts
from stream.backtest.timeline import NEVER, Timeline
from stream.backtest.words import instant_ms
from stream.folds.decide.moved_words import moved_words

LOST = "performance"


@dataclass(frozen=True, slots=True)
class Source:
    """The file of rows, and which of them are the reference."""

    spec: MonitorSpec
    rows: RowsFile
    timeline: Timeline
    span: Span


def with_moved(alerts: Sequence[AlertReport], findings: Findings, source: Source) -> list[AlertReport]:
    """Return alerts, those of lost performance with what moved until they were raised; reads their rows once more."""
    if not any(alert.kind == LOST for alert in alerts):
        return list(alerts)
    normal = _normal(source)
    return [_with(alert, findings, source, normal) if alert.kind == LOST else alert for alert in alerts]


def _with(alert: AlertReport, findings: Findings, source: Source, normal: Panes) -> AlertReport:
    until_ms = _judged_until_ms(alert, findings, source.timeline.pane_ms)
    kinds = {name: feature.type for name, feature in source.spec.features.items()}
    now = _panes(source.spec, source.rows, _own(source.timeline, instant_ms(alert.from_), until_ms))
    found: Compared | None = compared(kinds, normal, now, source.spec.cycle_ms)
    if found is None:
        return alert
    what = f"{alert.what}; {moved_words(found, 'the reference')}"
    return replace(alert, moved=found.moved, what=what)


def _judged_until_ms(alert: AlertReport, findings: Findings, pane_ms: int) -> int:
    """Return the end of the pane by which the loss was proven first."""
    from_ms = instant_ms(alert.from_)
    alarms = [alarm.pane_ms for seen in findings.targets.values() for alarm in seen.alarms if alarm.kind == LOST]
    return pane_ms + min((at for at in alarms if at >= from_ms), default=from_ms)


def _normal(source: Source) -> Panes:
    """Return the rows of the reference."""
    span = source.span
    if span.file is not None:
        other = RowsFile(span.file, source.spec, Texts(), span.row_ms)
        return _panes(source.spec, other, (0, other.rows, Span(0, 0, NEVER, span.file)))
    return _panes(source.spec, source.rows, _own(source.timeline, span.from_ms, span.to_ms))


_Part = tuple[int, int, Span]
"""Row numbers from and up to which a file is read, and the event times that count of these."""


def _own(timeline: Timeline, from_ms: int, to_ms: int) -> _Part:
    first, last = timeline.within(from_ms, to_ms)
    return first, last + 1, Span(from_ms, to_ms, NEVER)


def _panes(spec: MonitorSpec, file: RowsFile, part: _Part) -> Panes:
    first, until, span = part
    rows = sample(spec, file.chunks(first, until), None, span, file.truths).rows()
    return Panes(rows.columns, rows.event_ms - rows.event_ms % spec.pane_ms)
