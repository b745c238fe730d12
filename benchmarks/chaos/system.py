"""The system under fire: parts that can be killed, kept away, stopped; second workers; how far each fold is."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from kafka.errors import KafkaError

from stream.local import leash
from stream.local.groups import members_at_work
from stream.local.part import Backoff, Part
from stream.local.parts import build
from stream.local.stack import Stack
from stream.runtime.lag import LagView, Offsets, lag_view
from stream.settings import Settings, as_environment
from stream.topology import WIRING, group_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Answer = TypeVar("Answer")
FOLDS = ("intake", "measure", "decide", "store")
BACKOFF = Backoff(first_s=0.1, most_s=1.0, healthy_s=3.0)
POLL_S = 0.1
PATIENCE_S = 240.0

# Runs the command once the file is gone, as the same process.
_GATE = 'while [ -e "$0" ]; do sleep 0.05; done; exec "$@"'


class StuckError(Exception):
    """Something that had to come did not come: the system does not get on."""


class System:
    """One running system, as those who attack it see it. For one thread at a time, except `pid`.

    Parameters
    ----------
    settings
        Where it is.
    stack
        Its parts, each behind a gate (see `gated`).
    """

    def __init__(self, settings: Settings, stack: Stack) -> None:
        self.settings, self._stack = settings, stack
        self._gates = settings.home / "gates"

    def pid(self, name: str) -> int:
        """Return the process of a part, 0 while it has none."""
        return self._stack.pid(name)

    def kill(self, name: str) -> None:
        """Kill a part, once it runs, and return when it is gone; it is started again when its gate is open."""
        pid = self.signal(name, signal.SIGKILL)
        wait_for(lambda: self.pid(name) != pid, f"the end of {name}")

    def signal(self, name: str, number: signal.Signals) -> int:
        """Send a signal to a part once it runs; return its process."""
        wait_for(lambda: self.pid(name), f"a process of {name}")
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def resume(self, name: str, pid: int) -> None:
        """Let a stopped part go on, if it is still the process that was stopped."""
        if self.pid(name) == pid:
            os.kill(pid, signal.SIGCONT)

    def shut(self, name: str) -> None:
        """Let a part not start again."""
        self._gates.mkdir(exist_ok=True)
        (self._gates / name).touch()

    def open(self, name: str) -> None:
        """Let a part start again."""
        (self._gates / name).unlink(missing_ok=True)

    def retire(self) -> None:
        """End all workers for good; the servers stay."""
        for fold in FOLDS:
            self.shut(fold)
        for fold in FOLDS:
            self.kill(fold)

    @contextmanager
    def away(self, *names: str) -> Iterator[None]:
        """Kill parts and keep them away while the block lasts."""
        for name in names:
            self.shut(name)
        try:
            for name in names:
                self.kill(name)
            yield
        finally:
            for name in names:
                self.open(name)

    @contextmanager
    def second(self, fold: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start a second worker of a fold and wait until both have divided the partitions; it is gone in the end."""
        wait_for(lambda: len(self.members(fold)) == 1, f"one worker of {fold}")
        log = self.settings.home / "logs" / f"{fold}-2.log"
        command = [sys.executable, "-m", "stream.worker", "--fold", fold]
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", leash.__file__, str(os.getpid()), *command],
                env={**os.environ, **as_environment(self.settings), "OMP_NUM_THREADS": "1"},
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        try:
            wait_for(lambda: len(self.members(fold)) == 2 or process.poll() is not None, f"a second {fold}")
            if process.poll() is not None:
                raise StuckError(f"the second worker of {fold} ended with {process.returncode}; see {log}")
            yield process
        finally:
            process.kill()
            process.wait()

    def members(self, fold: str) -> frozenset[str]:
        """Return who has divided the partitions of a fold; nobody while they are being divided."""
        group = group_name(self.settings.kafka.prefix, fold)
        return asyncio.run(members_at_work(self.settings.kafka.bootstrap, group)) or frozenset()


@asynccontextmanager
async def system(settings: Settings) -> AsyncIterator[System]:
    """Start everything but what serves and trains; stop it when the block ends."""
    parts = await asyncio.to_thread(build, settings)
    kept = [gated(part, settings.home) for part in parts if part.name not in ("score", "retrain")]
    async with Stack(settings, kept, backoff=BACKOFF) as stack:
        yield System(settings, stack)


def gated(part: Part, home: Path) -> Part:
    """Return a part that does not start while a file of its name is in the folder ``gates``."""
    if part.once:
        return part
    return replace(part, command=["/bin/sh", "-c", _GATE, str(home / "gates" / part.name), *part.command])


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a fold is: records done, records left, over all that it reads."""

    done: int
    left: int


class Lags:
    """Asks the broker how far folds are; patient while there is no broker. For one thread; a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened = lag_view(settings)
        self._view: LagView | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect."""
        if self._view is not None:
            self._view = None
            self._opened.__exit__(None, None, None)

    def now(self) -> dict[str, Standing] | None:
        """Return where each fold stands; None while the broker does not say."""
        return self._ask(self._standings)

    def ends(self, fold: str) -> Offsets:
        """Return the ends of what a fold reads, as soon as the broker says."""
        return self._patiently(lambda view: view.ends(WIRING[fold].reads))

    def wait_done(self, fold: str, ends: Offsets, patience_s: float = PATIENCE_S) -> None:
        """Wait until a fold has done what lies before `ends`."""

        def is_done() -> bool:
            behind = self._ask(lambda view: view.behind(fold, ends))
            return behind is not None and not behind

        wait_for(is_done, f"{fold} at {dict(ends)}", patience_s)

    def settle(self) -> None:
        """Wait until what lies in the logs now has gone the whole way."""
        self.wait_done("intake", self.ends("intake"))
        # Some ticks more, so that one of them lies in a later second of the log clock than the last row.
        self.wait_done("measure", {tp: end + 6 for tp, end in self.ends("measure").items()})
        for fold in ("decide", "store"):
            self.wait_done(fold, self.ends(fold))

    def _standings(self, view: LagView) -> dict[str, Standing]:
        ends = view.ends({topic for fold in FOLDS for topic in WIRING[fold].reads})
        found = {}
        for fold in FOLDS:
            done = view.done(fold)
            mine = {tp: end for tp, end in ends.items() if tp.topic in WIRING[fold].reads}
            count = sum(done.get(tp, 0) for tp in mine)
            found[fold] = Standing(count, sum(mine.values()) - count)
        return found

    def _patiently(self, question: Callable[[LagView], Answer]) -> Answer:
        deadline = time.monotonic() + PATIENCE_S
        while (answer := self._ask(question)) is None:
            if time.monotonic() > deadline:
                raise StuckError(f"the broker did not answer within {PATIENCE_S:g} s")
            time.sleep(POLL_S)
        return answer

    def _ask(self, question: Callable[[LagView], Answer]) -> Answer | None:
        try:
            if self._view is None:
                self._opened = lag_view(self._settings)
                self._view = self._opened.__enter__()
            return question(self._view)
        except (KafkaError, OSError):
            self.close()
            return None


def wait_for(condition: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait until a condition holds; StuckError when it does not come about in time."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise StuckError(f"{what} did not come within {patience_s:g} s")
        time.sleep(POLL_S)
