"""Whether a worker works, judged from its signs of life, and the port that says so: ``/healthz`` and ``/metrics``."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import structlog
from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from stream.health import Health, announce, withdraw
from stream.runtime.exposition import Ends, Exposition, follow_ends
from stream.runtime.metrics import Metrics

OFF = -1
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a sign of life may be away, seconds.

    Attributes
    ----------
    start_s
        From the start, or from the loss of all partitions, to an assignment.
    poll_s
        Between two calls of the handler. Longer than a session and its rebalance.
    work_s, ack_s
        For one call, and for the acknowledgement of results.
    checkpoint_s
        Since the last checkpoint, while records are folded.
    """

    start_s: float = 120.0
    poll_s: float = 30.0
    work_s: float = 60.0
    ack_s: float = 30.0
    checkpoint_s: float = 300.0


def judge(metrics: Metrics, limits: Limits) -> Health:
    """Say how a worker is; the first reason counts."""
    pulse, now = metrics.pulse, metrics.monotonic()
    waiting = now - min(pulse.acks.values(), default=now)
    if waiting > limits.ack_s:
        return Health("stalled", f"results wait for Kafka's acknowledgement for {waiting:.0f} s", "kafka")
    busy = now - pulse.busy_s if pulse.busy_s else 0.0
    if busy > limits.work_s:
        return Health("stalled", f"{pulse.doing}: at it for {busy:.0f} s", "work")
    if not pulse.assigned:
        since = now - max(pulse.started_s, pulse.seen_s)
        if since > limits.start_s:
            return Health("stalled", f"no partitions were assigned for {since:.0f} s", "kafka")
        return Health("starting", "waits for its partitions" if not busy else pulse.doing)
    silent = now - pulse.seen_s
    if not busy and silent > limits.poll_s:
        return Health("stalled", f"no poll for {silent:.0f} s")
    return _checkpoints(metrics, limits)


def _checkpoints(metrics: Metrics, limits: Limits) -> Health:
    """Say whether checkpoints follow the folding; a partition that this worker never saved has its time as well."""
    for partition, saved in metrics.saved.items():
        mine = [metrics.of(tp) for tp in metrics.owned if tp.partition == partition]
        age = metrics.clock() - saved.at_s
        if age > limits.checkpoint_s and any(p.position > saved.position + 1 for p in mine):
            return Health("stalled", f"no checkpoint of partition {partition} for {age:.0f} s", "checkpoint")
    return Health("ok", metrics.memory.excess)


@contextlib.asynccontextmanager
async def serving(
    metrics: Metrics, ends: Ends, home: Path, host: str, port: int, limits: Limits | None = None
) -> AsyncIterator[str]:
    """Serve metrics and health while the block lasts; yield the address, empty if that is off.

    Parameters
    ----------
    home
        Folder in which the address is written, for those who look for workers.
    port
        0 for any that is free, `OFF` for none. One that is taken is replaced by a free one, with a warning: a worker
        does not stay away since nobody can watch it.
    """
    if port == OFF:
        yield ""
        return
    Exposition(metrics)
    runner = web.AppRunner(_app(metrics, limits or Limits()), access_log=None, shutdown_timeout=1)
    await runner.setup()
    following = [asyncio.create_task(work) for work in (follow_ends(metrics, ends), metrics.memory.follow())]
    try:
        url = await _listen(runner, host, port)
        written = announce(home, metrics.worker, metrics.fold, url)
        try:
            yield url
        finally:
            withdraw(written)
    finally:
        for each in following:
            each.cancel()
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> str:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        if not port:
            raise
        _log.warning("the port for metrics is taken, another is used", port=port, error=str(error))
        await web.TCPSite(runner, host, 0).start()
    name, number = runner.addresses[0][:2]
    url = f"http://{f'[{name}]' if ':' in name else name}:{number}"
    _log.info("metrics", url=url)
    return url


def _app(metrics: Metrics, limits: Limits) -> web.Application:
    async def health(_: web.Request) -> web.Response:
        found = judge(metrics, limits)
        told = {
            "status": found.status, "reason": found.reason, "waits_for": found.waits_for,
            "fold": metrics.fold, "worker": metrics.worker, "pid": os.getpid(),
            "partitions": [f"{tp.topic}/{tp.partition}" for tp in sorted(metrics.owned)],
        }  # fmt: skip
        return web.json_response(told, status=200 if found.ok else 503)

    async def exposed(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", health), web.get("/metrics", exposed)])
    return app
