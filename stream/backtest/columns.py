"""What the columns of a file are, by name: what a spec asks for, what may be there, and what nobody reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from streamgauge.mend import closest
from streamgauge.spec import MonitorSpec

from stream.backtest.arrow import kind_of, plain
from stream.backtest.errors import BacktestError

ROW_FIELDS: Mapping[str, tuple[str, ...]] = {
    "event_time": ("time", "integer", "text"),
    "prediction_id": ("text", "integer"),
    "score": ("number",),
    "prediction": ("number", "text"),
    "label": ("number", "text"),
    "label_time": ("time", "integer", "text"),
    "version": ("text", "integer"),
}
"""Columns of rows that are no features, and what each may hold."""

LABEL_FIELDS: Mapping[str, tuple[str, ...]] = {
    "prediction_id": ("text", "integer"),
    "label": ("number", "text"),
    "label_time": ("time", "integer", "text"),
    "revision": ("integer",),
}
"""Columns of a file of labels."""

_FEATURES = {"number": ("number",), "category": ("text", "number")}
_MENDS = {
    "event_time": "write timestamps, or whole epoch milliseconds",
    "label_time": "write timestamps, or whole epoch milliseconds",
    "prediction_id": "write texts or whole numbers",
    "version": "write texts or whole numbers",
    "score": "write numbers: a probability, or the predicted value",
    "prediction": "write the predicted class or value: number, text or truth value",
    "label": "write the class or value that came true: number, text or truth value",
    "revision": "write whole numbers from 0 to 127",
}

Example = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file that are read.

    Attributes
    ----------
    features
        Name and kind of each feature, in the order of the spec.
    fields
        Names of `ROW_FIELDS` or `LABEL_FIELDS` that the file has.
    extra
        Names that nobody reads.
    """

    features: tuple[tuple[str, str], ...]
    fields: frozenset[str]
    extra: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """All that are read, each once."""
        return list(dict.fromkeys([*sorted(self.fields), *(name for name, _ in self.features)]))


def row_columns(file: str, schema: pa.Schema, spec: MonitorSpec, example: Example) -> Columns:
    """Return the columns of a file of rows.

    Parameters
    ----------
    file
        Its name, for messages.
    example
        Gives the first value of a column, for messages.

    Raises
    ------
    BacktestError
        If a feature of the spec has no column, a name stands twice, or a column holds another type than it must.
    """
    kinds = {name: feature.type for name, feature in spec.features.items()}
    _check_names(file, schema)
    problems = list(_absent(file, schema, list(kinds), ", a feature of the spec"))
    problems += _wrong_fields(file, schema, ROW_FIELDS, example)
    problems += _wrong_features(file, schema, kinds, example)
    if problems:
        raise BacktestError(problems)
    return _columns(schema, tuple(kinds.items()), ROW_FIELDS)


def label_columns(file: str, schema: pa.Schema, example: Example) -> Columns:
    """Return the columns of a file of labels; BacktestError as `row_columns`."""
    _check_names(file, schema)
    problems = list(_absent(file, schema, ["prediction_id", "label"], ""))
    problems += _wrong_fields(file, schema, LABEL_FIELDS, example)
    if problems:
        raise BacktestError(problems)
    return _columns(schema, (), LABEL_FIELDS)


def _columns(schema: pa.Schema, features: tuple[tuple[str, str], ...], fields: Mapping[str, object]) -> Columns:
    wanted = {name for name, _ in features} | set(fields)
    extra = tuple(name for name in schema.names if name not in wanted)
    return Columns(features, frozenset(fields) & frozenset(schema.names), extra)


def _check_names(file: str, schema: pa.Schema) -> None:
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise BacktestError([f"{file}: two columns are called {name}: rename one" for name in twice])


def _absent(file: str, schema: pa.Schema, wanted: Sequence[str], what: str) -> Iterator[str]:
    for name in wanted:
        if name not in schema.names:
            there = ", ".join(schema.names[:20]) or "none"
            yield f"{file}: no column {name}{what}; {closest(name, schema.names) or f'its columns are {there}'}"


def _wrong_fields(
    file: str, schema: pa.Schema, fields: Mapping[str, tuple[str, ...]], example: Example
) -> Iterator[str]:
    for name, allowed in fields.items():
        if name in schema.names and not _holds(schema.field(name).type, allowed):
            yield f"{file}: column {name} holds {_said(schema, name, example)}: {_MENDS[name]}"


def _wrong_features(file: str, schema: pa.Schema, kinds: Mapping[str, str], example: Example) -> Iterator[str]:
    for name, kind in kinds.items():
        if name in schema.names and not _holds(schema.field(name).type, _FEATURES[kind]):
            mend = "write numbers, or say type: category in the spec" if kind == "number" else "write texts or numbers"
            yield f"{file}: column {name} holds {_said(schema, name, example)}, the spec says {kind}: {mend}"


def _holds(type_: pa.DataType, allowed: Sequence[str]) -> bool:
    kind = kind_of(type_)
    if kind == "number" and "integer" in allowed:
        return bool(pa.types.is_integer(plain(pa.array([], type_)).type))
    return kind in allowed or kind == "nothing"


def _said(schema: pa.Schema, name: str, example: Example) -> str:
    value = example(name)
    return f"{schema.field(name).type}" + ("" if value is None else f" ({str(value)[:60]!r})")
