"""One poll's records of one partition become one Faust message (faust-streaming 0.15, aiokafka 0.14).

A message carries a *run*: ``value`` is `Records`, ``offset`` the last one of the log that they cover. No record is an
object on the way (`batch_fetcher`). What is wrong with Faust's own path for runs, and mended here:

* it hard-codes a fetch wait of 1.5 s, and aiokafka keeps one fetch per node in flight: idle partitions hold
  up busy ones;
* it sleeps a second when all buffers are full, and polls a second on idle partitions when some are;
* it never says where to start a partition without a commit: records dropped in a rebalance were skipped;
* a fetch can outlive a rebalance, or be made between its two halves: its records are dropped here, and sought again;
* it drops messages below the last offset seen, so that a seek below the commit skips to the commit in
  silence;
* it commits what streams acknowledge one by one; here a handler says up to where;
* it forgets its acks before it commits on revocation;
* an exception while partitions are assigned is only logged; here it crashes the app;
* it reads what transactions have not committed, and what they aborted.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, ClassVar, cast

import faust
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message

from stream.folds.base import Records
from stream.runtime.batch_fetcher import READ_COMMITTED, read_in_large_pieces, take_batches

Fetched = tuple[Mapping[TP, list[Any]] | None, set[TP] | None]
Start = Callable[[set[TP]], Awaitable[Mapping[TP, int]]]
Revoke = Callable[[set[TP]], Awaitable[None]]
_Epoch = tuple[int, int]


class Run(ConsumerMessage):
    """A message whose value is `Records`; `epoch` says since which seek they are valid."""

    __slots__ = ("epoch",)
    epoch: _Epoch


class RunSchema(faust.Schema):  # type: ignore[type-arg]  # a run has no key or value type
    """Hands the records on untouched: no codec sees them."""

    def loads_key(self, app: object, message: object, **kwargs: object) -> None:
        """Return no key: a run has many."""

    def loads_value(self, app: object, message: Message, **kwargs: object) -> object:
        """Return the records."""
        return message.value


class _ConsumerThread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        read_in_large_pieces()
        consumer = super()._create_worker_consumer(transport)
        hooks = cast("Transport", transport)
        consumer._fetch_max_wait_ms, consumer._fetch_min_bytes = hooks.fetch_wait_ms, hooks.fetch_min_bytes
        consumer._isolation_level = READ_COMMITTED
        return consumer

    async def on_start(self) -> None:
        await super().on_start()
        take_batches(self._consumer)


class _ReadOffsets(defaultdict[TP, int | None]):
    """Remembers nothing: partitions are read again on purpose, and Faust drops what is below the last offset."""

    def __init__(self) -> None:
        super().__init__(lambda: None)

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        return

    def update(self, *offsets: object, **more: object) -> None:  # dict.update does not go through __setitem__
        return


class BatchConsumer(driver.Consumer):
    """Faust's consumer with runs, explicit starts and commits."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        self._wanted: dict[TP, int] = {}
        self._start: dict[TP, int] = {}
        self._seeking = asyncio.Lock()
        self._seeks = 0  # completed perform_seek calls
        self._fetched_at = 0  # ... of them before the records that are now delivered
        self._room = asyncio.Event()
        self._all_forgotten = 0
        self._forgotten: Counter[TP] = Counter()
        self._let_go: set[TP] = set()  # revoked, and not sought since: no run of them is anybody's
        super().__init__(*args, **kwargs)
        self._deliver = self.callback
        self.callback: Callable[[Message], Awaitable[Any]] = self._deliver_if_valid

    def commit_to(self, tp: TP, next_offset: int) -> None:
        """Have `next_offset` committed with the next commit; a seek goes no further back any more."""
        self._wanted[tp] = next_offset
        if tp in self._start:
            self._start[tp] = max(self._start[tp], next_offset)

    @property
    def _hooks(self) -> Transport:
        return cast("Transport", self.transport)

    def is_valid(self, run: Run) -> bool:
        """Whether no rebalance and no seek came after these records were fetched."""
        if run.tp in self._let_go:
            return False
        return run.epoch == self._epoch(run.tp) and run.generation_id == self.app.consumer_generation_id

    def _epoch(self, tp: TP) -> _Epoch:
        return self._all_forgotten, self._forgotten[tp]

    def _forget(self, tps: Iterable[TP] | None = None) -> None:
        if tps is None:
            self._all_forgotten += 1
        else:
            self._forgotten.update(tps)

    async def _deliver_if_valid(self, message: Message) -> None:
        # Else the position moved, or is about to: these will be read again.
        if self._fetched_at == self._seeks and message.tp not in self._let_go:
            await self._deliver(message)

    def _reset_state(self) -> None:
        super()._reset_state()
        self._read_offset = _ReadOffsets()

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # From a poll to runs.

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109  Faust names it so
    ) -> dict[TP, list[Records]]:
        seeks = self._seeks
        if self._buffered_partitions:  # a full buffer may drain at any moment: do not sleep on the idle ones
            timeout = min(timeout, 0.02)
        records = await super()._getmany(active_partitions, timeout)
        if records and seeks != self._seeks:  # before or after the seek? unknown: drop, and seek again
            records = {}
            await self._seek_again()
        self._fetched_at = self._seeks
        return dict(records)

    async def _seek_again(self) -> None:
        try:
            await self.perform_seek()
        except Exception:
            if self.flow_active:  # else a rebalance is under way, and seeks
                raise

    def _to_message(self, tp: TP, record: Records) -> Run:
        appended_s = int(record.append_ms[-1]) / 1000.0 if record else 0.0
        run = Run(
            tp.topic, tp.partition, record.next_position - 1, appended_s, 0, None, None,
            record, None, 0, 0, tp,  # type: ignore[arg-type]  # Faust knows bytes only
            generation_id=self.app.consumer_generation_id,
        )  # fmt: skip
        run.epoch = self._epoch(tp)
        return run

    async def _wait_next_records(self, timeout: float) -> Fetched:  # noqa: ASYNC109  Faust names it so
        while self.flow_active and not self.should_stop and self._all_full():
            self._room.clear()
            await self.wait(self._room.wait(), timeout=1.0)
        return await super()._wait_next_records(timeout)

    def _all_full(self) -> bool:
        return bool(self._buffered_partitions) and not self._get_active_partitions()

    def on_buffer_drop(self, tp: TP) -> None:
        """Wake the poll when a buffer drains."""
        super().on_buffer_drop(tp)
        self._room.set()

    # Commits: what the handler said, nothing else.

    def ack(self, message: Message) -> bool:
        """Let go of a run; this commits nothing."""
        message.acked = True
        self._unacked_messages.discard(message)
        return True

    def _filter_tps_with_pending_acks(self, topics: Collection[object] | None = None) -> Iterator[TP]:
        yield from list(self._wanted)

    def _new_offset(self, tp: TP) -> int | None:
        return self._wanted.get(tp)

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:
        before = {tp: self._committed_offset.get(tp) for tp in offsets}
        done = bool(await super()._commit_offsets(offsets, start_new_transaction))
        if not done:  # Faust counts them as committed all the same
            self._committed_offset.update(before)
        return done

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        return

    # Rebalance: commit, forget, start where the handler says.

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit what the handler said, then forget what is on its way to it."""
        self._forget(revoked)
        self._let_go |= revoked
        await self._settle(self._hooks.on_revoke(revoked))
        try:
            await asyncio.wait_for(self._commit_all(), 5)
        except Exception as error:  # noqa: BLE001  reading it again is harmless
            self.log.warning("commit on revocation: %r", error)
        for tp in revoked:
            self._wanted.pop(tp, None)
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Ask the handler where to start; what it raises ends the app."""
        self._forget()
        self._wanted.clear()
        self._start = dict(await self._settle(self._hooks.on_assign(assigned)) or {})
        await super().on_partitions_assigned(assigned, generation_id)

    async def _settle(self, asked: Awaitable[Mapping[TP, int] | None]) -> Mapping[TP, int] | None:
        try:
            return await asked
        except Exception as error:  # aiokafka only logs a listener's exception: the worker would sit there, idle
            await self.crash(error)
            raise

    async def verify_all_partitions_active(self) -> None:
        """Do nothing: Faust looks for streams that do not move by their acks, and there are none."""

    async def _commit_all(self) -> None:
        await self.maybe_wait_for_commit_to_finish()
        await self.commit()

    async def perform_seek(self) -> None:
        """Set all read positions; called just before the flow resumes, and while it is stopped."""
        async with self._seeking:  # two must not interleave: the last one wins the read position
            self._forget()
            await super().perform_seek()
            tps = set(self.assignment())
            known = {tp: self._start.get(tp, self._committed_offset.get(tp)) for tp in tps}
            start = {tp: offset for tp, offset in known.items() if offset is not None}
            unknown = tps - start.keys()
            if unknown:  # aiokafka's seek_to_committed does not move a partition without a commit
                start |= await self.earliest_offsets(*unknown)
            if start:
                await self.seek_wait(start)
            self._let_go.clear()
            self._seeks += 1

    async def seek(self, partition: TP, offset: int) -> None:
        """Move one partition."""
        self._forget({partition})
        await super().seek(partition, offset)


class Transport(driver.Transport):
    """Faust's transport with `BatchConsumer`; set it on the app before it starts.

    Attributes
    ----------
    on_assign, on_revoke
        Awaited during a rebalance; `on_assign` gives start offsets.
    fetch_wait_ms, fetch_min_bytes
        How long a fetch may wait on the broker, and for how much: small answers make small blocks, which cost most.
    """

    Consumer: ClassVar[type] = BatchConsumer
    on_assign: Start
    on_revoke: Revoke
    fetch_wait_ms: int = 50
    fetch_min_bytes: int = 1
