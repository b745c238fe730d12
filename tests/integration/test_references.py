"""References on the real engine and a real broker: the rows that are wanted, as `measure` takes them, no others."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest
from clickhouse_connect.driver.client import Client
from streamgauge.events import LabelEvent, PredictionEvent
from streamgauge.spec import MonitorSpec
from typer.testing import CliRunner

from detectors.artifact import Origin
from detectors.reference import encode
from models.registry import Losses, Manifest, Validation, Version
from retrain.references import FirstReferences
from stream.backtest.errors import BacktestError
from stream.cli.main import app
from stream.clickhouse.client import connect
from stream.folds.base import Record
from stream.folds.blocks import Block, Source, encode_entry, place
from stream.folds.frame_events import frame_of
from stream.folds.rows import LineageRow, PaneRow, encode_rows
from stream.ops.controls import newest_spec, publish
from stream.ops.reference import ReferenceError, build
from stream.ops.reference_first import NotYetError
from stream.ops.reference_sources import InFile, InFirst, InLedger, InRange, InTraining
from stream.ops.references import kept
from stream.ops.spec import apply
from stream.references.rows import Rows, fitted
from stream.settings import Settings, as_environment
from tests.integration.clickhouse_database import write

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]

HOUR = 3_600_000
T0 = 1_356_998_400_000  # 2013-01-01
PANES, EACH = 30, 40
N = PANES * EACH
SPEC = MonitorSpec.from_yaml("""
monitor: m
model: m
task: binary
pane: 1h
features: {x: {type: number}, c: {type: category}}
segments: [c]
performance: {metric: log_loss, tolerance: 0.02}
""")
WHOLE = InRange(T0, T0 + PANES * HOUR)
COMMITTED = 10**12
"""When the ledger stored the first half; the second an hour later."""


@pytest.fixture(autouse=True)
def _empty(client: Client) -> None:
    """Each test begins without rows."""


class Columns:
    """What was sent, in order of time and id; the oracle."""

    def __init__(self, seed: int = 1) -> None:
        g = np.random.default_rng(seed)
        self.event_ms = T0 + np.arange(N) * HOUR // EACH
        self.x = np.where(g.random(N) < 0.05, np.nan, g.normal(size=N))
        self.c = [None if lucky < 0.1 else "1000000" if lucky < 0.4 else "red" for lucky in g.random(N).tolist()]
        self.score = np.where(np.arange(N) % 8 == 7, np.nan, g.random(N))
        self.label = np.where(np.arange(N) % 16 == 7, (g.random(N) < 0.5) * 1.0, np.nan)
        self.truth = np.where(np.arange(N) % 10 == 0, np.nan, (g.random(N) < 0.4) * 1.0)
        self.version = np.where(np.arange(N) % 4 == 0, 0, 1)

    def predictions(self, rows: range) -> list[PredictionEvent]:
        return [
            PredictionEvent(
                prediction_id=f"p{i:05}", model="m", event_time_ms=int(self.event_ms[i]),
                version=f"{self.version[i] + 1}", features=self._features(i),
                score=_known(self.score[i]), label=_known(self.label[i]),
            )
            for i in rows
        ]  # fmt: skip

    def _features(self, i: int) -> dict[str, float | str]:
        found: dict[str, float | str] = {} if np.isnan(self.x[i]) else {"x": float(self.x[i])}
        if self.c[i] is not None:
            found["c"] = 1e6 if self.c[i] == "1000000" else "red"
        return found

    def labels(self, rows: range) -> list[LabelEvent]:
        """Labels after half an hour: some wrong at first, some that are no truth, some that nobody can use."""
        found = []
        for i in rows:
            common = {"prediction_id": f"p{i:05}", "model": "m", "event_time_ms": int(self.event_ms[i]) + HOUR // 2}
            if i % 10 == 0:
                found += [LabelEvent(**common, label="maybe"), LabelEvent(**common, label=1.0, kind="feedback")]
            elif i % 10 == 1:
                later = common | {"event_time_ms": common["event_time_ms"] + HOUR}
                found.append(LabelEvent(**later, label=float(self.truth[i]), revision=1))
                found.append(LabelEvent(**common, label=1.0 - float(self.truth[i])))
            else:
                found.append(LabelEvent(**common, label=float(self.truth[i])))
        return found

    def rows(self, some: slice = slice(None), repeated: int = 0) -> Rows:
        """What a reference of some rows is made of; so many of the first came again."""
        served = np.where(np.isnan(self.score), self.label, self.score)[some]
        return Rows(
            event_ms=self.event_ms[some],
            columns={"x": self.x[some], "c": self.c[some]},
            served=served,
            truth=self.truth[some],
            label_ages_ms=np.where(np.isnan(self.truth), -1, HOUR // 2)[some],
            version=self.version[some],
            versions=("1", "2"),
            seen_ms=int(self.event_ms[-1]),
            repeated_ms=self.event_ms[:repeated],
        )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def store(settings: Settings, *blocks: tuple[list[PredictionEvent] | list[LabelEvent], int]) -> None:
    """Store events as blocks of ledger partition 0: the events of each, and when the ledger stored it."""
    records = []
    for position, (events, append_ms) in enumerate(blocks):
        topic = "labels" if isinstance(events[0], LabelEvent) else "predictions"
        frame = frame_of(events, [place(position, i) for i in range(len(events))])
        block = Block(Source(topic, "id", 0), place(position) - 1, place(position, len(events)), frame)
        records.append(Record(position, append_ms, encode_entry(block)))
    write(settings.clickhouse, ("ledger", 0, records))


def fill(settings: Settings) -> Columns:
    """Predictions in two blocks, their labels, then what does not count: copies, no probability, another model."""
    sent = Columns()
    first = sent.predictions(range(N // 2))
    other = [msgspec.structs.replace(event, model="other", features={"x": 9.0}) for event in first[:10]]
    copies = [msgspec.structs.replace(event, features={"x": 77.0}) for event in first[:10]]
    wrong = [PredictionEvent(prediction_id="wrong", model="m", event_time_ms=T0, features={"x": 5.0}, score=1.5)]
    store(
        settings,
        (first, COMMITTED),
        (sent.predictions(range(N // 2, N)), COMMITTED + HOUR),
        (sent.labels(range(N)), COMMITTED + HOUR),
        (other + copies + wrong, COMMITTED + 2 * HOUR),
    )
    return sent


def test_a_range_is_made_of_each_prediction_once_with_answers_and_the_newest_truth(whole: Settings) -> None:
    sent = fill(whole)
    reference = build(whole, SPEC, WHOLE)

    origin = Origin("range", "rows of 2013-01-01 to 2013-01-02T06:00:00Z")
    assert encode(reference) == encode(fitted(SPEC, sent.rows(repeated=10), origin))
    assert (reference.rows, reference.origin.version) == (N, "2")
    assert reference.promise is not None
    known = ~np.isnan(sent.truth) & (sent.version == 1) & ~(np.isnan(sent.score) & np.isnan(sent.label))
    assert reference.promise.losses["log_loss"].n[0] == known.sum()
    assert reference.label_share == 0.9
    assert "version 2 (73 %) count for what is promised; others answered too: 1 (27 %)" in reference.warnings[0]


def test_a_range_without_rows_and_one_pane_are_sentences(whole: Settings) -> None:
    fill(whole)
    with pytest.raises(ReferenceError, match=r"no row of model 'm' between 2014-01-01 and 2014-02-01 \(event time\)"):
        build(whole, SPEC, InRange(1_388_534_400_000, 1_391_212_800_000))
    with pytest.raises(ReferenceError, match="all 40 rows lie in one pane of 1h: nothing says how panes differ"):
        build(whole, SPEC, InRange(T0, T0 + HOUR))


def test_what_the_ledger_stored_in_a_time(whole: Settings) -> None:
    sent = fill(whole)
    reference = build(whole, SPEC, InLedger(COMMITTED + HOUR, COMMITTED + 2 * HOUR))

    expected = fitted(SPEC, sent.rows(slice(N // 2, N)), reference.origin)
    assert reference.origin.said == "rows stored 2001-09-09T02:46:40Z to 2001-09-09T03:46:40Z"
    assert encode(reference) == encode(expected)


def version_of(cut: dict[str, int]) -> Version:
    losses = Losses(100, 0.5, 0.1)
    manifest = Manifest(
        sha256="s", uri="u", trained_from_ms=int(T0 + HOUR), trained_to_ms=T0 + 20 * HOUR - 1, rows=100,
        features=("x", "c"), task="binary", trainer="t", parent="", retrain="r", incident="", created_ms=0,
        library_versions={}, code_version="", cut=cut, validation=Validation(10, {}, losses), passed=True, why="",
    )  # fmt: skip
    return Version(model="m", version="7", manifest=manifest, signature="", public_key="")


def test_the_training_set_of_a_version_is_its_span_up_to_its_cut(whole: Settings) -> None:
    sent = fill(whole)
    with pytest.raises(ReferenceError, match=r"version '7' of model 'm' was not trained here.*registered: none"):
        build(whole, SPEC, InTraining("7"))
    publish(whole, "models", "m/version/7", msgspec.Raw(msgspec.json.encode(version_of({"0": 0}))))
    reference = build(whole, SPEC, InTraining("7"))

    assert reference.origin.said.startswith("the training set of version 7, 2013-01-01T01:00:00Z to")
    mine = slice(EACH, N // 2)
    assert encode(reference) == encode(fitted(SPEC, sent.rows(mine), reference.origin))


def learning(settings: Settings, panes: int, stored: int, spec: MonitorSpec = SPEC) -> None:
    """What decide says of the first panes of a monitor without a reference; the ledger is stored up to a position."""
    lineage = LineageRow(
        lineage="L", monitor=spec.monitor, model="m", revision=1, reference="", spec=json.dumps(spec.to_values()),
        start_ms=0, known_ms=T0, position=1,
    )  # fmt: skip
    rows = [
        PaneRow(
            lineage="L", monitor=spec.monitor, model="m", model_version=version, segment_key="", segment_value="",
            pane_ms=T0 + pane * HOUR, arrival_ms=T0 + pane * HOUR, pane_s=3600, n=20, duplicates=0, invalid=0,
            outliers=-1,
            labels=0, latency_p50_ms=float("nan"), latency_p95_ms=float("nan"), merged=((0, pane // 10),),
            known_ms=T0, position=5,
        )
        for pane in range(panes)
        for version in ("1", "2")
    ]  # fmt: skip
    write(settings.clickhouse, ("panes", 0, [Record(0, T0, encode_rows([lineage, *rows]))]))
    client = connect(settings.clickhouse)
    client.command(f"INSERT INTO ledger_positions VALUES (0, {stored})")
    client.close()


def test_the_first_panes_are_awaited_with_a_sentence_and_then_taken(whole: Settings) -> None:
    sent = fill(whole)
    with pytest.raises(NotYetError, match=r"none of the first 20 panes is final: one is at its end \(1h\), plus"):
        build(whole, SPEC, InFirst(20))
    learning(whole, 12, stored=5)
    with pytest.raises(
        NotYetError, match=r"12 of the first 20 panes are final; the rest is expected with rows of 2013-01-01T20:10:00Z"
    ):
        build(whole, SPEC, InFirst(20))
    learning(whole, 25, stored=5)
    reference = build(whole, SPEC, InFirst(20))

    assert reference.origin == Origin("first", "the first 20 panes, 2013-01-01 to 2013-01-01T20:00:00Z", "2")
    assert encode(reference) == encode(fitted(SPEC, sent.rows(slice(0, 20 * EACH), repeated=10), reference.origin))
    other = SPEC.model_copy(update={"pane_ms": 2 * HOUR})
    with pytest.raises(NotYetError, match="none of the first 20 panes"):
        build(whole, other, InFirst(20))


FIRST = MonitorSpec.from_yaml(
    SPEC.to_json().replace('"m"', '"first"', 1)[:-1] + ', "reference": {"first": "20 panes"}}'
)


def test_the_reference_of_first_panes_is_built_once_they_are_final_and_only_once(whole: Settings) -> None:
    apply(whole, FIRST)
    with closing(FirstReferences(whole)) as builder, closing(FirstReferences(whole)) as other:
        awaited(whole, builder, other)


def awaited(settings: Settings, builder: FirstReferences, other: FirstReferences) -> None:
    builder.build_all()
    assert newest_spec(settings, "first").reference_sha is None
    fill(settings)
    learning(settings, 25, stored=5, spec=FIRST)
    for each in (builder, other, builder):
        each.build_all()

    record = newest_spec(settings, "first")
    assert (record.revision, record.who) == (2, "first panes")
    (mine,) = [one for one in kept(settings) if one.monitor == "first"]
    assert mine.reference.origin.said == "the first 20 panes, 2013-01-01 to 2013-01-01T20:00:00Z"
    apply(settings, FIRST.model_copy(update={"lateness_ms": 0}))
    other.build_all()
    assert newest_spec(settings, "first").revision == 3, "a spec that keeps its reference waits for none"


def test_a_running_consumer_builds_what_is_awaited(whole: Settings) -> None:
    spec = FIRST.model_copy(update={"monitor": "awaited"})
    fill(whole)
    learning(whole, 25, stored=5, spec=spec)
    apply(whole, spec)
    with (whole.home / "retrain.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "retrain"], cwd=ROOT, stdout=log, stderr=log,
            env={"PATH": "/usr/bin:/bin", **as_environment(whole)},
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while newest_spec(whole, "awaited").reference_sha is None:
            assert time.monotonic() < deadline, (whole.home / "retrain.log").read_text()
            assert process.poll() is None
            time.sleep(0.2)
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_panes_whose_rows_are_not_stored_yet_are_awaited(whole: Settings) -> None:
    fill(whole)
    client = connect(whole.clickhouse)
    client.command("TRUNCATE TABLE ledger_positions")
    client.close()
    learning(whole, 25, stored=0)
    with pytest.raises(NotYetError, match="20 panes are final, but not all their rows are in ClickHouse"):
        build(whole, SPEC, InFirst(20))


def test_a_reference_is_built_put_in_force_listed_and_drawn(
    whole: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fill(whole)
    for name, value in as_environment(whole).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, ["reference", *arguments])
        assert result.exit_code == code, result.output
        return result.output

    assert "no monitor 'm' is in force" in run("build", "m", code=1)
    spec = SPEC.model_copy(update={"reference": None})
    apply(whole, spec)
    assert "the spec of m names no reference: give --from and --to" in run("build", "m", code=1)
    assert "1,200 rows in 30 panes" in run("build", "m", "--from", "2013-01-01", "--to", "2013-01-03")
    first = newest_spec(whole, "m")
    assert first is not None
    assert first.revision == 2

    (tmp_path / "rows.csv").write_text(
        "event_time,x,c,score,label,version\n"
        + "".join(f"{T0 + i * 60_000},{i % 7},red,0.{i % 10},{i % 2},9\n" for i in range(600))
    )
    built = json.loads(run("build", "m", "--file", str(tmp_path / "rows.csv"), "--json"))
    assert (built["rows"], built["panes"], built["promise_of"], built["revision"]) == (600, 10, "9", 3)
    assert "there is no file" in run("build", "m", "--file", "no.csv", code=1)

    both = [one for one in kept(whole) if one.monitor == "m"]
    assert [(one.sha, one.is_in_force, one.revisions) for one in both] == [
        (first.reference_sha, False, (2, 2)),
        (built["sha"], True, (3, 3)),
    ]
    listed = run("list")
    assert all(said in listed for said in ("rows of 2013-01-01 to 2013-01-03", "rows.csv, sha256", "3, in force"))
    assert "10 panes: too few to alarm, 60 needed, 200 wanted" in run("show", "m")
    assert "1,200 rows in 30 panes" in run("show", str(first.reference_sha)[:10])


def test_a_file_is_read_as_it_stands(whole: Settings, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("x,c\n" + "".join(f"{i % 7},red\n" for i in range(8_000)))
    reference = build(whole, SPEC, InFile(path))

    assert (reference.rows, reference.panes, reference.promise) == (8_000, 3, None)
    assert reference.warnings[0] == (
        "the file has no column event_time: one row a second was assumed, and volume is not judged"
    )
    with pytest.raises(BacktestError, match="no column event_time, so nothing says which rows are of which day"):
        build(whole, SPEC.model_copy(update={"cycle": "day"}), InFile(path))
