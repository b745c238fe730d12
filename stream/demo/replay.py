"""A year in minutes: days are sent one after another, and the clock stands still where real time would have passed.

Before the next day is sent, all flights of this day have their prediction, so no partition runs ahead of
another. At the end of each week all that was sent has gone the whole way and no retrain is in flight: a retrain
takes the time that it takes, and in real time it would have been over long before the next week.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from stream.demo.answers import Answers
from stream.demo.chaos import Chaos
from stream.demo.clock import Clock
from stream.demo.collect import Sent
from stream.demo.loop import Loop
from stream.demo.progress import Progress
from stream.demo.timeline import Day, Sender

DAYS_A_WEEK = 7


@dataclass(slots=True)
class Replay:
    """Sends days and waits for what comes of them.

    Attributes
    ----------
    sender
        Where events go.
    answers
        Predictions as they come back.
    loop, progress, clock
        The running system, who is told, and who measures.
    chaos
        Who kills workers, if anybody.
    timeout_s
        How long no prediction may come before the replay gives up, seconds.
    """

    sender: Sender
    answers: Answers
    loop: Loop
    progress: Progress
    clock: Clock
    chaos: Chaos | None = None
    timeout_s: float = 120
    flights: int = field(default=0, init=False)
    labels: int = field(default=0, init=False)

    @property
    def sent(self) -> Sent:
        """What was sent so far."""
        return Sent(self.flights, self.labels)

    def play(self, days: Iterable[Day]) -> None:
        """Send days in order; return when the last one has gone the whole way."""
        days_in_week = 0
        for day in days:
            self._day(day)
            days_in_week += 1
            if days_in_week == DAYS_A_WEEK:
                self._week()
                days_in_week = 0
        if days_in_week:
            self._week()

    def _day(self, day: Day) -> None:
        leaving = day.departures()
        self.answers.expect(leaving)
        with self.clock.phase("of which sending"):
            day.send(self.sender)
        self.flights += len(leaving)
        self.labels += len(day) - len(leaving)
        self.progress.day(day.start_ms, len(day))
        if self.chaos is not None and (killed := self.chaos.strike(day.start_ms)):
            self.progress.note(f"{self.progress.status.day}: killed {killed}")
        with self.clock.phase("of which waiting for predictions"):
            self.answers.wait(self.timeout_s)

    def _week(self) -> None:
        with self.clock.phase("of which waiting at the end of weeks"):
            now = self.loop.settle(self.progress.doing)
        self.progress.shows(now.panes, now.incidents, now.champion)
        self.progress.week()
