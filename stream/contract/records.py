"""What streamgauge writes to public topics, as types: subscribers may rely on these fields, and more may come."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One change of an incident.

    Attributes
    ----------
    version
        Of this form.
    id
        Of this change.
    incident
        What it is about; its changes share it, and it is the record's key.
    state
        What happened to the incident: `open`, `resolved`, or another change.
    level
        How much it matters: `page` calls a person.
    kind
        What it is about: drift, performance, pipeline and others.
    model, monitor
        Whose it is; empty: of the whole installation.
    title
        One sentence.
    what
        What changed, in words.
    features
        The features that it names.
    where
        What narrows it down.
    since
        Since when it is so, in event time.
    opened, closed
        When the incident was opened and closed; `closed` is null while it is open.
    sent
        When this was decided.
    evidence
        Lineage, verdicts and positions in the log that prove it.
    next
        What to do.
    dedup
        The same text: the same change, sent again.
    """

    version: int
    id: str
    incident: str
    state: str
    level: str
    kind: str
    model: str
    monitor: str
    title: str
    what: str
    features: list[str]
    where: dict[str, Any]
    sent: str
    dedup: str
    since: str = ""
    opened: str = ""
    closed: str | None = None
    evidence: dict[str, Any] = {}
    next: str = ""


class RetrainRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request to retrain a model; answered by commands of kind `step` and by a version in the registry.

    Attributes
    ----------
    id
        Unique; what answers it names it.
    trigger
        Why it was asked for: performance, a schedule, a person.
    reason
        The same, in words.
    evidence
        Verdict, metric and figures behind it.
    incident
        The incident that asks for it; empty: none.
    cut
        Ledger partition, as text, and the highest position of it that the training may use.
    features
        Type of each feature, by name.
    from_ms, to_ms
        Event time of the training set, epoch milliseconds; `to_ms` is not part of it.
    champion
        The version to be compared with; empty: none serves.
    metric
        What the new version is judged by.
    asked_ms
        Log clock, epoch milliseconds.
    """

    id: str
    model: str
    monitor: str
    lineage: str
    incident: str
    trigger: str
    reason: str
    evidence: dict[str, Any]
    cut: dict[str, int]
    trainer: str
    metric: str
    task: Literal["binary", "multiclass", "regression"]
    features: dict[str, str]
    from_ms: int
    to_ms: int
    champion: str
    asked_ms: int
