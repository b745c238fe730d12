"""What rows of one kind have in common: whose they are, and when they were computed."""

from __future__ import annotations

from typing import TypedDict

from stream.folds.decide.incidents import short_id
from stream.folds.decide.state import GroupId
from stream.folds.decide.turn import Turn


class OfGroup(TypedDict):
    """Rows of a group of a pane, as they are known with the end of another."""

    lineage: str
    model: str
    model_version: str
    segment_key: str
    segment_value: str
    pane_ms: int
    arrival_ms: int
    known_ms: int
    position: int


class OfVerdict(TypedDict):
    """A verdict on a pane."""

    id: str
    lineage: str
    monitor: str
    model: str
    pane_ms: int
    known_ms: int
    position: int


def of_group(turn: Turn, pane_ms: int, group: GroupId) -> OfGroup:
    """Return the heading of what is known of a pane's group when the turn's pane is final."""
    return OfGroup(
        lineage=turn.monitor.lineage,
        model=turn.monitor.model,
        model_version=group[0],
        segment_key=group[1],
        segment_value=group[2],
        pane_ms=pane_ms,
        arrival_ms=turn.pane_ms,
        known_ms=turn.emit.known_ms,
        position=turn.emit.position,
    )


def of_verdict(turn: Turn, *target: str) -> OfVerdict:
    """Return the heading of a verdict; lineage, pane and `target` make its id."""
    return OfVerdict(
        id=f"vd-{short_id(turn.monitor.lineage, turn.pane_ms, *target)}",
        lineage=turn.monitor.lineage,
        monitor=turn.monitor.name,
        model=turn.monitor.model,
        pane_ms=turn.pane_ms,
        known_ms=turn.emit.known_ms,
        position=turn.emit.position,
    )
