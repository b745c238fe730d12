"""Putting a monitor's spec in force: a new revision in the log."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

from streamgauge.spec import MonitorSpec

from stream.errors import StreamgaugeError
from stream.ops.controls import newest_spec, publish, spec_key
from stream.settings import Settings
from stream.topology import DAY_MS, LEDGER

_OF_REFERENCE = ("model", "task", "features", "pane", "cycle", "outliers")
"""Keys of a spec without which its reference would be another."""


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
    names_another
        Whether the spec names other rows for its reference than before, and the artifact in force has stayed.
    """

    revision: int
    is_new: bool
    has_reference: bool
    names_another: bool = False


def apply(settings: Settings, spec: MonitorSpec, reference: bytes | None = None, who: str = "cli") -> Applied:
    """Publish a spec as the monitor's next revision, with the reference artifact that it is measured against.

    Without an artifact the one in force stays, if the monitor has one and still measures what it was made of. Nothing
    is published when spec and artifact are those in force.

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
    names_another = False
    if reference is None and before is not None and _fits(before.spec, document):
        encoded, sha = before.reference, before.reference_sha
        names_another = sha is not None and before.spec.get("reference") != document.get("reference")
    if before is not None and (before.spec, before.reference_sha) == (document, sha):
        return Applied(before.revision, is_new=False, has_reference=sha is not None)
    revision = 1 if before is None else before.revision + 1
    publish(
        settings,
        "specs",
        spec_key(spec.monitor, revision),
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
    return Applied(revision, is_new=True, has_reference=sha is not None, names_another=names_another)


def _fits(before: Mapping[str, object], now: Mapping[str, object]) -> bool:
    """Say whether a reference of one spec holds for another: its bins, its answers, its panes and phases."""
    return all(before.get(key) == now.get(key) for key in _OF_REFERENCE)


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
