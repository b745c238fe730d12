"""Ticks through a gauge, and the false incidents among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from benchmarks.detection.streams import Simulated
from detectors.panel.gauge import NO_JOINT, Verdict, tick
from detectors.panel.gauge_state import Pane, initial
from detectors.panel.plan import Plan

QUIET_PANES = 16


class Alarm(NamedTuple):
    """A tick, from 1, and the features that it names; the joint test is -1."""

    tick: int
    features: tuple[int, ...]


def verdicts(gauge: Plan, stream: Simulated) -> Iterator[Verdict]:
    """Yield the verdict of each tick."""
    state = initial(gauge.panel)
    for t, (counts, rows) in enumerate(zip(stream.counts, stream.rows.tolist(), strict=True)):
        state, verdict = tick(gauge, state, Pane(counts, rows, None, gauge.panel.panes + t))
        yield verdict


def alarms(found: Iterable[Verdict]) -> list[Alarm]:
    """Return the alarms among verdicts."""
    return [Alarm(t, named(verdict)) for t, verdict in enumerate(found, 1) if verdict.alarms]


def named(verdict: Verdict) -> tuple[int, ...]:
    """Return the features that a verdict names, the joint test as -1."""
    joint = () if verdict.joint == NO_JOINT else (-1,)
    return (*verdict.features.tolist(), *joint)


def incidents(found: list[Alarm]) -> int:
    """Return how many incidents alarms are: one opens anew if it shares no feature with the last, or after a while."""
    opened, features, last = 0, set[int](), -QUIET_PANES
    for alarm in found:
        if alarm.tick - last >= QUIET_PANES or not features & set(alarm.features):
            opened, features = opened + 1, set()
        features |= set(alarm.features)
        last = alarm.tick
    return opened
