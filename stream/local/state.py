"""What the supervisor tells others: ``run/state.json`` in the home folder, and the lock that keeps it alone."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

from stream.local.errors import LocalError


class Phase(StrEnum):
    """Where a part is in its life."""

    WAITING = "waiting"  # for the parts before it
    STARTING = "starting"  # runs, is not ready yet
    READY = "ready"
    RESTARTING = "restarting"  # has died, waits before its next start
    DONE = "done"  # a step that has ended well
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class PartState:
    """One part as it is now.

    Attributes
    ----------
    name
        Name of the part.
    phase
        Where it is in its life.
    pid
        Its process, 0 when there is none.
    port
        Port that it serves, 0 when it serves none.
    restarts
        How often it died and was started again.
    exit_code
        How its last process ended; minus the signal's number when killed, ``None`` before its first end.
    """

    name: str
    phase: Phase = Phase.WAITING
    pid: int = 0
    port: int = 0
    restarts: int = 0
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class StackState:
    """All parts of one home.

    Attributes
    ----------
    pid
        The supervisor, 0 when none runs.
    parts
        In the order of their start.
    """

    pid: int
    parts: tuple[PartState, ...]

    @property
    def ready(self) -> bool:
        """Whether every part does what it is there for."""
        return bool(self.parts) and all(part.phase in (Phase.READY, Phase.DONE) for part in self.parts)


def run_folder(home: Path) -> Path:
    """Folder of the lock and the state."""
    return home / "run"


def write_state(home: Path, parts: Sequence[PartState]) -> None:
    """Replace ``run/state.json`` in one step."""
    folder = run_folder(home)
    fresh = folder / "state.json.new"
    fresh.write_text(json.dumps({"pid": os.getpid(), "parts": [asdict(part) for part in parts]}, indent=1))
    fresh.replace(folder / "state.json")


def read_state(home: Path) -> StackState:
    """Read the parts of a home; those of a supervisor that has gone are stopped.

    Examples
    --------
    >>> read_state(Path("/nowhere"))
    StackState(pid=0, parts=())
    """
    try:
        told = json.loads((run_folder(home) / "state.json").read_text())
    except FileNotFoundError:
        return StackState(0, ())
    parts = tuple(PartState(**{**part, "phase": Phase(part["phase"])}) for part in told["parts"])
    if supervisor_pid(home) == told["pid"]:
        return StackState(told["pid"], parts)
    return StackState(0, tuple(replace(part, phase=Phase.STOPPED, pid=0) for part in parts))


def supervisor_pid(home: Path) -> int:
    """Return the process that supervises a home, 0 when there is none."""
    path = run_folder(home) / "supervisor.lock"
    try:
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return 0
    except BlockingIOError:
        return int(path.read_text() or 0)
    return 0


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold the lock of a home; it ends with the process, however that ends.

    Raises
    ------
    LocalError
        When another supervisor holds it.
    """
    folder = run_folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "supervisor.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise LocalError(
                f"Process {file.read().strip() or '?'} supervises {home} already.",
                "Use it, stop it with `streamgauge down`, or set STREAMGAUGE_HOME to another folder.",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
