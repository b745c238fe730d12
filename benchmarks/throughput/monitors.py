"""Puts many monitors in force at once."""

from __future__ import annotations

import base64
import hashlib
import json

from streamgauge.kafka_client import KafkaProducer

from benchmarks.throughput.events import Events
from benchmarks.throughput.system import System


def watch(system: System, events: Events, *, pane: str = "1m", lateness: str = "1m", reference: bytes | None) -> None:
    """Publish one monitor for each model as `streamgauge apply` does; there was none before."""
    artifact = None if reference is None else base64.b64encode(reference).decode()
    sha = None if reference is None else hashlib.sha256(reference).hexdigest()
    producer = KafkaProducer(
        bootstrap_servers=system.settings.kafka.bootstrap, acks="all", linger_ms=20, max_request_size=16 << 20
    )
    try:
        for model in events.models:
            record = {
                "monitor": model, "revision": 1, "at_ms": 0, "who": "benchmark", "reference_sha": sha,
                "spec": events.spec(model, pane, lateness).to_values(), "reference": artifact,
            }  # fmt: skip
            producer.send(system.topic("specs"), key=model.encode(), value=json.dumps(record).encode())
        producer.flush()
    finally:
        producer.close()
