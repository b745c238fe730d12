"""How far a backtest is: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

LINE_S = 10.0
"""Time between two lines where there is no terminal."""


class Shown:
    """Shows progress on a stream while its block lasts, and leaves nothing behind in a terminal."""

    def __init__(self, stream: TextIO) -> None:
        console = Console(file=stream)
        self._is_terminal, self._stream, self._last_s = console.is_terminal, stream, time.monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Shown:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, what: str, done: int, of: int) -> None:
        """Take in what is done, how many rows of it, and of how many; 0: nobody knows."""
        if self._is_terminal:
            self._update(what, done, of)
        elif time.monotonic() - self._last_s >= LINE_S:
            self._last_s = time.monotonic()
            self._stream.write(f"{what}: {done:,} of {of:,} rows\n" if of else f"{what}\n")
            self._stream.flush()

    def _update(self, what: str, done: int, of: int) -> None:
        if what not in self._tasks:
            for task in self._tasks.values():
                self._bar.update(task, visible=False)
            self._tasks[what] = self._bar.add_task(what, total=of or None)
        self._bar.update(self._tasks[what], completed=done, total=of or None)
