"""The system that is measured: a Kafka and a ClickHouse of its own, real workers that can be paused."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from streamgauge.kafka_client import KafkaError

from stream.clickhouse.migrate import migrate_database
from stream.health import addresses
from stream.local import leash
from stream.local.part import Part
from stream.local.parts import build
from stream.local.ports import free_ports
from stream.runtime.lag import LagView, Offsets, lag_view
from stream.settings import Settings
from stream.topics import ensure_topics
from stream.topology import WIRING, kafka_name

CORES = tuple(sorted(os.sched_getaffinity(0)))
LAST_CORE = CORES[-1:]
OTHER_CORES = CORES[:-1] or CORES
SESSION_S = 300.0
PATIENCE_S = 120.0
SAMPLE_S = 0.02
BUSY_SHARE, BUSY_WINDOW = 0.3, 6


class StuckError(Exception):
    """What had to come did not come."""


@dataclass(frozen=True, slots=True)
class Timed:
    """What some workers took from their start, seconds.

    Attributes
    ----------
    cpu_s, wall_s
        Up to their last work.
    done_s
        Wall seconds up to when they had said that they are done.
    """

    cpu_s: float
    wall_s: float
    done_s: float = 0.0


class Worker:
    """A process that can be paused.

    Parameters
    ----------
    part
        What to run.
    name
        Name for its log, and of this worker among those of its fold.
    cores
        Where it may run.
    """

    def __init__(self, part: Part, name: str, log: Path, cores: Sequence[int]) -> None:
        self.name, self._log = name, log
        command = [sys.executable, "-I", leash.__file__, str(os.getpid()), *part.command]
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603
                command, env={**os.environ, **part.env}, stdout=output, stderr=output, start_new_session=True
            )
        self.pid = self._process.pid
        pin(self.pid, cores)
        self._seen = psutil.Process(self.pid)

    def pause(self) -> None:
        """Stop it where it is."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def cpu_s(self) -> float:
        """Return the CPU seconds that it and its children took."""
        times = self._seen.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)

    def peak_mb(self) -> float:
        """Return the most memory that it had, MiB."""
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        return int(found.group(1)) / 1024 if found else 0.0

    def require_alive(self) -> None:
        """Raise StuckError with the end of its log if it has ended."""
        if self._process.poll() is not None:
            raise StuckError(f"{self.name} ended with {self._process.returncode}:\n{self._log.read_text()[-3000:]}")

    def end(self) -> None:
        """End it at once and wait until it is gone."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


class System:
    """One running system; make it with `system`.

    Attributes
    ----------
    settings
        Where it is.
    broker, engine
        The processes of Kafka and, if asked for, ClickHouse.
    """

    engine: Worker

    def __init__(self, settings: Settings, parts: Mapping[str, Part], stack: contextlib.ExitStack) -> None:
        self.settings, self._parts, self._stack = settings, parts, stack
        self._workers: list[Worker] = []
        self.broker = self.start("kafka", OTHER_CORES)
        ensure_topics(settings)
        self.view: LagView = stack.enter_context(lag_view(settings))

    def topic(self, name: str) -> str:
        """Return a topic's name on the broker."""
        return kafka_name(self.settings.kafka.prefix, name)

    def start(self, part: str, cores: Sequence[int], name: str = "", **env: str) -> Worker:
        """Start a part, by its name, and return once it is ready; `name`: another worker of the same fold."""
        given = replace(self._parts[part], env={**self._parts[part].env, **env})
        if name:
            given = _named(given, name)
        logs = self.settings.home / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        worker = Worker(given, name or part, logs / f"{name or part}.log", cores)
        self._stack.callback(worker.end)
        self._workers.append(worker)
        ready = given.ready
        if ready is not None:
            self._wait(lambda: asyncio.run(_ask(ready)), f"{name or part} ready")
        return worker

    def ends(self, *folds: str) -> dict[str, Offsets]:
        """Return where the logs end that folds read."""
        return {fold: self._ask(lambda fold=fold: self.view.ends(WIRING[fold].reads)) for fold in folds}  # type: ignore[misc]

    def is_done(self, fold: str, ends: Offsets) -> bool:
        """Whether a fold has committed all before `ends`."""
        try:
            return not self.view.behind(fold, ends)
        except (KafkaError, OSError):
            return False

    def wait_done(self, fold: str, ends: Offsets | None = None) -> None:
        """Wait until a fold has done what lies in its logs, or what lies before `ends`."""
        wanted = self.ends(fold)[fold] if ends is None else ends
        self._wait(lambda: self.is_done(fold, wanted), f"{fold} at {dict(wanted)}")

    def time(self, workers: Sequence[Worker], done: Callable[[], bool], what: str) -> Timed:
        """Resume paused workers, wait, and return what they took until the last of them was busy no more."""
        watch = _Watch(workers)
        with watch:
            for worker in workers:
                worker.resume()
            self._wait(done, what)
        return watch.timed()

    def fates(self) -> Counter[str]:
        """Return what became of the predictions, as the workers of `measure` say."""
        found: Counter[str] = Counter()
        for address in addresses(self.settings.home):
            if address.fold == "measure":
                with urllib.request.urlopen(f"{address.url}/metrics", timeout=10) as answer:  # noqa: S310
                    text = answer.read().decode()
                for fate, n in re.findall(r'_rows_total\{fate="(\w+)".*kind="prediction".*\} (\S+)', text):
                    found[fate] += int(float(n))
        return found

    def dead_letters(self) -> int:
        """Return how many dead letters there are."""
        return sum(self._ask(lambda: self.view.ends(["dead-letters"])).values())

    def _ask(self, question: Callable[[], Offsets]) -> Offsets:
        for _ in range(50):
            with contextlib.suppress(KafkaError, OSError):
                return question()
            time.sleep(0.1)
        return question()

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            for worker in self._workers:
                worker.require_alive()
            if time.monotonic() > deadline:
                raise StuckError(f"{what} did not come within {PATIENCE_S:g} s")
            time.sleep(SAMPLE_S)


