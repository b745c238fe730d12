"""Where a drift incident is: in which groups of segments."""

from __future__ import annotations

from collections.abc import Iterable

from stream.folds.decide.gauges import part_plans
from stream.folds.decide.state import ALL, Incident, Part
from stream.folds.monitor import Monitor

_MOST_ROWS, _LEAST_MOVED = 0.5, 0.7


def raised_by(incident: Incident) -> Part:
    """Return whose gauge opened a drift incident."""
    return next(iter(incident.parts), ALL)


def parts_of(monitor: Monitor, incident: Incident) -> list[Part]:
    """Return the groups that an incident is about, in the order in which they alarmed; empty for all rows.

    They hold at most half of the rows, and carry most of what moved in all rows, if that is seen there at all.
    """
    named = [part for part in incident.parts if part != ALL]
    return [part for some in by_segment(named) for part in named if part[0] == some and _carry(monitor, incident, some)]


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


def _carry(monitor: Monitor, incident: Incident, segment: str) -> bool:
    mine = [part for part in incident.parts if part[0] == segment]
    moved = sum(incident.parts[part] for part in mine)
    is_small = sum(share_of(monitor, part) for part in mine) <= _MOST_ROWS
    return is_small and moved >= _LEAST_MOVED * incident.parts.get(ALL, 0.0)
