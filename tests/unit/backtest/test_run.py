"""A backtest from end to end: what changed is found, what did not is left alone, and the result has its keys."""

import json

import numpy as np
import pyarrow as pa
import pytest

from stream.backtest.errors import BacktestError
from stream.backtest.findings import ALARMING
from stream.backtest.reader import ORIGIN_MS
from stream.backtest.run import Wanted, backtest
from stream.backtest.sweep import budgets_of, tolerances_of
from stream.backtest.words import instant_ms
from tests.backtests import HOUR_MS, columns_of, run, spec_of, without_id, written

ROWS, CHANGE = 70_000, 50_000
SPEC = spec_of(pane="10m", reference={"first": "60 panes"})

KEYS = {
    "monitor", "rows", "panes", "reference", "alerts", "statistics_rows", "seconds", "judged_rows", "fates", "verdicts",
    "detectors", "settings", "notes", "sweep", "budget",
}  # fmt: skip
ALERT_KEYS = {
    "id", "kind", "severity", "opened_row", "first_row", "last_row", "from", "to", "features", "segment", "effects",
    "sentence", "opened", "closed", "state", "what", "next", "evidence_days", "budget_days", "moved",
}  # fmt: skip


def shifted():
    columns = columns_of(ROWS)
    columns["x"][CHANGE:] += 0.5
    return columns


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return run(tmp_path_factory.mktemp("shifted"), shifted(), SPEC)


def test_a_mean_shift_is_found_near_its_row_and_its_feature_is_named(found):
    (alert,) = found.report.alerts
    assert (alert.kind, alert.features[0], alert.severity) == ("drift", "x", "warn")
    assert CHANGE - 2 * 600 <= alert.first_row <= CHANGE + 600
    assert CHANGE < alert.opened_row <= CHANGE + 3 * 600
    assert alert.last_row >= ROWS - 2 * 600
    assert alert.state == "open"
    assert alert.sentence.startswith("m: the input x drifted since 1 Jan 2000")
    assert alert.effects[0].feature == "x"
    assert alert.effects[0].value > alert.effects[0].floor


def test_times_of_an_alert_are_those_of_its_rows(found):
    (alert,) = found.report.alerts
    assert instant_ms(alert.from_) == ORIGIN_MS + 1_000 * alert.first_row
    assert 0 <= instant_ms(alert.to) - (ORIGIN_MS + 1_000 * (alert.last_row + 1)) < 600_000  # to the end of its pane


def test_nothing_is_found_where_nothing_changed(tmp_path):
    report = run(tmp_path, columns_of(ROWS), SPEC).report
    assert report.alerts == []
    assert not set(report.verdicts["drift"]) & ALARMING


def test_the_json_has_its_keys_and_no_nan(found):
    values = json.loads(json.dumps(found.report.to_json(), allow_nan=False))
    assert set(values) == KEYS
    assert set(values["reference"]) == {
        "sha", "rows", "panes", "warnings", "source", "from", "to", "can_alarm", "duplicates",
    }  # fmt: skip
    assert [set(alert) for alert in values["alerts"]] == [ALERT_KEYS]
    assert set(values["alerts"][0]["effects"][0]) == {"feature", "effect", "value", "floor"}


def test_the_pages_stand_beside_those_that_the_budget_allows(found):
    pages = sum(alert.severity == "page" for alert in found.report.alerts)
    budget = found.report.budget
    assert budget.pages == pages
    assert budget.days == pytest.approx(found.report.panes * found.timeline.pane_ms / 86_400_000)
    assert budget.allowed == pytest.approx(budget.days / 90)


