"""When a drift incident is over: its windows have been quiet, or its group gets no rows any more."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from detectors.outliers.watch import OutlierWatch
from detectors.panel.panel import Panel
from stream.folds.decide.drift_words import OUTLIERS
from stream.folds.decide.findings import Gauged
from stream.folds.decide.gauges import part_plans, plan_of
from stream.folds.decide.incidents import QUIET_WINDOWS, close, open_of
from stream.folds.decide.parts import closed_by
from stream.folds.decide.state import ALL, Incident, Part
from stream.folds.decide.turn import Turn
from stream.folds.monitor import Monitor


def is_in_incident(turn: Turn, part: Part) -> bool:
    """Return whether a group's quiet windows close an incident that is open."""
    return any(closed_by(turn.monitor, incident) == part for incident in open_of(turn.loop, turn.monitor, "drift"))


def window_ms(monitor: Monitor, part: Part) -> int:
    """Return the length of the smallest window of all rows, or of a group's that is judged."""
    panel = plan_of(monitor).panel if part == ALL else part_plans(monitor)[part].panel
    return panel.scales[_smallest(panel, part)] * monitor.pane_ms


def count_quiet(turn: Turn, gauged: Gauged, touched: Sequence[Incident]) -> None:
    """Close incidents that are this gauge's to close after 16 windows without an alarm of their own.

    Evidence began anew at the last one. A window in which none of its features could be judged says nothing.
    """
    plan, found = gauged.plan, gauged.found
    judged = {plan.names[f] for f in np.flatnonzero(found.is_judged)}
    is_due = bool(found.verdict.due[_smallest(plan.panel, gauged.part)])
    for incident in open_of(turn.loop, turn.monitor, "drift"):
        if closed_by(turn.monitor, incident) != gauged.part:
            continue
        incident.quiet += incident not in touched and bool(set(incident.features) & judged) and is_due
        if incident.quiet >= QUIET_WINDOWS:
            _close(turn, incident, f"over: {QUIET_WINDOWS} quiet windows")


def count_absent(turn: Turn, there: Collection[Part]) -> None:
    """Close incidents of groups that had no rows in as many panes with rows as 16 windows of all rows take.

    To be absent is not to be quiet: a group that comes back earlier finds its incident open, with no quiet window more.
    """
    most = QUIET_WINDOWS * plan_of(turn.monitor).panel.scales[0]
    for incident in open_of(turn.loop, turn.monitor, "drift"):
        part = closed_by(turn.monitor, incident)
        incident.absent = 0 if part == ALL or part in there else incident.absent + 1
        if incident.absent >= most:
            _close(turn, incident, f"over: no rows of it in {most} panes")


def _smallest(panel: Panel, part: Part) -> int:
    """Return the place of the smallest scale at which a group is judged; all rows count quiet windows at the first."""
    return 0 if part == ALL else int(panel.usable.any(1).argmax())


def _close(turn: Turn, incident: Incident, why: str) -> None:
    close(turn.loop, turn.monitor, incident, turn.end_ms, why, turn.emit)
    if OUTLIERS in incident.features:
        turn.lineage.outliers = OutlierWatch()
