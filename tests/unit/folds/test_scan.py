"""The scan: which lines it takes itself, and what becomes of texts, names, times and sizes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from streamgauge import decode
from streamgauge.events import MAX_LINES, PredictionEvent

from stream.folds.base import PADDING, Record, Records
from stream.folds.frame import Frame
from stream.folds.frame_events import frame_of
from stream.folds.hash_kernels import hash64
from stream.folds.scan import WHOLE, cut_pool, scan_run
from stream.folds.scan.text_kernels import UNSURE, text_end
from stream.folds.scan.time_kernels import written_ms
from tests.frames import Row, bits, rows_of

LINES = (("content-type", b"application/x-ndjson"),)
EVENT = {"prediction_id": "a", "model": "m", "event_time": 7}


def line(**more: object) -> bytes:
    return json.dumps(EVENT | more, ensure_ascii=False).encode()


def scanned(*values: bytes, kind: str = "predictions", headers: tuple = (), partitions: int = 1):
    run = Records.of([Record(i, 0, value, headers=headers) for i, value in enumerate(values)])
    return scan_run(run, kind, partitions)


def frames(pool, limit: int = 500_000, partitions: int = 1) -> list[Frame]:
    pieces = cut_pool(pool, np.full(partitions, -1), limit).pieces
    return [msgspec.msgpack.decode(msgspec.msgpack.encode(piece.frame), type=Frame) for piece in pieces]


def rows(pool) -> list[Row]:
    return [row for frame in frames(pool) for row in rows_of(frame)]


def left(pool) -> list[int]:
    return [record for record, *_ in pool.lines_left()]


def buffer(data: bytes) -> np.ndarray:
    return np.frombuffer(bytearray(data + bytes(PADDING)), np.uint8)


USUAL = {
    "as the producer writes it": line(features={"x": 1.5, "y": "red", "z": None, "b": True}, score=0.5),
    "without white space": json.dumps(EVENT | {"features": {"x": 1}}, separators=(",", ":")).encode(),
    "with much white space": b' \r\n{\t"prediction_id" : "a" ,\n "model":"m" , "event_time" : 7, "features":{ } } \n',
    "in another order": b'{"event_time":7,"score":1,"model":"m","shadow":{"4":1},"features":{},"prediction_id":"a"}',
    "time as text": line(event_time="2013-01-01T10:15:00.123456789+05:30"),
    "NaN among the features": line(features={"x": float("nan"), "y": float("-inf")}),
    "nulls for what is optional": line(version=None, score=None, features=None, shadow=None, source=None),
    "other alphabets": line(features={"größe": "日本", "😀": "ﬁ"}, version="é"),
    "escapes": json.dumps(
        EVENT | {"features": {'grö"ß\\e': "日本😀\0\b\f\n\r\t/"}, "version": "\u07ff\uffff"}
    ).encode(),
    "escapes in upper case": line(version="x").replace(b'"x"', b'"\\u00E9\\/\\uD83D\\uDE00"'),
    "escaped ids": line(prediction_id='"', model="\\", label="\n"),
    "all fields": line(source="s", traceparent="t", version="1", label="x", shadow={"2": 1}, latency_ms=1e-3),
    "texts as long as they may be": line(version="x" * 256, features={"n" * 256: "v" * 5_000}),
}
UNUSUAL = {
    "an escape that is none": line(version="x").replace(b'"x"', b'"\\x"'),
    "an escape that is cut": line(version="x").replace(b'"x"', b'"\\u00e"'),
    "an escaped half of a pair": line(version="x").replace(b'"x"', b'"\\ud83d"'),
    "two escaped first halves": line(version="x").replace(b'"x"', b'"\\ud83d\\ud83d"'),
    "an escaped second half": line(version="x").replace(b'"x"', b'"\\ude00\\ud83d"'),
    "an escaped field name": line().replace(b"model", b"mod\\u0065l"),
    "half of a character behind an escape": line(version="\né").replace("é".encode(), b"\xc3"),
    "a field twice": b'{"prediction_id":"a","model":"m","event_time":7,"model":"n"}',
    "a feature twice": b'{"prediction_id":"a","model":"m","event_time":7,"features":{"x":1,"x":2}}',
    "a nested value": line(features={"x": [1]}),
    "a text of 257 bytes": line(version="é" * 129),
    "too many features": line(features={f"f{i}": i for i in range(2_001)}),
    "too many shadows": line(shadow={f"v{i}": i for i in range(65)}),
    "an unknown field": line(extra=1),
    "an empty id": line(prediction_id=""),
    "no id": b'{"model":"m","event_time":7}',
    "a null id": line(prediction_id=None),
    "NaN elsewhere": line(score=float("nan")),
    "a boolean score": line(score=True),
    "a time out of range": line(event_time=10**15 - 1),
    "a fraction of a millisecond": line(event_time=7.5),
    "no object": b"[]",
    "nothing": b"",
    "more behind it": line() + b"x",
    "a comma too many": b'{"prediction_id":"a","model":"m","event_time":7,}',
    "half of a character": line(version="é").replace("é".encode(), b"\xc3"),
    "half of a surrogate pair": line(version="é").replace("é".encode(), b"\xed\xa0\x80"),
    "a control character": line(version="x").replace(b'"x"', b'"\x01"'),
    "cut": line(features={"x": 1})[:-1],
}


@pytest.mark.parametrize("value", USUAL.values(), ids=USUAL.keys())
def test_a_usual_line_is_scanned_and_is_what_the_decoder_says(value):
    pool = scanned(value)
    assert left(pool) == []
    (event,) = decode("predictions", value)
    assert rows(pool) == rows_of(frame_of([event], [0]))


@pytest.mark.parametrize("value", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_an_unusual_line_is_left_and_its_neighbours_are_not(value):
    pool = scanned(line(), value, line())
    assert left(pool) == [1]
    assert [row.position >> 16 for row in rows(pool)] == [0, 2]


def test_labels_are_scanned_with_lane_and_revision():
    values = [line(label=1, kind="feedback", revision=3), line(label="yes", kind="truth"), line(label=False)]
    pool = scanned(*values, kind="labels")
    assert [(row.label, row.lane, row.revision) for row in rows(pool)] == [
        (bits(1), 1, 3),
        ("yes", 0, 0),
        (bits(0), 0, 0),
    ]
    for value in (
        line(),
        line(label=None),
        line(label=1, revision=128),
        line(label=1, kind="x"),
        line(label=1, score=1),
    ):
        assert left(scanned(value, kind="labels")) == [0]


def test_lines_are_numbered_without_the_blank_ones():
    value = b"\n".join([b"", line(), b" \t\x0b\r", b"x", line(), b""])
    pool = scanned(value, headers=LINES)
    assert [row.position for row in rows(pool)] == [0, 2]
    assert [(number, value[begin:end]) for _, number, begin, end in left_texts(pool, value)] == [(1, b"x")]


def left_texts(pool, value: bytes):
    start = bytes(pool.data).index(value)
    return [(record, number, begin - start, end - start) for record, number, begin, end in pool.lines_left()]


@pytest.mark.parametrize("value", [b"", b"\n \n", b"\n" * MAX_LINES, line() + b"\n" * MAX_LINES])
def test_records_of_no_line_or_too_many_are_left_whole(value):
    pool = scanned(line(), value, line(), headers=LINES)
    assert pool.lines_left() == [[1, 0, WHOLE, WHOLE]]
    assert [row.position >> 16 for row in rows(pool)] == [0, 2]


@pytest.mark.parametrize(
    ("headers", "is_left"),
    [
        ((("content-type", b"application/json"),), False),
        ((("Content-Type", b"Application/JSON"), ("traceparent", b"00-1")), False),
        ((("traceparent", b"00-1"),), False),
        ((("content-type", b"application/json; charset=utf-8"),), True),
        ((("content-type", b"application/cloudevents+json"),), True),
        ((("content-type", b"application/json"), ("content-type", b"application/x-ndjson")), True),
        ((("ce_specversion", b"1.0"),), True),
        ((("CE_id", b""),), True),
    ],
)
def test_headers_say_which_records_are_scanned(headers, is_left):
    assert scanned(line(), headers=headers).lines_left() == ([[0, 0, WHOLE, WHOLE]] if is_left else [])


def test_tables_grow_with_texts_names_and_lines_left():
    values = [line(model=f"m{i}", features={f"f{i}-{j}": f"v{i}-{j}" for j in range(40)}) for i in range(500)]
    pool = scanned(b"\n".join([each for value in values for each in (value, b"x")]), headers=LINES)
    assert len(pool.lines_left()) == 500
    found = rows(pool)
    assert [row.model for row in found] == [f"m{i}" for i in range(500)]
    assert all(dict(row.features)[f"f{i}-39"] == f"v{i}-39" for i, row in enumerate(found))


def test_names_with_quotes_in_them_are_not_taken_for_two_names():
    tricky = [line(features={'a":1,"b': 2}), line(features={"a": 1, "b": 2}), line(features={'a":1,"b': 3})]
    pool = scanned(*(value.replace(b" ", b"") for value in tricky))
    assert left(pool) == []
    assert [row.features for row in rows(pool)] == [
        (('a":1,"b', bits(2)),),
        (("a", bits(1)), ("b", bits(2))),
        (('a":1,"b', bits(3)),),
    ]


def test_many_escapes_find_room():
    values = [json.dumps(EVENT | {"features": {f"é{i}": "ß" * 500}}).encode() for i in range(200)]
    pool = scanned(*values, *[b"x" + value for value in values], *values)
    assert left(pool) == list(range(200, 400))
    assert [row.features for row in rows(pool)] == 2 * [((f"é{i}", "ß" * 500),) for i in range(200)]


def test_rows_of_the_general_path_stand_where_they_were_read():
    pool = scanned(line(features={"x": "red"}), b"", line(features={"x": "blue"}))
    event = PredictionEvent(prediction_id="b\0", model="m", event_time_ms=7, version="\n", features={"y": "red"})
    pool.add(frame_of([event], [1 << 16]), 1)
    one, two, three = rows(pool)
    assert (one.features, three.features) == ((("x", "red"),), (("x", "blue"),))
    assert [two] == rows_of(frame_of([event], [1 << 16]))


@pytest.mark.parametrize("limit", [700, 2_000, 50_000])
def test_a_frame_is_as_large_as_was_counted(limit):
    values = [
        line(prediction_id=f"id-{i}", model=f"m{i % 7}", features={f"f{j}": f"v{i % (j + 1)}" for j in range(i % 9)})
        for i in range(600)
    ]
    sizes = [len(msgspec.msgpack.encode(frame)) for frame in frames(scanned(*values), limit)]
    assert max(sizes) <= limit
    assert min(sizes[:-1]) > limit - 400 - limit // 20  # what a row may cost, and what the count is above the size
    assert [row.prediction_id for frame in frames(scanned(*values), limit) for row in rows_of(frame)] == [
        f"id-{i}" for i in range(600)
    ]


def test_texts_of_any_length_stand_in_the_ledger():
    sizes = [0, 1, 31, 32, 255, 256, 65_535, 65_536]
    value = line(features={f"f{size}": "x" * size for size in sizes} | {f"g{i}": "" for i in range(70_000 // 1_000)})
    many = [line(prediction_id=str(i), features={"x": f"text {i}"}) for i in range(70_000)]
    (row,) = rows(scanned(value))
    assert [len(dict(row.features)[f"f{size}"]) for size in sizes] == sizes
    (frame,) = frames(scanned(b"\n".join(many[:65_000]), b"\n".join(many[65_000:]), headers=LINES), 50_000_000)
    assert len(frame.texts) == 70_002
    assert frame.texts[-1] == "text 69999"


TIMES = [
    "2013-01-01T10:15:00Z", "1969-12-31T23:59:59.9995Z", "2020-02-29T00:00:00.0009995Z", "2000-02-29T12:00:00.5+14:00",
    "2020-12-31T23:59:59.999999999Z", "1900-01-01T00:00:00Z", "2299-12-31T23:59:59.999Z", "2020-01-01T00:00:00-00:00",
    "2020-03-01T00:00:00.123456-23:59", "1970-01-01T00:00:00.1Z",
]  # fmt: skip
NO_TIMES = [
    "", "2013-01-01", "2013-01-01T10:15:00", "2013-01-01 10:15:00Z", "2013-13-01T10:15:00Z", "2013-02-29T10:15:00Z",
    "1900-02-29T00:00:00Z", "2013-00-01T10:15:00Z", "2013-01-00T10:15:00Z", "2013-01-01T24:00:00Z",
    "2013-01-01T23:60:00Z", "2013-01-01T23:59:60Z", "2013-01-01T10:15:00+24:00", "2013-01-01T10:15:00+01:60",
    "2013-01-01T10:15:00+0100", "2013-01-01T10:15:00.Z", "2013-01-01T10:15:00.1234567890Z", "2013-01-01T10:15:00z",
    "2013-01-01T10:15:00Zx", "x013-01-01T10:15:00Z", "2013-01-01T10:15:00.5", "2013-01-01T1:15:00.00Z",
]  # fmt: skip


@pytest.mark.parametrize("text", TIMES)
def test_a_written_time_is_what_the_decoder_says(text):
    (event,) = decode("predictions", line(event_time=text))
    assert written_ms(buffer(text.encode()), 0, len(text)) == (True, event.event_time_ms)


@pytest.mark.parametrize("text", NO_TIMES)
def test_other_ways_to_write_a_time_are_left(text):
    assert not written_ms(buffer(text.encode()), 0, len(text))[0]


def test_every_day_of_four_centuries_has_its_number():
    at = datetime(1900, 1, 1, tzinfo=UTC)
    while at.year < 2300:
        text = at.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
        assert written_ms(buffer(text), 0, len(text)) == (True, round(at.timestamp()) * 1_000)
        at += timedelta(days=13, hours=7)


@pytest.mark.parametrize(
    "text", ["", "a", "x" * 7, "x" * 8, "x" * 9, "é", "x" * 7 + "é", "日本" * 9, "😀", "\x7f", "ÿ\u07ff\uffff"]
)
def test_a_text_ends_at_its_quote(text):
    data = text.encode()
    assert text_end(buffer(data + b'", "more"'), 0) == len(data)


@pytest.mark.parametrize(
    "data", [b"\\", b"\x00", b"\x1f", b"\xff", b"\xc0\x80", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]
)
@pytest.mark.parametrize("before", [0, 3, 7, 8, 21])
def test_a_text_that_is_none_is_left(before, data):
    assert text_end(buffer(b"x" * before + data + b'"'), 0) == UNSURE


def test_hashes_of_texts_are_those_of_frames():
    pool = scanned(line(features={"x": "größe"}))
    (frame,) = frames(pool)
    found = [int(hash64(buffer(text.encode()), 0, len(text.encode()), np.uint64(0))) for text in frame.texts]
    assert frame.columns().text_hashes.tolist() == found
