"""What is decided about features within groups of segments."""

import numpy as np
import pytest

from detectors.reference import fit_reference
from stream.folds.rows import VerdictRow
from tests.loop import DAY_MS, spec_record, watched

LEVELS, SHARES = ("a", "b", "c", "d"), (0.4, 0.3, 0.2, 0.1)
FEATURES = {"x": {"type": "number"}, "y": {"type": "number"}, "c": {"type": "category"}}
FIRST, ROWS = 70, 600


def rows_of(g, n, shift=0.0, where=LEVELS, without=""):
    """Two numbers and a group; `x` is moved in some groups."""
    group = g.choice(LEVELS, n, p=SHARES)
    group = np.where(group == without, LEVELS[0], group)
    x = g.standard_normal(n) + np.isin(group, where) * shift
    return {"x": x.tolist(), "y": g.standard_normal(n).tolist(), "c": group.tolist()}


@pytest.fixture(scope="module")
def reference():
    kinds = {name: each["type"] for name, each in FEATURES.items()}
    days = np.repeat(np.arange(FIRST), ROWS) * DAY_MS
    return fit_reference(
        rows_of(np.random.default_rng(0), FIRST * ROWS), kinds, days, pane_ms=DAY_MS, segments=["c"], outliers="none"
    )


def monitored(reference):
    return watched(reference, features=FEATURES, segments=["c"], performance=None, retrain=None)


def live(loop, days, seed=1, **change):
    """Days of predictions."""
    g = np.random.default_rng(seed)
    for day in days:
        columns = rows_of(g, ROWS, **change)
        times = np.sort(g.integers(day * DAY_MS, (day + 1) * DAY_MS, ROWS)).tolist()
        events = [
            {
                "prediction_id": f"{day}/{i}",
                "model": "m",
                "event_time": at,
                "features": {name: values[i] for name, values in columns.items()},
            }
            for i, at in enumerate(times)
        ]
        loop.send("predictions", events)
        loop.tick(2)
        loop.run()


def within(loop):
    return [row for row in loop.of(VerdictRow) if row.segment_key]


def states_of(loop, level):
    """States that were told of the incidents of one group."""
    return [alert["state"] for alert in loop.said("alerts") if alert["where"].get("segment") == {"c": [level]}]


def test_stationary_days_raise_nothing_and_tell_nothing_of_groups(reference):
    loop = monitored(reference)
    live(loop, range(FIRST, FIRST + 30))
    assert (within(loop), loop.said("alerts")) == ([], [])


def test_a_change_within_one_group_is_an_incident_that_names_it(reference):
    loop = monitored(reference)
    live(loop, range(FIRST, FIRST + 30), shift=0.6, where=["c"])

    opened, *_, newest = loop.said("alerts")
    assert (opened["state"], newest["kind"], newest["features"]) == ("open", "drift", ["x"])
    assert newest["where"]["segment"] == {"c": ["c"]}
    assert newest["title"] == "m: the input x drifted where c is c since 12 Mar 1970"
    assert {(row.segment_key, row.segment_value, row.target) for row in within(loop)} == {("c", "c", "x")}
    assert len({alert["incident"] for alert in loop.said("alerts")}) == 1


def test_a_change_of_all_rows_is_one_incident_and_names_no_group(reference):
    loop = monitored(reference)
    live(loop, range(FIRST, FIRST + 30), shift=0.6)

    assert len({alert["incident"] for alert in loop.said("alerts")}) == 1
    assert within(loop)
    assert loop.said("alerts")[-1]["title"] == "m: the input x drifted since 12 Mar 1970"
    assert not any("segment" in alert["where"] for alert in loop.said("alerts"))


def test_two_groups_that_change_alike_are_one_incident(reference):
    loop = monitored(reference)
    live(loop, range(FIRST, FIRST + 40), shift=0.5, where=["c", "d"])

    assert len({alert["incident"] for alert in loop.said("alerts")}) == 1
    assert loop.said("alerts")[-1]["where"]["segment"] == {"c": ["c", "d"]}


def test_the_incident_closes_once_the_group_has_been_quiet_and_its_evidence_began_anew(reference):
    loop = monitored(reference)
    live(loop, range(FIRST, FIRST + 12), shift=0.6, where=["c"])
    live(loop, range(FIRST + 12, FIRST + 90), seed=2)
    assert [alert["state"] for alert in loop.said("alerts")].count("resolved") == 1
    assert loop.said("alerts")[-1]["state"] == "resolved"


def test_groups_have_half_of_the_budget_together(reference):
    loop = monitored(reference)
    live(loop, range(FIRST, FIRST + 30), shift=0.6, where=["c"])
    [whole, *_] = [row for row in loop.of(VerdictRow) if row.target == "x" and not row.segment_key]
    [group, *_] = within(loop)
    tests = len(["x", "y", "c", "pairs"])
    assert whole.threshold == pytest.approx(np.log(1_000 * 2 * tests))
    assert group.threshold == pytest.approx(np.log(1_000 * 2 * len(reference.watched) * 3))


