"""Hard checks of a final pane: what is found at once, in values, volume, gaps and labels, and the incidents of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.bins import FIRST, MISSING, UNSEEN
from detectors.quality.check import check_pane
from detectors.quality.fault import Fault
from detectors.quality.gap import check_gap
from detectors.quality.health import PaneHealth
from detectors.quality.labels import check_labels
from detectors.quality.volume import check_volume
from stream.folds.decide.drift_words import OUTLIERS
from stream.folds.decide.emit import Emit
from stream.folds.decide.gauges import OnTime, begin_anew, plan_of
from stream.folds.decide.health_words import fault_reason, fault_title
from stream.folds.decide.incidents import QUIET_WINDOWS, close, open_incident, open_of, short_id, tell
from stream.folds.decide.state import Incident, LineageState, Loop
from stream.folds.layout import layout_of
from stream.folds.monitor import Monitor
from stream.folds.rows import VerdictRow

Ints = NDArray[np.int64]

KINDS = {"volume": "volume", "no-data": "no-data", "no-labels": "no-labels"}
"""Kinds of incidents by check; all others are data faults."""

DATA_FAULT = "data-fault"
LEVELS = {DATA_FAULT: "page", "volume": "warn", "no-data": "page", "no-labels": "page"}
WARNED = frozenset({"unseen"})
"""Checks whose faults wake nobody: a new level is often as true as it is new, and a retrain learns it."""

_FAMILIES = len(LEVELS)


def check_final(lineage: LineageState, loop: Loop, monitor: Monitor, pane_ms: int, found: OnTime, emit: Emit) -> None:
    """Check a final pane: its volume, how many empty ones lie behind it, and, if it has rows, its values."""
    if monitor.reference is None:
        return
    profile, allowed = monitor.reference.health, _allowed(monitor)
    lineage.empty = 0 if found.rows else lineage.empty + 1
    phase = pane_ms // monitor.pane_ms % len(profile.gap.empty)
    faults = [] if found.rows == 0 else list(check_pane(profile.quality, _health(monitor, found), allowed, phase))
    gap = check_gap(profile.gap, lineage.empty, allowed, phase) if lineage.empty else None
    volume = check_volume(profile.volume, found.rows, allowed, phase) if found.rows else None
    faults += [fault for fault in (gap, volume) if fault is not None]
    kinds = ("no-data",) if found.rows == 0 else (DATA_FAULT, "volume", "no-data")
    before = open_of(loop, monitor, DATA_FAULT)
    _follow(loop, monitor, pane_ms, found.rows, [fault for fault in faults if fault.alarms], kinds, emit)
    over = [name for incident in before if incident.id not in loop.incidents for name in incident.features]
    if over:  # what a fault left in windows and evidence is no drift
        begin_anew(lineage, monitor, over)


def check_mature(loop: Loop, monitor: Monitor, pane_ms: int, rows: int, labels: int, emit: Emit) -> None:
    """Check whether labels lack in a pane that is old enough to have 95 % of them."""
    profile = None if monitor.reference is None else monitor.reference.health.labels
    if profile is None or rows == 0:
        return
    phases = next(iter(profile.unlabelled.by_phase.values()), (0.0,))
    phase = pane_ms // monitor.pane_ms % len(phases)
    fault = check_labels(profile, rows, min(labels, rows), _allowed(monitor), 0.95, phase)
    _follow(loop, monitor, pane_ms, rows, [fault] if fault else [], ("no-labels",), emit)


def _allowed(monitor: Monitor) -> float:
    """Return the error of one family of checks in one pane: each has its part of what single windows may cause."""
    return min(0.5, monitor.budget.page(monitor.pane_ms).q / _FAMILIES)


def _health(monitor: Monitor, found: OnTime) -> PaneHealth:
    panel, counts, places = plan_of(monitor).panel, found.counts, _places(monitor)
    missing, outside = counts[:, MISSING], counts[:, UNSEEN]
    below = outside * panel.is_number
    valued = counts.sum(1) - missing
    same = counts[:, FIRST:].max(1) == valued
    numbers = places.number[panel.is_number]
    same[panel.is_number] = found.lows[numbers] == found.highs[numbers]
    return PaneHealth(
        rows=found.rows,
        duplicates=0,
        missing=missing,
        invalid=found.cells[places.invalid],
        unseen=outside - below,
        below=below,
        above=counts[places.last] * panel.is_number,
        constant=(valued >= 2) & same,
    )


class _Places(NamedTuple):
    """Of the reference's features: the cells of invalid rows, numbers (-1 for categories), and their last bins."""

    invalid: Ints
    number: Ints
    last: tuple[Ints, Ints]


