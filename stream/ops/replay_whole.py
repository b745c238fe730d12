"""From when on panes hold all their rows, for one who begins to count in the middle of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from stream.folds.monitor import Monitor

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

# An event may lie in the future by a wrong clock of its producer: then its pane is not asked for, only those up to now.
_NEWEST = """
SELECT max(toUnixTimestamp64Milli(least(event_time, known)))
FROM prediction_rows
WHERE model = {model:String}
  AND ledger_position
      < transform(toInt64(ledger_partition), {partitions:Array(Int64)}, {firsts:Array(Int64)}, toInt64(0))
"""

_LABELLED = """
SELECT max(toUnixTimestamp64Milli(least(event_time, known)))
FROM prediction_rows
WHERE model = {model:String} AND prediction_id IN (
    SELECT prediction_id FROM label_rows
    WHERE model = {model:String}
      AND ledger_position
          < transform(toInt64(ledger_partition), {partitions:Array(Int64)}, {firsts:Array(Int64)}, toInt64(0))
)
"""


def whole_from(
    client: Client, monitor: Monitor, firsts: Mapping[int, int], watched: Mapping[int, int] | None = None
) -> int:
    """Return the first pane all of whose rows lie at or behind `firsts`; 0 if all panes do.

    Parameters
    ----------
    firsts
        Where counting begins, by ledger partition: rows at lower positions are not counted.
    watched
        Where labels begin to count, by ledger partition. Earlier ones are lost, also to predictions that follow.
    """
    newest_ms = _newest(client, _NEWEST, monitor, firsts)
    if watched is not None:
        newest_ms = max(newest_ms, _newest(client, _LABELLED, monitor, watched))
    return 0 if newest_ms == 0 else monitor.pane_of(newest_ms) + monitor.pane_ms


def _newest(client: Client, sql: str, monitor: Monitor, firsts: Mapping[int, int]) -> int:
    """Return the newest event time of the predictions that are not counted whole; 0 if there are none."""
    if not any(first > 0 for first in firsts.values()):
        return 0
    parameters = {"model": monitor.model, "partitions": list(firsts), "firsts": list(firsts.values())}
    return int(client.query(sql, parameters=parameters).result_rows[0][0])
