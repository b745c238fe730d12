"""Rows for a reference out of ClickHouse: predictions of a span, each once, with the newest revision of their truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from streamgauge.spec import MonitorSpec

from detectors.reference import Column
from stream.folds.frame import number_text
from stream.references.rows import Rows

if TYPE_CHECKING:
    import pyarrow as pa
    from clickhouse_connect.driver.client import Client

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Texts = NDArray[np.object_]

# Of equal identities the first in the ledger counts, of labels the highest revision, as in `measure`; as there a
# truth that the task cannot have is none. An event keeps its id's place in one ledger partition, so positions compare.
_ROWS = """
SELECT
    toUnixTimestamp64Milli(p.event_time) AS event_ms,
    if(t.is_known = 1, greatest(t.label_ms - event_ms, 0), -1) AS label_age_ms,
    p.model_version AS version, p.score AS score, p.label AS label, p.label_text AS label_text,
    if(t.is_known = 1, t.truth.1, nan) AS truth, t.truth.2 AS truth_text{columns}
FROM (
    SELECT * FROM prediction_rows FINAL
    WHERE {of_model} AND {span}
    ORDER BY ledger_position, place LIMIT 1 BY prediction_id
) AS p
LEFT JOIN (
    SELECT
        prediction_id, 1 AS is_known, toUnixTimestamp64Milli(min(event_time)) AS label_ms,
        argMax((value, text), (revision, -ledger_position, -place)) AS truth
    FROM label_rows FINAL
    WHERE model = {{model:String}} AND lane = 'truth' AND {usable}
    GROUP BY prediction_id
) AS t USING (prediction_id)
ORDER BY event_ms, prediction_id
"""

_OF_MODEL = "model = {model:String} AND ({task:String} != 'binary' OR isNaN(score) OR score BETWEEN 0 AND 1)"
# A prediction that comes again is told in the pane where it was first, as `measure` does.
_REPEATED = """
SELECT count() - 1 AS again, toUnixTimestamp64Milli(argMin(event_time, (ledger_position, place))) AS event_ms
FROM prediction_rows FINAL
WHERE {of_model} AND {span}
GROUP BY prediction_id HAVING count() > 1
"""

USABLE = {
    "binary": "value IN (0, 1)",
    "regression": "isFinite(value)",
    "multiclass": "(isFinite(value) OR text != '')",
}
_EVENT_TIME = (
    "event_time >= fromUnixTimestamp64Milli({from_ms:Int64}) AND event_time < fromUnixTimestamp64Milli({to_ms:Int64})"
)
_CUT = "ledger_position <= transform(ledger_partition, {partitions:Array(UInt16)}, {positions:Array(Int64)}, -1)"


@dataclass(frozen=True, slots=True)
class Span:
    """Which rows: a condition on ``prediction_rows``, and its parameters. Labels are all that are known."""

    rows: str
    parameters: Mapping[str, object] = field(default_factory=dict)


def of_event_time(from_ms: int, to_ms: int) -> Span:
    """Return the rows of ``[from_ms, to_ms)``, event time."""
    return Span(_EVENT_TIME, {"from_ms": from_ms, "to_ms": to_ms})


def of_training(from_ms: int, to_ms: int, cut: Mapping[int, int]) -> Span:
    """Return the rows of ``[from_ms, to_ms)``, event time, as known at a cut: the highest position by partition."""
    places = {"partitions": sorted(cut), "positions": [cut[partition] for partition in sorted(cut)]}
    return Span(f"{_EVENT_TIME} AND {_CUT}", {"from_ms": from_ms, "to_ms": to_ms, **places})


def of_ledger(from_ms: int, to_ms: int) -> Span:
    """Return the rows that the ledger stored in ``[from_ms, to_ms)``."""
    return Span(_EVENT_TIME.replace("event_time", "known"), {"from_ms": from_ms, "to_ms": to_ms})


def stored_rows(client: Client, spec: MonitorSpec, span: Span) -> Rows:
    """Return the rows of the spec's model in a span, in order of event time and prediction_id."""
    kinds = {name: feature.type for name, feature in spec.features.items()}
    table = _table(client, spec, list(kinds.values()), span)
    served, truth = answers_of(spec.task, table)
    version, versions = _versions(table["version"])
    return Rows(
        event_ms=table["event_ms"].to_numpy(),
        columns={name: column_of(table, i, kind) for i, (name, kind) in enumerate(kinds.items())},
        served=served,
        truth=truth,
        label_ages_ms=table["label_age_ms"].to_numpy(),
        version=version,
        versions=versions,
        seen_ms=newest_ms(client, spec.model),
        repeated_ms=_repeated_ms(client, spec, span),
    )


