"""river's detectors by name: each final pane's value to those that listen to it, and what they say as verdicts.

They inform: no incident, no alert and no retrain follows from them, since nothing bounds how often they are wrong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from streamgauge.spec_detectors import Detector

from detectors.named import Heard, library, listen
from stream.folds.decide.headings import of_verdict
from stream.folds.decide.series import Point, is_of_labels, of_labels, of_rows
from stream.folds.decide.state import LineageState, Listening, PredictionPane
from stream.folds.decide.statistics import Final
from stream.folds.decide.turn import Turn
from stream.folds.monitor import Monitor
from stream.folds.rows import StatisticsRow, VerdictRow

KIND = "river:"
"""What the kinds of these verdicts begin with; the detector's name follows, with what is not as river has it."""

STABLE, NEAR, SIGNAL = "stable", "near", "signal"


def listen_final(panes: Sequence[Final], rows: Sequence[StatisticsRow]) -> list[VerdictRow]:
    """Give final panes, in order, to the detectors of inputs and rows; return what they say.

    Parameters
    ----------
    rows
        The panes' statistics.
    """
    if not panes or not panes[0].turn.monitor.detectors:
        return []
    statistics = {(row.pane_ms, row.feature): row for row in rows}
    return [
        _heard(pane.turn, detector, point)
        for pane in panes
        for detector in pane.turn.monitor.detectors
        if not is_of_labels(detector) and (point := _point(pane, detector, statistics)) is not None
    ]


def _point(pane: Final, detector: Detector, statistics: Mapping[tuple[int, str], StatisticsRow]) -> Point | None:
    of_feature = statistics.get((pane.turn.pane_ms, detector.feature or ""))
    return of_rows(pane.turn.monitor, detector, pane.found, of_feature)


def listen_mature(turn: Turn, pane: PredictionPane) -> list[VerdictRow]:
    """Give a pane whose labels are mature to the detectors of performance; return what they say."""
    monitor = turn.monitor
    found = [(each, of_labels(monitor, each, pane)) for each in monitor.detectors if is_of_labels(each)]
    return [_heard(turn, detector, point) for detector, point in found if point is not None]


def forget_unnamed(lineage: LineageState, monitor: Monitor) -> None:
    """Let go of detectors that the spec does not name any more."""
    if lineage.listening:
        named = {detector.key for detector in monitor.detectors}
        lineage.listening = {key: state for key, state in lineage.listening.items() if key in named}


def _heard(turn: Turn, detector: Detector, point: Point) -> VerdictRow:
    listening = turn.lineage.listening
    before = listening.get(detector.key)
    if before is None or before.library != library():
        before = Listening(library(), b"", 0, 0.0, turn.pane_ms)
    heard = listen(detector.name, detector.params, before.state, point.given)
    panes, total, since_ms = before.panes + 1, before.total + point.value, before.since_ms
    if heard.is_changed:
        panes, total, since_ms = 0, 0.0, turn.end_ms
    listening[detector.key] = Listening(before.library, heard.state, panes, total, since_ms)
    return _row(turn, detector, point, before, heard)


def _row(turn: Turn, detector: Detector, point: Point, before: Listening, heard: Heard) -> VerdictRow:
    mean = before.total / before.panes if before.panes else math.nan
    status = SIGNAL if heard.is_changed else NEAR if heard.is_warned else STABLE
    return VerdictRow(
        **of_verdict(turn, KIND, detector.key),
        pane_s=(turn.end_ms - before.since_ms) // 1000,
        target=detector.feature or detector.on,
        kind=f"{KIND}{detector.label}",
        status=status,
        statistic=point.value,
        p=heard.p,
        n=point.n,
        effect=point.value - mean,
        effect_name=detector.on,
        reason=_reason(detector, point.value, mean, before, status),
    )


_WORDS = {STABLE: "sees no change", NEAR: "is near to seeing a change", SIGNAL: "sees a change"}


def _reason(detector: Detector, value: float, mean: float, before: Listening, status: str) -> str:
    what = f"{detector.feature} {detector.on}" if detector.feature else detector.on
    panes = f"{before.panes} pane{'s' if before.panes != 1 else ''} before"
    beside = f"{value:.4g}, mean {mean:.4g} of {panes}" if before.panes else f"{value:.4g}, the first pane"
    return f"{what}: {detector.label} of {before.library} {_WORDS[status]}: {beside}; for information only"
