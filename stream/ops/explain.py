"""Why there was an alarm, or why there was none: both keys of a verdict, from what is stored."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streamgauge.spec import MonitorSpec

from stream.errors import StreamgaugeError
from stream.folds.decide.listening import KIND as NAMED
from stream.ops import explain_reads as reads
from stream.ops.explain_keys import Keys, keys_of
from stream.ops.explain_reads import Row
from stream.ops.explain_words import why
from stream.ops.trace_panes import number

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

COURSE = 6
"""Verdicts on the same target that are shown, the newest ones."""

NOW_MS = 10_413_792_000_000
"""A time after all others: 2300-01-01."""

OUTPUTS = ("__score__", "__prediction__", "__pairs__", "__outliers__")
KINDS = ("drift", "performance", "estimate", "attribution", "quality", "volume", "no-data", "no-labels")


class UnknownError(StreamgaugeError):
    """Nothing is known by the id, or more than one thing."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A verdict, explained; times in epoch milliseconds.

    Attributes
    ----------
    from_ms, to_ms
        What was judged, event time, the end not included.
    keys
        How sure and how much, each beside its marks.
    sentences
        Why there was an alarm, or why there was none and what it would have taken.
    course
        The newest verdicts on the same target up to this one, the oldest first.
    incidents
        Those that it belongs to.
    """

    id: str
    model: str
    monitor: str
    lineage: str
    target: str
    kind: str
    segment: str
    status: str
    reason: str
    from_ms: int
    to_ms: int
    keys: Keys
    sentences: list[str]
    course: list[Row]
    incidents: list[Row]


@dataclass(frozen=True, slots=True)
class Silence:
    """Why nothing was judged at all."""

    model: str
    target: str
    sentences: list[str] = field(default_factory=list)


def verdict(client: Client, begin: str) -> Explained:
    """Return a verdict, explained.

    Raises
    ------
    UnknownError
        If none, or more than one, has an id that begins so.
    """
    return explained(client, the_one(reads.verdict(client, begin), begin, "verdict"))


def the_one(found: list[Row], begin: str, what: str) -> Row:
    """Return the only row; UnknownError for none or several."""
    if not found:
        raise UnknownError(f"no {what} has an id that begins with {begin!r}: `streamgauge incident ls` lists incidents")
    if len(found) > 1:
        raise UnknownError(f"{found[0]['id']} and {found[1]['id']} both begin with {begin!r}: type more of it")
    return found[0]


def explained(client: Client, row: Row) -> Explained:
    """Return a row of ``verdicts`` with its keys, its course and its incidents."""
    spec = spec_of(client, str(row["lineage"]))
    to_ms = number(row["pane_ms"]) + spec.pane_ms
    keys = keys_of(row, spec)
    course = reads.verdicts_on(client, str(row["model"]), str(row["target"]), number(row["pane_ms"]), 50)
    return Explained(
        id=str(row["id"]),
        model=str(row["model"]),
        monitor=str(row["monitor"]),
        lineage=str(row["lineage"]),
        target=str(row["target"]),
        kind=str(row["kind"]),
        segment=f"{row['segment_key']}={row['segment_value']}" if row["segment_key"] else "",
        status=str(row["status"]),
        reason=str(row["reason"]),
        from_ms=to_ms - number(row["window_s"]) * 1_000,
        to_ms=to_ms,
        keys=keys,
        sentences=why(str(row["kind"]), str(row["status"]), keys),
        course=[one for one in course if _alike(one, row)][:COURSE][::-1],
        incidents=reads.touching(client, row, to_ms),
    )


def _alike(one: Row, row: Row) -> bool:
    return all(one[name] == row[name] for name in ("lineage", "target", "kind", "segment_key", "segment_value"))


def spec_of(client: Client, lineage: str) -> MonitorSpec:
    """Return the spec of a lineage."""
    found = reads.lineage(client, lineage)
    if found is None:
        raise UnknownError(f"the lineage {lineage} of the verdict is not stored any more")
    return MonitorSpec.model_validate(json.loads(str(found["spec"])))


def target(client: Client, model: str, name: str, at_ms: int = NOW_MS) -> Explained | Silence:
    """Return the newest verdict on a feature or metric of panes up to a time, or why there is none.

    Parameters
    ----------
    name
        A feature, a metric, or a kind of verdicts such as ``volume``.
    """
    found = reads.verdicts_on(client, model, name, at_ms, 1)
    return explained(client, found[0]) if found else silence(client, model, name, at_ms)


def silence(client: Client, model: str, name: str, at_ms: int = NOW_MS) -> Silence:
    """Return why no verdict on a target is there; O(panes of the live lineage)."""
    live = reads.live(client, model)
    if not live:
        known = sorted({str(row["model"]) for row in reads.live(client, "")})
        return Silence(model, name, [f"no monitor watches a model {model!r}{_near(model, known)}"])
    specs = [(row, MonitorSpec.model_validate(json.loads(str(row["spec"])))) for row in live]
    watched = [(row, spec) for row, spec in specs if name in _targets(spec)]
    if not watched:
        every = sorted({target for _, spec in specs for target in _targets(spec)})
        return Silence(model, name, [f"{name!r} is nothing that is judged of {model}{_near(name, every)}"])
    return Silence(model, name, [_why_none(client, row, spec, name, at_ms) for row, spec in watched])


def _targets(spec: MonitorSpec) -> list[str]:
    metric = [spec.performance.metric, "performance", "estimate"] if spec.performance else []
    kinds = [kind for kind in KINDS if kind not in ("performance", "estimate")]
    return [*spec.features, *OUTPUTS, *metric, *kinds, *(f"{NAMED}{one.label}" for one in spec.detectors)]


def _near(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 3)
    if near:
        return f"; did you mean {' or '.join(near)}?"
    return f"; there are {', '.join(known[:8])}{' …' if len(known) > 8 else ''}" if known else ""


def _why_none(client: Client, row: Row, spec: MonitorSpec, name: str, at_ms: int) -> str:
    """Return why a lineage says nothing of what it watches."""
    final = reads.finals(client, str(row["lineage"]))
    panes, seen = number(final["panes"]), f"{number(final['panes']):,} final panes with {number(final['rows']):,} rows"
    if not panes:
        return f"learning: no pane of monitor {spec.monitor} is final yet; one is at its end, plus the lateness"
    if number(final["first_ms"]) > at_ms:
        return f"monitor {spec.monitor} measured nothing yet at that time: its first pane came later"
    if not row["reference"]:
        return (
            f"learning: monitor {spec.monitor} has no reference, so nothing is compared; {seen} so far, 60 panes are "
            f"needed to alarm, 200 wanted: streamgauge reference build {spec.monitor}"
        )
    return _why_not_yet(spec, name, seen)


def _why_not_yet(spec: MonitorSpec, name: str, seen: str) -> str:
    """Return why nothing was said of a target, though there is a reference."""
    if name in ("volume", "no-data", "no-labels", "quality"):
        return f"no finding: hard checks speak only when they find something; {seen} were checked"
    if spec.performance is not None and name in (spec.performance.metric, "performance"):
        return f"no pane is mature yet: {seen}, and labels must be as old as 95 % of the reference's were"
    if name.startswith(NAMED):
        return f"it has heard no value yet: {seen}; a metric is heard once labels are mature"
    if name == "attribution":
        return "nothing was attributed yet: it takes a full window, and a version that was trained here"
    if name == "estimate":
        return "no estimate was judged yet: it takes a full window, and a reference with answers and labels"
    return (
        f"no window is full yet: {seen}; the smallest window holds 400 effective rows, and only panes after the "
        "lineage's start count"
    )
