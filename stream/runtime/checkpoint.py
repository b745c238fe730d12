"""Checkpoints: states of folds in immutable files, and pointers to them in a topic (docs/architecture.md, rule 10)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec
import structlog

from stream.errors import StreamgaugeError
from stream.folds.base import OpenFile, Snapshot
from stream.folds.numeric import NUMERIC_VERSION
from stream.runtime.checkpoint_files import CheckpointFiles, FileLostError, hash_of

SLOTS = 8
POINTER_SCHEMA = 2
HOUR_MS = 3_600_000
State = TypeVar("State")
_log = structlog.get_logger()


class CheckpointError(StreamgaugeError):
    """No checkpoint can be used, and starting anew would give other results under old names."""


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the topic ``checkpoints``.

    Attributes
    ----------
    cut
        Number of the checkpoint, 1 and up; the key holds ``cut mod 8``, so eight pointers are kept.
    hour
        Of a pointer that is kept for audits: its place among those of the ledger's retention; −1 for the others.
    position, topic_id, crc
        The last record that the state holds, and what it must look like in the log: crc32 of its value.
    file, parts
        Names of the files in the fold's folder; each ends with the sha256 of its content.
    """

    fold: str
    partition: int
    cut: int
    position: int
    topic_id: str
    crc: int
    file: str
    made_ms: int
    parts: tuple[str, ...] = ()
    hour: int = -1
    schema: int = POINTER_SCHEMA
    numeric: int = NUMERIC_VERSION

    @property
    def key(self) -> bytes:
        """Return the record's key."""
        slot = f"{self.cut % SLOTS}" if self.hour < 0 else f"hour/{self.hour}"
        return f"{self.fold}/{self.partition}/{slot}".encode()


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
    """The state of a fold after all records up to and including `position`, to be saved."""

    position: int
    topic_id: str
    crc: int
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Loaded(Generic[State]):
    """A state that was read from a checkpoint, and where it stands."""

    position: int
    topic_id: str
    crc: int
    state: State


