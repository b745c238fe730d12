"""Is anything lost, doubled or different? Each answer is a number and sentences for the first of what it counts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace

from benchmarks.chaos.outcome import Outcome
from benchmarks.chaos.truth import Due, Place, Truth
from benchmarks.chaos.watched import SPECS, WITHOUT_LATE_ROWS

TOLERANCE = 1e-9
"""Relative difference that sums of floats may have: their order of addition is that of the log."""
JUDGED = ("drift", "performance")
"""Kinds of incidents that speak of the data; those about the pipeline itself may well differ."""


Incident = tuple[object, ...]


@dataclass(slots=True)
class Found:
    """How much of one thing was found, and sentences that say where."""

    count: int = 0
    sentences: list[str] = field(default_factory=list)

    def add(self, count: int, sentence: str) -> None:
        """Count what a sentence tells of; nothing if there is nothing."""
        if count:
            self.count += count
            self.sentences.append(sentence)


def lost_and_doubled(truth: Truth, found: Outcome) -> tuple[Found, Found]:
    """Return what is missing and what is there too often, against what lies in the public topics."""
    lost, doubled = Found(), Found()
    lost.add(len(truth.absent), f"acknowledged, but not in the topic: {_some(truth.absent)}")
    _places("prediction_rows", truth.predictions, found.predictions, lost, doubled)
    _places("label_rows", truth.labels, found.labels, lost, doubled)
    _places("dead_letter_rows", truth.letters, found.letters, lost, doubled)
    _fates(truth, found, lost, doubled)
    for spec in SPECS:
        _tell(
            f"rows in panes of {spec.monitor}", truth.rows[spec.model], found.rows.get(spec.monitor, 0), lost, doubled
        )
    return lost, doubled


def _places(what: str, due: Collection[Place], stored: Sequence[Place], lost: Found, doubled: Found) -> None:
    times = Counter(stored)
    missing, more = set(due) - times.keys(), [place for place, n in times.items() if n > 1 or place not in due]
    lost.add(len(missing), f"{what}: {len(missing)} events are not stored, such as {_some(missing)}")
    doubled.add(len(more), f"{what}: {len(more)} rows too many, such as {_some(more)}")


def _fates(truth: Truth, found: Outcome, lost: Found, doubled: Found) -> None:
    nothing = Due(0, 0, 0, 0, 0)
    for kind in sorted(truth.due.keys() | found.fates.keys()):
        due, got = truth.due.get(kind, nothing), found.fates.get(kind, nothing)
        if kind in truth.unsaid:
            due, got = _in_any_order(due), _in_any_order(got)
        for each in fields(Due):
            _tell(f"{' '.join(kind)}: {each.name}", getattr(due, each.name), getattr(got, each.name), lost, doubled)


def _in_any_order(due: Due) -> Due:
    """Return fates with duplicates among what counts: a lower revision is one, unless it was read first."""
    return replace(due, counted=due.counted + due.duplicate, duplicate=0)


def _tell(what: str, due: int, got: int, lost: Found, doubled: Found) -> None:
    lost.add(max(0, due - got), f"{what}: {got:,}, due are {due:,}")
    doubled.add(max(0, got - due), f"{what}: {got:,}, due are {due:,}")


def differing_panes(calm: Outcome, stormy: Outcome) -> Found:
    """Return the panes whose sums over all arrivals are not those of the undisturbed run."""
    found = Found()
    for key in sorted(calm.panes.keys() | stormy.panes.keys(), key=str):
        a, b = calm.panes.get(key), stormy.panes.get(key)
        if a is None or b is None or not all(map(_same, a, b)):
            found.add(1, f"{' '.join(map(str, key))}: {b}, undisturbed {a}")
    return found


def differing_alerts(calm: Outcome, stormy: Outcome) -> Found:
    """Return the incidents of models without late rows that are in one run only."""
    found = Found()
    mine, theirs = Counter(_judged(calm.incidents)), Counter(_judged(stormy.incidents))
    for incident, n in sorted((mine - theirs).items(), key=str):
        found.add(n, f"missing: {incident}")
    for incident, n in sorted((theirs - mine).items(), key=str):
        found.add(n, f"not in the undisturbed run: {incident}")
    return found


def _judged(incidents: Iterable[tuple[object, ...]]) -> list[Incident]:
    """Return what identifies incidents in any run.

    A pane is judged by its labels once it is mature and no partition of labels is behind: after an outage that is
    later than without one, so when an incident about performance opened is no part of what it says.
    """
    kept = [each for each in incidents if each[0] in WITHOUT_LATE_ROWS and each[2] in JUDGED]
    return [each if each[2] == "drift" else (*each[:6], "", bool(each[7])) for each in kept]


def _same(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return a == b


def _some(places: Iterable[object]) -> str:
    return ", ".join(map(str, sorted(places, key=str)[:3]))
