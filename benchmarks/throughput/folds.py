"""Intake and measure as real workers on one core: alone, together, two of each, with other loads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.throughput.events import Events
from benchmarks.throughput.figures import Figures
from benchmarks.throughput.fill import Fill
from benchmarks.throughput.monitors import watch
from benchmarks.throughput.system import CORES, LAST_CORE, OTHER_CORES, StuckError, System, Timed, Worker, pin, system

Say = Callable[[str], None]
FIRST_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes
    ----------
    rounds
        Rounds of each figure.
    rows
        Rows of a round of the workers, with 455 bytes each.
    client_rows, faust_rows
        Rows of a round of the plain clients, of stock Faust.
    pending
        Predictions that wait while labels are joined.
    live_s
        Seconds of the paced run.
    """

    rounds: int = 5
    rows: int = 600_000
    client_rows: int = 400_000
    faust_rows: int = 40_000
    pending: int = 20_000_000
    live_s: int = 30

    @classmethod
    def quick(cls) -> Plan:
        """Return a small plan, to see whether all runs."""
        return cls(1, 100_000, 100_000, 10_000, 2_000_000, 10)


class Line:
    """One system with a topic to fill, an intake and a measure worker on one core.

    Parameters
    ----------
    lines
        Events in a record.
    """

    def __init__(self, running: System, events: Events, lines: int) -> None:
        self.system = running
        settings = running.settings
        self.topic = Fill(settings.kafka.bootstrap, running.topic("predictions"), events.values, lines)
        self.sent = 0
        self.workers: list[Worker] = []

    def warm(self, rows: int, **env: str) -> None:
        """Start the workers on one core, and have them work off a first part: all is loaded and compiled then.

        The monitors come first: rows of a model that nobody watches yet are not used.
        """
        self.workers = [self.system.start(fold, LAST_CORE, **env) for fold in ("intake", "measure")]
        self.settle()
        self.fill(rows)
        self.settle()

    def fill(self, rows: int) -> None:
        """Write events into the topic of predictions."""
        self.topic.fill(rows)
        self.sent += rows

    def settle(self) -> None:
        """Wait until all that was sent is measured."""
        self.system.wait_done("intake")
        self.system.wait_done("measure")

    def paused(self, rows: int) -> None:
        """Pause all workers and fill the topic."""
        for worker in self.workers:
            worker.pause()
        self.fill(rows)

    def intake(self) -> Timed:
        """Time intake alone; all are paused before and after."""
        worker, ends = self.workers[0], self.system.ends("intake")["intake"]
        taken = self.system.time([worker], lambda: self.system.is_done("intake", ends), "intake")
        worker.pause()
        return taken

    def measure(self) -> Timed:
        """Time measure alone, over what intake wrote."""
        ends = self.system.ends("measure")["measure"]
        taken = self.system.time(self.workers[1:2], lambda: self.system.is_done("measure", ends), "measure")
        self.workers[0].resume()
        return taken

    def both(self) -> Timed:
        """Time all workers together."""
        ends = self.system.ends("intake")["intake"]
        return self.system.time(self.workers, _Both(self.system, ends), "intake and measure")

    def check(self, figures: Figures) -> None:
        """Raise StuckError if not every event was used in time."""
        self.settle()
        require_used(self.system, self.sent, figures)

    def peaks(self) -> list[float]:
        """Return the most memory of each worker, MiB."""
        return [worker.peak_mb() for worker in self.workers]


def require_used(running: System, sent: int, figures: Figures) -> None:
    """Raise StuckError if not all events that were sent were used in time: at their source none of them is late."""
    fates, letters = running.fates(), running.dead_letters()
    figures.add("late_without_cause", fates["late_used"])
    if fates["used"] != sent or letters:
        raise StuckError(f"{sent} events were sent; {dict(fates)}, {letters} became dead letters")


class _Both:
    """Whether intake has come to the ends of its logs, and measure to what that wrote."""

    def __init__(self, running: System, ends: object) -> None:
        self._system, self._ends = running, ends
        self._ledger: object = None

    def __call__(self) -> bool:
        if self._ledger is None:
            if not self._system.is_done("intake", self._ends):  # type: ignore[arg-type]
                return False
            self._ledger = self._system.ends("measure")["measure"]
        return self._system.is_done("measure", self._ledger)  # type: ignore[arg-type]


