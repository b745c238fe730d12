"""What is decided about rows that are unlike all of the reference's: rows of panes, verdicts, incidents."""

import numpy as np
import pytest

from detectors.reference import fit_reference
from stream.folds.rows import IncidentRow, PaneRow, VerdictRow
from tests.loop import DAY_MS, watched

NAMES = [f"f{i}" for i in range(6)]
FEATURES = {name: {"type": "number"} for name in NAMES}
FIRST, ROWS = 70, 500


def rows_of(g, n, broken=0.0, shift=0.0):
    """Features of which each is normal, and all have the same cause; in a share of the rows they have not."""
    columns = np.sqrt(0.9) * g.standard_normal((n, 1)) + np.sqrt(0.1) * g.standard_normal((n, len(NAMES)))
    apart = g.random(n) < broken
    columns[apart] = g.standard_normal((int(apart.sum()), len(NAMES)))
    columns[:, 0] += shift
    return columns


@pytest.fixture(scope="module")
def reference():
    columns = rows_of(np.random.default_rng(0), FIRST * ROWS)
    days = np.repeat(np.arange(FIRST), ROWS) * DAY_MS
    values = dict(zip(NAMES, columns.T, strict=True))
    return fit_reference(values, dict.fromkeys(NAMES, "number"), days, pane_ms=DAY_MS)


def monitored(reference):
    return watched(reference, features=FEATURES, segments=[], performance=None, retrain=None)


def live(loop, days, seed=1, **change):
    """Days of predictions."""
    g = np.random.default_rng(seed)
    for day in days:
        columns = rows_of(g, ROWS, **change)
        rows = [dict(zip(NAMES, row, strict=True)) for row in columns.tolist()]
        times = np.sort(g.integers(day * DAY_MS, (day + 1) * DAY_MS, ROWS)).tolist()
        events = [
            {"prediction_id": f"{day}/{i}", "model": "m", "event_time": at, "features": values}
            for i, (at, values) in enumerate(zip(times, rows, strict=True))
        ]
        loop.send("predictions", events)
        loop.tick(2)
        loop.run()


def verdicts(loop):
    return [row for row in loop.of(VerdictRow) if row.target == "__outliers__"]


def test_stationary_days_have_few_outliers_and_no_incident(reference):
    loop = monitored(reference)
    live(loop, range(FIRST, FIRST + 30))

    told = [row.outliers for row in loop.of(PaneRow) if row.n]
    assert 0 < sum(told) < 0.003 * ROWS * len(told)
    assert {row.status for row in verdicts(loop)} == {"stable"}
    assert loop.of(IncidentRow) == []


def test_a_change_that_no_single_feature_shows_is_a_warning_and_no_page(reference):
    loop = monitored(reference)
    live(loop, range(FIRST, FIRST + 20), broken=0.04)

    [found, *_] = [row for row in verdicts(loop) if row.status != "stable"]
    alarming = {row.target for row in loop.of(VerdictRow) if row.status in {"warning", "drift"}}
    assert alarming <= {"__outliers__", "__pairs__"}
    assert found.effect > found.floor > 0.005
    assert found.lo < found.effect < found.hi
    assert "of rows are unlike any of the reference (0.1% expected)" in found.reason
    assert {row.level for row in loop.of(IncidentRow)} <= {"info", "warn"}
    assert (
        loop.said("alerts")[0]["title"] == "m: more rows than usual are unlike any of the reference since 12 Mar 1970"
    )


def test_one_fault_that_features_and_outliers_show_is_one_incident_with_the_feature_first(reference):
    loop = monitored(reference)
    live(loop, range(FIRST, FIRST + 12), shift=1.0)

    assert len({alert["incident"] for alert in loop.said("alerts")}) == 1
    assert loop.said("alerts")[-1]["features"][0] == "f0"
    assert loop.said("alerts")[-1]["features"][-1] == "__outliers__"
    assert "the input f0 drifted" in loop.said("alerts")[-1]["title"]


def test_an_incident_of_outliers_alone_closes_after_quiet_windows(reference):
    loop = monitored(reference)
    live(loop, [FIRST, FIRST + 1], broken=0.04)
    live(loop, range(FIRST + 2, FIRST + 38), seed=2)

    states = [alert["state"] for alert in loop.said("alerts") if alert["features"] == ["__outliers__"]]
    assert states[0] == "open"
    assert states[-1] == "resolved"


def test_without_a_reference_outliers_are_not_told(reference):
    loop = watched(None, features=FEATURES, segments=[], performance=None, retrain=None)
    live(loop, [FIRST, FIRST + 1])

    assert {row.outliers for row in loop.of(PaneRow)} == {-1}
    assert verdicts(loop) == []
