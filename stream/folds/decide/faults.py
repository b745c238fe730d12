"""Faults of the data as verdicts, and their incidents: opened, extended, closed when rows are as they should be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from detectors.quality.fault import Fault
from stream.folds.decide.drift_words import OUTLIERS
from stream.folds.decide.fault_pool import Seen, goes_on, take_in
from stream.folds.decide.gauges import plan_of
from stream.folds.decide.headings import of_verdict
from stream.folds.decide.health_words import fault_reason, fault_title
from stream.folds.decide.incidents import PAGE, QUIET_WINDOWS, WARN, close, keys, open_incident, open_of, tell
from stream.folds.decide.state import Incident
from stream.folds.decide.turn import Turn
from stream.folds.monitor import Monitor
from stream.folds.rows import VerdictRow

KINDS = {"volume": "volume", "no-data": "no-data", "no-labels": "no-labels"}
"""Kinds of incidents by check; all others are data faults."""

DATA_FAULT = "data-fault"
LEVELS = {DATA_FAULT: PAGE, "volume": WARN, "no-data": PAGE, "no-labels": PAGE}
WARNED = frozenset({"unseen", "duplicates"})
"""Checks whose faults wake nobody: a new level is often as true as it is new, and duplicates are dropped."""

_FAMILIES = len(LEVELS)


class Found(NamedTuple):
    """A fault, and the verdict that tells it."""

    fault: Fault
    verdict: VerdictRow


def allowed(monitor: Monitor) -> float:
    """Return the error of one family of checks in one pane: each has its part of what single windows may cause."""
    return monitor.budget.window_q(monitor.pane_ms) / _FAMILIES


def follow_faults(turn: Turn, seen: Seen | None, faults: Sequence[Fault], kinds: Sequence[str]) -> None:
    """Open, extend or close the incidents of some kinds; `seen` are the values, where faults of the data are one."""
    found = [Found(fault, _verdict(turn, fault)) for fault in faults]
    turn.emit.rows.extend(verdict for _, verdict in found)
    for kind in kinds:
        mine = [each for each in found if _kind(each.fault) == kind]
        for incident in open_of(turn.loop, turn.monitor, kind):
            own = [each for each in mine if _belongs(turn, each.fault, incident)]
            mine = [each for each in mine if each not in own]
            if own:
                _extend(turn, incident, own)
            else:
                _let_pass(turn, incident, seen)
        if mine:
            _open(turn, kind, mine)


def _belongs(turn: Turn, fault: Fault, incident: Incident) -> bool:
    """Return whether it is of the incident's features, or so near its begin that both are likely one fault."""
    is_near = turn.pane_ms < incident.since_ms + _near_ms(turn.monitor)
    return not fault.feature or fault.feature in incident.features or is_near


def _near_ms(monitor: Monitor) -> int:
    return plan_of(monitor).panel.scales[0] * monitor.pane_ms


def _kind(fault: Fault) -> str:
    return KINDS.get(fault.check, DATA_FAULT)


def _level(kind: str, found: Sequence[Found]) -> str:
    return WARN if all(fault.check in WARNED for fault, _ in found) else LEVELS[kind]


def _open(turn: Turn, kind: str, found: Sequence[Found]) -> None:
    (fault, verdict), monitor = found[0], turn.monitor
    begin_ms = turn.pane_ms - (int(fault.share) - 1) * monitor.pane_ms if kind == "no-data" else turn.pane_ms
    features = list(dict.fromkeys(each.feature for each, _ in found if each.feature))
    title = fault_title(monitor.model, fault, begin_ms, monitor.pane_ms)
    incident = open_incident(turn.loop, monitor, kind, _level(kind, found), title, features, begin_ms, turn.end_ms)
    incident.verdicts = [each.id for _, each in found]
    incident.evidence_days, incident.budget_days = verdict.evidence_days, verdict.budget_days
    _supersede(turn, incident)
    _tell(turn, incident, "open", found)


def _extend(turn: Turn, incident: Incident, found: Sequence[Found]) -> None:
    incident.quiet, incident.pool = 0, None
    incident.evidence_days = max(incident.evidence_days, *(verdict.evidence_days for _, verdict in found))
    new = [fault.feature for fault, _ in found if fault.feature and fault.feature not in incident.features]
    is_worse = incident.level != PAGE == _level(incident.kind, found)
    if new or is_worse:
        incident.features += list(dict.fromkeys(new))
        incident.level = PAGE if is_worse else incident.level
        _tell(turn, incident, "updated", found)


def _let_pass(turn: Turn, incident: Incident, seen: Seen | None) -> None:
    """Take note of a pane without a fault of an incident. Few rows do not say that a fault of the data is over."""
    if incident.kind == DATA_FAULT and seen is not None:
        take_in(turn, incident, seen)
        if 2 * seen.pane.rows < plan_of(turn.monitor).panel.rows_per_pane:
            return
    _quiet(turn, incident)


def _quiet(turn: Turn, incident: Incident) -> None:
    """Close an incident after 16 quiet panes, which are the windows of hard checks; a gap with the first row.

    A fault of the data goes on if all of them prove together what none does alone.
    """
    incident.quiet += 1
    if incident.quiet < (1 if incident.kind == "no-data" else QUIET_WINDOWS):
        return
    if goes_on(turn, incident, allowed(turn.monitor)):
        incident.quiet, incident.pool = 0, None
    else:
        why = "over: rows come again" if incident.kind == "no-data" else f"over: {QUIET_WINDOWS} quiet panes"
        close(turn.loop, turn.monitor, incident, turn.end_ms, why, turn.emit)


def _supersede(turn: Turn, fault: Incident) -> None:
    """Close drift incidents of the same features that began with the fault: it is what they saw.

    An older drift goes on: values that moved come to lie out of range, and not the other way round.
    """
    for incident in open_of(turn.loop, turn.monitor, "drift"):
        is_same = bool(fault.features) and set(incident.features) - {OUTLIERS} <= set(fault.features)
        if is_same and incident.since_ms >= fault.since_ms - _near_ms(turn.monitor):
            close(turn.loop, turn.monitor, incident, turn.end_ms, f"a fault of the data: {fault.id}", turn.emit)


def _tell(turn: Turn, incident: Incident, state: str, found: Sequence[Found]) -> None:
    told = [(fault.feature, verdict) for fault, verdict in found]
    more = keys(incident, told, "ask who sends it; retrains wait while a fault is a page")
    tell(turn.monitor, incident, state, found[0].verdict.reason, more, turn.emit)


def _verdict(turn: Turn, fault: Fault) -> VerdictRow:
    monitor = turn.monitor
    what = fault.check + (f"-{fault.side}" if fault.side else "")
    share = monitor.budget.window_share / _FAMILIES
    days = fault.evidence_days(monitor.pane_ms, max(share, 1e-9))
    return VerdictRow(
        **of_verdict(turn, what, fault.feature),
        pane_s=monitor.pane_ms // 1000,
        target=fault.feature or fault.check,
        kind="quality" if _kind(fault) == DATA_FAULT else _kind(fault),
        status="fault",
        statistic=-math.log(fault.p),
        threshold=-math.log(allowed(monitor) / fault.tests),
        p=fault.p,
        n=0,
        evidence_days=days,
        budget_days=monitor.budget.mark_days,
        effect=fault.share,
        effect_name=what,
        floor=fault.expected + fault.floor if fault.share >= fault.expected else fault.expected - fault.floor,
        lo=fault.lo,
        hi=fault.hi,
        reason=fault_reason(fault, days),
    )
