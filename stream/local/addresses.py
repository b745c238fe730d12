"""Take the ports of the local parts out of the addresses in the settings."""

from __future__ import annotations

from urllib.parse import urlsplit

from stream.local.errors import LocalError
from stream.settings import Settings

KAFKA_SETTING = "STREAMGAUGE_KAFKA__BOOTSTRAP"
CLICKHOUSE_SETTING = "STREAMGAUGE_CLICKHOUSE__URL"
_HERE = ("127.0.0.1", "localhost")


def kafka_port(settings: Settings) -> int:
    """Return the port of a local broker.

    Raises
    ------
    LocalError
        When the address is not one of this machine.

    Examples
    --------
    >>> kafka_port(Settings())
    9092
    """
    return _local(f"kafka://{settings.kafka.bootstrap}", settings.kafka.bootstrap, KAFKA_SETTING, "KAFKA")


def clickhouse_port(settings: Settings) -> int:
    """Return the port of a local ClickHouse engine.

    Raises
    ------
    LocalError
        When the address is not one of this machine.

    Examples
    --------
    >>> clickhouse_port(Settings())
    8123
    """
    return _local(settings.clickhouse.url, settings.clickhouse.url, CLICKHOUSE_SETTING, "CLICKHOUSE")


def kafka_addresses(settings: Settings) -> list[tuple[str, int]]:
    """Return host and port of each bootstrap server.

    Examples
    --------
    >>> kafka_addresses(Settings())
    [('127.0.0.1', 9092)]
    """
    parts = (urlsplit(f"kafka://{address.strip()}") for address in settings.kafka.bootstrap.split(","))
    return [(part.hostname or "", part.port or 9092) for part in parts]


def clickhouse_address(settings: Settings) -> tuple[str, int]:
    """Return host and port of ClickHouse.

    Examples
    --------
    >>> clickhouse_address(Settings())
    ('127.0.0.1', 8123)
    """
    url = urlsplit(settings.clickhouse.url)
    return url.hostname or "", url.port or (8443 if url.scheme == "https" else 8123)


def _local(url: str, given: str, setting: str, section: str) -> int:
    try:
        host, port = urlsplit(url).hostname, urlsplit(url).port
    except ValueError:
        host, port = None, None
    if host not in _HERE or port is None:
        raise LocalError(
            f"{setting} is {given}, where nothing can be started from here.",
            f"Set it to 127.0.0.1:PORT, or set STREAMGAUGE_{section}__EXTERNAL=true to use what runs there.",
        )
    return port
