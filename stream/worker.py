"""One worker: a fold, its host and the port, until told to stop: ``python -m stream.worker --fold measure``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import structlog
from aiokafka.errors import KafkaError

from stream.errors import StreamgaugeError
from stream.folds.base import Output
from stream.logs import configure
from stream.runtime.alarm import stopped
from stream.runtime.allocation import collect_rarely, keep_freed_memory
from stream.runtime.checkpoint import HOUR_MS, CheckpointStore
from stream.runtime.faust_port import FaustPort
from stream.runtime.health import OFF, serving
from stream.runtime.kafka_log import BrokerView, KafkaPointers
from stream.runtime.metered import MeteredCheckpoints, MeteredHandler, MeteredLog, MeteredPublisher
from stream.runtime.metrics import Metrics
from stream.runtime.port import Handler, Log, Publisher
from stream.runtime.publisher import KafkaPublisher
from stream.settings import Settings, load
from stream.topics import ensure_topics
from stream.topology import LEDGER
from stream.warm import warm

ALARM_S = 5
FOLDS = ("intake", "score", "measure", "decide", "store", "bridge")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Shell:
    """What a host is built with; `wanted`: whether it is needed for a rebalance or a stop, and should not wait."""

    settings: Settings
    worker: str
    log: Log
    publisher: Publisher
    metrics: Metrics
    wanted: Callable[[], bool] = lambda: False

    async def ledger_id(self) -> str:
        """Return the broker's id of the ledger: part of what a lineage is."""
        return (await self.log.describe([LEDGER.name]))[LEDGER.name].id

    def checkpoints(self, fold: str) -> CheckpointStore:
        """Return the store of a fold's checkpoints."""
        folder = self.settings.home / "checkpoints" / fold
        pointers = KafkaPointers(self.settings, self.publisher)
        hours = LEDGER.retention // HOUR_MS
        return MeteredCheckpoints(self.metrics, self.settings.kafka.prefix, fold, folder, pointers, hours)


Build = Callable[[Shell], AbstractAsyncContextManager[Handler]]


@asynccontextmanager
async def intake(shell: Shell) -> AsyncIterator[Handler]:
    """Build the host of intake."""
    from stream.folds.intake import Intake, tick
    from stream.runtime.intake_host import IntakeHost

    runtime, control_bytes = shell.settings.runtime, shell.settings.kafka.control_bytes
    fold = Intake(runtime.ledger_partitions, max_fact_bytes=control_bytes)
    yield IntakeHost(
        shell.worker, fold, tick, shell.log, shell.publisher,
        partitions=runtime.ledger_partitions, tick_ms=runtime.tick_ms,
        dead_letters_per_minute=runtime.dead_letters_per_minute,
    )  # fmt: skip


@asynccontextmanager
async def measure(shell: Shell) -> AsyncIterator[Handler]:
    """Build the host of measure."""
    from stream.folds.measure import Measure
    from stream.runtime.observe import measured
    from stream.runtime.stateful_host import StatefulHost

    runtime, ledger = shell.settings.runtime, await shell.ledger_id()
    host = StatefulHost(
        lambda partition: Measure(partition, runtime.partials_partitions, runtime.tick_ms, ledger),
        shell.log, shell.publisher, shell.checkpoints("measure"), runtime.checkpoint_s,
    )  # fmt: skip
    shell.metrics.observe = lambda: measured(host.cells)
    yield host


@asynccontextmanager
async def decide(shell: Shell) -> AsyncIterator[Handler]:
    """Build the host of decide."""
    from stream.folds.decide import Decide
    from stream.runtime.stateful_host import StatefulHost

    runtime, ledger = shell.settings.runtime, await shell.ledger_id()
    yield StatefulHost(
        lambda partition: Decide(partition, runtime.ledger_partitions, ledger),
        shell.log, shell.publisher, shell.checkpoints("decide"), runtime.checkpoint_s,
        told_once=("alerts", "retrain", "models"),
    )  # fmt: skip


@asynccontextmanager
async def score(shell: Shell) -> AsyncIterator[Handler]:
    """Build the host of score."""
    from stream.runtime.stateless_host import StatelessHost
    from stream.score_role import ScoreRole

    role = ScoreRole(shell.settings)
    try:
        yield StatelessHost(role.step, shell.log, shell.publisher, before=role.catch_up, often=role.follow)
    finally:
        await role.close()


@asynccontextmanager
async def store(shell: Shell) -> AsyncIterator[Handler]:
    """Build the host of store."""
    from stream.clickhouse.sink import Sink
    from stream.runtime.stateless_host import BatchHost
    from stream.store_role import StoreRole

    sink = Sink.of(shell.settings.clickhouse)
    try:
        write = StoreRole(sink).write
        yield BatchHost(write, shell.log, shell.publisher, wanted=shell.wanted)
    finally:
        await sink.close()


