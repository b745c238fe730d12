"""The references that there are: artifacts in the topic of specs, by the monitor that they belong to."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import msgspec

from detectors.artifact import Reference, decode
from stream.folds.monitor import SpecRecord
from stream.ops.controls import read_values
from stream.references.errors import ReferenceError
from stream.settings import Settings

LEAST_NAME = 4
"""Characters of a sha that name an artifact, at least."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A reference of one monitor.

    Attributes
    ----------
    sha
        The artifact's sha256, hexadecimal: its name.
    revisions
        Revisions of the monitor that it was in force with, the first and the last.
    is_in_force
        Whether the newest revision has it.
    at_ms, who
        When it was put in force first, and by whom.
    size
        Bytes of the artifact.
    spec
        The spec of its last revision.
    reference
        None if this version cannot read it; then `problem` says why.
    """

    sha: str
    monitor: str
    model: str
    revisions: tuple[int, int]
    is_in_force: bool
    at_ms: int
    who: str
    size: int
    spec: dict[str, object]
    reference: Reference | None
    problem: str = ""


def kept(settings: Settings) -> list[Kept]:
    """Return all references, by monitor, older ones first."""
    records: dict[str, dict[int, SpecRecord]] = {}
    for value in read_values(settings, "specs"):
        record = msgspec.json.decode(value, type=SpecRecord)
        records.setdefault(record.monitor, {})[record.revision] = record
    return [one for monitor in sorted(records) for one in _of_monitor(list(records[monitor].values()))]


def _of_monitor(records: list[SpecRecord]) -> list[Kept]:
    records.sort(key=lambda record: record.revision)
    by_sha: dict[str, list[SpecRecord]] = {}
    for record in records:
        if record.reference is not None and record.reference_sha:
            by_sha.setdefault(record.reference_sha, []).append(record)
    return [_kept(sha, mine, records[-1].reference_sha == sha) for sha, mine in by_sha.items()]


def _kept(sha: str, records: list[SpecRecord], is_in_force: bool) -> Kept:
    first, last = records[0], records[-1]
    artifact = base64.b64decode(first.reference or "")
    reference, problem = _decoded(artifact)
    return Kept(
        sha=sha,
        monitor=first.monitor,
        model=str(last.spec.get("model", "")),
        revisions=(first.revision, last.revision),
        is_in_force=is_in_force,
        at_ms=first.at_ms,
        who=first.who,
        size=len(artifact),
        spec=last.spec,
        reference=reference,
        problem=problem,
    )


def _decoded(artifact: bytes) -> tuple[Reference | None, str]:
    try:
        return decode(artifact), ""
    except ValueError as error:
        return None, str(error)


def chosen(known: list[Kept], name: str) -> Kept:
    """Return the reference in force of the monitor that is named, or the one whose sha begins so.

    Parameters
    ----------
    name
        Empty: the only one in force.

    Raises
    ------
    ReferenceError
        If there is none, or more than one.
    """
    in_force = [one for one in known if one.is_in_force]
    found = [one for one in in_force if name in ("", one.monitor)]
    if not found and len(name) >= LEAST_NAME:
        found = [one for one in known if one.sha.startswith(name)]
        found = [one for one in found if one.is_in_force] or found
    if len({one.sha for one in found}) == 1:
        return found[0]
    if found:
        which = ", ".join(sorted(one.monitor if not name else one.sha[:12] for one in found))
        raise ReferenceError(f"which one: {which}? `streamgauge reference list` says more")
    raise ReferenceError(_nothing(known, name))


def _nothing(known: list[Kept], name: str) -> str:
    if not known:
        return "there is no reference yet: streamgauge reference build MONITOR"
    if any(one.monitor == name for one in known):
        return f"monitor {name} has no reference in force: streamgauge reference build {name}"
    named = f"no monitor {name!r} has a reference, and no artifact is called so" if name else "no reference is in force"
    return f"{named}: `streamgauge reference list` says what there is"
