"""What reaches ClickHouse: raw rows by the store worker, and panes end to end on the whole machine."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
from clickhouse_connect.driver.client import Client

from benchmarks.throughput.events import Events
from benchmarks.throughput.figures import Figures
from benchmarks.throughput.fill import Fill
from benchmarks.throughput.folds import Plan, Say, require_used
from benchmarks.throughput.monitors import watch
from benchmarks.throughput.paced import LIVE, live_events
from benchmarks.throughput.system import CORES, StuckError, System, system
from stream.clickhouse.client import connect

RATE, PANE_MS, LATENESS_MS, WARM_S = 20_000, 1_000, 500, 5
LOOK_S, PATIENCE_S = 0.02, 60.0
Seen = dict[tuple[str, int], float]
Panes = set[tuple[str, int]]


def store(plan: Plan, figures: Figures, say: Say) -> None:
    """Time the store worker over a ledger that intake has filled."""
    events, rows = Events(), plan.rows // 2
    with system(clickhouse=True) as running:
        watch(running, events, reference=None)
        topic = Fill(running.settings.kafka.bootstrap, running.topic("predictions"), events.values)
        topic.fill(rows)
        intake, worker = running.start("intake", CORES), running.start("store", CORES)
        running.wait_done("intake")
        running.wait_done("store")
        for i in range(plan.rounds):
            worker.pause()
            topic.fill(rows)
            intake.resume()
            running.wait_done("intake")
            intake.pause()
            ends = running.ends("store")["store"]
            engine_s = running.engine.cpu_s()
            taken = running.time([worker], lambda ends=ends: running.is_done("store", ends), "store")  # type: ignore[misc]
            figures.add("store_rows_per_s", rows / taken.done_s)
            figures.add("store_rows_per_cpu_s", rows / taken.cpu_s)
            figures.add("engine_rows_per_cpu_s", rows / (running.engine.cpu_s() - engine_s))
            say(f"store round {i + 1}: {figures.median('store_rows_per_s'):,.0f} rows a second")
        figures.add("store_peak_memory_mb", worker.peak_mb())
        figures.add("engine_peak_memory_mb", running.engine.peak_mb())
        _require_stored(running, rows * (plan.rounds + 1))


def end_to_end(plan: Plan, figures: Figures, say: Say) -> None:
    """Work off backlogs with all workers on all cores; then keep a pace and look when panes come."""
    events, live = Events(), live_events()
    with system(clickhouse=True) as running:
        watch(running, events, reference=events.reference())
        watch(running, live, pane="1s", lateness=f"{LATENESS_MS}ms", reference=live.reference(PANE_MS))
        topic = Fill(running.settings.kafka.bootstrap, running.topic("predictions"), events.values)
        workers = [running.start(fold, CORES) for fold in ("intake", "measure", "decide", "store")]
        _settle(running)
        topic.fill(plan.rows // 2)
        _settle(running)
        for _ in range(plan.rounds):
            for worker in workers:
                worker.pause()
            topic.fill(plan.rows)
            begun = time.monotonic()
            for worker in workers:
                worker.resume()
            running.wait_done("intake")
            ledger = running.ends("measure")["measure"]
            running.wait_done("measure", ledger)
            running.wait_done("store", ledger)
            figures.add("end_to_end_rows_per_s", plan.rows / (time.monotonic() - begun))
            say(f"end to end: {figures.median('end_to_end_rows_per_s'):,.0f} rows a second")
        _settle(running)
        require_used(running, plan.rows // 2 + plan.rounds * plan.rows, figures)
        _latency(plan, figures, running, say)
        figures.add("end_to_end_peak_memory_mb", sum(worker.peak_mb() for worker in workers))


def _settle(running: System) -> None:
    for fold in ("intake", "measure", "decide", "store"):
        running.wait_done(fold)


def _latency(plan: Plan, figures: Figures, running: System, say: Say) -> None:
    settings = running.settings
    command = [settings.kafka.bootstrap, running.topic("predictions"), str(RATE), str(plan.live_s)]
    producer = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "benchmarks.throughput.paced", *command], stdout=subprocess.PIPE
    )
    client, seen = connect(settings.clickhouse), Seen()
    try:
        while producer.poll() is None:
            _look(client, seen)
        sent, first_ms, last_ms = json.loads(producer.communicate()[0].splitlines()[-1])
        due = due_panes(first_ms, last_ms)
        deadline = time.monotonic() + PATIENCE_S
        while not due <= seen.keys() and time.monotonic() < deadline:
            _look(client, seen)
    finally:
        producer.kill()
        producer.wait()
        client.close()
    _note_waits(figures, due, seen, say)
    figures.add("paced_rows_per_s", sent / (last_ms - first_ms) * 1_000)


def _note_waits(figures: Figures, due: Panes, seen: Seen, say: Say) -> None:
    """Note the latencies; a pane that did not come counts as if it came now."""
    now = time.time()
    waits = [seen.get((model, pane), now) - (pane + PANE_MS + LATENESS_MS) / 1_000 for model, pane in due]
    p50, p99 = np.quantile(waits, (0.5, 0.99)).tolist()
    figures.add("latency_p50_s", p50)
    figures.add("latency_p99_s", p99)
    figures.add("latency_max_s", max(waits))
    figures.add("latency_panes", len(due))
    figures.add("latency_panes_that_did_not_come", len(due - seen.keys()))
    say(f"latency: p50 {p50:.2f} s, p99 {p99:.2f} s of {len(due)} panes, {len(due - seen.keys())} did not come")


def due_panes(first_ms: int, last_ms: int) -> Panes:
    """Return the panes that are judged: after the first seconds, and final by the last event.

    An event's time is the wall clock's when it is sent. So a pane can be final by its rule, a watermark of newest
    event less lateness that has passed its end, when the clock shows its end plus lateness, not before: that is the
    instant from which its latency counts. The way of that last event to the ledger is part of it.

    >>> sorted({pane for _, pane in due_panes(10_200, 18_600)})
    [16000, 17000]
    """
    start = (first_ms + WARM_S * 1_000) // PANE_MS * PANE_MS + PANE_MS
    stop = last_ms - LATENESS_MS - PANE_MS
    return {(model, pane) for pane in range(start, stop + 1, PANE_MS) for model in LIVE}


def _look(client: Client, seen: Seen) -> None:
    """Note which panes are there now."""
    found = client.query(
        "SELECT DISTINCT model, toUnixTimestamp64Milli(pane) FROM panes_rows WHERE startsWith(model, 'live') AND n > 0"
    )
    now = time.time()
    for model, pane in found.result_rows:
        seen.setdefault((model, pane), now)
    time.sleep(LOOK_S)


def _require_stored(running: System, rows: int) -> None:
    client = connect(running.settings.clickhouse)
    try:
        stored = client.command("SELECT count() FROM prediction_rows FINAL")
    finally:
        client.close()
    if stored != rows:
        raise StuckError(f"{rows} rows were sent and {stored} are stored")
