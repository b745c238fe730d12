from dataclasses import replace

import numpy as np
import pytest

from stream.folds.decide import Decide
from stream.folds.rows import IncidentRow, PerformanceRow, RetrainRow, RoleRow, StatisticsRow, VerdictRow
from tests.loop import DAY_MS, day_of_events, reference_of, version_record, watched

FIRST = 90


@pytest.fixture(scope="module")
def reference():
    rng = np.random.default_rng(0)
    return reference_of([e for day in range(FIRST) for e in day_of_events(rng, day, 500)[0]])


def serving(reference, mean=0.6):
    """A loop whose first version serves."""
    loop = watched(reference)
    loop.send("commands", [{"id": "first", "command": "retrain", "model": "m", "who": "test"}])
    loop.tick(2)
    loop.run()
    loop.send("models", [version_record("1", loop.said("retrain")[0]["id"], mean)], key="m/version/1")
    loop.tick(2)
    loop.run()
    return loop


def live(loop, days, rng, change=lambda event: None, shift=0.0):
    """Days of events whose labels come within the day or the next one; `change` spoils each prediction."""
    labels = []
    for day in days:
        events, truths = day_of_events(rng, day, 500, version="1", shift=shift)
        for event in events:
            change(event)
        labels += truths
        loop.send("predictions", events)
        loop.send("labels", [x for x in labels if x["event_time"] < (day + 1) * DAY_MS])
        labels = [x for x in labels if x["event_time"] >= (day + 1) * DAY_MS]
        loop.tick(2)
        loop.run()


def flipped(rng, share=0.35):
    """Make a prediction wrong every so often."""

    def change(event):
        if rng.random() < share:
            event["score"] = 1 - event["score"]

    return change


def test_the_first_version_that_passes_serves_at_once(reference):
    loop = serving(reference)

    assert loop.said("models")[-1] | {"position": 0, "why": ""} == {
        "record": "roles", "model": "m", "champion": "1", "shadows": [], "position": 0, "why": "",
    }  # fmt: skip
    assert [row.step for row in loop.of(RetrainRow)] == ["requested", "promoted"]


def test_a_version_that_did_not_pass_is_rejected(reference):
    loop = watched(reference)
    loop.send("commands", [{"id": "first", "command": "retrain", "model": "m"}])
    loop.tick(2)
    loop.run()
    loop.send("models", [version_record("1", loop.said("retrain")[0]["id"], passed=False)], key="m/version/1")
    loop.tick(2)
    loop.run()

    assert [row.role for row in loop.of(RoleRow)] == ["rejected"]
    assert loop.said("models")[-1]["champion"] == ""


def test_a_retrain_that_is_asked_for_twice_is_published_once(reference):
    loop = watched(reference)
    loop.send("commands", [{"id": "first", "command": "retrain", "model": "m"}] * 2)
    loop.send("commands", [{"id": "second", "command": "retrain", "model": "m"}])
    loop.tick(2)
    loop.run()

    assert len(loop.said("retrain")) == 1


def test_stationary_days_raise_no_incident(reference):
    loop = serving(reference)
    live(loop, range(FIRST, FIRST + 30), np.random.default_rng(1))

    assert loop.of(IncidentRow) == []
    assert {row.status for row in loop.of(VerdictRow)} <= {"stable", "insufficient", "warning"}


def test_a_shifted_input_opens_one_drift_incident_and_no_retrain(reference):
    loop = serving(reference)
    live(loop, range(FIRST, FIRST + 12), np.random.default_rng(1), shift=0.7)

    opened = [alert for alert in loop.said("alerts") if alert["state"] == "open"]
    assert [(alert["kind"], alert["features"]) for alert in opened] == [("drift", ["x"])]
    assert [retrain["trigger"] for retrain in loop.said("retrain")] == ["manual"]
    assert min(row.js for row in loop.of(StatisticsRow) if row.feature == "x") > 0.1


def test_lost_performance_pages_and_asks_for_a_retrain_of_known_rows(reference):
    loop = serving(reference)
    rng = np.random.default_rng(1)
    live(loop, range(FIRST, FIRST + 16), rng, flipped(rng))

    page = next(alert for alert in loop.said("alerts") if alert["kind"] == "performance")
    retrain = loop.said("retrain")[-1]
    assert (page["level"], page["state"]) == ("page", "open")
    assert page["harm"]["interval"][0] > page["harm"]["tolerated"]
    assert page["sure"]["evidence_days"] >= page["sure"]["budget_days"] == 90
    assert retrain["trigger"] == "performance"
    assert page["incident"] in retrain["incident"]
    assert set(retrain["cut"]) == {"0", "1", "2", "3"}


