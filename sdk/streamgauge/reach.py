"""Whether anything listens where a broker should: asked before kafka-python, which leaves sockets open if not."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from typing import Final

_PAUSE_S: Final = 0.1


def why_unreachable(addresses: Sequence[str], timeout_s: float) -> str:
    """Return an empty text as soon as one address answers, else the last reason, after `timeout_s`.

    Parameters
    ----------
    addresses
        ``host:port``; without a port it is 9092.
    """
    end = time.monotonic() + timeout_s
    while True:
        reasons = [_why_not(address, end) for address in addresses]
        if "" in reasons:
            return ""
        if time.monotonic() + _PAUSE_S >= end:
            return reasons[-1]
        time.sleep(_PAUSE_S)


def _why_not(address: str, end: float) -> str:
    host, colon, port = address.strip().rpartition(":")
    if not colon or not port.isdigit():
        host, port = address.strip(), "9092"
    try:
        socket.create_connection((host.strip("[]"), int(port)), max(0.1, end - time.monotonic())).close()
    except OSError as error:
        return f"{address}: {error}"
    return ""
