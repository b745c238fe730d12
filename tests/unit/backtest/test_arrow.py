"""Arrow columns of any type become words and times; nothing is a matter of width, dictionary or unit."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from streamgauge.events import PredictionEvent

from stream.backtest.arrow import number_words, numbers, times_ms
from stream.backtest.ids import Ids
from stream.backtest.texts import Texts
from stream.folds.frame import INVALID, MISSING, identity, text_hash
from stream.folds.frame_events import frame_of

NUMBERS = {
    "int8": pa.array([1, None, 3], pa.int8()),
    "uint64": pa.array([1, None, 3], pa.uint64()),
    "float16": pa.array([np.float16(1), None, np.float16(3)], pa.float16()),
    "float32": pa.array([1, float("nan"), 3], pa.float32()),
    "decimal": pa.array([Decimal(1), None, Decimal(3)], pa.decimal128(9, 2)),
    "dictionary": pa.array([1, None, 3], pa.int64()).dictionary_encode(),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_every_width_are_the_same_words(name):
    words = number_words(numbers(NUMBERS[name]))
    assert words.tolist() == [np.float64(1).view(np.uint64), MISSING, np.float64(3).view(np.uint64)]


def test_truth_values_are_0_and_1_and_a_column_of_nulls_is_missing():
    assert numbers(pa.array([True, False])).tolist() == [1.0, 0.0]
    assert number_words(numbers(pa.nulls(2))).tolist() == [MISSING, MISSING]


def test_an_infinity_is_invalid_and_not_missing():
    assert number_words(np.array([np.inf, -np.inf])).tolist() == [INVALID, INVALID]


@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.string_view()])
def test_texts_of_every_width_have_the_same_codes(type_):
    table = Texts(["m"])
    column = pa.array(["a", None, "b", "a"], pa.string()).cast(type_)
    assert table.codes(column).tolist() == [1, -1, 2, 1]
    assert table.codes(column.cast(pa.string()).dictionary_encode()).tolist() == [1, -1, 2, 1]
    assert table.hashes().tolist() == [text_hash(text) for text in ("m", "a", "b")]


def test_words_of_a_category_are_those_of_events():
    table = Texts(["m", "c"])
    words = table.words(pa.array(["red", None, "blue"]))
    events = [PredictionEvent(prediction_id="a", model="m", event_time_ms=0, features={"c": v}) for v in ("red", None)]
    assert words[:2].tolist() == frame_of(events, [0, 1]).columns().cells.tolist()


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1_500, -1], pa.timestamp("ns")), [0, -1]),
        (pa.array([1_500, -1], pa.timestamp("us", "America/New_York")), [1, -1]),
        (pa.array([1, -1], pa.timestamp("s")), [1_000, -1_000]),
        (pa.array([1, -1], pa.date32()), [86_400_000, -86_400_000]),
        (pa.array([7, 8], pa.int32()), [7, 8]),
    ],
)
def test_times_of_every_unit_are_milliseconds_rounded_down(column, expected):
    assert times_ms(column).tolist() == expected


def test_ids_are_hashed_as_events_are():
    ids = Ids.of(pa.array(["a", "långt", "c"], pa.large_string()).slice(1))
    assert ids.identities("m").tolist() == [identity("m", "långt"), identity("m", "c")]
    assert ids.take(np.array([1, 0, 1])).packed().decode() == "clångtc"
    assert Ids.joined([ids, ids.part(1, 2)]).packed().decode() == "långtcc"
