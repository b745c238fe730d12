"""Rows and labels become a ledger in which panes are final as they would be live."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from stream.backtest import course
from stream.backtest.findings import Findings
from stream.folds.partials import decode_message
from stream.folds.rows import PaneRow, decode_rows
from tests.backtests import HOUR_MS, columns_of, fitted, messages, partials_of, spec_of, sums_of, written

BEGIN = 1_000_000 * HOUR_MS


def timed(minutes, **changes):
    n = len(minutes)
    columns = columns_of(n, seed=1)
    return columns | {"event_time": BEGIN + np.array(minutes, np.int64) * 60_000} | changes


@pytest.fixture
def reference(tmp_path):
    return fitted(written(tmp_path / "reference.parquet", columns_of(3_000)), spec_of())


def told(folder, columns, reference, spec=None, **more):
    return messages(written(folder / "rows.parquet", columns), spec or spec_of(), reference, **more)


def pane_rows(said):
    outputs = [output for some, _ in course.decided(said) for output in some if output.topic == "panes"]
    return [row for output in outputs for row in decode_rows(output.value) if isinstance(row, PaneRow)]


def findings_of(said):
    found = Findings()
    for outputs, rows in course.decided(said):
        found.add(outputs, rows)
    return found


def test_all_panes_are_final_in_the_end_and_hold_all_rows(tmp_path, reference):
    found = findings_of(told(tmp_path, timed([0, 30, 61, 200, 201]), reference))
    assert list(found.panes.values()) == [2, 1, 0, 2]
    assert found.counts["prediction"].used == found.counts["label"].used == 5


def test_a_pane_is_final_with_the_first_row_that_is_later_by_the_lateness(tmp_path, reference):
    said = told(tmp_path, timed([0, 30, 61, 69, 70, 71, 140]), reference, is_fine=True)
    sealed = [(p.pane_ms - BEGIN, rows) for value, rows in said for p in decode_message(value).sealed]
    assert sealed == [(0, 5), (HOUR_MS, 7), (2 * HOUR_MS, 7)]


def test_a_row_that_is_late_is_late_and_told(tmp_path, reference):
    found = findings_of(told(tmp_path, timed([0, 30, 75, 5, 140]), reference))
    assert found.counts["prediction"].late_used == 1
    assert list(found.panes.values()) == [2, 1, 1]


def test_a_row_before_the_label_horizon_is_too_late_and_told_with_its_number(tmp_path, reference):
    spec = spec_of(labels={"horizon": "1h"})
    found = findings_of(told(tmp_path, timed([0, 600, 700, 30, 800]), reference, spec))
    reason = found.reasons["prediction", "invalid", "too-late"]
    assert (reason.count, reason.first) == (1, 3)


def test_a_score_that_is_no_probability_is_told_with_its_row(tmp_path, reference):
    columns = timed([0, 1, 2])
    columns["score"][1] = 1.5
    reasons = findings_of(told(tmp_path, columns, reference)).reasons
    assert [
        (*key[:2], each.said, each.count, each.first) for key, each in reasons.items() if key[0] == "prediction"
    ] == [("prediction", "invalid", "no probability: score 1.5", 1, 1)]


def test_a_label_at_once_is_known_with_its_own_pane(tmp_path, reference):
    rows = [row for row in pane_rows(told(tmp_path, timed([0, 30, 61, 200]), reference)) if row.labels]
    assert all(row.pane_ms == row.arrival_ms for row in rows)
    assert sum(row.labels for row in rows) == 4


@pytest.mark.parametrize("is_file", [False, True])
def test_a_label_that_comes_later_is_known_when_its_time_has_come(tmp_path, reference, is_file):
    minutes = list(range(0, 600, 10))
    columns = timed(minutes)
    came = columns["event_time"] + 150 * 60_000
    labels = None
    if is_file:
        ids, truths = np.arange(len(minutes)), columns.pop("label")
        order = np.random.default_rng(0).permutation(len(minutes))
        table = {"prediction_id": ids[order], "label": truths[order], "label_time": came[order]}
        labels = written(tmp_path / "labels.parquet", table)
    else:
        columns["label_time"] = pa.array(came, pa.timestamp("ms", "UTC"))
    said = told(tmp_path, columns, reference, labels=labels)
    behind = Counter()
    for row in pane_rows(said):
        behind[(row.arrival_ms - row.pane_ms) // HOUR_MS] += row.labels
    # Pane and label end within the same or the next pane; those after the last row come with the last panes.
    assert sum(behind.values()) == len(minutes)
    assert behind[2] + behind[3] >= 40
    assert behind[0] == 6  # of the last pane: its labels came after the last row


def test_labels_in_a_file_are_those_in_the_rows(tmp_path, reference):
    columns = timed(np.sort(np.random.default_rng(0).integers(0, 3_000, 500)).tolist())
    columns["label_time"] = columns["event_time"] + np.random.default_rng(1).integers(0, 300, 500) * 60_000
    inside = sums_of(partials_of([value for value, _ in told(tmp_path, columns, reference)]))
    table = {"prediction_id": np.arange(500), "label": columns.pop("label"), "label_time": columns.pop("label_time")}
    labels = written(tmp_path / "labels.parquet", table)
    assert sums_of(partials_of([v for v, _ in told(tmp_path, columns, reference, labels=labels)])) == inside


def test_a_label_without_a_prediction_is_counted_as_waiting(tmp_path, reference):
    columns = timed([0, 1])
    del columns["label"]
    labels = written(tmp_path / "labels.parquet", {"prediction_id": [0, 99], "label": [1, 1]})
    counts = findings_of(told(tmp_path, columns, reference, labels=labels)).counts["label"]
    assert (counts.received, counts.used, counts.pending) == (2, 1, 1)


def test_a_revised_label_takes_the_place_of_the_first(tmp_path, reference):
    columns = timed([0, 1])
    truth = columns.pop("label")
    table = {"prediction_id": [0, 1, 0], "label": [1 - truth[0], truth[1], truth[0]], "revision": [0, 0, 1]}
    labels = written(tmp_path / "labels.parquet", table)
    found = sums_of(partials_of([v for v, _ in told(tmp_path, columns, reference, labels=labels)]))
    expected = sums_of(partials_of([v for v, _ in told(tmp_path, columns | {"label": truth}, reference)]))
    (revised,), (plain,) = found.values(), expected.values()
    assert revised[:2] == plain[:2]
    assert np.allclose(revised[3], plain[3])


def test_a_prediction_id_that_comes_again_is_a_duplicate(tmp_path, reference):
    columns = timed([0, 1, 2], prediction_id=["a", "b", "a"])
    counts = findings_of(told(tmp_path, columns, reference)).counts
    assert (counts["prediction"].duplicate, counts["label"].duplicate) == (1, 1)


def test_events_before_1970_are_judged_like_others(tmp_path, reference):
    columns = timed([0, 30, 61, 200, 201])
    columns["event_time"] -= BEGIN + 5_000 * HOUR_MS
    assert list(findings_of(told(tmp_path, columns, reference)).panes.values()) == [2, 1, 0, 2]


@pytest.mark.parametrize(("task", "truth"), [("multiclass", ["x", "y", "x"]), ("regression", [1.5, 2.5, 3.5])])
def test_other_tasks_have_labels_of_their_own(tmp_path, reference, task, truth):
    metric = {"metric": "accuracy" if task == "multiclass" else "mae", "tolerance": 0.1}
    columns = timed([0, 1, 2], prediction=truth, label=truth)
    found = findings_of(told(tmp_path, columns, reference, spec_of(task=task, performance=metric)))
    assert found.counts["label"].used == 3
    assert not found.reasons
