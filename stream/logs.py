"""Logging of the processes: JSON lines on standard error, and no flood from the Kafka client."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable

import structlog

# A broker that goes away makes the client write hundreds of lines a second.
CLIENTS = ("aiokafka", "faust", "mode", "kafka", "stream.runtime.batch_transport")
MOST_PER_TEN_S = 5


class RateLimit(logging.Filter):
    """Lets a logger's message through five times in ten seconds, by its template.

    >>> limit = RateLimit(most=1, per_s=10, clock=lambda: 0.0)
    >>> record = logging.LogRecord("aiokafka", logging.WARNING, "", 0, "no broker at %s", ("x",), None)
    >>> limit.filter(record), limit.filter(record)
    (True, False)
    """

    def __init__(
        self, most: int = MOST_PER_TEN_S, per_s: float = 10, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._most, self._per_s, self._clock = most, per_s, clock
        self._seen: dict[object, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written."""
        if len(self._seen) > 1_000:
            self._seen.clear()
        now, key = self._clock(), (record.name, record.levelno, record.msg)
        since, count = self._seen.get(key, (now, 0))
        if now - since > self._per_s:
            since, count = now, 0
        self._seen[key] = since, count + 1
        return count < self._most


def configure(level: str = "info", **bound: str) -> None:
    """Write logs as JSON lines to standard error; `bound` is in each line."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(**bound)
    _take_over_standard_logging(shared, level)


def _take_over_standard_logging(shared: list[structlog.typing.Processor], level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    handler.addFilter(RateLimit())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in CLIENTS:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Says at each pause of a busy machine that a timer comes late.
    logging.getLogger("mode.timers").setLevel(logging.ERROR)
    # Say at each attempt that ClickHouse does not answer; the sink says it once.
    for name in ("clickhouse_connect", "urllib3"):
        logging.getLogger(name).setLevel(logging.ERROR)
