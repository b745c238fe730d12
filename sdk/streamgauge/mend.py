"""The slow path of decoding: reads a line field by field, and says which one is wrong, and how to mend it."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final, cast

import msgspec

from streamgauge.errors import RefusedError
from streamgauge.events import (
    EVENTS,
    MAX_FEATURES,
    MAX_REVISION,
    MAX_SHADOWS,
    MAX_TEXT,
    MAX_TIME_MS,
    MIN_TIME_MS,
    Code,
    Event,
    Kind,
    Refusal,
    Value,
    to_ms,
)

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

MAX_DEPTH: Final = 32
EXCERPT: Final = 1_000

_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*"')
_BRACKETS = re.compile(rb"[\[\]{}]")


def read(kind: Kind, line: bytes) -> Event | Refusal:
    """Return the event of one line, or the refusal of its first wrong field."""
    seen: dict[str, Json] = {}
    try:
        seen = _object(line)
        return msgspec.convert(_fields(kind, seen), EVENTS[kind])
    except RefusedError as error:
        return _told(error.refusal, seen, line)


def convert(kind: Kind, values: Mapping[str, Json]) -> Event | Refusal:
    """Return the event of values by field, as JSON has them, or the refusal of the first wrong one.

    >>> convert("labels", {"prediction_id": "a", "model": "m", "event_time": 5, "label": 1}).label
    1.0
    """
    try:
        return msgspec.convert(_fields(kind, values), EVENTS[kind])
    except RefusedError as error:
        return _told(error.refusal, values, json.dumps(values, separators=(",", ":")).encode())


def read_object(value: bytes) -> dict[str, Json]:
    """Return a JSON object; RefusedError if it is none."""
    try:
        found = msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        found = None
    return found if isinstance(found, dict) else _object(value)


def _told(refusal: Refusal, seen: Mapping[str, Json], line: bytes) -> Refusal:
    """Return a refusal with what the line says of itself."""
    said = {name: _said(seen, name) for name in ("model", "source")}
    return msgspec.structs.replace(refusal, **said, excerpt=excerpt(line), size=len(line))


def known(kind: Kind) -> tuple[str, ...]:
    """Return the names of an event's fields on the wire.

    >>> known("labels")[:3]
    ('prediction_id', 'model', 'event_time')
    """
    return tuple(_READERS[kind])


def required(kind: Kind) -> tuple[str, ...]:
    """Return the names of the fields that an event must have.

    >>> required("predictions")
    ('prediction_id', 'model', 'event_time')
    """
    return _REQUIRED[kind]


def excerpt(line: bytes) -> str:
    """Return the first 1,000 characters of a line, whatever its bytes are."""
    return line[: 4 * EXCERPT].decode("utf-8", "replace")[:EXCERPT]


def refused(code: Code, message: str, hint: str, value: bytes) -> Refusal:
    """Return the refusal of a whole record."""
    return Refusal(code=code, field="", message=message, hint=hint, excerpt=excerpt(value), size=len(value))


def closest(name: str, known: Iterable[str]) -> str:
    """Return ``did you mean …?`` for the known name most like `name`, in whatever case, or an empty text.

    >>> closest("predicton_id", ["prediction_id", "model"]), closest("Adwin", ["ADWIN", "KSWIN"])
    ('did you mean prediction_id?', 'did you mean ADWIN?')
    """
    by_lower = {each.lower(): each for each in known}
    found = difflib.get_close_matches(name[:MAX_TEXT].lower(), list(by_lower), n=1)
    return f"did you mean {by_lower[found[0]]}?" if found else ""


def _refuse(code: Code, field: str, message: str, hint: str = "") -> RefusedError:
    return RefusedError(Refusal(code=code, field=field, message=message, hint=hint))


def _said(seen: Mapping[str, Json], name: str) -> str:
    value = seen.get(name)
    return value[:MAX_TEXT].encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _show(value: Json) -> str:
    """Return a value as JSON, short, and what it is."""
    text = json.dumps(value)
    kinds = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    return "null" if value is None else f"{shown}, {kinds[type(value)]}"


# The line.


def _object(line: bytes) -> dict[str, Json]:
    value = _parse(line)
    if isinstance(value, dict):
        return value
    hint = "write one object per line, and send content-type: application/x-ndjson" if isinstance(value, list) else ""
    raise _refuse(Code.NOT_AN_OBJECT, "", f"an event is a JSON object, not {_show(value)}", hint)


def _parse(line: bytes) -> Json:
    if not line.strip():
        raise _refuse(Code.NOT_JSON, "", "the record is empty")
    if _depth(line) > MAX_DEPTH:
        raise _refuse(Code.NOT_JSON, "", f"nested deeper than {MAX_DEPTH} levels")
    try:
        value = cast(Json, json.loads(line.decode("utf-8"), parse_int=_whole))
        if b"\\u" in line:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise _refuse(Code.NOT_JSON, "", f"not UTF-8 at byte {error.start}", "encode the text as UTF-8") from None
    except UnicodeEncodeError:
        raise _refuse(Code.NOT_JSON, "", "a text holds half of a surrogate pair") from None
    except json.JSONDecodeError as error:
        raise _refuse(Code.NOT_JSON, "", f"not JSON at character {error.pos}: {error.msg}", _hint(line)) from None
    return value


def _depth(line: bytes) -> int:
    """Return how deep brackets nest outside of texts: a bound here, so that no stack decides what is read."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_TEXTS.sub(b"", line)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _whole(digits: str) -> int | float:
    """Read a whole number; one of very many digits as a float, infinite."""
    return int(digits) if len(digits) < 300 else float(digits)