@lru_cache(maxsize=1 << 16)
def _places(monitor: Monitor) -> _Places:
    cells = {cells.name: cells for cells in layout_of(monitor).features}
    plan = plan_of(monitor)
    mine = [cells[name] for name in plan.names]
    last = np.arange(len(mine)), plan.panel.widths - 1
    return _Places(np.array([each.invalid for each in mine]), np.array([each.number for each in mine]), last)


def _follow(
    loop: Loop, monitor: Monitor, pane_ms: int, rows: int, faults: Sequence[Fault], kinds: Sequence[str], emit: Emit
) -> None:
    """Open, extend or close the incidents of some kinds. Few rows without a fault do not say that it is over."""
    is_telling = 2 * rows >= plan_of(monitor).panel.rows_per_pane
    verdicts = [_verdict(monitor, pane_ms, fault, emit) for fault in faults]
    emit.rows.extend(verdicts)
    for kind in kinds:
        mine = [pair for pair in zip(faults, verdicts, strict=True) if _kind(pair[0]) == kind]
        for incident in open_of(loop, monitor, kind):
            own = [pair for pair in mine if _belongs(pair[0], incident, monitor, pane_ms)]
            mine = [pair for pair in mine if pair not in own]
            if own:
                _extend(monitor, incident, own, emit)
            elif is_telling or kind != DATA_FAULT:
                _quiet(loop, monitor, pane_ms, incident, emit)
        if mine:
            _open(loop, monitor, pane_ms, kind, mine, emit)


def _belongs(fault: Fault, incident: Incident, monitor: Monitor, pane_ms: int) -> bool:
    """Return whether it is of the incident's features, or so near its begin that both are likely one fault."""
    near_ms = plan_of(monitor).panel.scales[0] * monitor.pane_ms
    return not fault.feature or fault.feature in incident.features or pane_ms < incident.since_ms + near_ms


def _kind(fault: Fault) -> str:
    return KINDS.get(fault.check, DATA_FAULT)


def _level(kind: str, found: Sequence[tuple[Fault, VerdictRow]]) -> str:
    return "warn" if all(fault.check in WARNED for fault, _ in found) else LEVELS[kind]


def _open(
    loop: Loop, monitor: Monitor, pane_ms: int, kind: str, found: Sequence[tuple[Fault, VerdictRow]], emit: Emit
) -> None:
    fault, verdict = found[0]
    begin_ms = pane_ms - (int(fault.share) - 1) * monitor.pane_ms if kind == "no-data" else pane_ms
    features = list(dict.fromkeys(each.feature for each, _ in found if each.feature))
    title = fault_title(monitor.model, fault, begin_ms, monitor.pane_ms)
    level = _level(kind, found)
    incident = open_incident(loop, monitor, kind, level, title, features, begin_ms, pane_ms + monitor.pane_ms)
    incident.verdicts = [each.id for _, each in found]
    incident.evidence_days, incident.budget_days = verdict.evidence_days, verdict.budget_days
    _supersede(loop, monitor, incident, pane_ms, emit)
    tell(monitor, incident, "open", verdict.reason, _keys(incident, found), emit)


