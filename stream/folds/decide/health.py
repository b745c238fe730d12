"""Hard checks of a final pane: what is found at once, in values, volume, gaps and labels."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.bins import FIRST, MISSING, UNSEEN
from detectors.quality.check import check_pane
from detectors.quality.fault import Fault
from detectors.quality.gap import check_gap
from detectors.quality.health import PaneHealth
from detectors.quality.health_profile import HealthProfile
from detectors.quality.labels import check_labels
from detectors.quality.volume import check_volume
from stream.folds.decide.fault_pool import Seen
from stream.folds.decide.faults import DATA_FAULT, allowed, follow_faults
from stream.folds.decide.gauges import OnTime, begin_anew, plan_of
from stream.folds.decide.incidents import open_of
from stream.folds.decide.turn import Turn
from stream.folds.layout import DUPLICATES, layout_of
from stream.folds.monitor import Monitor

Ints = NDArray[np.int64]


def check_final(turn: Turn, found: OnTime) -> None:
    """Check a final pane: its volume, how many empty ones lie behind it, and, if it has rows, its values."""
    reference, lineage = turn.monitor.reference, turn.lineage
    if reference is None:
        return
    lineage.empty = 0 if found.rows else lineage.empty + 1
    seen = _seen(turn, reference.health, found) if found.rows else None
    alarming = [fault for fault in _faults(turn, reference.health, seen) if fault.alarms]
    before = open_of(turn.loop, turn.monitor, DATA_FAULT)
    follow_faults(turn, seen, alarming, (DATA_FAULT, "volume", "no-data") if seen else ("no-data",))
    over = [name for incident in before if incident.id not in turn.loop.incidents for name in incident.features]
    if over:  # what a fault left in windows and evidence is no drift
        begin_anew(lineage, turn.monitor, over)


def check_mature(turn: Turn, rows: int, labels: int) -> None:
    """Check whether labels lack in a pane that is old enough to have 95 % of them."""
    monitor = turn.monitor
    profile = None if monitor.reference is None else monitor.reference.health.labels
    if profile is None or rows == 0:
        return
    phases = next(iter(profile.unlabelled.by_phase.values()), (0.0,))
    fault = check_labels(profile, rows, min(labels, rows), allowed(monitor), 0.95, _phase(turn, len(phases)))
    follow_faults(turn, None, [fault] if fault else [], ("no-labels",))


def _seen(turn: Turn, profile: HealthProfile, found: OnTime) -> Seen:
    return Seen(profile.quality, _health(turn.monitor, found), _phase(turn, len(profile.gap.empty)))


def _faults(turn: Turn, profile: HealthProfile, seen: Seen | None) -> list[Fault]:
    """Return what is wrong with a pane, alarming or not: in its values, then a gap or its volume."""
    error = allowed(turn.monitor)
    if seen is None:
        gap = check_gap(profile.gap, turn.lineage.empty, error, _phase(turn, len(profile.gap.empty)))
        return [] if gap is None else [gap]
    faults = list(check_pane(seen.quality, seen.pane, error, seen.phase))
    volume = check_volume(profile.volume, seen.pane.rows, error, seen.phase)
    return faults if volume is None else [*faults, volume]


def _phase(turn: Turn, phases: int) -> int:
    return turn.pane_ms // turn.monitor.pane_ms % phases


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
        duplicates=int(found.cells[DUPLICATES]),
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