def _repeated_ms(client: Client, spec: MonitorSpec, span: Span) -> Ints:
    """Return the event times of predictions that were there before, once for each time that they came again."""
    query = _REPEATED.format(of_model=_OF_MODEL, span=span.rows)
    table = client.query_arrow(query, parameters={"model": spec.model, "task": spec.task, **span.parameters})
    return np.repeat(table["event_ms"].to_numpy(), table["again"].to_numpy().astype(np.int64))


def newest_ms(client: Client, model: str) -> int:
    """Return the event time of a model's newest prediction, epoch milliseconds; 0 if there is none."""
    query = "SELECT toUnixTimestamp64Milli(max(event_time)) FROM prediction_rows WHERE model = {model:String}"
    return int(client.query(query, parameters={"model": model}).result_rows[0][0])


def _table(client: Client, spec: MonitorSpec, kinds: Sequence[str], span: Span) -> pa.Table:
    columns = "".join(f",\n    {column}" for i, kind in enumerate(kinds) for column in selected(i, kind))
    query = _ROWS.format(columns=columns, of_model=_OF_MODEL, span=span.rows, usable=USABLE[spec.task])
    names = {f"n{i}": name for i, name in enumerate(spec.features)}
    parameters = {"model": spec.model, "task": spec.task, **names, **span.parameters}
    return client.query_arrow(query, parameters=parameters, use_strings=True)


def selected(i: int, kind: str) -> Iterator[str]:
    """Yield the SQL of feature `i`, named by parameter ``n{i}``: NaN or NULL where it is missing.

    A category may have come as a number.
    """
    name = f"{{n{i}:String}}"
    yield f"if(mapContains(numbers, {name}), numbers[{name}], nan) AS f{i}"
    if kind == "category":
        yield f"if(mapContains(texts, {name}), toString(texts[{name}]), NULL) AS t{i}"


def column_of(table: pa.Table, i: int, kind: str) -> Column:
    """Return the values of feature `i` that `selected` asked for: numbers, NaN for none, or texts, None for none."""
    numbers: Floats = table[f"f{i}"].to_numpy()
    return numbers if kind == "number" else _texts(table[f"t{i}"], numbers).tolist()


def answers_of(task: str, table: pa.Table) -> tuple[Column, Column]:
    """Return what was answered and what came true, as `measure` takes them."""
    label, truth = table["label"].to_numpy(), table["truth"].to_numpy()
    if task == "multiclass":
        classes, true = (_nothing_for_empty(table[name]) for name in ("label_text", "truth_text"))
        return _texts(classes, label).tolist(), _texts(true, truth).tolist()
    score = table["score"].to_numpy()
    if task == "binary":
        return np.where(np.isnan(score), label, score), truth
    has_class = np.asarray(table["label_text"].combine_chunks()) != ""
    return np.where(np.isnan(label) & ~has_class, score, label), truth


def _texts(column: pa.ChunkedArray, numbers: Floats) -> Texts:
    """Return texts, None for null; numbers that stand where texts belong as `measure` writes them."""
    texts = np.array([*column.to_pylist(), None], object)[:-1]
    places = np.flatnonzero(~np.isnan(numbers))
    distinct, which = np.unique(numbers[places], return_inverse=True)
    texts[places] = np.array([number_text(number) for number in distinct.tolist()], object)[which]
    return texts


def _nothing_for_empty(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.if_else(pc.equal(column, ""), None, column)


def _versions(column: pa.ChunkedArray) -> tuple[Ints, tuple[str, ...]]:
    """Return the place of each row's version among the names; -1 for the empty name."""
    encoded = column.combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    ordered = sorted(name for name in names if name)
    places = np.array([ordered.index(name) if name else -1 for name in names], np.int64)
    return places[encoded.indices.to_numpy()], tuple(ordered)
