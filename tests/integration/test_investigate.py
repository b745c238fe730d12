"""Second opinions on the real engine and a real broker: rows that were flagged, those of the reference, both kept."""

from __future__ import annotations

import json
from contextlib import closing

import numpy as np
import pytest
from clickhouse_connect.driver.client import Client
from streamgauge.events import PredictionEvent
from streamgauge.spec import MonitorSpec

from detectors.reference import encode
from stream.clickhouse.client import connect
from stream.folds.base import Record
from stream.folds.blocks import Block, Source, encode_entry, place
from stream.folds.frame_events import frame_of
from stream.folds.rows import IncidentRow, LineageRow, PaneRow, VerdictRow, encode_rows
from stream.ops.controls import newest_spec
from stream.ops.explain import Explained, target, verdict
from stream.ops.flagged import InvestigateError
from stream.ops.investigate import Asked, investigate
from stream.ops.opinion import Opinion
from stream.ops.reference import build
from stream.ops.reference_sources import InRange
from stream.ops.spec import apply
from stream.settings import Settings
from tests.integration.clickhouse_database import rows_of, write

pytestmark = pytest.mark.integration

HOUR = 3_600_000
T0 = 1_356_998_400_000  # 2013-01-01
PANES, EACH = 30, 20
SINCE, OPENED = T0 + 20 * HOUR, T0 + 24 * HOUR
NAN = float("nan")
SPEC = MonitorSpec.from_yaml("""
monitor: m
model: m
task: binary
pane: 1h
features: {x: {type: number}, c: {type: category}}
""")
ASKED = Asked(("ks",), incident="INC-1")


@pytest.fixture
def filled(whole: Settings, client: Client) -> Settings:
    """Rows of thirty hours; a reference of the first twenty; an incident about the four that follow."""
    events = [event(i) for i in range(PANES * EACH)]
    copies = [event(i) for i in range(0, PANES * EACH, 7)]
    store(whole, events + copies)
    reference = build(whole, SPEC, InRange(T0, SINCE))
    apply(whole, SPEC, encode(reference))
    sha = newest_spec(whole, "m").reference_sha
    judged(whole, sha)
    return whole


def event(i: int) -> PredictionEvent:
    at = T0 + i * HOUR // EACH
    features: dict[str, float | str] = {"x": float(i % 17) + (100.0 if at >= SINCE else 0.0), "c": "ab"[i % 2]}
    if i % 10 == 3:
        del features["x"]
    return PredictionEvent(
        prediction_id=f"p{i:05}", model="m", event_time_ms=at, features=features, score=(i % 10) / 10
    )


def store(settings: Settings, events: list[PredictionEvent]) -> None:
    frame = frame_of(events, [place(0, i) for i in range(len(events))])
    block = Block(Source("predictions", "id", 0), -1, place(0, len(events)), frame)
    write(settings.clickhouse, ("ledger", 0, [Record(0, T0, encode_entry(block))]))


def judged(settings: Settings, sha: str, lineage: str = "L") -> None:
    """What decide says: a lineage with panes, two verdicts on x, an incident."""
    common = {"lineage": lineage, "monitor": "m", "model": "m", "known_ms": T0, "position": 5}
    spec = json.dumps(SPEC.to_values())
    rows = [LineageRow(**common, revision=1, reference=sha, spec=spec, start_ms=0)]
    rows += [
        PaneRow(
            **common, model_version="1", segment_key="", segment_value="", pane_ms=T0 + pane * HOUR,
            arrival_ms=T0 + pane * HOUR, pane_s=3600, n=EACH, duplicates=0, invalid=0, labels=0,
            latency_p50_ms=NAN, latency_p95_ms=NAN, merged=((0, 1),), outliers=-1,
        )
        for pane in range(PANES)
    ]  # fmt: skip
    verdicts = [
        VerdictRow(
            **common, id=f"vd-{hour}", pane_ms=T0 + hour * HOUR, pane_s=2 * 3600, segment_key="", segment_value="",
            target="x", kind="drift", status="drift", statistic=9.0, threshold=8.0, p=1e-9, n=40, n_eff=40.0,
            evidence_days=days, budget_days=90.0, effect=0.8, effect_name="js", floor=0.05, lo=NAN, hi=NAN, reason="x",
        )
        for hour, days in ((21, 118.0), (23, 400.0))
    ]  # fmt: skip
    incident = IncidentRow(
        **common, id="INC-1", kind="drift", level="warn", title="x drifts", features=("x",), opened_ms=OPENED,
        closed_ms=0, since_ms=SINCE, verdicts=("vd-21",), evidence_days=118.0, budget_days=90.0,
    )  # fmt: skip
    write(settings.clickhouse, ("panes", 0, [Record(0, T0, encode_rows(rows))]))
    write(settings.clickhouse, ("verdicts", 0, [Record(1, T0, encode_rows([*verdicts, incident]))]))


class Asker:
    """Who is asked instead of alibi-detect: keeps what it was asked, and says two things."""

    def __call__(self, pair, features, tests):
        self.pair, self.features, self.tests = pair, features, tests
        yield Opinion("ks", "x", "KS distance", 0.9, 1e-12, 0.05, True, 400, 80, 0.1)
        yield Opinion("mahalanobis", "", note="too few")


