"""For every byte string, scan and general path together say what the decoder says: same events, same refusals."""

from __future__ import annotations

import json
import struct

from hypothesis import example, given, settings
from hypothesis import strategies as st
from streamgauge import decode
from streamgauge.events import Kind, Refusal

from stream.folds.base import Record
from stream.folds.blocks import Source, decode_entry, place
from stream.folds.deadletters import dead_letter
from stream.folds.frame_events import frame_of
from stream.folds.intake import Intake
from tests.frames import rows_of
from tests.property.test_wire_laws import EVENTS  # events of any kind, as the contract allows them

LINES = (("content-type", b"application/x-ndjson"),)
HEADERS = st.sampled_from([
    (), LINES, LINES, (("content-type", b"application/json"),), (("Content-Type", b"application/x-ndjson"), ("a", b"")),
    (("ce_id", b"x"),), (("content-type", b"application/x-ndjson; a=b"),),
])  # fmt: skip
KINDS: st.SearchStrategy[Kind] = st.sampled_from(["predictions", "predictions", "labels"])
TEXTS = st.sampled_from(["a", "b", "", "é€", "日本", 'q"e', "\n", "x" * 256, "é" * 200])
NUMBERS = st.floats() | st.integers(-(2**70), 2**70) | st.floats(-10, 10).map(lambda x: round(x, 4))
VALUES = st.none() | st.booleans() | NUMBERS | TEXTS | st.just([1])
TIMES = (
    st.integers(-(10**13), 10**14)
    | st.datetimes().map(lambda at: at.isoformat() + "Z")
    | st.sampled_from(["2020-02-29T12:34:56.789123+05:30", "1969-12-31T23:59:59.9995Z", "2021-02-29T00:00:00Z"])
)
COMMON = {"prediction_id": TEXTS, "model": TEXTS, "event_time": TIMES}
OPTIONAL = {"source": TEXTS | st.none(), "traceparent": TEXTS, "label": VALUES}
OBJECTS = {
    "predictions": st.fixed_dictionaries(
        COMMON,
        optional=OPTIONAL
        | {
            "features": st.dictionaries(TEXTS, VALUES, max_size=5) | st.none(),
            "shadow": st.dictionaries(TEXTS, NUMBERS, max_size=3),
            "version": TEXTS | st.none(),
            "score": NUMBERS | st.none(),
            "latency_ms": NUMBERS,
        },
    ),
    "labels": st.fixed_dictionaries(
        COMMON,
        optional=OPTIONAL
        | {"kind": st.sampled_from(["truth", "feedback", None, "x"]), "revision": st.integers(-1, 128)},
    ),
}
PIECES = st.sampled_from([
    b'"', b"\\", b"{", b"}", b",", b":", b" ", b"\n", b"\t", b"null", b"true", b"NaN", b"-Infinity", b"0", b"9", b"-",
    b".", b"e", b"E5", b"[]", b"{}", b"\xff", b"\xc3\xa9", b"\xed\xa0\x80", b"\x00", b"\x0b", b'"x":1,', b'""',
    b'"model":"k",', b'"features":{"x":1},', b"12345678901234567890", b"\\u0041", b"18446744073709551616", b"+23:59",
    b".123456789",
])  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, kind: Kind) -> bytes:
    """Draw a line that is nearly an event: an event, some of whose bytes are replaced, dropped, doubled."""
    ascii_only, tight = draw(st.booleans()), draw(st.booleans())
    separators = (",", ":") if tight else (", ", ": ")
    line = json.dumps(draw(OBJECTS[kind]), ensure_ascii=ascii_only, separators=separators).encode()
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2, 4]))):
        start = draw(st.integers(0, len(line)))
        stop = min(len(line), start + draw(st.sampled_from([0, 0, 1, 2, 5, 20])))
        middle = draw(PIECES | st.just(b"") | st.just(2 * line[start:stop]) | st.binary(max_size=2))
        line = line[:start] + middle + line[stop:]
    return line


@st.composite
def runs(draw: st.DrawFn) -> tuple[Kind, list[Record]]:
    kind, offset, run = draw(KINDS), 0, []
    for _ in range(draw(st.integers(1, 4))):
        headers = draw(HEADERS)
        lines = draw(st.lists(mutated(kind), min_size=1, max_size=4 if headers else 1))
        key = draw(st.sampled_from([b"", b'{"k":1}', b"  "]))
        run.append(Record(offset, offset + 9, b"\n".join(lines), key, headers))
        offset += draw(st.integers(1, 3))
    return kind, run


def said(kind: Kind, run: list[Record]) -> tuple[list, list]:
    """Return rows and dead letters as the decoder says them, record by record."""
    events, positions, letters = [], [], []
    for record in run:
        for line, found in enumerate(decode(kind, record.value, record.headers)):
            if isinstance(found, Refusal):
                letters.append(dead_letter(Source(kind, "id", 0), record.position, line, record.append_ms, found))
            else:
                events.append(found)
                positions.append(place(record.position, line))
    return rows_of(frame_of(events, positions)), letters


def found(kind: Kind, run: list[Record], partitions: int) -> tuple[list, list]:
    result = Intake(partitions).split(Source(kind, "id", 0), run, {})
    rows = [row for output in result.outputs for row in rows_of(decode_entry(output.value).frame)]
    return sorted(rows, key=lambda row: row.position), result.dead_letters


@settings(deadline=None)  # the first call of a kernel may compile it
@given(runs(), st.sampled_from([1, 3]))
def test_a_run_becomes_the_rows_and_dead_letters_that_the_decoder_says(case, partitions):
    kind, run = case
    assert found(kind, run, partitions) == said(kind, run)


@settings(deadline=None)
@given(KINDS, st.lists(st.binary(max_size=60), max_size=5), HEADERS)
@example("predictions", [b"{" * 2_000], ())
def test_any_bytes_are_read_as_the_decoder_reads_them(kind, values, headers):
    run = [Record(i, i, value, headers=headers) for i, value in enumerate(values)]
    if run:
        assert found(kind, run, 1) == said(kind, run)


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**64 - 1), max_size=20))
def test_every_number_comes_back_to_the_last_bit(values):
    event = {
        "prediction_id": "a",
        "model": "m",
        "event_time": 0,
        "features": {f"f{i}": v for i, v in enumerate(values)},
    }
    ((row,), _) = found("predictions", [Record(0, 0, json.dumps(event).encode())], 1)
    assert [row.feature(f"f{i}") for i in range(len(values))] == [struct.pack("d", float(v)) for v in values]


@settings(deadline=None)
@given(st.lists(EVENTS["predictions"], min_size=1, max_size=6))
def test_events_of_the_contract_are_rows(events):
    from streamgauge import encode_lines

    run = [Record(0, 0, encode_lines(events), headers=LINES)]
    assert found("predictions", run, 1) == said("predictions", run)
    assert len(found("predictions", run, 3)[0]) == len(events)
