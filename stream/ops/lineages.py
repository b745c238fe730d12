"""Which lineages the views show: all, the switch to a shadow, the way back, and the end of a shadow.

A live lineage comes of the log; a *shadow* of a replay (`stream.ops.replay`). Views show the live ones until a monitor
is switched to a shadow; then its panes stand in place of those of the lineages that were live at that time. One row of
``switch_rows`` decides, so all views change together.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import msgspec

from stream.errors import StreamgaugeError
from stream.folds.monitor import SpecRecord, monitor_of
from stream.folds.rows import Result, RetrainRow
from stream.folds.store.results import table_of
from stream.ops.replays import running
from stream.references.times import moment

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

LINEAGE_TABLES = tuple(table_of(kind) for kind in get_args(Result) if "lineage" in kind.__struct_fields__)
"""Tables of results that say which lineage a row is of."""

# A replay asks for no retrains; `lineages_rows` goes when nothing is left that it speaks of.
_DROPPED = (*sorted({*LINEAGE_TABLES} - {"lineages_rows", table_of(RetrainRow)}), "lineage_panes", "lineages_rows")
_AT_ONCE = {"async_insert": 0}


class LineageError(StreamgaugeError):
    """A lineage that is not there, or that cannot be shown or dropped."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """A lineage, as ``all_lineages`` has it; times in epoch milliseconds.

    Attributes
    ----------
    first_ms
        First arrival with rows.
    from_ms, to_ms
        The panes that it has among the live lineages, or that a shadow covers, ``[from_ms, to_ms)``.
    is_live
        Whether it is the newest live one of its monitor.
    state, who
        Of a shadow: ``running``, ``stopped`` or ``done``, and who asked for it. Empty for a live one.
    made_ms
        When a shadow's replay began; of a live one, when it was known first.
    rows
        Predictions in its panes.
    spec
        The spec, as JSON.
    """

    lineage: str
    monitor: str
    model: str
    revision: int
    reference: str
    pane_s: int
    first_ms: int
    from_ms: int
    to_ms: int
    is_live: bool
    is_shadow: bool
    is_shown: bool
    state: str
    who: str
    made_ms: int
    rows: int
    spec: str = "{}"


@dataclass(frozen=True, slots=True)
class Switch:
    """What is shown of a monitor after a switch or a step back.

    Attributes
    ----------
    number
        Number of the switch of this monitor, from 1.
    action
        ``switch`` or ``back``.
    lineage
        The shadow that is shown; empty: live lineages alone.
    hidden
        Live lineages that are hidden for panes of ``[from_ms, to_ms)``.
    before
        Number of the switch to which the next step back returns, 0 for none.
    """

    monitor: str
    model: str
    number: int
    action: str
    lineage: str
    hidden: Sequence[str]
    from_ms: int
    to_ms: int
    before: int
    who: str


_LINEAGES = """
SELECT
    a.lineage, a.monitor, a.model, a.revision, a.reference, a.pane_s, toUnixTimestamp64Milli(a.first),
    toUnixTimestamp64Milli(a.`from`), toUnixTimestamp64Milli(a.`to`), a.is_live, a.is_shadow, a.is_shown, a.state,
    a.who, toUnixTimestamp64Milli(a.made), p.n, a.spec
FROM all_lineages AS a
LEFT JOIN (SELECT lineage, sum(n) AS n FROM panes_rows FINAL WHERE segment_key = '' GROUP BY lineage) AS p
    ON a.lineage = p.lineage
WHERE {monitor:String} = '' OR a.monitor = {monitor:String}
ORDER BY a.model, a.monitor, a.is_shadow, a.made, a.lineage
"""

_SWITCHES = """
SELECT
    monitor, model, number, action, lineage, hidden, toUnixTimestamp64Milli(`from`), toUnixTimestamp64Milli(`to`),
    before, who
