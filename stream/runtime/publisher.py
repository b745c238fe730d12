"""The workers' producer: acknowledged by all replicas, per partition in order, nothing lost in silence."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2

from stream.folds.base import Output
from stream.runtime.outgoing_batch import OutgoingBatch
from stream.topology import kafka_name

# Half of the smallest max.message.bytes of the topics; one larger record still travels alone.
BATCH_BYTES = 512 * 1024
STOP_S = 10
_Target = tuple[str, int]


class KafkaPublisher:
    """Publishes outputs; an asynchronous context manager.

    Outputs of one partition go in batches that the broker takes whole or not at all, each handed over after
    the ack of the one before: an idempotent producer alone does not keep a prefix whole when a batch fails.

    Parameters
    ----------
    bootstrap
        Address of the broker.
    prefix
        What the names of topics begin with.
    """

    def __init__(self, bootstrap: str, prefix: str, client_id: str = "streamgauge") -> None:
        self._bootstrap, self._prefix, self._client_id = bootstrap, prefix, client_id
        self._locks: defaultdict[_Target, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._turn = 0

    async def __aenter__(self) -> Self:
        """Connect."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            max_request_size=8 * BATCH_BYTES,
            request_timeout_ms=30_000,
        )
        await self._producer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect; what is on its way gets a few seconds, then it is given up."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._producer.stop(), STOP_S)

    async def publish(self, outputs: Sequence[Output]) -> None:
        """Return once all outputs are acknowledged by all replicas.

        Raises
        ------
        aiokafka.errors.KafkaError
            When one could not be written; later ones of its partition were not handed over.
        """
        by_target: defaultdict[_Target, list[Output]] = defaultdict(list)
        for output in outputs:
            by_target[await self._target(output)].append(output)
        sending = [self._in_order(target, mine) for target, mine in by_target.items()]
        if len(sending) == 1:
            await sending[0]
        elif sending:
            await asyncio.gather(*sending)

    async def _in_order(self, target: _Target, outputs: Sequence[Output]) -> None:
        async with self._locks[target]:
            for batch in self._batches(outputs):
                topic, partition = target
                await (await self._producer.send_batch(batch, topic, partition=partition))

    def _batches(self, outputs: Sequence[Output]) -> Iterator[OutgoingBatch]:
        batch = OutgoingBatch(BATCH_BYTES)
        for output in outputs:
            if not batch.add(output.value, output.key, output.headers):
                batch.close()
                yield batch
                batch = OutgoingBatch(BATCH_BYTES)
                batch.add(output.value, output.key, output.headers)
        if outputs:
            batch.close()
            yield batch

    async def _target(self, output: Output) -> _Target:
        topic = kafka_name(self._prefix, output.topic)
        if output.partition is not None:
            return topic, output.partition
        count = len(await self._producer.partitions_for(topic))
        if output.key:
            return topic, (murmur2(output.key) & 0x7FFFFFFF) % count
        self._turn += 1
        return topic, self._turn % count
