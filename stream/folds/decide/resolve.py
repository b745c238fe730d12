"""Incidents that a person ends: closed at once, told, and the evidence behind them forgotten."""

from __future__ import annotations

import msgspec

from stream.folds.decide.emit import Emit
from stream.folds.decide.finality import newest_pane_end_ms
from stream.folds.decide.gauges import begin_anew
from stream.folds.decide.incidents import close
from stream.folds.decide.loop import Command
from stream.folds.decide.specs import Specs
from stream.folds.decide.state import Incident, LineageState, Loop
from stream.folds.monitor import Monitor

HOW = {
    "fixed": "fixed",
    "accepted": "accepted: what it says is normal from here on",
    "false": "false: nothing was wrong",
}
"""Ways in which an incident is resolved, and what is told."""


class Resolve(msgspec.Struct, frozen=True):
    """What a command `resolve` says."""

    incident: str
    how: str
    note: str = ""


def resolve(known: Specs, loop: Loop, command: Command, emit: Emit) -> None:
    """Close the incident that a command names, and let the evidence that it rests on begin anew.

    Panes up to the newest row may still show what is mended or accepted: they are not judged.

    Raises
    ------
    ValueError
        If there is no such incident open, no such way, or no spec of its monitor in force.
    """
    said = _said(command)
    incident = loop.incidents.get(said.incident)
    if incident is None:
        raise ValueError(f"no incident {said.incident!r} of {command.model} is open")
    found = known.named(incident.monitor)
    if found is None:
        raise ValueError(f"no lineage of monitor {incident.monitor} is in force: apply its spec again")
    lineage, monitor = found
    note = f" ({said.note})" if said.note else ""
    why = f"resolved by {command.who}: {HOW[said.how]}{note}"
    close(loop, monitor, incident, max(known.now_ms(monitor), incident.opened_ms), why, emit)
    _forget(lineage, monitor, incident)
    if said.how != "false":
        lineage.mended_ms = max(lineage.mended_ms, newest_pane_end_ms(lineage, monitor))


def _said(command: Command) -> Resolve:
    said = msgspec.convert(command.args, Resolve)
    if said.how not in HOW:
        raise ValueError(f"an incident is resolved as {', '.join(HOW)}, got {said.how!r}")
    return said


def _forget(lineage: LineageState, monitor: Monitor, incident: Incident) -> None:
    """Let evidence that an incident rests on begin anew: of its features, or of lost performance.

    What a fault of the data left in windows and evidence is no drift.
    """
    if incident.kind in ("drift", "estimate", "data-fault") and monitor.reference is not None:
        begin_anew(lineage, monitor, incident.features)
    if incident.kind == "performance":
        lineage.losing.clear()
