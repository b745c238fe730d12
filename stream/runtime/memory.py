"""The memory that a worker uses, and the most that it should."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import psutil
import structlog

EVERY_S = 5.0
_log = structlog.get_logger()


def resident_bytes() -> int:
    """Return the resident memory of this process; mapped files that were read count."""
    return int(psutil.Process().memory_info().rss)


@dataclass(slots=True)
class Memory:
    """Says once when a worker uses more than it should, and once when it does no more.

    It does not end the worker: what it holds it would hold again after a restart.

    Attributes
    ----------
    limit_bytes
        0 for none.
    excess
        How much is used and may be, in words; empty while it is within the limit.
    """

    limit_bytes: int = 0
    resident: Callable[[], int] = resident_bytes
    excess: str = ""

    def look(self) -> None:
        """Compare what is used with the limit."""
        used, before = self.resident() if self.limit_bytes else 0, self.excess
        is_over = used > self.limit_bytes
        self.excess = _words(used, self.limit_bytes) if is_over else ""
        if is_over and not before:
            _log.warning("more memory than there should be", used_bytes=used, limit_bytes=self.limit_bytes)
        elif before and not is_over:
            _log.info("memory is within its limit again", used_bytes=used)

    async def follow(self, every_s: float = EVERY_S) -> None:
        """Look again and again, until cancelled."""
        while self.limit_bytes:
            self.look()
            await asyncio.sleep(every_s)


def _words(used: int, limit: int) -> str:
    return f"uses {used / 1e6:,.0f} MB of memory, more than the {limit / 1e6:,.0f} MB of STREAMGAUGE_RUNTIME__MEMORY_MB"
