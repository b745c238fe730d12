"""Where an incident is: in which groups of segments."""

from __future__ import annotations

from collections.abc import Iterable

from stream.folds.decide.gauges import part_plans
from stream.folds.decide.state import ALL, Incident, Part
from stream.folds.monitor import Monitor

_MOST_ROWS, _LEAST_MOVED = 0.5, 0.7


def closed_by(monitor: Monitor, incident: Incident) -> Part:
    """Return whose quiet windows close a drift incident: of the group that opened it, or that it was narrowed down to.

    Of all rows if there is none, or its group is not watched any more.
    """
    first = next(iter(incident.parts), ALL)
    return first if first in part_plans(monitor) else next(iter(parts_of(monitor, incident)), ALL)


def parts_of(monitor: Monitor, incident: Incident) -> list[Part]:
    """Return the groups that an incident is about, in the order in which they alarmed; empty for all rows.

    Those of drift hold at most half of the rows, and carry most of what moved in all rows where these alarmed too.
    """
    if incident.kind != "drift":
        return [part for part in incident.parts if part != ALL]
    named = [part for part in incident.parts if part in part_plans(monitor)]
    return [part for part in named if _carry(monitor, incident, [one for one in named if one[0] == part[0]])]


def where(monitor: Monitor, incident: Incident) -> dict[str, object]:
    """Return what narrows an incident down, as an alert has it (SURFACES, alerts)."""
    parts = parts_of(monitor, incident)
    return {"features": incident.features, **({"segment": by_segment(parts)} if parts else {})}


def by_segment(parts: Iterable[Part]) -> dict[str, list[str]]:
    """Return levels by segment.

    >>> by_segment([("origin", "ORD"), ("origin", "DEN")])
    {'origin': ['ORD', 'DEN']}
    """
    found: dict[str, list[str]] = {}
    for segment, level in parts:
        found.setdefault(segment, []).append(level)
    return found


def share_of(monitor: Monitor, part: Part) -> float:
    """Return the share of the reference's rows in a group; 1 for all rows."""
    if part == ALL or monitor.reference is None:
        return 1.0
    return part_plans(monitor)[part].panel.rows / monitor.reference.rows


def _carry(monitor: Monitor, incident: Incident, parts: list[Part]) -> bool:
    """Return whether groups of one segment hold few rows, and carry each feature that moved in all rows."""
    is_small = sum(share_of(monitor, part) for part in parts) <= _MOST_ROWS
    return is_small and all(
        sum(incident.parts[part].get(name, 0.0) for part in parts) >= _LEAST_MOVED * moved
        for name, moved in incident.parts.get(ALL, {}).items()
    )