@asynccontextmanager
async def bridge(shell: Shell) -> AsyncIterator[Handler]:
    """Build the host of bridge."""
    from stream.folds.bridge import Bridge
    from stream.runtime.stateful_host import StatefulHost

    yield StatefulHost(
        Bridge, shell.log, shell.publisher, shell.checkpoints("bridge"), shell.settings.runtime.checkpoint_s
    )


BUILD: dict[str, Build] = {
    "intake": intake, "score": score, "measure": measure, "decide": decide, "store": store,
    "bridge": bridge,
}  # fmt: skip


async def serve(fold: str, settings: Settings, name: str | None = None) -> None:
    """Run a fold's worker until SIGTERM or SIGINT; what goes wrong is raised.

    Parameters
    ----------
    name
        Stable name of this worker among those of its fold, if its supervisor starts it again under the same
        one.
    """
    await wait_for_broker(settings)
    await asyncio.to_thread(ensure_topics, settings)
    worker = name or f"{fold}-{socket.gethostname()}-{os.getpid()}"
    publisher = KafkaPublisher(settings.kafka.bootstrap, settings.kafka.prefix, client_id=worker)
    async with publisher, BrokerView(settings, fold) as view:
        instance = settings.kafka.prefix + name if name else None
        port = FaustPort(settings, fold, view, instance)
        for stop in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(stop, port.stop)
        metrics = Metrics(fold, worker)
        metrics.memory.limit_bytes = settings.runtime.memory_mb * 1_000_000
        watched = MeteredLog(port, metrics), MeteredPublisher(publisher, metrics), metrics
        shell = Shell(settings, worker, *watched, wanted=lambda: port.wants_handler)
        served = serving(metrics, view, settings.home, settings.runtime.metrics_host, metrics_port(settings, fold))
        async with BUILD[fold](shell) as handler, served:
            await asyncio.to_thread(warm, fold)
            collect_rarely()
            _log.info("started")
            await _run(port, MeteredHandler(handler, metrics), publisher, stopped_by=lambda e: stopped(fold, worker, e))
    _log.info("stopped")


async def _run(port: FaustPort, handler: Handler, publisher: Publisher, stopped_by: Callable[[str], Output]) -> None:
    """Run until told to stop; what a person must mend is told by an alert before it is raised."""
    try:
        await port.run(handler)
    except StreamgaugeError as error:
        with contextlib.suppress(KafkaError, TimeoutError):
            await asyncio.wait_for(publisher.publish([stopped_by(str(error))]), ALARM_S)
        raise


def metrics_port(settings: Settings, fold: str) -> int:
    """Return the port for a fold's metrics: 0 for any, `OFF` for none.

    >>> from stream.settings import RuntimeSettings
    >>> metrics_port(Settings(runtime=RuntimeSettings(metrics_port=9464)), "measure")
    9466
    """
    first = settings.runtime.metrics_port
    return first if first in (0, OFF) else first + FOLDS.index(fold)


async def wait_for_broker(settings: Settings) -> None:
    """Return once the broker takes connections.

    Raises
    ------
    StreamgaugeError
        If it does not within `settings.kafka.wait_s`.
    """
    deadline, said = time.monotonic() + settings.kafka.wait_s, False
    while not await _reachable(settings.kafka.bootstrap):
        if time.monotonic() >= deadline:
            raise StreamgaugeError(
                f"no Kafka broker at {settings.kafka.bootstrap} for {settings.kafka.wait_s:g} s; start it with "
                "`streamgauge up`, or set STREAMGAUGE_KAFKA__BOOTSTRAP"
            )
        if not said:
            _log.info("waiting for the broker", bootstrap=settings.kafka.bootstrap)
            said = True
        await asyncio.sleep(0.2)


def _use_uvloop() -> None:
    """Take 5 % less CPU for a row where the machine is busy; for Kafka's thread too."""
    if sys.platform != "win32":
        import uvloop

        uvloop.install()


async def _reachable(bootstrap: str) -> bool:
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(host.strip("[]"), int(port)), 2)
        except (OSError, TimeoutError):
            continue
        writer.close()
        return True
    return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a worker; return the exit code: 0 after a stop in good order, else 1."""
    parser = argparse.ArgumentParser(prog="python -m stream.worker", description="Run one worker of a fold.")
    parser.add_argument("--fold", choices=FOLDS, required=True)
    parser.add_argument("--name", help="stable name, if a supervisor starts it again under the same one")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    given = parser.parse_args(arguments)
    keep_freed_memory()
    _use_uvloop()
    configure(given.log_level, fold=given.fold, **({"worker": given.name} if given.name else {}))
    try:
        asyncio.run(serve(given.fold, load(), given.name))
    except StreamgaugeError as error:
        _log.error("stopped", error=str(error))
        return 1
    except Exception:  # noqa: BLE001  whatever it is: a line in the log, and the supervisor starts anew
        _log.exception("crashed")
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # a thread of a client that waits for a lost broker must not keep a process that is done
