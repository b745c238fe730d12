"""Rule (b) of pages: estimated performance lies wholly beyond what is tolerated, while inputs drift."""

from __future__ import annotations

import math
from dataclasses import dataclass

from msgspec.structs import replace

from detectors.evidence.days import in_words
from detectors.promise import ALL
from stream.folds.decide.estimates import Window, estimated_metric, in_unit
from stream.folds.decide.incidents import PAGE, QUIET_WINDOWS, WARN, close, keys, open_incident, open_of, short_id, tell
from stream.folds.decide.judge import expected_of, judged_version
from stream.folds.decide.judge_rows import plain_row
from stream.folds.decide.judged import shown
from stream.folds.decide.retrains import Ask, ask_retrain, is_cool
from stream.folds.decide.state import Incident
from stream.folds.decide.turn import Turn
from stream.folds.decide.words import day, listed
from stream.folds.monitor import Monitor
from stream.folds.rows import VerdictRow

LEAST_WEIGHT = 0.5
"""An estimate whose settled record weighs less pages nobody."""


@dataclass(frozen=True, slots=True)
class _Held:
    """The estimate of a window, held against the mean loss that is tolerated.

    `weight` is that of the estimates that were settled so far, `drifting` are the warnings of drift that are open.
    """

    metric: str
    window: Window
    limit: float
    weight: float
    drifting: list[Incident]

    @property
    def tolerated(self) -> float:
        """The limit in the metric's unit."""
        return shown(self.metric, self.limit)

    @property
    def is_beyond(self) -> bool:
        """Whether even the end of the interval that is nearest to the limit lies beyond it."""
        if self.metric == "accuracy":
            return self.window.estimate.hi < self.tolerated
        return self.window.estimate.lo > self.limit

    @property
    def pages(self) -> bool:
        """Whether somebody is woken: inputs drift as well, and estimates have been right so far."""
        return self.is_beyond and bool(self.drifting) and self.weight >= LEAST_WEIGHT

    @property
    def status(self) -> str:
        """The verdict's status."""
        if self.pages:
            return "drift"
        return "warning" if self.is_beyond else "stable"


def judge_estimate(turn: Turn, window: Window) -> None:
    """Judge the estimate of a window; open, keep or close an incident, and ask for a retrain where the spec says so."""
    metric = estimated_metric(turn.monitor)
    expected = None if metric is None else expected_of(turn, metric, judged_version(turn.loop))
    if metric is None or expected is None or not math.isfinite(expected.limits[0]):
        return
    drifting = [i for i in open_of(turn.loop, turn.monitor, "drift") if i.level == WARN]
    held = _Held(metric, window, expected.limits[0], turn.lineage.record.weight, drifting)
    verdict = _verdict(turn, held)
    turn.emit.rows.append(verdict)
    if held.pages:
        _page(turn, verdict, drifting[0])
    else:
        _quiet(turn)


def _verdict(turn: Turn, held: _Held) -> VerdictRow:
    """Return the verdict; how sure it is, is how sure the drift is that it needs."""
    value, low, high = (in_unit(held.metric, x) for x in held.window.estimate[:3])
    days = max((incident.evidence_days for incident in held.drifting), default=0.0)
    row = plain_row(turn, ALL, held.status, held.window.rows, _reason(turn.monitor, held, days))
    return replace(
        row,
        id=f"vd-{short_id(turn.monitor.lineage, turn.now_ms, 'estimate')}",
        kind="estimate",
        pane_s=(turn.now_ms - held.window.first_ms) // 1000,
        evidence_days=days,
        effect=value,
        floor=held.tolerated,
        lo=low,
        hi=high,
    )


def _reason(monitor: Monitor, held: _Held, days: float) -> str:
    value, low, high = (in_unit(held.metric, x) for x in held.window.estimate[:3])
    since = day(held.window.first_ms, monitor.pane_ms)
    return (
        f"{held.metric.replace('_', ' ')} from {since} on is estimated {value:.4f} "
        f"({low:.4f} to {high:.4f}), tolerated {held.tolerated:.4f}; inputs drift: "
        f"{in_words(days) if held.drifting else 'no'}; estimates so far weigh {held.weight:.0%}. "
        f"{held.window.estimate.caveat}"
    )


def _page(turn: Turn, verdict: VerdictRow, drift: Incident) -> None:
    monitor, loop = turn.monitor, turn.loop
    incidents = open_of(loop, monitor, "estimate")
    incident = incidents[0] if incidents else _open(turn, verdict, drift)
    incident.quiet, incident.evidence_days = 0, max(incident.evidence_days, verdict.evidence_days)
    if "estimate" in monitor.retrain_on and is_cool(loop, monitor, turn.now_ms):
        evidence = {
            "verdict": verdict.id,
            "metric": verdict.target,
            "value": verdict.effect,
            "tolerated": verdict.floor,
        }
        ask = Ask("estimate", incident.id, incident.title, evidence, turn.now_ms)
        ask_retrain(loop, monitor, ask, turn.cut, turn.emit)


def _open(turn: Turn, verdict: VerdictRow, drift: Incident) -> Incident:
    monitor = turn.monitor
    title = (
        f"{monitor.model} probably lost performance since {day(drift.since_ms, monitor.pane_ms)}: "
        f"{verdict.target.replace('_', ' ')} {verdict.effect:.3f} estimated, tolerated {verdict.floor:.3f}; "
        f"{listed(drift.features)} drifted"
    )
    since_ms, now_ms = drift.since_ms, turn.now_ms
    incident = open_incident(turn.loop, monitor, "estimate", PAGE, title, drift.features, since_ms, now_ms)
    incident.verdicts = [verdict.id, *drift.verdicts[-4:]]
    incident.evidence_days, incident.budget_days = verdict.evidence_days, verdict.budget_days
    harm = {"metric": verdict.target, "value": verdict.effect, "interval": [verdict.lo, verdict.hi]}
    more = keys(incident, [("", verdict)], "look at what drifted; labels will say whether the estimate was right")
    tell(monitor, incident, "open", verdict.reason, {"harm": harm, **more}, turn.emit)
    return incident


def _quiet(turn: Turn) -> None:
    for incident in open_of(turn.loop, turn.monitor, "estimate"):
        incident.quiet += 1
        if incident.quiet >= QUIET_WINDOWS:
            why = f"over: {QUIET_WINDOWS} quiet windows"
            close(turn.loop, turn.monitor, incident, turn.now_ms, why, turn.emit)