def test_an_incidents_rows_and_the_references_are_asked_about_and_both_are_kept(filled: Settings) -> None:
    asker = Asker()
    done = investigate(filled, ASKED, 1_700_000_000_000, "me", asker)

    x = [each.features.get("x", NAN) for each in map(event, range(PANES * EACH))]
    assert asker.features == ("x",)
    np.testing.assert_array_equal(asker.pair.window["x"], x[20 * EACH : 24 * EACH])
    np.testing.assert_array_equal(asker.pair.reference["x"], x[: 20 * EACH])
    assert list(asker.pair.window["c"]) == ["ab"[i % 2] for i in range(4 * EACH)]
    assert list(asker.pair.window["__score__"][:3]) == [0.0, 0.1, 0.2]
    assert asker.pair.inputs == ("x", "c")
    assert (done.rows, done.reference_rows) == (4 * EACH, 20 * EACH)
    assert done.flagged.ours["x"].evidence_days == 400.0

    with closing(connect(filled.clickhouse)) as client:
        kept = rows_of(client, "SELECT * FROM investigations ORDER BY test")
    assert [row["id"] for row in kept] == [done.id] * 2
    ks, mahalanobis = kept
    assert (ks["incident"], ks["feature"], ks["finds"], ks["p"], ks["n"]) == ("INC-1", "x", True, 1e-12, 80)
    assert (ks["verdict"], ks["evidence_days"], ks["budget_days"], ks["effect"]) == ("vd-23", 400.0, 90.0, 0.8)
    assert (mahalanobis["feature"], mahalanobis["finds"], mahalanobis["p"]) == ("", None, None)
    assert mahalanobis["verdict"] == "vd-23"


def test_a_pane_is_asked_about_with_the_window_of_its_verdict(filled: Settings) -> None:
    asked = Asked(("ks",), model="m", features=("x",), at_ms=T0 + 21 * HOUR + 5)
    done = investigate(filled, asked, 1, "me", Asker())
    assert (done.flagged.from_ms, done.flagged.to_ms, done.rows) == (T0 + 20 * HOUR, T0 + 22 * HOUR, 2 * EACH)
    assert done.flagged.ours["x"].id == "vd-21"

    alone = investigate(filled, Asked(("ks",), model="m", features=("c",), at_ms=T0 + 21 * HOUR), 1, "me", Asker())
    assert (alone.flagged.from_ms, alone.rows, alone.flagged.ours) == (T0 + 21 * HOUR, EACH, {})


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked(("ks",), incident="INC-9"), "there is no incident INC-9"),
        (Asked(("ks",), incident="INC-1", features=("z",)), "monitor m has no feature 'z'; it has x, c, __score__"),
        (Asked(("ks",), model="n", features=("x",), at_ms=T0), "no monitor shows panes of model 'n' at 2013-01-01"),
        (Asked(("ks",), model="m", features=("x",), at_ms=T0 + 99 * HOUR), "no row of model 'm' is in ClickHouse"),
    ],
)
def test_what_is_not_there_is_a_sentence(filled: Settings, asked: Asked, said: str) -> None:
    with pytest.raises(InvestigateError, match=said):
        investigate(filled, asked, 1, "me", Asker())


def test_without_the_references_rows_a_file_is_asked_for(filled: Settings) -> None:
    with closing(connect(filled.clickhouse)) as client:
        client.command("TRUNCATE TABLE prediction_rows")
    store(filled, [event(i) for i in range(20 * EACH, 24 * EACH)])
    with pytest.raises(
        InvestigateError, match=r"of the 400 rows of the reference .* has 0: give them by --reference FILE"
    ):
        investigate(filled, ASKED, 1, "me", Asker())


def test_a_monitor_that_had_no_reference_has_nothing_to_compare_with(whole: Settings, client: Client) -> None:
    judged(whole, "")
    with pytest.raises(InvestigateError, match="had no reference then, so there is nothing to compare with"):
        investigate(whole, ASKED, 1, "me", Asker())


def test_what_rivers_detectors_say_is_in_view_verdicts_and_is_no_status_of_the_model(filled: Settings) -> None:
    river = VerdictRow(
        id="vd-river", lineage="L", monitor="m", model="m", pane_ms=T0 + 29 * HOUR, pane_s=3600, segment_key="",
        segment_value="", target="x", kind="river:ADWIN(clock=1)", status="signal", statistic=0.3, threshold=NAN, p=NAN,
        n=20, n_eff=NAN, evidence_days=NAN, budget_days=NAN, effect=0.2, effect_name="missing", floor=NAN,
        lo=NAN, hi=NAN, reason="x missing: ADWIN sees a change", known_ms=T0, position=9,
    )  # fmt: skip
    write(filled.clickhouse, ("verdicts", 0, [Record(2, T0, encode_rows([river]))]))
    with closing(connect(filled.clickhouse)) as client:
        said = rows_of(client, "SELECT target, status, evidence_days FROM verdicts WHERE startsWith(kind, 'river:')")
        status = rows_of(client, "SELECT status, reason FROM models_now WHERE model = 'm'")
        features = rows_of(client, "SELECT id FROM feature_verdicts ORDER BY id")
        asked, named = target(client, "m", "x"), verdict(client, "vd-river")
    assert said == [{"target": "x", "status": "signal", "evidence_days": None}]
    assert status == [{"status": "drift", "reason": "x"}]
    assert [row["id"] for row in features] == ["vd-21", "vd-23"]
    assert isinstance(asked, Explained)
    assert asked.id == "vd-23"
    assert len(named.sentences) == 1
    assert named.sentences[0].startswith("For information")
