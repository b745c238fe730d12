"""Arrow IPC streams: many events of one kind as columns, in one record.

A column is a field of the event. Features are one struct column ``features``, or columns ``features.<name>``; shadow
scores likewise. `model`, `version` and `source` may be keys of the schema's metadata instead: then they hold for
every row. pyarrow is imported at first use: the rest of the contract does without.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamgauge import mend
from streamgauge.arrow_stream import Stream, read_stream
from streamgauge.errors import RefusedError
from streamgauge.events import EVENTS, MAX_FEATURES, MAX_SHADOWS, Code, Event, FeatureEvent, Kind, Refusal
from streamgauge.lines import NOTHING_GIVEN, Given, given_to_each

if TYPE_CHECKING:
    import pyarrow as pa

ARROW: Final = "application/vnd.apache.arrow.stream"

Values = Sequence[Any]
"""A column as plain values, ``None`` where there is none."""

_CONSTANTS: Final = ("model", "version", "source")
_FINITE: Final = ("score", "label", "latency_ms")
_GROUPS: Final = {"features": MAX_FEATURES, "shadow": MAX_SHADOWS}


def read_arrow(kind: Kind, value: bytes, given: Given = NOTHING_GIVEN) -> list[Event | Refusal]:
    """Return an event or a refusal for each row; one refusal if the stream or its schema is wrong.

    Cost: some 2 µs a row and 0.2 µs a feature.
    """
    try:
        stream = read_stream(value)
        table = _Table(kind, stream)
        said = {name: text for name, text in stream.metadata.items() if name in _CONSTANTS and name in mend.known(kind)}
        return list(table.events({**given_to_each(given, stream.rows), **said}))
    except RefusedError as error:
        seen = error.refusal
        return [msgspec.structs.replace(seen, excerpt=seen.excerpt or mend.excerpt(value), size=len(value))]
    except UnicodeDecodeError as error:
        return [mend.refused(Code.NOT_ARROW, f"a name in the schema is not UTF-8: {error}", "", value)]


class _Table:
    """The columns of a stream as plain values, checked against the contract's fields."""

    def __init__(self, kind: Kind, stream: Stream) -> None:
        self.kind, self.rows = kind, stream.rows
        self.fields: dict[str, Values] = {}
        self.groups: dict[str, dict[str, Values]] = {}
        for name in stream.names:
            self._take(name, stream)
        for group, members in self.groups.items():
            most = _GROUPS[group]
            if len(members) > most:
                raise _refuse(Code.TOO_LONG, group, f"{len(members)} columns of {group}, above {most}", "send fewer")

    def _take(self, name: str, stream: Stream) -> None:
        group, dot, inner = name.partition(".")
        if group not in mend.known(self.kind) or (dot and group not in _GROUPS):
            raise _unknown(self.kind, name)
        if group not in _GROUPS:
            self.fields[name] = _READ[name](name, stream.column(name))
            return
        members = {inner: stream.column(name)} if dot else stream.members(name)
        mine = self.groups.setdefault(group, {})
        for member, column in members.items():
            if member in mine:
                message = f"{group} has {member[:256]} twice"
                raise _refuse(Code.UNKNOWN_FIELD, name, message, f"send a struct, or columns {group}.<name>, not both")
            mine[member] = _feature(column) if group == "features" else _number(f"{group}.{member}", column)

    def events(self, given: Mapping[str, str]) -> Iterator[Event | Refusal]:
        """Yield what the rows are."""
        for name in mend.required(self.kind):
            if name not in self.fields and name not in self.groups and name not in given:
                there = ", ".join([*self.fields, *self.groups]) or "none"
                raise _refuse(
                    Code.MISSING_FIELD, name, f"there is no column {name}", f"the columns are {there}"[:1_000]
                )
        event, odd = EVENTS[self.kind], self._not_finite()
        for number, row in enumerate(self._dicts(given)):
            try:
                if number not in odd:
                    yield msgspec.convert(row, event)
                    continue
            except (msgspec.ValidationError, OverflowError):
                pass
            yield self._mended(number, row)

    def _mended(self, number: int, row: dict[str, Any]) -> Event | Refusal:
        nulls = {name: None for name in mend.required(self.kind) if name not in row}
        found = mend.convert(self.kind, row | nulls)
        if isinstance(found, Refusal):
            return msgspec.structs.replace(found, message=f"row {number}: {found.message}")
        return found

    def _dicts(self, given: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yield rows as JSON would have them, without nulls."""
        groups = {group: self._grouped(group) for group in self.groups}
        names = (*self.fields, *groups)
        for values in zip(*self.fields.values(), *groups.values(), strict=True):
            row = {name: value for name, value in zip(names, values, strict=True) if value is not None}
            yield {**given, **row} if given else row

    def _grouped(self, group: str) -> Iterator[dict[str, Any]]:
        members = self.groups[group]
        if not members:
            return iter([{}] * self.rows)
        rows = zip(*members.values(), strict=True)
        if group == "features":
            return (dict(zip(members, row, strict=True)) for row in rows)
        return ({name: value for name, value in zip(members, row, strict=True) if value is not None} for row in rows)

    def _not_finite(self) -> set[int]:
        """Return the rows with a number that is not finite where one must be."""
        columns = [self.fields[name] for name in _FINITE if name in self.fields]
        columns += self.groups.get("shadow", {}).values()
        return {
            at for column in columns for at, value in enumerate(column)
            if value.__class__ is float and not math.isfinite(value)
        }  # fmt: skip


# Columns to plain values.


def _refuse(code: Code, name: str, message: str, hint: str) -> RefusedError:
    at = "/" + name[:256].replace("~", "~0").replace("/", "~1")
    return RefusedError(Refusal(code=code, field=at, message=message, hint=hint))


def _unknown(kind: Kind, name: str) -> RefusedError:
    known = mend.known(kind)
    hint = mend.closest(name, known) or f"the columns of {kind} are {', '.join(known)}"
    if name.startswith("__index_level_"):
        hint = "write the table with preserve_index=False"
    return _refuse(Code.UNKNOWN_FIELD, name, f"unknown column {name[:256]}", hint)


def _wrong(name: str, column: pa.ChunkedArray, wanted: str, cast: str) -> RefusedError:
    message = f"the column {name[:256]} is {str(column.type)[:256]}, not {wanted}"
    return _refuse(Code.WRONG_TYPE, name, message, f'cast it to {cast}: column.cast("{cast}")')


def _text(name: str, column: pa.ChunkedArray) -> Values:
    values = _texts(column)
    if values is None:
        raise _wrong(name, column, "text", "string")
    return values


def _number(name: str, column: pa.ChunkedArray) -> Values:
    values = _numbers(column)
    if values is None:
        raise _wrong(name, column, "numbers", "float64")
    return values


def _whole(name: str, column: pa.ChunkedArray) -> Values:
    import pyarrow as pa

    if not (pa.types.is_integer(column.type) or pa.types.is_null(column.type)):
        raise _wrong(name, column, "whole numbers", "int8")
    return list(column.to_pylist())


def _label(name: str, column: pa.ChunkedArray) -> Values:
    for read in (_numbers, _booleans, _texts):
        values = read(column)
        if values is not None:
            return values
    raise _wrong(name, column, "numbers, text or booleans", "string")


def _time(name: str, column: pa.ChunkedArray) -> Values:
    """Return epoch milliseconds, rounded down; texts stay what they are."""
    import pyarrow as pa

    if pa.types.is_integer(column.type):
        return list(column.to_pylist())
    if not pa.types.is_timestamp(column.type):
        return _text(name, column)
    if column.type.tz is None:
        hint = 'pyarrow.compute.assume_timezone(column, "UTC"), if it is in UTC'
        raise _refuse(Code.BAD_TIME, name, f"the column {name} is {column.type}, without a zone", hint)
    per_s = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[column.type.unit]
    return [None if at is None else at * 1_000 // per_s for at in column.cast(pa.int64()).to_pylist()]


def _feature(column: pa.ChunkedArray) -> Values:
    """Return a feature's values; NaN for values of other types: each counts as invalid, and the event is used."""
    for read in (_numbers, _booleans, _texts):
        values = read(column)
        if values is not None:
            return values
    return [math.nan if is_there else None for is_there in column.is_valid().to_pylist()]


def _numbers(column: pa.ChunkedArray) -> Values | None:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind):
        return list(column.to_pylist())
    return None


