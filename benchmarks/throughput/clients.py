"""What plain clients read in a second: ``python -m benchmarks.throughput.clients aiokafka|kafka-python …``.

A process of its own, so that its CPU time is that of the client alone. Prints a list of [rows, CPU s, wall s].
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as AsyncPartition
from streamgauge.kafka_client import KafkaConsumer, TopicPartition

Round = tuple[int, float, float]
MAX_RECORDS = 500
WARM_ROWS = 20_000


def main() -> None:
    """Read a topic from its beginning, round after round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", choices=["aiokafka", "kafka-python"])
    parser.add_argument("bootstrap")
    parser.add_argument("topic")
    parser.add_argument("rows", type=int)
    parser.add_argument("rounds", type=int)
    given = parser.parse_args()
    read = by_aiokafka if given.client == "aiokafka" else by_kafka_python
    read(given.bootstrap, given.topic, WARM_ROWS)
    print(json.dumps([read(given.bootstrap, given.topic, given.rows) for _ in range(given.rounds)]))


def by_aiokafka(bootstrap: str, topic: str, rows: int) -> Round:
    """Read with `getmany`."""
    return asyncio.run(_by_aiokafka(bootstrap, topic, rows))


async def _by_aiokafka(bootstrap: str, topic: str, rows: int) -> Round:
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False) as consumer:
        partitions = await consumer._client._wait_on_metadata(
            topic
        )  # there is no other way to ask before an assignment
        consumer.assign([AsyncPartition(topic, p) for p in sorted(partitions)])
        await consumer.seek_to_beginning()
        stop, read = clock(), 0
        while read < rows:
            got = await consumer.getmany(timeout_ms=2_000, max_records=MAX_RECORDS)
            read += sum(map(len, got.values()))
        return read, *stop()


def by_kafka_python(bootstrap: str, topic: str, rows: int) -> Round:
    """Read with `poll`."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    try:
        consumer.assign([TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or ())])
        consumer.seek_to_beginning()
        stop, read = clock(), 0
        while read < rows:
            read += sum(map(len, consumer.poll(timeout_ms=2_000, max_records=MAX_RECORDS).values()))
        return read, *stop()
    finally:
        consumer.close()


def clock() -> Callable[[], tuple[float, float]]:
    """Start to take the time; what is returned gives CPU and wall seconds since."""
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    return lambda: (time.process_time() - cpu_s, time.perf_counter() - wall_s)


if __name__ == "__main__":
    main()
