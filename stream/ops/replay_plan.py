"""What a replay is to do: with which spec and reference, over which part of the ledger, under which id."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from streamgauge.spec import MonitorSpec

from detectors.artifact import Reference, decode, encode
from stream.errors import StreamgaugeError
from stream.folds.monitor import SpecRecord
from stream.folds.numeric import NUMERIC_VERSION
from stream.ops.controls import newest_spec
from stream.ops.reference import build
from stream.ops.reference_sources import InRange
from stream.ops.replay_fold import Course
from stream.ops.replays import Ranges, unfinished
from stream.references.times import moment
from stream.runtime.port import TopicPartition
from stream.topology import LEDGER

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from stream.runtime.file_port import KafkaReader
    from stream.settings import Settings

KEEP, NONE = "keep", "none"


class ReplayError(StreamgaugeError):
    """A replay that cannot be made, with the reason."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for.

    Attributes
    ----------
    spec
        Instead of the one in force; None: that one.
    reference
        ``keep``: the one in force; ``none``: learn; a file with an artifact; or ``FROM..TO``, two dates: one made of
        the rows of that event time.
    from_ms, to_ms
        Which records, by the time at which the ledger stored them, ``[from_ms, to_ms)``; None: all that are kept.
    rate
        Rows a second at most; None: as fast as it goes.
    who
        Who asks; kept with the lineage.
    """

    monitor: str
    spec: MonitorSpec | None = None
    reference: str = KEEP
    from_ms: int | None = None
    to_ms: int | None = None
    rate: float | None = None
    who: str = "cli"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a replay does.

    Attributes
    ----------
    request
        Hash of what was asked for: an unfinished replay of the same request is done to its end.
    ranges
        Positions, by ledger partition.
    reference
        The reference's artifact, or None.
    is_whole
        Whether it begins with the first record that the ledger ever had.
    warnings
        A sentence for each thing that makes it less than one could want.
    """

    course: Course
    request: str
    revision: int
    ranges: Ranges
    reference: Reference | None
    is_whole: bool
    warnings: tuple[str, ...] = ()

    @property
    def records(self) -> int:
        """Return how many ledger records it reads."""
        return sum(end - first for first, end in self.ranges.values())


def plan(settings: Settings, client: Client, reader: KafkaReader, ledger_id: str, wanted: Wanted) -> Plan:
    """Return what is to be done.

    Raises
    ------
    ReplayError
        If there is no such monitor, the reference does not fit the spec, or the ledger keeps nothing of the range.
    """
    before = newest_spec(settings, wanted.monitor)
    spec = _spec(before, wanted)
    reference = _reference(settings, before, spec, wanted.reference)
    artifact = None if reference is None else encode(reference)
    sha = None if artifact is None else hashlib.sha256(artifact).hexdigest()
    revision = 0 if before is None else before.revision
    record = SpecRecord(
        monitor=wanted.monitor, revision=revision, spec=spec.to_values(), who=wanted.who,
        reference=None if artifact is None else base64.b64encode(artifact).decode(), reference_sha=sha,
    )  # fmt: skip
    runtime = settings.runtime
    measured = (record.spec, revision, sha, NUMERIC_VERSION, ledger_id, runtime.tick_ms)
    request = _hash(*measured, wanted.from_ms, wanted.to_ms)
    ranges = _ranges(client, reader, request, wanted)
    if not any(end > first for first, end in ranges.values()):
        raise ReplayError(f"the ledger keeps no record{_asked(wanted)}")
    course = Course(
        _hash(*measured, sorted(ranges.items())),
        msgspec.json.encode(msgspec.structs.replace(record, who="")),
        ledger_id,
        runtime.partials_partitions,
        runtime.tick_ms,
    )
    is_whole = all(first == 0 for first, _ in ranges.values())
    return Plan(course, request, revision, ranges, reference, is_whole, _warnings(spec, reference))


def _spec(before: SpecRecord | None, wanted: Wanted) -> MonitorSpec:
    if wanted.spec is None and before is None:
        raise ReplayError(f"no monitor {wanted.monitor!r} is in force: give its spec (--spec FILE)")
    if wanted.spec is not None and wanted.spec.monitor != wanted.monitor:
        raise ReplayError(f"the spec is of monitor {wanted.spec.monitor!r}, asked for was {wanted.monitor!r}")
    return wanted.spec or MonitorSpec.model_validate(before.spec if before is not None else {})