def test_all_rows_are_accounted_for(found):
    report = found.report
    panes = -(-ROWS // 600) - 60
    assert (report.rows, report.judged_rows, report.panes) == (ROWS, ROWS - 36_000, panes)
    assert report.statistics_rows == 4 * panes  # three features, and the score
    assert report.fates["prediction"]["used"] == report.fates["label"]["used"] == report.judged_rows
    assert sum(found.findings.panes.values()) == report.judged_rows


def test_a_change_that_ends_has_a_last_row(tmp_path):
    columns = columns_of(ROWS)
    columns["x"][42_000:48_000] += 0.5
    (alert,) = run(tmp_path, columns, SPEC).report.alerts
    assert 48_000 - 600 <= alert.last_row <= 48_000 + 600
    assert (alert.state, alert.closed is not None) == ("resolved", True)


def test_a_reference_of_its_own_leaves_all_rows_to_judge(tmp_path):
    reference = written(tmp_path / "reference.parquet", columns_of(40_000, seed=3))
    report = run(tmp_path, shifted(), spec_of(pane="10m", reference=None), reference=reference).report
    assert (report.judged_rows, report.reference.rows) == (ROWS, 40_000)
    assert [alert.features for alert in report.alerts] == [["x"]]


def test_a_pane_that_is_left_open_suits_the_reference(tmp_path):
    reference = written(tmp_path / "reference.parquet", columns_of(20_000, seed=5))
    report = run(tmp_path, columns_of(30_000), spec_of(pane=None, reference=None), reference=reference).report
    assert report.settings["pane"] == "1m40s"
    assert report.reference.panes == 200
    assert report.notes[0] == "pane: 1m40s suits this reference; write it into the spec to have it live too"


def test_rows_of_every_hour_or_day_are_watched_where_a_spec_leaves_its_pane_open(tmp_path):
    hours = 1_356_998_400_000 + 3_600_000 * np.arange(20_000)
    columns = {name: values[:20_000] for name, values in columns_of(ROWS).items()} | {"event_time": hours}
    columns["x"][15_000:] += 0.5
    report = run(tmp_path, columns, spec_of(pane=None)).report
    assert report.settings["pane"] == "5d"
    assert not any("not watched" in warning for warning in report.reference.warnings)
    (alert,) = report.alerts
    assert (alert.kind, alert.features) == ("drift", ["x"])


def test_a_pane_that_holds_few_rows_is_told_with_one_that_suits(tmp_path):
    columns = {name: values[:3_000] for name, values in columns_of(ROWS).items()}
    columns |= {"event_time": 1_356_998_400_000 + 3_600_000 * np.arange(3_000)}
    notes = run(tmp_path, columns, spec_of(reference={"first": "2500 panes"})).report.notes
    said = "1h holds 1 of the reference's rows, and chance may raise a warning in one of 500 panes; 1d would suit it"
    assert f"pane: {said}" in notes


def timed(columns, every_ms, seed=0):
    n = len(columns["x"])
    gaps = np.random.default_rng(seed).exponential(every_ms, n)
    return columns | {"event_time": 1_709_251_200_000 + np.cumsum(gaps).astype(np.int64)}


@pytest.mark.parametrize("pane", [None, "10m"])
@pytest.mark.parametrize("which", ["rows", "reference"])
def test_where_one_file_alone_has_times_the_other_is_laid_out_as_close_and_volume_is_not_judged(tmp_path, pane, which):
    rows, normal = columns_of(30_000), columns_of(20_000, seed=5)
    rows["x"][20_000:] += 0.5
    rows = timed(rows, 10_000) if which == "rows" else rows
    reference = written(tmp_path / "reference.parquet", normal if which == "rows" else timed(normal, 10_000))
    report = run(tmp_path, rows, spec_of(pane=pane, reference=None), reference=reference).report
    assert ("drift", "x") in [(alert.kind, alert.features[0]) for alert in report.alerts if alert.last_row > 20_000]
    assert not any(alert.kind == "volume" for alert in report.alerts)
    assert report.rows / report.panes == pytest.approx(report.reference.rows / report.reference.panes, rel=0.1)
    assert "volume is not judged: one of the two files does not say when its rows happened" in report.notes


def test_a_gap_and_a_time_far_in_the_future_do_not_make_panes_longer(tmp_path):
    columns = timed(columns_of(20_000, seed=5), 1_000)
    usual = run(tmp_path, columns, spec_of(pane=None)).report.settings["pane"]
    columns["event_time"][15_000:] += 30 * 86_400_000
    columns["event_time"][19_999] = 4_000_000_000_000
    assert run(tmp_path, columns, spec_of(pane=None)).report.settings["pane"] == usual


def test_a_row_from_the_future_is_left_out_and_told_and_what_follows_is_judged(tmp_path):
    columns = timed(shifted(), 1_000)
    columns["event_time"][[40_000, 45_000]] = 4_102_444_800_000, columns["event_time"][45_000] + 2 * 86_400_000
    report = run(tmp_path, columns, SPEC).report
    (alert,) = report.alerts
    assert (alert.kind, alert.features) == ("drift", ["x"])
    assert report.judged_rows + report.reference.rows == ROWS - 2
    said = (
        "2 rows left out: event_time is more than an hour ahead of all rows around (the first is row 40000, 2100-01-01"
    )
    assert any(note.startswith(said) for note in report.notes)
    columns["event_time"][40_000] = columns["event_time"][39_999]
    columns["event_time"][50_000:] += 3 * 86_400_000  # a gap, then all rows
    assert not any("40000" in note for note in run(tmp_path, columns, SPEC).report.notes)


def test_rows_that_are_not_in_stream_order_are_told_with_the_mend(tmp_path):
    columns = timed(columns_of(ROWS), 1_000)
    columns["event_time"][50_000:] = columns["event_time"][50_000:][::-1].copy()
    notes = run(tmp_path, columns, SPEC).report.notes
    assert any(note.endswith("not judged: sort rows by event_time, or write a longer lateness") for note in notes)


def test_times_of_labels_are_not_read_where_rows_have_none(tmp_path):
    columns = shifted() | {"label_time": np.full(ROWS, 1_709_251_200_000)}
    report = run(tmp_path, columns, SPEC).report
    assert report.fates["label"]["used"] == report.judged_rows
    said = "label_time not read: without event_time nothing says how old a label is; each comes with its prediction"
    assert said in report.notes
    labels = {"prediction_id": np.arange(ROWS), "label": columns.pop("label"), "label_time": columns.pop("label_time")}
    other = run(tmp_path, columns, SPEC, labels=written(tmp_path / "labels.parquet", labels)).report
    assert (other.fates, said in other.notes) == (report.fates, True)


def test_a_column_that_is_a_feature_and_a_label_is_told(tmp_path):
    features = {**SPEC.model_dump(mode="json", by_alias=True)["features"], "label": {"type": "number"}}
    report = run(tmp_path, shifted(), spec_of(pane="10m", features=features)).report
    assert any(note.startswith("the column label is read twice") for note in report.notes)


def test_first_panes_that_the_backtest_chooses_leave_rows_to_judge(tmp_path):
    columns = {name: values[:10_000] for name, values in columns_of(ROWS).items()}
    report = run(tmp_path, columns, spec_of(pane=None, reference={"first": "200 panes"})).report
    assert (report.settings["pane"], report.reference.panes, report.judged_rows) == ("40s", 200, 2_000)


def test_notes_say_what_was_not_read_and_what_was_made_up(tmp_path):
    columns = shifted() | {"extra": np.arange(ROWS), "more": np.arange(ROWS)}
    columns["score"][40_000] = 7.0
    columns["score"][40_001] = np.inf
    assert run(tmp_path, columns, SPEC).report.notes == [
        "2 columns not read: extra, more",
        "no column event_time: one row a second from 2000-01-01 on, lateness 0",
        "no column prediction_id: the row number is the id",
        "1 row refused: score or prediction is infinite (the first is row 40001)",
        "1 prediction invalid (no probability: score 7); the first is row 40000",
        "1 label of predictions that are not in the rows",
    ]


def test_rows_that_could_not_be_used_are_told_once_whatever_their_values(tmp_path):
    columns = columns_of(ROWS)
    columns["score"][40_000:40_100] = 2 + np.arange(100)
    notes = run(tmp_path, columns, SPEC).report.notes
    assert "100 predictions invalid (no probability: score 2); the first is row 40000" in notes
    assert len([note for note in notes if "invalid" in note]) == 1


def test_labels_and_answers_that_are_numbers_written_as_texts_count_as_numbers(tmp_path):
    columns = columns_of(ROWS)
    as_texts = columns | {"label": columns["label"].astype(str)}
    assert without_id(run(tmp_path, as_texts, SPEC)) == without_id(run(tmp_path, columns, SPEC))
    spec = spec_of(pane="10m", performance={"metric": "accuracy", "tolerance": 0.02})
    answers = columns | {"prediction": columns["score"] > 0.5}
    del answers["score"]
    as_texts = answers | {"prediction": answers["prediction"].astype(str)}
    assert without_id(run(tmp_path, as_texts, spec)) == without_id(run(tmp_path, answers, spec))


@pytest.mark.parametrize("labels", [(-1, 1), ("no", "yes")])
def test_labels_that_are_none_of_the_task_are_told_and_not_missed(tmp_path, labels):
    columns = columns_of(ROWS)
    columns["label"] = np.array(labels)[columns["label"]]
    report = run(tmp_path, columns, SPEC).report
    assert report.alerts == []
    assert any("labels invalid (no label of a binary task: " in note for note in report.notes)


def test_where_performance_is_not_judged_a_note_says_why(tmp_path):
    columns = columns_of(ROWS)
    without = {name: values for name, values in columns.items() if name != "label"}
    reference = written(tmp_path / "reference.parquet", without)
    assert "performance is not judged: the spec names no metric; write performance: {metric: …, tolerance: …}" in (
        run(tmp_path, columns, spec_of(pane="10m", performance=None)).report.notes
    )
    assert "performance is not judged: the reference has no answers with labels" in (
        run(tmp_path, columns, spec_of(pane="10m", reference=None), reference=reference).report.notes
    )


def test_panes_whose_labels_come_too_late_to_be_judged_are_counted(tmp_path):
    columns = timed(columns_of(ROWS), 1_000)
    columns["label_time"] = columns["event_time"] + 6 * HOUR_MS
    report = run(tmp_path, columns, SPEC).report
    lacking = report.panes - sum(report.verdicts["performance"].values())
    assert 36 <= lacking <= 38
    late = "their labels came after the last row, or not within the label horizon, 7d"
    assert f"performance of {lacking} of {report.panes} panes is not judged: {late}" in report.notes


def test_a_feature_that_is_missing_from_some_row_on_is_told(tmp_path):
    columns = columns_of(ROWS)
    columns["y"] = pa.array(np.where(np.arange(ROWS) < CHANGE, columns["y"], np.nan))
    (alert,) = run(tmp_path, columns, SPEC).report.alerts
    assert alert.features == ["y"]


def test_other_budgets_and_tolerances_are_tried_over_the_same_sums(tmp_path):
    done = run(tmp_path, shifted(), SPEC, budgets=budgets_of("1/90d,2/30d"), tolerances=tolerances_of(".5"))
    rows = [(row.budget, row.tolerance, row.alerts) for row in done.report.sweep]
    assert rows == [("1/90d", 0.02, 1), ("2/30d", 0.02, 1), ("1/90d", 0.5, 1)]
    assert done.report.sweep[0].first_opened_row == done.report.alerts[0].opened_row


def test_a_sweep_changes_nothing_of_the_result(tmp_path, found):
    swept = run(tmp_path, shifted(), SPEC, budgets=budgets_of("1/30d"))
    assert without_id(swept) | {"sweep": []} == without_id(found)


@pytest.mark.parametrize(
    ("parse", "text", "said"),
    [
        (budgets_of, "1/90d,x", "--budget 'x': write false pages per period, as in 1/90d,1/30d"),
        (budgets_of, "1/1h", "--budget '1/1h': per: 1h is below 1d (write at least 1d)"),
        (budgets_of, "2", "--budget '2': per: '' is no length of time; write a number with its unit, as in 90s"),
        (budgets_of, "5000/90d", "--budget '5000/90d': false_pages: 5000.0 is above 1,000 (write at most 1,000)"),
        (tolerances_of, "0", "--tolerance '0': write numbers above 0 in the metric's unit"),
        (tolerances_of, "nan", "--tolerance 'nan'"),
    ],
)
def test_a_sweep_that_is_none_is_told(parse, text, said):
    with pytest.raises(BacktestError) as error:
        parse(text)
    assert said in str(error.value)


def test_a_budget_of_more_pages_than_panes_is_told(tmp_path):
    columns = timed(columns_of(ROWS), 3_600_000)
    with pytest.raises(BacktestError, match=r"budget: 1 false page in 1d, which holds 0\..* panes of .*; write fewer"):
        run(tmp_path, columns, spec_of(pane=None, budget={"per": "1d"}))
    with pytest.raises(BacktestError, match="budget: 200 false pages in 1d, which holds 144 panes of 10m"):
        run(tmp_path, columns_of(ROWS), SPEC, budgets=budgets_of("200/1d"))


def test_tolerances_need_a_metric(tmp_path):
    wanted = Wanted(spec_of(performance=None), tmp_path, tmp_path / "rows", tolerances=(0.1,))
    with pytest.raises(BacktestError, match="the spec judges no performance"):
        backtest(wanted)


def test_progress_is_told_in_rows(tmp_path):
    told = []
    rows = written(tmp_path / "rows.parquet", shifted())
    backtest(Wanted(SPEC, tmp_path, rows), lambda *what: told.append(what))
    assert {what for what, _, _ in told} == {"reading the reference", "fitting the reference", "folding rows"}
    assert all(0 <= done <= of for _, done, of in told)
    assert max(of for _, _, of in told) == ROWS


def test_a_monitor_of_categories_alone_is_judged(tmp_path):
    spec = spec_of(pane="10m", features={"c": {"type": "category"}}, performance=None)
    columns = {"c": columns_of(ROWS)["c"]}
    columns["c"][50_400:] = "red"
    (alert,) = run(tmp_path, columns, spec).report.alerts
    assert (alert.kind, alert.features, alert.first_row) == ("quality", ["c"], 50_400)


def test_inputs_that_only_move_apart_are_not_said_to_drift_and_the_change_lasts_to_its_end(tmp_path):
    rng = np.random.default_rng(0)
    x, y, z = rng.normal(size=(3, ROWS))
    y[CHANGE:] = 0.7 * x[CHANGE:] + np.sqrt(1 - 0.7**2) * y[CHANGE:]
    spec = spec_of(pane="10m", features={name: {"type": "number"} for name in "xyz"}, performance=None)
    (alert,) = run(tmp_path, {"x": x, "y": y, "z": z}, spec).report.alerts
    assert set(alert.features) <= {"x", "y"}
    assert "no longer move" in alert.sentence
    assert alert.last_row >= ROWS - 20 * 600
    assert alert.effects == []


def test_a_fault_that_names_no_feature_lasts_as_long_as_it_is_seen(tmp_path):
    place = np.arange(12_000)
    is_again = (place >= 8_000) & (place < 9_000) & (place % 10 == 9)
    columns = columns_of(len(place)) | {"event_time": ORIGIN_MS + place * HOUR_MS // 100}
    columns["prediction_id"] = np.where(is_again, place - 1, place)
    (alert,) = [each for each in run(tmp_path, columns).report.alerts if each.kind == "quality"]

    assert alert.features == []
    assert alert.first_row <= 8_100
    assert 8_900 <= alert.last_row <= 9_100
