"""Start parts in order, wait until each says that it is ready, start again what dies, stop all in reverse."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from stream.local import process
from stream.local.errors import LocalError
from stream.local.part import Backoff, Part, check, levels
from stream.local.state import PartState, Phase, write_state

Watcher = Callable[[PartState], None]
"""Told about each change of a part."""


class Supervisor:
    """Keeps the parts of one home running.

    Parameters
    ----------
    parts
        In an order in which each comes after those it names.
    home
        Folder of logs and state; its lock must be held (see `stream.local.state.alone`).
    backoff
        Waits between deaths and starts.
    watch
        Told about each change of a part.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        home: Path,
        backoff: Backoff | None = None,
        watch: Watcher | None = None,
    ) -> None:
        check(parts)
        self._parts, self._home, self._watch = tuple(parts), home, watch
        self._backoff = backoff or Backoff()
        self._states = {part.name: PartState(part.name, port=part.port) for part in parts}
        self._ready = {part.name: asyncio.Event() for part in parts}
        self._children: dict[str, process.Child] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self._guard: process.Guard | None = None

    def state(self, name: str) -> PartState:
        """Return a part as it is now."""
        return self._states[name]

    def states(self) -> tuple[PartState, ...]:
        """Return all parts in the order of their start."""
        return tuple(self._states.values())

    def log(self, name: str) -> Path:
        """Return the log file of a part."""
        return self._home / "logs" / f"{name}.log"

    async def start(self) -> None:
        """Start all parts and return when all are ready.

        Raises
        ------
        LocalError
            When a part does not become ready; with the end of its log. All parts are stopped then.
        """
        self._guard = process.Guard.start()
        self._tell()
        for part in self._parts:
            keeper = asyncio.create_task(self._keep(part))
            keeper.add_done_callback(self._keeper_ended)
            self._keepers.append(keeper)
        try:
            await self._all_ready_or_failed()
        except BaseException:
            await self.stop()
            raise

    async def forever(self) -> None:
        """Wait, until the supervision itself fails (a full disk, say) or the caller is cancelled."""
        await self._failing()

    async def wait_ready(self, name: str) -> None:
        """Wait until a part is ready; after a death, until it is ready again."""
        await self._ready[name].wait()

    async def stop(self) -> None:
        """Stop all parts, the last started first; those that do not need each other stop together."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for level in reversed(levels(self._parts)):
            await asyncio.gather(*(self._stop(part) for part in level))
        if self._guard is not None:
            self._guard.close()
            self._guard = None

    async def _all_ready(self) -> None:
        for event in self._ready.values():
            await event.wait()

    async def _failing(self) -> None:
        raise await asyncio.shield(self._failed)  # whoever waits may be cancelled, the future is for all

    async def _all_ready_or_failed(self) -> None:
        tasks = [asyncio.create_task(self._all_ready()), asyncio.create_task(self._failing())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        for task in done:
            task.result()

    def _keeper_ended(self, keeper: asyncio.Task[None]) -> None:
        if not keeper.cancelled() and (error := keeper.exception()) and not self._failed.done():
            self._failed.set_result(error)

    async def _keep(self, part: Part) -> None:
        """Run one part for as long as the stack lives."""
        for name in part.after:
            await self._ready[name].wait()
        deaths, proven = 0, False
        while True:
            started = time.monotonic()
            child = await self._launch(part)
            proven = await self._until_ready(part, child) or proven
            code = await self._until_ended(part, child, proven)
            if part.once and code == 0:
                self._change(part, phase=Phase.DONE, pid=0, exit_code=code)
                self._ready[part.name].set()
                return
            deaths = 1 if time.monotonic() - started > self._backoff.healthy_s else deaths + 1
            restarts = self._states[part.name].restarts + 1
            self._change(part, phase=Phase.RESTARTING, pid=0, exit_code=code, restarts=restarts)
            if not proven and deaths >= self._backoff.attempts:
                raise self._given_up(part, f"ended with {_ending(code)} {deaths} times")
            await asyncio.sleep(self._backoff.wait_s(deaths))

    async def _launch(self, part: Part) -> process.Child:
        starting = asyncio.create_task(process.start(part.command, {**os.environ, **part.env}, self.log(part.name)))
        try:
            child = await asyncio.shield(starting)
        finally:  # when cancelled in the middle, the child must be known to be stopped
            child = self._children[part.name] = await starting
        if self._guard is not None:
            self._guard.add(child)
        self._change(part, phase=Phase.STARTING, pid=child.pid)
        return child

    async def _until_ready(self, part: Part, child: process.Child) -> bool:
        """Ask until the part says yes; false when it ends before, or takes too long."""
        end = time.monotonic() + part.start_s
        while child.alive and not part.once and time.monotonic() < end:
            if part.ready is None or (await part.ready() and child.alive):
                self._change(part, phase=Phase.READY)
                self._ready[part.name].set()
                return True
            await asyncio.sleep(part.poll_s)
        return False

    async def _until_ended(self, part: Part, child: process.Child, proven: bool) -> int:
        """Wait for the end of a process; one that did not become ready in its time is stopped."""
        if child.alive and not part.once and not self._ready[part.name].is_set():
            if not proven:
                raise self._given_up(part, f"was not ready after {part.start_s:.0f} s")
            await child.stop(part.grace_s)
        code = await self._watched(part, child)
        self._bury(part, child)
        return code

    async def _watched(self, part: Part, child: process.Child) -> int:
        """Wait for the end of a process; one that runs but has not worked for too long is killed."""
        ending, worked = asyncio.ensure_future(child.wait()), time.monotonic()
        while part.works is not None:
            await asyncio.wait([ending], timeout=part.hung_s / 10)
            if ending.done():
                break
            if await part.works():
                worked = time.monotonic()
            elif time.monotonic() - worked > part.hung_s:
                child.kill_group()
                break
        return await ending

    def _bury(self, part: Part, child: process.Child) -> None:
        self._ready[part.name].clear()
        child.kill_group()  # what it had started would work on beside its successor
        if self._guard is not None:
            self._guard.remove(child)

    async def _stop(self, part: Part) -> None:
        state, child = self._states[part.name], self._children.pop(part.name, None)
        phase = state.phase if state.phase in (Phase.DONE, Phase.FAILED) else Phase.STOPPED
        if child is not None and (child.alive or state.pid):
            await child.stop(part.grace_s)
            self._bury(part, child)
            self._change(part, phase=phase, pid=0, exit_code=await child.wait())
        else:
            self._change(part, phase=phase)

    def _given_up(self, part: Part, what: str) -> LocalError:
        self._change(part, phase=Phase.FAILED)
        log = self.log(part.name)
        end = dict.fromkeys(log.read_text(errors="replace").strip().splitlines()[-3:])
        return LocalError(f"{part.name} {what}: {' | '.join(end) or 'it said nothing'}.", f"See {log}.")

    def _change(self, part: Part, **changes: Phase | int) -> None:
        self._states[part.name] = replace(self._states[part.name], **changes)  # type: ignore[arg-type]
        self._tell()
        if self._watch is not None:
            self._watch(self._states[part.name])

    def _tell(self) -> None:
        write_state(self._home, self.states())


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
