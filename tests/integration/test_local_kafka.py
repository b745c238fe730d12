"""The local broker is a real one, and its data outlive it."""

import asyncio
import signal

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stream.local.java import find_java
from stream.local.kafka import LocalKafka, answers
from stream.local.ports import free_ports

pytestmark = pytest.mark.integration
TOPIC = "kept"


async def create(bootstrap: str, name: str, **config: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1, topic_configs=config)])
    finally:
        await admin.close()


async def send(bootstrap: str, value: bytes) -> int:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", max_request_size=5 << 20, enable_idempotence=True
    )
    await producer.start()
    try:
        return (await producer.send_and_wait(TOPIC, value)).offset
    finally:
        await producer.stop()


async def read(bootstrap: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        return [(await asyncio.wait_for(consumer.getone(), 20)).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_the_probe_tells_a_broker_from_an_empty_port(kafka):
    assert await answers("127.0.0.1", int(kafka.bootstrap.split(":")[1]))
    assert not await answers("127.0.0.1", free_ports())


async def test_data_outlive_a_clean_stop_and_a_kill(tmp_path, run_server, jars):
    node = LocalKafka(tmp_path / "kafka", free_ports(2), find_java().path, jars, heap_mb=256)
    log = tmp_path / "kafka.log"
    node.prepare()
    with run_server(node.command(), node.ready, log):
        await create(node.bootstrap, TOPIC, **{"max.message.bytes": str(4 << 20)})
        assert await send(node.bootstrap, b"first") == 0
        assert await send(node.bootstrap, bytes(3 << 20)) == 1
    node.prepare()  # formats nothing again
    with run_server(node.command(), node.ready, log) as process:
        assert await send(node.bootstrap, b"third") == 2
        process.send_signal(signal.SIGKILL)
        process.wait()
    with run_server(node.command(), node.ready, log):
        values = await read(node.bootstrap, 3)
    assert [values[0], len(values[1]), values[2]] == [b"first", 3 << 20, b"third"]
