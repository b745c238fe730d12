"""Faults of the data are found in the pane in which they begin, are one incident, and hold retrains back."""

import numpy as np
import pytest

from stream.folds.rows import VerdictRow
from tests.loop import DAY_MS, day_of_events, reference_of, spec_record, watched
from tests.property.laws import assert_cut_law, assert_restore_law

DAYS = 90


@pytest.fixture(scope="module")
def reference():
    rng = np.random.default_rng(0)
    return reference_of([e for day in range(DAYS) for e in day_of_events(rng, day, 500)[0]])


def feed(loop, days, spoil=lambda rng, event: None, n=500, seed=1):
    rng = np.random.default_rng(seed)
    for day in days:
        events, labels = day_of_events(rng, day, n)
        for event in events:
            spoil(rng, event)
        loop.send("predictions", events)
        loop.send("labels", labels)
        loop.tick(2)
        loop.run()


def opened(loop):
    return [(a["kind"], a["level"], a["features"]) for a in loop.said("alerts") if a["state"] == "open"]


def share(of, change):
    return lambda rng, event: change(event["features"]) if rng.random() < of else None


def test_healthy_days_have_no_fault(reference):
    loop = watched(reference)
    feed(loop, range(DAYS, DAYS + 40))

    assert opened(loop) == []
    assert not [row for row in loop.of(VerdictRow) if row.status == "fault"]


@pytest.mark.parametrize(
    ("change", "level", "says"),
    [
        (lambda f: f.pop("x"), "page", "x is missing in"),
        (lambda f: f.update(x="far"), "page", "x comes as something else in"),
        (lambda f: f.update(x=99.0), "page", "x lies above all that was seen in"),
        (lambda f: f.update(c="zz"), "warn", "c has levels that were never seen in"),
    ],
)
def test_a_share_of_bad_values_is_a_fault_in_the_pane_in_which_it_begins(reference, change, level, says):
    loop = watched(reference)
    feed(loop, range(DAYS, DAYS + 3))
    feed(loop, range(DAYS + 3, DAYS + 8), share(0.08, change), seed=2)

    fault = next(alert for alert in loop.said("alerts") if alert["kind"] == "data-fault")
    assert (fault["level"], says in fault["title"]) == (level, True)
    assert fault["since"].startswith("1970-04-04")
    assert fault["sure"]["evidence_days"] > fault["sure"]["budget_days"]
    assert len([kind for kind, _, _ in opened(loop) if kind == "data-fault"]) == 1


def twice(loop, days, of, seed=1, n=500):
    """Days in which a share of the events comes again."""
    rng = np.random.default_rng(seed)
    for day in days:
        events, labels = day_of_events(rng, day, n)
        loop.send("predictions", events + [event for event in events if rng.random() < of])
        loop.send("labels", labels)
        loop.tick(2)
        loop.run()


def test_events_that_come_twice_are_a_warning_that_names_no_feature(reference):
    loop = watched(reference)
    feed(loop, range(DAYS, DAYS + 3))
    twice(loop, range(DAYS + 3, DAYS + 8), of=0.08, seed=2)

    (fault,) = [alert for alert in loop.said("alerts") if alert["kind"] == "data-fault"]
    assert (fault["level"], fault["features"], "of the events came twice" in fault["title"]) == ("warn", [], True)
    assert fault["since"].startswith("1970-04-04")


@pytest.mark.parametrize(("of", "is_told"), [(0.03, False), (0.12, True)])
def test_as_many_events_come_twice_as_did_in_the_reference(of, is_told):
    rng = np.random.default_rng(0)
    events = [e for day in range(DAYS) for e in day_of_events(rng, day, 500)[0]]
    loop = watched(reference_of(events, repeated=[e for e in events if rng.random() < 0.03]))
    twice(loop, range(DAYS, DAYS + 30), of)

    assert [kind for kind, _, _ in opened(loop)] == (["data-fault"] if is_told else [])


def test_nothing_is_said_of_events_that_come_twice_where_nobody_counted_them():
    rng = np.random.default_rng(0)
    loop = watched(reference_of([e for day in range(DAYS) for e in day_of_events(rng, day, 500)[0]], repeated=None))
    twice(loop, range(DAYS, DAYS + 8), of=0.3)

    assert opened(loop) == []


