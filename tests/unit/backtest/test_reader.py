"""A file of rows is read as chunks of columns, or refused by a sentence that names column, value and mend."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from streamgauge.events import PredictionEvent

from stream.backtest.errors import BacktestError
from stream.backtest.frames import prediction_frame
from stream.backtest.reader import CHUNK_ROWS, ORIGIN_MS, RowsFile
from stream.backtest.texts import Texts
from stream.folds.frame_events import frame_of
from tests.backtests import chunks_of, columns_of, spec_of, written
from tests.frames import rows_of


def problems(path, columns, spec=None):
    with pytest.raises(BacktestError) as error:
        read(written(path / "rows.parquet", columns), spec or spec_of())
    return error.value.problems


def read(path, spec):
    file = RowsFile(path, spec, Texts())
    return list(file.times()), list(file.chunks())


def test_a_missing_feature_names_the_column_that_was_meant(tmp_path):
    columns = columns_of(5)
    columns["x_"] = columns.pop("x")
    assert problems(tmp_path, columns) == (
        f"{tmp_path}/rows.parquet: no column x, a feature of the spec; did you mean x_?",
    )


def test_all_missing_features_are_named_at_once(tmp_path):
    assert [each.split(": ")[1].split(",")[0] for each in problems(tmp_path, {"z": [1]})] == [
        f"no column {name}" for name in "xyc"
    ]


@pytest.mark.parametrize(
    ("name", "column", "said"),
    [
        ("x", pa.array([None, "12 km"]), "column x holds string ('12 km'), the spec says number: write numbers"),
        ("c", pa.array([datetime(2020, 1, 1, tzinfo=UTC)] * 2), "the spec says category: write texts or numbers"),
        ("event_time", pa.array(["2013-01-01", "x"]), "write timestamps, or whole epoch milliseconds"),
        ("event_time", pa.array(["2013-01-01T00:00Z", "2013-01-01"]), "with a zone each or none"),
        ("event_time", pa.array([1_709_251_200, 1_709_251_201]), "is 1709251200, which looks like seconds: write"),
        ("event_time", pa.array([1.5, 2.5]), "column event_time holds double ('1.5')"),
        ("event_time", pa.array([5, None]), "event_time of row 1 is null"),
        ("event_time", pa.array([5, 10**16]), "event_time of row 1 is 10000000000000000, outside the years"),
        ("event_time", pa.array([5, 2**64 - 1], pa.uint64()), "event_time of row 1 is"),
        ("prediction_id", pa.array(["a", None]), "prediction_id of row 1 is null: write 1 to 256 characters, or leave"),
        ("prediction_id", pa.array(["a", ""]), "prediction_id of row 1 is a text of 0 characters"),
        ("prediction_id", pa.array(["a", "b" * 257]), "is a text of 257 characters"),
        ("prediction_id", pa.array([1.5, 2.0]), "column prediction_id holds double"),
        ("score", pa.array(["0.5", None]), "column score holds string ('0.5'): write numbers"),
        ("label", pa.array([[1], [2]]), "column label holds list"),
        ("version", pa.array([1.0, 2.0]), "column version holds double ('1.0'): write texts or whole numbers"),
    ],
)
def test_a_wrong_column_is_named_with_its_value_and_the_mend(tmp_path, name, column, said):
    (problem,) = problems(tmp_path, columns_of(2) | {name: column})
    assert said in problem


@pytest.mark.parametrize(
    "texts",
    [
        ["2013-01-01", "2013-01-01 00:00:01.5"],
        ["2013-01-01T01:00:00+01:00", "2013-01-01T00:00:01.5Z"],
        ["2013-01-01", "2013-01-01 00:00:01.500000001"],
        ["2013-01-01T01:00:00.000000000+01:00", "2013-01-01T00:00:01.5Z"],
    ],
)
def test_times_may_be_texts(tmp_path, texts):
    path = written(tmp_path / "rows.parquet", columns_of(2) | {"event_time": texts})
    assert read(path, spec_of())[0][0].tolist() == [1_356_998_400_000, 1_356_998_401_500]


def test_a_file_that_is_none_and_an_empty_one_are_told(tmp_path):
    (tmp_path / "rows.parquet").write_text("x,y\n1,2\n")
    with pytest.raises(BacktestError, match="cannot be read as Parquet"):
        RowsFile(tmp_path / "rows.parquet", spec_of(), Texts())
    assert "holds no rows" in problems(tmp_path, columns_of(0))[0]


def test_a_damaged_file_is_told(tmp_path):
    path = written(tmp_path / "rows.parquet", columns_of(2_000))
    data = bytearray(path.read_bytes())
    data[50:3_000] = bytes(2_950)
    path.write_bytes(data)
    with pytest.raises(BacktestError, match="damaged"):
        chunks_of(path, spec_of())


def test_two_columns_of_one_name_are_told(tmp_path):
    table = pa.Table.from_arrays([pa.array([1])] * 2, ["x", "x"])
    pq.write_table(table, tmp_path / "rows.parquet")
    with pytest.raises(BacktestError, match="two columns are called x: rename one"):
        RowsFile(tmp_path / "rows.parquet", spec_of(), Texts())


def test_extra_columns_are_known_and_not_read(tmp_path):
    file = RowsFile(written(tmp_path / "r", columns_of(3) | {"extra": [[1]] * 3}), spec_of(), Texts())
    assert file.columns.extra == ("extra",)
    assert "extra" not in file.columns.names


@pytest.mark.parametrize("pane", ["1h", "7d"])
def test_rows_without_a_time_begin_with_a_pane_and_follow_each_other_by_a_second(tmp_path, pane):
    spec = spec_of(pane=pane)
    (chunk,) = chunks_of(written(tmp_path / "r", columns_of(3)), spec)
    begin = int(chunk.event_ms[0])
    assert begin >= ORIGIN_MS
    assert begin % spec.pane_ms == 0
    assert (chunk.event_ms - begin).tolist() == [0, 1_000, 2_000]


def test_chunks_do_not_depend_on_row_groups(tmp_path):
    columns = columns_of(2 * CHUNK_ROWS + 100)
    whole = chunks_of(written(tmp_path / "a", columns), spec_of())
    parts = chunks_of(written(tmp_path / "b", columns, row_group_size=777), spec_of())
    assert [len(chunk) for chunk in whole] == [CHUNK_ROWS, CHUNK_ROWS, 100]
    for one, other in zip(whole, parts, strict=True):
        assert rows_of(prediction_frame(one, 0, len(one))) == rows_of(prediction_frame(other, 0, len(other)))


def test_reading_may_begin_and_end_within_a_row_group(tmp_path):
    file = RowsFile(written(tmp_path / "r", columns_of(1_000), row_group_size=300), spec_of(), Texts())
    (chunk,) = file.chunks(450, 720)
    assert (chunk.rows[0], chunk.rows[-1]) == (450, 719)
    (whole,) = file.chunks()
    assert rows_of(prediction_frame(chunk, 0, 270)) == rows_of(prediction_frame(whole, 450, 720))


def test_a_frame_of_a_chunk_is_that_of_the_same_events(tmp_path):
    columns = columns_of(50) | {
        "event_time": np.arange(50) * 1_000 + 10**12,
        "prediction_id": [f"p{i}" for i in range(50)],
        "prediction": ["yes" if i % 3 else None for i in range(50)],
        "version": pa.array([i % 4 if i % 4 else None for i in range(50)]),
        "x": [None if i % 7 == 0 else i / 4 for i in range(50)],
        "c": pa.array([i % 5 for i in range(50)]),
        "score": [None if i % 5 == 0 else i / 50 for i in range(50)],
    }
    (chunk,) = chunks_of(written(tmp_path / "r", columns), spec_of())
    events = [
        PredictionEvent(
            prediction_id=f"p{i}",
            model="m",
            event_time_ms=10**12 + 1_000 * i,
            features={"x": columns["x"][i], "y": float(columns["y"][i]), "c": float(i % 5)},
            score=columns["score"][i],
            label=columns["prediction"][i],
            version=str(i % 4) if i % 4 else "",
        )
        for i in range(50)
    ]
    expected = rows_of(frame_of(events, [i << 16 for i in range(50)]))
    assert rows_of(prediction_frame(chunk, 0, 50)) == expected
    assert rows_of(prediction_frame(chunk, 10, 20)) == expected[10:20]


def test_a_part_of_a_chunk_carries_its_own_texts_only(tmp_path):
    columns = columns_of(400) | {"c": [f"level {i}" for i in range(400)], "prediction": [f"p{i}" for i in range(400)]}
    (chunk,) = chunks_of(written(tmp_path / "r", columns), spec_of())
    whole, part = prediction_frame(chunk, 0, 400), prediction_frame(chunk, 30, 34)
    assert len(part.texts) == 4 + 8
    assert rows_of(part) == rows_of(whole)[30:34]


def test_a_model_that_is_called_like_a_feature_is_no_feature(tmp_path):
    spec = spec_of(model="y", segments=["c"])
    (chunk,) = chunks_of(written(tmp_path / "r", columns_of(3)), spec)
    (row, *_) = rows_of(prediction_frame(chunk, 0, 3))
    assert (row.model, [name for name, _ in row.features]) == ("y", ["c", "x", "y"])


def test_rows_with_an_infinite_score_are_refused_and_remembered(tmp_path):
    columns = columns_of(6)
    columns["score"][2] = np.inf
    columns["prediction"] = [1.0, 1.0, 1.0, -np.inf, 1.0, 1.0]
    file = RowsFile(written(tmp_path / "r", columns), spec_of(), Texts())
    (chunk,) = file.chunks()
    assert (chunk.rows.tolist(), file.refused) == ([0, 1, 4, 5], {2, 3})
    assert chunk.labelled.tolist() == [0, 1, 2, 3]
