"""Experiment 8: flights in random order with seven changes put in, watched by inputs, and by inputs and score.

Six changes move inputs: by .2 and .3 standard deviations (the latter slowly), by a larger spread, by missing values,
by a level that some rows are stuck at, and more late flights, which only the score of a
model shows, and hardly. The seventh flips labels: nothing is to be seen of it here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.detection.experiment import Experiment, at_least, at_most
from benchmarks.detection.incidents import Alarm, incidents, named
from benchmarks.detection.prior import OUTPUTS, with_outputs
from benchmarks.detection.stored import FLIGHT_KINDS, flight_columns, read, scores_of_other_flights, stacked
from benchmarks.detection.tables import Columns, Cut, encoded, fit_table, pane
from detectors.evidence.budget import WARN, Budget, Thresholds
from detectors.panel.gauge import tick
from detectors.panel.gauge_state import initial
from detectors.panel.panel import Panel
from detectors.panel.plan import plan

ROWS, TRUTH = "injected_airlines.parquet", "injected_airlines.truth.json"
PANE, MINUTE_MS = 100, 60_000
AFTERWARDS = 2_000
"""Rows after a change whose windows may still hold rows of it."""

FLIP = "label_flip"


class Change(NamedTuple):
    """A change of rows above `start`, up to `end`; `column` is None where no single input changes."""

    kind: str
    column: str | None
    start: int
    end: int

    @property
    def name(self) -> str:
        """Its kind and input."""
        return f"{self.kind} {self.column}" if self.column else self.kind


class Seen(NamedTuple):
    """Changes with the features that their first alarm names, and false incidents."""

    first: dict[str, tuple[str, ...]]
    false: int


def experiments(quick: bool, data: Path) -> Iterator[Experiment]:
    """Yield what is found, named first, and false, at the levels of warnings and of pages."""
    del quick
    changes, known = truth(data / TRUTH)
    inputs = stacked(read(data / ROWS, tuple(FLIGHT_KINDS)), tuple(FLIGHT_KINDS))
    columns, scores = flight_columns(inputs), scores_of_other_flights(data, inputs)
    alone = Watch(fit_table(columns, FLIGHT_KINDS, Cut(PANE, known // PANE)), columns, ())
    moved = [change for change in changes if change.kind != FLIP]
    yield from _judged("injected, inputs", alone, moved, [change for change in moved if change.column])
    columns = with_outputs(columns, scores)
    panel = fit_table(columns, FLIGHT_KINDS | OUTPUTS, Cut(PANE, known // PANE), scores)
    scored = Watch(panel, columns, tuple(OUTPUTS))
    yield from _judged("injected, inputs and score", scored, moved, moved)


class Watch(NamedTuple):
    """A reference, the table that it watches, and which of its columns are outputs of the model."""

    panel: Panel
    columns: Columns
    outputs: tuple[str, ...]


def _judged(name: str, watch: Watch, moved: list[Change], asked: list[Change]) -> Iterator[Experiment]:
    """Yield what warnings and pages say. Whatever inputs moved explains alarms; not all that did must be found."""
    own = [change for change in asked if change.column]
    seen = seen_of(alarms(watch, WARN), moved)
    right = sum(seen.first.get(change.name, ("",))[0] == change.column for change in own)
    yield at_least(f"{name}, warnings: changes found, of {len(asked)}", _found(seen, asked), len(asked))
    yield at_least(f"{name}, warnings: first named right, of {len(own)}", right, len(own))
    yield at_most(f"{name}, warnings: false incidents", seen.false, 1)
    seen = seen_of(alarms(watch, Budget().page(MINUTE_MS)), moved)
    yield at_least(f"{name}, 90-day budget: changes found, of {len(own)} but the prior", _found(seen, own), len(own))
    yield at_most(f"{name}, 90-day budget: false incidents", seen.false, 0)


def _found(seen: Seen, changes: list[Change]) -> int:
    return sum(change.name in seen.first for change in changes)


def truth(path: Path) -> tuple[list[Change], int]:
    """Return the changes, and the rows of the reference."""
    told: dict[str, Any] = json.loads(path.read_text())
    changes = [Change(one["kind"], one.get("col"), one["start"], one["end"]) for one in told["events"]]
    return changes, told["reference_rows"][1]


class Raised(NamedTuple):
    """An alarm after so many rows, and the features that it names, the likeliest first."""

    row: int
    features: tuple[str, ...]


def alarms(watch: Watch, thresholds: Thresholds) -> list[Raised]:
    """Return the alarms of the panes after the reference."""
    panel, found = watch.panel, list[Raised]()
    is_output = np.isin(panel.names, watch.outputs)
    gauge, state = plan(panel, thresholds.evidence, thresholds.q, is_output=is_output), initial(panel)
    codes = encoded(panel, watch.columns, len(watch.columns["time"]))
    for number in range(panel.panes, codes.shape[1] // PANE):
        part = codes[:, number * PANE : (number + 1) * PANE]
        state, verdict = tick(gauge, state, pane(panel, part, number))
        if verdict.alarms:
            features = tuple("joint" if f < 0 else panel.names[f] for f in named(verdict))
            found.append(Raised((number + 1) * PANE, features))
    return found


def seen_of(found: list[Raised], changes: list[Change]) -> Seen:
    """Return the first alarm of each change; incidents of alarms that no change explains are false.

    >>> change = Change("scale", "time", 1_000, 2_000)
    >>> seen_of([Raised(900, ("x",)), Raised(1_200, ("time", "x")), Raised(3_500, ("time",))], [change])
    Seen(first={'scale time': ('time', 'x')}, false=1)
    """
    first: dict[str, tuple[str, ...]] = {}
    for change in changes:
        inside = [alarm.features for alarm in found if change.start < alarm.row <= change.end]
        first |= {change.name: inside[0]} if inside else {}
    false = [alarm for alarm in found if not any(c.start < alarm.row <= c.end + AFTERWARDS for c in changes)]
    numbers = {name: place for place, name in enumerate({name for alarm in false for name in alarm.features})}
    return Seen(first, incidents([Alarm(a.row // PANE, tuple(numbers[n] for n in a.features)) for a in false]))