def test_a_fault_of_another_feature_later_is_another_incident(reference):
    loop = watched(reference)
    feed(loop, range(DAYS, DAYS + 4), share(0.2, lambda f: f.pop("x")))
    feed(loop, range(DAYS + 4, DAYS + 8), seed=3)
    feed(loop, range(DAYS + 8, DAYS + 12), share(0.2, lambda f: f.update(c="zz")), seed=2)

    faults = [each for each in opened(loop) if each[0] == "data-fault"]
    assert faults == [("data-fault", "page", ["x"]), ("data-fault", "warn", ["c"])]


def test_faults_that_begin_together_are_one_incident(reference):
    loop = watched(reference)
    feed(loop, range(DAYS, DAYS + 4), share(0.2, lambda f: (f.pop("x"), f.update(c="zz"))))

    assert [each for each in opened(loop) if each[0] == "data-fault"] == [("data-fault", "page", ["x", "c"])]


def test_a_drift_that_pushes_values_out_of_range_goes_on_beside_the_fault(reference):
    loop = watched(reference)
    feed(loop, range(DAYS, DAYS + 4), share(1.0, lambda f: f.update(x=f["x"] + 0.6)))
    feed(loop, range(DAYS + 4, DAYS + 10), share(1.0, lambda f: f.update(x=f["x"] + (0.6 if f["x"] < 1 else 9))))

    assert [(kind, features) for kind, _, features in opened(loop)] == [("drift", ["x"]), ("data-fault", ["x"])]
    assert not [alert for alert in loop.said("alerts") if alert["state"] == "resolved"]


def test_a_category_of_which_one_level_is_left_is_stuck(reference):
    loop = watched(reference)
    feed(loop, range(DAYS, DAYS + 4), share(1.0, lambda f: f.update(c="a")))

    assert any("c is stuck at one value" in title for title in opened_titles(loop))


def test_a_feature_that_is_gone_is_said_to_be_gone(reference):
    loop = watched(reference)
    feed(loop, range(DAYS, DAYS + 4), share(1.0, lambda f: f.pop("x")))

    assert "x is gone" in opened_titles(loop)[0]


def test_rows_that_stop_are_no_data_and_rows_that_fall_are_volume(reference):
    loop = watched(reference)
    feed(loop, range(DAYS, DAYS + 3))
    feed(loop, [DAYS + 8], seed=3)
    feed(loop, range(DAYS + 9, DAYS + 13), n=100, seed=4)

    kinds = [kind for kind, _, _ in opened(loop)]
    assert kinds[:2] == ["no-data", "volume"]
    resolved = [a["kind"] for a in loop.said("alerts") if a["state"] == "resolved"]
    assert resolved == ["no-data"]
    assert loop.said("alerts")[0]["since"].startswith("1970-04-04")


def opened_titles(loop):
    return [alert["title"] for alert in loop.said("alerts") if alert["state"] == "open"]


def test_verdicts_on_faults_say_how_much_against_the_floor(reference):
    loop = watched(reference)
    feed(loop, range(DAYS, DAYS + 4), share(0.2, lambda f: f.pop("x")))

    fault = next(row for row in loop.of(VerdictRow) if row.status == "fault")
    assert (fault.kind, fault.target, fault.effect_name) == ("quality", "x", "missing")
    assert fault.effect > fault.floor == pytest.approx(0.005, abs=0.001)
    assert fault.pane_ms >= DAYS * DAY_MS


SMALL = 200
"""Panes of a reference of 100 rows each."""


@pytest.fixture(scope="module")
def small():
    rng = np.random.default_rng(4)
    return reference_of([e for day in range(SMALL) for e in day_of_events(rng, day, 100)[0]])


def faults_of(loop):
    return [alert for alert in loop.said("alerts") if alert["kind"] == "data-fault"]


def missing(of):
    return share(of, lambda features: features.pop("x"))


