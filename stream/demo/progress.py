"""What is seen while a demo runs: a live line in a terminal, a line a week elsewhere."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from stream.local.state import PartState, Phase


@dataclass(slots=True)
class Status:
    """Where a replay is; filled by whoever knows."""

    day: str = ""
    sent: int = 0
    total: int = 1
    panes: int = 0
    incidents: int = 0
    champion: str = ""
    doing: str = ""
    started_s: float = math.inf

    @property
    def per_s(self) -> float:
        """Events per second since the first day was sent; 0 before."""
        seconds = time.monotonic() - self.started_s
        return self.sent / seconds if seconds > 0 else 0.0


class Progress:
    """Shows a `Status` that others fill: live if the console is a terminal, else a line for each note.

    Parameters
    ----------
    console
        Where it is shown.
    """

    def __init__(self, console: Console) -> None:
        self.status = Status()
        self._console = console
        self._spinner = Spinner("dots")
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, get_renderable=self._render, refresh_per_second=8, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def fetched(self, here: int, of: int, name: str) -> None:
        """Say that a file that Kafka needs has arrived."""
        self.doing(f"fetching Kafka: {here} of {of} files, {name}")

    def part(self, state: PartState) -> None:
        """Say what a part of the stack does; deaths leave a line."""
        if state.phase is Phase.RESTARTING:
            self.note(f"{state.name} ended ({state.exit_code}); it is started again.")
        elif not self.status.day:
            self.doing(f"{state.name}: {state.phase}")

    def day(self, day_ms: int, sent: int) -> None:
        """Say that the events of a day were sent."""
        self.status.day = f"{datetime.fromtimestamp(day_ms / 1000, UTC):%a %d %b %Y}"
        self.status.sent += sent
        self.status.started_s = min(self.status.started_s, time.monotonic())

    def shows(self, panes: int, incidents: int, champion: str) -> None:
        """Say what the system has come to."""
        self.status.panes, self.status.incidents, self.status.champion = panes, incidents, champion

    def doing(self, what: str) -> None:
        """Say what is waited for, or nothing."""
        self.status.doing = what

    def week(self) -> None:
        """Say that a week is over: a line where nothing is live."""
        if self._live is None:
            self._console.print(Text(_line(self.status)), soft_wrap=True)

    def note(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(Text(text))

    def _render(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=self.status.total, completed=self.status.sent, width=24)
        table.add_row(self._spinner, Text(self.status.day or "starting", style="bold"), bar)
        table.add_row("", Text(_facts(self.status)), Text(self.status.doing, style="magenta"))
        return table


def _line(status: Status) -> str:
    doing = f", {status.doing}" if status.doing else ""
    return f"{status.day}: {status.sent:,} events, {_facts(status)}{doing}"


def _facts(status: Status) -> str:
    champion = f"v{status.champion} serves" if status.champion else "no model yet"
    incidents = f"{status.incidents} incident{'s' * (status.incidents != 1)}"
    return f"{status.per_s:,.0f} events/s, {status.panes:,} panes, {incidents}, {champion}"
