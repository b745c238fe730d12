"""What is to be investigated: the panes that an incident or a verdict flagged, and what was decided about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streamgauge.spec import MonitorSpec

from detectors.artifact import SERVED
from stream.errors import StreamgaugeError
from stream.references.times import moment

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_INCIDENT = """
SELECT
    id, model, lineage, title, features,
    toUnixTimestamp64Milli(since) AS since_ms, toUnixTimestamp64Milli(opened) AS opened_ms
FROM incidents
WHERE startsWith(id, {id:String}) OR startsWith(id, concat('INC-', {id:String}))
ORDER BY id LIMIT 2
"""
_LINEAGE = (
    "SELECT lineage, monitor, model, reference, spec FROM lineages WHERE {which} ORDER BY monitor, start DESC LIMIT 1"
)
_BY_NAME = "lineage = {lineage:String}"
_BY_PANE = (
    "model = {model:String} AND shown_from <= fromUnixTimestamp64Milli({pane_ms:Int64}) "
    "AND shown_to > fromUnixTimestamp64Milli({pane_ms:Int64})"
)
# The surest of each feature; of a pane that several windows end in there is one verdict.
_VERDICTS = """
SELECT
    id, target AS feature, toUnixTimestamp64Milli(pane) AS pane_ms, scale AS scale_s, status,
    evidence_days, budget_days, effect, effect_name, floor, reason
FROM verdicts
WHERE lineage = {lineage:String} AND kind = 'drift' AND segment_key = '' AND has({features:Array(String)}, target)
  AND pane >= fromUnixTimestamp64Milli({from_ms:Int64}) AND pane < fromUnixTimestamp64Milli({to_ms:Int64})
ORDER BY ifNull(evidence_days, -1) DESC, pane DESC LIMIT 1 BY target
"""


class InvestigateError(StreamgaugeError):
    """Nothing can be investigated; the sentence says why, and what would mend it."""


@dataclass(frozen=True, slots=True)
class Ours:
    """What was decided about a feature: the verdict's id, its window's last pane, how sure, and how much."""

    id: str
    feature: str
    pane_ms: int
    scale_s: int
    status: str
    evidence_days: float | None
    budget_days: float | None
    effect: float | None
    effect_name: str
    floor: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Flagged:
    """The window, ``[from_ms, to_ms)`` of event time, and the features that are asked about.

    Attributes
    ----------
    incident
        Its id; empty if a pane was named.
    reference
        sha256 of the reference that it was judged by.
    ours
        The surest verdict on each feature in that time, by feature.
    """

    incident: str
    title: str
    lineage: str
    spec: MonitorSpec
    reference: str
    features: tuple[str, ...]
    from_ms: int
    to_ms: int
    ours: dict[str, Ours] = field(default_factory=dict)


def of_incident(client: Client, name: str, features: Sequence[str] = ()) -> Flagged:
    """Return what an incident flagged, from its first pane until it was raised.

    Parameters
    ----------
    name
        Its id, or the begin of it, with or without ``INC-``.
    features
        Those to look at instead of the incident's own; all inputs if it names none.

    Raises
    ------
    InvestigateError
        If there is no such incident, or several.
    """
    found = _rows(client, _INCIDENT, id=name)
    if len(found) != 1:
        several = ", ".join(str(row["id"]) for row in found)
        raise InvestigateError(
            f"which one: {several} …?" if found else f"there is no incident {name}: view incidents has them all"
        )
    incident = found[0]
    lineage = _lineage(client, _BY_NAME, f"lineage {incident['lineage']} is not known", lineage=incident["lineage"])
    spec = MonitorSpec.from_json(lineage["spec"])
    from_ms = incident["since_ms"]
    to_ms = max(incident["opened_ms"], from_ms + spec.pane_ms)
    named = (
        tuple(features) or tuple(name for name in incident["features"] if _is_known(spec, name)) or tuple(spec.features)
    )
    return _flagged(client, (incident["id"], incident["title"]), lineage, spec, named, (from_ms, to_ms))


def of_pane(client: Client, model: str, feature: str, at_ms: int) -> Flagged:
    """Return the window of the verdict on a feature that ends with the pane of an instant; without one, the pane.

    Raises
    ------
    InvestigateError
        If no monitor watched the model then, or has no such feature.
    """
    missing = f"no monitor shows panes of model {model!r} at {moment(at_ms)}: view lineages has them all"
    lineage = _lineage(client, _BY_PANE, missing, model=model, pane_ms=at_ms)
    spec = MonitorSpec.from_json(lineage["spec"])
    pane_ms = at_ms - at_ms % spec.pane_ms
    end_ms = pane_ms + spec.pane_ms
    found = _flagged(client, ("", f"{feature} at {moment(pane_ms)}"), lineage, spec, (feature,), (pane_ms, end_ms))
    if feature not in found.ours:
        return found
    from_ms = end_ms - 1000 * found.ours[feature].scale_s
    return Flagged("", found.title, found.lineage, spec, found.reference, (feature,), from_ms, end_ms, found.ours)


def _flagged(
    client: Client, said: tuple[str, str], lineage: dict[str, Any], spec: MonitorSpec, features: tuple[str, ...],
    span: tuple[int, int],
) -> Flagged:  # fmt: skip
    unknown = [name for name in features if not _is_known(spec, name)]
    if unknown:
        known = ", ".join([*spec.features, SERVED[spec.task]])
        raise InvestigateError(f"monitor {spec.monitor} has no feature {unknown[0]!r}; it has {known}")
    if not lineage["reference"]:
        raise InvestigateError(
            f"monitor {spec.monitor} had no reference then, so there is nothing to compare with: "
            f"streamgauge reference build {spec.monitor}"
        )
    parameters = {"lineage": lineage["lineage"], "features": list(features), "from_ms": span[0], "to_ms": span[1]}
    ours = [Ours(**row) for row in _rows(client, _VERDICTS, **parameters)]
    return Flagged(
        *said, lineage["lineage"], spec, lineage["reference"], features, *span, {one.feature: one for one in ours}
    )  # fmt: skip


def _is_known(spec: MonitorSpec, feature: str) -> bool:
    return feature in spec.features or feature == SERVED[spec.task]


def _lineage(client: Client, which: str, missing: str, **parameters: object) -> dict[str, Any]:
    found = _rows(client, _LINEAGE.replace("{which}", which), **parameters)
    if not found:
        raise InvestigateError(missing)
    return found[0]


def _rows(client: Client, sql: str, **parameters: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.query_arrow(sql, parameters=parameters, use_strings=True).to_pylist()
    return found
