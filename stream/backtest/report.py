"""The result of a backtest: one JSON object."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from detectors.evidence.realised import Realised
from stream.backtest.alerts import AlertReport
from stream.backtest.signals import Listener


@dataclass(frozen=True, slots=True)
class ReferenceReport:
    """What was normal.

    Attributes
    ----------
    source
        Where its rows come from, in words.
    from_, to
        Event time that it covers.
    duplicates
        Rows whose prediction id was there before: left out.
    """

    sha: str
    rows: int
    panes: int
    warnings: list[str]
    source: str
    from_: str
    to: str
    can_alarm: bool
    duplicates: int

    def to_json(self) -> dict[str, object]:
        """Return it with the names of the JSON form."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "from_"}
        return {**values, "from": self.from_}


@dataclass(frozen=True, slots=True)
class SweepRow:
    """What another budget or tolerance would have said: how many incidents, by severity, and the row of the first."""

    budget: str
    tolerance: float | None
    alerts: int
    page: int
    warn: int
    info: int
    first_opened_row: int | None

    def to_json(self) -> dict[str, object]:
        """Return it as plain values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(slots=True)
class Report:
    """A backtest's result.

    Attributes
    ----------
    rows
        Rows of the file, those of the reference included.
    panes
        Final panes that were decided on.
    statistics_rows
        Rows of effect sizes that live folds would write: one for each feature of each final pane with rows.
    seconds
        Time that it took, wall clock.
    judged_rows
        Rows that were given to the folds.
    fates
        Where they went, by kind of event, and the reasons of those that were not simply used.
    verdicts
        How many there are, by kind and status.
    detectors
        river's detectors that the spec names, and where they saw a change.
    settings
        What it was done with: pane, lateness, budget, tolerance, where event time comes from.
    notes
        Sentences on what was read.
    budget
        Pages that there were in the time that was judged, beside the false ones that the budget allows in it.
    """

    monitor: str
    rows: int
    panes: int
    reference: ReferenceReport
    alerts: list[AlertReport]
    statistics_rows: int
    seconds: float
    judged_rows: int
    fates: dict[str, object]
    verdicts: dict[str, dict[str, int]]
    settings: dict[str, object]
    notes: list[str]
    sweep: list[SweepRow] = field(default_factory=list)
    detectors: list[Listener] = field(default_factory=list)
    budget: Realised | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as one JSON object."""
        plain = ("monitor", "rows", "panes", "statistics_rows", "seconds", "judged_rows", "fates", "verdicts")
        return {
            **{name: getattr(self, name) for name in plain},
            "reference": self.reference.to_json(),
            "alerts": [alert.to_json() for alert in self.alerts],
            "detectors": [listener.to_json() for listener in self.detectors],
            "settings": self.settings,
            "notes": self.notes,
            "sweep": [row.to_json() for row in self.sweep],
            "budget": None if self.budget is None else _finite(self.budget),
        }


def _finite(found: Realised) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in found._asdict().items()}
