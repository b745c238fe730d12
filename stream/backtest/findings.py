"""What `Decide` wrote, read for a person: verdicts by target, incidents from their first word to their last, fates."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from sys import intern
from typing import NamedTuple

import msgspec

from stream.folds.base import Output
from stream.folds.blocks import LINE_BITS
from stream.folds.decide.listening import KIND as NAMED
from stream.folds.decide.listening import SIGNAL
from stream.folds.rows import ConservationRow, FateRow, PaneRow, Result, VerdictRow, decode_rows

ALARMING = frozenset({"warning", "drift", "fault"})
"""Statuses of verdicts that say that something changed."""

JUDGED = ALARMING | {"stable"}
"""Statuses of verdicts that say anything of the data."""


class Alert(msgspec.Struct, frozen=True):
    """What is read of an alert (SURFACES, alerts); `until` and `effects` where the fold tells them."""

    incident: str
    state: str
    level: str
    kind: str
    title: str
    what: str
    since: str
    opened: str
    features: list[str] = []
    where: dict[str, object] = {}
    closed: str | None = None
    until: str | None = None
    effects: list[dict[str, object]] = []
    next: str = ""
    sure: dict[str, object] = {}


@dataclass(slots=True)
class Incident:
    """One incident: what was said of it first, and last.

    Attributes
    ----------
    rows
        How many rows of the file were read when it was raised.
    told
        The effects of all that was said of it, in order.
    """

    opening: Alert
    newest: Alert
    rows: int
    told: list[dict[str, object]] = field(default_factory=list)


class Alarm(NamedTuple):
    """What is kept of a verdict that says that something changed; its window ends with the pane `pane_ms`.

    `segment` is ``feature=level`` of the group whose rows it is about, empty for all rows.
    """

    target: str
    kind: str
    segment: str
    pane_ms: int
    window_ms: int
    effect_name: str
    effect: float
    floor: float


@dataclass(slots=True)
class Seen:
    """Verdicts on one target, in columns: there may be millions.

    Attributes
    ----------
    pane_ms, pane_s, status
        Last pane of each window, its length in seconds, what was decided.
    alarms
        Those that say that something changed.
    """

    pane_ms: array[int] = field(default_factory=lambda: array("q"))
    pane_s: array[int] = field(default_factory=lambda: array("q"))
    status: list[str] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)

    def add(self, row: VerdictRow) -> None:
        """Take in the next verdict; of features within groups the alarms alone, as no others are told."""
        if not (row.kind == "drift" and row.segment_key):
            self.pane_ms.append(row.pane_ms)
            self.pane_s.append(row.pane_s)
            self.status.append(intern(row.status))
        if row.status in ALARMING:
            self.alarms.append(_alarm(row))


def _alarm(row: VerdictRow) -> Alarm:
    segment = intern(f"{row.segment_key}={row.segment_value}") if row.segment_key else ""
    names = intern(row.target), intern(row.kind), segment
    return Alarm(*names, row.pane_ms, 1_000 * row.pane_s, intern(row.effect_name), row.effect, row.floor)


@dataclass(slots=True)
class Listened:
    """What one of river's detectors said of its series: of how many panes, and where it saw a change."""

    panes: int = 0
    signals: list[VerdictRow] = field(default_factory=list)

    def add(self, row: VerdictRow) -> None:
        """Take in the next verdict."""
        self.panes += 1
        if row.status == SIGNAL:
            self.signals.append(row)


@dataclass(slots=True)
class Reason:
    """Why some events were not simply used: the reason of the first, how many there are, and which is the first."""

    said: str = ""
    count: int = 0
    first: int = -1
    first_id: str = ""


@dataclass(slots=True)
class Findings:
    """All that a course of `Decide` came to.

    Attributes
    ----------
    panes
        Rows of each final pane, by its start.
    targets
        Verdicts by target: a feature, or a metric.
    verdicts
        How many there are, by kind and status.
    listened
        Of river's detectors, by name, series, and feature or metric; they are not counted among the verdicts.
    counts
        Where all events of a kind went.
    reasons
        By kind of event, fate and reason, without the value that the reason names: each row may have another.
    """

    panes: dict[int, int] = field(default_factory=dict)
    targets: dict[str, Seen] = field(default_factory=dict)
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    incidents: dict[str, Incident] = field(default_factory=dict)
    listened: dict[tuple[str, str, str], Listened] = field(default_factory=dict)
    counts: dict[str, ConservationRow] = field(default_factory=dict)
    reasons: dict[tuple[str, str, str], Reason] = field(default_factory=dict)

    def add(self, outputs: Sequence[Output], rows: int) -> None:
        """Take in what one message brought about, when `rows` of the file were read."""
        for output in outputs:
            if output.topic == "panes":
                self._pane_rows(decode_rows(output.value))
            elif output.topic == "verdicts":
                self._verdicts(decode_rows(output.value))
            elif output.topic == "alerts":
                self._alert(_alerts.decode(output.value), rows)

    def _pane_rows(self, rows: Sequence[Result]) -> None:
        for row in rows:
            if isinstance(row, PaneRow):
                self._pane(row)
            elif isinstance(row, ConservationRow):
                self.counts[row.kind] = row
            elif isinstance(row, FateRow):
                self._fate(row)

    def _pane(self, row: PaneRow) -> None:
        if row.pane_ms == row.arrival_ms and not row.segment_key:
            self.panes[row.pane_ms] = self.panes.get(row.pane_ms, 0) + row.n

    def _fate(self, row: FateRow) -> None:
        reason = self.reasons.setdefault((row.kind, row.fate, row.reason.partition(":")[0]), Reason(row.reason))
        if not reason.count:
            reason.first_id = row.prediction_id
            reason.first = row.place >> LINE_BITS if row.topic == "predictions" else -1
        reason.count += 1

    def _verdicts(self, rows: Sequence[Result]) -> None:
        for row in rows:
            if isinstance(row, VerdictRow) and row.kind.startswith(NAMED):
                series = (row.kind.removeprefix(NAMED), row.effect_name, row.target)
                self.listened.setdefault(series, Listened()).add(row)
            elif isinstance(row, VerdictRow):
                self.verdicts[row.kind, row.status] += 1
                self.targets.setdefault(row.target, Seen()).add(row)

    def _alert(self, alert: Alert, rows: int) -> None:
        incident = self.incidents.setdefault(alert.incident, Incident(alert, alert, rows))
        incident.newest = alert
        incident.told += alert.effects


_alerts = msgspec.json.Decoder(Alert)
