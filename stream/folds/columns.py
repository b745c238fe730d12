"""Events to columns: what `intake` writes into the ledger's blocks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

import numpy as np
from streamgauge.events import LabelEvent, PredictionEvent, Value

from stream.folds.blocks import INVALID, MISSING, NUMBER, Column, Rows, number_column, text_column

RowEvent = PredictionEvent | LabelEvent

_NUMBERS: Final = frozenset({float, int, bool})
_NUMBERS_OR_NONE: Final = _NUMBERS | {type(None)}


@dataclass(frozen=True, slots=True)
class Group:
    """Events of one model and kind, in source order, with their positions in the source, not yet in columns.

    Attributes
    ----------
    names
        Names of all features that any event carries, sorted; none for labels.
    """

    model: str
    events: Sequence[RowEvent]
    positions: Sequence[int]
    names: tuple[str, ...]

    @property
    def cells(self) -> int:
        """How many values the feature columns hold: what they cost, known before they are built."""
        return len(self.events) * len(self.names)


def group(events: Sequence[RowEvent], positions: Sequence[int]) -> list[Group]:
    """Return events of one kind by model, models in order of first appearance."""
    by_model: dict[str, tuple[list[RowEvent], list[int]]] = {}
    for event, position in zip(events, positions, strict=True):
        mine = by_model.get(event.model)
        if mine is None:
            mine = by_model[event.model] = ([], [])
        mine[0].append(event)
        mine[1].append(position)
    return [Group(model, mine, at, _names(mine)) for model, (mine, at) in by_model.items()]


def _names(events: Sequence[RowEvent]) -> tuple[str, ...]:
    return tuple(sorted(set[str]().union(*(each.features for each in events if isinstance(each, PredictionEvent)))))


def rows_of(rows: Group) -> Rows:
    """Return the events as columns.

    >>> event = PredictionEvent(prediction_id="a", model="m", event_time_ms=7, features={"x": 1.5, "y": "red"})
    >>> [(c.name, c.number_array(1).tolist(), c.levels) for c in rows_of(group([event], [0])[0]).features]
    [('x', [1.5], ()), ('y', [nan], ('red',))]
    """
    predictions = [each for each in rows.events if isinstance(each, PredictionEvent)]
    labels = [each for each in rows.events if isinstance(each, LabelEvent)]
    n = len(rows.events)
    return Rows(
        kind="prediction" if predictions else "label",
        model=rows.model,
        n=n,
        positions=np.array(rows.positions, "<i8").tobytes(),
        event_ms=np.array([each.event_time_ms for each in rows.events], "<i8").tobytes(),
        ids=tuple([each.prediction_id for each in rows.events]),
        version=text_column("version", [each.version for each in predictions] or [""] * n),
        source=text_column("source", [each.source for each in rows.events]),
        label=value_column("label", [each.label for each in rows.events]),
        lane=text_column("lane", [each.kind for each in labels] or [""] * n),
        score=_floats([each.score for each in predictions]),
        latency_ms=_floats([each.latency_ms for each in predictions]),
        shadow=_shadow([each.shadow for each in predictions]),
        features=_features(rows.names, [each.features for each in predictions]),
    )


def value_column(name: str, values: Sequence[Value]) -> Column:
    """Return a column of any values: ``None`` is missing, a number that is not finite is invalid.

    >>> value_column("x", [1.0, None, float("nan"), "red", True]).code_array(5).tolist()
    [-3, -1, -2, 0, -3]
    """
    types = set(map(type, values))
    if types <= _NUMBERS:
        return number_column(name, np.array(values, np.float64))
    if types == {str}:
        return text_column(name, [value for value in values if isinstance(value, str)])
    if types <= _NUMBERS_OR_NONE:
        return _number_column(name, values)
    return _mixed_column(name, values)


def _number_column(name: str, values: Sequence[Value]) -> Column:
    """Return a column of numbers of which some are missing."""
    numbers = np.array(values, np.float64)
    finite = np.isfinite(numbers)
    codes = np.where(finite, NUMBER, INVALID).astype("<i4")
    codes[[at for at in np.flatnonzero(~finite).tolist() if values[at] is None]] = MISSING
    data = np.where(finite, numbers, np.nan).tobytes() if finite.any() else b""
    return Column(name, data, codes.tobytes(), ())


def _mixed_column(name: str, values: Sequence[Value]) -> Column:
    levels: dict[str, int] = {}
    codes = [_code(value, levels) for value in values]
    numbers = [math.nan if code != NUMBER else float(values[at] or 0) for at, code in enumerate(codes)]
    data = np.array(numbers, "<f8").tobytes() if NUMBER in codes else b""
    return Column(name, data, np.array(codes, "<i4").tobytes(), tuple(levels))


def _code(value: Value, levels: dict[str, int]) -> int:
    if value is None:
        return MISSING
    if isinstance(value, str):
        return levels.setdefault(value, len(levels))
    return NUMBER if math.isfinite(value) else INVALID


def _features(names: Sequence[str], rows: Sequence[Mapping[str, Value]]) -> tuple[Column, ...]:
    return tuple([value_column(name, values) for name, values in zip(names, _transposed(names, rows), strict=True)])


def _transposed(names: Sequence[str], rows: Sequence[Mapping[str, Value]]) -> Iterable[Sequence[Value]]:
    """Return the values of each name, in the order of `names`; ``None`` where a row has none."""
    if len(names) > 1 and all(len(row) == len(names) for row in rows):
        return zip(*map(itemgetter(*names), rows), strict=True)
    return [[row.get(name) for row in rows] for name in names]


def _shadow(rows: Sequence[Mapping[str, float]]) -> tuple[tuple[str, bytes], ...]:
    versions = sorted(set[str]().union(*rows))
    return tuple([(version, _floats([row.get(version) for row in rows])) for version in versions])


def _floats(values: Sequence[float | None]) -> bytes:
    """Return float64 values, NaN where there is none; nothing if there is none at all."""
    if all(value is None for value in values):
        return b""
    return np.array(values, "<f8").tobytes()
