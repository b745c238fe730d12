"""A monitor as the folds see it: the measuring part of a spec, its reference, and the lineage that both define."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import Annotated

import msgspec
from streamgauge.spec import MonitorSpec
from streamgauge.spec_detectors import Detector
from streamgauge.spec_parts import Limits, Value

from detectors.artifact import Reference
from detectors.artifact import decode as decode_reference
from detectors.business import Worth
from detectors.evidence.budget import DAY_MS, Budget
from stream.folds.numeric import NUMERIC_VERSION

OTHER = "__other__"
Revision = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class SpecRecord(msgspec.Struct, frozen=True):
    """One record of topic `specs`: a revision of a monitor with the artifact that its reference names."""

    monitor: str
    revision: Revision
    spec: dict[str, object]
    at_ms: int = 0
    who: str = ""
    reference: str | None = None
    reference_sha: str | None = None


class Monitor(msgspec.Struct, frozen=True, eq=False):
    """What `measure` and `decide` need of a spec; times in milliseconds.

    `features` are name and type (``number`` or ``category``), `lineage` is the hash of all that changes a measurement.
    """

    name: str
    model: str
    task: str
    revision: int
    pane_ms: int
    lateness_ms: int
    horizon_ms: int
    idle_ms: int
    features: tuple[tuple[str, str], ...]
    segments: tuple[str, ...]
    metric: str
    tolerance: float
    retrain_on: tuple[str, ...]
    trainer: str
    reference: Reference | None
    reference_sha: str
    lineage: str
    spec: str
    limits: Limits = Limits()
    budget: Budget = Budget()
    detectors: tuple[Detector, ...] = ()
    protected: tuple[str, ...] = ()
    worth: Worth | None = None

    def pane_of(self, event_ms: int) -> int:
        """Return the start of the pane that holds `event_ms`."""
        return event_ms - event_ms % self.pane_ms

    def levels_of(self, segment: str) -> tuple[str, ...]:
        """Return the values of a segment that are told apart; none before there is a reference."""
        return () if self.reference is None else self.reference.segments.get(segment, ())


def scope_of(ledger_id: str, epoch: int) -> str:
    """Return what tells the lineages of one log and epoch from those of another.

    >>> scope_of("ledger", 0), scope_of("ledger", 7)
    ('ledger', 'ledger/7')
    """
    return f"{ledger_id}/{epoch}" if epoch else ledger_id


@lru_cache(maxsize=1 << 16)
def monitor_of(value: bytes, ledger_id: str = "") -> Monitor:
    """Return the monitor that a record of topic `specs` describes; ValueError if it is none."""
    record = msgspec.json.decode(value, type=SpecRecord)
    spec = MonitorSpec.model_validate(record.spec)
    artifact = base64.b64decode(record.reference) if record.reference else None
    sha = record.reference_sha or ""
    return Monitor(
        name=record.monitor,
        model=spec.model,
        task=spec.task,
        revision=record.revision,
        pane_ms=spec.pane_ms,
        lateness_ms=spec.lateness_ms,
        horizon_ms=spec.labels.horizon_ms,
        idle_ms=spec.idle_timeout_ms,
        features=tuple((name, feature.type) for name, feature in spec.features.items()),
        segments=tuple(spec.segments),
        metric=spec.performance.metric if spec.performance else "",
        tolerance=spec.performance.tolerance if spec.performance else 0.0,
        retrain_on=tuple(spec.retrain.on) if spec.retrain else (),
        trainer=spec.retrain.trainer if spec.retrain else "",
        reference=None if artifact is None else decode_reference(artifact),
        reference_sha=sha,
        lineage=_lineage(spec, sha, ledger_id),
        spec=msgspec.json.encode(record.spec).decode(),
        limits=spec.limits,
        budget=Budget(spec.budget.false_pages, spec.budget.per_ms / DAY_MS),
        detectors=spec.detectors,
        protected=tuple(spec.protected),
        worth=_worth(spec.value),
    )


def _worth(value: Value | None) -> Worth | None:
    if value is None:
        return None
    costs = value.costs or {}
    return Worth(
        outcomes=(value.tn or 0.0, value.fp or 0.0, value.fn or 0.0, value.tp or 0.0),
        pairs={(predicted, truth): cost for truth, some in costs.items() for predicted, cost in some.items()},
        over=value.over or 0.0,
        under=value.under or 0.0,
    )


def _lineage(spec: MonitorSpec, reference_sha: str, ledger_id: str) -> str:
    """Hash what changes a measurement: not the notification, not the tolerance, not the trainer.

    Of the limits those that change sums: keys that are sealed early add up to the same.
    """
    measuring = {
        "monitor": spec.monitor,
        "model": spec.model,
        "task": spec.task,
        "times": [spec.pane_ms, spec.lateness_ms, spec.labels.horizon_ms, spec.cycle_ms],
        "features": [(name, feature.type) for name, feature in spec.features.items()],
        "segments": list(spec.segments),
        "limits": [spec.limits.versions, spec.limits.pending],
        "reference": reference_sha,
        "numeric": NUMERIC_VERSION,
        "ledger": ledger_id,
    }
    return hashlib.sha256(msgspec.json.encode(measuring)).hexdigest()[:16]
