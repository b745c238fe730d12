"""What the demo asks of the system while it replays: that it has caught up, that no retrain runs, commands."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from stream.clickhouse.client import connect
from stream.demo.collect import Now, Reader
from stream.demo.errors import DemoError
from stream.ops.controls import publish
from stream.runtime.lag import NotCaughtUp, lag_view, wait_caught_up

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from stream.settings import Settings

POLL_S, SLICE_S = 0.25, 10.0


class Loop:
    """The running system, as its operator sees it.

    Parameters
    ----------
    settings
        Where it is.
    model
        The model that is replayed.
    timeout_s
        How long any wait may last, seconds.
    check
        Called every few seconds during a wait; raises what makes it pointless.
    """

    def __init__(
        self,
        settings: Settings,
        model: str,
        timeout_s: float = 300,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings, self._model, self._timeout_s, self._check = settings, model, timeout_s, check
        self._client = connect(settings.clickhouse)
        self._open = ExitStack()
        self._view = self._open.enter_context(lag_view(settings))
        self.reader = Reader(self._client, model)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
        self._client.close()

    def settle(self, tell: Callable[[str], None] = lambda _what: None) -> Now:
        """Return when all that was sent has gone the whole way and no retrain is in flight.

        Parameters
        ----------
        tell
            Is told what is waited for, in words; an empty text at the end.

        Raises
        ------
        DemoError
            If the system does not catch up in time, or a retrain does not end.
        """
        end = time.monotonic() + self._timeout_s
        while True:
            self._catch_up(end)
            running = self.reader.in_flight()
            if not running:
                tell("")
                return self.reader.now()
            tell(", ".join(f"retrain {name}: {step}" for name, step in running.items()))
            self._pause(end, f"retrain {', '.join(running)} did not end")

    def wait_for_champion(self, tell: Callable[[str], None] = lambda _what: None) -> Now:
        """Return when a version serves and all has settled.

        Raises
        ------
        DemoError
            If none came to serve, with what became of the last retrain.
        """
        end = time.monotonic() + self._timeout_s
        while True:
            now = self.settle(tell)
            if now.champion:
                return now
            if ended := self.reader.ended():
                raise DemoError(f"no version came to serve: {ended}")
            tell("waiting for the first version")
            self._pause(end, "no version came to serve")

    def command(self, command: str) -> None:
        """Send a command about the model, and return when Kafka has it."""
        record = {
            "id": uuid.uuid4().hex,
            "command": command,
            "model": self._model,
            "who": "demo",
            "at_ms": time.time_ns() // 1_000_000,
            "args": {},
        }
        publish(self._settings, "commands", self._model, record)

    def _catch_up(self, end: float) -> None:
        while True:
            self._check()
            try:
                return wait_caught_up(self._view, SLICE_S)
            except NotCaughtUp as error:
                if time.monotonic() > end:
                    msg = f"{error} within {self._timeout_s:g} s; see the logs of its workers"
                    raise DemoError(msg) from error

    def _pause(self, end: float, failed: str) -> None:
        if time.monotonic() > end:
            msg = f"{failed} within {self._timeout_s:g} s; see the logs of its workers"
            raise DemoError(msg)
        self._check()
        time.sleep(POLL_S)
