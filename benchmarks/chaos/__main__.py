"""Kill, stop, starve and damage a system under load, and compare it with one that was left alone.

Each fault is told when nothing is felt of it any more. Ctrl-C ends the faults: what was done is told as at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from benchmarks.chaos.compare import Found, differing_alerts, differing_panes, lost_and_doubled
from benchmarks.chaos.course import Plan, Run, under_fire, undisturbed
from benchmarks.chaos.faults import FAULTS, VOLLEY
from benchmarks.chaos.report import Report, tell
from benchmarks.chaos.schedule import MAIN, schedule
from benchmarks.chaos.system import system
from benchmarks.chaos.watched import Sizes
from stream.clickhouse.client import connect
from stream.demo.memory import PeakMemory
from stream.local.maven import KAFKA
from stream.local.ports import free_ports
from stream.ops.audit import AuditReport, audit
from stream.settings import RuntimeSettings, Settings

HOURS_AGO_MS = 6 * 3_600_000
KILLS = 100
# Sessions that end soon and checkpoints that come often: more of what may go wrong in each minute.
RUNTIME = RuntimeSettings(tick_ms=250, checkpoint_s=3, session_timeout_s=3, ledger_partitions=2, partials_partitions=2)
# How often ticks come must not matter either, nor the number of partitions.
CALM_RUNTIME = RuntimeSettings(tick_ms=100, ledger_partitions=2, partials_partitions=1)
PUBLIC_PARTITIONS = 3


def main() -> int:
    """Run both systems, tell what was found, write JSON if asked; return 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="draws load and faults")
    parser.add_argument("--kills", type=int, help=f"how many faults; {KILLS}, or {len(MAIN)} with --short")
    parser.add_argument("--short", action="store_true", help="the main kinds once, absences of seconds")
    parser.add_argument("--faults", nargs="+", choices=FAULTS, metavar="KIND", help=f"draw among {', '.join(FAULTS)}")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--home", type=Path, help="keep the systems' folders here")
    given = parser.parse_args()
    count, among = (len(MAIN), MAIN) if given.short else (KILLS, tuple(FAULTS))
    if given.faults:
        count, among = len(given.faults), tuple(given.faults)
    kinds = schedule(given.seed, given.kills or count, among)
    console = Console(soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="streamgauge-chaos-") as folder:
        report = asyncio.run(_whole(given.seed, kinds, given.short, given.home or Path(folder), console))
    tell(console, report)
    if given.json:
        given.json.write_text(json.dumps(report.figures(), indent=1))
    return int(report.differences > 0)


async def _whole(seed: int, kinds: list[str], short: bool, home: Path, console: Console) -> Report:
    base_ms = int(time.time() * 1000) // 60_000 * 60_000 - HOURS_AGO_MS
    plan = _short_plan(seed, base_ms) if short else _long_plan(seed, base_ms)
    started = time.monotonic()

    def say(what: str) -> None:
        console.print(f"{time.monotonic() - started:6.1f} s  {what}", highlight=False, markup=False)
        status.update(f"after: {what}")

    with console.status("starting") as status, PeakMemory() as memory, _ended_by_interrupt(say) as ended:
        say("under fire: starting")
        settings = _settings(home / "fire", "fire.")
        async with system(settings) as attacked:
            fire = await asyncio.to_thread(under_fire, attacked, plan, kinds, say, ended)
            await asyncio.to_thread(attacked.retire)
            versions = await asyncio.to_thread(_versions, settings)
            say("audit, and beside it undisturbed: starting")
            audits = asyncio.create_task(asyncio.to_thread(audit, settings))
            async with system(_beside(settings, home / "calm", "calm")) as left_alone:
                calm = await asyncio.to_thread(undisturbed, left_alone, plan, fire.rounds, say)
            audited = await audits
    return _report(seed, kinds, calm, fire, audited, time.monotonic() - started, versions, memory.peak_mb)


def _short_plan(seed: int, base_ms: int) -> Plan:
    return Plan(seed, base_ms, Sizes(), 1.0, {"clickhouse": 6.0, "intake": 6.0}, calm_s=0.4, volley=VOLLEY)


def _long_plan(seed: int, base_ms: int) -> Plan:
    return Plan(seed, base_ms, Sizes().times(2), 0.5, {"clickhouse": 240.0, "intake": 60.0}, calm_s=1.5)


@contextmanager
def _ended_by_interrupt(say: Callable[[str], None]) -> Iterator[threading.Event]:
    """Let Ctrl-C end the faults, so that what was done so far is compared and told; once more, it ends all at once."""
    ended, loop = threading.Event(), asyncio.get_running_loop()

    def end() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        ended.set()
        say("no more faults; what was done is looked at. Ctrl-C once more ends at once")

    loop.add_signal_handler(signal.SIGINT, end)
    try:
        yield ended
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def _report(
    seed: int, kinds: list[str], calm: Run, fire: Run, audited: AuditReport, seconds: float,
    versions: dict[str, str], rss_mb: float,
) -> Report:  # fmt: skip
    lost, doubled = lost_and_doubled(fire.truth, fire.outcome)
    for of_calm, mine in zip(lost_and_doubled(calm.truth, calm.outcome), (lost, doubled), strict=True):
        mine.count += of_calm.count
        mine.sentences += [f"undisturbed: {sentence}" for sentence in of_calm.sentences]
    found = {
        "lost": lost,
        "doubled": doubled,
        "differing_panes": differing_panes(calm.outcome, fire.outcome),
        "differing_alerts": differing_alerts(calm.outcome, fire.outcome),
        "audit_differences": Found(audited.differences, list(audited.examples)),
    }
    return Report(seed, kinds, found, fire, calm, audited.compared, seconds, versions, rss_mb)


def _settings(home: Path, prefix: str) -> Settings:
    given = Settings(home=home, runtime=RUNTIME)
    kafka = given.kafka.model_copy(update={"bootstrap": f"127.0.0.1:{free_ports(2)}", "prefix": prefix})
    kafka = kafka.model_copy(update={"public_partitions": PUBLIC_PARTITIONS})
    clickhouse = given.clickhouse.model_copy(update={"url": f"http://127.0.0.1:{free_ports()}"})
    home.mkdir(parents=True, exist_ok=True)
    return given.model_copy(update={"kafka": kafka, "clickhouse": clickhouse})


def _beside(other: Settings, home: Path, name: str) -> Settings:
    """Return settings of a system on the servers of another: topics, database and workers of its own."""
    kafka = other.kafka.model_copy(update={"external": True, "prefix": f"{name}."})
    clickhouse = other.clickhouse.model_copy(update={"external": True, "database": name})
    home.mkdir(parents=True, exist_ok=True)
    return other.model_copy(update={"home": home, "kafka": kafka, "clickhouse": clickhouse, "runtime": CALM_RUNTIME})


def _versions(settings: Settings) -> dict[str, str]:
    client = connect(settings.clickhouse)
    try:
        return {"kafka": KAFKA, "clickhouse": str(client.server_version), "python": sys.version.split()[0]}
    finally:
        client.close()


if __name__ == "__main__":
    sys.exit(main())
