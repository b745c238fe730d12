"""Arrow IPC streams are read as JSON is: same events, same refusals, and no bytes can do harm."""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from streamgauge import Code, FeatureEvent, LabelEvent, PredictionEvent, Refusal, decode
from streamgauge.arrow import encode_arrow
from streamgauge.arrow_stream import MAX_CELLS, MAX_ROWS
from streamgauge.wire import ARROW_HEADERS

AT = pa.array([1_000, 2_000], pa.timestamp("us", "UTC"))
GOOD = {"prediction_id": ["a", "b"], "model": ["m", "m"], "event_time": AT}


def stream(columns, metadata=None, options=None) -> bytes:
    table = (columns if isinstance(columns, pa.Table) else pa.table(columns)).replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def read(kind, columns, metadata=None):
    return decode(kind, stream(columns, metadata), ARROW_HEADERS)


def refusal(kind, value) -> Refusal:
    (found,) = decode(kind, value if isinstance(value, bytes) else stream(value), ARROW_HEADERS)
    assert isinstance(found, Refusal), found
    return found


FEATURES = {
    "one struct": {"features": [{"x": 1, "c": "red"}, {"x": None, "c": "blue"}]},
    "columns with a dot": {"features.x": [1, None], "features.c": pa.array(["red", "blue"]).dictionary_encode()},
    "views of text": {"features.x": [1.0, None], "features.c": pa.array(["red", "blue"], pa.string_view())},
}


@pytest.mark.parametrize("features", FEATURES.values(), ids=FEATURES.keys())
def test_features_are_a_struct_or_columns_of_their_own(features):
    first, second = read("predictions", GOOD | features | {"score": [0.25, None], "version": ["3", ""]})
    assert first == PredictionEvent(
        prediction_id="a", model="m", event_time_ms=1, features={"x": 1.0, "c": "red"}, version="3", score=0.25
    )
    assert second == PredictionEvent(prediction_id="b", model="m", event_time_ms=2, features={"x": None, "c": "blue"})


def test_model_version_and_source_may_be_metadata_and_a_column_goes_first():
    rows = {"prediction_id": ["a", "b"], "event_time": [1, 2], "source": ["x", None]}
    found = read("predictions", rows, {"model": "m", "version": "3", "source": "batch"})
    assert [(each.model, each.version, each.source) for each in found] == [("m", "3", "x"), ("m", "3", "batch")]


def test_shadow_scores_are_a_struct_or_columns_and_absent_where_null():
    for shadow in ({"shadow.4": [0.5, None]}, {"shadow": [{"4": 0.5}, None]}):
        assert [each.shadow for each in read("predictions", GOOD | shadow)] == [{"4": 0.5}, {}]


def test_labels_are_numbers_texts_or_booleans_with_revisions():
    found = read("labels", GOOD | {"label": ["yes", "no"], "kind": ["truth", "feedback"], "revision": [2, None]})
    assert found[0] == LabelEvent(prediction_id="a", model="m", event_time_ms=1, label="yes", revision=2)
    assert (found[1].kind, found[1].revision) == ("feedback", 0)
    assert [each.label for each in read("labels", GOOD | {"label": [True, False]})] == [True, False]
    assert [each.label for each in read("labels", GOOD | {"label": [1, 0]})] == [1.0, 0.0]


TIMES = {
    "seconds": pa.array([1_357_035_300] * 2, pa.timestamp("s", "UTC")),
    "nanoseconds, elsewhere": pa.array([1_357_035_300_000_999_999] * 2, pa.timestamp("ns", "America/New_York")),
    "milliseconds": pa.array([1_357_035_300_000] * 2, pa.int64()),
    "text": ["2013-01-01T10:15:00Z", "2013-01-01T11:15:00+01:00"],
}


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES.keys())
def test_times_are_timestamps_with_a_zone_milliseconds_or_text(times):
    found = read("predictions", GOOD | {"event_time": times})
    assert [each.event_time_ms for each in found] == [1_357_035_300_000] * 2


def test_a_time_before_1970_is_rounded_down():
    times = pa.array([-1, -1_000_001], pa.timestamp("us", "UTC"))
    assert [each.event_time_ms for each in read("predictions", GOOD | {"event_time": times})] == [-1, -1001]


