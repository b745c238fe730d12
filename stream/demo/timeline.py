"""One timeline of all events, cut into simulated days.

A flight's features are an event at its scheduled departure, its label one at its landing, up to a day later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stream.demo.flights import DAY_MS, Flights, Ints, Value


class Sender(Protocol):
    """The verbs of the SDK's producer that a replay needs."""

    def features(self, prediction_id: str, features: Mapping[str, Value], /, *, at: int) -> None:
        """Send what is known about a flight; `at` in epoch milliseconds."""
        ...

    def label(self, prediction_id: str, value: int, /, *, at: int) -> None:
        """Send whether a flight was late."""
        ...

    def flush(self) -> None:
        """Return when all that was sent is safe."""
        ...


@dataclass(frozen=True, slots=True)
class Timeline:
    """All events of flights in order of time; columns ``m`` long.

    Attributes
    ----------
    at_ms
        Event times, epoch milliseconds, never falling.
    rows
        Which flight each event is about.
    is_label
        Whether it is its landing.
    """

    flights: Flights
    at_ms: Ints
    rows: Ints
    is_label: NDArray[np.bool_]

    def days(self) -> Iterator[Day]:
        """Yield the days of UTC that have events, in order."""
        days, first = np.unique(self.at_ms // DAY_MS, return_index=True)
        ends = [*first[1:].tolist(), len(self.at_ms)]
        for day, start, end in zip(days.tolist(), first.tolist(), ends, strict=True):
            yield Day(self, day * DAY_MS, start, end)


@dataclass(frozen=True, slots=True)
class Day:
    """The events of one day of UTC: those of `timeline` from `start` to before `end`."""

    timeline: Timeline
    start_ms: int
    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def departures(self) -> list[str]:
        """Return the ids of the flights that were to leave on this day."""
        rows = self.timeline.rows[self.start : self.end]
        leaving = rows[~self.timeline.is_label[self.start : self.end]]
        return [self.timeline.flights.ids[row] for row in leaving.tolist()]

    def send(self, to: Sender) -> None:
        """Send the day's events in their order, and return when they are safe."""
        flights, span = self.timeline.flights, slice(self.start, self.end)
        names, columns = tuple(flights.features), tuple(flights.features.values())
        events = zip(
            self.timeline.at_ms[span].tolist(),
            self.timeline.rows[span].tolist(),
            self.timeline.is_label[span].tolist(),
            strict=True,
        )
        for at_ms, row, is_label in events:
            if is_label:
                to.label(flights.ids[row], int(flights.late[row]), at=at_ms)
            else:
                known = {name: column[row] for name, column in zip(names, columns, strict=True)}
                to.features(flights.ids[row], known, at=at_ms)
        to.flush()


def timeline(flights: Flights, until_ms: int | None = None) -> Timeline:
    """Return the events of `flights` in order of time, those at or after `until_ms` left out."""
    landed = np.flatnonzero(flights.late >= 0)
    at_ms = np.concatenate([flights.departs_ms, flights.lands_ms[landed]])
    rows = np.concatenate([np.arange(len(flights)), landed])
    is_label = np.arange(len(at_ms)) >= len(flights)
    order = np.lexsort((rows, is_label, at_ms))
    if until_ms is not None:
        order = order[at_ms[order] < until_ms]
    return Timeline(flights, at_ms[order], rows[order], is_label[order])
