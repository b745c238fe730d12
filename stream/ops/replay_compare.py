"""A shadow lineage beside the live ones: sums over arrivals, pane by pane, and alarms by kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stream.ops.lineages import Lineage, ls

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

TOLERANCE = 1e-12
"""Of sums of floats, relative to the sum of magnitudes; integers have none."""

EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a shadow compares with what is live, over the panes of ``[from_ms, to_ms)``.

    Attributes
    ----------
    live
        The lineages that it is compared with: the one in force if that measures alike, else those of the same span.
    is_alike
        Whether it is the one in force, measuring alike, so that all sums must be equal.
    rows, live_rows
        Predictions in the panes.
    equal, differing
        Sums over arrivals of panes and of features, one for each pane, version and segment; none of lineages whose
        panes are of another length.
    beyond
        Sums that differ by what was known after the replay's last record.
    alarms
        Incidents by kind: live, and of the shadow.
    examples
        A sentence for each of the first sums that differ.
    """

    live: tuple[str, ...]
    is_alike: bool
    from_ms: int
    to_ms: int
    rows: int = 0
    live_rows: int = 0
    equal: int = 0
    differing: int = 0
    beyond: int = 0
    alarms: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cut:
    """What of both sides is compared.

    Attributes
    ----------
    alike
        The lineage in force if it measures alike, else empty: one that is over has parts of panes at its end.
    whole_ms
        Event time from which that lineage has all its rows.
    known_ms
        Log clock that all ledger partitions of the replay have reached: live rows of later may say more.
    """

    alike: str
    whole_ms: int
    known_ms: int


def compare(client: Client, shadow: str, cut: Cut) -> Comparison:
    """Return how a shadow compares with the live lineages of its monitor.

    Costs a scan of the panes of both, feature by feature, inside ClickHouse.
    """
    known = {one.lineage: one for one in ls(client)}
    mine = known[shadow]
    live = [one for one in known.values() if _is_beside(one, mine)]
    alike = [one for one in live if one.lineage == cut.alike and one.is_live]
    from_ms = max(mine.from_ms, cut.whole_ms) if alike else mine.from_ms
    others = [(one.lineage, 0, mine.to_ms) for one in alike] or [(o.lineage, o.from_ms, o.to_ms) for o in live]
    names = tuple(name for name, _, _ in others)
    base = Comparison(names, bool(alike), from_ms, mine.to_ms)
    if from_ms >= mine.to_ms or not others:
        return base
    asked: dict[str, object] = {
        "shadow": shadow, "from": from_ms, "to": mine.to_ms, "known": cut.known_ms, "tolerance": TOLERANCE,
        "same_bins": all(known[name].reference == mine.reference for name in names),
        "lineages": [shadow, *names], "starts": [0, *(first for _, first, _ in others)],
        "ends": [mine.to_ms, *(end for _, _, end in others)],
    }  # fmt: skip
    rows, live_rows = client.query(_ROWS, parameters=asked).result_rows[0]
    alarms = {kind: (before, after) for kind, before, after in client.query(_ALARMS, parameters=asked).result_rows}
    is_comparable = all(known[name].pane_s in (0, mine.pane_s) for name in names)
    base = replace(base, rows=rows, live_rows=live_rows, alarms=alarms)
    return _with_sums(base, client, asked) if is_comparable else base


def _is_beside(one: Lineage, mine: Lineage) -> bool:
    is_live = not one.is_shadow and (one.monitor, one.model) == (mine.monitor, mine.model)
    return is_live and one.from_ms < mine.to_ms and one.to_ms > mine.from_ms


def _with_sums(base: Comparison, client: Client, asked: dict[str, object]) -> Comparison:
    """Compare panes, then feature after feature, so that memory is bounded."""
    asking = [(_PANES, asked)]
    for (feature,) in client.query(_FEATURES, parameters=asked).result_rows:
        asking.append((_FEATURE, asked | {"feature": feature}))
    for sql, parameters in asking:
        equal, beyond, differing, examples = client.query(sql, parameters=parameters).result_rows[0]
        base = replace(
            base, equal=base.equal + equal, beyond=base.beyond + beyond, differing=base.differing + differing,
            examples=(*base.examples, *examples)[:EXAMPLES],
        )  # fmt: skip
    return base


_IN_SPAN = """
    lineage IN {lineages:Array(String)}
    AND pane >= fromUnixTimestamp64Milli({from:Int64}) AND pane < fromUnixTimestamp64Milli({to:Int64})
    AND toUnixTimestamp64Milli(pane)
        >= transform(toString(lineage), {lineages:Array(String)}, {starts:Array(Int64)}, toInt64(0))
    AND toUnixTimestamp64Milli(pane)
        < transform(toString(lineage), {lineages:Array(String)}, {ends:Array(Int64)}, toInt64(0))
"""

