"""What may happen to checkpoints while a fold is away: lost files, and files of another schema."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path

from msgspec.structs import replace

from stream.runtime.checkpoint import Pointer
from stream.runtime.checkpoint_files import CheckpointFiles, hash_of
from stream.runtime.kafka_log import KafkaPointers
from stream.runtime.publisher import KafkaPublisher
from stream.settings import Settings

SCHEMA_BYTES = 2
"""A state begins with the number of its schema, big endian."""


def pointers(settings: Settings, fold: str) -> dict[int, list[Pointer]]:
    """Return the pointers of a fold by partition, the newest first."""
    found: dict[int, list[Pointer]] = defaultdict(list)
    for pointer in asyncio.run(_read(settings)):
        if pointer.fold == fold:
            found[pointer.partition].append(pointer)
    return {p: sorted(some, key=lambda x: (x.position, x.cut), reverse=True) for p, some in found.items()}


def lose_newest(settings: Settings, fold: str) -> int:
    """Remove the file of each partition's newest checkpoint; return how many."""
    lost = 0
    for partition, known in pointers(settings, fold).items():
        path = _files(settings, fold).path(partition, known[0].file)
        lost += path.exists()
        path.unlink(missing_ok=True)
    return lost


def lose_all(settings: Settings, fold: str) -> int:
    """Remove all files of a fold; return how many."""
    files = [path for path in _folder(settings, fold).iterdir() if path.is_file()]
    for path in files:
        path.unlink()
    return len(files)


def make_older(settings: Settings, fold: str) -> int:
    """Leave what code of an older schema would have left: other files under the same pointers; return how many."""
    files = _files(settings, fold)
    changed = []
    for partition, known in pointers(settings, fold).items():
        for pointer in known:
            path = files.path(partition, pointer.file)
            if path.exists():
                content = _older(path.read_bytes())
                files.write(partition, hash_of(content), content)
                changed.append(replace(pointer, file=hash_of(content)))
    asyncio.run(_write(settings, changed))
    return len(changed)


def _older(content: bytes) -> bytes:
    schema = int.from_bytes(content[:SCHEMA_BYTES], "big")
    return (max(schema, 1) - 1).to_bytes(SCHEMA_BYTES, "big") + content[SCHEMA_BYTES:]


def _folder(settings: Settings, fold: str) -> Path:
    return settings.home / "checkpoints" / fold


def _files(settings: Settings, fold: str) -> CheckpointFiles:
    return CheckpointFiles(_folder(settings, fold), f"{settings.kafka.prefix}{fold}")


async def _read(settings: Settings) -> list[Pointer]:
    async with KafkaPublisher(settings.kafka.bootstrap, settings.kafka.prefix) as publisher:
        return await KafkaPointers(settings, publisher).read()


async def _write(settings: Settings, changed: list[Pointer]) -> None:
    async with KafkaPublisher(settings.kafka.bootstrap, settings.kafka.prefix) as publisher:
        for pointer in changed:
            await KafkaPointers(settings, publisher).write(pointer)