def single(plan: Plan, figures: Figures, say: Say) -> None:
    """Measure clients, stock Faust, intake, measure, both, and two of each; one event a record."""
    events = Events()
    with system() as running:
        watch(running, events, reference=events.reference())
        line = Line(running, events, 1)
        line.warm(plan.rows)
        alone(plan, figures, line, "", say)
        together(plan, figures, line, "", say)
        readers(plan, figures, line, say)
        two(plan, figures, line, say)
        line.check(figures)


def lines(plan: Plan, figures: Figures, say: Say) -> None:
    """Measure intake, measure and both with 200 events a record."""
    events = Events()
    with system() as running:
        watch(running, events, reference=events.reference())
        line = Line(running, events, 200)
        line.warm(plan.rows)
        alone(plan, figures, line, "ndjson_", say)
        together(plan, figures, line, "ndjson_", say)
        line.check(figures)


def many_models(plan: Plan, figures: Figures, say: Say) -> None:
    """Measure both with 5,000 models, drawn at random for each event, each with a monitor that has no reference."""
    events = Events([f"model_{i:04d}" for i in range(5_000)], None)
    _other(plan, figures, events, "models_5000_", plan.rows // 3, say, with_reference=False)


def many_features(plan: Plan, figures: Figures, say: Say) -> None:
    """Measure both with 300 features, half of them numbers: 6,100 bytes an event."""
    events = Events(numbers=150, levels=(5,) * 150, per_ms=0.1, stock=2_000)
    _other(plan, figures, events, "features_300_", plan.rows // 15, say, with_reference=True)


def _other(
    plan: Plan, figures: Figures, events: Events, name: str, rows: int, say: Say, *, with_reference: bool
) -> None:
    with system() as running:
        watch(running, events, reference=events.reference() if with_reference else None)
        line = Line(running, events, 1)
        line.warm(rows)
        for i in range(plan.rounds):
            line.paused(rows)
            _add(figures, f"{name}", rows, line.both())
            say(f"{name}round {i + 1}: {figures.median(f'{name}rows_per_cpu_s'):,.0f} rows per CPU second")
        figures.add(f"{name}peak_memory_mb", sum(line.peaks()))
        line.check(figures)


def alone(plan: Plan, figures: Figures, line: Line, prefix: str, say: Say) -> None:
    """Time intake, then measure, round by round."""
    for i in range(plan.rounds):
        line.paused(plan.rows)
        _add(figures, f"{prefix}intake_", plan.rows, line.intake())
        _add(figures, f"{prefix}measure_", plan.rows, line.measure())
        line.settle()
        rates = (figures.median(f"{prefix}{fold}_rows_per_cpu_s") for fold in ("intake", "measure"))
        say("{}round {}: intake {:,.0f}, measure {:,.0f} rows per CPU second".format(prefix, i + 1, *rates))


def together(plan: Plan, figures: Figures, line: Line, prefix: str, say: Say) -> None:
    """Time both on one core, round by round."""
    name = f"{prefix}intake_measure_"
    for i in range(plan.rounds):
        line.paused(plan.rows)
        before_s = line.system.broker.cpu_s()
        _add(figures, name, plan.rows, line.both())
        figures.add(f"{prefix}broker_rows_per_cpu_s", plan.rows / (line.system.broker.cpu_s() - before_s))
        say(f"{name}round {i + 1}: {figures.median(f'{name}rows_per_cpu_s'):,.0f} rows per CPU second")
    for fold, peak in zip(("intake", "measure"), line.peaks(), strict=True):
        figures.add(f"{prefix}{fold}_peak_memory_mb", peak)
    figures.add(f"{prefix}peak_memory_mb", sum(line.peaks()))


def readers(plan: Plan, figures: Figures, line: Line, say: Say) -> None:
    """Time plain clients and stock Faust over the same topic, on the same core, while the workers are paused."""
    for worker in line.workers:
        worker.pause()
    settings, topic = line.system.settings, line.system.topic("predictions")
    for name, module, rows in (
        ("aiokafka", ["clients", "aiokafka"], plan.client_rows),
        ("kafka_python", ["clients", "kafka-python"], plan.client_rows),
        ("stock_faust", ["stock_faust"], plan.faust_rows),
    ):
        for read, cpu_s, wall_s in _run([*module, settings.kafka.bootstrap, topic, str(rows), str(plan.rounds)]):
            _add(figures, f"{name}_", read, Timed(cpu_s, wall_s))
        say(f"{name}: {figures.median(f'{name}_rows_per_cpu_s'):,.0f} rows per CPU second")
    figures.add("ratio_to_stock_faust", *_ratios(figures))
    for worker in line.workers:
        worker.resume()


def joins(plan: Plan, figures: Figures, say: Say) -> None:
    """Time the join of labels, in a process of its own."""
    found = json.loads(_output(["labels", str(plan.pending), str(plan.rounds)]))
    for name, values in found.items():
        figures.add(name, *values)
    say(f"join: {figures.median('join_labels_per_s'):,.0f} labels per CPU second")


def start(plan: Plan, figures: Figures, say: Say) -> None:
    """Take the CPU time of both workers from their start through a first part: with nothing compiled, then again."""
    del plan
    with tempfile.TemporaryDirectory(prefix="streamgauge-throughput-") as cache:
        for name in ("first_start", "start"):
            events = Events()
            with system() as running:
                watch(running, events, reference=events.reference())
                line = Line(running, events, 1)
                begun = time.monotonic()
                line.warm(FIRST_ROWS, NUMBA_CACHE_DIR=cache)
                figures.add(f"{name}_s", time.monotonic() - begun)
                figures.add(f"{name}_cpu_s", sum(worker.cpu_s() for worker in line.workers))
            say(f"{name}: {figures.median(f'{name}_s'):.1f} s until {FIRST_ROWS:,} rows are measured")
    figures.add("compile_s", figures.median("first_start_cpu_s") - figures.median("start_cpu_s"))


def two(plan: Plan, figures: Figures, line: Line, say: Say) -> None:
    """Time two workers of each fold, a pair on each of two cores, against the one pair before."""
    if len(CORES) < 2:
        return
    pin(line.system.broker.pid, CORES)
    second = CORES[-2:-1]
    line.workers += [line.system.start(fold, second, f"{fold}-2") for fold in ("intake", "measure")]
    line.settle()
    for _ in range(plan.rounds):
        line.paused(plan.rows)
        _add(figures, "two_workers_", plan.rows, line.both())
    pin(line.system.broker.pid, OTHER_CORES)
    one = figures.median("intake_measure_rows_per_s")
    figures.add("two_workers_ratio", figures.median("two_workers_rows_per_s") / one)
    one = figures.median("intake_measure_rows_per_cpu_s")
    figures.add("two_workers_cpu_ratio", figures.median("two_workers_rows_per_cpu_s") / one)
    say(f"two workers of each: {figures.median('two_workers_ratio'):.2f} times one")


def _add(figures: Figures, name: str, rows: int, taken: Timed) -> None:
    figures.add(f"{name}rows_per_cpu_s", rows / taken.cpu_s)
    figures.add(f"{name}rows_per_s", rows / taken.wall_s)


def _ratios(figures: Figures) -> list[float]:
    """Return what both do beside stock Faust: of the medians, of the worst and best, of the best and worst."""
    ours, theirs = (figures.values(f"{name}_rows_per_cpu_s") for name in ("intake_measure", "stock_faust"))
    median = figures.median("intake_measure_rows_per_cpu_s") / figures.median("stock_faust_rows_per_cpu_s")
    return [min(ours) / max(theirs), median, max(ours) / min(theirs)]


def _run(command: Sequence[str]) -> list[tuple[int, float, float]]:
    """Run a client and return its rounds."""
    return [tuple(found) for found in json.loads(_output(command))]


def _output(command: Sequence[str]) -> bytes:
    """Run a module of this package on the workers' core and return the last line that it prints."""
    program = [sys.executable, "-m", f"benchmarks.throughput.{command[0]}", *command[1:]]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"})  # noqa: S603
    pin(process.pid, LAST_CORE)
    try:
        output, _ = process.communicate(timeout=600)
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise StuckError(f"{' '.join(command)} ended with {process.returncode}")
    return output.splitlines()[-1]
