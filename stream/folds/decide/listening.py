"""river's detectors by name: each final pane's value to those that listen to it, and what they say as verdicts.

They inform: no incident, no alert and no retrain follows from them, since nothing bounds how often they are wrong.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from streamgauge.spec_detectors import Detector

from detectors.named import library, listen
from stream.folds.decide.emit import Emit
from stream.folds.decide.incidents import short_id
from stream.folds.decide.series import Point, is_of_labels, of_labels, of_rows
from stream.folds.decide.state import LineageState, Listening, PredictionPane
from stream.folds.decide.statistics import Final
from stream.folds.monitor import Monitor
from stream.folds.rows import StatisticsRow, VerdictRow

KIND = "river:"
"""What the kinds of these verdicts begin with; the detector's name follows, with what is not as river has it."""

STABLE, NEAR, SIGNAL = "stable", "near", "signal"


def listen_final(
    lineage: LineageState, monitor: Monitor, panes: Sequence[Final], rows: Sequence[StatisticsRow], emit: Emit
) -> list[VerdictRow]:
    """Give final panes, in order, to the detectors of inputs and rows; return what they say."""
    asked = [detector for detector in monitor.detectors if not is_of_labels(detector)]
    _forget(lineage, monitor)
    if not asked:
        return []
    statistics = {(row.pane_ms, row.feature): row for row in rows}
    found = [
        (detector, pane.pane_ms, of_rows(monitor, detector, pane.found, statistics.get((pane.pane_ms, _of(detector)))))
        for pane in panes
        for detector in asked
    ]
    return [_heard(lineage, monitor, at, pane_ms, point, emit) for at, pane_ms, point in found if point is not None]


def listen_mature(
    lineage: LineageState, monitor: Monitor, pane_ms: int, pane: PredictionPane, emit: Emit
) -> list[VerdictRow]:
    """Give a pane whose labels are mature to the detectors of performance; return what they say."""
    asked = [detector for detector in monitor.detectors if is_of_labels(detector)]
    found = [(detector, of_labels(monitor, detector, pane)) for detector in asked]
    return [_heard(lineage, monitor, at, pane_ms, point, emit) for at, point in found if point is not None]


def _of(detector: Detector) -> str:
    return detector.feature or ""


def _forget(lineage: LineageState, monitor: Monitor) -> None:
    """Let go of detectors that the spec does not name any more."""
    if lineage.listening:
        named = {detector.key for detector in monitor.detectors}
        lineage.listening = {key: state for key, state in lineage.listening.items() if key in named}


def _heard(
    lineage: LineageState, monitor: Monitor, detector: Detector, pane_ms: int, point: Point, emit: Emit
) -> VerdictRow:
    before = lineage.listening.get(detector.key)
    if before is None or before.library != library():
        before = Listening(library(), b"", 0, 0.0, pane_ms)
    heard = listen(detector.name, detector.params, before.state, point.given)
    status = SIGNAL if heard.is_changed else NEAR if heard.is_warned else STABLE
    row = _row(monitor, detector, pane_ms, point, before, status, heard.p, emit)
    panes, total, since_ms = before.panes + 1, before.total + point.value, before.since_ms
    if heard.is_changed:
        panes, total, since_ms = 0, 0.0, pane_ms + monitor.pane_ms
    lineage.listening[detector.key] = Listening(before.library, heard.state, panes, total, since_ms)
    return row


def _row(
    monitor: Monitor,
    detector: Detector,
    pane_ms: int,
    point: Point,
    before: Listening,
    status: str,
    p: float,
    emit: Emit,
) -> VerdictRow:
    mean = before.total / before.panes if before.panes else math.nan
    return VerdictRow(
        id=f"vd-{short_id(monitor.lineage, pane_ms, KIND, detector.key)}",
        lineage=monitor.lineage,
        monitor=monitor.name,
        model=monitor.model,
        pane_ms=pane_ms,
        pane_s=(pane_ms + monitor.pane_ms - before.since_ms) // 1000,
        segment_key="",
        segment_value="",
        target=detector.feature or detector.on,
        kind=f"{KIND}{detector.label}",
        status=status,
        statistic=point.value,
        threshold=math.nan,
        p=p,
        n=point.n,
        n_eff=math.nan,
        evidence_days=math.nan,
        budget_days=math.nan,
        effect=point.value - mean,
        effect_name=detector.on,
        floor=math.nan,
        lo=math.nan,
        hi=math.nan,
        reason=_reason(detector, point.value, mean, before, status),
        known_ms=emit.known_ms,
        position=emit.position,
    )


_WORDS = {STABLE: "sees no change", NEAR: "is near to seeing a change", SIGNAL: "sees a change"}


def _reason(detector: Detector, value: float, mean: float, before: Listening, status: str) -> str:
    what = f"{detector.feature} {detector.on}" if detector.feature else detector.on
    panes = f"{before.panes} pane{'s' if before.panes != 1 else ''} before"
    beside = f"{value:.4g}, mean {mean:.4g} of {panes}" if before.panes else f"{value:.4g}, the first pane"
    return f"{what}: {detector.label} of {before.library} {_WORDS[status]}: {beside}; for information only"
