"""The files of checkpoints: written once, whole or not at all, named by what they hold."""

from __future__ import annotations

import hashlib
import mmap
import os
import time
from collections.abc import Set
from pathlib import Path

from stream.folds.base import Content

KEEP_S = 24 * 3_600


class FileLostError(Exception):
    """A file is gone, or does not hold what its name says."""


class CheckpointFiles:
    """Files of one fold in a folder, by partition and name (the sha256 of the content, in hex).

    Parameters
    ----------
    folder
        Shared by all workers of the fold.
    stem
        What the names of its files begin with.
    """

    def __init__(self, folder: Path, stem: str) -> None:
        self._folder, self._stem = folder, stem
        self._damaged: set[Path] = set()

    def path(self, partition: int, name: str) -> Path:
        """Return where a file is."""
        return self._folder / f"{self._stem}-{partition}-{name}"

    def write(self, partition: int, name: str, content: Content) -> None:
        """Put a file there for good; one that is there is only marked as used, unless it was found damaged."""
        path = self.path(partition, name)
        if path.exists() and path not in self._damaged:
            _touch(path)
        else:
            write_file(path, content)
            self._damaged.discard(path)

    def read(self, partition: int, name: str) -> Content:
        """Return a file's content, mapped into memory: pages that nobody reads cost none.

        Raises
        ------
        FileLostError
            If it is gone, or another than its name says.
        """
        path = self.path(partition, name)
        content = _mapped(path)
        if content is None:
            raise FileLostError(f"{path.name} is gone")
        if hash_of(content) != name:
            self._damaged.add(path)
            raise FileLostError(f"{path.name} is damaged")
        return content

    def sweep(self, partition: int, named: Set[str], gone: Set[str]) -> None:
        """Remove files that no pointer has named for a day; the day of those in `gone` begins now."""
        for name in gone:
            _touch(self.path(partition, name))
        kept, old = {self.path(partition, name) for name in named}, time.time() - KEEP_S
        own = f"{self._stem}-{partition}-*"
        for path in (*self._folder.glob(own), *self._folder.glob(f".{own}")):  # those too that a kill left half written
            if path not in kept and path.stat().st_mtime < old:
                path.unlink(missing_ok=True)


def hash_of(content: Content) -> str:
    """Return the name of a content.

    >>> hash_of(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(content).hexdigest()


def write_file(path: Path, content: Content) -> None:
    """Put `content` under `path` for good: a temporary name first, all synced before and after the renaming."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:  # a full disk is not made fuller by each try
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _mapped(path: Path) -> Content | None:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                return b""
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError:
        return None


def _touch(path: Path) -> None:
    try:
        os.utime(path)
    except FileNotFoundError:
        return
