"""References of files speak of versions, classes and cycles as live ones do."""

import numpy as np
import pytest

from stream.backtest.errors import BacktestError
from tests.backtests import HOUR_MS, columns_of, fitted, run, spec_of, written

DAY = 946_684_800_000
N = 7_200


def test_the_version_that_answered_most_rows_makes_the_promise(tmp_path):
    columns = columns_of(N) | {"version": np.where(np.arange(N) % 4 == 0, 1, 2)}
    reference = fitted(written(tmp_path / "r", columns), spec_of()).reference
    assert reference.origin.version == "2"
    assert reference.promise.losses["log_loss"].n[0] == 0.75 * N
    assert "only the answers of version 2 (75 %) count" in reference.warnings[0]


def test_classes_are_promised_and_watched_by_name(tmp_path):
    columns = columns_of(N)
    columns["prediction"] = np.array(["red", "blue", "7"], object)[np.arange(N) % 3]
    columns["label"] = np.array(["red", "blue", "green"], object)[np.arange(N) % 3]
    del columns["score"]
    spec = spec_of(task="multiclass", performance={"metric": "accuracy", "tolerance": 0.02})
    reference = fitted(written(tmp_path / "r", columns), spec).reference
    assert sorted(reference.bins[-1].levels) == ["7", "blue", "red"]
    assert reference.promise.losses["accuracy"].total[0] == N / 3


def test_a_value_stands_in_for_a_score_of_a_regression(tmp_path):
    columns = columns_of(N) | {"prediction": np.where(np.arange(N) % 2 == 0, 5.0, np.nan), "label": np.full(N, 4.0)}
    columns["score"] = np.full(N, 7.0)
    spec = spec_of(task="regression", performance={"metric": "mae", "tolerance": 0.02})
    assert fitted(written(tmp_path / "r", columns), spec).reference.promise.losses["mae"].total[0] == 2 * N


def test_rows_whose_score_is_no_probability_are_no_part_of_it_as_they_are_not_judged(tmp_path):
    columns = columns_of(N)
    columns["x"][::4], columns["score"][::4] = 100.0, -3.0
    reference = fitted(written(tmp_path / "r", columns), spec_of()).reference
    assert (reference.rows, reference.warnings[0]) == (0.75 * N, "left out: the score of 1,800 rows is no probability")
    assert fitted(written(tmp_path / "r", columns), spec_of(task="regression", performance=None)).reference.rows == N
    columns["score"] *= 0
    columns["score"] -= 1
    with pytest.raises(BacktestError, match="no rows, since the score of 7,200 rows is no probability: write scores"):
        fitted(written(tmp_path / "r", columns), spec_of())


def test_a_cycle_is_learnt_of_event_times_and_refused_without(tmp_path):
    columns = columns_of(24 * 6 * 60) | {"event_time": DAY + np.arange(24 * 6 * 60) * HOUR_MS // 60}
    assert fitted(written(tmp_path / "r", columns), spec_of(cycle="day")).reference.panel.phases == 24
    del columns["event_time"]
    with pytest.raises(BacktestError, match="no column event_time, so nothing says which rows are of which day"):
        run(tmp_path, columns, spec_of(cycle="day"))


def test_predictions_that_come_again_are_counted_in_the_pane_where_they_were_first(tmp_path):
    columns = columns_of(N) | {"prediction_id": np.arange(N) - 3 * (np.arange(N) % 100 == 99)}
    quality = fitted(written(tmp_path / "r", columns), spec_of()).reference.health.quality
    assert quality.knows_duplicates
    assert quality.shares.shares[-1] == pytest.approx(0.01, rel=0.01)


def test_rows_without_ids_say_nothing_of_predictions_that_come_again(tmp_path):
    assert not fitted(written(tmp_path / "r", columns_of(N)), spec_of()).reference.health.quality.knows_duplicates
