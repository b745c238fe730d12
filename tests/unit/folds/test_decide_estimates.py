"""Performance before labels: what decide tells of estimates, when they page, and what becomes of their record."""

import numpy as np
import pytest

from stream.folds.rows import EstimateRow, VerdictRow
from tests.loop import DAY_MS, day_of_events, reference_of, watched

DAYS = 90


def rows_of(rng, days, n=500, **more):
    return [day_of_events(rng, day, n, version="1", **more) for day in days]


@pytest.fixture(scope="module")
def reference():
    days = rows_of(np.random.default_rng(0), range(DAYS))
    return reference_of([e for events, _ in days for e in events], labels=[x for _, some in days for x in some])


def feed(loop, days, with_labels=True):
    for events, labels in days:
        loop.send("predictions", events)
        if with_labels:
            loop.send("labels", labels)
        loop.tick(2)
        loop.run()


def test_estimates_come_with_the_pane_and_are_settled_by_labels(reference):
    loop = watched(reference)
    feed(loop, rows_of(np.random.default_rng(1), range(DAYS, DAYS + 30)))

    settled = [row for row in loop.of(EstimateRow) if row.settled]
    assert len(settled) >= 25
    assert {row.metric for row in settled} == {"log_loss"}
    assert np.mean([row.inside for row in settled]) > 0.8
    assert all(row.lo < row.estimate < row.hi for row in settled)
    assert settled[-1].weight == 1
    assert not [v for v in loop.of(VerdictRow) if v.kind == "estimate" and v.status == "drift"]


def test_estimated_loss_beyond_the_tolerance_pages_only_while_inputs_drift(reference):
    loop = watched(reference, performance={"metric": "log_loss", "tolerance": 0.001})
    rng = np.random.default_rng(2)
    feed(loop, rows_of(rng, range(DAYS, DAYS + 5)), with_labels=False)
    feed(loop, rows_of(rng, range(DAYS + 5, DAYS + 30), spread=0.3), with_labels=False)

    pages = [alert for alert in loop.said("alerts") if alert["kind"] == "estimate"]
    assert [(page["level"], page["state"]) for page in pages] == [("page", "open")]
    assert "x" in pages[0]["features"]
    assert "probably lost performance" in pages[0]["title"]
    assert min(v.pane_ms for v in loop.of(VerdictRow) if v.kind == "estimate") >= DAYS * DAY_MS


def test_an_estimate_that_lies_loses_its_weight(reference):
    loop = watched(reference)
    days = rows_of(np.random.default_rng(3), range(DAYS, DAYS + 40))
    for _, labels in days:
        for label in labels:
            label["label"] = 1 - label["label"]
    feed(loop, days)

    assert loop.of(EstimateRow)[-1].weight == 0
