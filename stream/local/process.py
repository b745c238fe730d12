"""Child processes that leave no orphans: own sessions, a leash to the kernel, a guard for what they start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from stream.local import guard, leash


@dataclass(frozen=True, slots=True)
class Child:
    """A process that was started here, the leader of a session and a group of its own."""

    process: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its group."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.returncode is None

    async def wait(self) -> int:
        """Wait for its end and return its exit code, minus the signal's number when killed."""
        return await self.process.wait()

    async def stop(self, grace_s: float) -> None:
        """Ask it to end by SIGTERM; after `grace_s` seconds kill it. Its group ends with it."""
        if self.alive:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), grace_s)
        self.kill_group()
        await self.process.wait()

    def kill_group(self) -> None:
        """Kill what is left of its group, itself included."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)


async def start(command: Sequence[str], env: Mapping[str, str], log: Path) -> Child:
    """Start a command on the leash, in a session of its own, with its output appended to a log file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", leash.__file__, str(os.getpid())),
            *command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(env),
            start_new_session=True,
        )
    return Child(process)


class Guard:
    """The guard process: knows which groups run, and kills them should this process vanish."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @classmethod
    def start(cls) -> Self:
        """Start it, away from the signals of this terminal."""
        command = [sys.executable, "-I", guard.__file__]
        return cls(subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True))  # noqa: S603

    def add(self, child: Child) -> None:
        """Put the group of a child on its list."""
        self._tell(f"+{child.pid}")

    def remove(self, child: Child) -> None:
        """Take the group of a child off its list."""
        self._tell(f"-{child.pid}")

    def close(self) -> None:
        """End it; groups still on its list are killed."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # without a guard the leashes still hold
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()
