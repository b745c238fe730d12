"""A CSV file is read as the Parquet file of the same rows."""

import gzip

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

from detectors.reference import encode
from stream.backtest.chunk import UNKNOWN_MS
from stream.backtest.errors import BacktestError
from stream.backtest.labels import LabelFile
from stream.backtest.reader import RowsFile
from stream.backtest.texts import Texts
from stream.folds.frame import MISSING, is_text, text_codes
from tests.backtests import HOUR_MS, columns_of, fitted, spec_of, written

DAY = 946_684_800_000


def test_its_reference_is_that_of_the_same_rows_in_parquet(tmp_path):
    columns = columns_of(3_000) | {"event_time": DAY + np.arange(3_000) * HOUR_MS // 40}
    columns["x"][::50] = np.nan
    columns["c"] = np.array([None, "007", "7.0", "red"], object)[np.arange(3_000) % 4]
    table = pa.table(columns)
    x = table.schema.get_field_index("x")
    csv.write_csv(table.set_column(x, "x", pa.array(columns["x"], from_pandas=True)), tmp_path / "rows.csv")

    parquet, read = fitted(written(tmp_path / "rows.parquet", columns), spec_of()), None
    read = fitted(tmp_path / "rows.csv", spec_of())

    assert encode(read.reference) == encode(parquet.reference)
    assert read.reference.bins[2].levels == ("007", "7.0", "red")


def test_times_may_be_written_as_people_do(tmp_path):
    (tmp_path / "rows.csv").write_text("event_time,x,y,c\n2013-01-01 00:00:00,1,2,a\n2013-01-01T01:00:00Z,,3,\n")
    with pytest.raises(BacktestError, match="event_time from row 0 on holds texts"):
        list(RowsFile(tmp_path / "rows.csv", spec_of(), Texts()).times())
    (tmp_path / "rows.csv").write_text("event_time,x,y,c\n2013-01-01T00:00:00Z,1,2,a\n2013-01-01T01:00:00Z,,3,\n")
    (chunk,) = RowsFile(tmp_path / "rows.csv", spec_of(), Texts()).chunks()
    assert chunk.event_ms.tolist() == [1_356_998_400_000, 1_357_002_000_000]


def test_it_may_be_compressed_and_labels_may_be_one_too(tmp_path):
    with gzip.open(tmp_path / "rows.csv.gz", "wt") as file:
        file.write("x,y,c,prediction_id\n1,2,a,7\n,3,,8\n")
    (tmp_path / "labels.csv").write_text("prediction_id,label,label_time\n8,1,2013-01-01 00:00:00\n7,0,\n")
    truths = Texts()
    (chunk,) = RowsFile(tmp_path / "rows.csv.gz", spec_of(), truths).chunks()
    labels, places = LabelFile(tmp_path / "labels.csv", "m", truths).of(chunk)
    assert (labels.words.view(np.float64).tolist(), places.tolist()) == ([0.0, 1.0], [0, 1])
    assert labels.event_ms.tolist() == [UNKNOWN_MS, 1_356_998_400_000]


def test_the_usual_words_for_no_value_are_missing_unless_they_are_quoted(tmp_path):
    (tmp_path / "rows.csv").write_text('x,y,c,label\n1,NaN,NA,1\nNA,null,"NA",nan\nN/A,4,None,0\n')
    (chunk,) = RowsFile(tmp_path / "rows.csv", spec_of(), Texts()).chunks()
    names = [
        chunk.texts[code] if code >= 0 else None
        for code in np.where(is_text(chunk.cells[:, 2]), text_codes(chunk.cells[:, 2]), -1)
    ]
    assert (chunk.cells == np.uint64(MISSING)).tolist() == [
        [False, True, True],
        [True, True, False],
        [True, False, True],
    ]
    assert names == [None, "NA", None]
    assert chunk.labelled.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x,y,c\n", "holds no rows"),
        ("", "cannot be read as CSV (Empty CSV file)"),
        (
            "x,y,c\na,1,b\n",
            "rows.csv: column x holds 'a' in row 0, the spec says number: write a number, nothing or NA, or say type",
        ),
        (
            "z,x,y,c\n9,1,1,b\n8,NA,2,b\n7,3,12 km,b\n",
            "rows.csv: column y holds '12 km' in row 2, the spec says number",
        ),
        ('x,y,c\n1,"a\nb",b\n', "rows.csv: column y holds 'a\\nb' in row 0, the spec says number"),
        ("x,y,c\n1,2\n", "cannot be read as CSV (CSV parse error: Expected 3 columns, got 2: 1,2)"),
        ("x,y\n1,2\n", "no column c, a feature of the spec"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(tmp_path, text, said):
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(BacktestError) as error:
        RowsFile(tmp_path / "rows.csv", spec_of(), Texts())
    assert said in str(error.value)
