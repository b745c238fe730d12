"""What the serving version makes of features: verdicts of what moves its answers, and the ranking of causes."""

import json

import numpy as np
import pytest

from stream.folds.decide.attribution import ranked_plan
from stream.folds.decide.state import Loop
from stream.folds.monitor import monitor_of
from stream.folds.rows import IncidentRow, VerdictRow
from tests.loop import day_of_events, reference_of, spec_record, version_record, watched

FIRST = 70
LINE = {"knots": [-4.0, 4.0], "values": [-4.0, 4.0]}


@pytest.fixture(scope="module")
def reference():
    rng = np.random.default_rng(0)
    return reference_of([e for day in range(FIRST) for e in day_of_events(rng, day, 400)[0]])


def serving(reference, **manifest):
    """A loop whose first version says what it makes of values."""
    loop = watched(reference)
    loop.send("commands", [{"id": "first", "command": "retrain", "model": "m", "who": "test"}])
    loop.tick(2)
    loop.run()
    record = version_record("1", loop.said("retrain")[0]["id"])
    record["manifest"] |= manifest
    loop.send("models", [record], key="m/version/1")
    loop.tick(2)
    loop.run()
    return loop


def live(loop, days, shift):
    rng = np.random.default_rng(1)
    for day in days:
        loop.send("predictions", day_of_events(rng, day, 400, version="1", shift=shift)[0])
        loop.tick(2)
        loop.run()
    return [row for row in loop.of(VerdictRow) if row.kind == "attribution"]


def test_a_change_that_moves_the_answers_says_by_how_much_and_raises_no_incident_of_its_own(reference):
    loop = serving(reference, attribution={"x": LINE})
    verdicts = live(loop, range(FIRST, FIRST + 6), shift=0.6)

    assert {row.target for row in verdicts} == {"x"}
    found = verdicts[0]
    assert found.status in {"warning", "drift"}
    assert found.effect == pytest.approx(0.6, abs=0.15)
    assert found.lo < 0.6 < found.hi
    assert found.floor == pytest.approx(0.1, abs=0.02)
    assert found.reason.startswith(f"x: it moves the answers by +{found.effect:.3g} log odds against the reference")
    assert {feature for row in loop.of(IncidentRow) for feature in row.features} <= {"x", "__outliers__"}


def test_stationary_answers_are_stable(reference):
    verdicts = live(serving(reference, attribution={"x": LINE}), range(FIRST, FIRST + 8), shift=0.0)

    assert {row.status for row in verdicts} == {"stable"}


def test_a_version_that_says_nothing_of_its_features_has_no_verdicts_on_them(reference):
    assert live(serving(reference), range(FIRST, FIRST + 3), shift=0.6) == []


def test_causes_are_ranked_by_what_the_serving_version_goes_by(reference):
    loop = serving(reference, attribution={"x": LINE, "c": {"levels": {"a": 0.1, "b": -0.1}}})
    monitor = monitor_of(json.dumps(spec_record(reference=reference)).encode(), "ledger")

    plan = ranked_plan(loop.state.loops["m"], monitor)

    assert plan.importance[0] > 5 * plan.importance[1] > 0
    assert ranked_plan(Loop(), monitor).importance.tolist() == [1.0, 1.0]
