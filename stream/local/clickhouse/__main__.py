"""Run the engine as a server: ``python -m stream.local.clickhouse --path DIR --port N --database NAME``."""

from __future__ import annotations

import argparse
from pathlib import Path

from stream.local.clickhouse import access
from stream.local.clickhouse.server import serve


def main() -> None:
    """Read the command line and serve until the process is told to end."""
    parser = argparse.ArgumentParser(prog="python -m stream.local.clickhouse", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="data folder, made when absent")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--database", default="streamgauge", help="database, made when absent")
    parser.add_argument("--users", type=Path, help="users file; without it one user `default`, no password")
    given = parser.parse_args()
    users = access.load(given.users) if given.users else access.OPEN
    serve(given.path, given.port, given.database, users)


if __name__ == "__main__":
    main()
