"""Everything on this machine, for as long as a block lasts."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

from stream.local.errors import LocalError
from stream.local.jars import Progress
from stream.local.part import Backoff, Part
from stream.local.parts import build, require_space
from stream.local.state import PartState, alone
from stream.local.supervisor import Supervisor, Watcher
from stream.settings import Settings


class Stack:
    """All parts of one home: started on entering, restarted when they die, stopped on leaving.

    Parameters
    ----------
    settings
        Where things are; relative folders are taken from here.
    parts
        What to run instead of what the settings ask for.
    progress
        Told about each jar that has to be fetched.
    watch
        Told about each change of a part.
    planned
        Told the parts before the first one starts.
    backoff
        Waits between deaths and starts.

    Raises
    ------
    LocalError
        On entering, when a part cannot run; nothing is left running then.

    Examples
    --------
    >>> async def example() -> None:
    ...     async with Stack(Settings()) as stack:
    ...         print(stack.pid("measure"), stack.restarts("measure"))
    """

    def __init__(
        self,
        settings: Settings,
        parts: Sequence[Part] | None = None,
        *,
        progress: Progress | None = None,
        watch: Watcher | None = None,
        planned: Callable[[Sequence[Part]], None] | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self.settings = settings.model_copy(update={"home": settings.home.absolute()})
        self._given, self._progress, self._watch = parts, progress, watch
        self._planned, self._backoff = planned, backoff
        self._exit = contextlib.AsyncExitStack()
        self._supervisor: Supervisor | None = None

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as exit_stack:
            exit_stack.enter_context(_cancelled_by_signals())
            exit_stack.enter_context(alone(self.settings.home))
            parts = await asyncio.to_thread(self._build)
            if self._planned is not None:
                self._planned(parts)
            supervisor = Supervisor(parts, self.settings.home, self._backoff, self._watch)
            await supervisor.start()
            exit_stack.push_async_callback(supervisor.stop)
            self._supervisor = supervisor
            self._exit = exit_stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit.aclose()

    def pid(self, name: str) -> int:
        """Return the process of a part, 0 while it has none."""
        return self._running.state(name).pid

    def pids(self) -> dict[str, int]:
        """Return the processes of all parts that run now."""
        return {state.name: state.pid for state in self._running.states() if state.pid}

    def restarts(self, name: str) -> int:
        """Return how often a part died and was started again."""
        return self._running.state(name).restarts

    def states(self) -> tuple[PartState, ...]:
        """Return all parts as they are now."""
        return self._running.states()

    async def wait_ready(self, name: str) -> None:
        """Wait until a part is ready; after a death, until it is ready again."""
        await self._running.wait_ready(name)

    async def forever(self) -> None:
        """Wait until the caller is cancelled (Ctrl-C, SIGTERM) or the supervision itself fails."""
        await self._running.forever()

    @property
    def _running(self) -> Supervisor:
        if self._supervisor is None:
            raise LocalError("The stack does not run.", "Use it as `async with Stack(settings) as stack`.")
        return self._supervisor

    def _build(self) -> Sequence[Part]:
        require_space(self.settings.home)
        return build(self.settings, self._progress) if self._given is None else self._given


@contextlib.contextmanager
def _cancelled_by_signals() -> Iterator[None]:
    """Let SIGTERM and a closed terminal cancel the task that entered, as Ctrl-C does: all ends in order."""
    task = asyncio.current_task()
    if task is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