_ROWS = f"""
SELECT sumIf(n, lineage = {{shadow:String}}), sumIf(n, lineage != {{shadow:String}})
FROM panes_rows FINAL WHERE segment_key = '' AND {_IN_SPAN}
"""  # noqa: S608  our own text

_ALARMS = """
SELECT kind, uniqExactIf(id, lineage != {shadow:String}), uniqExactIf(id, lineage = {shadow:String})
FROM incidents_rows
WHERE lineage IN {lineages:Array(String)} AND kind != 'pipeline'
  AND opened > fromUnixTimestamp64Milli({from:Int64}) AND opened <= fromUnixTimestamp64Milli({to:Int64})
GROUP BY kind ORDER BY kind
"""

# What the model answers is a feature only where the reference has answers: of one side alone it is not compared.
_FEATURES = f"""
SELECT feature FROM feature_panes_rows WHERE {_IN_SPAN}
GROUP BY feature HAVING NOT startsWith(feature, '__') OR uniqExact(lineage = {{shadow:String}}) = 2
ORDER BY feature
"""  # noqa: S608

_KEY = "pane, model_version, segment_key, segment_value"

_COUNTS = """
    countIf(same), countIf(NOT same AND later), countIf(NOT same AND NOT later),
    groupArrayIf(5)(concat(
        formatDateTime(pane, '%Y-%m-%dT%H:%i:%SZ'), ', version ', toString(model_version), ', segment ',
        toString(segment_key), '=', toString(segment_value), ', ', what
    ), NOT same AND NOT later)
"""

# A pane that only one side has counts as one of no rows: late rows of one side may be in time for the other.
_PANES = f"""
SELECT {_COUNTS}
FROM (
    WITH lineage = {{shadow:String}} AS mine
    SELECT
        {_KEY}, maxIf(toUnixTimestamp64Milli(known), NOT mine) >= {{known:Int64}} AS later,
        (sumIf(n, mine), sumIf(duplicates, mine), sumIf(invalid, mine), sumIf(labels, mine)) AS a,
        (sumIf(n, NOT mine), sumIf(duplicates, NOT mine), sumIf(invalid, NOT mine), sumIf(labels, NOT mine)) AS b,
        a = b AS same,
        concat('rows, duplicates, invalid, labels: ', toString(a), ', live ', toString(b)) AS what
    FROM panes_rows FINAL WHERE {_IN_SPAN}
    GROUP BY {_KEY}
    HAVING (a, b) != ((0, 0, 0, 0), (0, 0, 0, 0))
)
"""  # noqa: S608

_FEATURE = f"""
SELECT {_COUNTS}
FROM (
    WITH lineage = {{shadow:String}} AS mine
    SELECT
        {_KEY}, maxIf(toUnixTimestamp64Milli(known), NOT mine) >= {{known:Int64}} AS later,
        (sumIf(n, mine), sumIf(missing, mine), sumIf(invalid, mine)) AS a,
        (sumIf(n, NOT mine), sumIf(missing, NOT mine), sumIf(invalid, NOT mine)) AS b,
        sumIf(total, mine) AS total_a, sumIf(total, NOT mine) AS total_b,
        sumIf(squares, mine) AS squares_a, sumIf(squares, NOT mine) AS squares_b,
        (sumForEachIf(bins, mine), sumMapIf(levels, mine)) AS bins_a,
        (sumForEachIf(bins, NOT mine), sumMapIf(levels, NOT mine)) AS bins_b,
        -- No sum of magnitudes is larger than the root of number times squares.
        {{tolerance:Float64}} * greatest(abs(total_a), abs(total_b), sqrt(greatest(a.1, b.1) * squares_b)) AS allowed,
        a = b AND abs(total_a - total_b) <= allowed AND abs(squares_a - squares_b) <= {{tolerance:Float64}} * squares_b
            AND (NOT {{same_bins:Bool}} OR bins_a = bins_b)
            AND minIf(low, mine AND isFinite(low)) = minIf(low, NOT mine AND isFinite(low))
            AND maxIf(high, mine AND isFinite(high)) = maxIf(high, NOT mine AND isFinite(high)) AS same,
        concat(
            {{feature:String}}, ': rows, missing, invalid ', toString(a), ', total ', toString(total_a),
            ', bins ', toString(bins_a.1), ', live ', toString(b), ', ', toString(total_b), ', ', toString(bins_b.1)
        ) AS what
    FROM feature_panes_rows FINAL WHERE feature = {{feature:String}} AND {_IN_SPAN}
    GROUP BY {_KEY}
)
"""  # noqa: S608
