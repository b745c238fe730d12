"""The broker's jars: fetched once, verified against the pinned checksums at each start, kept in a cache."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from stream.local.errors import LocalError
from stream.local.maven import KAFKA, ResolveError, Resolver, resolvers

NAME = f"kafka-{KAFKA}"
FREE_BYTES = 300 << 20  # 44 MB of jars, twice while they are copied, and room for the client's own files

Progress = Callable[[int, int, str], None]
"""Called with (jars here, jars in all, name of the newest)."""


def lock_list() -> dict[str, str]:
    """Return the pinned list: file name to SHA-256.

    Examples
    --------
    >>> jars = lock_list()
    >>> len(jars), len(jars["kafka_2.13-4.3.1.jar"])
    (46, 64)
    """
    lines = resources.files("stream.local").joinpath(f"{NAME}.sha256").read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def faults(folder: Path, wanted: Mapping[str, str]) -> list[str]:
    """Compare a folder with the pinned list; each fault is a few words. Reads all 44 MB (0.03 s)."""
    present = {path.name for path in folder.glob("*.jar")}
    found = [f"{name} is missing" for name in sorted(wanted.keys() - present)]
    found += [f"{name} is not in the list" for name in sorted(present - wanted.keys())]
    for name in sorted(present & wanted.keys()):
        with (folder / name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != wanted[name]:
            found.append(f"{name} has another checksum")
    return found


def kafka_jars(cache: Path, progress: Progress | None = None, clients: Sequence[Resolver] | None = None) -> Path:
    """Return the folder with the verified jars, fetching them when they are absent or damaged.

    Parameters
    ----------
    cache
        Folder that all homes of this user share; made when absent.
    progress
        Told about each jar that arrives.
    clients
        Clients of the registry to try in turn; those of this machine by default.

    Raises
    ------
    LocalError
        When the registry cannot be reached, a checksum is wrong or the disk is full.
    """
    folder, wanted = cache / NAME, lock_list()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _exclusive(cache / f"{NAME}.lock"):
            if not folder.is_dir() or faults(folder, wanted):
                _require_space(cache)
                _fetch(folder, wanted, progress or _silent, resolvers() if clients is None else clients)
    except OSError as error:
        raise LocalError(f"The jars cannot be stored in {cache}: {error.strerror}.", _SPACE) from error
    return folder


_SPACE = "Free some space there, or set STREAMGAUGE_CACHE to a folder with 300 MB."


def _fetch(folder: Path, wanted: Mapping[str, str], progress: Progress, clients: Sequence[Resolver]) -> None:
    with tempfile.TemporaryDirectory(prefix=f"{NAME}.", dir=folder.parent) as work:
        fresh = Path(work) / "jars"
        _resolve(fresh, wanted, progress, clients)
        if wrong := faults(fresh, wanted):
            raise LocalError(
                f"The jars of Kafka {KAFKA} are not those that were pinned: {wrong[0]}"
                + (f" and {len(wrong) - 1} more faults." if wrong[1:] else "."),
                "Remove damaged copies from ~/.m2/repository (or your mirror) and try again.",
            )
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)


def _resolve(fresh: Path, wanted: Mapping[str, str], progress: Progress, clients: Sequence[Resolver]) -> None:
    reasons = []
    for client in clients:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        try:
            client(fresh, _counting(wanted, progress))
        except ResolveError as error:
            reasons.append(str(error))
        else:
            return
    raise LocalError(
        f"Kafka {KAFKA} could not be fetched from Maven Central ({'; '.join(reasons)}).",
        "Check the network or proxy and try again, or set STREAMGAUGE_KAFKA__EXTERNAL=true"
        " and STREAMGAUGE_KAFKA__BOOTSTRAP to a Kafka that runs already.",
    )


def _counting(wanted: Mapping[str, str], progress: Progress) -> Callable[[str], None]:
    arrived: set[str] = set()

    def report(name: str) -> None:
        if name in wanted and name not in arrived:
            arrived.add(name)
            progress(len(arrived), len(wanted), name)

    return report


def _silent(_done: int, _total: int, _name: str) -> None:
    """Progress that nobody watches."""


def _require_space(cache: Path) -> None:
    free = shutil.disk_usage(cache).free
    if free < FREE_BYTES:
        raise LocalError(f"Only {free >> 20} MB are free in {cache}.", _SPACE)


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Let one process at a time fetch; the lock ends with its process."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
