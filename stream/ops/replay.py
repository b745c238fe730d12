"""The replay: a range of the ledger folded again, beside live, into a shadow lineage that nobody sees until the switch.

Nothing is written into the log: no alert, no retrain, no role. Rows go into ClickHouse through the same fold and sink
as live ones, under a lineage of their own; they are a function of spec, reference, positions and code, so a replay that
broke is run again and writes the same rows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stream.clickhouse.client import connect
from stream.clickhouse.sink import Sink
from stream.folds.base import Record
from stream.folds.rows import Result, encode_rows
from stream.folds.store import reference_rows
from stream.folds.store.control import rows_batch
from stream.ops.lineages import ls, measure_of
from stream.ops.replay_compare import Comparison, Cut, compare
from stream.ops.replay_fold import Course, Decided, replayed
from stream.ops.replay_ledger import Seen
from stream.ops.replay_plan import Plan, ReplayError, Wanted, plan
from stream.ops.replay_rows import ShadowRows
from stream.ops.replay_whole import whole_from
from stream.ops.replays import Replay, State, note
from stream.runtime.file_port import KafkaReader
from stream.runtime.lag import NotCaughtUp, lag_view, wait_caught_up
from stream.runtime.port import TopicPartition
from stream.topics import topic_ids
from stream.topology import LEDGER

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from stream.settings import Settings

BATCH = 20_000
"""Result rows that wait to be stored, at most (about 20 MB)."""

NOTE_S = 10.0
"""Time between two notes that a replay still runs."""

CATCH_UP_S = 60.0
"""How long a check waits until live has stored what the replay has read."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay is.

    Attributes
    ----------
    records, of
        Ledger records read, and all there are.
    rows, seconds
        Predictions and labels of the model so far, and the time that it took.
    clock_ms
        When the newest record was stored, epoch milliseconds.
    """

    records: int
    of: int
    rows: int
    seconds: float
    clock_ms: int

    @property
    def rows_per_s(self) -> float:
        """Return rows a second so far."""
        return self.rows / self.seconds if self.seconds > 0 else 0.0

    @property
    def left_s(self) -> float:
        """Return the seconds that are left, if it goes on as so far."""
        return self.seconds * (self.of - self.records) / self.records if self.records else 0.0


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay came to; times in epoch milliseconds, event time.

    Attributes
    ----------
    rows, panes, stored
        Predictions and labels that were read, panes that became final, rows that were stored.
    ranges
        Positions that were read, by ledger partition.
    compared
        The shadow beside the live lineages.
    is_caught_up
        Whether live had stored all that the replay read when both were compared; None: nobody waited for it.
    warnings
        A sentence for each thing that makes it less than one could want.
    next
        The command that shows it.
    """

    lineage: str
    replay: str
    monitor: str
    model: str
    revision: int
    reference: str
    rows: int
    panes: int
    stored: int
    from_ms: int
    to_ms: int
    seconds: float
    rows_per_s: float
    ranges: dict[int, tuple[int, int]]
    compared: Comparison
    is_caught_up: bool | None
    warnings: tuple[str, ...]
    next: str


Tell = Callable[[Progress], None]


def replay(
    settings: Settings, wanted: Wanted, tell: Tell = lambda _progress: None, *, wait_for_live: bool = False
) -> ReplayReport:
    """Fold a range of the ledger again into a shadow lineage, store it, and compare it with the live ones.

    Parameters
    ----------
    tell
        Called about every 256 ledger records.
    wait_for_live
        Whether what is live must measure alike, and it is waited, up to a minute, until it has stored what was read,
        before both are compared.

    Raises
    ------
    ReplayError
        If it cannot be made; see `replay_plan.plan`.
    LogError
        If the ledger loses records while they are read (retention).

    Notes
    -----
    Memory: what the folds hold of one monitor, a few records of each ledger partition, and BATCH rows.
    """
    with ExitStack() as opened:
        client = connect(settings.clickhouse)
        opened.callback(client.close)
        reader = opened.enter_context(KafkaReader(settings))
        ledger_id = topic_ids(settings, [LEDGER.name])[LEDGER.name]
        made = plan(settings, client, reader, ledger_id, wanted)
        if wait_for_live:
            _require_alike(client, made)
        if not made.is_whole:
            firsts = {partition: first for partition, (first, _) in made.ranges.items()}
            begin_ms = whole_from(client, made.course.monitor, firsts)
            made = replace(made, course=replace(made.course, begin_ms=begin_ms))
        shadow, seen, seconds = _Run(settings, client, made, wanted, tell).run()
        is_caught_up = _catch_up(settings) if wait_for_live else None
        return _report(client, made, shadow, seen, seconds, is_caught_up)


