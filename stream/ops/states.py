"""States of folds as their checkpoints hold them, for those who compute again a part of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from stream.folds.base import Fold, Output
from stream.runtime.checkpoint import HOUR_MS, CheckpointStore, Loaded, Pointer
from stream.runtime.kafka_log import KafkaPointers
from stream.settings import Settings
from stream.topology import LEDGER

State = TypeVar("State")
Result = TypeVar("Result")


class SavedStates:
    """Reads the checkpoints that workers took; the list of them is read once.

    Parameters
    ----------
    settings
        Of the whole system.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pointers = _result(KafkaPointers(settings, _Silent()).read())

    def before(self, name: str, fold: Fold[State], partition: int, position: int) -> Loaded[State] | None:
        """Return the newest state of a fold at or below `position` that can be read, or None."""
        folder = self._settings.home / "checkpoints" / name
        prefix, hours = self._settings.kafka.prefix, LEDGER.retention // HOUR_MS
        store = CheckpointStore(prefix, name, folder, _Known(self._pointers), hours)
        return _result(store.before(partition, position, lambda _, data, open_file: fold.decode(data, open_file)))

    def first_from(self, name: str, partition: int, position: int) -> int | None:
        """Return the position of the oldest checkpoint at or above `position`, or None."""
        mine = (p.position for p in self._pointers if (p.fold, p.partition) == (name, partition))
        return min((at for at in mine if at >= position), default=None)


def _result(work: Coroutine[object, object, Result]) -> Result:
    """Return what `work` gives, from code that may itself be called by a running event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


class _Known:
    """Pointers that were read before."""

    def __init__(self, pointers: list[Pointer]) -> None:
        self._pointers = pointers

    async def read(self) -> list[Pointer]:
        return self._pointers

    async def write(self, pointer: Pointer) -> None:
        raise AssertionError("an audit takes no checkpoints")


class _Silent:
    """A publisher for readers."""

    async def publish(self, outputs: Sequence[Output]) -> None:
        raise AssertionError("an audit publishes nothing")
