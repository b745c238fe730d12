"""The rows of a reference are those that the spec or a file says, each once, and no others."""

import numpy as np
import pytest

from detectors.reference import Answers, encode, fit_reference
from stream.backtest.errors import BacktestError
from stream.backtest.reference import span_of
from stream.backtest.timeline import NEVER, timeline_of
from tests.backtests import HOUR_MS, columns_of, fitted, run, spec_of, written

DAY = 946_684_800_000
TIMELINE = timeline_of([DAY + np.arange(0, 100 * HOUR_MS, HOUR_MS // 2)], HOUR_MS, 0)


def span(tmp_path, reference, given=None):
    return span_of(spec_of(reference=reference), tmp_path, given, TIMELINE)


def test_the_first_panes_are_the_reference_and_the_rest_is_judged(tmp_path):
    found = span(tmp_path, {"first": "60 panes"})
    assert (found.from_ms, found.to_ms, found.judged_from_ms) == (DAY, DAY + 60 * HOUR_MS, DAY + 60 * HOUR_MS)


def test_a_range_is_the_reference_and_what_follows_is_judged(tmp_path):
    found = span(tmp_path, {"from": "2000-01-02", "to": "2000-01-03"})
    assert (found.from_ms - DAY, found.judged_from_ms - DAY) == (24 * HOUR_MS, 48 * HOUR_MS)


def test_a_file_that_is_given_counts_more_than_the_spec(tmp_path):
    found = span(tmp_path, {"first": "60 panes"}, tmp_path / "x.parquet")
    assert (found.file, found.judged_from_ms) == (tmp_path / "x.parquet", NEVER)
    assert span(tmp_path, {"file": "y.parquet"}).file == tmp_path / "y.parquet"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (None, "nothing says what is normal: give --reference FILE"),
        ({"first": "100 panes"}, "reference.first: 100 panes, but the rows have 100: none is left to judge"),
        ({"from": "2020-01-01", "to": "2020-02-01"}, "no row between 2020-01-01T00:00:00Z and"),
        ({"from": "2000-01-01", "to": "2000-02-01"}, "reference.to: 2000-02-01T00:00:00Z leaves no row to judge"),
        ({"model_version": "3"}, "reference.model_version: '3' is in a registry, not in a file: give --reference"),
    ],
)
def test_a_reference_that_cannot_be_had_is_told_with_the_mend(tmp_path, reference, said):
    with pytest.raises(BacktestError) as error:
        span(tmp_path, reference)
    assert said in str(error.value)


def test_the_reference_is_that_of_the_same_values(tmp_path):
    columns = columns_of(4_000) | {"c": np.arange(4_000) % 7 * 1.0}
    columns["x"][::50] = np.nan
    found = fitted(written(tmp_path / "r", columns), spec_of(segments=["c"])).reference
    expected = fit_reference(
        {"x": columns["x"], "y": columns["y"], "c": [f"{value:g}" for value in columns["c"]]},
        {"x": "number", "y": "number", "c": "category"},
        DAY + np.arange(4_000) // 3_600 * HOUR_MS,
        pane_ms=HOUR_MS,
        segments=["c"],
        label_ages_ms=np.zeros(4_000, np.int64),
        answers=Answers("binary", columns["score"], columns["label"]),
    )
    assert encode(found) == encode(expected)


def test_ages_of_labels_are_known_and_predictions_count_once(tmp_path):
    n = 200
    columns = columns_of(n) | {"prediction_id": np.arange(n) // 2, "event_time": DAY + np.arange(n) * 60_000}
    columns["label_time"] = columns["event_time"] + 5_000
    found = fitted(written(tmp_path / "r", columns), spec_of())
    assert (found.reference.rows, found.duplicates) == (100, 100)
    assert (found.reference.label_age_p95_ms, found.reference.label_share) == (5_000, 1.0)


def test_rows_before_the_range_are_not_used_and_told(tmp_path):
    n = 100 * 60
    columns = columns_of(n) | {"event_time": DAY + np.arange(n) * 60_000}
    spec = spec_of(reference={"from": "2000-01-02", "to": "2000-01-04"})
    report = run(tmp_path, columns, spec).report
    assert (report.reference.rows, report.reference.panes, report.judged_rows) == (48 * 60, 48, n - 72 * 60)
    assert "1,440 rows before the reference not used" in report.notes


def test_rows_of_the_reference_that_come_late_are_still_its_own(tmp_path):
    n = 100 * 60
    times = DAY + np.arange(n) * 60_000
    times[-1] = times[10]
    report = run(tmp_path, columns_of(n) | {"event_time": times}, spec_of(reference={"first": "70 panes"})).report
    assert (report.reference.rows, report.judged_rows) == (70 * 60 + 1, n - 70 * 60 - 1)


def test_labels_in_a_file_of_their_own_belong_to_the_reference_as_well(tmp_path):
    columns = columns_of(70 * 3_600)
    truths = columns.pop("label")
    labels = written(tmp_path / "labels.parquet", {"prediction_id": np.arange(len(truths)), "label": truths})
    report = run(tmp_path, columns, labels=labels).report
    assert report.fates["label"]["used"] == report.judged_rows == 10 * 3_600
    assert report.fates["label"]["pending"] == 0
