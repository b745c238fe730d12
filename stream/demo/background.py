"""The local stack beside a program that waits: its event loop in a thread, so that Ctrl-C reaches the program."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TypeVar

from stream.local.jars import Progress
from stream.local.stack import Stack
from stream.local.supervisor import Watcher
from stream.settings import Settings

Result = TypeVar("Result")


class Background:
    """A stack that runs.

    Parameters
    ----------
    stack
        The stack, entered.
    failed
        Returns why the supervision has ended, None while it goes on.
    """

    def __init__(self, stack: Stack, failed: Callable[[], BaseException | None]) -> None:
        self._stack, self._failed = stack, failed

    def pids(self) -> dict[str, int]:
        """Return the processes of all parts that run now."""
        return self._stack.pids()

    def check(self) -> None:
        """Raise what ended the supervision, if anything did."""
        error = self._failed()
        if error is not None:
            raise error


@contextmanager
def running(settings: Settings, progress: Progress, watch: Watcher) -> Iterator[Background]:
    """Start a stack and stop it when the block ends, however it ends.

    Raises
    ------
    stream.local.errors.LocalError
        When a part cannot run; nothing is left running then.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="stack")
    thread.start()
    stack = Stack(settings, progress=progress, watch=watch)
    try:
        _wait(loop, stack.__aenter__())
        try:
            supervision = asyncio.run_coroutine_threadsafe(stack.forever(), loop)
            yield Background(stack, lambda: supervision.exception() if supervision.done() else None)
        finally:
            supervision.cancel()
            _wait(loop, stack.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _wait(loop: asyncio.AbstractEventLoop, work: Coroutine[None, None, Result]) -> Result:
    """Run a coroutine in the thread's loop; when the wait is interrupted, cancel it and wait for its end."""
    done = threading.Event()

    async def worked() -> Result:
        try:
            return await work
        finally:
            done.set()

    future = asyncio.run_coroutine_threadsafe(worked(), loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        done.wait()
        raise