def _hint(line: bytes) -> str:
    lines = [each for each in line.split(b"\n") if each.strip()]
    if len(lines) > 1 and all(each.strip().startswith(b"{") for each in lines):
        return "for many lines send the header content-type: application/x-ndjson"
    return "write field names and texts in double quotes" if b"'" in line and b'"' not in line else ""


# The fields: each reader takes the field's JSON pointer and its value, and returns the value for the event.

_Reader = Callable[[str, Json], object]


def _fields(kind: Kind, seen: Mapping[str, Json]) -> dict[str, object]:
    readers = _READERS[kind]
    for name in seen:
        if name not in readers:
            hint = closest(name, readers) or f"the fields of {kind} are {', '.join(readers)}"
            raise _refuse(Code.UNKNOWN_FIELD, _pointer("", name), f"unknown field {name[:MAX_TEXT]}", hint)
    for name in _REQUIRED[kind]:
        if seen.get(name) is None:
            said = "is null" if name in seen else "is missing"
            raise _refuse(Code.MISSING_FIELD, f"/{name}", f"the field {name} {said}", f"{kind} need {_PURPOSE[name]}")
    return {name: readers[name](f"/{name}", value) for name, value in seen.items() if value is not None}


def _pointer(parent: str, name: str) -> str:
    return f"{parent}/{name[:MAX_TEXT].replace('~', '~0').replace('/', '~1')}"


def _name(at: str, value: Json) -> str:
    if not isinstance(value, str):
        hint = f'write "{value}"' if type(value) is int else ""
        raise _refuse(Code.WRONG_TYPE, at, f"{at[1:]} is {_show(value)}, not a text", hint)
    if len(value) > MAX_TEXT:
        raise _refuse(Code.TOO_LONG, at, f"{at[1:]} has {len(value)} characters, above {MAX_TEXT}", "shorten it")
    return value


def _id(at: str, value: Json) -> str:
    if value == "":
        raise _refuse(Code.EMPTY_ID, at, f"{at[1:]} is an empty text", f"{at[1:]} must name something")
    return _name(at, value)


