"""The demo as its users start it, short: the first days of the year, on the real broker and engine."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from stream.local.ports import free_ports
from stream.local.state import read_state

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
KEYS = {
    "kafka_version", "clickhouse_version", "events", "conservation", "panes", "statistics", "alerts", "retrains",
    "versions", "champion", "digest", "audit_differences", "seconds", "rss_mb",
}  # fmt: skip


@pytest.fixture
def environment(tmp_path):
    kafka, clickhouse = free_ports(2), free_ports()
    return {
        **os.environ,
        "STREAMGAUGE_HOME": str(tmp_path),
        "STREAMGAUGE_KAFKA__BOOTSTRAP": f"127.0.0.1:{kafka}",
        "STREAMGAUGE_CLICKHOUSE__URL": f"http://127.0.0.1:{clickhouse}",
    }


def command(*arguments):
    return [sys.executable, "-m", "stream.cli.main", "demo", *arguments]


def demo(environment, folder, *arguments):
    path = folder / "out.json"
    done = subprocess.run(
        command("--exit", "--json", str(path), *arguments),
        env=environment, capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(path.read_text()), done.stdout


def test_three_weeks_come_through_whole_and_with_each_worker_killed_the_same(environment, tmp_path):
    found, text = demo(environment, tmp_path, "--days", "21")
    assert set(found) >= KEYS
    assert found["conservation"]["holds"] is True
    assert found["conservation"]["lost"] == 0
    assert found["audit_differences"] == 0
    assert found["events"]["flights"] == 18_087
    assert found["events"]["flights_by_fate"]["never_labelled"] == 415  # cancelled, diverted, or still in the air
    assert found["panes"]["days"] == 21
    assert "18,087 flights" in text

    again, text = demo(environment, tmp_path, "--days", "21", "--chaos", "3")
    assert text.count("killed") == 6
    assert again["conservation"]["holds"] is True
    assert again["conservation"]["lost"] == 0
    assert again["audit_differences"] == 0
    assert again["digest"] == found["digest"]


def test_a_demo_that_is_stopped_leaves_nothing_running(environment, tmp_path):
    with subprocess.Popen(
        command("--days", "21"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        home = tmp_path / "demo"
        deadline = time.monotonic() + 120
        while not read_state(home).ready:
            assert running.poll() is None, running.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.1)
        pids = [part.pid for part in read_state(home).parts if part.pid]
        running.send_signal(signal.SIGTERM)
        said, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Stopped before the end." in said
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
