"""Checkpoints: states of folds in immutable files, and pointers to the newest (docs/architecture.md, rule 10)."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from stream.errors import StreamgaugeError
from stream.folds.numeric import NUMERIC_VERSION

SLOTS = 8
POINTER_SCHEMA = 1
KEEP_S = 24 * 3_600


class CheckpointError(StreamgaugeError):
    """No checkpoint can be used, and starting anew would rebuild into results that are already out."""


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the topic ``checkpoints``.

    Attributes
    ----------
    cut
        Number of the checkpoint, 1 and up; the key holds ``cut mod 8``, so eight pointers are kept.
    position, topic_id, crc
        The last record that the state holds, and what it must look like in the log: crc32 of its value.
    file
        Name of the file in the fold's folder; it ends with the sha256 of its content.
    """

    fold: str
    partition: int
    cut: int
    position: int
    topic_id: str
    crc: int
    file: str
    made_ms: int
    schema: int = POINTER_SCHEMA
    numeric: int = NUMERIC_VERSION

    @property
    def key(self) -> bytes:
        """Return the record's key."""
        return f"{self.fold}/{self.partition}/{self.cut % SLOTS}".encode()


class PointerLog(Protocol):
    """The topic ``checkpoints``."""

    async def read(self) -> list[Pointer]:
        """Return all pointers, the newest under each key, of all folds and partitions."""
        ...

    async def write(self, pointer: Pointer) -> None:
        """Return once the pointer is durable."""
        ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a fold after all records up to and including `position`."""

    position: int
    topic_id: str
    crc: int
    state: bytes


class CheckpointStore:
    """The checkpoints of one fold, in a folder that all its workers share.

    Parameters
    ----------
    prefix
        Of the system's names; files of another prefix in the same folder are left alone.
    fold
        Name of the fold.
    folder
        Where its files are.
    pointers
        The topic that names them.
    """

    def __init__(self, prefix: str, fold: str, folder: Path, pointers: PointerLog) -> None:
        self._stem, self._fold, self._folder, self._pointers = prefix + fold, fold, folder, pointers
        self._known: dict[int, dict[int, Pointer]] = {}

    async def newest(self, partitions: Iterable[int]) -> dict[int, Checkpoint]:
        """Return the highest checkpoint whose file verifies; partitions without any are left out.

        Raises
        ------
        CheckpointError
            If there are pointers, but no file of them verifies, or they are of another numeric version.
        """
        wanted = set(partitions)
        for partition in wanted:
            self._known[partition] = {}
        for pointer in await self._pointers.read():
            if pointer.fold == self._fold and pointer.partition in wanted:
                self._known[pointer.partition][pointer.cut % SLOTS] = pointer
        pointed = {p: sorted(self._known[p].values(), key=_rank, reverse=True) for p in wanted if self._known[p]}
        return {p: await asyncio.to_thread(self._first_sound, pointers) for p, pointers in pointed.items()}

    async def save(self, partition: int, checkpoint: Checkpoint) -> None:
        """Write the file, then the pointer, then remove files that no pointer has named for a day."""
        known = self._known.setdefault(partition, {})
        cut = 1 + max((pointer.cut for pointer in known.values()), default=0)
        file = f"{self._stem}-{partition}-{hashlib.sha256(checkpoint.state).hexdigest()}"
        await asyncio.to_thread(write_file, self._folder / file, checkpoint.state)
        pointer = Pointer(
            fold=self._fold, partition=partition, cut=cut, position=checkpoint.position,
            topic_id=checkpoint.topic_id, crc=checkpoint.crc, file=file, made_ms=time.time_ns() // 1_000_000,
        )  # fmt: skip
        await self._pointers.write(pointer)
        replaced = known.get(cut % SLOTS)
        known[cut % SLOTS] = pointer
        named = {pointer.file for pointer in known.values()}
        await asyncio.to_thread(self._sweep, partition, named, replaced)

    def _first_sound(self, pointers: Sequence[Pointer]) -> Checkpoint:
        newest = pointers[0]
        if newest.numeric != NUMERIC_VERSION:
            raise CheckpointError(
                f"the checkpoints of {self._fold} are of numeric version {newest.numeric}, this program is of "
                f"{NUMERIC_VERSION}: run the old version, or begin a new lineage"
            )
        for pointer in pointers:
            state = read_file(self._folder / pointer.file)
            if state is not None:
                return Checkpoint(pointer.position, pointer.topic_id, pointer.crc, state)
        raise CheckpointError(
            f"none of the {len(pointers)} checkpoints of {self._fold}, partition {newest.partition}, can be read in "
            f"{self._folder}; bring the folder back, or begin a new lineage"
        )

    def _sweep(self, partition: int, named: set[str], replaced: Pointer | None) -> None:
        if replaced is not None and replaced.file not in named:
            touch(self._folder / replaced.file)
        old = time.time() - KEEP_S
        for path in self._folder.glob(f"{self._stem}-{partition}-*"):
            if path.name not in named and path.stat().st_mtime < old:
                path.unlink(missing_ok=True)


def write_file(path: Path, data: bytes) -> None:
    """Put `data` under `path` for good: a temporary name first, all synced before and after the renaming."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_file(path: Path) -> bytes | None:
    """Return the content of a checkpoint file, or None if it is gone or is not what its name says."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    return data if path.name.endswith(hashlib.sha256(data).hexdigest()) else None


def touch(path: Path) -> None:
    """Set a file's time to now, if it is there: its day begins."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return


def newest_by_key(pointers: Iterable[Pointer]) -> list[Pointer]:
    """Return what compaction would leave: the last pointer under each key."""
    kept: dict[bytes, Pointer] = {pointer.key: pointer for pointer in pointers}
    return list(kept.values())


def summary(checkpoints: Mapping[int, Checkpoint]) -> dict[int, int]:
    """Return the position of each partition's checkpoint, for the log line."""
    return {partition: checkpoint.position for partition, checkpoint in sorted(checkpoints.items())}


def _rank(pointer: Pointer) -> tuple[int, int]:
    return pointer.position, pointer.cut