class _Run:
    """One run of a replay: reads, folds, stores, and writes down how far it is."""

    def __init__(self, settings: Settings, client: Client, made: Plan, wanted: Wanted, tell: Tell) -> None:
        self._settings, self._client, self._plan = settings, client, made
        self._rate, self._tell = wanted.rate, tell
        monitor = made.course.monitor
        self._state = Replay(
            monitor.lineage, made.course.replay, made.request, monitor.name, monitor.model, "running", wanted.who,
            time.time_ns() // 1_000_000, made.ranges,
        )  # fmt: skip
        self._seen, self._shadow = Seen(), ShadowRows(made.course.replay, made.course.begin_ms)
        self._began_s = self._noted_s = time.monotonic()

    def run(self) -> tuple[ShadowRows, Seen, float]:
        """Return what was stored, what was read, and the seconds that it took."""
        self._note("running")  # before any row: what is named here is no live lineage
        self._store_reference()
        try:
            self._fold()
        except BaseException:
            self._note("stopped")
            raise
        self._note("done")
        return self._shadow, self._seen, time.monotonic() - self._began_s

    def _fold(self) -> None:
        with ExitStack() as opened, asyncio.Runner() as runner:
            ledgers = {p: self._records(opened, p) for p in self._plan.ranges}
            sink = Sink.of(self._settings.clickhouse)
            try:
                for rows in self._batches(replayed(self._plan.course, ledgers, self._seen, self._pace)):
                    runner.run(_store(sink, rows))
            finally:
                runner.run(sink.close())

    def _records(self, opened: ExitStack, partition: int) -> Iterator[Record]:
        """Yield the records of a ledger partition, by a client of its own: all are read side by side."""
        reader = opened.enter_context(KafkaReader(self._settings))
        return reader.records(TopicPartition(LEDGER.name, partition), *self._plan.ranges[partition])

    def _batches(self, decided: Iterator[Decided]) -> Iterator[list[Result]]:
        """Yield rows to be stored: those of the first message at once, so that the lineage is known."""
        rows: list[Result] = []
        position, known_ms = -1, 0
        for one in decided:
            position, known_ms = one.position, one.known_ms
            rows += self._shadow.take(one.rows)
            if len(rows) >= (BATCH if position else 1):
                yield rows
                rows = []
        yield rows + self._shadow.end(position + 1, known_ms)

    def _pace(self, seen: Seen) -> None:
        """Tell how far it is, and wait if it goes faster than was asked for."""
        while True:
            seconds = time.monotonic() - self._began_s
            self._tell(Progress(seen.records, self._plan.records, seen.rows, seconds, seen.clock_ms))
            if time.monotonic() - self._noted_s > NOTE_S:
                self._note("running")
            early_s = 0.0 if self._rate is None else seen.rows / self._rate - seconds
            if early_s <= 0:
                return
            time.sleep(min(early_s, 1.0))

    def _store_reference(self) -> None:
        """Store the bins of the reference: it may be one that was never in force."""
        sha, reference = self._plan.course.monitor.reference_sha, self._plan.reference
        if reference is not None and (rows := reference_rows(sha, reference)):
            batch = rows_batch("reference_bins_rows", rows)
            self._client.insert_arrow(batch.table, batch.data, settings={"async_insert": 0})

    def _note(self, state: State) -> None:
        shadow = self._shadow
        self._state = replace(
            self._state, state=state, rows=self._seen.rows, from_ms=shadow.from_ms, to_ms=shadow.to_ms
        )
        note(self._client, self._state)
        self._noted_s = time.monotonic()


async def _store(sink: Sink, rows: Sequence[Result]) -> None:
    if rows:
        refused = await sink.write({("panes", 0): [Record(0, 0, encode_rows(rows))]})
        if refused:
            raise ReplayError(f"{len(refused)} rows cannot be stored, the first: {refused[0].message}")


def _alike(client: Client, course: Course) -> str:
    """Return the lineage in force if it measures alike; empty: it does not."""
    live = [one for one in ls(client, course.monitor.name) if one.is_live and one.model == course.monitor.model]
    return "".join(one.lineage for one in live if measure_of(one) == course.measure)


def _require_alike(client: Client, made: Plan) -> None:
    if not _alike(client, made.course):
        raise ReplayError("what is live measures otherwise, so nothing must be equal: leave out --check")


def _catch_up(settings: Settings) -> bool:
    with lag_view(settings) as view:
        try:
            wait_caught_up(view, CATCH_UP_S)
        except NotCaughtUp:
            return False
    return True


def _report(
    client: Client, made: Plan, shadow: ShadowRows, seen: Seen, seconds: float, is_caught_up: bool | None
) -> ReplayReport:
    course = made.course
    monitor = course.monitor
    firsts = {partition: max(first, seen.began.get(partition, 0)) for partition, (first, _) in made.ranges.items()}
    watched = seen.watched if made.is_whole else None
    cut = Cut(_alike(client, course), whole_from(client, monitor, firsts, watched), seen.reached_ms)
    return ReplayReport(
        monitor.lineage, course.replay, monitor.name, monitor.model, made.revision, monitor.reference_sha, seen.rows,
        shadow.panes, shadow.stored, shadow.from_ms, shadow.to_ms, round(seconds, 3),
        round(seen.rows / max(seconds, 1e-9), 1), made.ranges, compare(client, monitor.lineage, cut), is_caught_up,
        made.warnings, f"streamgauge lineages switch {monitor.name} {monitor.lineage}",
    )  # fmt: skip