Read = Callable[[int, bytes, OpenFile], State]
"""Makes a state of a partition's snapshot; ValueError if it is of another schema."""


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
    hours
        For how many hours one checkpoint an hour is kept, so that an audit need not begin at the log's beginning.
    """

    def __init__(self, prefix: str, fold: str, folder: Path, pointers: PointerLog, hours: int = 168) -> None:
        self._fold, self._pointers, self._hours = fold, pointers, hours
        self._files = CheckpointFiles(folder, f"{prefix}{fold}")
        self._known: dict[int, dict[bytes, Pointer]] = {}

    async def newest(self, partitions: Iterable[int], read: Read[State]) -> dict[int, Loaded[State]]:
        """Return each partition's highest checkpoint that can be read; partitions without one are left out.

        Raises
        ------
        CheckpointError
            If the newest is of another numeric version of the code.
        """
        wanted = set(partitions)
        await self.look(wanted)
        for partition in wanted:
            _refuse_other_numbers(self._known[partition].values())
        found = {p: await asyncio.to_thread(self._first_readable, p, None, read) for p in wanted}
        return {partition: loaded for partition, loaded in found.items() if loaded is not None}

    async def before(self, partition: int, position: int, read: Read[State]) -> Loaded[State] | None:
        """Return the highest readable checkpoint of this code at or below `position`, or None."""
        await self.look({partition})
        return await asyncio.to_thread(self._first_readable, partition, position, read)

    async def newest_of_any_numbers(self, partition: int, read: Read[State]) -> Loaded[State] | None:
        """Return the highest readable checkpoint, whichever version of the code made it, or None."""
        await self.look({partition})
        return await asyncio.to_thread(self._first_readable, partition, None, read, None)

    def is_of_other_numbers(self, partition: int) -> bool:
        """Say whether the newest checkpoint of a partition is of another numeric version, as far as was looked."""
        newest = max(self._known.get(partition, {}).values(), key=_rank, default=None)
        return newest is not None and newest.numeric != NUMERIC_VERSION

    def has_pointers(self, partition: int) -> bool:
        """Say whether any checkpoint of a partition was ever taken, as far as was looked."""
        return bool(self._known.get(partition))

    async def save(self, partition: int, checkpoint: Checkpoint) -> None:
        """Write the files, then the pointer, then remove files that no pointer has named for a day."""
        known = self._known.setdefault(partition, {})
        cut = 1 + max((pointer.cut for pointer in known.values()), default=0)
        snapshot = checkpoint.snapshot
        for name, content in snapshot.files.items():
            await asyncio.to_thread(self._files.write, partition, name, content)
        main = hash_of(snapshot.data)
        await asyncio.to_thread(self._files.write, partition, main, snapshot.data)
        pointer = Pointer(
            fold=self._fold, partition=partition, cut=cut, position=checkpoint.position,
            topic_id=checkpoint.topic_id, crc=checkpoint.crc, file=main, parts=tuple(snapshot.files),
            made_ms=time.time_ns() // 1_000_000,
        )  # fmt: skip
        replaced = [await self._point(known, each) for each in (pointer, *self._hourly(known, pointer))]
        named = {name for each in known.values() for name in (each.file, *each.parts)}
        gone = {name for each in replaced if each for name in (each.file, *each.parts)} - named
        await asyncio.to_thread(self._files.sweep, partition, named, gone)

    async def _point(self, known: dict[bytes, Pointer], pointer: Pointer) -> Pointer | None:
        """Write a pointer; return the one that it replaces."""
        await self._pointers.write(pointer)
        replaced = known.get(pointer.key)
        known[pointer.key] = pointer
        return replaced

    def _hourly(self, known: Mapping[bytes, Pointer], pointer: Pointer) -> list[Pointer]:
        """Return the pointer once more, for audits, if it is the first of its hour."""
        hour = pointer.made_ms // HOUR_MS
        hourly = msgspec.structs.replace(pointer, hour=hour % self._hours)
        before = known.get(hourly.key)
        return [] if before is not None and before.made_ms // HOUR_MS == hour else [hourly]

    async def look(self, partitions: set[int]) -> None:
        """Read which checkpoints of some partitions there are."""
        for partition in partitions:
            self._known[partition] = {}
        for pointer in await self._pointers.read():
            if pointer.fold == self._fold and pointer.partition in partitions:
                self._known[pointer.partition][pointer.key] = pointer

    def _first_readable(
        self, partition: int, highest: int | None, read: Read[State], numeric: int | None = NUMERIC_VERSION
    ) -> Loaded[State] | None:
        for pointer in sorted(self._known[partition].values(), key=_rank, reverse=True):
            if (highest is not None and pointer.position > highest) or numeric not in (None, pointer.numeric):
                continue
            try:
                data = bytes(self._files.read(partition, pointer.file))
                parts = {name: self._files.read(partition, name) for name in pointer.parts}
                state = read(partition, data, parts.__getitem__)
            except (FileLostError, ValueError, LookupError) as error:
                _log.warning("checkpoint passed over", partition=partition, position=pointer.position, why=str(error))
                continue
            return Loaded(pointer.position, pointer.topic_id, pointer.crc, state)
        return None


def newest_by_key(pointers: Iterable[Pointer]) -> list[Pointer]:
    """Return what compaction would leave: the last pointer under each key."""
    kept: dict[bytes, Pointer] = {pointer.key: pointer for pointer in pointers}
    return list(kept.values())


def _refuse_other_numbers(pointers: Iterable[Pointer]) -> None:
    newest = max(pointers, key=_rank, default=None)
    if newest is not None and newest.numeric != NUMERIC_VERSION:
        raise CheckpointError(
            f"the checkpoints of {newest.fold} are of numeric version {newest.numeric}, this program is of "
            f"{NUMERIC_VERSION}: run the old version, or begin anew: streamgauge lineages begin"
        )


def _rank(pointer: Pointer) -> tuple[int, int]:
    return pointer.position, pointer.cut
