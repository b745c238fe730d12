"""A monitor of 300 numbers with a reference: its spec is above a megabyte, goes through all topics, and is measured."""

import contextlib
import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import pytest
from kafka.admin import ConfigResource, ConfigResourceType
from streamgauge.kafka_client import KafkaProducer
from streamgauge.spec import MonitorSpec

from detectors.reference import encode, fit_reference
from stream.folds.partials import decode_message
from stream.folds.rows import FeaturePaneRow, LineageRow, decode_rows
from stream.ops.controls import TooLargeError, newest_spec
from stream.ops.spec import apply
from stream.runtime.file_port import read_topic
from stream.settings import KafkaSettings, RuntimeSettings, Settings, as_environment
from stream.topics import admin, ensure_topics
from stream.topology import CARRY_CONTROL, kafka_name

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[2]
DAY_MS = 86_400_000
T0 = int(time.time() * 1000) // DAY_MS * DAY_MS - 5 * DAY_MS
NAMES = [f"number_{i:03}" for i in range(300)]
SPEC = MonitorSpec.from_yaml(
    "monitor: wide\nmodel: wide\ntask: binary\npane: 1d\nfeatures:\n"
    + "".join(f"  {name}: {{type: number}}\n" for name in NAMES)
)


def settings_of(kafka, home, **more):
    return Settings(
        home=home,
        kafka=KafkaSettings(bootstrap=kafka.bootstrap, prefix=f"large{uuid.uuid4().hex[:8]}.", **more),
        runtime=RuntimeSettings(
            ledger_partitions=2, partials_partitions=1, tick_ms=200, checkpoint_s=0.5, session_timeout_s=30
        ),
    )


def reference():
    """A reference of 200 panes with 20 rows each."""
    rng = np.random.default_rng(1)
    panes = np.repeat(np.arange(200) * DAY_MS, 20).tolist()
    values = {name: rng.normal(size=len(panes)).tolist() for name in NAMES}
    return encode(fit_reference(values, dict.fromkeys(NAMES, "number"), panes, pane_ms=DAY_MS))


@contextlib.contextmanager
def workers(settings, folds):
    """Run a worker of each fold until the block ends."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("STREAMGAUGE_")} | as_environment(settings)
    started = []
    try:
        for fold in folds:
            with (settings.home / f"{fold}.log").open("wb") as log:
                command = [sys.executable, "-m", "stream.worker", "--fold", fold, "--name", fold]
                started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def send(settings, topic, *values):
    producer = KafkaProducer(bootstrap_servers=settings.kafka.bootstrap, acks="all")
    for value in values:
        producer.send(kafka_name(settings.kafka.prefix, topic), json.dumps(value).encode(), key=b"wide").get(timeout=30)
    producer.close()


def until(found, timeout_s=90):
    """Wait for a condition that a worker brings about; return it."""
    end = time.monotonic() + timeout_s
    while not (value := found()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.2)
    return value


def rows_of(settings, kind):
    records = [record for log in read_topic(settings, "panes").values() for record in log]
    return [row for record in records for row in decode_rows(record.value) if isinstance(row, kind)]


def test_a_monitor_of_300_numbers_with_a_reference_is_put_in_force_and_measured(kafka, tmp_path):
    settings = settings_of(kafka, tmp_path)
    ensure_topics(settings)
    rng = np.random.default_rng(2)
    with workers(settings, ("intake", "measure", "decide")):
        assert apply(settings, SPEC, reference()).has_reference
        until(lambda: rows_of(settings, LineageRow))
        for i in range(50):
            values = dict(zip(NAMES, rng.normal(size=300).round(6).tolist(), strict=True))
            send(settings, "predictions", {
                "prediction_id": f"p{i}", "model": "wide", "event_time": T0 + i, "features": values, "score": 0.5,
            })  # fmt: skip
        send(settings, "commands", {"id": "end", "command": "close", "model": "wide"})
        panes = until(lambda: rows_of(settings, FeaturePaneRow))

    spec = newest_spec(settings, "wide")
    assert len(json.dumps(spec.reference)) > 1_000_000
    found = [row for row in panes if not row.segment_key]
    assert {row.feature for row in found} == set(NAMES)
    assert {row.n for row in found} == {50}
    assert all(sum(row.bins) == 50 for row in found)
    forwarded = [
        fact for log in read_topic(settings, "partials").values() for r in log for fact in decode_message(r.value).facts
    ]
    assert max(len(fact.value) for fact in forwarded) > 1_000_000
    assert [r for log in read_topic(settings, "dead-letters").values() for r in log] == []


def test_a_record_above_the_setting_is_refused_with_its_name_before_it_is_sent(kafka, tmp_path):
    settings = settings_of(kafka, tmp_path, control_bytes=1_000_000)
    ensure_topics(settings)

    artifact = reference()
    with pytest.raises(TooLargeError, match=r"wide/1: a record of .* STREAMGAUGE_KAFKA__CONTROL_BYTES"):
        apply(settings, SPEC, artifact)
    assert newest_spec(settings, "wide") is None


def test_topics_that_took_less_are_raised_at_the_start_and_never_lowered(kafka, tmp_path):
    small = settings_of(kafka, tmp_path, control_bytes=1_000_000)
    ensure_topics(small)
    before = largest(small)
    large = small.model_copy(update={"kafka": small.kafka.model_copy(update={"control_bytes": 8_000_000})})
    ensure_topics(large)
    after = largest(large)
    ensure_topics(small)

    assert all(after[name] == before[name] + 7_000_000 for name in before)
    assert largest(small) == after
    assert apply(large, SPEC, reference()).is_new


def largest(settings):
    """The largest message of each topic that carries control records, as the broker says."""
    names = [kafka_name(settings.kafka.prefix, topic) for topic in CARRY_CONTROL]
    with admin(settings) as client:
        resources = [ConfigResource(ConfigResourceType.TOPIC, name, {"max.message.bytes": None}) for name in names]
        (found,) = client.describe_configs(resources, config_filter="all").values()
    return {name: int(values["max.message.bytes"]["value"]) for name, values in found.items()}
