"""Which panes are final: those that every ledger partition has passed (docs/architecture.md, rules 6 and 7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from stream.folds.decide.state import LineageState, Standing
from stream.folds.monitor import Monitor
from stream.folds.partials import Mark, Partial

NEVER = -(1 << 62)
MAX_EMPTY = 1_000
# Of sums: version, segment key, segment value, pane, and where their first row was.
_Key = tuple[str, str, str, int, int]


def arrive(lineage: LineageState, partition: int, partial: Partial) -> None:
    """Put sums where they will be merged: with their own pane, or late with the pane after the newest final one."""
    if lineage.newest_final is not None and partial.pane_ms <= lineage.newest_final:
        lineage.late.append((partition, partial))
    else:
        lineage.waiting.setdefault(partial.pane_ms, []).append((partition, partial))


def arrive_all(lineages: Mapping[str, LineageState], partition: int, sealed: Iterable[Partial]) -> None:
    """Put sums of all keys of a message where they will be merged."""
    for partial in sealed:
        arrive(lineages[partial.lineage], partition, partial)


def arrive_once(lineages: Mapping[str, LineageState], partition: int, sealed: Iterable[Partial]) -> None:
    """As `arrive_all`, but for sums that are here already: of a message that comes once more, cut into other parts."""
    known: dict[str, set[_Key]] = {}
    for partial in sealed:
        lineage = lineages[partial.lineage]
        if partial.lineage not in known:
            known[partial.lineage] = {_key(other) for whose, other in _arrived(lineage) if whose == partition}
        if _key(partial) not in known[partial.lineage]:
            arrive(lineage, partition, partial)


def _arrived(lineage: LineageState) -> Iterator[tuple[int, Partial]]:
    return chain(lineage.late, *lineage.waiting.values())


def _key(partial: Partial) -> _Key:
    return partial.version, partial.segment_key, partial.segment_value, partial.pane_ms, partial.opened


def stand(lineage: LineageState, partition: int, mark: Mark, clock_ms: int) -> None:
    """Note where a partition stands; a watermark never goes back."""
    before = lineage.standing.get(partition)
    watermark_ms = mark.watermark_ms if before is None else max(before.watermark_ms, mark.watermark_ms)
    lineage.standing[partition] = Standing(watermark_ms, mark.idle, mark.start_ms, clock_ms, mark.labels_behind)
    if before is None or watermark_ms > before.watermark_ms:
        lineage.steps.setdefault(partition, []).append((watermark_ms, clock_ms))
        lineage.moved_ms = max(lineage.moved_ms, clock_ms)


def next_final(lineage: LineageState, monitor: Monitor, partitions: int) -> int | None:
    """Return the pane that is final next, or None. Panes become final in order, empty ones too.

    More than MAX_EMPTY empty panes in a row are passed over.
    """
    if len(lineage.standing) < partitions:
        return None
    candidate = _candidate(lineage, monitor)
    if candidate is None or not _all_passed(lineage, monitor, candidate + monitor.pane_ms):
        return None
    return candidate


def settled(lineage: LineageState, monitor: Monitor, pane_ms: int) -> None:
    """Note that a pane is final, and forget the steps that no later pane asks for."""
    lineage.newest_final = pane_ms
    for steps in lineage.steps.values():
        while steps and steps[0][0] < pane_ms + 2 * monitor.pane_ms:
            steps.pop(0)


def _candidate(lineage: LineageState, monitor: Monitor) -> int | None:
    earliest = min(lineage.waiting, default=None)
    if lineage.newest_final is None:
        return earliest
    following = lineage.newest_final + monitor.pane_ms
    if earliest is not None:
        return earliest if (earliest - following) // monitor.pane_ms > MAX_EMPTY else following
    active = [s.watermark_ms for s in lineage.standing.values() if not s.idle]
    if active and (min(active) - following) // monitor.pane_ms > MAX_EMPTY:
        return monitor.pane_of(min(active)) - monitor.pane_ms
    # Nothing waits: go on only for a pane that live partitions have passed, or to let late sums in.
    return following if lineage.late or active else None


def _all_passed(lineage: LineageState, monitor: Monitor, end_ms: int) -> bool:
    """Say whether all partitions have passed `end_ms`.

    An idle one need not, once it has said that it is idle on a log clock at which the active ones had passed: what it
    said before, its rows since may belie. If all are idle, the log clocks decide, and all must have come to where the
    last watermark moved: one that is read more slowly may still hold rows of that time.
    """
    active = {p: s for p, s in lineage.standing.items() if not s.idle}
    if not active:
        clock_ms = min(s.clock_ms for s in lineage.standing.values())
        return clock_ms >= lineage.moved_ms and end_ms <= clock_ms - monitor.lateness_ms - monitor.idle_ms
    if any(s.watermark_ms < end_ms for s in active.values()):
        return False
    passed_at = max(_passed_at(lineage, p, end_ms) for p in active)
    return all(s.clock_ms >= passed_at for s in lineage.standing.values() if s.idle)


def _passed_at(lineage: LineageState, partition: int, end_ms: int) -> int:
    """Return the log clock of the first mark with which a partition passed `end_ms`; it has passed."""
    return next((clock_ms for mark_ms, clock_ms in lineage.steps.get(partition, []) if mark_ms >= end_ms), NEVER)


def labels_behind(lineage: LineageState) -> bool:
    """Say whether labels lie unread in Kafka: then no pane is mature."""
    return any(s.labels_behind for s in lineage.standing.values())


def start_ms(lineage: LineageState) -> int:
    """Return where the lineage has begun in every partition: panes before it are `learning`."""
    return max((s.start_ms for s in lineage.standing.values()), default=0)


def judged_from_ms(lineage: LineageState) -> int:
    """Return where the first pane begins that is judged: panes before it are shown only."""
    return max(start_ms(lineage), lineage.mended_ms)


def newest_pane_end_ms(lineage: LineageState, monitor: Monitor) -> int:
    """Return the end of the pane that holds the newest row of any partition; 0 before there is one."""
    newest = max((s.watermark_ms for s in lineage.standing.values()), default=-monitor.lateness_ms)
    return monitor.pane_of(max(0, newest + monitor.lateness_ms)) + monitor.pane_ms
