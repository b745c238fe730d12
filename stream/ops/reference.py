"""The reference job: rows of a range of event time, read from ClickHouse, become an immutable artifact in the log."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from streamgauge.durations import DAY_MS
from streamgauge.spec import MonitorSpec

from detectors.reference import Reference, encode, fit_reference
from stream.clickhouse.client import connect
from stream.errors import StreamgaugeError
from stream.ops.controls import newest_spec
from stream.ops.spec import apply
from stream.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa
    from clickhouse_connect.driver.client import Client

_ROWS = """
SELECT toUnixTimestamp64Milli(p.event_time) AS event_ms,
       if(t.label_ms = 0, -1, greatest(t.label_ms - event_ms, 0)) AS label_age_ms,
       {columns}
FROM (
    SELECT * FROM prediction_rows FINAL
    WHERE model = {{model:String}}
      AND event_time >= fromUnixTimestamp64Milli({{from_ms:Int64}})
      AND event_time < fromUnixTimestamp64Milli({{to_ms:Int64}})
    ORDER BY ledger_position, place LIMIT 1 BY prediction_id
) AS p
LEFT JOIN (
    SELECT prediction_id, toUnixTimestamp64Milli(min(event_time)) AS label_ms
    FROM label_rows FINAL WHERE model = {{model:String}} AND lane = 'truth' GROUP BY prediction_id
) AS t USING (prediction_id)
ORDER BY event_ms, prediction_id
"""


class ReferenceError(StreamgaugeError):
    """A reference cannot be made of what is there."""


def build(settings: Settings, spec: MonitorSpec, from_ms: int, to_ms: int) -> Reference:
    """Return the reference of the rows of ``[from_ms, to_ms)``, event time; each prediction once.

    Raises
    ------
    ReferenceError
        If no row of the model lies in the range.
    """
    kinds = {name: feature.type for name, feature in spec.features.items()}
    client = connect(settings.clickhouse)
    try:
        table = _rows(client, spec.model, kinds, from_ms, to_ms)
    finally:
        client.close()
    if table.num_rows == 0:
        msg = (
            f"no row of model {spec.model!r} between {moment(from_ms)} and {moment(to_ms)} (event time): "
            "send events, or widen the range"
        )
        raise ReferenceError(msg)
    event_ms = table["event_ms"].to_numpy()
    return fit_reference(
        {name: _column(table[f"f{i}"], kind) for i, (name, kind) in enumerate(kinds.items())},
        kinds,
        event_ms - event_ms % spec.pane_ms,
        pane_ms=spec.pane_ms,
        segments=spec.segments,
        label_ages_ms=table["label_age_ms"].to_numpy(),
    )


@dataclass(frozen=True, slots=True)
class Built:
    """A reference that was built and put in force.

    Attributes
    ----------
    sha
        The artifact's sha256, hexadecimal.
    revision
        The monitor's revision that names it.
    rows, panes
        What it was made of.
    warnings
        A sentence for each thing that makes it weaker than one could want.
    """

    sha: str
    revision: int
    rows: int
    panes: int
    warnings: tuple[str, ...]


def build_and_apply(settings: Settings, monitor: str, from_ms: int, to_ms: int, who: str = "reference-job") -> Built:
    """Build the reference of a monitor in force, publish a revision that names it, and return what it is.

    Raises
    ------
    ReferenceError
        If the monitor is not known, or the range holds no row.
    """
    record = newest_spec(settings, monitor)
    if record is None:
        raise ReferenceError(f"no monitor {monitor!r}: put its spec in force first (streamgauge spec apply FILE)")
    spec = MonitorSpec.model_validate(record.spec)
    reference = build(settings, spec, from_ms, to_ms)
    artifact = encode(reference)
    applied = apply(settings, spec, artifact, who)
    sha = hashlib.sha256(artifact).hexdigest()
    return Built(sha, applied.revision, reference.rows, reference.panes, tuple(reference.warnings))


def moment(ms: int) -> str:
    """Return a time as people write it: a date, or date and time, UTC.

    >>> moment(1_356_998_400_000), moment(1_356_998_460_000)
    ('2013-01-01', '2013-01-01T00:01:00Z')
    """
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    return at.date().isoformat() if ms % DAY_MS == 0 else at.isoformat().replace("+00:00", "Z")


def _rows(client: Client, model: str, kinds: Mapping[str, str], from_ms: int, to_ms: int) -> pa.Table:
    names = {f"n{i}": name for i, name in enumerate(kinds)}
    columns = ",\n       ".join(_select(i, kind) for i, kind in enumerate(kinds.values()))
    parameters = {"model": model, "from_ms": from_ms, "to_ms": to_ms, **names}
    return client.query_arrow(_ROWS.format(columns=columns), parameters=parameters, use_strings=True)


def _select(i: int, kind: str) -> str:
    """Return the SQL of feature `i`: NaN or NULL where it is missing; a category may have come as a number."""
    name = f"{{n{i}:String}}"
    number = f"mapContains(numbers, {name})"
    if kind == "number":
        return f"if({number}, numbers[{name}], nan) AS f{i}"
    text = f"if(mapContains(texts, {name}), toString(texts[{name}]), NULL)"
    return f"if({number}, toString(numbers[{name}]), {text}) AS f{i}"


def _column(column: pa.ChunkedArray, kind: str) -> np.ndarray | list[str | None]:
    values: np.ndarray | list[str | None] = column.to_numpy() if kind == "number" else column.to_pylist()
    return values
