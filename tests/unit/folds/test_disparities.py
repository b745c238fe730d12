"""Protected segments: their groups against the rest, pane by pane."""

import numpy as np
import pytest

from stream.folds.rows import DisparityRow
from tests.loop import DAY_MS, day_of_events, reference_of, watched

FIRST = 20


@pytest.fixture(scope="module")
def reference():
    rng = np.random.default_rng(0)
    return reference_of([e for day in range(FIRST) for e in day_of_events(rng, day, version="1")[0]])


def live(loop, days):
    rng = np.random.default_rng(1)
    for day in days:
        predictions, labels = day_of_events(rng, day, 300, version="1")
        loop.send("predictions", predictions)
        loop.send("labels", labels)
        loop.tick(2)
        loop.run()
    return predictions, labels


def test_each_group_is_compared_with_all_others(reference):
    loop = watched(reference, protected=["c"])
    live(loop, range(FIRST, FIRST + 4))
    rows = [row for row in loop.of(DisparityRow) if row.pane_ms == FIRST * DAY_MS]
    newest = {(row.segment_value, row.metric): row for row in rows}

    assert {group for group, _ in newest} == {"a", "b", "c"}
    assert {metric for _, metric in newest} == {
        "selection_rate",
        "true_positive_rate",
        "false_positive_rate",
        "accuracy",
    }
    selected = [newest[group, "selection_rate"] for group in "abc"]
    assert sum(row.n for row in selected) == 300
    assert all(row.n + row.rest_n == 300 and row.lo <= row.difference <= row.hi for row in selected)
    assert all(row.is_mature for row in selected)
    first = min(row.arrival_ms for row in rows if row.metric == "accuracy")
    assert not any(row.is_mature for row in rows if row.metric == "accuracy" and row.arrival_ms == first)


def test_nothing_is_compared_unless_it_is_protected(reference):
    loop = watched(reference)
    live(loop, range(FIRST, FIRST + 3))

    assert loop.of(DisparityRow) == []


def test_protection_is_no_part_of_what_is_measured(reference):
    plain, protected = (watched(reference, protected=names).state.lineages for names in ([], ["c"]))

    assert set(plain) == set(protected)
