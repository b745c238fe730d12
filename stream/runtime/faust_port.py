"""Faust behind the port: its consumer group, flow and commits; no tables, windows or command line."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import cast

import faust
import structlog
from faust.types import TP, StreamT

from stream.folds.base import Records
from stream.runtime.batch_transport import BatchConsumer, Run, RunSchema, Transport
from stream.runtime.kafka_log import BrokerView
from stream.runtime.port import Bounds, Handler, TopicPartition
from stream.runtime.record_batches import prepare
from stream.settings import Settings
from stream.topology import WIRING, TopicInfo, group_name, kafka_name, logical_name

COMMIT_S = 0.1
IDLE_S = 0.025
STOP_S = 10
METADATA_MS = 5_000
"""How long until partitions that are added to a topic are read."""
_log = structlog.get_logger()


class FaustPort:
    """Reads the topics of a fold as a member of its group, and drives a handler; it is the handler's log too.

    Parameters
    ----------
    settings
        Of the whole system.
    fold
        Name of the fold: gives group and topics.
    view
        Answers about bounds and commits.
    instance
        Name of a static member of the group, for a worker that a supervisor starts again under the same name:
        it gets its partitions back without a rebalance. None for a dynamic member.
    """

    def __init__(self, settings: Settings, fold: str, view: BrokerView, instance: str | None = None) -> None:
        self._settings, self._fold, self._view, self._instance = settings, fold, view, instance
        self._prefix = settings.kafka.prefix
        self._assigned = self._revoking = False
        self._gate = asyncio.Lock()  # calls of the handler never overlap
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def bounds(self, tps: Collection[TopicPartition]) -> dict[TopicPartition, Bounds]:
        """Return the bounds of each partition."""
        return await self._view.bounds(tps)

    async def committed(self, tps: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the committed offsets of this group."""
        return await self._view.committed(tps)

    async def describe(self, topics: Collection[str]) -> dict[str, TopicInfo]:
        """Return what the broker says of each topic."""
        return await self._view.describe(topics)

    async def partitions(self, topics: Collection[str]) -> dict[str, int]:
        """Return how many partitions each topic has now; topics of which the broker says nothing are left out."""
        return await self._view.partitions(topics)

    def commit(self, tp: TopicPartition, next_offset: int) -> None:
        """Commit with the next commit of the group."""
        self._consumer.commit_to(self._kafka(tp), next_offset)

    @property
    def _consumer(self) -> BatchConsumer:
        return cast("BatchConsumer", self._app.consumer)

    @property
    def wants_handler(self) -> bool:
        """Whether the handler is needed for a stop or a rebalance: then it should not wait for others."""
        return self._ended.done() or self._revoking

    def stop(self) -> None:
        """End `run` in good order."""
        self._finish(None)

    async def run(self, handler: Handler) -> None:
        """Drive the handler until `stop`; what it or Faust raises ends the run and is raised."""
        prepare()
        with tempfile.TemporaryDirectory(prefix="streamgauge-") as folder:
            self._app = self._make_app(handler, folder)
            starting = asyncio.create_task(self._start())
            timer = asyncio.create_task(self._guard(self._tick(handler)))
            try:
                await asyncio.shield(self._ended)
                async with self._gate:
                    await handler.close()
            finally:
                timer.cancel()
                starting.cancel()
                with contextlib.suppress(TimeoutError):  # a broker that is gone must not keep the process
                    await asyncio.wait_for(self._app.stop(), STOP_S)

    async def _start(self) -> None:
        try:
            await self._app.start()
            await self._app.wait_until_stopped()
        except Exception as error:  # noqa: BLE001  handed to `run`, which raises it
            self._finish(error)
        reason = self._app.crash_reason
        self._finish(reason or RuntimeError("the Kafka consumer stopped by itself"))

    async def _tick(self, handler: Handler) -> None:
        while True:
            await asyncio.sleep(IDLE_S)
            if self._assigned and not self._app.rebalancing:
                async with self._gate:
                    await handler.idle()

    async def _guard(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001  handed to `run`, which raises it
            self._finish(error)

    def _finish(self, error: BaseException | None) -> None:
        if self._ended.done():
            return
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(error)

    def _make_app(self, handler: Handler, folder: str) -> faust.App:
        runtime = self._settings.runtime
        app = faust.App(
            group_name(self._prefix, self._fold),
            broker=f"kafka://{self._settings.kafka.bootstrap.replace(',', ';kafka://')}",
            loop=asyncio.get_running_loop(),
            store="memory://",
            datadir=folder,
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            stream_wait_empty=False,
            stream_publish_on_commit=False,
            stream_buffer_maxsize=16,  # runs
            broker_max_poll_records=runtime.max_poll_records,
            consumer_max_fetch_size=runtime.fetch_partition_bytes,
            consumer_metadata_max_age_ms=METADATA_MS,
            broker_commit_interval=COMMIT_S,
            broker_session_timeout=runtime.session_timeout_s,
            broker_heartbeat_interval=min(0.5, runtime.session_timeout_s / 3),
            broker_request_timeout=max(30.0, runtime.session_timeout_s),
            consumer_group_instance_id=self._instance,
        )
        app.transport = self._transport(app, handler)
        topics = app.topic(*(kafka_name(self._prefix, t) for t in WIRING[self._fold].reads), schema=RunSchema())
        app.agent(topics, name=self._fold)(self._agent(handler))
        return app

    def _transport(self, app: faust.App, handler: Handler) -> Transport:
        async def on_assign(tps: set[TP]) -> Mapping[TP, int]:
            async with self._gate:
                starts = await handler.assign({self._logical(tp) for tp in tps})
                self._assigned = True
            found = {f"{tp.topic}/{tp.partition}": starts.get(tp, "committed") for tp in map(self._logical, tps)}
            _log.info("assigned", starts=dict(sorted(found.items())))
            return {self._kafka(tp): start for tp, start in starts.items()}

        async def on_revoke(tps: set[TP]) -> None:
            self._revoking = True
            try:
                async with self._gate:
                    await handler.revoke({self._logical(tp) for tp in tps})
            finally:
                self._revoking = False

        transport = Transport(app.conf.broker, app)
        transport.on_assign, transport.on_revoke = on_assign, on_revoke
        runtime = self._settings.runtime
        transport.fetch_wait_ms, transport.fetch_min_bytes = runtime.fetch_wait_ms, runtime.fetch_min_bytes
        return transport

    def _agent(self, handler: Handler) -> Callable[[StreamT[object]], Awaitable[None]]:
        # A run without records says that a log goes on behind marks of transactions; not all handlers want to know.
        takes_empty = getattr(handler, "takes_empty_runs", False)

        async def take(run: Run) -> None:
            async with self._gate:
                if self._consumer.is_valid(run) and not self._ended.done():
                    records = cast("Records", run.value)
                    if records or takes_empty:
                        await handler.run(self._logical(run.tp), records)

        async def consume(stream: StreamT[object]) -> None:
            async for event in cast("faust.Stream[object]", stream).noack().events():
                await self._guard(take(event.message))
                event.ack()

        return consume

    def _logical(self, tp: TP) -> TopicPartition:
        return TopicPartition(logical_name(self._prefix, tp.topic), tp.partition)

    def _kafka(self, tp: TopicPartition) -> TP:
        return TP(kafka_name(self._prefix, tp.topic), tp.partition)
