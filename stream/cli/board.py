"""Show the parts of a start as they become ready: a live table in a terminal, else a line for each change."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.live import Live
from rich.table import Table

from stream.local.state import PartState, Phase

_LOOK = {
    Phase.WAITING: ("·", "dim"),
    Phase.STARTING: ("…", "yellow"),
    Phase.READY: ("✓", "green"),
    Phase.DONE: ("✓", "green"),
    Phase.RESTARTING: ("!", "red"),
    Phase.FAILED: ("✗", "red"),
    Phase.STOPPED: ("·", "dim"),
}


class Board:
    """The parts as a start sees them.

    Parameters
    ----------
    console
        Where to show them.
    """

    def __init__(self, console: Console) -> None:
        self._console, self._live = console, None if not console.is_terminal else Live(console=console)
        self._states: dict[str, PartState] = {}
        self._note = ""
        self._started = time.monotonic()

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Show it while the block lasts."""
        with self._live or contextlib.nullcontext():
            yield

    def fetched(self, done: int, total: int, name: str) -> None:
        """Tell about a jar that has arrived."""
        self._note = f"Kafka: {done} of {total} files fetched ({name})" if done < total else ""
        if self._live is None:
            if done in (1, total):
                self._console.print(f"Kafka: {done} of {total} files fetched", highlight=False)
            return
        self._live.update(self._table())

    def show(self, states: Sequence[PartState]) -> None:
        """Take all parts as they are now."""
        for state in states:
            self.changed(state)

    def changed(self, state: PartState) -> None:
        """Take one part as it is now."""
        before = self._states.get(state.name)
        self._states[state.name] = state
        if self._live is not None:
            self._live.update(self._table())
        elif before is None or before.phase is not state.phase:
            self._line(state)

    def _line(self, state: PartState) -> None:
        if state.phase not in (Phase.WAITING, Phase.STARTING):
            mark, _ = _LOOK[state.phase]
            seconds = time.monotonic() - self._started
            self._console.print(f"{mark} {state.name} {state.phase} ({seconds:.1f} s)", highlight=False)

    def _table(self) -> Table:
        table = parts_table(tuple(self._states.values()))
        table.caption = self._note or None
        return table


def parts_table(states: Sequence[PartState]) -> Table:
    """Return the parts as a table: name, phase, process, port, restarts."""
    table = Table(box=None, pad_edge=False)
    for title in ("", "part", "state", "process", "port", "restarts"):
        table.add_column(title, justify="right" if title in ("process", "port", "restarts") else "left")
    for state in states:
        mark, style = _LOOK[state.phase]
        numbers = (state.pid, state.port, state.restarts)
        table.add_row(mark, state.name, state.phase, *(str(number or "") for number in numbers), style=style)
    return table
