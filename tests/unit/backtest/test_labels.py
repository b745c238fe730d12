"""Labels wait for their time, in rows and in files of their own."""

import numpy as np
import pyarrow as pa
import pytest

from stream.backtest.chunk import UNKNOWN_MS, Labels
from stream.backtest.errors import BacktestError
from stream.backtest.ids import Ids
from stream.backtest.labels import MOST_PARTS, LabelFile, Waiting
from stream.backtest.texts import Texts
from tests.backtests import chunks_of, columns_of, spec_of, written


def labels_of(due_ms, first=0, sealed_ms=0):
    n = len(due_ms)
    ids = Ids.of(pa.array([f"p{first + i}" for i in range(n)], pa.large_string()))
    due = np.array(due_ms, np.int64)
    sealed = np.full(n, sealed_ms, np.int64)
    return Labels(
        ids, ids.identities("m"), np.arange(first, first + n).astype(np.uint64), due, due, sealed, due * 0 > 1
    )


def test_labels_come_in_the_order_of_their_time_then_as_they_were_added():
    waiting = Waiting()
    waiting.add(labels_of([5, 3, 9]))
    waiting.add(labels_of([3, 5, 5], first=10))
    assert waiting.take(2) is None
    assert waiting.take(5).words.tolist() == [1, 10, 0, 11, 12]
    assert (len(waiting), waiting.next_ms()) == (1, 9)
    assert waiting.take(100).ids.packed() == b"p2"


def test_many_additions_are_one_run_in_the_same_order():
    rng = np.random.default_rng(0)
    parts = [rng.integers(0, 50, 20).tolist() for _ in range(3 * MOST_PARTS)]
    waiting, all_ = Waiting(), []
    for i, part in enumerate(parts):
        waiting.add(labels_of(part, first=20 * i))
        all_ += [(due, 20 * i + j) for j, due in enumerate(part)]
    found = [word for at in range(0, 60, 7) if (some := waiting.take(at)) is not None for word in some.words.tolist()]
    assert found == [word for _, word in sorted(all_)]


def test_a_label_that_comes_after_its_pane_is_sealed_is_seen():
    waiting = Waiting()
    waiting.add(labels_of([5, 20], sealed_ms=10))
    assert not waiting.is_any_late(10)
    assert waiting.is_any_late(20)


def label_file(path, **columns):
    return LabelFile(written(path / "labels.parquet", columns), "m", Texts())


def test_a_file_of_labels_gives_each_label_once_to_the_rows_of_a_chunk(tmp_path):
    rows = columns_of(4) | {"prediction_id": ["a", "b", "a", "c"]}
    del rows["label"]
    (chunk,) = chunks_of(written(tmp_path / "r", rows), spec_of())
    file = label_file(tmp_path, prediction_id=["c", "z", "a", "a"], label=[1, 1, 0, 1], revision=[0, 0, 0, 1])
    labels, places = file.of(chunk)
    assert (places.tolist(), labels.ids.packed()) == ([0, 0, 3], b"aac")
    assert (labels.revisions.tolist(), set(labels.event_ms.tolist())) == ([0, 1, 0], {UNKNOWN_MS})
    assert len(file.of(chunk)[1]) == 0
    assert file.rest().ids.packed() == b"z"


def test_whole_numbers_and_texts_name_the_same_prediction(tmp_path):
    (chunk,) = chunks_of(written(tmp_path / "r", columns_of(3)), spec_of())
    assert label_file(tmp_path, prediction_id=[2, 0], label=[1, 0]).of(chunk)[1].tolist() == [0, 2]
    assert label_file(tmp_path, prediction_id=["2", "0"], label=[1, 0]).of(chunk)[1].tolist() == [0, 2]


def test_rows_of_a_label_file_without_a_label_are_counted(tmp_path):
    file = label_file(tmp_path, prediction_id=[1, 2], label=[None, 1])
    assert (file.rows, file.nulls, len(file.rest())) == (2, 1, 1)


def test_a_null_label_time_is_that_of_the_prediction(tmp_path):
    file = label_file(tmp_path, prediction_id=[1, 2], label=[1, 1], label_time=pa.array([None, 7], pa.timestamp("ms")))
    assert sorted(file.rest().event_ms.tolist()) == [UNKNOWN_MS, 7]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"id": [1], "label": [1]}, "no column prediction_id; "),
        ({"prediction_id": ["a"], "lable": [1]}, "no column label; did you mean lable?"),
        ({"prediction_id": ["a"], "label": [1], "revision": [200]}, "revision of row 0 is 200: write whole numbers"),
        ({"prediction_id": ["a"], "label": [1], "label_time": ["x"]}, "label_time from row 0 on holds texts ('x')"),
    ],
)
def test_a_wrong_label_file_is_told(tmp_path, columns, said):
    with pytest.raises(BacktestError) as error:
        label_file(tmp_path, **columns)
    assert said in str(error.value)
