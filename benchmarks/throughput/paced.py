"""A producer that keeps a pace: ``python -m benchmarks.throughput.paced BOOTSTRAP TOPIC RATE SECONDS``.

Each event carries the time at which it is handed to the client. Prints [events sent, first and last of these times].
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

from aiokafka import AIOKafkaProducer

from benchmarks.throughput.events import Events
from benchmarks.throughput.fill import Sealed

LIVE = ("live_a_1", "live_b_1", "live_c_1")
STEP_S = 0.02


def live_events() -> Events:
    """Return the events of the models that the paced producer speaks of."""
    return Events(LIVE)


def main() -> None:
    """Send, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bootstrap")
    parser.add_argument("topic")
    parser.add_argument("rate", type=int)
    parser.add_argument("seconds", type=int)
    given = parser.parse_args()
    print(json.dumps(asyncio.run(send(given.bootstrap, given.topic, given.rate, given.seconds))))


async def send(bootstrap: str, topic: str, rate: int, seconds: int) -> tuple[int, int, int]:
    """Send `rate` events a second into all partitions, a batch each, every `STEP_S` seconds."""
    events, steps = live_events(), round(seconds / STEP_S)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        partitions = sorted(await producer.partitions_for(topic))
        each = round(rate * STEP_S / len(partitions))
        begun, first_ms, at_ms, waiting = time.monotonic(), 0, 0, []
        for step in range(steps):
            await asyncio.sleep(max(0.0, begun + step * STEP_S - time.monotonic()))
            for partition in partitions:
                at_ms = int(time.time() * 1_000)
                first_ms = first_ms or at_ms
                batch = Sealed(events.values(each, at_ms), ())
                waiting.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*waiting)
    return steps * each * len(partitions), first_ms, at_ms


if __name__ == "__main__":
    main()
