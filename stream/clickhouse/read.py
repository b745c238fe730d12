"""What other parts read from ClickHouse: training sets as of a cut of the ledger, how far the ledger is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    from clickhouse_connect.driver.client import Client

# A row is in the cut if its ledger position is at most that of its partition; of equal identities the first in the
# ledger counts, of labels that of the highest revision, as in `measure`. One prediction_id is always in one ledger
# partition, so its positions compare.
_TRAINING = """
WITH
    {partitions:Array(UInt16)} AS partitions,
    {positions:Array(Int64)} AS positions,
    predictions AS (
        SELECT * FROM prediction_rows FINAL
        WHERE model = {model:String}
          AND event_time >= fromUnixTimestamp64Milli({from_ms:Int64})
          AND event_time < fromUnixTimestamp64Milli({to_ms:Int64})
          AND ledger_position <= transform(ledger_partition, partitions, positions, -1)
        ORDER BY ledger_position, place LIMIT 1 BY prediction_id
    ),
    truths AS (
        SELECT prediction_id, value, text, toUnixTimestamp64Milli(event_time) AS label_ms
        FROM label_rows FINAL
        WHERE model = {model:String} AND lane = 'truth'
          AND ledger_position <= transform(ledger_partition, partitions, positions, -1)
        ORDER BY revision DESC, ledger_position, place LIMIT 1 BY prediction_id
    )
SELECT
    p.prediction_id AS prediction_id, toUnixTimestamp64Milli(p.event_time) AS event_ms,
    p.numbers AS numbers, p.texts AS texts, p.score AS score, p.model_version AS model_version,
    t.value AS label, t.text AS label_text, t.label_ms AS label_ms
FROM predictions AS p INNER JOIN truths AS t ON p.prediction_id = t.prediction_id
WHERE NOT isNaN(t.value) OR t.text != ''
ORDER BY event_ms, prediction_id
"""


def training_rows(client: Client, model: str, from_ms: int, to_ms: int, cut: Mapping[int, int]) -> pa.Table:
    """Return predictions of ``[from_ms, to_ms)`` with their newest truth, as known at a cut of the ledger.

    Parameters
    ----------
    from_ms, to_ms
        Event time of the predictions, epoch milliseconds.
    cut
        Highest position that counts, by ledger partition; a partition that is not named gives no rows.

    Returns
    -------
    pyarrow.Table
        ``prediction_id``, ``event_ms``, ``numbers`` and ``texts`` (maps by feature name, without missing and
        invalid values), ``score`` (NaN if none was served), ``model_version``, ``label`` (float64, NaN where the
        label is a text), ``label_text``, ``label_ms``; in order of event time and prediction_id. The same cut gives
        the same table, however often rows were sent, once `stored_positions` has reached it.
    """
    partitions = sorted(cut)
    parameters = {
        "model": model,
        "from_ms": from_ms,
        "to_ms": to_ms,
        "partitions": partitions,
        "positions": [cut[partition] for partition in partitions],
    }
    return client.query_arrow(_TRAINING, parameters=parameters, use_strings=True)


def stored_positions(client: Client) -> dict[int, int]:
    """Return the position up to which each partition of the ledger is stored, by partition; none if nothing is."""
    table = client.query_arrow("SELECT partition, max(position) AS position FROM ledger_positions GROUP BY partition")
    return dict(zip(table["partition"].to_pylist(), table["position"].to_pylist(), strict=True))


def has_stored(client: Client, cut: Mapping[int, int]) -> bool:
    """Return whether all of a cut is stored: then `training_rows` of it is complete and will not change."""
    stored = stored_positions(client)
    return all(stored.get(partition, -1) >= position for partition, position in cut.items())
