"""A new epoch on a real log: lineages end where they are and begin anew, models go on, the audit finds nothing."""

import json
import time

import pytest
from streamgauge.kafka_client import KafkaError
from typer.testing import CliRunner

from stream.cli.main import app
from stream.clickhouse.client import connect
from stream.clickhouse.migrate import migrate_database
from stream.ops.audit import audit
from stream.ops.controls import publish, read_values
from stream.ops.spec import apply
from stream.runtime.lag import lag_view
from stream.settings import as_environment
from stream.topics import ensure_topics
from stream.topology import WIRING
from tests.integration.clickhouse_database import rows_of
from tests.integration.test_ops import FOLDS, HOUR_MS, SPEC, T0, prediction, send, settings_of, workers

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
HOURS = 3
LINEAGES = """
SELECT sum(p.n) AS n FROM (SELECT lineage, known AS begun FROM lineages_rows FINAL) AS l
LEFT JOIN (SELECT lineage, n FROM panes_rows FINAL WHERE segment_key = '') AS p USING lineage
GROUP BY lineage, begun ORDER BY begun
"""


@pytest.fixture(scope="module")
def settings(kafka, clickhouse, tmp_path_factory):
    """A system that has measured some hours, with a version that serves, a new epoch, and some hours after it."""
    made = settings_of(kafka, clickhouse, tmp_path_factory.mktemp("begin"))
    ensure_topics(made)
    migrate_database(made.clickhouse)
    with workers(made, FOLDS):
        apply(made, SPEC)
        settle(made)
        serve(made)
        fill(made, "before", T0 - 12 * HOUR_MS)
        begin(made)
        fill(made, "after", T0 - 6 * HOUR_MS)
        yield made


def settle(settings):
    """Wait until all that was sent has gone the whole way; nobody trains here."""
    with lag_view(settings) as view:
        for fold in FOLDS:
            more = 4 if fold == "measure" else 0
            ends = {tp: end + more for tp, end in view.ends(WIRING[fold].reads).items()}
            while is_behind(view, fold, ends):
                time.sleep(0.05)


def is_behind(view, fold, ends):
    try:
        return view.behind(fold, ends)
    except KafkaError:  # a group that is just coming up
        return True


def serve(settings):
    """Let version 1 serve, as a trainer would."""
    command(settings, "retrain", from_ms=0, to_ms=1)
    settle(settings)
    (asked,) = [json.loads(value)["id"] for value in read_values(settings, "retrain")]
    losses = {"n": 1_000, "mean": 0.5, "sd": 0.5}
    manifest = {
        "sha256": "", "passed": True, "why": "", "retrain": asked,
        "validation": {"losses": losses, "metric": "log_loss"},
    }  # fmt: skip
    version = {"record": "version", "model": "m", "version": "1", "manifest": manifest}
    publish(settings, "models", "m/version/1", version)
    settle(settings)


def fill(settings, name, from_ms):
    """Predictions of some hours in all partitions; then the model is closed."""
    for hour in range(HOURS):
        for partition in range(2):
            ids = [f"{name}{hour}-{partition}-{i}" for i in range(10)]
            rows = [prediction(an_id, from_ms + hour * HOUR_MS + i, version="1") for i, an_id in enumerate(ids)]
            send(settings, "predictions", rows, partition=partition)
    settle(settings)
    command(settings, "close")
    settle(settings)


def begin(settings):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in as_environment(settings).items():
            patch.setenv(name, value)
        done = CliRunner().invoke(app, ["lineages", "begin", "--reason", "a test", "--yes", "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    told = json.loads(done.stdout)
    assert (told["monitors"], sorted(told["positions"])) == (["m"], ["0", "1"])
    settle(settings)


def command(settings, name, **args):
    at_ms = time.time_ns() // 1_000_000
    record = {"id": f"{name}{at_ms}", "command": name, "model": "m", "who": "test", "at_ms": at_ms, "args": args}
    publish(settings, "commands", "m", record)


@pytest.fixture
def client(settings):
    made = connect(settings.clickhouse)
    yield made
    made.close()


def test_a_lineage_ends_with_its_epoch_and_another_of_the_same_spec_begins(client):
    assert [row["n"] for row in rows_of(client, LINEAGES)] == [HOURS * 20, HOURS * 20]


def test_what_serves_goes_on_serving(client):
    roles = rows_of(client, "SELECT model, model_version, role FROM roles_rows FINAL")

    assert roles == [{"model": "m", "model_version": "1", "role": "champion"}]


def test_what_was_computed_in_both_epochs_is_computed_again_without_a_difference(settings):
    report = audit(settings)

    assert (report.differences, list(report.examples)) == (0, [])
    assert report.compared["panes_rows"] > 0
