"""What a demo found, as plain values: the object that ``--json`` writes and the report is made of."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

# The seven terms of conservation (docs/architecture.md): received = used + duplicate + late_used + …
TERMS = ("used", "duplicate", "late_used", "invalid", "unmatched", "pending")


@dataclass(frozen=True, slots=True)
class Flow:
    """Where all events of one kind went.

    Attributes
    ----------
    sent
        Events that the demo sent (of predictions: that it asked for).
    received
        Events that arrived in the ledger, repetitions included.
    dead
        Events that were refused before the ledger.
    """

    sent: int
    received: int
    used: int
    duplicate: int
    late_used: int
    invalid: int
    unmatched: int
    pending: int
    dead: int = 0

    @property
    def difference(self) -> int:
        """Received without a fate; 0 unless something is wrong."""
        fates = self.used + self.duplicate + self.late_used + self.invalid + self.unmatched + self.pending
        return self.received - fates

    @property
    def lost(self) -> int:
        """Sent, each once, and never received; negative if something came that was never sent."""
        return self.sent - (self.received - self.duplicate) - self.dead


@dataclass(frozen=True, slots=True)
class Alert:
    """An incident as it ended; times are RFC 3339, `closed` is empty while it is open."""

    id: str
    kind: str
    severity: str
    opened: str
    closed: str
    features: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Retrain:
    """A retrain: why it was asked for, what came of it. `verdict` is a sentence, `step` its last step.

    `asked` is in the flights' time: the end of the range that its training data come from.
    """

    id: str
    asked: str
    trigger: str
    reason: str
    evidence: Mapping[str, object]
    step: str
    version: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the model: its training data, how it did on the newest part of them, and its roles."""

    version: str
    trained_from: str
    trained_to: str
    rows: int
    metrics: Mapping[str, float]
    role: str
    since: str


@dataclass(frozen=True, slots=True)
class Month:
    """One month: flights, labels, share of late ones, and the loss of each version that served."""

    month: str
    flights: int
    labels: int
    late: int
    losses: Mapping[str, tuple[float, int]]

    @property
    def late_share(self) -> float:
        """Share of the labels that say late; NaN without labels."""
        return self.late / self.labels if self.labels else math.nan

    @property
    def loss(self) -> float:
        """Mean loss of all versions, weighed by labels; NaN if none served."""
        n = sum(labels for _, labels in self.losses.values())
        return sum(value * labels for value, labels in self.losses.values()) / n if n else math.nan


@dataclass(frozen=True, slots=True)
class Findings:
    """All of it. `flights_by_fate` adds up to the number of flights."""

    kafka_version: str
    clickhouse_version: str
    flights_by_fate: Mapping[str, int]
    predictions: Flow
    labels: Flow
    panes: Mapping[str, int]
    statistics: Mapping[str, int]
    alerts: tuple[Alert, ...]
    retrains: tuple[Retrain, ...]
    versions: tuple[Version, ...]
    champion: str
    months: tuple[Month, ...]
    digest: str
    audit_differences: int
    audit_compared: Mapping[str, int]
    seconds: float
    rss_mb: float
    rss_by_process: Mapping[str, float] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    audit_examples: tuple[str, ...] = ()

    def loss_of(self, version: str) -> tuple[float, int]:
        """Return a version's mean loss while it served, and how many labels that rests on; NaN without any."""
        served = [month.losses[version] for month in self.months if version in month.losses]
        labels = sum(n for _, n in served)
        return (sum(loss * n for loss, n in served) / labels if labels else math.nan), labels

    @property
    def lost(self) -> int:
        """Events of either kind that are nowhere."""
        return abs(self.predictions.lost) + abs(self.labels.lost)

    @property
    def holds(self) -> bool:
        """Whether every event has exactly one fate, and nothing waits any more."""
        flows = (self.predictions, self.labels)
        return self.lost == 0 and all(flow.difference == 0 for flow in flows)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is lost, all is accounted for, and the audit found no difference."""
        return self.holds and self.audit_differences == 0

    def as_json(self) -> str:
        """Return one JSON object; numbers that are none are null."""
        flows = {"predictions": self.predictions, "labels": self.labels}
        found = {
            "kafka_version": self.kafka_version,
            "clickhouse_version": self.clickhouse_version,
            "events": {
                "flights": sum(self.flights_by_fate.values()),
                "flights_by_fate": dict(self.flights_by_fate),
                **{kind: asdict(flow) for kind, flow in flows.items()},
            },
            "conservation": {
                **{kind: _terms(flow) for kind, flow in flows.items()},
                "holds": self.holds,
                "lost": self.lost,
            },
            "panes": dict(self.panes),
            "statistics": dict(self.statistics),
            "alerts": [asdict(alert) for alert in self.alerts],
            "retrains": [asdict(retrain) for retrain in self.retrains],
            "versions": [asdict(version) for version in self.versions],
            "champion": self.champion,
            "months": [
                asdict(month) | {"late_share": month.late_share, "log_loss": month.loss} for month in self.months
            ],
            "digest": self.digest,
            "audit_differences": self.audit_differences,
            "audit_compared": dict(self.audit_compared),
            "audit_examples": list(self.audit_examples),
            "seconds": round(self.seconds, 1),
            "rss_mb": round(self.rss_mb, 1),
            "rss_by_process": {name: round(value, 1) for name, value in self.rss_by_process.items()},
            "timings": {name: round(value, 2) for name, value in self.timings.items()},
        }
        return json.dumps(_finite(found), indent=1, ensure_ascii=False)


def _terms(flow: Flow) -> dict[str, int]:
    terms = {term: int(getattr(flow, term)) for term in ("received", *TERMS)}
    return terms | {"difference": flow.difference, "lost": flow.lost}


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
