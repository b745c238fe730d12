"""Replays on a real log and the real engine, beside live workers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamgauge.kafka_client import KafkaProducer
from streamgauge.spec import MonitorSpec
from typer.testing import CliRunner

from stream.cli.main import app
from stream.clickhouse.client import connect
from stream.clickhouse.migrate import migrate_database
from stream.ops.audit import EVERYTHING, Scope, audit
from stream.ops.lineages import ls
from stream.ops.replay import replay
from stream.ops.replay_plan import Wanted
from stream.ops.spec import apply
from stream.runtime.file_port import read_topic
from stream.runtime.lag import lag_view, wait_caught_up
from stream.settings import ClickHouseSettings, KafkaSettings, RuntimeSettings, Settings, as_environment
from stream.topics import ensure_topics
from stream.topology import TOPICS
from tests.integration.clickhouse_database import rows_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
ROOT = Path(__file__).parents[2]
HOUR_MS = 3_600_000
T0 = int(time.time() * 1000) // (4 * HOUR_MS) * 4 * HOUR_MS - 24 * HOUR_MS
HOURS, MIDDLE, AN_HOUR = 12, 8, 40
LINES = [("content-type", b"application/x-ndjson")]
SPEC = "monitor: m\nmodel: m\ntask: binary\npane: {pane}\nfeatures: {{x: {{type: number}}, c: {{type: category}}}}\n"
SHOWN = (
    "SELECT * FROM volume_panes ORDER BY ALL", "SELECT * FROM feature_panes ORDER BY ALL",
    "SELECT * FROM performance_panes ORDER BY ALL", "SELECT * FROM verdicts ORDER BY ALL",
    "SELECT * FROM incident_events ORDER BY ALL", "SELECT * FROM lineages ORDER BY ALL",
)  # fmt: skip


@pytest.fixture(scope="module")
def settings(kafka, clickhouse, tmp_path_factory):
    """A system that has measured twelve hours of two models, with workers that go on."""
    unique = f"replay{uuid.uuid4().hex[:8]}"
    made = Settings(
        home=tmp_path_factory.mktemp("replay"),
        kafka=KafkaSettings(bootstrap=kafka.bootstrap, prefix=f"{unique}."),
        clickhouse=ClickHouseSettings(
            url=clickhouse.url, user=clickhouse.user, password=clickhouse.password, database=unique,
            reader=clickhouse.reader, reader_password=clickhouse.reader_password,
        ),
        runtime=RuntimeSettings(
            ledger_partitions=2, partials_partitions=1, tick_ms=200, checkpoint_s=0.5, session_timeout_s=30
        ),
    )  # fmt: skip
    ensure_topics(made)
    migrate_database(made.clickhouse)
    with workers(made):
        apply(made, MonitorSpec.from_yaml(SPEC.format(pane="1h")))
        apply(made, MonitorSpec.from_yaml(SPEC.format(pane="1h").replace(": m\n", ": other\n")))
        settle(made)
        fill(made)
        yield made


@pytest.fixture(scope="module")
def middle_ms(settings):
    """When hours 0 to MIDDLE had gone the whole way, and nothing after them had been sent."""
    return int((settings.home / "middle").read_text())


@contextlib.contextmanager
def workers(settings):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("STREAMGAUGE_")} | as_environment(settings)
    started = []
    try:
        for fold in ("intake", "measure", "decide", "store"):
            with (settings.home / f"{fold}.log").open("wb") as log:
                command = [sys.executable, "-m", "stream.worker", "--fold", fold, "--name", fold]
                started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def event(model, i, at_ms, **fields):
    return json.dumps({"prediction_id": f"p{i}", "model": model, "event_time": at_ms, **fields})


def fill(settings):
    """Predictions and labels hour by hour, of two models; a late row, a duplicate; then both are closed."""
    for hour in range(HOURS):
        here = [(hour * AN_HOUR + i, T0 + hour * HOUR_MS + i * HOUR_MS // AN_HOUR) for i in range(AN_HOUR)]
        rows = [
            event(model, i, at, features={"x": i * 0.37, "c": "abc"[i % 3]}, score=(i % 10) / 10, version="1")
            for model in ("m", "other")
            for i, at in here
        ]
        labels = [event("m", i, at + HOUR_MS, label=i % 2) for i, at in here]
        send(settings, "predictions", ["\n".join([*rows, rows[0]])])
        send(settings, "labels", ["\n".join(labels)])
        if hour == MIDDLE:
            settle(settings)
            (settings.home / "middle").write_text(str(time.time_ns() // 1_000_000))
    settle(settings)
    send(settings, "predictions", [event("m", "late", T0 + HOUR_MS, features={"x": 7.0, "c": "a"})])
    close = {"command": "close", "who": "test"}
    send(settings, "commands", [json.dumps(close | {"id": model, "model": model}) for model in ("m", "other")], ())
    settle(settings)


def send(settings, topic, values, headers=LINES):
    producer = KafkaProducer(bootstrap_servers=settings.kafka.bootstrap, acks="all")
    for value in values:
        name = f"{settings.kafka.prefix}{topic}"
        producer.send(name, value.encode(), headers=list(headers), partition=0).get(timeout=30)
    producer.close()


def settle(settings):
    with lag_view(settings) as view:
        wait_caught_up(view, 60)


@pytest.fixture
def client(settings):
    made = connect(settings.clickhouse)
    yield made
    made.close()


@pytest.fixture
def run(settings, monkeypatch):
    for name, value in as_environment(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "240")

    def told(*arguments, code=0):
        result = CliRunner().invoke(app, list(arguments))
        assert result.exit_code == code, (result.output, result.exception)
        return json.loads(result.stdout) if "--json" in arguments else result.output

    return told


def shown(client):
    return [rows_of(client, sql) for sql in SHOWN]


def public(settings):
    """How many records there are in the topics that a replay must not write."""
    names = [topic.name for topic in TOPICS if topic.name not in ("ledger", "partials", "checkpoints", "panes")]
    return {name: sum(map(len, read_topic(settings, name).values())) for name in names}


def test_a_replay_of_all_by_the_spec_in_force_gives_what_live_gave_and_shows_nothing(settings, client, run):
    before, written = shown(client), public(settings)
    report = run("replay", "m", "--check", "--json")

    compared = report["compared"]
    assert (compared["is_alike"], compared["differing"], compared["examples"]) == (True, 0, [])
    # The first final pane on: hours, each of the whole and by feature; and the row that came late is in both.
    assert compared["equal"] + compared["beyond"] >= 3 * (HOURS - 1)
    assert compared["beyond"] <= 3
    assert compared["rows"] == compared["live_rows"] > (HOURS - 1) * AN_HOUR
    assert report["rows"] == 2 * HOURS * AN_HOUR + HOURS + 1
    assert (report["from_ms"], report["panes"] >= HOURS - 1) == (T0, True)
    assert shown(client) == before
    assert public(settings) == written
    shadows = [one for one in ls(client, "m") if one.is_shadow]
    assert [(one.lineage, one.state, one.is_shown) for one in shadows] == [(report["lineage"], "done", False)]


def test_panes_of_another_length_are_shown_after_a_switch_hidden_after_back_and_the_audit_holds(
    settings, client, run, tmp_path, middle_ms
):
    before, upto = shown(client), datetime.fromtimestamp(middle_ms / 1000, UTC).isoformat()
    (tmp_path / "wide.yaml").write_text(SPEC.format(pane="4h"))
    report = run("replay", "m", "--spec", str(tmp_path / "wide.yaml"), "--to", upto, "--json")
    assert shown(client) == before
    assert (report["compared"]["is_alike"], report["compared"]["equal"]) == (False, 0)
    assert "lineages switch m" in report["next"]

    switched = run("lineages", "switch", "m", report["lineage"][:8], "--json")
    assert (switched["from_ms"], switched["to_ms"]) == (T0, T0 + 8 * HOUR_MS)
    of_m = "SELECT pane_s, sum(n) AS n, min(toUnixTimestamp64Milli(pane)) AS first FROM volume_panes WHERE model = 'm'"
    wide, narrow = rows_of(client, f"{of_m} GROUP BY pane_s ORDER BY pane_s DESC")
    assert (wide["pane_s"], wide["first"], narrow["pane_s"]) == (4 * 3600, T0, 3600)
    assert narrow["first"] == switched["to_ms"]
    [total] = rows_of(client, "SELECT sum(n) AS n FROM volume_panes WHERE model = 'm'")
    assert total["n"] == HOURS * AN_HOUR  # the late row came after the range
    assert [row for row in shown(client)[0] if row["model"] == "other"] == [
        row for row in before[0] if row["model"] == "other"
    ]
    for scope in (EVERYTHING, Scope("m", datetime.fromtimestamp(T0 / 1000 + 3 * 3600, UTC))):
        audited = audit(settings, scope)
        assert (audited.differences, audited.examples) == (0, ())
        assert audited.compared["panes_rows"] > HOURS // 2

    assert "lineages back m" in run("lineages", "switch", "m", report["lineage"])
    listed = run("lineages")
    assert "shadow" in listed and report["lineage"] in listed  # noqa: PT018
    assert "is shown" in run("lineages", "drop", report["lineage"], "--yes", code=1)
    run("lineages", "back", "m")
    run("lineages", "back", "m")
    assert shown(client) == before
    assert "nothing to go back from" in run("lineages", "back", "m", code=1)
    run("lineages", "drop", report["lineage"], "--yes")
    assert shown(client) == before


class Stop(Exception):  # noqa: N818  a test's own
    pass


def test_a_broken_replay_is_done_to_its_end_by_running_it_again(settings, client):
    def stop(progress):
        if progress.rows > 100:
            raise Stop

    wanted = Wanted("m", rate=1e6, reference="none", spec=MonitorSpec.from_yaml(SPEC.format(pane="2h")))
    with pytest.raises(Stop):
        replay(settings, wanted, stop)
    (broken,) = [one for one in ls(client, "m") if one.state == "stopped"]
    report = replay(settings, wanted)
    assert report.lineage == broken.lineage
    count = "SELECT count() AS n FROM panes_rows FINAL WHERE lineage = {lineage:String}"
    (once,) = rows_of(client, count, lineage=report.lineage)
    assert once["n"] >= report.panes >= HOURS // 2

    again = replay(settings, wanted)  # done: the log has gone on, so this is another one
    assert again.lineage != report.lineage


def test_ctrl_c_leaves_a_shadow_that_is_hidden_and_known_as_stopped(settings, client, run):
    before = shown(client)
    command = [sys.executable, "-m", "stream.cli.main", "replay", "m", "--reference", "none", "--rate", "20", "--json"]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | as_environment(settings), stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while not (states := [one for one in ls(client, "m") if one.state == "running"]):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, (process.kill(), process.communicate(), ls(client))
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, b"run the same command again" in said) == (130, True)
    assert [one.state for one in ls(client, "m") if one.lineage == states[0].lineage] == ["stopped"]
    assert shown(client) == before
    run("lineages", "drop", states[0].lineage, "--yes")


def test_the_same_range_again_writes_the_same_rows(settings, client):
    wanted = Wanted("m", to_ms=time.time_ns() // 1_000_000 - 1_000)
    first = replay(settings, wanted)
    rows = "SELECT * FROM feature_panes_rows FINAL WHERE lineage = {lineage:String} ORDER BY ALL"
    before = str(rows_of(client, rows, lineage=first.lineage))
    again = replay(settings, wanted)

    assert (again.lineage, again.ranges) == (first.lineage, first.ranges)
    assert first.panes >= HOURS
    assert str(rows_of(client, rows, lineage=first.lineage)) == before


def test_a_range_that_begins_later_has_whole_panes_that_are_those_of_live(settings, middle_ms):
    report = replay(settings, Wanted("m", from_ms=middle_ms), wait_for_live=True)

    assert report.from_ms == T0 + (MIDDLE + 1) * HOUR_MS
    assert (report.compared.is_alike, report.compared.differing, report.compared.examples) == (True, 0, ())
    assert report.compared.equal > 0


def test_another_reference_may_be_made_of_a_range_and_a_rate_holds_a_replay_back(settings, client):
    first, end = (datetime.fromtimestamp((T0 + hours * HOUR_MS) / 1000, UTC) for hours in (0, 6))
    began = time.monotonic()
    report = replay(settings, Wanted("m", reference=f"{first.isoformat()}..{end.isoformat()}", rate=1_000))

    assert time.monotonic() - began >= report.rows / 1_000 * 0.9
    bins = "SELECT DISTINCT feature FROM reference_bins_rows WHERE reference = {sha:String} ORDER BY 1"
    assert [row["feature"] for row in rows_of(client, bins, sha=report.reference)] == ["__score__", "c", "x"]
    psi = "SELECT count() AS n FROM statistics_rows FINAL WHERE lineage = {lineage:String}"
    assert rows_of(client, psi, lineage=report.lineage)[0]["n"] >= 2 * HOURS
    compared = report.compared  # bins differ, all else does not
    assert (compared.is_alike, compared.differing, compared.examples) == (False, 0, ())
    assert compared.equal > 0


def test_what_cannot_be_replayed_is_said_at_once(run, tmp_path):
    (tmp_path / "n.yaml").write_text(SPEC.format(pane="1h").replace(": m\n", ": n\n", 1))
    (tmp_path / "m.yaml").write_text(SPEC.format(pane="3h"))
    (tmp_path / "no.artifact").write_bytes(b"no artifact")
    assert "no monitor 'nosuch'" in run("replay", "nosuch", code=1)
    assert "is of monitor 'n'" in run("replay", "m", "--spec", str(tmp_path / "n.yaml"), code=1)
    assert "no reference artifact" in run("replay", "m", "--reference", str(tmp_path / "no.artifact"), code=1)
    assert "keeps no record" in run("replay", "m", "--to", "2001-01-01", code=1)
    assert "is no time" in run("replay", "m", "--to", "yesterday", code=2)
    assert "leave out --check" in run("replay", "m", "--check", "--spec", str(tmp_path / "m.yaml"), code=1)
