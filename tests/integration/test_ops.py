"""What operators ask of a running system: lag, dead letters, traces, metrics, named queries."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from streamgauge.kafka_client import KafkaProducer
from streamgauge.spec import MonitorSpec
from typer.testing import CliRunner

from stream.cli.main import app
from stream.clickhouse.migrate import migrate_database
from stream.health import addresses, ask
from stream.ops.deadletters import Which, letters
from stream.ops.doctor import examine
from stream.ops.lag import lag
from stream.ops.spec import apply
from stream.ops.unread import unread
from stream.runtime.lag import Lag, lag_view, next_append_ms, wait_caught_up
from stream.settings import ClickHouseSettings, KafkaSettings, RuntimeSettings, Settings, as_environment
from stream.topics import ensure_topics

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[2]
FOLDS = ("intake", "measure", "decide", "store")
HOUR_MS = 3_600_000
T0 = int(time.time() * 1000) // HOUR_MS * HOUR_MS - 6 * HOUR_MS
T1 = T0 + 29 * 4 * 60_000
LINES = [("content-type", b"application/x-ndjson")]
SPEC = MonitorSpec.from_yaml("monitor: m\nmodel: m\ntask: binary\npane: 1h\nfeatures: {x: {type: number}}\n")


def settings_of(kafka, clickhouse, home):
    unique = f"ops{uuid.uuid4().hex[:8]}"
    return Settings(
        home=home,
        kafka=KafkaSettings(bootstrap=kafka.bootstrap, prefix=f"{unique}."),
        clickhouse=ClickHouseSettings(
            url=clickhouse.url, user=clickhouse.user, password=clickhouse.password, database=unique,
            reader=clickhouse.reader, reader_password=clickhouse.reader_password,
        ),
        runtime=RuntimeSettings(
            ledger_partitions=2, partials_partitions=1, tick_ms=200, checkpoint_s=0.5, session_timeout_s=30
        ),
    )  # fmt: skip


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


def event(an_id, at_ms, **fields):
    return json.dumps({"prediction_id": an_id, "model": "m", "event_time": at_ms, **fields}).encode()


def prediction(an_id, at_ms=T0, **fields):
    return event(an_id, at_ms, **{"features": {"x": 1.0}, "score": 0.5, **fields})


def send(settings, topic, values, headers=(), partition=0):
    producer = KafkaProducer(bootstrap_servers=settings.kafka.bootstrap, acks="all")
    name = f"{settings.kafka.prefix}{topic}"
    for value in values:
        producer.send(name, value, headers=list(headers), partition=partition).get(timeout=30)
    producer.close()


def settle(settings):
    with lag_view(settings) as view:
        wait_caught_up(view, 60)


@pytest.fixture(scope="module")
def settings(kafka, clickhouse, tmp_path_factory):
    made = settings_of(kafka, clickhouse, tmp_path_factory.mktemp("ops"))
    ensure_topics(made)
    migrate_database(made.clickhouse)
    with workers(made, FOLDS):
        apply(made, SPEC)
        settle(made)  # or labels, from another topic, come before the monitor
        fill(made)
        yield made


def fill(settings):
    """Two hours of predictions, a closed model, then a late one; labels; what cannot be read; another model."""
    goods = [prediction(f"good{i}", T0 + i * 4 * 60_000) for i in range(30)]
    send(settings, "predictions", [*goods, prediction("good0", source="twice")])
    send(settings, "labels", [event("good0", T0 + HOUR_MS, label=1), event("early", T0 + HOUR_MS, label=0)])
    send(settings, "labels", [event("good1", T0, label="maybe")])
    send(settings, "predictions", [prediction("nobody's", T0).replace(b'"m"', b'"other"')])
    send(settings, "predictions", [prediction("unread", predicton_id="x", source="feed-2")], partition=1)
    mixed = b"\n".join([prediction("line0", T1), prediction("line1", T1, score="high"), prediction("line2", T1)])
    send(settings, "predictions", [mixed], LINES, partition=1)
    send(settings, "commands", [json.dumps({"id": "end", "command": "close", "model": "m"}).encode()])
    settle(settings)
    send(settings, "predictions", [prediction("late", T0)])
    settle(settings)


@pytest.fixture
def run(settings, monkeypatch):
    for name, value in as_environment(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def told(run, *arguments, code=0):
    """What a command says with --json."""
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def wait_for(condition, what, timeout_s=30):
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.1)
    return found


def test_a_fold_without_a_worker_falls_behind_in_records_and_seconds(settings, run):
    send(settings, "features", [prediction("f")])
    time.sleep(1.1)  # what is measured is time
    (score,) = (at for at in lag(settings, ["score"]) if at.records)
    assert (score.topic, score.partition, score.records) == ("features", 0, 1)
    assert 1 <= score.seconds < 60
    assert "features/0:" in run("lag", "--max-seconds", "1", "--fold", "score").output
    assert told(run, "lag", "--max-seconds", "1", "--fold", "score", code=1)["ok"] is False
    assert told(run, "lag", "--max-seconds", "30", "--fold", "intake")["ok"] is True


def test_partitions_that_no_intake_worker_reads_are_named_with_the_mend(settings, run):
    assert unread(settings) == []
    assert told(run, "lag")["unread"] == []
    assert not [check for check in examine(settings) if check.name.startswith("Intake")]

    empty = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"prefix": "nobody."})})
    assert unread(empty) == []
    ensure_topics(empty)
    found = {one.topic: one.partitions for one in unread(empty)}
    assert found["predictions"] == found["labels"] == (0, 1, 2, 3)
    (check,) = (check for check in examine(empty) if check.name == "Intake of predictions")
    assert check.found.endswith("(of 4): until one does, watermarks stand still and panes stay open")


def test_two_folds_at_two_places_of_one_partition_have_an_age_each(settings):
    places = [Lag("measure", "ledger", 0, 0, 2), Lag("store", "ledger", 0, 1, 2), Lag("store", "ledger", 1, 0, 1)]
    found = next_append_ms(settings, places)
    assert list(found) == places
    assert found[places[0]] <= found[places[1]]


def test_workers_say_how_they_are_and_what_they_did(settings):
    found = {address.fold: address for address in addresses(settings.home)}
    assert set(found) == set(FOLDS)
    assert {ask(address).status for address in found.values()} == {"ok"}
    samples = {}
    for address in found.values():
        with urllib.request.urlopen(f"{address.url}/metrics") as answer:
            for family in text_string_to_metric_families(answer.read().decode()):
                samples |= {(s.name, s.labels.get("fold"), *s.labels.values()): s.value for s in family.samples}

    def total(name, fold, *labels):
        return sum(value for key, value in samples.items() if key[:2] == (name, fold) and set(labels) <= set(key))

    assert total("streamgauge_read_records_total", "intake", "predictions") >= 35
    assert total("streamgauge_dead_letters_total", "intake", "unknown-field") == 1
    assert total("streamgauge_rows_total", "measure", "prediction", "used") == 32
    assert total("streamgauge_rows_total", "measure", "prediction", "late_used") == 1
    assert total("streamgauge_pending_labels", "measure") == 1
    assert total("streamgauge_written_records_total", "measure", "partials") > 0
    assert total("streamgauge_checkpoint_bytes", "decide") > 0
    assert total("streamgauge_step_seconds_count", "store") > 0
    assert total("streamgauge_watermark_age_seconds", "measure") > 0


def test_dead_letters_are_listed_counted_and_shown_with_their_record(settings, run):
    found = told(run, "dead-letters", "ls")
    assert found["reasons"] == {"unknown-field": 1, "wrong-type": 1}
    assert found["sources"] == {"feed-2": 1, "": 1}
    unread, line = sorted(found["letters"], key=lambda letter: letter["reason"])
    assert (unread["id"], line["id"]) == ("predictions/1/0/0", "predictions/1/1/1")
    assert told(run, "dead-letters", "list", "--reason", "wrong-type")["total"] == 1
    assert told(run, "dead-letters", "ls", "--source", "feed-2", "--since", "1h")["total"] == 1
    assert told(run, "dead-letters", "ls", "--model", "other")["total"] == 0
    assert "did you mean prediction_id?" in run("dead-letters", "ls").output

    shown = told(run, "dead-letters", "show", "predictions/1/1")
    assert shown["original"]["headers"] == [["content-type", "application/x-ndjson"]]
    assert [json.loads(text)["prediction_id"] for text in shown["original"]["value"].splitlines()][1] == "line1"
    assert '"predicton_id": "x"' in run("dead-letters", "show", unread["id"]).output
    assert run("dead-letters", "show", "predictions/1/77").exit_code == 1
    assert run("dead-letters", "show", "predictions/x").exit_code == 2


def test_a_retry_sends_what_can_be_read_now_once_and_only_that(settings, run):
    again = told(run, "dead-letters", "retry", "--all", code=1)
    assert again["counts"] == {"still refused": 2}

    forced = told(run, "dead-letters", "retry", "predictions/1/1/1", "--force", code=1)
    (outcome,) = forced["outcomes"]
    assert outcome["fate"] == "refused again"
    shown = told(run, "dead-letters", "show", outcome["sent_as"])
    assert json.loads(shown["original"]["value"])["prediction_id"] == "line1"
    assert ["retried-from", "predictions/1/1"] in shown["original"]["headers"]
    assert told(run, "dead-letters", "retry", "predictions/1/1/1", "--force")["counts"] == {"retried before": 1}

    # As after an upgrade: an earlier version refused what this one reads.
    send(settings, "dead-letters", [b'{"topic": "predictions", "partition": 0, "offset": 1, "reason": "older"}'])
    assert told(run, "dead-letters", "retry", "--reason", "older", "--dry-run")["counts"] == {"would be sent": 1}
    (outcome,) = told(run, "dead-letters", "retry", "--reason", "older")["outcomes"]
    assert outcome["fate"] == "accepted"
    assert told(run, "dead-letters", "retry", "--reason", "older")["counts"] == {"retried before": 1}
    assert wait_for(lambda: told(run, "trace", "good1")["events"][1:2], "the copy")[0]["fate"] == "duplicate"


def test_a_trace_says_where_each_event_is_and_why(settings, run):
    used = told(run, "trace", "m", "good0")
    first, second, label = used["events"]
    assert (first["topic"], first["partition"], first["offset"], first["line"]) == ("predictions", 0, 0, 0)
    assert [e["fate"] for e in (first, second, label)] == ["used", "duplicate", "used"]
    assert (used["panes"][0]["state"], used["panes"][0]["start_ms"]) == ("final", T0)
    assert used["panes"][0]["rows"] >= 15
    assert "Its label 1 (truth) came at" in used["label"]
    late = told(run, "trace", "late")
    assert (late["panes"][0]["state"], late["events"][0]["fate"]) == ("late", "late")

    assert told(run, "trace", "early")["events"][0]["fate"] == "pending"
    assert "No label yet" in run("trace", "good2").output
    assert "no label of a binary task" in run("trace", "m", "good1").output
    assert "no monitor watches the model other" in run("trace", "other", "nobody's").output
    assert told(run, "trace", "line2")["events"][0]["line"] == 2
    read = told(run, "trace", "unread")
    assert (read["events"], read["letters"][0]["reason"]) == ([], "unknown-field")


def test_a_trace_of_nothing_says_up_to_where_it_looked(settings, run):
    result = run("trace", "m", "nosuch")
    assert result.exit_code == 1
    assert "Nothing in ClickHouse names m nosuch." in result.output
    assert re.search(r"Looked at the ledger up to 0: \d+, 1: \d+ \(partition: offset\)\.", result.output)


def test_a_documented_query_is_answered_in_every_form(run):
    (row, *_) = told(run, "query", "conservation_by_producer", "model=m")
    assert row["difference"] == 0
    header, *rows = run("query", "conservation_by_producer", "model=m", "--csv").output.splitlines()
    assert header.split(",")[:2] == list(row)[:2]
    assert rows


def test_a_discard_spares_what_is_not_stored_and_asks_before_it_deletes(settings, run):
    total = letters(settings, Which()).total
    result = run("dead-letters", "discard", "--all")
    assert result.exit_code == 1  # nobody answered
    assert "for good?" in result.output
    assert letters(settings, Which()).total == total
    assert told(run, "dead-letters", "discard", "--older-than", "1d", "--yes")["deleted"] == 0
    wait_for(lambda: not any(at.records for at in lag(settings, ["store"]) if at.topic == "dead-letters"), "the store")
    deleted = told(run, "dead-letters", "purge", "--all", "--yes")
    assert deleted["deleted"] >= total
    assert letters(settings, Which()).total == 0
    assert told(run, "dead-letters", "retry", "--all")["counts"] == {}
