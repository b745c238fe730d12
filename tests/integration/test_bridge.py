"""The bridge on a real broker: what KServe logs becomes predictions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaProducer
from streamgauge.kserve import REQUEST, RESPONSE
from streamgauge.wire import decode

from stream.runtime.file_port import read_topic
from stream.settings import KafkaSettings, Settings, as_environment
from stream.topics import ensure_topics

if TYPE_CHECKING:
    from tests.conftest import KafkaServer

pytestmark = pytest.mark.integration
HEADERS = {"specversion": "1.0", "source": "/iris", "time": "2013-01-01T10:15:00Z", "inferenceservicename": "iris"}
N = 50


def log(settings: Settings) -> None:
    producer = KafkaProducer(bootstrap_servers=settings.kafka.bootstrap)
    for number in range(N):
        for type_, body in ((REQUEST, {"instances": [[number]]}), (RESPONSE, {"predictions": [number / N + 0.001]})):
            said = HEADERS | {"id": f"r{number}", "type": type_}
            headers = [(f"ce_{name}", text.encode()) for name, text in said.items()]
            producer.send(f"{settings.kafka.prefix}inference", json.dumps(body).encode(), headers=headers)
    producer.close()


def test_requests_and_responses_become_predictions(kafka: KafkaServer, tmp_path: Path):
    prefix = f"bridge_{uuid.uuid4().hex[:8]}."
    settings = Settings(home=tmp_path, kafka=KafkaSettings(bootstrap=kafka.bootstrap, prefix=prefix))
    ensure_topics(settings)
    log(settings)
    command = [sys.executable, "-m", "stream.worker", "--fold", "bridge"]
    worker = subprocess.Popen(command, env=os.environ | as_environment(settings), cwd=Path(__file__).parents[2])
    try:
        found = {}
        deadline = time.monotonic() + 60
        while len(found) < N and time.monotonic() < deadline:
            for records in read_topic(settings, "predictions").values():
                for record in records:
                    found |= {each.prediction_id: each for each in decode("predictions", record.value, record.headers)}
    finally:
        worker.terminate()
        worker.wait(30)
    assert {each.features["x"]: round(each.score * N) for each in found.values()} == {float(n): n for n in range(N)}