class _Watch:
    """Looks at the CPU time of some workers again and again."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._workers = workers
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._samples: list[tuple[float, float]] = []

    def __enter__(self) -> None:
        self._look()
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        self._look()

    def _run(self) -> None:
        while not self._stopped.wait(SAMPLE_S):
            self._look()

    def _look(self) -> None:
        self._samples.append((time.monotonic(), sum(worker.cpu_s() for worker in self._workers)))

    def timed(self) -> Timed:
        return busy(self._samples)


def busy(samples: Sequence[tuple[float, float]]) -> Timed:
    """Return CPU and wall seconds from the first of `samples` (time, CPU seconds so far) to the end of the last work.

    Work is what takes at least `BUSY_SHARE` of a core over `BUSY_WINDOW` samples; what comes after it is waiting for
    the tick that lets offsets be committed.

    >>> busy([(t / 50, min(t, 100) / 50) for t in range(150)])
    Timed(cpu_s=2.0, wall_s=2.08, done_s=2.98)
    """
    (first_s, first_cpu_s), (last_s, last_cpu_s) = samples[0], samples[-1]
    for i in range(len(samples) - 1, BUSY_WINDOW - 1, -1):
        (before_s, before_cpu_s), (at_s, cpu_s) = samples[i - BUSY_WINDOW], samples[i]
        if cpu_s - before_cpu_s >= BUSY_SHARE * (at_s - before_s) - 1e-9:
            return Timed(cpu_s - first_cpu_s, at_s - first_s, last_s - first_s)
    return Timed(last_cpu_s - first_cpu_s, last_s - first_s, last_s - first_s)


def pin(pid: int, cores: Sequence[int]) -> None:
    """Let all threads of a process run on some cores only."""
    for thread in list(Path(f"/proc/{pid}/task").iterdir()):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cores)


@contextmanager
def system(clickhouse: bool = False) -> Iterator[System]:
    """Start Kafka, and ClickHouse if asked, in a folder of their own; all is gone when the block ends."""
    home = Path(tempfile.mkdtemp(prefix="streamgauge-throughput-"))
    try:
        settings = free_settings(home)
        parts = {part.name: part for part in build(settings)}
        with contextlib.ExitStack() as stack:
            running = System(settings, parts, stack)
            if clickhouse:
                running.engine = running.start("clickhouse", CORES)
                migrate_database(settings.clickhouse)
            yield running
    finally:
        shutil.rmtree(home, ignore_errors=True)


def free_settings(home: Path) -> Settings:
    """Return settings with free ports, and sessions that outlast a pause."""
    given = Settings(home=home)
    kafka = given.kafka.model_copy(update={"bootstrap": f"127.0.0.1:{free_ports(2)}"})
    clickhouse = given.clickhouse.model_copy(update={"url": f"http://127.0.0.1:{free_ports()}"})
    runtime = given.runtime.model_copy(update={"session_timeout_s": SESSION_S})
    return given.model_copy(update={"kafka": kafka, "clickhouse": clickhouse, "runtime": runtime})


def _named(part: Part, name: str) -> Part:
    """Return a worker's part under another name."""
    at = part.command.index("--name") + 1
    return replace(part, name=name, command=[*part.command[:at], name, *part.command[at + 1 :]])


async def _ask(ready: Callable[[], object]) -> bool:
    return bool(await ready())  # type: ignore[misc]
