"""What Faust as it comes does in a second: ``python -m benchmarks.throughput.stock_faust BOOTSTRAP TOPIC ROWS ROUNDS``.

An agent over a topic that decodes each message's JSON and counts it, one worker. Rounds follow each other in one
process, after `WARM_ROWS`. Prints a list of [rows, CPU s, wall s].
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterable

import faust
import msgspec

WARM_ROWS = 5_000


def main() -> None:
    """Run a worker until the rounds are done, then end the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bootstrap")
    parser.add_argument("topic")
    parser.add_argument("rows", type=int)
    parser.add_argument("rounds", type=int)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        app = _app(given.bootstrap, folder)
        _count(app, given.topic, given.rows, given.rounds)
        faust.Worker(app, loglevel=logging.ERROR, redirect_stdouts=False).execute_from_commandline()


def _app(bootstrap: str, folder: str) -> faust.App:
    return faust.App(
        f"stock-{uuid.uuid4().hex[:8]}", broker=f"kafka://{bootstrap}", store="memory://", datadir=folder,
        web_enabled=False, topic_disable_leader=True, topic_allow_declare=False, consumer_auto_offset_reset="earliest",
    )  # fmt: skip


def _count(app: faust.App, name: str, rows: int, rounds: int) -> None:
    topic = app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    async def count(stream: AsyncIterable[bytes]) -> None:
        models: dict[str, int] = {}
        found: list[tuple[int, float, float]] = []
        read, due, before = 0, WARM_ROWS, (0.0, 0.0)
        async for value in stream:
            model = msgspec.json.decode(value)["model"]
            models[model] = models.get(model, 0) + 1
            read += 1
            if read == due:
                now = time.process_time(), time.perf_counter()
                if due > WARM_ROWS:
                    found.append((rows, now[0] - before[0], now[1] - before[1]))
                if len(found) == rounds:
                    _end(found)
                before, due = now, due + rows

    app.agent(topic)(count)


def _end(found: list[tuple[int, float, float]]) -> None:
    os.write(1, b"\n" + json.dumps(found).encode() + b"\n")  # Faust has put its log where print writes to
    sys.stderr.flush()
    os._exit(0)  # its work is done: nothing of it is kept


if __name__ == "__main__":
    main()