def test_without_a_champion_all_versions_together_are_held_against_the_reference():
    rng = np.random.default_rng(0)
    days = [day_of_events(rng, day, 500, version="1") for day in range(FIRST)]
    reference = reference_of([e for events, _ in days for e in events], labels=[x for _, some in days for x in some])
    loop, spoil = watched(reference), flipped(rng)
    live(loop, range(FIRST, FIRST + 20), rng)
    assert {row.status for row in loop.of(VerdictRow) if row.kind == "performance"} == {"stable"}

    live(
        loop, range(FIRST + 20, FIRST + 40), rng, lambda event: spoil(event) if event["features"]["c"] == "b" else None
    )

    page = next(alert for alert in loop.said("alerts") if alert["kind"] == "performance")
    assert page["where"] == {"features": [], "segment": {"c": ["b"]}}
    assert FIRST + 20 <= loop.of(IncidentRow)[0].since_ms // DAY_MS <= FIRST + 24
    assert [asked["trigger"] for asked in loop.said("retrain")] == ["performance"]


def test_a_better_shadow_is_promoted_and_ends_the_incident(reference):
    loop = serving(reference)
    rng = np.random.default_rng(1)
    spoil = flipped(rng)

    def shadowed(event):
        event["shadow"] = {"2": event["score"]}
        spoil(event)

    live(loop, range(FIRST, FIRST + 16), rng, spoil)
    loop.send("models", [version_record("2", loop.said("retrain")[-1]["id"])], key="m/version/2")
    live(loop, range(FIRST + 16, FIRST + 45), rng, shadowed)

    assert loop.said("models")[-1]["champion"] == "2"
    assert [row.role for row in loop.of(RoleRow)] == ["champion", "shadow", "retired", "champion"]
    assert loop.of(RetrainRow)[-1].step == "promoted"
    assert [a["state"] for a in loop.said("alerts") if a["kind"] == "performance"] == ["open", "resolved"]


def test_a_shadow_that_is_no_better_is_rejected_after_sixty_panes(reference):
    loop = serving(reference)
    rng = np.random.default_rng(1)
    loop.send("commands", [{"id": "again", "command": "retrain", "model": "m"}])
    loop.tick(2)
    loop.run()
    loop.send("models", [version_record("2", loop.said("retrain")[-1]["id"])], key="m/version/2")

    def shadowed(event):
        event["shadow"] = {"2": min(max(event["score"] + rng.normal() * 0.02, 0.001), 0.999)}

    live(loop, range(FIRST, FIRST + 66), rng, shadowed)

    assert loop.of(RetrainRow)[-1].step == "rejected"
    assert loop.said("models")[-1]["champion"] == "1"


def test_performance_as_known_grows_with_the_labels(reference):
    loop = serving(reference)
    live(loop, range(FIRST, FIRST + 6), np.random.default_rng(1))

    known = [
        (row.arrival_ms, row.labels)
        for row in loop.of(PerformanceRow)
        if row.metric == "auc" and not row.segment_key and row.pane_ms == FIRST * DAY_MS
    ]
    assert known == sorted(known)
    assert known[-1][1] == 500


def test_a_silent_ledger_partition_pages_until_it_is_heard_again():
    loop = watched()
    held = []
    for _ in range(70):
        loop.tick()
        held += loop.ledger[0][loop.states[0].position + 1 :]
        del loop.ledger[0][loop.states[0].position + 1 :]
        loop.run()
    (page,) = loop.said("alerts")
    assert (page["kind"], page["level"], page["state"]) == ("pipeline", "page", "open")
    assert "partition 0" in page["title"]

    loop.ledger[0] += [replace(record, position=len(loop.ledger[0]) + i) for i, record in enumerate(held)]
    loop.run()
    assert [alert["state"] for alert in loop.said("alerts")] == ["open", "resolved"]


def test_an_outage_of_everybody_accuses_nobody():
    loop = watched()
    loop.clock_ms += 3_600_000
    loop.tick(3)
    loop.run()

    assert loop.said("alerts") == []


def test_a_decide_without_partitions_is_refused():
    with pytest.raises(ValueError, match="ledger_partitions >= 1"):
        Decide(0, 0)
