"""What happens after an incident: it closes by itself or by a person, and evidence begins anew."""

import numpy as np
import pytest

from stream.folds.rows import FateRow, IncidentRow, VerdictRow
from tests.loop import DAY_MS, day_of_events, reference_of, watched

DAYS = 90


@pytest.fixture(scope="module")
def reference():
    rng = np.random.default_rng(0)
    days = [day_of_events(rng, day, 500, version="1") for day in range(DAYS)]
    return reference_of([e for events, _ in days for e in events], labels=[x for _, some in days for x in some])


def feed(loop, days, rng, shift=0.0, spoil=lambda event: None):
    for day in days:
        events, labels = day_of_events(rng, day, 500, version="1", shift=shift)
        for event in events:
            spoil(event)
        loop.send("predictions", events)
        loop.send("labels", labels)
        loop.tick(2)
        loop.run()


def command(loop, name, **args):
    loop.send(
        "commands", [{"id": f"{name}-{len(loop.public)}", "command": name, "model": "m", "who": "ann", "args": args}]
    )
    loop.tick(2)
    loop.run()


def evidence(loop, target="x"):
    """Log evidence against a target by day, as the last verdict of each says."""
    return {row.pane_ms // DAY_MS: row.statistic for row in loop.of(VerdictRow) if row.target == target}


def states(loop, kind="drift"):
    return [alert["state"] for alert in loop.said("alerts") if alert["kind"] == kind]


def test_an_incident_that_has_been_quiet_closes_and_a_new_fault_is_another_one(reference):
    loop, rng = watched(reference), np.random.default_rng(1)
    feed(loop, range(DAYS, DAYS + 2), rng, shift=0.7)
    feed(loop, range(DAYS + 2, DAYS + 40), rng)
    assert [s for s in states(loop) if s != "updated"] == ["open", "resolved"]
    assert max(value for day, value in evidence(loop).items() if day > DAYS + 30) < 3

    feed(loop, range(DAYS + 40, DAYS + 45), rng, shift=0.7)
    opened = [
        alert["incident"] for alert in loop.said("alerts") if alert["state"] == "open" and alert["kind"] == "drift"
    ]
    assert len(set(opened)) == 2


def test_evidence_of_what_alarmed_begins_anew_and_its_open_windows_are_spoilt(reference):
    loop, rng = watched(reference), np.random.default_rng(2)
    for day in range(DAYS, DAYS + 20):
        feed(loop, [day], rng, shift=0.35)
        if any(row.status in ("warning", "drift") for row in loop.of(VerdictRow) if row.target == "x"):
            break
    [gauge] = [lineage.gauge for lineage in loop.state.lineages.values() if lineage.gauge is not None]
    assert max(evidence(loop).values()) > 0
    # The first feature alarmed: its evidence is gone, and windows that hold rows from before do not judge it.
    assert (gauge.log_evidence[:, 0].max(), gauge.log_bets[0].max()) == (0, 0)
    assert (gauge.spoiled[:, 0] == (gauge.panes > 0)).all()


@pytest.mark.parametrize("how", ["fixed", "false", "accepted"])
def test_a_person_resolves_an_incident_and_the_evidence_behind_it_is_forgotten(reference, how):
    loop, rng = watched(reference), np.random.default_rng(3)
    feed(loop, range(DAYS, DAYS + 3), rng, shift=0.7)
    feed(loop, [DAYS + 3], rng)  # the last day with the shift is final once the next one goes on
    [opened] = {row.id for row in loop.of(IncidentRow) if row.kind == "drift"}
    command(loop, "resolve", incident=opened, how=how, note="seen")

    told = loop.said("alerts")[-1]
    assert (told["incident"], told["state"]) == (opened, "resolved")
    assert told["what"].startswith("resolved by ann: ")
    assert told["what"].endswith("(seen)")
    assert loop.of(IncidentRow)[-1].closed_ms > 0
    gauges = [lineage.gauge for lineage in loop.state.lineages.values() if lineage.gauge is not None]
    assert all(gauge.log_evidence[:, 0].max() == 0 and gauge.log_bets[0].max() == 0 for gauge in gauges)
    assert loop.state.loops["m"].incidents == {}

    feed(loop, range(DAYS + 4, DAYS + 8), rng)
    assert max(value for day, value in evidence(loop).items() if day >= DAYS + 3) < 3
    assert "open" not in states(loop)[states(loop).index("resolved") :]


@pytest.mark.parametrize("how", ["fixed", "accepted"])
def test_panes_that_were_open_when_it_was_mended_raise_nothing(reference, how):
    loop, rng = watched(reference), np.random.default_rng(3)
    feed(loop, range(DAYS, DAYS + 3), rng, shift=0.7)
    opened = next(row.id for row in loop.of(IncidentRow) if row.kind == "drift")
    command(loop, "resolve", incident=opened, how=how)
    feed(loop, range(DAYS + 3, DAYS + 12), rng)
    assert states(loop)[-1] == "resolved"
    # The last day with the shift was not final then: it is shown, and not judged.
    judged = {row.pane_ms // DAY_MS for row in loop.of(VerdictRow) if row.target == "x"}
    assert DAYS + 2 not in judged
    assert DAYS + 4 in judged


def test_losses_of_predictions_that_were_made_before_a_fix_raise_nothing_when_their_labels_come(reference):
    loop, rng = watched(reference), np.random.default_rng(4)
    feed(loop, range(DAYS, DAYS + 12), rng, spoil=lambda event: event.update(score=1 - event["score"]))
    opened = next(row.id for row in loop.of(IncidentRow) if row.kind == "performance")
    for incident in {row.id for row in loop.of(IncidentRow)}:
        command(loop, "resolve", incident=incident, how="fixed")
    feed(loop, range(DAYS + 12, DAYS + 20), rng)
    assert {a["incident"] for a in loop.said("alerts") if a["kind"] == "performance"} == {opened}


def test_a_checkpoint_after_a_resolve_goes_on_to_the_same_state(reference):
    loop, rng = watched(reference), np.random.default_rng(3)
    feed(loop, range(DAYS, DAYS + 3), rng, shift=0.7)
    opened = next(row.id for row in loop.of(IncidentRow) if row.kind == "drift")
    command(loop, "resolve", incident=opened, how="fixed")
    again, done = loop.decide.decode(loop.decide.encode(loop.state).data), len(loop.partials)
    feed(loop, range(DAYS + 3, DAYS + 6), rng)
    loop.decide.step(again, loop.partials[done:])
    assert loop.decide.encode(again).data == loop.decide.encode(loop.state).data


def test_a_resolved_loss_of_performance_needs_new_evidence(reference):
    loop, rng = watched(reference), np.random.default_rng(4)
    feed(loop, range(DAYS, DAYS + 12), rng, spoil=lambda event: event.update(score=1 - event["score"]))
    opened = next(row.id for row in loop.of(IncidentRow) if row.kind == "performance")
    command(loop, "resolve", incident=opened, how="fixed")
    assert states(loop, "performance")[-1] == "resolved"
    assert all(lineage.losing == {} for lineage in loop.state.lineages.values())


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"incident": "INC-nothing", "how": "fixed"}, "no incident 'INC-nothing' of m is open"),
        ({"incident": "INC-nothing", "how": "gone"}, "an incident is resolved as fixed, accepted, false, got 'gone'"),
        ({"how": "fixed"}, "missing required field `incident`"),
    ],
)
def test_a_command_that_resolves_nothing_is_told_and_changes_nothing(reference, args, says):
    loop = watched(reference)
    command(loop, "resolve", **args)
    assert says in loop.of(FateRow)[-1].reason
    assert loop.said("alerts") == []


def test_what_a_fault_of_the_data_left_behind_is_no_drift_when_it_is_over(reference):
    loop, rng = watched(reference), np.random.default_rng(5)
    hit = np.random.default_rng(6)
    feed(loop, range(DAYS, DAYS + 4), rng, spoil=lambda e: e["features"].pop("x") if hit.random() < 0.3 else None)
    feed(loop, range(DAYS + 4, DAYS + 40), rng)
    assert states(loop, "data-fault")[-1] == "resolved"
    assert [s for s in states(loop) if s == "open"] == []