def _number(at: str, value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = "write the number without quotes" if isinstance(value, str) and _is_number(value) else ""
        raise _refuse(Code.WRONG_TYPE, at, f"{at[1:]} is {_show(value)}, not a number", hint)
    if not math.isfinite(value):
        raise _refuse(Code.INVALID_NUMBER, at, f"{at[1:]} is {value}, not a finite number", "leave it out, or null")
    return float(value)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _label(at: str, value: Json) -> float | bool | str:
    if isinstance(value, bool):
        return value
    if isinstance(value, list | dict):
        raise _refuse(Code.WRONG_TYPE, at, f"{at[1:]} is {_show(value)}, not a number, text or boolean")
    return _name(at, value) if isinstance(value, str) else _number(at, value)


def _lane(at: str, value: Json) -> str:
    if value == "truth" or value == "feedback":  # noqa: PLR1714 — `in` would not narrow the type
        return value
    raise _refuse(Code.WRONG_TYPE, at, f"kind is {_show(value)}", 'write "truth" or "feedback"')


def _revision(at: str, value: Json) -> int:
    if type(value) is int:
        if 0 <= value <= MAX_REVISION:
            return value
        hint = f"write a whole number from 0 to {MAX_REVISION}, higher for the newer truth"
        raise _refuse(Code.OUT_OF_RANGE, at, f"revision is {str(value)[:60]}", hint)
    raise _refuse(Code.WRONG_TYPE, at, f"revision is {_show(value)}, not a whole number", "write 1, without quotes")


def _time(at: str, value: Json) -> int:
    if isinstance(value, str):
        return _bounded(at, value, _written_time(at, value))
    if type(value) is int:
        return _bounded(at, str(value), value)
    raise _refuse(Code.BAD_TIME, at, f"event_time is {_show(value)}", _TIME_HINT)


_TIME_HINT: Final = 'write RFC 3339 with a zone, "2013-01-01T10:15:00Z", or whole epoch milliseconds, 1357035300000'


def _written_time(at: str, value: str) -> int:
    try:
        moment = msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        hint = "write epoch milliseconds without quotes" if value.lstrip("-").isdigit() else _TIME_HINT
        raise _refuse(Code.BAD_TIME, at, f"event_time is {_show(value)}, no RFC 3339 time", hint) from None
    if moment.tzinfo is None:
        hint = f'write "{value}Z" if it is in UTC, else its offset, as in "{value}+01:00"'
        raise _refuse(Code.BAD_TIME, at, f'event_time "{value}" needs a zone', hint)
    return to_ms(moment)


def _bounded(at: str, shown: str, ms: int) -> int:
    if MIN_TIME_MS <= ms <= MAX_TIME_MS:
        return ms
    hint = "event_time is in milliseconds, not in micro- or nanoseconds" if abs(ms) > 10**14 else ""
    raise _refuse(Code.BAD_TIME, at, f"event_time {shown[:60]} lies outside the years 1900 to 2299", hint)


def _features(at: str, value: Json) -> dict[str, Value]:
    named = _mapping(at, value, MAX_FEATURES, "features")
    return {name: _feature(each) for name, each in named.items()}


def _feature(value: Json) -> Value:
    """Return a feature's value; NaN for what is none: counted as invalid, while the event is used."""
    if isinstance(value, list | dict):
        return math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) else math.nan
    return value


def _shadow(at: str, value: Json) -> dict[str, float]:
    named = _mapping(at, value, MAX_SHADOWS, "shadow versions")
    return {name: _number(_pointer(at, name), each) for name, each in named.items()}


def _mapping(at: str, value: Json, most: int, what: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise _refuse(Code.WRONG_TYPE, at, f"{at[1:]} is {_show(value)}, not an object", 'write {"name": value}')
    if len(value) > most:
        raise _refuse(Code.TOO_LONG, at, f"{len(value)} {what}, above {most}", "send fewer")
    for name in value:
        if len(name) > MAX_TEXT:
            pointer = _pointer(at, name)
            raise _refuse(Code.TOO_LONG, pointer, f"a name of {len(name)} characters, above {MAX_TEXT}", "shorten it")
    return value


_COMMON: Final[dict[str, _Reader]] = {
    "prediction_id": _id,
    "model": _id,
    "event_time": _time,
    "source": _name,
    "traceparent": _name,
}
_READERS: Final[dict[Kind, dict[str, _Reader]]] = {
    "features": {**_COMMON, "features": _features},
    "predictions": {
        **_COMMON,
        "features": _features,
        "version": _name,
        "score": _number,
        "label": _label,
        "shadow": _shadow,
        "latency_ms": _number,
    },
    "labels": {**_COMMON, "label": _label, "kind": _lane, "revision": _revision},
}
_REQUIRED: Final[dict[Kind, tuple[str, ...]]] = {
    "features": ("prediction_id", "model", "event_time", "features"),
    "predictions": ("prediction_id", "model", "event_time"),
    "labels": ("prediction_id", "model", "event_time", "label"),
}
_PURPOSE: Final = {
    "prediction_id": "prediction_id, a text that joins the prediction and its label",
    "model": "model, the name of the model",
    "event_time": "event_time, when it happened",
    "features": "features, an object of values by name",
    "label": "label, the class or value that came true",
}
