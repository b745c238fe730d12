"""Where workers answer about their health: files in ``run/workers`` of the home folder, and a question over HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where one worker answers.

    Attributes
    ----------
    url
        Of ``/metrics`` and ``/healthz``, without a slash at its end.
    """

    worker: str
    fold: str
    pid: int
    host: str
    url: str


@dataclass(frozen=True, slots=True)
class Health:
    """How a worker is.

    Attributes
    ----------
    status
        ``ok``, ``starting``, ``stalled``, or ``silent``: it does not answer.
    reason
        Why it is not ok, or what to look at though it is, in one sentence.
    waits_for
        What it is held up by, if that is not itself: ``kafka``, ``work`` (a run of records that takes long; of store
        that is ClickHouse), ``checkpoint``; empty otherwise. A restart does not help against kafka and ClickHouse.
    """

    status: str
    reason: str = ""
    waits_for: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is nothing to do about it."""
        return self.status in ("ok", "starting")


def folder(home: Path) -> Path:
    """Return where the addresses are.

    >>> folder(Path("home")).as_posix()
    'home/run/workers'
    """
    return home / "run" / "workers"


def announce(home: Path, worker: str, fold: str, url: str) -> Path:
    """Write the address of this process under its worker's name, and return the file."""
    path = folder(home) / f"{worker}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps(asdict(Address(worker, fold, os.getpid(), socket.gethostname(), url))))
    fresh.replace(path)
    return path


def withdraw(path: Path) -> None:
    """Remove an address, unless a successor has written its own."""
    address = _read(path)
    if address is not None and (address.pid, address.host) == (os.getpid(), socket.gethostname()):
        path.unlink(missing_ok=True)


def addresses(home: Path) -> list[Address]:
    """Return the addresses of all workers of a home, by name; without those of this machine that have ended.

    >>> addresses(Path("/nowhere"))
    []
    """
    found = (_read(path) for path in sorted(folder(home).glob("*.json")))
    return [address for address in found if address is not None and _may_live(address)]


def ask(address: Address, timeout_s: float = TIMEOUT_S) -> Health:
    """Ask a worker how it is. Waits up to `timeout_s` seconds: not for an event loop."""
    url = urlsplit(address.url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=timeout_s)
    try:
        connection.request("GET", "/healthz")
        told = json.loads(connection.getresponse().read())
        if (told["worker"], told["pid"]) != (address.worker, address.pid):
            return Health("silent", f"another program answers at {address.url}")
        return Health(told["status"], told["reason"], told["waits_for"])
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        return Health("silent", f"process {address.pid} does not answer at {address.url}: {error}")
    finally:
        connection.close()


async def works(home: Path, worker: str, timeout_s: float = 10.0) -> bool:
    """Say whether a restart would not help a worker: it answers, and what holds it up, if anything, is not itself.

    True for one that has not said yet where it answers.
    """
    mine = [address for address in addresses(home) if address.worker == worker]
    found = [await asyncio.to_thread(ask, address, timeout_s) for address in mine]
    return all(health.ok or bool(health.waits_for) for health in found)


def _read(path: Path) -> Address | None:
    try:
        return Address(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _may_live(address: Address) -> bool:
    """Say whether a process may be there; one on another machine may."""
    if address.host != socket.gethostname():
        return True
    try:
        os.kill(address.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