def _extend(monitor: Monitor, incident: Incident, found: Sequence[tuple[Fault, VerdictRow]], emit: Emit) -> None:
    incident.quiet = 0
    incident.evidence_days = max(incident.evidence_days, *(verdict.evidence_days for _, verdict in found))
    new = [fault.feature for fault, _ in found if fault.feature and fault.feature not in incident.features]
    is_worse = incident.level != "page" == _level(incident.kind, found)
    if new or is_worse:
        incident.features += list(dict.fromkeys(new))
        incident.level = "page" if is_worse else incident.level
        tell(monitor, incident, "updated", found[0][1].reason, _keys(incident, found), emit)


def _quiet(loop: Loop, monitor: Monitor, pane_ms: int, incident: Incident, emit: Emit) -> None:
    """Close an incident after 16 quiet panes, which are the windows of hard checks; a gap with the first row."""
    incident.quiet += 1
    if incident.quiet >= (1 if incident.kind == "no-data" else QUIET_WINDOWS):
        why = "over: rows come again" if incident.kind == "no-data" else f"over: {QUIET_WINDOWS} quiet panes"
        close(loop, monitor, incident, pane_ms + monitor.pane_ms, why, emit)


def _supersede(loop: Loop, monitor: Monitor, fault: Incident, pane_ms: int, emit: Emit) -> None:
    """Close drift incidents of the same features that began with the fault: it is what they saw.

    An older drift goes on: values that moved come to lie out of range, and not the other way round.
    """
    near_ms = plan_of(monitor).panel.scales[0] * monitor.pane_ms
    for incident in open_of(loop, monitor, "drift"):
        is_same = bool(fault.features) and set(incident.features) - {OUTLIERS} <= set(fault.features)
        if is_same and incident.since_ms >= fault.since_ms - near_ms:
            close(loop, monitor, incident, pane_ms + monitor.pane_ms, f"a fault of the data: {fault.id}", emit)


def _keys(incident: Incident, found: Sequence[tuple[Fault, VerdictRow]]) -> dict[str, object]:
    verdict = found[0][1]
    return {
        "sure": {"evidence_days": incident.evidence_days, "budget_days": incident.budget_days},
        "much": {"statistic": verdict.effect_name, "value": verdict.effect, "floor": verdict.floor},
        "effects": [
            {"feature": fault.feature, "effect": each.effect_name, "value": each.effect, "floor": each.floor}
            for fault, each in found
        ],
        "next": "ask who sends it; retrains wait while a fault is a page",
    }


def _verdict(monitor: Monitor, pane_ms: int, fault: Fault, emit: Emit) -> VerdictRow:
    what = fault.check + (f"-{fault.side}" if fault.side else "")
    share = monitor.budget.window_share / _FAMILIES
    days = fault.evidence_days(monitor.pane_ms, max(share, 1e-9))
    return VerdictRow(
        id=f"vd-{short_id(monitor.lineage, pane_ms, what, fault.feature)}",
        lineage=monitor.lineage,
        monitor=monitor.name,
        model=monitor.model,
        pane_ms=pane_ms,
        pane_s=monitor.pane_ms // 1000,
        segment_key="",
        segment_value="",
        target=fault.feature or fault.check,
        kind="quality" if _kind(fault) == DATA_FAULT else _kind(fault),
        status="fault",
        statistic=-math.log(fault.p),
        threshold=-math.log(_allowed(monitor) / fault.tests),
        p=fault.p,
        n=0,
        n_eff=math.nan,
        evidence_days=days,
        budget_days=monitor.budget.mark_days,
        effect=fault.share,
        effect_name=what,
        floor=fault.expected + fault.floor if fault.share >= fault.expected else fault.expected - fault.floor,
        lo=fault.lo,
        hi=fault.hi,
        reason=fault_reason(fault, days),
        known_ms=emit.known_ms,
        position=emit.position,
    )
