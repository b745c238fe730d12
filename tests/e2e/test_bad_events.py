"""One bad event of each kind among good ones: each has the row of its fate, and nothing else is disturbed."""

import json
import time

import pytest
from streamgauge.kafka_client import KafkaProducer
from streamgauge.spec import MonitorSpec

from stream.clickhouse.client import connect
from stream.local.stack import Stack
from stream.ops.audit import audit
from stream.ops.spec import apply
from stream.runtime.lag import lag_view, wait_caught_up
from stream.settings import Settings
from tests.ports import free_settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
HOUR_MS = 3_600_000
SPEC = MonitorSpec.from_yaml("""
monitor: m
model: m
task: binary
pane: 1h
features: {x: {type: number}, c: {type: category}}
""")


@pytest.fixture
def settings(tmp_path) -> Settings:
    return free_settings(tmp_path)


def good(i, at_ms):
    features = {"x": i / 10, "c": "ab"[i % 2]}
    return {"prediction_id": f"good{i}", "model": "m", "event_time": at_ms + i * 1_000, "features": features}


def bad(at_ms):
    """Each kind of bad event, by what its fate is to be."""
    event = {"prediction_id": "bad", "model": "m", "event_time": at_ms, "features": {"x": 1.0}}
    return {
        "not-json": b'{"prediction_id": "bad", ',
        "missing-field": json.dumps({k: v for k, v in event.items() if k != "prediction_id"}).encode(),
        "wrong-type": json.dumps(event | {"score": "high"}).encode(),
        "invalid-number": json.dumps(event | {"score": float("nan")}).encode(),
        "too-large": json.dumps(event | {"features": {"x": 1.0, "c": "y" * 2_000_000}}).encode(),
        "no monitor": json.dumps(event | {"model": "nobody"}).encode(),
        "future-time": json.dumps(
            event | {"prediction_id": "future", "event_time": at_ms + 400 * 24 * HOUR_MS}
        ).encode(),
        "duplicate": json.dumps(good(0, at_ms)).encode(),
    }


def settle(settings):
    with lag_view(settings) as view:
        wait_caught_up(view, 60)


def send(settings, topic, values):
    producer = KafkaProducer(bootstrap_servers=settings.kafka.bootstrap, acks="all", max_request_size=4 << 20)
    for value in values:
        producer.send(f"{settings.kafka.prefix}{topic}", value).get(timeout=30)
    producer.close()


async def test_each_bad_event_has_the_row_of_its_fate_and_nothing_else_is_disturbed(settings, jars):
    del jars
    async with Stack(settings):
        apply(settings, SPEC)
        at_ms = int(time.time() * 1000) // HOUR_MS * HOUR_MS - 6 * HOUR_MS
        goods = [json.dumps(good(i, at_ms)).encode() for i in range(50)]
        values = [*goods[:25], *bad(at_ms).values(), *goods[25:]]
        nan_inside = json.dumps(good(50, at_ms) | {"features": {"x": float("nan"), "c": [1]}}).encode()
        send(settings, "predictions", [*values, nan_inside])
        send(settings, "commands", [json.dumps({"id": "end", "command": "close", "model": "m"}).encode()])
        settle(settings)
        settle(settings)
        client = connect(settings.clickhouse)
        letters = dict(client.query("SELECT reason, field FROM dead_letters").result_rows)
        fates = {reason or fate: an_id for fate, reason, an_id in client.query(
            "SELECT fate, reason, prediction_id FROM fates_rows FINAL"
        ).result_rows}  # fmt: skip
        (kept,) = client.query("SELECT sum(n), sum(invalid) FROM panes_rows FINAL WHERE segment_key = ''").result_rows
        total = client.query("SELECT sum(received), sum(difference) FROM conservation").result_rows[0]
        client.close()
        report = audit(settings)

    assert letters == {
        "not-json": "",
        "missing-field": "/prediction_id",
        "wrong-type": "/score",
        "invalid-number": "/score",
        "too-large": "",
    }
    assert fates == {"duplicate": "good0", "future-time": "future", "no monitor watches model 'nobody'": "bad"}
    assert kept == (51, 1)
    assert total == (len(values) + 1, 0)
    assert report.differences == 0
