"""The chaos benchmark finds what it looks for: each kind of fault, put into an otherwise right outcome, is counted."""

from dataclasses import replace

import pytest

from benchmarks.chaos.compare import differing_alerts, differing_panes, lost_and_doubled
from benchmarks.chaos.outcome import Outcome
from benchmarks.chaos.truth import Due, Truth
from benchmarks.chaos.watched import SPECS

GOOD = ("churn", "prediction", "good")
PANE = ("pane", "churn-watch", 1, "1", "", "", 0)
FEATURE = ("feature", "churn-watch", 1, "1", "", "", 0, "tenure")
DRIFT = ("churn", "churn-watch", "drift", "info", ("tenure",), 10, 20, 0)
LOSS = ("churn", "churn-watch", "performance", "page", (), 10, 20, 0)
LATE = ("tardy", "tardy-watch", "drift", "info", ("x",), 10, 20, 0)


def truth():
    places = {("predictions", 0, i << 16) for i in range(4)}
    return Truth(
        due={GOOD: Due(4, 3, 1, 0, 0)}, predictions=places, labels={("labels", 0, 0)}, letters={("labels", 0, 65_536)}
    )


def right():
    return Outcome(
        panes={PANE: (3, 0, 1), FEATURE: (3, 0, 0, (1, 2), (), 1.5, 2.25, 0.5, 0.75)},
        incidents=[DRIFT, LOSS, LATE],
        fates={GOOD: Due(4, 3, 1, 0, 0)},
        predictions=[("predictions", 0, i << 16) for i in range(4)],
        labels=[("labels", 0, 0)],
        letters=[("labels", 0, 65_536)],
        rows={spec.monitor: 0 for spec in SPECS},
    )


def counts(found, of=None):
    return tuple(each.count for each in lost_and_doubled(of or truth(), found))


def test_what_is_right_has_no_findings():
    assert counts(right()) == (0, 0)
    assert differing_panes(right(), right()).count == differing_alerts(right(), right()).count == 0


@pytest.mark.parametrize(
    ("change", "lost", "doubled"),
    [
        ({"predictions": right().predictions[1:]}, 1, 0),
        ({"predictions": right().predictions * 2}, 0, 4),
        ({"labels": [("labels", 0, 0), ("labels", 1, 0)]}, 0, 1),
        ({"letters": []}, 1, 0),
        ({"fates": {GOOD: Due(4, 4, 0, 0, 0)}}, 1, 1),
        ({"fates": {GOOD: Due(3, 2, 1, 0, 0)}}, 2, 0),
        ({"fates": {**right().fates, ("", "gap", ""): Due(5, 0, 0, 0, 0)}}, 0, 5),
        ({"rows": {**right().rows, "churn-slow": 2}}, 0, 2),
    ],
)
def test_each_event_that_is_missing_or_there_twice_is_counted(change, lost, doubled):
    assert counts(replace(right(), **change)) == (lost, doubled)


@pytest.mark.parametrize(("got", "lost", "doubled"), [((5, 2, 3), 0, 0), ((5, 4, 1), 0, 0), ((5, 4, 0), 1, 0)])
def test_of_revisions_it_is_not_said_how_many_come_too_late_to_count(got, lost, doubled):
    revised = ("price", "label", "revised")
    due = truth()
    due.due[revised], due.unsaid = Due(5, 2, 3, 0, 0), {revised}

    assert counts(replace(right(), fates={**right().fates, revised: Due(*got, 0, 0)}), due) == (lost, doubled)


def test_an_acknowledged_record_that_is_not_in_its_topic_is_lost():
    told = replace(truth(), absent={("predictions", 0, 9)})
    lost, doubled = lost_and_doubled(told, right())
    assert (lost.count, doubled.count) == (1, 0)
    assert lost.sentences == ["acknowledged, but not in the topic: ('predictions', 0, 9)"]


@pytest.mark.parametrize(
    "panes",
    [
        {PANE: (3, 0, 2)},
        {FEATURE: (3, 0, 0, (2, 1), (), 1.5, 2.25, 0.5, 0.75)},
        {FEATURE: (3, 0, 0, (1, 2), (), 1.5 + 1e-6, 2.25, 0.5, 0.75)},
        {("pane", "churn-watch", 1, "1", "", "", 2_000): (1, 0, 0)},
    ],
)
def test_a_pane_that_differs_is_found(panes):
    found = differing_panes(right(), replace(right(), panes=right().panes | panes))
    assert found.count == len(found.sentences) == 1


def test_a_pane_that_is_missing_is_found_and_a_last_digit_is_none():
    missing = replace(right(), panes={PANE: right().panes[PANE]})
    assert differing_panes(right(), missing).count == 1
    near = right().panes | {FEATURE: (3, 0, 0, (1, 2), (), 1.5 + 1e-13, 2.25, 0.5, 0.75)}
    assert differing_panes(right(), replace(right(), panes=near)).count == 0


@pytest.mark.parametrize(
    ("incidents", "count"),
    [
        ([LOSS], 1),
        ([DRIFT, LOSS, LOSS], 1),
        ([(*DRIFT[:6], 21, 0), LOSS], 2),  # it opened in another pane
        ([DRIFT, (*LOSS[:6], 26, 0)], 0),  # labels were read later
        ([DRIFT, (*LOSS[:6], 26, 40)], 2),  # it is over
        ([DRIFT, LOSS, ("price", "price-watch", "pipeline", "page", (), 1, 2, 0)], 0),
        ([DRIFT, LOSS, LATE, LATE], 0),
    ],
)
def test_incidents_that_differ_are_found_where_no_rows_are_late(incidents, count):
    assert differing_alerts(right(), replace(right(), incidents=incidents)).count == count
