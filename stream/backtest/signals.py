"""What river's detectors, named in the spec, said of the panes of a file: beside the incidents, never among them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from streamgauge.spec_detectors import OF_FEATURES

from stream.backtest.findings import Findings, Listened
from stream.backtest.timeline import Timeline
from stream.backtest.words import moment
from stream.folds.rows import VerdictRow


@dataclass(frozen=True, slots=True)
class Signal:
    """A pane in which a detector saw a change: its rows, its value, and the mean since the detector began."""

    from_: str
    to: str
    first_row: int
    last_row: int
    value: float
    mean: float | None
    sentence: str

    def to_json(self) -> dict[str, object]:
        """Return it with the names of the JSON form."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "from_"}
        return {"from": self.from_, **values}


@dataclass(frozen=True, slots=True)
class Listener:
    """One detector on one series: how many panes it was given, and where it saw a change."""

    detector: str
    on: str
    feature: str | None
    panes: int
    signals: list[Signal] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        """Return it as plain values."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**plain, "signals": [signal.to_json() for signal in self.signals]}


def listeners_of(findings: Findings, timeline: Timeline) -> list[Listener]:
    """Return all detectors that heard anything, in the order of their names and series.

    The last pane of a file holds a part of its rows: how many there are says nothing.
    """
    return [
        Listener(name, on, target if on in OF_FEATURES else None, heard.panes, _signals(on, heard, findings, timeline))
        for (name, on, target), heard in sorted(findings.listened.items())
    ]


def _signals(on: str, heard: Listened, findings: Findings, timeline: Timeline) -> list[Signal]:
    cut_ms = max(findings.panes, default=0) if on == "rows" else math.inf
    return [_signal(row, timeline) for row in heard.signals if row.pane_ms < cut_ms]


def _signal(row: VerdictRow, timeline: Timeline) -> Signal:
    to_ms = row.pane_ms + timeline.pane_ms
    first, last = timeline.within(row.pane_ms, to_ms)
    mean = row.statistic - row.effect
    known = mean if math.isfinite(mean) else None
    return Signal(moment(row.pane_ms), moment(to_ms), first, last, row.statistic, known, row.reason)
