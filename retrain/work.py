"""What is done for one retrain event, from the wait for its cut to the version record.

Killed anywhere and begun again it leaves the same: the training is a function of the cut, its artifact is named by
its hash, a step told twice has one id, and an event whose version is registered is only told again.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from models.artifact import Head, sha256
from models.registry import Registry, Version
from retrain.child import Order, Result, write_whole
from retrain.edges import Books, NotThereError, Store
from retrain.event import RetrainEvent, Step
from retrain.keys import trainer_key
from retrain.record import version_record
from retrain.training import CancelledError, Limits, TrainingBroke, train_in_child
from stream.settings import RetrainSettings
from stream.trust import artifacts_folder

if TYPE_CHECKING:
    import pyarrow as pa

log = structlog.get_logger(__name__)
ATTEMPTS = 2
ASKED_EVERY_S = 0.25
SAID_EVERY_S = 5.0


Train = Callable[[Path, Order, Limits, Callable[[], bool], Callable[[int, int], None]], Result]


class Failed(Exception):  # noqa: N818 - the name is the sentence
    """No version will come of this event, for the reason that it says."""


@dataclass(frozen=True, slots=True)
class Work:
    """One event's work.

    Parameters
    ----------
    home
        Folder with keys, artifacts and the working folders of trainings.
    is_cancelled
        Whether the event was taken away: asked often; then `CancelledError` ends the work and nothing is told.
    wait
        Waits some seconds, or less if cancelled.
    train
        Runs the training in a folder.
    """

    home: Path
    settings: RetrainSettings
    books: Books
    store: Store
    is_cancelled: Callable[[], bool] = lambda: False
    wait: Callable[[float], object] = time.sleep
    train: Train = train_in_child

    def do(self, event: RetrainEvent) -> Version | None:
        """Return the version that answers `event`, registered and told; None if there will be none, told too."""
        registry = self.books.registry()
        done = registry.of_retrain(event.model, event.id)
        if done is not None:
            log.info("already registered", retrain=event.id, version=done.version)
            self.books.tell(_trained(event, done))
            return done
        self.books.tell(Step(retrain=event.id, model=event.model, step="training"))
        folder = self._folder(event)
        try:
            return self._make(event, registry, folder)
        except Failed as failure:
            log.warning("no version", retrain=event.id, model=event.model, why=str(failure))
            self.books.tell(Step(retrain=event.id, model=event.model, step="failed", why=str(failure)))
            return None
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _make(self, event: RetrainEvent, registry: Registry, folder: Path) -> Version:
        self._await_cut(event)
        self._write_rows(self._rows(event), folder)
        result = self._train(event, registry, folder)
        if result.validation is None:
            raise Failed(result.why)
        data = (folder / "artifact.bin").read_bytes()
        return self._register(event, result, data)

    def _await_cut(self, event: RetrainEvent) -> None:
        start = said = time.monotonic()
        while (behind := self._behind(event)) is None or behind:
            self._check()
            now = time.monotonic()
            if now - start > self.settings.store_wait_s:
                raise Failed(f"the store has not passed the cut after {now - start:.0f} s: {_lag(behind)}")
            if now - said > SAID_EVERY_S:
                log.info("waiting for the store", retrain=event.id, seconds=round(now - start), behind=behind)
                said = now
            self.wait(ASKED_EVERY_S)

    def _behind(self, event: RetrainEvent) -> dict[int, int] | None:
        """Return how many positions each partition lacks; None if the store does not answer."""
        try:
            stored: Mapping[int, int] = self.store.stored()
        except NotThereError as error:
            log.info("the store does not answer", error=str(error))
            return None
        lack = {p: position - stored.get(p, -1) for p, position in event.positions.items()}
        return {partition: positions for partition, positions in lack.items() if positions > 0}

    def _rows(self, event: RetrainEvent) -> pa.Table:
        end = time.monotonic() + self.settings.store_wait_s
        while True:
            self._check()
            try:
                return self.store.rows(event)
            except NotThereError as error:
                if time.monotonic() > end:
                    raise Failed(f"the store gave no training set: {error}") from error
                self.wait(ASKED_EVERY_S)

    def _write_rows(self, table: pa.Table, folder: Path) -> None:
        import pyarrow.parquet as pq

        newest = table.slice(max(0, len(table) - self.settings.max_rows))
        pq.write_table(newest, folder / "rows.parquet", compression="lz4")

    def _train(self, event: RetrainEvent, registry: Registry, folder: Path) -> Result:
        order = self._order(event, registry.version(event.model, event.champion))
        limits = Limits(self.settings.train_s, self.settings.silence_s)
        said = time.monotonic()

        def progress(done: int, total: int) -> None:
            nonlocal said
            if time.monotonic() - said > SAID_EVERY_S:
                log.info("training", retrain=event.id, model=event.model, rows=done, of=total)
                said = time.monotonic()

        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self.train(folder, order, limits, self.is_cancelled, progress)
            except TrainingBroke as error:
                log.warning("a training broke", retrain=event.id, attempt=attempt, error=str(error))
                broke = str(error)
        raise Failed(f"{broke} ({ATTEMPTS} attempts)")

    def _order(self, event: RetrainEvent, champion: Version | None) -> Order:
        head = Head(
            model=event.model,
            retrain=event.id,
            trainer=event.trainer,
            task=event.task,
            features=event.features,
        )
        settings = self.settings
        return Order(
            head=head,
            champion=champion,
            home=str(self.home.absolute()),
            max_rows=settings.max_rows,
            min_rows=settings.min_rows,
            tolerance=settings.tolerance,
            metric=event.metric,
        )

    def _register(self, event: RetrainEvent, result: Result, data: bytes) -> Version:
        folder = artifacts_folder(self.home)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{sha256(data)}.bin"
        write_whole(path, data)
        self._check()
        registry = self.books.registry()
        version = registry.of_retrain(event.model, event.id)
        if version is None:
            number = registry.next_version(event.model)
            version = version_record(event, number, result, data, path, trainer_key(self.home))
            self.books.register(version)
        log.info("registered", model=event.model, version=version.version, why=version.manifest.why)
        self.books.tell(_trained(event, version))
        return version

    def _folder(self, event: RetrainEvent) -> Path:
        folder = self.home / "retrain" / hashlib.sha256(event.id.encode()).hexdigest()[:16]
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def _check(self) -> None:
        if self.is_cancelled():
            raise CancelledError


def _trained(event: RetrainEvent, version: Version) -> Step:
    why = version.manifest.why
    return Step(retrain=event.id, model=event.model, step="trained", version=version.version, why=why)


def _lag(behind: Mapping[int, int] | None) -> str:
    if behind is None:
        return "it does not answer"
    return ", ".join(f"partition {p} lacks {n} positions" for p, n in sorted(behind.items()))