def _booleans(column: pa.ChunkedArray) -> Values | None:
    import pyarrow as pa

    return list(column.to_pylist()) if pa.types.is_boolean(column.type) else None


def _texts(column: pa.ChunkedArray) -> Values | None:
    """Return texts; those of a dictionary are shared by its rows, however long they are."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return list(column.to_pylist())
    if not (
        pa.types.is_dictionary(kind)
        and (pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type))
    ):
        return None
    found: list[str | None] = []
    for chunk in column.chunks:
        levels = chunk.dictionary.to_pylist()
        found += [None if code is None else levels[code] for code in chunk.indices.to_pylist()]
    return found


_READ: Final[dict[str, Callable[[str, Any], Values]]] = {
    **dict.fromkeys(("prediction_id", "model", "version", "source", "traceparent", "kind"), _text),
    **dict.fromkeys(("score", "latency_ms"), _number),
    "event_time": _time,
    "label": _label,
    "revision": _whole,
}


def encode_arrow(events: Sequence[Event]) -> bytes:
    """Return events of one kind as an Arrow IPC stream, to be sent with ``content-type`` `ARROW`.

    Features become columns ``features.<name>``: a name's values are all numbers, all booleans or all texts. What
    an event does not have is null.

    Raises
    ------
    ValueError
        If there are none, of several kinds, or a name has values of several types.
    """
    import pyarrow as pa

    if not events or len(set(map(type, events))) != 1:
        raise ValueError(f"a stream holds one or more events of one kind, got {len(events)}")
    rows = [json_row(event) for event in events]
    names = dict.fromkeys(name for row in rows for name in row)
    try:
        columns = {name: pa.array([row.get(name) for row in rows]) for name in names}
    except (pa.ArrowException, TypeError) as error:
        raise ValueError(f"a column has values of several types: {error}") from error
    if isinstance(events[0], FeatureEvent) and not any(name.startswith("features.") for name in names):
        columns["features"] = pa.array([{}] * len(rows), pa.struct([]))  # none at all, and said so
    columns["event_time"] = columns["event_time"].cast(pa.timestamp("ms", "UTC"))
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def json_row(event: Event) -> dict[str, object]:
    """Return an event's fields by column name.

    >>> from streamgauge.events import PredictionEvent
    >>> json_row(PredictionEvent(prediction_id="a", model="m", event_time_ms=5, features={"x": 1.0}))
    {'prediction_id': 'a', 'model': 'm', 'event_time': 5, 'features.x': 1.0}
    """
    fields: dict[str, Any] = {
        field.encode_name: value
        for field in msgspec.structs.fields(event)
        if (value := getattr(event, field.name)) is not None and value != field.default
    }
    for group in _GROUPS:
        fields |= {f"{group}.{name}": value for name, value in fields.pop(group, {}).items()}
    return fields
