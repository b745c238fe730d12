"""JSON to events: one object, or many lines.

An event in its usual form (time in milliseconds, nothing null) is one call; then one call and a copy for times as
text and nulls; what still fails is read field by field (`streamgauge.mend`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from streamgauge import mend
from streamgauge.events import (
    EVENTS,
    MAX_LINES,
    MAX_TIME_MS,
    MIN_TIME_MS,
    Code,
    Event,
    Features,
    Id,
    Kind,
    Lane,
    Name,
    Refusal,
    Revision,
    Scores,
    TimeMs,
    to_ms,
)

Given = Mapping[str, str]
"""Fields, by their name on the wire, that an event takes where it has none or null: what an envelope says."""

NOTHING_GIVEN: Final[Given] = {}


def read_one(kind: Kind, value: bytes, given: Given = NOTHING_GIVEN) -> list[Event | Refusal]:
    """Return the one event of a JSON object, or its refusal."""
    return [_filled(kind, value, given) if given else _read(kind, value)]


def read_lines(kind: Kind, value: bytes, given: Given = NOTHING_GIVEN) -> list[Event | Refusal]:
    """Return an event or a refusal for each line that is not blank; at least one.

    What is given holds for every line, but an id for one alone.
    """
    if value.count(b"\n") >= MAX_LINES:
        message = f"more than {MAX_LINES} lines in one record"
        return [mend.refused(Code.TOO_MANY_LINES, message, "send several records", value)]
    lines = [line for line in value.split(b"\n") if line and not line.isspace()]
    if not lines:
        return [mend.read(kind, value)]
    if not given:
        return [_read(kind, line) for line in lines]
    shared = given_to_each(given, len(lines))
    return [_filled(kind, line, shared) for line in lines]


def given_to_each(given: Given, rows: int) -> Given:
    """Return what is given to each of so many rows: an id is one row's alone.

    >>> given_to_each({"prediction_id": "a", "source": "s"}, 2)
    {'source': 's'}
    """
    return given if rows == 1 else {name: value for name, value in given.items() if name != "prediction_id"}


class _Written(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Any event with its time as text and optional fields null."""

    prediction_id: Id
    model: Id
    event_time: Annotated[datetime, Meta(tz=True)] | TimeMs
    source: Name | None = None
    traceparent: Name | None = None


class _WrittenFeatures(_Written, kw_only=True):
    features: Features


class _WrittenPrediction(_Written, kw_only=True):
    features: Features | None = None
    version: Name | None = None
    score: float | None = None
    label: float | bool | Name | None = None
    shadow: Scores | None = None
    latency_ms: float | None = None


class _WrittenLabel(_Written, kw_only=True):
    label: float | bool | Name
    kind: Lane | None = None
    revision: Revision | None = None


WRITTEN: Final[dict[Kind, type[_Written]]] = {
    "features": _WrittenFeatures,
    "predictions": _WrittenPrediction,
    "labels": _WrittenLabel,
}
"""What may be written as JSON, by kind: the source of the contract's schemas."""

_exact: Final = {kind: msgspec.json.Decoder(event) for kind, event in EVENTS.items()}
_written: Final[dict[Kind, msgspec.json.Decoder[_Written]]] = {
    kind: msgspec.json.Decoder(written) for kind, written in WRITTEN.items()
}
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NULL: Final = msgspec.Raw(b"null")


def _read(kind: Kind, line: bytes) -> Event | Refusal:
    try:
        return _exact[kind].decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        event = _event(kind, _written[kind].decode(line))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        event = None
    return mend.read(kind, line) if event is None else event


def _event(kind: Kind, written: _Written) -> Event | None:
    ms = to_ms(written.event_time)
    if not MIN_TIME_MS <= ms <= MAX_TIME_MS:
        return None
    fields = {name: value for name in written.__struct_fields__ if (value := getattr(written, name)) is not None}
    del fields["event_time"]
    return EVENTS[kind](event_time_ms=ms, **fields)


def _filled(kind: Kind, line: bytes, given: Given) -> Event | Refusal:
    """Read a line with what it leaves out; a refusal shows the line as it came."""
    try:
        said = _object.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _filled_slowly(kind, line, given)
    absent = {name: value for name, value in given.items() if said.get(name, _NULL) == _NULL}
    found = _read(kind, msgspec.json.encode({**said, **absent}))
    return _as_it_came(found, line)


def _filled_slowly(kind: Kind, line: bytes, given: Given) -> Event | Refusal:
    """Read a line that strict JSON is not, but Python's is: it holds a NaN or an infinity."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return mend.read(kind, line)
    if not isinstance(said, dict):
        return mend.read(kind, line)
    absent = {name: value for name, value in given.items() if said.get(name) is None}
    return _as_it_came(_read(kind, json.dumps({**said, **absent}).encode()), line)


def _as_it_came(found: Event | Refusal, line: bytes) -> Event | Refusal:
    if isinstance(found, Refusal):
        return msgspec.structs.replace(found, excerpt=mend.excerpt(line), size=len(line))
    return found
