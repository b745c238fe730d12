"""Putting a monitor's spec in force: a new revision in the log."""

from __future__ import annotations

import base64
import hashlib
import time

from streamgauge.spec import MonitorSpec

from stream.ops.controls import newest_spec, publish
from stream.settings import Settings


def apply(settings: Settings, spec: MonitorSpec, reference: bytes | None = None, who: str = "cli") -> int:
    """Publish a spec as the monitor's next revision, with the reference artifact that it is measured against.

    Without an artifact the one in force stays, if the monitor has one and its features are the same.

    Parameters
    ----------
    reference
        Bytes of ``detectors.reference.encode``, or None.
    who
        Who asks, kept with the revision.

    Returns
    -------
    int
        The revision, 1 or more.
    """
    before = newest_spec(settings, spec.monitor)
    revision = 1 if before is None else before.revision + 1
    document = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    encoded, sha = _artifact(reference)
    if reference is None and before is not None and before.spec.get("features") == document["features"]:
        encoded, sha = before.reference, before.reference_sha
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
    return revision


def _artifact(reference: bytes | None) -> tuple[str | None, str | None]:
    if reference is None:
        return None, None
    return base64.b64encode(reference).decode(), hashlib.sha256(reference).hexdigest()
