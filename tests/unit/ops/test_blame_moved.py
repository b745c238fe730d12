"""What moved while performance was lost, from rows as ClickHouse gives them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from streamgauge.spec import MonitorSpec

from stream.ops import blame_moved
from stream.ops.blame_moved import judged_span, together
from stream.ops.incident import Incident

HOUR = 3_600_000
BEGIN, ONSET, OPENED = 0, 240 * HOUR, 260 * HOUR
SPEC = MonitorSpec.from_yaml("""
monitor: flights
model: flights
task: binary
pane: 1h
features: {distance: {type: number}, origin: {type: category}}
reference: {from: 1970-01-01, to: 1970-01-06}
performance: {metric: log_loss, tolerance: 0.02}
""")
LOST = Incident(
    id="INC-1", model="flights", monitor="flights", lineage="L", kind="performance", level="page", title="", sure="",
    next="", features=[], since_ms=ONSET, opened_ms=OPENED, closed_ms=0, evidence_days=400.0, budget_days=90.0,
    verdicts=[], events=[],
)  # fmt: skip


@pytest.fixture
def asked(monkeypatch):
    """Spans that were asked for; from the onset on distances are larger."""
    g, spans = np.random.default_rng(1), []

    def rows_of(_client, _spec, around, *, labels, every=0):
        spans.append((around.from_ms, around.to_ms, every))
        event_ms = np.arange(max(BEGIN, around.from_ms), around.to_ms, HOUR // 50)
        distance = g.normal(1_000 + 300 * (event_ms >= ONSET), 200)
        origin = g.choice(["JFK", "EWR"], len(event_ms)).tolist()
        return SimpleNamespace(columns={"distance": distance, "origin": origin}, event_ms=event_ms, every=every or 2)

    monkeypatch.setattr(blame_moved, "rows_of", rows_of)
    return spans


def verdict(kind, from_ms, to_ms):
    return SimpleNamespace(kind=kind, from_ms=from_ms, to_ms=to_ms)


def test_the_panes_that_proved_the_loss_are_held_against_the_reference(asked):
    proved = [verdict("performance", ONSET, ONSET + 8 * HOUR), verdict("performance", ONSET, ONSET + 12 * HOUR)]
    found = together(None, SPEC, replace(LOST, verdicts=proved))
    assert [one.feature for one in found.compared.moved] == ["distance"]
    assert asked == [(BEGIN, 120 * HOUR, 0), (ONSET, ONSET + 8 * HOUR, 2)]
    begin, _, told = found.sentence.partition(": ")
    assert begin == "Moved at the same time, which proves no cause"
    assert told.startswith("distance (further than all of 114 windows of the reference; mean ")


@pytest.mark.parametrize("reference", [{"first": "200 panes"}, {"from": "1980-01-01", "to": "1980-02-01"}])
def test_where_the_reference_is_not_at_hand_the_time_before_stands_in(asked, reference, monkeypatch):
    spec = MonitorSpec.model_validate(
        SPEC.model_dump(mode="json", by_alias=True, exclude={"reference"}) | {"reference": reference}
    )
    real = blame_moved.rows_of

    def known(client, spec, around, **wanted):
        rows = real(client, spec, around, **wanted)
        is_known = rows.event_ms < OPENED
        columns = {
            "distance": rows.columns["distance"][is_known],
            "origin": np.array(rows.columns["origin"])[is_known].tolist(),
        }
        return SimpleNamespace(columns=columns, event_ms=rows.event_ms[is_known], every=rows.every)

    monkeypatch.setattr(blame_moved, "rows_of", known)
    found = together(None, spec, LOST)
    assert "windows of the time before; mean" in found.sentence
    assert (ONSET - 400 * HOUR, ONSET, 0) in asked


def test_without_a_verdict_the_time_until_it_was_raised_is_taken():
    assert judged_span(LOST) == (ONSET, OPENED)


@pytest.mark.parametrize("other", [replace(LOST, kind="drift"), replace(LOST, opened_ms=ONSET)])
def test_other_incidents_are_left_to_their_causes(other):
    assert blame_moved.of_incident(None, other) is None
