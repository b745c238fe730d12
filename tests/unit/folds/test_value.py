"""What answers are worth: shown pane by pane, and judged against the reference."""

import math

import numpy as np
import pytest

from stream.folds.rows import PerformanceRow, VerdictRow
from tests.loop import DAY_MS, day_of_events, reference_of, watched

FIRST = 60
SPEC = {
    "value": {"tp": 1, "fp": -1, "fn": -3},
    "performance": {"metric": "cost_per_row", "tolerance": 0.1},
}


@pytest.fixture(scope="module")
def reference():
    rng = np.random.default_rng(0)
    days = [day_of_events(rng, day, 300, version="1") for day in range(FIRST)]
    return reference_of([e for events, _ in days for e in events], labels=[x for _, some in days for x in some])


def live(loop, days, rng, flip=0.0):
    for day in days:
        predictions, labels = day_of_events(rng, day, 300, version="1")
        for label in labels:
            if rng.random() < flip:
                label["label"] = 1 - label["label"]
        loop.send("predictions", predictions)
        loop.send("labels", labels)
        loop.tick(2)
        loop.run()


def test_value_and_cost_are_shown_with_what_is_tolerated(reference):
    loop = watched(reference, **SPEC)
    live(loop, range(FIRST, FIRST + 4), np.random.default_rng(1))
    rows = [row for row in loop.of(PerformanceRow) if row.pane_ms == FIRST * DAY_MS and row.labels == 300]
    found = {row.metric: row for row in rows if not row.segment_key}

    value, cost = found["value_per_row"], found["cost_per_row"]
    assert value.value == pytest.approx((cost.tp - cost.fp - 3 * cost.fn) / 300)
    assert cost.value == pytest.approx(1 - value.value)
    assert value.lo < value.value < value.hi
    assert cost.value < cost.tolerated < cost.value + 0.5
    assert math.isnan(value.tolerated)


def test_a_rise_of_what_rows_cost_pages(reference):
    loop = watched(reference, **SPEC)
    rng = np.random.default_rng(1)
    live(loop, range(FIRST, FIRST + 10), rng)
    assert {row.status for row in loop.of(VerdictRow) if row.kind == "performance"} == {"stable"}

    live(loop, range(FIRST + 10, FIRST + 30), rng, flip=0.4)

    page = next(alert for alert in loop.said("alerts") if alert["kind"] == "performance")
    assert page["harm"]["metric"] == "cost_per_row"
    assert page["harm"]["value"] > page["harm"]["tolerated"]
    assert [asked["metric"] for asked in loop.said("retrain")] == ["log_loss"]


def test_another_value_begins_no_new_lineage(reference):
    lineages = [set(watched(reference, **SPEC | more).state.lineages) for more in ({}, {"value": {"fn": -9}})]

    assert lineages[0] == lineages[1]


def test_what_the_reference_does_not_hold_is_said():
    loop = watched(None, **SPEC)
    live(loop, range(20, 24), np.random.default_rng(1))

    reasons = {row.reason for row in loop.of(VerdictRow) if row.kind == "performance"}
    assert all("cost_per_row" in reason for reason in reasons)
