"""Probable causes of incidents, from rows as ClickHouse gives them."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from streamgauge.spec import MonitorSpec

from stream.ops import blame, blame_first
from stream.ops.blame import around_of, causes, targets_of
from stream.ops.blame_rows import Around, Rows, dimensions, segments_of
from stream.ops.incident import Incident

HOUR = 3_600_000
ONSET = 240 * HOUR
SPEC = MonitorSpec.from_yaml("""
monitor: flights
model: flights
task: binary
pane: 1h
features: {distance: {type: number}, origin: {type: category}, carrier: {type: category}}
segments: [origin]
performance: {metric: log_loss, tolerance: 0.02}
""")
N, BEFORE = 6_000, 4_000


def incident(kind="drift", features=("distance",), **changes):
    made = Incident(
        id="INC-1", model="flights", monitor="flights", lineage="L", kind=kind, level="warn", title="", sure="",
        next="", features=list(features), since_ms=ONSET, opened_ms=ONSET + 10 * HOUR, closed_ms=0, evidence_days=400.0,
        budget_days=90.0, verdicts=[], events=[],
    )  # fmt: skip
    return replace(made, **changes)


class Sent:
    """Rows, 100 an hour before the onset and 200 after it; a fault changes some of those after it."""

    def __init__(self, seed=1):
        g = np.random.default_rng(seed)
        around = around_of(SPEC, incident())
        self.event_ms = np.sort(
            np.r_[g.integers(around.from_ms, ONSET, BEFORE), g.integers(ONSET, around.to_ms, N - BEFORE)]
        )
        self.is_after = self.event_ms >= ONSET
        self.origin, self.carrier = g.choice(["JFK", "ORD", "DEN"], N), g.choice(["UA", "AA", "DL", "B6"], N)
        self.source = g.choice(["feed-1", "feed-2"], N, p=[0.7, 0.3])
        self.distance, self.score = np.round(g.lognormal(6.5, 0.6, N)), g.random(N)
        self.truth, self.labelled = (g.random(N) < self.score) * 1.0, np.ones(N, bool)
        self.keep = np.ones(N, bool)

    def rows(self, every=1, near=None):
        keep = self.keep & (np.arange(N) % every == 0)
        if near is not None:
            keep &= (self.event_ms >= near.from_ms) & (self.event_ms < near.to_ms)
        at = np.flatnonzero(keep)
        table = pa.table(
            {
                "prediction_id": [f"p{i}" for i in at], "event_ms": self.event_ms[at], "source": self.source[at],
                "version": ["1"] * len(at), "topic": ["predictions"] * len(at), "partition": at % 3,
                "place": at << 16 | 2, "ledger_partition": at % 4, "ledger_position": at // 4,
            }
        )  # fmt: skip
        texts = {name: getattr(self, name)[at].tolist() for name in ("origin", "carrier")}
        return Rows(
            table, self.event_ms[at], self.is_after[at], {"distance": self.distance[at], **texts}, self.score[at],
            np.where(self.labelled[at], self.truth[at], np.nan), self.labelled[at], every,
        )  # fmt: skip


@pytest.fixture
def sent(monkeypatch):
    rows = Sent()

    def all_rows(_client, _spec, _around, *, labels, every=0):
        return rows.rows(every or rows.every)

    rows.every = 1
    monkeypatch.setattr(blame, "rows_of", all_rows)
    monkeypatch.setattr(blame_first, "rows_of", lambda _client, _spec, near, *, labels, every: rows.rows(every, near))
    return rows


@pytest.mark.parametrize("every", [1, 3])
def test_a_producer_that_sends_kilometres_to_one_airport_is_named_with_its_first_row(sent, every):
    hit = sent.is_after & (sent.source == "feed-2") & (sent.origin == "ORD")
    sent.distance, sent.every = np.where(hit, sent.distance * 8, sent.distance), every
    [cause] = causes(None, SPEC, incident())
    first = cause.carriers[0]
    assert first.where == {"source": "feed-2", "origin": "ORD"}
    assert first.carried > 0.8
    assert first.after > 0.3 > first.before
    assert first.elsewhere < 0.02
    # The first of the rows whose value nobody had before is at most a few rows behind the first row of all.
    rank = np.flatnonzero(hit).tolist().index(int(cause.first.prediction_id[1:]))
    assert rank <= 8
    assert (cause.first.offset, cause.first.line) == (int(cause.first.prediction_id[1:]), 2)
    assert "of the change comes from producer feed-2 and origin ORD" in cause.sentence
    assert f"It began with {cause.first.prediction_id} (predictions/" in cause.sentence


def test_a_change_of_all_rows_blames_nobody(sent):
    sent.distance = np.where(sent.is_after, sent.distance * 1.6, sent.distance)
    [cause] = causes(None, SPEC, incident())
    assert cause.carriers[0].where == {}
    assert "All rows alike" in cause.sentence
    assert cause.mean_after > 1.4 * cause.mean_before


def test_values_that_are_missing_from_one_partition_are_told_as_missing(sent):
    hit = sent.is_after & (np.arange(N) % 3 == 2)
    sent.distance = np.where(hit, np.nan, sent.distance)
    [cause] = causes(None, SPEC, incident("data-fault"))
    assert cause.carriers[0].where == {"partition": "predictions/2"}
    assert (cause.bin, cause.carriers[0].bin, cause.carriers[0].after) == ("missing", "missing", 1.0)
    assert cause.first.partition == 2


def test_a_category_is_not_explained_by_itself(sent):
    hit = sent.is_after & (sent.source == "feed-1")
    sent.carrier = np.where(hit & (sent.carrier == "UA"), "XX", sent.carrier)
    [cause] = causes(None, SPEC, incident(features=["carrier"]))
    assert cause.carriers[0].where == {"source": "feed-1"}
    assert cause.bin == "unseen"


def test_lost_performance_is_told_by_where_the_losses_are(sent):
    hit = sent.is_after & (sent.origin == "DEN")
    sent.score = np.where(hit, 1 - sent.score, sent.score)
    [cause] = causes(None, SPEC, incident("performance", ()))
    assert cause.carriers[0].where == {"origin": "DEN"}
    assert cause.mean_after > cause.mean_before
    assert cause.target == "log_loss"


def test_a_producer_that_is_silent_is_told_by_the_rows(sent):
    sent.keep = ~(sent.is_after & (sent.source == "feed-2"))
    [cause] = causes(None, SPEC, incident("volume", ()))
    # Rows come twice as often as before, but for one producer.
    assert cause.carriers[0].where == {"source": "feed-1"}
    assert "rows, where" in cause.sentence


def test_labels_that_lack_are_told_by_who_lacks_them(sent):
    sent.labelled = ~(sent.is_after & (sent.carrier == "AA"))
    [cause] = causes(None, SPEC, incident("no-labels", ()))
    assert cause.carriers[0].where == {"carrier": "AA"}
    assert cause.carriers[0].bin == "no label"


def test_without_a_change_in_the_rows_it_cannot_be_said_who_carries_it(sent):
    [cause] = causes(None, SPEC, incident())
    assert cause.carriers == ()
    assert cause.first is None
    assert "who carries it cannot be said" in cause.sentence


def test_too_few_rows_say_nothing(sent):
    sent.keep = sent.is_after
    assert causes(None, SPEC, incident()) == []
    assert causes(None, SPEC, incident("volume", ())) == []


def test_the_answers_of_a_model_are_a_target_and_other_features_are_not(sent):
    sent.score = np.where(sent.is_after & (sent.source == "feed-1"), sent.score**3, sent.score)
    [cause] = causes(None, SPEC, incident(features=["__score__", "gone"]))
    assert cause.carriers[0].where == {"source": "feed-1"}
    assert targets_of(SPEC, incident("pipeline", ["distance"])) == ["distance"]
    assert causes(None, SPEC, incident("pipeline", ())) == []


def test_a_part_of_a_cycle_is_held_against_the_same_hours_before():
    daily = SPEC.model_copy(update={"cycle": "day"})
    around = around_of(daily, incident())
    assert (around.from_ms, around.cycle_ms) == (ONSET - 4 * 24 * HOUR, 24 * HOUR)
    assert around.parameters()["length_ms"] == 10 * HOUR
    assert around.exposure == pytest.approx(0.25)
    assert around_of(SPEC, incident()).exposure == pytest.approx(0.25)
    every = Around(0, 100, 200)
    assert every.parameters()["length_ms"] >= 200


def test_dimensions_are_producer_version_segments_and_partition_where_they_tell_rows_apart(sent):
    assert [one.name for one in dimensions(SPEC, sent.rows(), "carrier")] == ["source", "origin", "partition"]
    assert segments_of(SPEC) == ["origin", "carrier"]
