"""The demo as a whole: start everything, run the course, keep it up while somebody looks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import resources

from rich.console import Console
from streamgauge import MonitorSpec

from stream.demo.background import running
from stream.demo.chaos import Chaos
from stream.demo.clock import Clock
from stream.demo.course import course
from stream.demo.findings import Findings
from stream.demo.flights import DAY_MS, Flights, load
from stream.demo.home import clear, demo_settings, environment_words
from stream.demo.memory import PeakMemory
from stream.demo.progress import Progress
from stream.demo.report import Place
from stream.demo.timeline import Day, timeline
from stream.settings import Settings
from stream.topology import WIRINGS

WORKERS = tuple(wiring.name for wiring in WIRINGS)


@dataclass(frozen=True, slots=True)
class Options:
    """What may be asked of a demo.

    Attributes
    ----------
    days
        Days that are replayed, 1 or more; all by default.
    chaos
        Seed of the days on which workers are killed; none are without one.
    """

    days: int = 366
    chaos: int | None = None

    def __post_init__(self) -> None:
        if self.days < 1:
            raise ValueError(f"days must be 1 or more, got {self.days}")


@contextmanager
def demo(base: Settings, options: Options, console: Console) -> Iterator[tuple[Findings, Place]]:
    """Run the whole demo; the block gets what it found, and the parts are up until it ends.

    Parameters
    ----------
    base
        The user's settings; the demo has a folder, names and (where taken) ports of its own.
    console
        Where progress is shown.

    Raises
    ------
    stream.errors.StreamgaugeError
        When a part cannot run, or the system does not get on; nothing is left running then.
    """
    clock, settings = Clock(), demo_settings(base, f"{time.time():.0f}")
    spec = _spec()
    clear(settings)
    with ExitStack() as opened:
        flights = opened.enter_context(ThreadPoolExecutor(1)).submit(load)
        memory = opened.enter_context(PeakMemory())
        with Progress(console) as progress:
            with clock.phase("start"):
                progress.doing("starting Kafka, ClickHouse and the workers")
                stack = opened.enter_context(running(settings, progress.fetched, progress.part))
                days = _days(flights, options.days)
            progress.status.total = sum(map(len, days))
            chaos = _chaos(options, days, stack.pids)
            with course(settings, spec, progress, clock, chaos, stack.check) as whole:
                whole.play(days)
                found = whole.collect(memory)
        yield found, _place(base, settings)


def _days(flights: Future[Flights], count: int) -> list[Day]:
    read = flights.result()
    first_ms = int(read.departs_ms[0]) // DAY_MS * DAY_MS
    return list(timeline(read, first_ms + count * DAY_MS).days())


def _spec() -> MonitorSpec:
    return MonitorSpec.from_yaml(resources.files("stream.demo").joinpath("flights.yaml").read_text())


def _chaos(options: Options, days: list[Day], pids: Callable[[], Mapping[str, int]]) -> Chaos | None:
    """Return kills in the middle of the replay: not in its first week, nor in its last."""
    if options.chaos is None:
        return None
    return Chaos(options.chaos, WORKERS, [day.start_ms for day in days[7:-7]], pids)


def _place(base: Settings, settings: Settings) -> Place:
    return Place(
        kafka=settings.kafka.bootstrap,
        clickhouse=settings.clickhouse.url,
        folder=str(settings.home),
        prefix=environment_words(base, settings),
    )