def test_a_feature_that_is_no_value_is_invalid_and_the_event_is_used():
    found = read(
        "features", GOOD | {"features": [{"x": [1], "d": datetime(2013, 1, 1, tzinfo=UTC), "n": math.nan}, None]}
    )
    assert all(isinstance(each, FeatureEvent) for each in found)
    assert all(math.isnan(found[0].features[name]) for name in "xdn")
    assert found[1].features == {"x": None, "d": None, "n": None}


ROWS = {
    "null model": ({"model": ["m", None]}, Code.MISSING_FIELD, "/model", "row 1: the field model is null", "name of"),
    "empty id": ({"prediction_id": ["a", ""]}, Code.EMPTY_ID, "/prediction_id", "row 1: prediction_id is an empty", ""),
    "long id": ({"prediction_id": ["a", "b" * 300]}, Code.TOO_LONG, "/prediction_id", "row 1: prediction_id has", ""),
    "NaN score": ({"score": [0.5, math.nan]}, Code.INVALID_NUMBER, "/score", "row 1: score is nan", "leave it out"),
    "infinite shadow": ({"shadow.4": [0.5, math.inf]}, Code.INVALID_NUMBER, "/shadow/4", "row 1: shadow/4 is inf", ""),
    "time in seconds of 2 million years": (
        {"event_time": pa.array([0, 2**45], pa.timestamp("s", "UTC"))}, Code.BAD_TIME, "/event_time", "outside", "",
    ),
    "a date in the text": (
        {"event_time": ["2013-01-01T10:15:00Z", "2013-01-01"]}, Code.BAD_TIME, "/event_time", "no RFC 3339", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "code", "field", "message", "hint"), ROWS.values(), ids=ROWS.keys())
def test_a_bad_row_is_refused_by_its_number_and_leaves_its_neighbours_alone(change, code, field, message, hint):
    good, bad = read("predictions", GOOD | change)
    assert isinstance(good, PredictionEvent)
    assert (bad.code, bad.field) == (code, field)
    assert message in bad.message
    assert hint in bad.hint
    assert '"event_time"' in bad.excerpt


def test_a_label_event_without_a_label_is_refused_by_row():
    good, bad = read("labels", GOOD | {"label": [1, None], "revision": [0, 1]})
    assert isinstance(good, LabelEvent)
    assert (bad.field, bad.message) == ("/label", "row 1: the field label is null")
    good, bad = read("labels", GOOD | {"label": [1, 1], "revision": [0, 128]})
    assert (bad.code, bad.message) == (Code.OUT_OF_RANGE, "row 1: revision is 128")


