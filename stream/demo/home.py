"""The demo's own corner: a fresh folder, free ports, a prefix, and ticks that suit a year in minutes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from urllib.parse import urlsplit

from stream.demo.errors import DemoError
from stream.local.ports import LOOPBACK, free_ports, taken
from stream.local.state import supervisor_pid
from stream.settings import PREFIX, Settings

# Six simulated hours pass in some 80 ms, so a second is too long a step; a wait at a week's end takes four ticks.
TICK_MS = 75
# One model on two cores: more partitions would only cut a day's 920 flights into smaller blocks.
PARTITIONS = 2


def demo_settings(base: Settings, stamp: str) -> Settings:
    """Return the settings of a demo: those of `base` with a folder, ports and names of its own.

    Ports of `base` are used if they are free, else others. Parts that others run are used as they are, with topics
    and a database that nobody else has.

    Parameters
    ----------
    stamp
        Distinguishes runs on parts of others: letters and digits.
    """
    kafka, clickhouse = base.kafka, base.clickhouse
    if kafka.external:
        kafka = kafka.model_copy(update={"prefix": f"{kafka.prefix}demo{stamp}."})
    else:
        bootstrap = f"{LOOPBACK}:{_port(_port_of(kafka.bootstrap), 2)}"
        kafka = kafka.model_copy(update={"bootstrap": bootstrap, "prefix": "demo."})
    if clickhouse.external:
        clickhouse = clickhouse.model_copy(update={"database": f"{clickhouse.database}_demo{stamp}"})
    else:
        url = f"http://{LOOPBACK}:{_port(_port_of(clickhouse.url), 1)}"
        clickhouse = clickhouse.model_copy(update={"url": url})
    kafka = kafka.model_copy(update={"public_partitions": PARTITIONS})
    partitions = {"ledger_partitions": PARTITIONS, "partials_partitions": 1}
    runtime = base.runtime.model_copy(update={"tick_ms": TICK_MS, **partitions})
    home = (base.home / "demo").absolute()
    return base.model_copy(update={"home": home, "kafka": kafka, "clickhouse": clickhouse, "runtime": runtime})


def clear(settings: Settings) -> None:
    """Remove what an earlier demo left.

    Raises
    ------
    DemoError
        If a demo is running in this folder.
    """
    if pid := supervisor_pid(settings.home):
        msg = f"a demo is running already (process {pid}): end it with Ctrl-C there, or set STREAMGAUGE_HOME"
        raise DemoError(msg)
    shutil.rmtree(settings.home, ignore_errors=True)
    settings.home.mkdir(parents=True)


def environment_words(base: Settings, settings: Settings) -> str:
    """Return what a command needs before it to find this demo instead of `base`; empty if nothing."""
    wanted: Mapping[str, tuple[str, str]] = {
        "CLICKHOUSE__URL": (base.clickhouse.url, settings.clickhouse.url),
        "CLICKHOUSE__DATABASE": (base.clickhouse.database, settings.clickhouse.database),
    }
    return "".join(f"{PREFIX}{name}={now} " for name, (before, now) in wanted.items() if before != now)


def _port(wanted: int, count: int) -> int:
    is_free = wanted and not any(taken(port) for port in range(wanted, wanted + count))
    return wanted if is_free else free_ports(count)


def _port_of(address: str) -> int:
    return urlsplit(address if "//" in address else f"//{address}").port or 0
