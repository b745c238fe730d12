"""The reference job: rows become an immutable artifact, which a new revision of the monitor puts in force."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from streamgauge.durations import format_duration
from streamgauge.spec import MonitorSpec

from detectors.reference import Reference, encode
from stream.folds.monitor import SpecRecord
from stream.ops.controls import newest_spec
from stream.ops.reference_sources import Wanted, found, wanted_of
from stream.ops.spec import apply
from stream.references.advice import advice
from stream.references.errors import ReferenceError
from stream.references.rows import fitted
from stream.settings import Settings

__all__ = ["Built", "ReferenceError", "build", "build_and_apply"]


@dataclass(frozen=True, slots=True)
class Built:
    """A reference that was built and put in force.

    Attributes
    ----------
    sha
        The artifact's sha256, hexadecimal: its name.
    revision
        The monitor's revision that names it.
    reference
        The reference itself.
    size
        Bytes of the artifact.
    advice
        What would make it better, in sentences.
    """

    sha: str
    revision: int
    reference: Reference
    size: int
    advice: tuple[str, ...]


def build(settings: Settings, spec: MonitorSpec, wanted: Wanted) -> Reference:
    """Return the reference of the rows that are wanted, each prediction once.

    Raises
    ------
    ReferenceError
        If there are no rows, or all of them lie in one pane.
    """
    here = found(settings, spec, wanted)
    reference = fitted(spec, here.rows, here.origin, here.notes)
    if reference.panes < 2:
        raise ReferenceError(
            f"all {reference.rows:,} rows lie in one pane of {format_duration(spec.pane_ms)}: nothing says how panes "
            "differ; take more rows, or write a shorter pane"
        )
    return reference


def build_and_apply(
    settings: Settings, monitor: str, wanted: Wanted | None = None, who: str = "reference-job"
) -> Built:
    """Build the reference of a monitor in force, publish a revision that names it, and return what it is.

    Parameters
    ----------
    wanted
        Which rows; None: those that the spec names.
    who
        Who asks, kept with the revision.

    Raises
    ------
    ReferenceError
        If the monitor is not known, its spec names no rows, or nothing can be made of them.
    """
    record = newest_spec(settings, monitor)
    if record is None:
        raise ReferenceError(f"no monitor {monitor!r} is in force: streamgauge spec apply FILE")
    spec = MonitorSpec.model_validate(record.spec)
    reference = build(settings, spec, wanted or _named(spec))
    return _applied(settings, spec, reference, record, who)


def _named(spec: MonitorSpec) -> Wanted:
    if spec.reference is None:
        raise ReferenceError(
            f"the spec of {spec.monitor} names no reference: give --from and --to, --file, --version or --first"
        )
    return wanted_of(spec.reference)


def _applied(settings: Settings, spec: MonitorSpec, reference: Reference, record: SpecRecord, who: str) -> Built:
    artifact = encode(reference)
    sha = hashlib.sha256(artifact).hexdigest()
    now = newest_spec(settings, spec.monitor)
    if now is None or now.revision != record.revision:
        raise ReferenceError(f"the spec of {spec.monitor} was changed meanwhile: build the reference again")
    applied = apply(settings, spec, artifact, who)
    return Built(sha, applied.revision, reference, len(artifact), advice(reference))