def test_a_resolved_alert_still_says_where_it_was(reference):
    loop = monitored(reference)
    live(loop, range(FIRST, FIRST + 12), shift=0.6, where=["c"])
    live(loop, range(FIRST + 12, FIRST + 90), seed=2)
    resolved = [alert for alert in loop.said("alerts") if alert["state"] == "resolved"]
    assert [alert["where"]["segment"] for alert in resolved] == [{"c": ["c"]}]


def test_a_group_that_gets_no_more_rows_does_not_keep_its_incident_open(reference):
    loop = monitored(reference)
    live(loop, range(FIRST, FIRST + 12), shift=0.6, where=["c"])
    assert loop.said("alerts")[-1]["state"] != "resolved"
    moved = reference.watched[2]
    assert (moved.segment, moved.level) == ("c", "c")
    live(loop, range(FIRST + 12, FIRST + 40), seed=2, without="c")
    assert states_of(loop, "c")[-1] == "resolved"


def test_panes_without_rows_of_a_group_are_not_quiet_ones(reference):
    loop = monitored(reference)
    live(loop, range(FIRST, FIRST + 12), shift=0.6, where=["c"])
    for day in range(FIRST + 12, FIRST + 52):
        live(loop, [day], seed=day, without="" if day % 2 else "c")
    assert "resolved" not in states_of(loop, "c")


def test_an_incident_that_all_rows_opened_and_a_group_carries_is_closed_by_the_group(reference):
    loop = monitored(reference)
    live(loop, range(FIRST, FIRST + 12), shift=0.6, where=["c"])
    assert [alert["title"] for alert in loop.said("alerts")] == [
        "m: the input x no longer moves with the others since 12 Mar 1970",
        "m: the input x drifted where c is c since 12 Mar 1970",
    ]
    live(loop, range(FIRST + 12, FIRST + 12 + 48), seed=2)
    assert "resolved" not in states_of(loop, "c")
    live(loop, range(FIRST + 60, FIRST + 90), seed=3)
    assert states_of(loop, "c")[-1] == "resolved"


def test_a_segment_that_moves_with_others_otherwise_is_one_incident_with_the_group_that_changed():
    features = {"c": FEATURES["c"], "x": FEATURES["x"], "y": FEATURES["y"]}
    kinds = {name: each["type"] for name, each in features.items()}
    days = np.repeat(np.arange(FIRST), ROWS) * DAY_MS
    rows = rows_of(np.random.default_rng(0), FIRST * ROWS)
    reference = fit_reference(rows, kinds, days, pane_ms=DAY_MS, segments=["c"], outliers="none")
    loop = watched(reference, features=features, segments=["c"], performance=None, retrain=None)
    live(loop, range(FIRST, FIRST + 30), shift=0.6, where=["c"])

    opened, *_, newest = loop.said("alerts")
    assert opened["features"] == ["c"]
    assert (newest["features"], newest["where"]["segment"]) == (["x", "c"], {"c": ["c"]})
    assert len({alert["incident"] for alert in loop.said("alerts")}) == 1


def test_an_absent_group_closes_its_incident_after_16_windows_and_says_so(reference):
    loop = monitored(reference)
    live(loop, range(FIRST, FIRST + 12), shift=0.6, where=["c"])
    live(loop, range(FIRST + 12, FIRST + 27), seed=2, without="c")
    assert "resolved" not in states_of(loop, "c")
    live(loop, range(FIRST + 27, FIRST + 30), seed=2, without="c")
    resolved = [alert["what"] for alert in loop.said("alerts") if alert["state"] == "resolved"]
    assert resolved == ["over: no rows of it in 16 panes"]


def test_an_incident_of_a_group_that_a_new_reference_does_not_watch_goes_on_with_all_rows(reference):
    loop = monitored(reference)
    live(loop, range(FIRST, FIRST + 12), shift=0.6, where=["c"])
    alone = fit_reference(
        rows_of(np.random.default_rng(0), FIRST * ROWS),
        {name: each["type"] for name, each in FEATURES.items()},
        np.repeat(np.arange(FIRST), ROWS) * DAY_MS,
        pane_ms=DAY_MS,
        outliers="none",
    )
    changes = {"features": FEATURES, "segments": [], "performance": None, "retrain": None}
    loop.send("specs", [spec_record(revision=2, reference=alone, **changes)])
    live(loop, range(FIRST + 12, FIRST + 60), seed=2)
    assert [alert["state"] for alert in loop.said("alerts")].count("resolved") == 1