def _reference(settings: Settings, before: SpecRecord | None, spec: MonitorSpec, wanted: str) -> Reference | None:
    if wanted == NONE:
        return None
    if wanted == KEEP:
        kept = before.reference if before is not None else None
        reference = None if kept is None else decode(base64.b64decode(kept))
    elif ".." in wanted and not Path(wanted).exists():
        reference = build(settings, spec, InRange(*_span(wanted)))
    else:
        reference = _of_file(Path(wanted))
    if reference is not None:
        _check_fits(reference, spec, wanted)
    return reference


def _of_file(path: Path) -> Reference:
    try:
        return decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise ReplayError(f"{path} is no reference artifact: {error}") from error


def _check_fits(reference: Reference, spec: MonitorSpec, wanted: str) -> None:
    mine = {bins.name: bins.kind for bins in reference.bins[: len(reference.bins) - reference.outputs]}
    theirs = {name: feature.type for name, feature in spec.features.items()}
    if mine != theirs:
        differing = ", ".join(sorted({name for name, _ in mine.items() ^ theirs.items()}))
        which = "in force" if wanted == KEEP else wanted
        raise ReplayError(
            f"the reference {which} is not of the spec's features ({differing}): "
            "give another (--reference FILE or FROM..TO), or --reference none"
        )
    if reference.panel.phases > 1 and reference.pane_ms != spec.pane_ms:
        raise ReplayError("the reference has phases of panes of another length: give another, or --reference none")


def _span(text: str) -> tuple[int, int]:
    try:
        first, end = (datetime.fromisoformat(part) for part in text.split(".."))
    except ValueError as error:
        raise ReplayError(f"{text!r} is no range of dates, as 2013-01-01..2013-04-01: {error}") from error
    from_ms, to_ms = (_ms(at) for at in (first, end))
    if from_ms >= to_ms:
        raise ReplayError(f"{text!r}: the range ends before it begins")
    return from_ms, to_ms


def _ms(at: datetime) -> int:
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _warnings(spec: MonitorSpec, reference: Reference | None) -> tuple[str, ...]:
    if reference is None or reference.pane_ms == spec.pane_ms:
        return ()
    lengths = f"{reference.pane_ms // 1000} s, those of the spec are of {spec.pane_ms // 1000} s"
    return (f"the reference was made of panes of {lengths}: sums and effects are right, verdicts are not calibrated",)


def _ranges(client: Client, reader: KafkaReader, request: str, wanted: Wanted) -> Ranges:
    """Return which positions are read: those of a broken replay of the same request, if all of them are kept."""
    kept = {tp: reader.bounds(tp) for tp in reader.partitions(LEDGER.name)}
    broken = unfinished(client, request)
    if broken is not None and {tp.partition for tp in kept} == broken.ranges.keys():
        is_kept = [kept[tp][0] <= broken.ranges[tp.partition][0] for tp in kept]
        if all(is_kept):
            return broken.ranges
    from_ms = wanted.from_ms if wanted.from_ms is not None else _kept_ms(reader, kept)
    ranges = {}
    for tp, (low, high) in kept.items():
        first = low if from_ms is None else max(low, reader.offset_at(tp, from_ms))
        end = high if wanted.to_ms is None else min(high, reader.offset_at(tp, wanted.to_ms))
        ranges[tp.partition] = first, max(first, end)
    return ranges


def _kept_ms(reader: KafkaReader, kept: dict[TopicPartition, tuple[int, int]]) -> int | None:
    """Return from when on all partitions are kept, epoch milliseconds; None: from their beginning."""
    firsts = [next(reader.records(tp, low, low + 1)) for tp, (low, high) in kept.items() if 0 < low < high]
    return max((record.append_ms for record in firsts), default=None)


def _asked(wanted: Wanted) -> str:
    first = "" if wanted.from_ms is None else f" from {moment(wanted.from_ms)}"
    return first + ("" if wanted.to_ms is None else f" to {moment(wanted.to_ms)}")


def _hash(*parts: object) -> str:
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()[:12]
