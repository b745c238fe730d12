"""The course of a demo on a running stack: a quarter to learn from, the rest of the year, what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from streamgauge import MonitorSpec, Producer

from stream.demo.answers import Answers
from stream.demo.chaos import Chaos
from stream.demo.clock import Clock
from stream.demo.collect import fates
from stream.demo.findings import Findings
from stream.demo.loop import Loop
from stream.demo.memory import PeakMemory
from stream.demo.progress import Progress
from stream.demo.replay import Replay
from stream.demo.timeline import Day
from stream.local.maven import KAFKA
from stream.ops.audit import AuditReport, Scope, audit
from stream.ops.reference import build_and_apply
from stream.ops.spec import apply
from stream.settings import Settings
from stream.topics import ensure_topics
from stream.topology import PREDICTIONS, kafka_name

WHO = "demo"


@dataclass(frozen=True, slots=True)
class Course:
    """What a demo does once everything runs; open it with `course`.

    Attributes
    ----------
    settings
        Where everything is.
    spec
        What is watched; its reference is a range.
    progress, clock
        Who is told, and who measures.
    loop, replay
        The running system, and the sender of days.
    """

    settings: Settings
    spec: MonitorSpec
    progress: Progress
    clock: Clock
    loop: Loop
    replay: Replay

    def play(self, days: list[Day]) -> None:
        """Replay all days, with a reference and a first version as soon as the reference's range is over."""
        _, to_ms = self._range_ms()
        quarter = [day for day in days if day.start_ms < to_ms]
        rest = days[len(quarter) :]
        with self.clock.phase("spec"):
            apply(self.settings, self.spec, None, WHO)
            self.loop.settle(self.progress.doing)
        with self.clock.phase("reference quarter"):
            self.replay.play(quarter)
        if rest:
            self._learn()
            with self.clock.phase("replay"):
                self.replay.play(rest)
        with self.clock.phase("close"):
            self.progress.doing("closing the last panes")
            self.loop.command("close")
            self.loop.settle(self.progress.doing)

    def collect(self, memory: PeakMemory) -> Findings:
        """Read what came of it, and have all of it computed again."""
        reader, sent = self.loop.reader, self.replay.sent
        self.progress.doing("computing everything again from the log")
        with self.clock.phase("audit"):
            report: AuditReport = audit(self.settings, Scope(self.spec.model))
        self.progress.doing("collecting")
        predictions, labels = reader.flows(sent)
        return Findings(
            kafka_version="of others" if self.settings.kafka.external else KAFKA,
            clickhouse_version=reader.version(),
            flights_by_fate=fates(predictions, labels),
            predictions=predictions,
            labels=labels,
            panes=reader.panes(),
            statistics=reader.statistics(),
            alerts=reader.alerts(),
            retrains=reader.retrains(),
            versions=reader.versions(),
            champion=reader.now().champion,
            months=reader.months(),
            digest=reader.digest(),
            audit_differences=report.differences,
            audit_compared=report.compared,
            audit_examples=report.examples,
            seconds=self.clock.seconds,
            rss_mb=memory.peak_mb,
            rss_by_process=memory.of_peak,
            timings=self.clock.phases,
        )

    def _learn(self) -> None:
        with self.clock.phase("reference"):
            self.progress.doing("building the reference")
            sha = build_and_apply(self.settings, self.spec.monitor, who=WHO).sha
            self.loop.settle(self.progress.doing)
            self.progress.note(f"Reference: the first quarter, {sha[:12]}.")
        with self.clock.phase("first version"):
            self.loop.command("retrain")
            now = self.loop.wait_for_champion(self.progress.doing)
            self.progress.note(f"Version {now.champion} serves.")

    def _range_ms(self) -> tuple[int, int]:
        if self.spec.reference is None:
            raise ValueError("the demo's spec names no reference")
        return self.spec.reference.range_ms


@contextmanager
def course(
    settings: Settings,
    spec: MonitorSpec,
    progress: Progress,
    clock: Clock,
    chaos: Chaos | None,
    check: Callable[[], None],
) -> Iterator[Course]:
    """Open connections to a running stack.

    Parameters
    ----------
    check
        Raises when the stack does not run any more.
    """
    ensure_topics(settings)
    bootstrap, prefix = settings.kafka.bootstrap, settings.kafka.prefix
    with (
        Loop(settings, spec.model, check=check) as loop,
        Answers(bootstrap, kafka_name(prefix, PREDICTIONS), check) as answers,
        Producer(bootstrap, model=spec.model, source="flights", prefix=prefix) as producer,
    ):
        replay = Replay(producer, answers, loop, progress, clock, chaos)
        yield Course(settings, spec, progress, clock, loop, replay)
