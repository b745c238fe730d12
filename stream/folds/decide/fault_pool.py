"""What panes say together in which no fault of an open incident was found: each may prove nothing, and all of them."""

from __future__ import annotations

from typing import NamedTuple

from detectors.quality.health import PaneHealth
from detectors.quality.pool import pool_of, proven
from detectors.quality.profile import QualityProfile
from stream.folds.decide.state import Incident
from stream.folds.decide.turn import Turn


class Seen(NamedTuple):
    """The values of a pane with rows, its phase of the cycle, and what they are held against."""

    quality: QualityProfile
    pane: PaneHealth
    phase: int


def take_in(turn: Turn, incident: Incident, seen: Seen) -> None:
    """Add a pane to those since the incident's last fault; what another lineage counted is let go."""
    lineage, now = turn.monitor.lineage, pool_of(seen.pane, seen.phase, seen.quality.shares.phases)
    before = incident.pool if incident.pool_lineage == lineage else None
    incident.pool, incident.pool_lineage = now if before is None else before.and_(now), lineage


def goes_on(turn: Turn, incident: Incident, allowed: float) -> bool:
    """Return whether the panes since the incident's last fault prove one of its features faulty together."""
    reference = turn.monitor.reference
    if incident.pool is None or reference is None:
        return False
    return not proven(reference.health.quality, incident.pool, allowed).isdisjoint(incident.features)
