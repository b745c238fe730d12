"""Ports of the loopback address: which are taken, and which are free."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from stream.local.errors import LocalError

LOOPBACK = "127.0.0.1"


def taken(port: int) -> bool:
    """Whether another process listens on this port, so that no server of ours could."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False


def require_free(ports: Sequence[int], part: str, setting: str) -> None:
    """Look before a part starts.

    Raises
    ------
    LocalError
        With the port, the part that wants it and the setting that moves it.
    """
    for port in ports:
        if taken(port):
            raise LocalError(
                f"Port {port}, which {part} needs, is taken by another program.",
                f"End that program, or set {setting} to an address with another port.",
            )


def free_ports(count: int = 1) -> int:
    """Return the first of `count` neighbouring ports that are free now."""
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            first: int = probe.getsockname()[1]
        if first + count <= 65_536 and not any(taken(port) for port in range(first, first + count)):
            return first