def test_a_small_steady_fault_is_one_incident_that_stays_open(small):
    """1 % of the rows is near what a pane of 100 rows can prove: most panes prove nothing."""
    loop = watched(small)
    feed(loop, range(SMALL, SMALL + 150), missing(0.01), n=100, seed=3)

    proven = [row for row in loop.of(VerdictRow) if row.status == "fault"]
    assert max(np.diff([row.pane_ms for row in proven])) > 17 * DAY_MS
    assert [alert["state"] for alert in faults_of(loop)] == ["open"]


def test_a_small_steady_fault_that_ends_is_over(small):
    loop = watched(small)
    feed(loop, range(SMALL, SMALL + 60), missing(0.01), n=100)
    feed(loop, range(SMALL + 60, SMALL + 100), n=100, seed=2)

    opening, over = faults_of(loop)
    assert (opening["state"], over["state"], over["what"]) == ("open", "resolved", "over: 16 quiet panes")
    proven = [row.pane_ms // DAY_MS for row in loop.of(VerdictRow) if row.status == "fault"]
    assert f"1970-{day_name(proven[-1] + 17)}" <= over["closed"][:10] <= f"1970-{day_name(SMALL + 60 + 32)}"


def day_name(day):
    return str(np.datetime64("1970-01-01") + day)[5:]


@pytest.mark.parametrize(
    ("change", "of"),
    [
        (lambda f: f.pop("x"), 0.05),
        (lambda f: f.pop("x"), 1.0),
        (lambda f: f.update(x=99.0), 0.3),
        (lambda f: f.update(c="zz"), 0.3),
    ],
)
def test_a_fault_that_ends_is_over_after_sixteen_quiet_panes(small, change, of):
    loop = watched(small)
    feed(loop, range(SMALL, SMALL + 20), share(of, change), n=100)
    feed(loop, range(SMALL + 20, SMALL + 45), n=100, seed=2)

    last = max(row.pane_ms for row in loop.of(VerdictRow) if row.status == "fault")
    assert [alert["state"] for alert in faults_of(loop)] == ["open", "resolved"]
    assert faults_of(loop)[-1]["closed"][:10] == f"1970-{day_name(last // DAY_MS + 17)}"


def test_panes_of_a_cycle_are_held_together_against_what_their_phases_let_expect():
    """On three days of a week a fifth is missing; the last quiet pane is of a day without."""

    def weekly(rng, event):
        if event["event_time"] // DAY_MS % 7 in (1, 2, 3) and rng.random() < 0.2:
            event["features"].pop("x")

    rng = np.random.default_rng(5)
    events = [event for day in range(210) for event in day_of_events(rng, day, 100)[0]]
    for event in events:
        weekly(rng, event)
    loop = watched(reference_of(events, cycle_ms=7 * DAY_MS), cycle="week")
    feed(loop, range(210, 214), weekly, n=100)
    feed(loop, [214], missing(0.3), n=100)
    feed(loop, range(215, 240), weekly, n=100, seed=2)

    assert [alert["state"] for alert in faults_of(loop)] == ["open", "resolved"]


def test_a_checkpoint_between_quiet_panes_changes_nothing(small):
    loop = watched(small)
    feed(loop, range(SMALL, SMALL + 1), missing(0.3), n=100)
    feed(loop, range(SMALL + 1, SMALL + 25), missing(0.01), n=100, seed=2)

    (incident,) = loop.state.loops["m"].incidents.values()
    assert incident.pool.rows.sum() >= 100
    assert_cut_law(loop.decide, loop.partials, [3, 7])
    for at in range(0, len(loop.partials), 5):
        assert_restore_law(loop.decide, loop.partials[:at], loop.partials[at:])


def test_what_another_reference_counted_is_not_pooled(small, reference):
    loop = watched(small)
    feed(loop, range(SMALL, SMALL + 1), missing(0.3), n=100)
    feed(loop, range(SMALL + 1, SMALL + 8), n=100, seed=2)
    loop.send("specs", [spec_record(revision=2, reference=reference)])
    feed(loop, range(SMALL + 8, SMALL + 13), n=500, seed=3)

    (incident,) = [each for each in loop.state.loops["m"].incidents.values() if each.kind == "data-fault"]
    assert incident.pool_lineage == next(iter(loop.state.current.values()))
    assert incident.pool.rows.sum() % 500 == 0
    assert incident.quiet > incident.pool.rows.sum() // 500
