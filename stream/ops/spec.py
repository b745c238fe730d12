"""Putting a monitor's spec in force: a new revision in the log."""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import dataclass

from streamgauge.spec import MonitorSpec

from stream.errors import StreamgaugeError
from stream.ops.controls import newest_spec, publish
from stream.settings import Settings
from stream.topology import DAY_MS, LEDGER


class SpecRefusedError(StreamgaugeError):
    """A spec that is valid in itself, but that this installation cannot keep its promises for."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What is in force after a spec was put in force.

    Attributes
    ----------
    revision
        The revision, 1 or more.
    is_new
        Whether it is a new one; False: spec and reference are those that were in force before.
    has_reference
        Whether a reference artifact belongs to it.
    """

    revision: int
    is_new: bool
    has_reference: bool


def apply(settings: Settings, spec: MonitorSpec, reference: bytes | None = None, who: str = "cli") -> Applied:
    """Publish a spec as the monitor's next revision, with the reference artifact that it is measured against.

    Without an artifact the one in force stays, if the monitor has one and its features are the same. Nothing is
    published when spec and artifact are those in force.

    Parameters
    ----------
    reference
        Bytes of ``detectors.reference.encode``, or None.
    who
        Who asks, kept with the revision.

    Raises
    ------
    SpecRefusedError
        If labels may come later than the ledger keeps their predictions.
    """
    _check_horizon(spec)
    before = newest_spec(settings, spec.monitor)
    document = spec.to_values()
    encoded, sha = _artifact(reference)
    if reference is None and before is not None and before.spec.get("features") == document["features"]:
        encoded, sha = before.reference, before.reference_sha
    if before is not None and (before.spec, before.reference_sha) == (document, sha):
        return Applied(before.revision, is_new=False, has_reference=sha is not None)
    revision = 1 if before is None else before.revision + 1
    publish(
        settings,
        "specs",
        spec.monitor,
        {
            "monitor": spec.monitor,
            "revision": revision,
            "at_ms": int(time.time() * 1000),
            "who": who,
            "spec": document,
            "reference": encoded,
            "reference_sha": sha,
        },
    )
    return Applied(revision, is_new=True, has_reference=sha is not None)


def _check_horizon(spec: MonitorSpec) -> None:
    if spec.labels.horizon_ms > LEDGER.retention:
        raise SpecRefusedError(
            f"monitor {spec.monitor}: labels.horizon is {spec.labels.horizon_ms // DAY_MS} days, but the ledger keeps "
            f"{LEDGER.retention // DAY_MS}: what is older could not be computed again; write "
            f"horizon: {LEDGER.retention // DAY_MS}d or less"
        )


def _artifact(reference: bytes | None) -> tuple[str | None, str | None]:
    if reference is None:
        return None, None
    return base64.b64encode(reference).decode(), hashlib.sha256(reference).hexdigest()
