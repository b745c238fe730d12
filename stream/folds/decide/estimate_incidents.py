"""Rule (b) of pages: estimated performance lies wholly beyond what is tolerated, while inputs drift."""

from __future__ import annotations

import math

import msgspec

from detectors.evidence.days import in_words
from detectors.promise import ALL
from stream.folds.decide.drift_incidents import WARN
from stream.folds.decide.emit import Emit
from stream.folds.decide.estimates import Window, estimated_metric
from stream.folds.decide.expectation import Expectation
from stream.folds.decide.incidents import QUIET_WINDOWS, close, open_incident, open_of, short_id, tell
from stream.folds.decide.judge import expected_of, judged_version
from stream.folds.decide.judge_rows import plain_row
from stream.folds.decide.judged import shown
from stream.folds.decide.retrains import Ask, ask_retrain, is_cool
from stream.folds.decide.state import Cut, Incident, LineageState, Loop
from stream.folds.decide.words import day, listed
from stream.folds.monitor import Monitor
from stream.folds.rows import VerdictRow

LEAST_WEIGHT = 0.5
"""An estimate whose settled record weighs less pages nobody."""


def judge_estimate(
    lineage: LineageState,
    loop: Loop,
    monitor: Monitor,
    window: Window,
    now_ms: int,
    cut: Cut,
    emit: Emit,
) -> None:
    """Judge the estimate of a window; open, keep or close an incident, and ask for a retrain where the spec says so."""
    metric = estimated_metric(monitor)
    expected = None if metric is None else expected_of(lineage, loop, monitor, metric, judged_version(loop))
    if metric is None or expected is None or not math.isfinite(expected.limits[0]):
        return
    drifting = [i for i in open_of(loop, monitor, "drift") if i.level == WARN]
    is_beyond, weight = _is_beyond(metric, window, expected), lineage.record.weight
    pages = is_beyond and bool(drifting) and weight >= LEAST_WEIGHT
    verdict = _verdict(monitor, metric, window, expected, _status(is_beyond, pages), weight, drifting, now_ms, emit)
    emit.rows.append(verdict)
    if pages:
        _page(loop, monitor, verdict, drifting[0], now_ms, cut, emit)
    else:
        _quiet(loop, monitor, now_ms, emit)


def _is_beyond(metric: str, window: Window, expected: Expectation) -> bool:
    """Say whether even the end of the interval that is nearest to the limit lies beyond it."""
    if metric == "accuracy":
        return window.estimate.hi < shown(metric, expected.limits[0])
    return window.estimate.lo > expected.limits[0]


def _status(is_beyond: bool, pages: bool) -> str:
    if pages:
        return "drift"
    return "warning" if is_beyond else "stable"


def _verdict(
    monitor: Monitor,
    metric: str,
    window: Window,
    expected: Expectation,
    status: str,
    weight: float,
    drifting: list[Incident],
    now_ms: int,
    emit: Emit,
) -> VerdictRow:
    """Return the verdict; how sure it is, is how sure the drift is that it needs."""
    value, low, high = (_in_unit(metric, x) for x in window.estimate[:3])
    limit = shown(metric, expected.limits[0])
    days = max((incident.evidence_days for incident in drifting), default=0.0)
    why = (
        f"{metric.replace('_', ' ')} from {day(window.first_ms, monitor.pane_ms)} on is estimated {value:.4f} "
        f"({low:.4f} to {high:.4f}), tolerated {limit:.4f}; inputs drift: {in_words(days) if drifting else 'no'}; "
        f"estimates so far weigh {weight:.0%}. {window.estimate.caveat}"
    )
    row = plain_row(monitor, now_ms - monitor.pane_ms, ALL, status, window.rows, why, emit)
    return msgspec.structs.replace(
        row,
        id=f"vd-{short_id(monitor.lineage, now_ms, 'estimate')}",
        kind="estimate",
        pane_s=(now_ms - window.first_ms) // 1000,
        evidence_days=days,
        effect=value,
        floor=limit,
        lo=low,
        hi=high,
    )


def _in_unit(metric: str, value: float) -> float:
    return shown(metric, value) if metric == "rmse" else value


def _page(
    loop: Loop,
    monitor: Monitor,
    verdict: VerdictRow,
    drift: Incident,
    now_ms: int,
    cut: Cut,
    emit: Emit,
) -> None:
    incidents = open_of(loop, monitor, "estimate")
    if not incidents:
        incidents = [_open(loop, monitor, verdict, drift, now_ms, emit)]
    incident = incidents[0]
    incident.quiet, incident.evidence_days = 0, max(incident.evidence_days, verdict.evidence_days)
    if "estimate" in monitor.retrain_on and is_cool(loop, monitor, now_ms):
        evidence = {
            "verdict": verdict.id,
            "metric": verdict.target,
            "value": verdict.effect,
            "tolerated": verdict.floor,
        }
        ask_retrain(loop, monitor, Ask("estimate", incident.id, incident.title, evidence, now_ms), cut, emit)


def _open(loop: Loop, monitor: Monitor, verdict: VerdictRow, drift: Incident, now_ms: int, emit: Emit) -> Incident:
    title = (
        f"{monitor.model} probably lost performance since {day(drift.since_ms, monitor.pane_ms)}: "
        f"{verdict.target.replace('_', ' ')} {verdict.effect:.3f} estimated, tolerated {verdict.floor:.3f}; "
        f"{listed(drift.features)} drifted"
    )
    incident = open_incident(loop, monitor, "estimate", "page", title, drift.features, drift.since_ms, now_ms)
    incident.verdicts = [verdict.id, *drift.verdicts[-4:]]
    incident.evidence_days, incident.budget_days = verdict.evidence_days, verdict.budget_days
    much = {"statistic": verdict.target, "value": verdict.effect, "floor": verdict.floor}
    more = {
        "harm": {"metric": verdict.target, "value": verdict.effect, "interval": [verdict.lo, verdict.hi]},
        "sure": {"evidence_days": verdict.evidence_days, "budget_days": verdict.budget_days},
        "much": much,
        "effects": [{"feature": "", "effect": verdict.target, "value": verdict.effect, "floor": verdict.floor}],
        "next": "look at what drifted; labels will say whether the estimate was right",
    }
    tell(monitor, incident, "open", verdict.reason, more, emit)
    return incident


def _quiet(loop: Loop, monitor: Monitor, now_ms: int, emit: Emit) -> None:
    for incident in open_of(loop, monitor, "estimate"):
        incident.quiet += 1
        if incident.quiet >= QUIET_WINDOWS:
            close(loop, monitor, incident, now_ms, f"over: {QUIET_WINDOWS} quiet windows", emit)
