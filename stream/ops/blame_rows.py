"""Rows around the onset of an incident: what changed in each, and what they may be told apart by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detectors.blame.cells import Dimension, dimension
from stream.ops.reference_stored import USABLE, answers_of, column_of, selected

if TYPE_CHECKING:
    import pyarrow as pa
    from clickhouse_connect.driver.client import Client
    from streamgauge.spec import MonitorSpec

    from detectors.reference import Column

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

MOST_ROWS = 400_000
"""Rows that are looked at; of more, those whose id's hash is a multiple of something: the same ones every time."""

MOST_SEGMENTS = 8
"""Categories that rows are told apart by: the spec's segments, then other features."""

# Of equal identities the first in the ledger counts, of labels the highest revision, as in `measure`.
_ROWS = """
SELECT
    p.prediction_id AS prediction_id, toUnixTimestamp64Milli(p.event_time) AS event_ms, p.model_version AS version,
    p.source AS source, p.topic AS topic, p.partition AS partition, p.place AS place,
    p.ledger_partition AS ledger_partition, p.ledger_position AS ledger_position,
    p.score AS score, p.label AS label, p.label_text AS label_text,
    if(t.is_known = 1, t.truth.1, nan) AS truth, t.truth.2 AS truth_text, t.is_known = 1 AS is_labelled{columns}
FROM (
    SELECT * FROM prediction_rows FINAL WHERE {where} AND cityHash64(prediction_id) % {{every:UInt64}} = 0
    ORDER BY ledger_position, place LIMIT 1 BY prediction_id
) AS p
LEFT JOIN (
    SELECT prediction_id, 1 AS is_known, argMax((value, text), (revision, -ledger_position, -place)) AS truth
    FROM label_rows FINAL
    WHERE {{labels:UInt8}} = 1 AND model = {{model:String}} AND lane = 'truth' AND {usable}
      AND prediction_id IN (
        SELECT prediction_id FROM prediction_rows WHERE {where} AND cityHash64(prediction_id) % {{every:UInt64}} = 0
      )
    GROUP BY prediction_id
) AS t USING (prediction_id)
ORDER BY event_ms, topic, partition, place
"""
_WHERE = """
model = {model:String} AND event_time >= fromUnixTimestamp64Milli({from_ms:Int64})
AND event_time < fromUnixTimestamp64Milli({to_ms:Int64})
AND positiveModulo(toUnixTimestamp64Milli(event_time) - {since_ms:Int64}, {cycle_ms:Int64}) < {length_ms:Int64}
"""
_COUNT = f"SELECT count() FROM prediction_rows WHERE {_WHERE}"  # noqa: S608 - it is written above


@dataclass(frozen=True, slots=True)
class Around:
    """Which rows: those of ``[since_ms, to_ms)`` changed, those of ``[from_ms, since_ms)`` are held against them.

    `cycle_ms`: only rows at the same time of this cycle are taken; 0 for all.
    """

    from_ms: int
    since_ms: int
    to_ms: int
    cycle_ms: int = 0

    @property
    def length_ms(self) -> int:
        """How long the change is looked at."""
        return self.to_ms - self.since_ms

    @property
    def exposure(self) -> float:
        """The span that changed over the span before."""
        before = self.since_ms - self.from_ms
        return self.cycle_ms / before if 0 < self.length_ms < self.cycle_ms else self.length_ms / before

    def parameters(self) -> dict[str, int]:
        """Return what the statement takes."""
        cycle = self.cycle_ms if 0 < self.length_ms < self.cycle_ms else self.to_ms - self.from_ms + 1
        length = self.length_ms if 0 < self.length_ms < self.cycle_ms else cycle
        return {"from_ms": self.from_ms, "since_ms": self.since_ms, "to_ms": self.to_ms} | {
            "cycle_ms": cycle,
            "length_ms": length,
        }


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in order of event time, ``(n,)`` each.

    Attributes
    ----------
    table
        Their places and ids, as ClickHouse gave them.
    columns
        By feature.
    served, truth
        What was answered, and what came true; None or NaN for nothing.
    is_labelled
        Whether a truth is known.
    every
        One of so many rows was taken.
    """

    table: pa.Table
    event_ms: Ints
    is_after: Flags
    columns: Mapping[str, Column]
    served: Column
    truth: Column
    is_labelled: Flags
    every: int


def rows_of(client: Client, spec: MonitorSpec, around: Around, *, labels: bool, every: int = 0) -> Rows:
    """Return the rows around an onset, each prediction once.

    Parameters
    ----------
    labels
        Whether their truths are wanted.
    every
        0: as many as `MOST_ROWS` lets.
    """
    kinds = [feature.type for feature in spec.features.values()]
    columns = "".join(f",\n    {column}" for i, kind in enumerate(kinds) for column in selected(i, kind))
    names = {f"n{i}": name for i, name in enumerate(spec.features)}
    given = {"model": spec.model, "labels": int(labels), **names, **around.parameters()}
    every = every or 1 + int(client.query(_COUNT, parameters=given).result_rows[0][0]) // MOST_ROWS
    sql = _ROWS.format(columns=columns, where=_WHERE, usable=USABLE[spec.task])
    table = client.query_arrow(sql, parameters=given | {"every": every}, use_strings=True)
    served, truth = answers_of(spec.task, table)
    event_ms = table["event_ms"].to_numpy()
    return Rows(
        table=table,
        event_ms=event_ms,
        is_after=event_ms >= around.since_ms,
        columns={
            name: column_of(table, i, kind) for i, (name, kind) in enumerate(zip(names.values(), kinds, strict=True))
        },
        served=served,
        truth=truth,
        is_labelled=table["is_labelled"].to_numpy().astype(bool),
        every=every,
    )


def dimensions(spec: MonitorSpec, rows: Rows, without: str) -> list[Dimension]:
    """Return what rows may be told apart by: producer, version, segments, partition; none that has one value only.

    Of two that tell the same rows apart the first is named.
    """
    table = rows.table
    places = zip(table["topic"].to_pylist(), table["partition"].to_pylist(), strict=True)
    texts: dict[str, Sequence[str | None]] = {
        "source": table["source"].to_pylist(),
        "version": table["version"].to_pylist(),
        **{name: texts_of(rows.columns[name]) for name in segments_of(spec) if name != without},
        "partition": [f"{topic}/{partition}" for topic, partition in places],
    }
    found = [dimension(name, values) for name, values in texts.items()]
    return [one for one in found if len(one.labels) > 1]


def segments_of(spec: MonitorSpec) -> list[str]:
    """Return the categories that rows are told apart by: those of the spec's segments first."""
    others = [name for name, feature in spec.features.items() if feature.type == "category"]
    return list(dict.fromkeys([*spec.segments, *others]))[:MOST_SEGMENTS]


def texts_of(column: Column) -> list[str | None]:
    """Return the values of a category as texts, None for none."""
    return [None if value is None else str(value) for value in np.asarray(column, object).tolist()]