FROM switch_rows FINAL WHERE monitor = {monitor:String} ORDER BY number
"""


def ls(client: Client, monitor: str = "") -> list[Lineage]:
    """Return all lineages, or those of one monitor: by monitor, live ones first, older ones first."""
    found = client.query(_LINEAGES, parameters={"monitor": monitor}).result_rows
    return [Lineage(*row) for row in found]


def measure_of(one: Lineage) -> str:
    """Return what a lineage measures, whatever its ledger: equal for those whose sums must be equal."""
    spec = msgspec.json.decode(one.spec, type=dict[str, object])
    record = SpecRecord(one.monitor, one.revision, spec, reference_sha=one.reference or None)
    return monitor_of(msgspec.json.encode(record)).lineage


def switches(client: Client, monitor: str) -> list[Switch]:
    """Return all switches of a monitor and steps back, the first one first; the last one is in force."""
    found = client.query(_SWITCHES, parameters={"monitor": monitor}).result_rows
    return [Switch(*row) for row in found]


def switch(client: Client, monitor: str, lineage: str, who: str) -> Switch:
    """Show a shadow in place of the lineages that are live now, for the panes that it covers.

    Parameters
    ----------
    lineage
        The shadow's name, or as much of its begin as is unique.
    who
        Who asks; kept with the switch.

    Raises
    ------
    LineageError
        If the monitor has no such shadow, its replay is not done, or it covers no whole pane.
    """
    known = ls(client, monitor)
    shadow = _named(known, lineage)
    if not shadow.is_shadow:
        raise LineageError(f"{shadow.lineage} is a live lineage: it is shown wherever no shadow is. See: lineages back")
    if shadow.state != "done":
        raise LineageError(
            f"the replay of {shadow.lineage} is {shadow.state}: run it to its end first, by the same command as before"
        )
    hidden = [one for one in known if not one.is_shadow and one.model == shadow.model]
    from_ms, to_ms = _covered(shadow, hidden)
    before = _of_model(switches(client, monitor), shadow.model)
    names = [one.lineage for one in hidden]
    number = before[-1].number if before else 0
    shown = (shadow.lineage, names, from_ms, to_ms, number)
    return _write(client, Switch(monitor, shadow.model, number + 1, "switch", *shown, who))


def back(client: Client, monitor: str, who: str) -> Switch:
    """Undo the newest switch that is not undone yet; shadows that were dropped meanwhile are passed over.

    Raises
    ------
    LineageError
        If nothing was switched, or all of it is undone.
    """
    done = switches(client, monitor)
    if not done or not done[-1].lineage:
        raise LineageError(f"no shadow lineage of monitor {monitor!r} is shown: there is nothing to go back from")
    newest = done[-1]
    numbered = {one.number: one for one in _of_model(done, newest.model)}
    there = {one.lineage for one in ls(client, monitor)}
    wanted = numbered.get(newest.before)
    while wanted is not None and wanted.lineage and wanted.lineage not in there:
        wanted = numbered.get(wanted.before)
    shown = ("", [], 0, 0, 0) if wanted is None else _shown(wanted)
    return _write(client, Switch(monitor, newest.model, newest.number + 1, "back", *shown, who))


def drop(client: Client, lineage: str) -> Lineage:
    """Delete all rows of a shadow and return what it was; again after a break: the rest. Disk is freed by later merges.

    Raises
    ------
    LineageError
        If it is a live lineage, or shown, or its replay runs.
    """
    shadow = _named(ls(client), lineage)
    if not shadow.is_shadow:
        raise LineageError(f"{shadow.lineage} is a live lineage: only shadows can be dropped")
    if shadow.is_shown:
        raise LineageError(f"{shadow.lineage} is shown: go back first (streamgauge lineages back {shadow.monitor})")
    if running(client, shadow.lineage):  # what it writes from then on would count as live
        raise LineageError(f"the replay of {shadow.lineage} runs: stop it first; of a killed one, wait a minute")
    for table in (*_DROPPED, "replay_rows"):  # the last one says that the others are a shadow's
        client.command(
            f"DELETE FROM {table} WHERE lineage = {{lineage:String}}",  # noqa: S608  our own names
            parameters={"lineage": shadow.lineage},
        )
    return shadow


def _named(known: Iterable[Lineage], name: str) -> Lineage:
    """Return the lineage of a name, or the only one that begins with it."""
    found = [one for one in known if one.lineage.startswith(name)]
    found = [one for one in found if one.lineage == name] or found
    if not name or not found:
        raise LineageError(f"no lineage {name!r}: `streamgauge lineages` lists them")
    if len(found) > 1:
        raise LineageError(f"{name!r} may be any of {', '.join(one.lineage for one in found)}: give more of it")
    return found[0]


def _covered(shadow: Lineage, hidden: Sequence[Lineage]) -> tuple[int, int]:
    """Return the shadow's span, cut to borders of panes of all lineages that it hides: else two panes would overlap.

    >>> day = Lineage("a", "m", "m", 1, "", 86_400, 0, 0, 10**12, True, False, True, "", "", 0, 0)
    >>> hour = Lineage("b", "m", "m", 1, "", 3_600, 0, 3_600_000, 180_000_000, False, True, False, "done", "", 0, 0)
    >>> _covered(hour, [day])
    (86400000, 172800000)
    """
    overlapping = [one for one in hidden if one.pane_s and one.first_ms < shadow.to_ms and one.to_ms > shadow.from_ms]
    step = 1000 * math.lcm(max(shadow.pane_s, 1), *(one.pane_s for one in overlapping))
    from_ms, to_ms = -(-shadow.from_ms // step) * step, shadow.to_ms // step * step
    if from_ms >= to_ms:
        raise LineageError(
            f"{shadow.lineage} covers {moment(shadow.from_ms)} to {moment(shadow.to_ms)}: no whole pane of what is live"
        )
    return from_ms, to_ms


def _of_model(done: Iterable[Switch], model: str) -> list[Switch]:
    return [one for one in done if one.model == model]


def _shown(wanted: Switch) -> tuple[str, Sequence[str], int, int, int]:
    return wanted.lineage, wanted.hidden, wanted.from_ms, wanted.to_ms, wanted.before


def _write(client: Client, made: Switch) -> Switch:
    """Insert the one row that decides."""
    at_ms = time.time_ns() // 1_000_000
    row = [
        made.monitor, made.model, made.number, made.action, made.lineage, list(made.hidden), made.from_ms, made.to_ms,
        made.before, made.who, at_ms,
    ]  # fmt: skip
    client.command(_INSERT, parameters=dict(zip(_NAMES, row, strict=True)), settings=_AT_ONCE)
    return made


_NAMES = ("monitor", "model", "number", "action", "lineage", "hidden", "from", "to", "before", "who", "at")
_INSERT = """
INSERT INTO switch_rows
SELECT
    {monitor:String}, {model:String}, {number:Int64}, {action:String}, {lineage:String}, {hidden:Array(String)},
    fromUnixTimestamp64Milli({from:Int64}), fromUnixTimestamp64Milli({to:Int64}), {before:Int64}, {who:String},
    fromUnixTimestamp64Milli({at:Int64})
"""