WITHOUT_TIME = {name: values for name, values in GOOD.items() if name != "event_time"}
SCHEMAS = {
    "no time": (WITHOUT_TIME, Code.MISSING_FIELD, "/event_time", "no column event_time", "prediction_id, model"),
    "no zone": (
        GOOD | {"event_time": pa.array([1, 2], pa.timestamp("ms"))},
        Code.BAD_TIME, "/event_time", "timestamp[ms], without a zone", "assume_timezone",
    ),
    "a date": (GOOD | {"event_time": pa.array([1, 2], pa.date32())}, Code.WRONG_TYPE, "/event_time", "date32", "cast"),
    "typo": (GOOD | {"scor": [1.0, 2.0]}, Code.UNKNOWN_FIELD, "/scor", "unknown column scor", "did you mean score?"),
    "a dot too many": (GOOD | {"label.x": [1, 2]}, Code.UNKNOWN_FIELD, "/label.x", "unknown column", ""),
    "pandas' index": (GOOD | {"__index_level_0__": [1, 2]}, Code.UNKNOWN_FIELD, "/__index_level_0__", "", "preserve"),
    "numbers as id": (GOOD | {"prediction_id": [1, 2]}, Code.WRONG_TYPE, "/prediction_id", "is int64, not", "string"),
    "text as score": (GOOD | {"score": ["1", "2"]}, Code.WRONG_TYPE, "/score", "is string, not numbers", "float64"),
    "lists as label": (GOOD | {"label": [[1], [2]]}, Code.WRONG_TYPE, "/label", "is list<", "cast"),
    "text as features": (GOOD | {"features": ["x", "y"]}, Code.WRONG_TYPE, "/features", "not a struct", "features.<n"),
    "features twice": (
        GOOD | {"features": [{"x": 1}] * 2, "features.x": [1, 2]}, Code.UNKNOWN_FIELD, "/features.x", "x twice", "both",
    ),
    "too many features": (
        GOOD | {f"features.{at}": [1, 2] for at in range(2_001)}, Code.TOO_LONG, "/features", "2001 columns", "fewer",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("columns", "code", "field", "message", "hint"), SCHEMAS.values(), ids=SCHEMAS.keys())
def test_a_wrong_schema_is_one_refusal_that_names_the_column_and_the_mend(columns, code, field, message, hint):
    found = refusal("predictions", columns)
    assert (found.code, found.field) == (code, field)
    assert message in found.message
    assert hint in found.hint
    assert found.size > 0


def test_a_column_that_is_there_twice_is_refused():
    table = pa.table([["a"], ["b"]], names=["prediction_id", "prediction_id"])
    assert "prediction_id is there twice" in refusal("labels", table).message


def test_too_many_rows_refuse_the_record():
    full = {name: pa.array([values[0]] * (MAX_ROWS + 1)) for name, values in GOOD.items()}
    assert refusal("predictions", full).code is Code.TOO_MANY_LINES
    assert len(read("predictions", pa.table(full).slice(1))) == MAX_ROWS


def test_too_many_values_refuse_the_record():
    columns = MAX_CELLS // MAX_ROWS
    wide = {f"features.{at}": pa.nulls(MAX_ROWS) for at in range(columns)}
    full = {name: pa.array([values[0]] * MAX_ROWS) for name, values in GOOD.items()}
    assert refusal("predictions", full | wide).code is Code.TOO_LARGE


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
@pytest.mark.parametrize("is_dictionary", [False, True])
def test_compressed_buffers_are_refused_before_they_are_opened(codec, is_dictionary):
    ids = pa.array(["a" * 200, "a" * 200])
    columns = GOOD | {"prediction_id": ids.dictionary_encode() if is_dictionary else ids}
    found = refusal("predictions", stream(columns, options=pa.ipc.IpcWriteOptions(compression=codec)))
    assert (found.code, "compression=None" in found.hint) == (Code.NOT_ARROW, True)


def test_columns_that_share_their_bytes_are_refused():
    text = pa.array(["x" * 100_000] * 2)
    value = stream(GOOD | {f"features.{at}": text for at in range(2)})
    assert len(decode("predictions", value, ARROW_HEADERS)) == 2
    one = pa.array(["x" * 100_000], pa.string_view())
    validity, view, text = one.buffers()
    views = pa.Array.from_buffers(one.type, 100, [validity, pa.py_buffer(bytes(view)[:16] * 100), text])
    many = {"prediction_id": ["a"] * 100, "model": ["m"] * 100, "event_time": [1] * 100, "features.x": views}
    assert refusal("predictions", many).message == "columns that share their bytes"


WHOLE = stream(GOOD)


@pytest.mark.parametrize("value", [b"", b"x", b"ARROW1\0\0", WHOLE[:-40], WHOLE[:100], b"\xff" * 64], ids=len)
def test_what_is_no_stream_is_refused(value):
    assert refusal("predictions", value).code is Code.NOT_ARROW


def test_a_file_is_told_from_a_stream():
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, pa.table(GOOD).schema) as writer:
        writer.write_table(pa.table(GOOD))
    assert "new_stream" in refusal("predictions", bytes(sink.getvalue())).hint


def test_no_rows_are_refused():
    assert refusal("predictions", pa.table(GOOD).slice(0, 0)).message == "the stream has no rows"


def test_events_of_several_kinds_or_types_cannot_be_encoded():
    label = LabelEvent(prediction_id="a", model="m", event_time_ms=1, label=1)
    features = FeatureEvent(prediction_id="a", model="m", event_time_ms=1, features={"x": 1.0})
    with pytest.raises(ValueError, match="one kind"):
        encode_arrow([label, features])
    with pytest.raises(ValueError, match="several types"):
        encode_arrow([label, LabelEvent(prediction_id="a", model="m", event_time_ms=1, label="yes")])


def test_the_contract_is_imported_without_pyarrow_and_says_when_it_is_needed():
    program = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from streamgauge.wire import ARROW_HEADERS, decode\n"
        "print(decode('labels', b'', ARROW_HEADERS)[0].hint)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "pip install pyarrow"
